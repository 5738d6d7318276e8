//! Events and stamps as the text that is stored and hashed, and back. Never quotes that text in
//! an error.

use super::chain::Row;
use crate::domain::clocks::Stamp;
use crate::domain::ids::SecretKey;
use crate::domain::state::Event;
use crate::port::{JournalError, Recorded};

/// Bound of one event's or stamp's text.
pub(super) const MAX_TEXT_BYTES: usize = 1024 * 1024;
/// Bound of one append.
const MAX_EVENTS: usize = 1024;

/// A stamp and events as text.
pub(super) fn write(at: &Stamp, events: &[Event]) -> Result<(String, Vec<String>), JournalError> {
    let unfit = |why: String| Err(JournalError::Unwritable(why));
    if events.len() > MAX_EVENTS {
        return unfit(format!("{} events at once; at most {MAX_EVENTS} fit", events.len()));
    }
    let texts: Result<Vec<String>, serde_json::Error> =
        events.iter().map(serde_json::to_string).collect();
    let (Ok(at), Ok(texts)) = (serde_json::to_string(at), texts) else {
        return unfit("an event has no form as JSON".to_owned());
    };
    if let Some(long) = texts.iter().chain([&at]).find(|text| text.len() > MAX_TEXT_BYTES) {
        let bytes = long.len();
        return unfit(format!("an event of {bytes} bytes; at most {MAX_TEXT_BYTES} fit"));
    }
    Ok((at, texts))
}

/// A row as the port knows it.
pub(super) fn read<Text: AsRef<str>>(row: &Row<Text>) -> Result<Recorded, JournalError> {
    let unknown = |what: &str| {
        JournalError::Broken(format!(
            "row {} holds {what} that this rekeyd does not understand",
            row.sequence
        ))
    };
    Ok(Recorded {
        sequence: row.sequence,
        position: row.position,
        at: serde_json::from_str(row.at.as_ref()).map_err(|_| unknown("a stamp"))?,
        event: serde_json::from_str(row.event.as_ref()).map_err(|_| unknown("an event"))?,
    })
}

/// A stream's name as the port knows it.
pub(super) fn stream(name: &str) -> Result<SecretKey, JournalError> {
    SecretKey::new(name)
        .map_err(|error| JournalError::Broken(format!("a stream has an unusable name: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_not_understood_is_named_and_not_quoted() {
        let stamp = r#"{"wall_ms":1,"boot":"b","boottime_ms":1,"dated":null}"#;
        let checkpoint = r#"{"event":"checkpoint"}"#;
        let row = |at, event| Row {
            sequence: 7,
            stream: "s",
            position: 2,
            at,
            event,
            previous_hash: "",
            hash: "",
        };
        assert!(read(&row(stamp, checkpoint)).is_ok());
        for (at, event) in [
            (stamp, r#"{"event":"canary-of-a-later-rekeyd"}"#),
            (stamp, "canary"),
            (r#"{"canary":1}"#, checkpoint),
        ] {
            match read(&row(at, event)) {
                Err(JournalError::Broken(why)) => {
                    assert!(why.contains("row 7 ") && !why.contains("canary"), "{why}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
