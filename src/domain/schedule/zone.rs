//! Time zones, from the bundle in the binary, never from the machine.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

static TIME_ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone's name as the database writes it, where it is known.
#[must_use]
pub fn canonical_timezone(name: &str) -> Option<String> {
    time_zone(name)?.iana_name().map(str::to_owned)
}

/// Names of all known time zones.
#[must_use]
pub fn timezone_names() -> Vec<String> {
    TIME_ZONES.available().map(|name| name.as_str().to_owned()).collect()
}

pub(super) fn time_zone(name: &str) -> Option<TimeZone> {
    TIME_ZONES.get(name).ok()
}
