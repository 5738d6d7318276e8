//! Consumers as real ones are: they read the secret from the store, cache it, exchange it, and ask
//! the API something; on a rejection they read the store once more and try once more. They know
//! nothing of rekeyd.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::super::error::{CliError, Exit};
use super::source::Source;
use super::stand::CACHE_TTL;
use crate::domain::code::Own;

const CONSUMERS: u64 = 3;
const PAUSE: Duration = Duration::from_millis(40);
const TIMEOUT: Duration = Duration::from_secs(5);

/// What consumers lived through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Exchanges and queries that were sent.
    pub requests: u64,
    /// Of those, rejected at first; a consumer then reads the store again.
    pub rejected: u64,
    /// What still failed after that, or failed in any other way.
    pub failures: u64,
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    rejected: AtomicU64,
    failures: AtomicU64,
}

pub struct Consumers {
    counters: Arc<Counters>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Consumers {
    /// Starts them all.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn start(url: &str, source: &Source) -> Result<Self, CliError> {
        let client = Client::builder().no_proxy().timeout(TIMEOUT).build().map_err(|_| {
            CliError::new(Exit::Configuration, Own::Demo, "no HTTP client for the consumers")
        })?;
        let counters = Arc::new(Counters::default());
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for number in 0..CONSUMERS {
            let consumer = Consumer {
                client: client.clone(),
                url: url.to_owned(),
                source: source.clone(),
                counters: counters.clone(),
                cached: None,
            };
            // Not all at once: their caches expire at different times.
            let offset = CACHE_TTL * u32::try_from(number).unwrap_or(0) / 3;
            tasks.spawn(consumer.live(offset, stopped.clone()));
        }
        Ok(Self { counters, stop, tasks })
    }

    /// Waits until every consumer has most likely worked once.
    pub async fn warm(&self) {
        let begun = Instant::now();
        while self.tally().requests < CONSUMERS * 10 && begun.elapsed() < TIMEOUT {
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub fn tally(&self) -> Tally {
        let read = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        Tally {
            requests: read(&self.counters.requests),
            rejected: read(&self.counters.rejected),
            failures: read(&self.counters.failures),
        }
    }

    /// Ends them all; what is under way is still counted.
    pub async fn stop(mut self) -> Tally {
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            if ended.is_err() {
                self.counters.failures.fetch_add(1, Ordering::SeqCst);
            }
        }
        self.tally()
    }
}

struct Consumer {
    client: Client,
    url: String,
    source: Source,
    counters: Arc<Counters>,
    cached: Option<(Secret, Instant)>,
}

#[derive(Clone)]
struct Secret {
    id: String,
    secret: SecretString,
}

/// How one request ended.
enum Answer<T> {
    Good(T),
    Rejected,
    Broken,
}

impl Consumer {
    async fn live(mut self, offset: Duration, stopped: watch::Receiver<bool>) {
        tokio::time::sleep(offset).await;
        while !*stopped.borrow() {
            self.work().await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// One piece of work: exchange and query, with one second try after a rejection.
    async fn work(&mut self) {
        let done = match self.once().await {
            Answer::Rejected => {
                self.counters.rejected.fetch_add(1, Ordering::SeqCst);
                self.cached = None;
                matches!(self.once().await, Answer::Good(()))
            }
            answer => matches!(answer, Answer::Good(())),
        };
        if !done {
            self.counters.failures.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn once(&mut self) -> Answer<()> {
        let Some(secret) = self.secret().await else { return Answer::Broken };
        match self.exchange(&secret).await {
            Answer::Good(token) => self.ask(&token).await,
            Answer::Rejected => Answer::Rejected,
            Answer::Broken => Answer::Broken,
        }
    }

    async fn secret(&mut self) -> Option<Secret> {
        if let Some((secret, read)) = &self.cached
            && read.elapsed() < CACHE_TTL
        {
            return Some(secret.clone());
        }
        let value = self.source.read().await?;
        let field = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        let secret = Secret { id: field("clientId")?, secret: field("clientSecret")?.into() };
        self.cached = Some((secret.clone(), Instant::now()));
        Some(secret)
    }

    async fn exchange(&self, secret: &Secret) -> Answer<String> {
        self.counters.requests.fetch_add(1, Ordering::SeqCst);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &secret.id),
            ("client_secret", secret.secret.expose_secret()),
        ];
        let url = format!("{}/realms/api-keys/protocol/openid-connect/token", self.url);
        let Ok(answer) = self.client.post(url).form(&form).send().await else {
            return Answer::Broken;
        };
        match answer.status().as_u16() {
            200 => {
                let body: Option<Value> = answer.json().await.ok();
                let token =
                    body.and_then(|body| Some(body.get("access_token")?.as_str()?.to_owned()));
                token.map_or(Answer::Broken, Answer::Good)
            }
            400 | 401 => Answer::Rejected,
            _ => Answer::Broken,
        }
    }

    async fn ask(&self, token: &str) -> Answer<()> {
        self.counters.requests.fetch_add(1, Ordering::SeqCst);
        let query = json!({ "query": "query { currentUser { id } }" });
        let request = self.client.post(format!("{}/graphql", self.url)).bearer_auth(token);
        let Ok(answer) = request.json(&query).send().await else { return Answer::Broken };
        match answer.status().as_u16() {
            200 => {
                let body: Option<Value> = answer.json().await.ok();
                let id = body.and_then(|b| Some(b.pointer("/data/currentUser/id")?.is_string()));
                if id == Some(true) { Answer::Good(()) } else { Answer::Broken }
            }
            401 => Answer::Rejected,
            _ => Answer::Broken,
        }
    }
}
