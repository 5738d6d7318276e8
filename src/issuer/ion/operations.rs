//! The operations that are ever sent, one `.graphql` file each: graphql_client sends a whole file
//! with every operation of it, and a server validates all of that, so an optional field lives in a
//! file of its own.

use graphql_client::GraphQLQuery;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The input of `updateApiKey` and `deleteApiKey`, written as the tenant names and types it.
#[derive(Debug, Clone)]
pub(super) struct KeyInput {
    pub(super) client_id: String,
    pub(super) etag: Option<EtagInput>,
    /// Only of an update, which then sends `regenerateSecret: false` too: what an omitted flag
    /// means is not documented.
    pub(super) enabled: Option<bool>,
}

/// An etag with the name that the input gives it.
#[derive(Debug, Clone)]
pub(super) struct EtagInput {
    pub(super) name: &'static str,
    pub(super) value: serde_json::Value,
}

impl Serialize for KeyInput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("clientId", &self.client_id)?;
        if let Some(etag) = &self.etag {
            map.serialize_entry(etag.name, &etag.value)?;
        }
        if let Some(enabled) = self.enabled {
            map.serialize_entry("enabled", &enabled)?;
            map.serialize_entry("regenerateSecret", &false)?;
        }
        map.end()
    }
}

/// Mints a key; the only operation that selects a secret.
#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/issuer/ion/graphql/schema.graphql",
    query_path = "src/issuer/ion/graphql/create_api_key.graphql",
    custom_scalars_module = "crate::issuer::ion::scalars"
)]
pub(super) struct CreateApiKey;

/// The list as documented, less the secret.
#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/issuer/ion/graphql/schema.graphql",
    query_path = "src/issuer/ion/graphql/list_api_keys.graphql",
    custom_scalars_module = "crate::issuer::ion::scalars"
)]
pub(super) struct ListApiKeys;

/// The list with the `enabled` field.
#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/issuer/ion/graphql/schema.graphql",
    query_path = "src/issuer/ion/graphql/list_api_keys_enabled.graphql",
    custom_scalars_module = "crate::issuer::ion::scalars"
)]
pub(super) struct ListApiKeysEnabled;

/// The list by pages.
#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/issuer/ion/graphql/schema.graphql",
    query_path = "src/issuer/ion/graphql/list_api_keys_paged.graphql",
    custom_scalars_module = "crate::issuer::ion::scalars"
)]
pub(super) struct ListApiKeysPaged;

/// The list by pages with the `enabled` field.
#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/issuer/ion/graphql/schema.graphql",
    query_path = "src/issuer/ion/graphql/list_api_keys_paged_enabled.graphql",
    custom_scalars_module = "crate::issuer::ion::scalars"
)]
pub(super) struct ListApiKeysPagedEnabled;

/// The list by pages with creator and creation time.
#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/issuer/ion/graphql/schema.graphql",
    query_path = "src/issuer/ion/graphql/list_api_keys_extended.graphql",
    custom_scalars_module = "crate::issuer::ion::scalars"
)]
pub(super) struct ListApiKeysExtended;

/// Disables or enables a key.
#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/issuer/ion/graphql/schema.graphql",
    query_path = "src/issuer/ion/graphql/update_api_key.graphql",
    custom_scalars_module = "crate::issuer::ion::scalars",
    variable_types("crate::issuer::ion::operations::KeyInput")
)]
pub(super) struct UpdateApiKey;

/// Disables or enables a key and tells the etag that this leaves.
#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/issuer/ion/graphql/schema.graphql",
    query_path = "src/issuer/ion/graphql/update_api_key_with_etag.graphql",
    custom_scalars_module = "crate::issuer::ion::scalars",
    variable_types("crate::issuer::ion::operations::KeyInput")
)]
pub(super) struct UpdateApiKeyWithEtag;

/// Deletes a key for ever.
#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/issuer/ion/graphql/schema.graphql",
    query_path = "src/issuer/ion/graphql/delete_api_key.graphql",
    custom_scalars_module = "crate::issuer::ion::scalars",
    variable_types("crate::issuer::ion::operations::KeyInput")
)]
pub(super) struct DeleteApiKey;

/// As whom the caller acts.
#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/issuer/ion/graphql/schema.graphql",
    query_path = "src/issuer/ion/graphql/current_user.graphql",
    custom_scalars_module = "crate::issuer::ion::scalars"
)]
pub(super) struct CurrentUser;

/// What the root types are called.
#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/issuer/ion/graphql/schema.graphql",
    query_path = "src/issuer/ion/graphql/introspect_roots.graphql",
    custom_scalars_module = "crate::issuer::ion::scalars"
)]
pub(super) struct IntrospectRoots;

/// What one type offers.
#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/issuer/ion/graphql/schema.graphql",
    query_path = "src/issuer/ion/graphql/introspect_type.graphql",
    custom_scalars_module = "crate::issuer::ion::scalars"
)]
pub(super) struct IntrospectType;
