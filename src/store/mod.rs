//! Where consumers read the secret: adapters of [`crate::port::SecretStore`].
//!
//! Both keep one JSON object a version and replace two of its fields, nothing else. Nothing here
//! decides what to do next, and no part of a secret goes into an error, a log, or a file name.

pub mod actor;
pub mod aws_secrets_manager;
mod document;
pub mod file;

pub use aws_sdk_secretsmanager::Client as AwsClient;
pub use aws_secrets_manager::{AwsSecretsManager, client as aws_client};
pub use file::FileStore;
