//! A secret that a test looks at from outside, as consumers and people do.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use rekeyd::domain::clocks::Stamp;
use rekeyd::domain::ids::{KeyId, VersionId};
use rekeyd::domain::policy::Fields;
use rekeyd::domain::secret::Credential;
use rekeyd::port::{Clock, DateLog, SecretStore};
use rekeyd::store::FileStore;
use secrecy::SecretString;
use tempfile::TempDir;

/// What every harness starts with.
pub const START: &str = "{ \"clientId\": \"old\", \"clientSecret\": \"s3cret-old\", \
     \"url\": \"https:\\/\\/x\\u00e9\", \"n\": 1.0 }";

/// One secret, fresh for each test, that holds [`START`].
#[async_trait]
pub trait Harness: Send + Sync {
    /// Another store object on the same secret.
    fn store_with(&self, fields: Fields) -> Box<dyn SecretStore>;
    /// A person replaces the current value.
    async fn type_by_hand(&self, text: &str);
    /// What a consumer reads now.
    async fn consumers_read(&self) -> String;

    fn store(&self) -> Box<dyn SecretStore> {
        self.store_with(fields("clientId", "clientSecret"))
    }
}

pub fn fields(client_id: &str, client_secret: &str) -> Fields {
    Fields { client_id: client_id.to_owned(), client_secret: client_secret.to_owned() }
}

pub fn credential(name: &str) -> Credential {
    Credential::new(KeyId::new(name).unwrap(), SecretString::from(format!("s3cret-{name}")))
}

/// A version id as both stores take it.
pub fn fresh_version() -> VersionId {
    VersionId::new(uuid::Uuid::new_v4().to_string()).unwrap()
}

/// Never waits.
#[derive(Default)]
pub struct TestClock {
    pub dates: DateLog,
}

#[async_trait]
impl Clock for TestClock {
    fn stamp(&self) -> Stamp {
        Stamp { wall_ms: 0, boot: "test".to_owned(), boottime_ms: 0, dated: None }
    }
    async fn sleep(&self, _duration: Duration) {}
    fn dates(&self) -> &DateLog {
        &self.dates
    }
}

pub struct FileHarness {
    _folder: TempDir,
    path: PathBuf,
}

impl FileHarness {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("secret.json");
        std::fs::write(&path, START).unwrap();
        Self { _folder: folder, path }
    }
}

#[async_trait]
impl Harness for FileHarness {
    fn store_with(&self, fields: Fields) -> Box<dyn SecretStore> {
        Box::new(FileStore::new(&self.path, fields).unwrap())
    }
    async fn type_by_hand(&self, text: &str) {
        std::fs::write(&self.path, text).unwrap();
    }
    async fn consumers_read(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }
}
