//! One create in flight per organisation, over every client of this process: an unanswered create
//! can only be told apart from another when there is no other.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

type Slot = tokio::sync::Mutex<()>;

/// Bounded by the clients alive: a slot that nobody holds is dropped when the next one is made.
static SLOTS: LazyLock<Mutex<HashMap<String, Weak<Slot>>>> = LazyLock::new(Mutex::default);

/// The slot of the organisation behind this GraphQL address. A key and its address belong to one
/// organisation; two organisations behind one address merely wait for each other.
pub(super) fn of(graphql_url: &str) -> Arc<Slot> {
    let mut slots = SLOTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(slot) = slots.get(graphql_url).and_then(Weak::upgrade) {
        return slot;
    }
    slots.retain(|_, slot| slot.strong_count() > 0);
    let slot = Arc::new(Slot::default());
    slots.insert(graphql_url.to_owned(), Arc::downgrade(&slot));
    slot
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_one_address_share_a_slot_and_forgotten_slots_go() {
        let first = of("https://one.example/graphql");
        let second = of("https://one.example/graphql");
        assert!(Arc::ptr_eq(&first, &second));
        let gone = Arc::downgrade(&of("https://two.example/graphql"));
        let third = of("https://three.example/graphql");
        assert!(gone.upgrade().is_none());
        assert!(!SLOTS.lock().unwrap().contains_key("https://two.example/graphql"));
        assert!(!Arc::ptr_eq(&first, &third));
    }
}
