//! What all policies of one process share: connections, so that ten thousand policies need no more
//! sockets than their hosts do, and what the journal told. Makes them when they are first needed; calls nobody.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::neighbours::Register;
use crate::issuer::ion::Connections;
use crate::port::Pace;
use crate::store::{AwsClient, aws_client};

/// Shared by engines, and by sets of policies that follow each other.
pub struct Clients {
    pace: Arc<dyn Pace>,
    /// Used instead of AWS's own chain, which is then never read.
    given: Option<AwsClient>,
    /// By region; none is the chain's own.
    aws: tokio::sync::Mutex<BTreeMap<Option<String>, AwsClient>>,
    /// By the time that one request may take, in milliseconds.
    ion: std::sync::Mutex<BTreeMap<u128, Connections>>,
    register: Arc<Register>,
}

impl Clients {
    #[must_use]
    pub fn new(pace: Arc<dyn Pace>, given: Option<AwsClient>) -> Self {
        let (aws, ion) = (tokio::sync::Mutex::default(), std::sync::Mutex::default());
        Self { pace, given, aws, ion, register: Arc::default() }
    }

    #[must_use]
    pub fn pace(&self) -> Arc<dyn Pace> {
        self.pace.clone()
    }

    /// What the journal told of every secret.
    #[must_use]
    pub fn register(&self) -> Arc<Register> {
        self.register.clone()
    }

    /// The client of a region. Reads AWS's chain once a region.
    pub async fn aws(&self, region: Option<&str>) -> AwsClient {
        if let Some(given) = &self.given {
            return given.clone();
        }
        let mut clients = self.aws.lock().await;
        let region = region.map(str::to_owned);
        if let Some(client) = clients.get(&region) {
            return client.clone();
        }
        let client = aws_client(region.as_deref()).await;
        clients.insert(region, client.clone());
        client
    }

    /// Connections on which one request takes at most `timeout`.
    pub fn ion(&self, timeout: Duration) -> Connections {
        let mut known = self.ion.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Connections::new(timeout, self.pace.clone());
        known.entry(timeout.as_millis()).or_insert_with(make).clone()
    }
}
