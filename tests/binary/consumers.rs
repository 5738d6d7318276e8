//! A consumer that reads the store, caches what it read, and makes requests with it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rekeyd::sandbox::Tenant;
use serde_json::Value;

const CACHE_TTL: Duration = Duration::from_millis(900);

/// Runs until it is dropped.
pub struct Consumer {
    stop: Arc<AtomicBool>,
    failures: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Consumer {
    pub fn start(tenant: &Tenant, file: PathBuf) -> Self {
        Self::reading(tenant, move || std::fs::read_to_string(&file).unwrap())
    }

    /// One that is served the secret's text by something else.
    pub fn reading(tenant: &Tenant, text: impl Fn() -> String + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let failures = Arc::new(AtomicU64::new(0));
        let (halt, failed, tenant) = (stop.clone(), failures.clone(), tenant.clone());
        let thread = std::thread::spawn(move || {
            let mut cached = parsed(&text());
            let mut read_at = Instant::now();
            while !halt.load(Ordering::SeqCst) {
                if read_at.elapsed() >= CACHE_TTL {
                    cached = parsed(&text());
                    read_at = Instant::now();
                }
                if tenant.exchange(&cached.0, &cached.1).result.is_err() {
                    failed.fetch_add(1, Ordering::SeqCst);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Self { stop, failures, thread: Some(thread) }
    }

    /// Exchanges that failed so far.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::SeqCst)
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn parsed(text: &str) -> (String, String) {
    let value: Value = serde_json::from_str(text).unwrap();
    let text = |field: &str| value[field].as_str().unwrap().to_owned();
    (text("clientId"), text("clientSecret"))
}
