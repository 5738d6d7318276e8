//! Which undocumented fields this tenant offers, learnt by introspection where it is allowed.
//! A refusal or a failure means the documented form; it is never an error.

mod shape;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub(super) use shape::{Field, Roots, TypeRef, TypeShape};

use shape::OneType;

use super::Ion;
use super::call::request_body;
use super::failure::Operation;
use super::meaning::Meaning;
use super::operations::{
    EtagInput, IntrospectRoots, IntrospectType, introspect_roots, introspect_type,
};
use crate::domain::ids::Etag;
use crate::domain::secret::Credential;

/// Which list query to send, from the documented one to the richest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListForm {
    Documented,
    Enabled,
    Paged,
    PagedEnabled,
    Extended,
}

impl ListForm {
    pub(super) fn is_paged(self) -> bool {
        matches!(self, Self::Paged | Self::PagedEnabled | Self::Extended)
    }

    /// The next form to try when the server turns this one down after all.
    pub(super) fn simpler(self) -> Option<Self> {
        match self {
            Self::Extended => Some(Self::PagedEnabled),
            Self::PagedEnabled => Some(Self::Paged),
            Self::Paged | Self::Enabled => Some(Self::Documented),
            Self::Documented => None,
        }
    }
}

/// How this tenant wants to be spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) list: ListForm,
    /// The list is known to come in pages: an answer without paging is then never complete.
    pub(super) pages: bool,
    /// `updateApiKey` tells the etag that it leaves.
    pub(super) update_tells_etag: bool,
    /// What the input calls the etag: `_etag` as documented for keys, `etag` in other mutations.
    etag_name: &'static str,
    /// Whether the input takes the etag as a number, where that is known.
    etag_numeric: Option<bool>,
    /// The input's type, where it is not called as documented.
    pub(super) input_type: Option<String>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            list: ListForm::Documented,
            pages: false,
            update_tells_etag: false,
            etag_name: "_etag",
            etag_numeric: None,
            input_type: None,
        }
    }
}

/// What was learnt, until it is learnt again (`boottime_ms`).
#[derive(Default)]
pub(super) struct DialectCache {
    known: tokio::sync::Mutex<Option<(Arc<Dialect>, i64)>>,
    /// Etags were listed as numbers.
    numeric_etags: AtomicBool,
}

impl DialectCache {
    pub(super) fn saw_numeric_etags(&self) {
        self.numeric_etags.store(true, Ordering::Relaxed);
    }

    /// The etag as the input takes it.
    pub(super) fn etag_input(&self, dialect: &Dialect, etag: &Etag) -> EtagInput {
        let numeric =
            dialect.etag_numeric.unwrap_or_else(|| self.numeric_etags.load(Ordering::Relaxed));
        let number = etag.as_str().parse::<i64>().ok().filter(|_| numeric);
        let value = number.map_or_else(|| Value::from(etag.as_str()), Value::from);
        EtagInput { name: dialect.etag_name, value }
    }

    /// Uses a simpler list for as long as this dialect is kept.
    pub(super) async fn simplify(&self, list: ListForm) {
        if let Some((dialect, _)) = self.known.lock().await.as_mut() {
            Arc::make_mut(dialect).list = list;
        }
    }
}

/// A schema changes with a release of the server, not with the hour.
const KEPT_MS: i64 = 60 * 60 * 1000;
/// After a failure that may pass.
const KEPT_AFTER_FAILURE_MS: i64 = 60 * 1000;
/// All the steps together; a slow server is spoken to in the documented form.
const LEARN_TIMEOUT: Duration = Duration::from_secs(10);

/// What one introspection step gave: something, a plain no, or a failure that may pass.
pub(super) enum Step<T> {
    Found(T),
    No,
    Failed,
}

impl Ion {
    /// The tenant's dialect, learnt at most once an hour, by one caller at a time.
    pub(super) async fn dialect(&self, actor: &Credential) -> Arc<Dialect> {
        let mut known = self.dialect.known.lock().await;
        let now_ms = self.clock.stamp().boottime_ms;
        if let Some((dialect, until_ms)) = known.as_ref()
            && now_ms < *until_ms
        {
            return Arc::clone(dialect);
        }
        let mut dialect = Dialect::default();
        let learnt = tokio::time::timeout(LEARN_TIMEOUT, self.learn(actor, &mut dialect)).await;
        let (dialect, kept_ms) = match (learnt, known.take()) {
            (Ok(Step::Found(()) | Step::No), _) => (Arc::new(dialect), KEPT_MS),
            // What was once known is truer than what was missed now.
            (Ok(Step::Failed) | Err(_), Some((before, _))) => (before, KEPT_AFTER_FAILURE_MS),
            (Ok(Step::Failed) | Err(_), None) => (Arc::new(dialect), KEPT_AFTER_FAILURE_MS),
        };
        *known = Some((Arc::clone(&dialect), now_ms.saturating_add(kept_ms)));
        dialect
    }

    /// Fills in what is found; what was not reached stays as documented.
    async fn learn(&self, actor: &Credential, dialect: &mut Dialect) -> Step<()> {
        let body = request_body::<IntrospectRoots>(introspect_roots::Variables);
        let roots = match self.ask::<Roots>(actor, body.ok()).await {
            Step::Found(Roots { schema: Some(roots) }) => roots,
            Step::Found(_) | Step::No => return Step::No,
            Step::Failed => return Step::Failed,
        };
        let name = |root: Option<TypeRef>| root.and_then(|root| root.name);
        let list = self.learn_list(actor, name(roots.query_type), dialect).await;
        let update = self.learn_update(actor, name(roots.mutation_type), dialect).await;
        match (list, update) {
            (Step::Failed, _) | (_, Step::Failed) => Step::Failed,
            _ => Step::Found(()),
        }
    }

    async fn learn_list(
        &self,
        actor: &Credential,
        query: Option<String>,
        dialect: &mut Dialect,
    ) -> Step<()> {
        let root = match self.shape(actor, query.as_deref()).await {
            Step::Found(root) => root,
            other => return other.empty(),
        };
        let Some(list) = root.field("apiKeys") else { return Step::No };
        let connection = match self.shape(actor, list.base()).await {
            Step::Found(connection) => connection,
            other => return other.empty(),
        };
        let paged = connection.has("pageInfo") && list.takes("first") && list.takes("after");
        dialect.pages = paged;
        dialect.list = if paged { ListForm::Paged } else { ListForm::Documented };
        let edge = match self.shape(actor, connection.field("edges").and_then(Field::base)).await {
            Step::Found(edge) => edge,
            other => return other.empty(),
        };
        let node = match self.shape(actor, edge.field("node").and_then(Field::base)).await {
            Step::Found(node) => node,
            other => return other.empty(),
        };
        if !node.has("enabled") {
            return Step::Found(());
        }
        dialect.list = if paged { ListForm::PagedEnabled } else { ListForm::Enabled };
        if paged && node.has("created") && node.has("createdBy") {
            let creator = node.field("createdBy").and_then(Field::base);
            match self.shape(actor, creator).await {
                Step::Found(user) if user.has("id") && user.has("email") => {
                    dialect.list = ListForm::Extended;
                }
                other => return other.empty(),
            }
        }
        Step::Found(())
    }

    async fn learn_update(
        &self,
        actor: &Credential,
        mutation: Option<String>,
        dialect: &mut Dialect,
    ) -> Step<()> {
        let root = match self.shape(actor, mutation.as_deref()).await {
            Step::Found(root) => root,
            other => return other.empty(),
        };
        let Some(update) = root.field("updateApiKey") else { return Step::No };
        let argument = update.args.iter().flatten().find(|argument| argument.name == "input");
        let input_type = argument.and_then(|argument| argument.kind.as_ref()?.base());
        let input = match self.shape(actor, input_type).await {
            Step::Found(input) => input,
            other => return other.empty(),
        };
        dialect.input_type =
            input_type.filter(|name| *name != "APIKeyInput" && is_name(name)).map(str::to_owned);
        let etag = input.input("_etag").map(|field| ("_etag", field));
        if let Some((name, field)) = etag.or(input.input("etag").map(|field| ("etag", field))) {
            dialect.etag_name = name;
            let kind = field.kind.as_ref().and_then(TypeRef::base);
            dialect.etag_numeric = kind.map(|kind| matches!(kind, "Int" | "Long" | "BigInt"));
        }
        let payload = match self.shape(actor, update.base()).await {
            Step::Found(payload) => payload,
            other => return other.empty(),
        };
        match self.shape(actor, payload.field("apikey").and_then(Field::base)).await {
            Step::Found(key) => {
                dialect.update_tells_etag = key.has("_etag");
                Step::Found(())
            }
            other => other.empty(),
        }
    }

    pub(super) async fn shape(&self, actor: &Credential, name: Option<&str>) -> Step<TypeShape> {
        let Some(name) = name else { return Step::No };
        let variables = introspect_type::Variables { name: name.to_owned() };
        let body = request_body::<IntrospectType>(variables);
        match self.ask::<OneType>(actor, body.ok()).await {
            Step::Found(OneType { found: Some(shape) }) => Step::Found(shape),
            Step::Found(_) | Step::No => Step::No,
            Step::Failed => Step::Failed,
        }
    }

    pub(super) async fn ask<D: DeserializeOwned>(
        &self,
        actor: &Credential,
        body: Option<Vec<u8>>,
    ) -> Step<D> {
        let Some(body) = body else { return Step::No };
        match self.call::<D>(Operation::Introspection, actor, &body).await {
            Ok(answer) => match answer.errors {
                None => answer.data.map_or(Step::No, Step::Found),
                Some(errors) if may_pass(errors.meaning) => Step::Failed,
                Some(_) => Step::No,
            },
            Err(failure) if failure.meaning.is_some_and(|meaning| !may_pass(meaning)) => Step::No,
            Err(_) => Step::Failed,
        }
    }
}

impl<T> Step<T> {
    /// The same outcome without what was found.
    fn empty(self) -> Step<()> {
        match self {
            Self::Found(_) => Step::Found(()),
            Self::No => Step::No,
            Self::Failed => Step::Failed,
        }
    }
}

fn may_pass(meaning: Meaning) -> bool {
    matches!(meaning, Meaning::Throttled | Meaning::Unauthenticated)
}

/// A GraphQL name: nothing else may be put into a query.
fn is_name(text: &str) -> bool {
    text.len() <= 100
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
