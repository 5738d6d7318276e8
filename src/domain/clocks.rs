//! Three witnesses of time (R19): the wall clock, a server's `Date`, and time observed by a
//! clock that counts suspension. Reads no clock: stamps come in as values.

use serde::{Deserialize, Serialize};

/// What the shell read from its clocks at one moment. Goes into the journal with every event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// Milliseconds since the Unix epoch, by this machine's clock; may step either way.
    pub wall_ms: i64,
    /// Which boot `boottime_ms` counts from (Linux: `/proc/sys/kernel/random/boot_id`).
    pub boot: String,
    /// Milliseconds since that boot, suspension included (Linux: `CLOCK_BOOTTIME`). Never steps.
    pub boottime_ms: i64,
    /// The latest `Date` of an authenticated reply, carried forward by `boottime_ms`.
    pub dated: Option<Dated>,
}

/// A server's idea of now. Dates of two servers are never compared with each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dated {
    pub source: DateSource,
    pub ms: i64,
}

/// Whose `Date` it was. A later variant is preferred where several are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateSource {
    Store,
    Auth,
    Api,
}

/// A moment as the protocol remembers it: all three witnesses.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub struct Moment {
    pub wall_ms: i64,
    pub dated: Option<Dated>,
    /// Time this secret's journal has seen pass, summed over boots; gaps between boots not counted.
    pub observed_ms: i64,
}

impl Moment {
    /// When it was, for calendars: by the wall clock, or by a server's `Date` where the two differ
    /// so much that the wall clock was wrong. Never for a deadline: that is [`passed`].
    #[must_use]
    pub fn calendar_ms(&self) -> i64 {
        let wrong = |dated: &&Dated| self.wall_ms.abs_diff(dated.ms) > MAX_SKEW_MS as u64;
        self.dated.as_ref().filter(wrong).map_or(self.wall_ms, |dated| dated.ms)
    }
}

/// Folds stamps into moments. Part of the state, so replay gives the same answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Timekeeper {
    last: Option<Stamp>,
    observed_ms: i64,
}

/// The wall clock and a server's `Date` may differ by this much before a start is refused.
pub const MAX_SKEW_MS: i64 = 5 * 60 * 1000;

impl Timekeeper {
    /// Takes in a journaled stamp.
    pub fn advance(&mut self, stamp: &Stamp) {
        let now = self.moment(stamp);
        let mut last = stamp.clone();
        last.dated = now.dated;
        self.observed_ms = now.observed_ms;
        self.last = Some(last);
    }

    /// The moment a stamp stands for, as seen after everything taken in so far.
    #[must_use]
    pub fn moment(&self, stamp: &Stamp) -> Moment {
        let since_last = self.last.as_ref().filter(|last| last.boot == stamp.boot);
        let step = since_last.map_or(0, |last| (stamp.boottime_ms - last.boottime_ms).max(0));
        let carried = since_last
            .and_then(|last| last.dated.clone())
            .map(|dated| Dated { ms: dated.ms.saturating_add(step), ..dated });
        Moment {
            wall_ms: stamp.wall_ms,
            dated: stamp.dated.clone().or(carried),
            observed_ms: self.observed_ms.saturating_add(step),
        }
    }

    /// Whether this machine's clock can be believed for starting something new (R19).
    #[must_use]
    pub fn agrees(&self, stamp: &Stamp) -> bool {
        let now = self.moment(stamp);
        let with_server =
            now.dated.as_ref().is_none_or(|d| now.wall_ms.abs_diff(d.ms) <= MAX_SKEW_MS as u64);
        let with_itself = self.last.as_ref().filter(|l| l.boot == stamp.boot).is_none_or(|last| {
            let wall = stamp.wall_ms.saturating_sub(last.wall_ms);
            let boot = stamp.boottime_ms.saturating_sub(last.boottime_ms);
            // A step that a server's Date contradicts or confirms is the first test's business.
            now.dated.is_some() || wall.abs_diff(boot) <= MAX_SKEW_MS as u64
        });
        with_server && with_itself
    }

    /// The wall time of the last stamp taken in.
    #[must_use]
    pub fn last_wall_ms(&self) -> Option<i64> {
        self.last.as_ref().map(|last| last.wall_ms)
    }
}

/// The one comparison of deadlines (R19): has `duration_ms` passed from `since` to `now`?
///
/// The wall clock must say so, and a second witness: the same server's `Date`, or observed time.
/// A wall clock that went back is no witness; then observed time must say so, which never counts
/// more than has passed, and the `Date` too where both moments have one.
#[must_use]
pub fn passed(since: &Moment, now: &Moment, duration_ms: i64) -> bool {
    let wall = now.wall_ms.saturating_sub(since.wall_ms);
    let observed = now.observed_ms.saturating_sub(since.observed_ms) >= duration_ms;
    let dated = match (&since.dated, &now.dated) {
        (Some(then), Some(now)) if then.source == now.source => {
            Some(now.ms.saturating_sub(then.ms) >= duration_ms)
        }
        _ => None,
    };
    if wall < 0 {
        return observed && dated.unwrap_or(true);
    }
    wall >= duration_ms && (observed || dated.unwrap_or(false))
}

/// How long until `passed` may first hold, by the slowest witness that must agree; for sleeping
/// only, never for deciding. Zero when it holds.
#[must_use]
pub fn remaining_ms(since: &Moment, now: &Moment, duration_ms: i64) -> i64 {
    if passed(since, now, duration_ms) {
        return 0;
    }
    let wall = now.wall_ms.saturating_sub(since.wall_ms);
    let by_wall = if wall < 0 { 0 } else { duration_ms.saturating_sub(wall) };
    let by_observation =
        duration_ms.saturating_sub(now.observed_ms.saturating_sub(since.observed_ms));
    // Observed time lags after a restart; the Date may let us pass as soon as the wall does.
    let wait = if by_wall > 0 { by_wall } else { by_observation };
    // Where only the Date is not there yet, it is asked for again in a second.
    let wait = if wait > 0 { wait } else { 1_000 };
    wait.min(duration_ms.max(1))
}

impl Timekeeper {
    /// Whether the last stamp taken in is of the same boot as this one.
    #[must_use]
    pub fn knows_boot(&self, stamp: &Stamp) -> bool {
        self.last.as_ref().is_some_and(|last| last.boot == stamp.boot)
    }

    /// Observed time since the last stamp taken in.
    #[must_use]
    pub fn unrecorded_ms(&self, stamp: &Stamp) -> i64 {
        self.moment(stamp).observed_ms.saturating_sub(self.observed_ms)
    }
}
