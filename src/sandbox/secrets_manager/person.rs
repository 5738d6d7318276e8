//! What people do to a secret in AWS's console or with its command line, behind the product's back.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::super::dice::Dice;
use super::SecretsManager;
use super::exception::Exception;
use super::request::{Create, Update};
use super::secret::{ReplicaStatus, Rotation, Secret};
use super::value::Typed;
use super::version::{CURRENT, PREVIOUS};

/// One edit by hand. No one compares and swaps by hand: people look, and then do it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretEdit {
    /// A new secret.
    Create {
        region: String,
        text: Typed,
    },
    /// A new value, which is current at once.
    Put {
        text: Typed,
    },
    /// One field of the current JSON object, with everything else as it was.
    Field {
        field: String,
        value: Typed,
    },
    /// Moves a label; without `to`, takes it off. `to` is a version, or a label that one has.
    Stage {
        stage: String,
        #[serde(default)]
        to: Option<String>,
    },
    /// Makes the previous version current, as the console offers.
    RollBack,
    /// Schedules the deletion, in 7 days.
    Delete,
    Restore,
    /// Switches AWS's own rotation on or off; begins none.
    NativeRotation {
        enabled: bool,
    },
    /// Says how a replica does; one that is not in sync serves what it had.
    Replica {
        region: String,
        status: ReplicaStatus,
    },
}

impl SecretEdit {
    /// What stands in the ledger.
    pub(in super::super) fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create_secret",
            Self::Put { .. } => "put",
            Self::Field { .. } => "field",
            Self::Stage { .. } => "stage",
            Self::RollBack => "roll_back",
            Self::Delete => "delete_secret",
            Self::Restore => "restore",
            Self::NativeRotation { .. } => "native_rotation",
            Self::Replica { .. } => "replica",
        }
    }
}

impl SecretsManager {
    /// Does what a person does by hand.
    ///
    /// # Errors
    /// The secret, version, or replica is not there, or AWS refuses the edit to people too.
    pub(in super::super) fn edit(
        &mut self,
        name: &str,
        edit: &SecretEdit,
        dice: &mut Dice,
        now_ms: i64,
    ) -> Result<(), Exception> {
        if let SecretEdit::Create { region, text } = edit {
            let create = Create {
                name: Some(name.into()),
                client_request_token: Some(dice.uuid()),
                secret_string: Some(text.clone()),
                ..Create::default()
            };
            return self.create(region, &create, dice, now_ms).map(drop);
        }
        let mut secret = (*self.shelf.find_anywhere(name)?).clone();
        match edit {
            SecretEdit::Create { .. } => Ok(()),
            SecretEdit::Put { text } => self.type_value(&secret, text.clone(), dice, now_ms),
            SecretEdit::Field { field, value } => {
                let text = with_field(&secret, field, value)?;
                self.type_value(&secret, text, dice, now_ms)
            }
            SecretEdit::Stage { stage, to } => {
                self.place_label(secret, stage, to.as_deref(), now_ms)
            }
            SecretEdit::RollBack => self.place_label(secret, CURRENT, Some(PREVIOUS), now_ms),
            SecretEdit::Delete => self.schedule_deletion(&mut secret, 7, now_ms),
            SecretEdit::Restore => {
                secret.deletion_ms = None;
                self.shelf.put(secret, &[], now_ms)
            }
            SecretEdit::NativeRotation { enabled } => {
                let lambda_arn = "arn:aws:lambda:us-east-1:111122223333:function:rotate".into();
                let rules = serde_json::json!({ "AutomaticallyAfterDays": 30 });
                secret.rotation = Some(Rotation { enabled: *enabled, lambda_arn, rules });
                self.shelf.put(secret, &[], now_ms)
            }
            SecretEdit::Replica { region, status } => {
                self.set_replica(secret, region, *status, now_ms)
            }
        }
    }

    fn type_value(
        &mut self,
        secret: &Secret,
        text: Typed,
        dice: &mut Dice,
        now_ms: i64,
    ) -> Result<(), Exception> {
        let update = Update {
            secret_id: Some(secret.name.clone()),
            client_request_token: Some(dice.uuid()),
            secret_string: Some(text),
            ..Update::default()
        };
        self.update(&secret.region, &update, now_ms).map(drop)
    }

    fn place_label(
        &mut self,
        mut secret: Secret,
        label: &str,
        to: Option<&str>,
        now_ms: i64,
    ) -> Result<(), Exception> {
        secret.usable()?;
        let Some(to) = to else {
            if label == CURRENT {
                return Err(Exception::parameter("AWSCURRENT can only be moved."));
            }
            secret.versions.remove(label);
            return self.shelf.put(secret, &[], now_ms);
        };
        let meant = secret.versions.get(to).or_else(|| secret.versions.holder(to));
        let to = meant.ok_or_else(|| Exception::not_found("no such version"))?.id.clone();
        secret.versions.attach(label, &to)?;
        self.shelf.put(secret, &[&to], now_ms)
    }
}

/// The current text with one field changed. Re-serialized, as the console does it.
fn with_field(secret: &Secret, field: &str, value: &Typed) -> Result<Typed, Exception> {
    let text = secret.current_text().unwrap_or_default();
    let Ok(Json::Object(mut object)) = serde_json::from_str(text) else {
        return Err(Exception::request("The current value is no JSON object."));
    };
    object.insert(field.to_owned(), Json::String(value.expose().to_owned()));
    Ok(Typed::new(Json::Object(object).to_string()))
}
