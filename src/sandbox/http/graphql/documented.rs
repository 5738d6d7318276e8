//! The schema that the vendor's pages show, and not one field more: each operation has a type of
//! its own, so that a client which selects an undocumented field is refused.

use async_graphql::{Context, EmptySubscription, Object, Result, SimpleObject};

use super::super::super::settings::Settings;
use super::super::super::tenant::KeyView;
use super::{ApiKeyInput, CurrentUser, Journey};

pub(super) type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

pub(super) fn schema(settings: &Settings) -> Schema {
    let builder = Schema::build(Query, Mutation, EmptySubscription).limit_depth(20);
    if settings.introspection { builder } else { builder.disable_introspection() }.finish()
}

pub(super) struct Query;

#[Object]
impl Query {
    async fn current_user(&self, context: &Context<'_>) -> Result<CurrentUser> {
        Journey::of(context)?.current_user()
    }

    async fn api_keys(&self, context: &Context<'_>) -> Result<Connection> {
        let journey = Journey::of(context)?;
        let page = journey.keep(journey.tenant.api_keys(&journey.caller, None, None))?;
        Ok(Connection { edges: page.keys.into_iter().map(Edge::from).collect() })
    }
}

pub(super) struct Mutation;

#[Object]
impl Mutation {
    async fn create_api_key(&self, context: &Context<'_>) -> Result<CreatePayload> {
        let journey = Journey::of(context)?;
        let key = journey.keep(journey.tenant.create_api_key(&journey.caller))?;
        let apikey = CreatedKey { client_id: key.client_id, client_secret: key.client_secret };
        Ok(CreatePayload { apikey })
    }

    async fn update_api_key(
        &self,
        context: &Context<'_>,
        input: ApiKeyInput,
    ) -> Result<UpdatePayload> {
        let journey = Journey::of(context)?;
        let key = journey.keep(journey.tenant.update_api_key(&journey.caller, &input.into()))?;
        let apikey = UpdatedKey {
            client_id: key.client_id,
            client_secret: key.client_secret,
            enabled: key.enabled,
        };
        Ok(UpdatePayload { apikey })
    }

    async fn delete_api_key(
        &self,
        context: &Context<'_>,
        input: ApiKeyInput,
    ) -> Result<DeletePayload> {
        let journey = Journey::of(context)?;
        let etag = input.etag.as_deref();
        let reply = journey.tenant.delete_api_key(&journey.caller, &input.client_id, etag);
        let key = journey.keep(reply)?;
        Ok(DeletePayload { apikey: DeletedKey { client_id: key.client_id } })
    }
}

#[derive(SimpleObject)]
#[graphql(name = "APIKeyConnection")]
struct Connection {
    edges: Vec<Edge>,
}

#[derive(SimpleObject)]
#[graphql(name = "APIKeyEdge")]
struct Edge {
    node: ListedKey,
}

#[derive(SimpleObject)]
#[graphql(name = "APIKey")]
struct ListedKey {
    id: async_graphql::ID,
    client_id: String,
    /// Null: shown once, at create.
    client_secret: Option<String>,
    #[graphql(name = "_etag")]
    etag: String,
}

impl From<KeyView> for Edge {
    fn from(key: KeyView) -> Self {
        Self {
            node: ListedKey {
                id: key.id.into(),
                client_id: key.client_id,
                client_secret: None,
                etag: key.etag,
            },
        }
    }
}

#[derive(SimpleObject)]
#[graphql(name = "CreateAPIKeyPayload")]
struct CreatePayload {
    apikey: CreatedKey,
}

#[derive(SimpleObject)]
#[graphql(name = "CreatedAPIKey")]
struct CreatedKey {
    client_id: String,
    client_secret: Option<String>,
}

#[derive(SimpleObject)]
#[graphql(name = "UpdateAPIKeyPayload")]
struct UpdatePayload {
    apikey: UpdatedKey,
}

#[derive(SimpleObject)]
#[graphql(name = "UpdatedAPIKey")]
struct UpdatedKey {
    client_id: String,
    client_secret: Option<String>,
    enabled: bool,
}

#[derive(SimpleObject)]
#[graphql(name = "DeleteAPIKeyPayload")]
struct DeletePayload {
    apikey: DeletedKey,
}

#[derive(SimpleObject)]
#[graphql(name = "DeletedAPIKey")]
struct DeletedKey {
    client_id: String,
}
