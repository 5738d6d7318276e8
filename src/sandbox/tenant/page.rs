//! A page of the list.

use super::super::fault::What;
use super::keys::KeyView;

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPage {
    pub keys: Vec<KeyView>,
    pub has_next_page: bool,
}

/// Cuts the page out, and spoils it as the fault says.
pub(super) fn page(
    all: Vec<KeyView>,
    first: Option<u32>,
    after: Option<&str>,
    what: Option<&What>,
    other_etag: impl FnOnce() -> String,
) -> KeyPage {
    // Ids grow, so a page goes on in the right place even when the key before it was deleted.
    let last: u64 = after.and_then(|id| id.parse().ok()).unwrap_or(0);
    let start = all.iter().filter(|key| key.id.parse::<u64>().is_ok_and(|id| id <= last)).count();
    let rest = all.len().saturating_sub(start);
    let length = first.and_then(|first| usize::try_from(first).ok()).unwrap_or(rest).min(rest);
    let mut keys: Vec<KeyView> = all.into_iter().skip(start).take(length).collect();
    let mut has_next_page = length < rest;
    match what {
        Some(What::IncompletePage { keep }) => {
            keys.truncate(usize::try_from(*keep).unwrap_or(usize::MAX));
            has_next_page = false;
        }
        Some(What::DuplicateKey) => {
            if let Some(key) = keys.first().cloned() {
                keys.push(KeyView { etag: other_etag(), ..key });
            }
        }
        _ => {}
    }
    KeyPage { keys, has_next_page }
}
