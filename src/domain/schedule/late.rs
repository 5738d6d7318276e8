//! When to start what should have started while nobody looked: after a stop, a suspension, or an
//! edit, all that was missed comes at once, and must not start at once.

use super::jitter::place_ms;
use crate::domain::policy::duration::MINUTE_MS;

/// Noticed no later than this, a policy starts at once.
pub const ON_TIME_MS: i64 = 5 * MINUTE_MS;

/// When a policy that was due at `due_ms` and noticed at `noticed_ms` is to start: never before it
/// was noticed, and at most `window_ms` after. All times in milliseconds.
///
/// Each policy has a place in the window by its name, and windows follow each other from the epoch
/// on. So a restart before its place finds the same place again, and never puts it off.
#[must_use]
pub fn catch_up_ms(name: &str, due_ms: i64, noticed_ms: i64, window_ms: i64) -> i64 {
    if noticed_ms.saturating_sub(due_ms) <= ON_TIME_MS || window_ms <= 0 {
        return noticed_ms.max(due_ms);
    }
    let place_ms = place_ms(name, window_ms);
    let wait_ms = place_ms.saturating_sub(noticed_ms.rem_euclid(window_ms)).rem_euclid(window_ms);
    noticed_ms.saturating_add(wait_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::duration::HOUR_MS;
    use proptest::prelude::*;

    const NOON_MS: i64 = 1_800_014_400_000;

    #[test]
    fn what_is_noticed_in_time_starts_at_once() {
        assert_eq!(catch_up_ms("a", NOON_MS, NOON_MS + 5_000, HOUR_MS), NOON_MS + 5_000);
        assert_eq!(catch_up_ms("a", NOON_MS, NOON_MS - 5_000, HOUR_MS), NOON_MS);
        assert_eq!(catch_up_ms("a", 0, NOON_MS, 0), NOON_MS);
    }

    #[test]
    fn many_that_were_missed_do_not_start_together() {
        let mut starts: Vec<i64> =
            (0..500).map(|n| catch_up_ms(&format!("p{n}"), 0, NOON_MS, HOUR_MS)).collect();
        starts.sort_unstable();
        let crowd = starts.windows(30).map(|some| some[29] - some[0]).min();
        assert!(crowd > Some(60_000), "30 starts within {crowd:?} ms");
    }

    proptest! {
        #[test]
        fn a_restart_never_puts_a_start_off(
            name in "[a-z]{1,8}",
            late_ms in 300_001i64..400_000_000,
            window_ms in 1i64..100_000_000,
            again in proptest::collection::vec(0.0f64..=1.0, 0..6),
        ) {
            let mut noticed_ms = NOON_MS + late_ms;
            let start_ms = catch_up_ms(&name, NOON_MS, noticed_ms, window_ms);
            prop_assert!((noticed_ms..=noticed_ms + window_ms).contains(&start_ms));
            for part in again {
                #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "test")]
                let step_ms = ((start_ms - noticed_ms) as f64 * part) as i64;
                noticed_ms += step_ms;
                prop_assert_eq!(catch_up_ms(&name, NOON_MS, noticed_ms, window_ms), start_ms);
            }
        }

        #[test]
        fn no_numbers_panic(due in any::<i64>(), noticed in any::<i64>(), window in any::<i64>()) {
            let _ = catch_up_ms("a", due, noticed, window);
        }
    }
}
