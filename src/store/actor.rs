//! Where a policy's named actor is read from (R17): another secret of AWS Secrets Manager, or a
//! file that systemd hands over. Read afresh at each call, because it may be rotated too. Never
//! writes, and never quotes what it read.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::{AwsSecretsManager, document};
use crate::domain::policy::Fields;
use crate::domain::secret::Credential;
use crate::port::{Content, CredentialSource, PortError, SecretStore, Which};

/// The current version of a secret in AWS Secrets Manager.
pub struct SecretActor {
    store: AwsSecretsManager,
    secret_id: String,
}

impl SecretActor {
    /// `secret_id` is for messages.
    pub fn new(store: AwsSecretsManager, secret_id: impl Into<String>) -> Self {
        Self { store, secret_id: secret_id.into() }
    }
}

#[async_trait]
impl CredentialSource for SecretActor {
    async fn credential(&self) -> Result<Credential, PortError> {
        let named = format!("the actor's secret {}", self.secret_id);
        match self.store.read(&Which::Current).await? {
            Some(stored) => credential(stored.content, &named),
            None => Err(PortError::misconfigured(format!("{named} has no current version"))),
        }
    }
}

/// A JSON file with the credential's two fields, such as systemd puts into
/// `$CREDENTIALS_DIRECTORY`.
pub struct FileActor {
    path: PathBuf,
    fields: Fields,
}

impl FileActor {
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, fields: Fields) -> Self {
        Self { path: path.into(), fields }
    }

    fn read(&self) -> Result<Zeroizing<String>, PortError> {
        let unreadable = |error: std::io::Error| {
            let path = self.path.display();
            PortError::misconfigured(format!("the actor's credential {path}: {}", error.kind()))
        };
        let mut text = Zeroizing::new(String::new());
        let limit = u64::try_from(document::MAX_SECRET_BYTES).unwrap_or(u64::MAX);
        let file = File::open(&self.path).map_err(unreadable)?;
        file.take(limit.saturating_add(1)).read_to_string(&mut text).map_err(unreadable)?;
        Ok(text)
    }
}

#[async_trait]
impl CredentialSource for FileActor {
    async fn credential(&self) -> Result<Credential, PortError> {
        let named = format!("the actor's credential {}", self.path.display());
        credential(document::content(&self.read()?, &self.fields), &named)
    }
}

/// The credential in a JSON object that a person typed or piped in.
///
/// # Errors
/// What is wrong with it; never a part of it.
pub fn credential_in(text: &str, fields: &Fields) -> Result<Credential, &'static str> {
    match document::content(text, fields) {
        Content::Credential { credential, .. } => Ok(credential),
        Content::Malformed(why) => Err(why),
    }
}

fn credential(content: Content, named: &str) -> Result<Credential, PortError> {
    match content {
        Content::Credential { credential, .. } => Ok(credential),
        Content::Malformed(why) => {
            Err(PortError::misconfigured(format!("{named} holds no credential: {why}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        Fields { client_id: "clientId".into(), client_secret: "clientSecret".into() }
    }

    #[tokio::test]
    async fn a_credential_file_is_read_afresh_and_its_errors_hold_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ion-admin");
        let actor = FileActor::new(&path, fields());
        assert!(actor.credential().await.unwrap_err().message.contains("not found"));
        std::fs::write(&path, r#"{"clientId":"a","clientSecret":"s-1"}"#).unwrap();
        assert_eq!(actor.credential().await.unwrap().expose(), "s-1");
        std::fs::write(&path, r#"{"clientId":"a","clientSecret":"s-2"}"#).unwrap();
        assert_eq!(actor.credential().await.unwrap().expose(), "s-2");
        std::fs::write(&path, r#"{"clientId":"","clientSecret":"s-3"}"#).unwrap();
        let error = actor.credential().await.unwrap_err();
        assert!(error.message.contains("client id is empty"), "{error}");
        assert!(!error.message.contains("s-3"));
    }
}
