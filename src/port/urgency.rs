//! Whether what goes on now is about a leak. Such work passes every queue that is only there to be
//! polite; whoever makes calls wait asks here.

use std::future::Future;

tokio::task_local! {
    static URGENT: bool;
}

/// Runs `work` as urgent, or as ordinary work.
pub async fn urgently<T>(urgent: bool, work: impl Future<Output = T>) -> T {
    URGENT.scope(urgent, work).await
}

/// Whether this task works on a leak. Ordinary where nobody said so.
#[must_use]
pub fn is_urgent() -> bool {
    URGENT.try_with(|urgent| *urgent).unwrap_or(false)
}
