//! What a client asks for, operation by operation, with AWS's field names. `Debug` shows no value.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::ledger::CallKind;
use super::exception::{Code, Exception};
use super::secret::check_name;
use super::value::Typed;

/// One request, of an operation that is offered.
#[derive(Debug, Clone)]
pub enum Request {
    Create(Create),
    Get(Get),
    Put(Put),
    MoveStage(MoveStage),
    Describe(Named),
    ListVersions(ListVersions),
    Update(Update),
    Delete(Delete),
    Restore(Named),
    Tag(Tag),
    Untag(Untag),
    Rotate(Rotate),
    CancelRotate(Named),
    Replicate(Replicate),
    RemoveReplicas(RemoveReplicas),
}

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident { $($(#[$rename:meta])* $field:ident: $of:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Default, Deserialize)]
            #[serde(rename_all = "PascalCase", default)]
            pub struct $name {
                $($(#[$rename])* pub $field: $of,)*
            }
        )*
    };
}

fields! {
    /// Only which secret.
    Named { secret_id: Option<String>, }
    Create {
        name: Option<String>,
        client_request_token: Option<String>,
        description: Option<String>,
        kms_key_id: Option<String>,
        secret_string: Option<Typed>,
        secret_binary: Option<Typed>,
        tags: Vec<Label>,
        add_replica_regions: Vec<ReplicaRegion>,
    }
    Get { secret_id: Option<String>, version_id: Option<String>, version_stage: Option<String>, }
    Put {
        secret_id: Option<String>,
        client_request_token: Option<String>,
        secret_string: Option<Typed>,
        secret_binary: Option<Typed>,
        version_stages: Option<Vec<String>>,
    }
    MoveStage {
        secret_id: Option<String>,
        version_stage: Option<String>,
        move_to_version_id: Option<String>,
        remove_from_version_id: Option<String>,
    }
    ListVersions {
        secret_id: Option<String>,
        max_results: Option<usize>,
        next_token: Option<String>,
        include_deprecated: Option<bool>,
    }
    Update {
        secret_id: Option<String>,
        client_request_token: Option<String>,
        description: Option<String>,
        kms_key_id: Option<String>,
        secret_string: Option<Typed>,
        secret_binary: Option<Typed>,
    }
    Delete {
        secret_id: Option<String>,
        recovery_window_in_days: Option<i64>,
        force_delete_without_recovery: Option<bool>,
    }
    Tag { secret_id: Option<String>, tags: Vec<Label>, }
    Untag { secret_id: Option<String>, tag_keys: Vec<String>, }
    Rotate {
        secret_id: Option<String>,
        client_request_token: Option<String>,
        #[serde(rename = "RotationLambdaARN")]
        rotation_lambda_arn: Option<String>,
        rotation_rules: Option<serde_json::Value>,
        rotate_immediately: Option<bool>,
    }
    Replicate { secret_id: Option<String>, add_replica_regions: Vec<ReplicaRegion>, }
    RemoveReplicas { secret_id: Option<String>, remove_replica_regions: Vec<String>, }
    /// A tag.
    Label { key: String, value: String, }
    ReplicaRegion { region: String, kms_key_id: Option<String>, }
}

impl Create {
    /// The name, where it is one that a secret can have.
    #[must_use]
    pub fn allowed_name(&self) -> Option<String> {
        self.name.clone().filter(|name| check_name(name).is_ok())
    }
}

impl Request {
    /// Reads the body of an operation, such as `GetSecretValue`.
    ///
    /// # Errors
    /// The operation is not offered, or the body is not what it takes.
    pub fn read(operation: &str, body: &[u8]) -> Result<Self, Exception> {
        Ok(match operation {
            "CreateSecret" => Self::Create(fields(body)?),
            "GetSecretValue" => Self::Get(fields(body)?),
            "PutSecretValue" => Self::Put(fields(body)?),
            "UpdateSecretVersionStage" => Self::MoveStage(fields(body)?),
            "DescribeSecret" => Self::Describe(fields(body)?),
            "ListSecretVersionIds" => Self::ListVersions(fields(body)?),
            "UpdateSecret" => Self::Update(fields(body)?),
            "DeleteSecret" => Self::Delete(fields(body)?),
            "RestoreSecret" => Self::Restore(fields(body)?),
            "TagResource" => Self::Tag(fields(body)?),
            "UntagResource" => Self::Untag(fields(body)?),
            "RotateSecret" => Self::Rotate(fields(body)?),
            "CancelRotateSecret" => Self::CancelRotate(fields(body)?),
            "ReplicateSecretToRegions" => Self::Replicate(fields(body)?),
            "RemoveRegionsFromReplication" => Self::RemoveReplicas(fields(body)?),
            _ => {
                let message = "The sandbox offers no such operation of Secrets Manager";
                return Err(Exception::new(Code::UnknownOperation, message));
            }
        })
    }

    /// What the ledger and the faults call it.
    #[must_use]
    pub fn kind(&self) -> CallKind {
        match self {
            Self::Create(_) => CallKind::CreateSecret,
            Self::Get(_) => CallKind::GetSecretValue,
            Self::Put(_) => CallKind::PutSecretValue,
            Self::MoveStage(_) => CallKind::UpdateSecretVersionStage,
            Self::Describe(_) => CallKind::DescribeSecret,
            Self::ListVersions(_) => CallKind::ListSecretVersionIds,
            Self::Update(_) => CallKind::UpdateSecret,
            Self::Delete(_) => CallKind::DeleteSecret,
            Self::Restore(_) => CallKind::RestoreSecret,
            Self::Tag(_) => CallKind::TagResource,
            Self::Untag(_) => CallKind::UntagResource,
            Self::Rotate(_) => CallKind::RotateSecret,
            Self::CancelRotate(_) => CallKind::CancelRotateSecret,
            Self::Replicate(_) => CallKind::ReplicateSecretToRegions,
            Self::RemoveReplicas(_) => CallKind::RemoveRegionsFromReplication,
        }
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_read(&self) -> bool {
        matches!(self, Self::Get(_) | Self::Describe(_) | Self::ListVersions(_))
    }

    /// The secret that it names, by name or ARN.
    #[must_use]
    pub fn secret_id(&self) -> Option<&str> {
        match self {
            Self::Create(create) => create.name.as_deref(),
            Self::Get(get) => get.secret_id.as_deref(),
            Self::Put(put) => put.secret_id.as_deref(),
            Self::MoveStage(change) => change.secret_id.as_deref(),
            Self::Describe(named) | Self::Restore(named) | Self::CancelRotate(named) => {
                named.secret_id.as_deref()
            }
            Self::ListVersions(list) => list.secret_id.as_deref(),
            Self::Update(update) => update.secret_id.as_deref(),
            Self::Delete(delete) => delete.secret_id.as_deref(),
            Self::Tag(tag) => tag.secret_id.as_deref(),
            Self::Untag(untag) => untag.secret_id.as_deref(),
            Self::Rotate(rotate) => rotate.secret_id.as_deref(),
            Self::Replicate(replicate) => replicate.secret_id.as_deref(),
            Self::RemoveReplicas(remove) => remove.secret_id.as_deref(),
        }
    }

    /// The versions that it names.
    #[must_use]
    pub fn versions(&self) -> Vec<&str> {
        let named = match self {
            Self::Create(create) => [create.client_request_token.as_deref(), None],
            Self::Get(get) => [get.version_id.as_deref(), None],
            Self::Put(put) => [put.client_request_token.as_deref(), None],
            Self::MoveStage(change) => {
                [change.remove_from_version_id.as_deref(), change.move_to_version_id.as_deref()]
            }
            Self::Update(update) => [update.client_request_token.as_deref(), None],
            Self::Rotate(rotate) => [rotate.client_request_token.as_deref(), None],
            _ => [None, None],
        };
        named.into_iter().flatten().collect()
    }

    /// The value that the caller sent, which a careless proxy would quote.
    #[must_use]
    pub fn value(&self) -> Option<&Typed> {
        match self {
            Self::Create(create) => create.secret_string.as_ref(),
            Self::Put(put) => put.secret_string.as_ref(),
            Self::Update(update) => update.secret_string.as_ref(),
            _ => None,
        }
    }
}

/// Labels as a map.
pub(super) fn map_of(tags: &[Label]) -> BTreeMap<String, String> {
    tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

fn fields<T: DeserializeOwned>(body: &[u8]) -> Result<T, Exception> {
    serde_json::from_slice(body).map_err(|_| {
        Exception::new(Code::Serialization, "The body is not what the operation takes")
    })
}
