//! Many consumers on few threads: each caches what it read, and looks whether its key still works.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rekeyd::sandbox::Tenant;
use serde_json::Value;

/// Just below the `cache_ttl` that policies of a stage name.
const CACHE_TTL: Duration = Duration::from_millis(900);
/// Between two uses of a consumer's key.
const USE_EVERY: Duration = Duration::from_millis(250);
const THREADS: usize = 3;

struct Consumer {
    file: PathBuf,
    key: String,
    read_at: Instant,
}

/// Runs until it is dropped.
pub struct Crowd {
    stop: Arc<AtomicBool>,
    uses: Arc<AtomicU64>,
    failures: Arc<Mutex<Vec<String>>>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Crowd {
    /// One consumer a file; a file may be given several times.
    pub fn start(tenant: &Tenant, files: &[PathBuf]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let uses = Arc::new(AtomicU64::new(0));
        let failures = Arc::new(Mutex::new(Vec::new()));
        let threads = (0..THREADS).map(|n| {
            let mine: Vec<PathBuf> = files.iter().skip(n).step_by(THREADS).cloned().collect();
            let (stop, uses, failures) = (stop.clone(), uses.clone(), failures.clone());
            let tenant = tenant.clone();
            std::thread::spawn(move || work(&tenant, mine, &stop, &uses, &failures))
        });
        let threads = threads.collect();
        Self { stop, uses, failures, threads }
    }

    pub fn uses(&self) -> u64 {
        self.uses.load(Ordering::SeqCst)
    }

    pub fn failures(&self) -> Vec<String> {
        self.failures.lock().unwrap().clone()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

fn work(
    tenant: &Tenant,
    files: Vec<PathBuf>,
    stop: &AtomicBool,
    uses: &AtomicU64,
    failures: &Mutex<Vec<String>>,
) {
    let now = Instant::now();
    let one = |file: PathBuf| Consumer { key: key_in(&file), file, read_at: now };
    let mut consumers: Vec<Consumer> = files.into_iter().map(one).collect();
    while !stop.load(Ordering::SeqCst) {
        let round = Instant::now();
        for consumer in &mut consumers {
            if consumer.read_at.elapsed() >= CACHE_TTL {
                // The moment before the read: a thread that was put aside held nothing longer.
                consumer.read_at = Instant::now();
                consumer.key = key_in(&consumer.file);
            }
            uses.fetch_add(1, Ordering::SeqCst);
            if !tenant.alive(&consumer.key) {
                let said = format!("{}: {}", consumer.file.display(), consumer.key);
                failures.lock().unwrap().push(said);
            }
        }
        std::thread::sleep(USE_EVERY.saturating_sub(round.elapsed()));
    }
}

fn key_in(file: &PathBuf) -> String {
    let value: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    value["clientId"].as_str().unwrap().to_owned()
}
