//! What every journal must do, as one suite that runs against each of them; and what the durable
//! one must do beyond that: tampering, other people's files, crashes, full and failing disks.
//!
//! Some tests start this binary again as a child (`child.rs`) to kill it, to limit it, or to take
//! its disk away. Two of them need `unshare` and `strace`; without them they say that they skip.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, a child reports on stdout, and a skip is said on stderr"
)]

mod cases;
mod child;
mod crash;
mod disk;
mod harness;
mod lock;
mod memory;
mod opening;
mod reading;
mod tampering;

macro_rules! suite {
    ($($case:ident)*) => {
        mod in_memory {
            $(
                #[tokio::test]
                async fn $case() {
                    crate::cases::$case(&crate::harness::InMemory::new()).await;
                }
            )*
        }

        mod in_sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    crate::cases::$case(&crate::harness::InSqlite::new()).await;
                }
            )*
        }
    };
}

suite! {
    an_empty_journal_has_no_streams_and_a_head_of_zeros
    events_come_back_in_order_without_gaps
    streams_are_sorted_and_kept_apart
    a_wrong_expectation_appends_nothing
    of_two_writers_the_slower_is_stale_and_then_reads_the_other_s_events
    events_of_one_append_are_there_all_or_none
    every_event_moves_the_head
    what_was_appended_is_the_same_after_reopening
    an_append_of_nothing_changes_nothing
    racing_writers_lose_nothing_and_leave_no_gap
    odd_text_comes_back_as_it_went_in
}
