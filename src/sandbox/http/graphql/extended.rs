//! A richer schema, as a live tenant may turn out to have: pages, and every field on every key.

use async_graphql::{Context, EmptySubscription, ID, Object, Result, SimpleObject};
use jiff::Timestamp;

use super::super::super::settings::Settings;
use super::super::super::tenant::{KeyView, Tenant};
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

    /// Never more than the page size, also where `first` is left out.
    async fn api_keys(
        &self,
        context: &Context<'_>,
        first: Option<u32>,
        after: Option<String>,
    ) -> Result<Connection> {
        let journey = Journey::of(context)?;
        let first = first.unwrap_or(journey.page_size).min(journey.page_size);
        let after = after.as_deref().and_then(|cursor| cursor.strip_prefix("key:"));
        let page = journey.keep(journey.tenant.api_keys(&journey.caller, Some(first), after))?;
        let end_cursor = page.keys.last().map(cursor_of);
        let edges = page
            .keys
            .into_iter()
            .map(|key| Edge { cursor: cursor_of(&key), node: Key::of(&journey.tenant, key) });
        Ok(Connection {
            edges: edges.collect(),
            page_info: PageInfo { end_cursor, has_next_page: page.has_next_page },
        })
    }
}

pub(super) struct Mutation;

#[Object]
impl Mutation {
    async fn create_api_key(&self, context: &Context<'_>) -> Result<CreatePayload> {
        let journey = Journey::of(context)?;
        let key = journey.keep(journey.tenant.create_api_key(&journey.caller))?;
        Ok(CreatePayload { apikey: Key::of(&journey.tenant, key) })
    }

    async fn update_api_key(
        &self,
        context: &Context<'_>,
        input: ApiKeyInput,
    ) -> Result<UpdatePayload> {
        let journey = Journey::of(context)?;
        let key = journey.keep(journey.tenant.update_api_key(&journey.caller, &input.into()))?;
        Ok(UpdatePayload { apikey: Key::of(&journey.tenant, key) })
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
        Ok(DeletePayload { apikey: Key::of(&journey.tenant, key) })
    }
}

#[derive(SimpleObject)]
#[graphql(name = "APIKeyConnection")]
struct Connection {
    edges: Vec<Edge>,
    page_info: PageInfo,
}

#[derive(SimpleObject)]
struct PageInfo {
    end_cursor: Option<String>,
    has_next_page: bool,
}

#[derive(SimpleObject)]
#[graphql(name = "APIKeyEdge")]
struct Edge {
    cursor: String,
    node: Key,
}

#[derive(SimpleObject)]
#[graphql(name = "APIKey")]
struct Key {
    id: ID,
    client_id: String,
    /// Null, except once at create and regenerate.
    client_secret: Option<String>,
    #[graphql(name = "_etag")]
    etag: String,
    enabled: bool,
    /// RFC 3339, UTC.
    created: String,
    created_by: Creator,
}

#[derive(SimpleObject)]
#[graphql(name = "UserReference")]
struct Creator {
    id: ID,
    email: Option<String>,
}

#[derive(SimpleObject)]
#[graphql(name = "CreateAPIKeyPayload")]
struct CreatePayload {
    apikey: Key,
}

#[derive(SimpleObject)]
#[graphql(name = "UpdateAPIKeyPayload")]
struct UpdatePayload {
    apikey: Key,
}

#[derive(SimpleObject)]
#[graphql(name = "DeleteAPIKeyPayload")]
struct DeletePayload {
    apikey: Key,
}

impl Key {
    fn of(tenant: &Tenant, key: KeyView) -> Self {
        let created = Timestamp::from_millisecond(key.created_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        Self {
            id: key.id.into(),
            client_id: key.client_id,
            client_secret: key.client_secret,
            etag: key.etag,
            enabled: key.enabled,
            created: created.to_string(),
            created_by: Creator {
                email: tenant.email_of(&key.created_by),
                id: key.created_by.into(),
            },
        }
    }
}

fn cursor_of(key: &KeyView) -> String {
    format!("key:{}", key.id)
}
