//! Compares what a tenant's schema offers with what the vendor documents, by introspection. For a
//! person who sets up a policy; the calls themselves go by the dialect. Reads only.

use super::Ion;
use super::call::request_body;
use super::dialect::{Field, Roots, Step, TypeShape};
use super::operations::{IntrospectRoots, introspect_roots};
use crate::domain::facts::{Offers, Survey};
use crate::domain::secret::Credential;
use crate::port::PortError;

/// A step of introspection that failed for now.
struct Failed;

impl Ion {
    pub(super) async fn survey_schema(&self, actor: &Credential) -> Result<Survey, PortError> {
        self.surveyed(actor).await.map_err(|Failed| {
            let host = self.graphql.host();
            PortError::retryable(format!("introspection: ION at {host} gave no usable answer"))
        })
    }

    async fn surveyed(&self, actor: &Credential) -> Result<Survey, Failed> {
        let body = request_body::<IntrospectRoots>(introspect_roots::Variables);
        let roots = match self.ask::<Roots>(actor, body.ok()).await {
            Step::Found(Roots { schema: Some(roots) }) => roots,
            Step::Found(_) | Step::No => return Ok(Survey::Untold),
            Step::Failed => return Err(Failed),
        };
        let name = |root: Option<super::dialect::TypeRef>| root.and_then(|root| root.name);
        let Some(query) = self.known(actor, name(roots.query_type).as_deref()).await? else {
            return Ok(Survey::Untold);
        };
        let mutation = self.known(actor, name(roots.mutation_type).as_deref()).await?;
        let mutation = mutation.unwrap_or_default();
        let mut offers = Offers::default();
        self.list(actor, &query, &mut offers).await?;
        self.create(actor, &mutation, &mut offers).await?;
        for operation in ["updateApiKey", "deleteApiKey"] {
            self.change(actor, &mutation, operation, &mut offers).await?;
        }
        if !query.has("currentUser") {
            let said = "there is no `currentUser`, so nobody can tell as whom a key acts";
            offers.differing.push(said.to_owned());
        }
        Ok(Survey::Told(offers))
    }

    async fn list(
        &self,
        actor: &Credential,
        query: &TypeShape,
        offers: &mut Offers,
    ) -> Result<(), Failed> {
        let Some(list) = query.field("apiKeys") else {
            offers.lacking.push("the query `apiKeys`".to_owned());
            return Ok(());
        };
        let Some(connection) = self.of(actor, Some(list)).await? else { return Ok(()) };
        let Some(edge) = self.of(actor, connection.field("edges")).await? else { return Ok(()) };
        let Some(node) = self.of(actor, edge.field("node")).await? else { return Ok(()) };
        for (field, needed) in [("clientId", true), ("_etag", false)] {
            match (node.has(field), needed) {
                (true, _) => {}
                (false, true) => offers.lacking.push(format!("`{field}` in the list of keys")),
                (false, false) => {
                    offers.differing.push(format!("there is no `{field}` in the list of keys"));
                }
            }
        }
        if connection.has("pageInfo") && list.takes("first") && list.takes("after") {
            offers.beyond.push("pages");
        }
        for field in ["enabled", "created", "createdBy"] {
            if node.has(field) {
                offers.beyond.push(field);
            }
        }
        Ok(())
    }

    async fn create(
        &self,
        actor: &Credential,
        mutation: &TypeShape,
        offers: &mut Offers,
    ) -> Result<(), Failed> {
        let Some(create) = mutation.field("createApiKey") else {
            offers.lacking.push("the mutation `createApiKey`".to_owned());
            return Ok(());
        };
        let payload = self.of(actor, Some(create)).await?.unwrap_or_default();
        let key = self.of(actor, payload.field("apikey")).await?;
        for field in ["clientId", "clientSecret"] {
            if key.as_ref().is_some_and(|key| !key.has(field)) {
                offers.lacking.push(format!("`apikey {{ {field} }}` of `createApiKey`"));
            }
        }
        let taken: Vec<String> =
            create.args.iter().flatten().map(|taken| format!("`{}`", taken.name)).collect();
        if !taken.is_empty() {
            offers.differing.push(format!("`createApiKey` takes {}", taken.join(", ")));
        }
        Ok(())
    }

    async fn change(
        &self,
        actor: &Credential,
        mutation: &TypeShape,
        operation: &str,
        offers: &mut Offers,
    ) -> Result<(), Failed> {
        let Some(change) = mutation.field(operation) else {
            offers.lacking.push(format!("the mutation `{operation}`"));
            return Ok(());
        };
        let taken = change.args.iter().flatten().find(|taken| taken.name == "input");
        let Some(taken) = taken else {
            offers.lacking.push(format!("`input` of `{operation}`"));
            return Ok(());
        };
        let named = taken.kind.as_ref().and_then(|kind| kind.base());
        let Some(input) = self.known(actor, named).await? else { return Ok(()) };
        let flags: &[&str] =
            if operation == "updateApiKey" { &["enabled", "regenerateSecret"] } else { &[] };
        for field in std::iter::once(&"clientId").chain(flags) {
            if input.input(field).is_none() {
                offers.lacking.push(format!("`{field}` in the input of `{operation}`"));
            }
        }
        match (input.input("_etag").is_some(), input.input("etag").is_some()) {
            (true, _) => {}
            (false, true) => {
                offers.differing.push(format!("`{operation}` calls the etag `etag`, not `_etag`"));
            }
            (false, false) => offers.differing.push(format!("`{operation}` takes no etag")),
        }
        Ok(())
    }

    /// The type of a field, where it is told: of what is not told nothing is said to be lacking.
    async fn of(
        &self,
        actor: &Credential,
        field: Option<&Field>,
    ) -> Result<Option<TypeShape>, Failed> {
        self.known(actor, field.and_then(Field::base)).await
    }

    async fn known(
        &self,
        actor: &Credential,
        name: Option<&str>,
    ) -> Result<Option<TypeShape>, Failed> {
        match self.shape(actor, name).await {
            Step::Found(shape) => Ok(Some(shape)),
            Step::No => Ok(None),
            Step::Failed => Err(Failed),
        }
    }
}
