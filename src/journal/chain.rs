//! The hash chain: what makes a row the successor of the row before. PURE: no I/O, no clock.
//!
//! Each hash covers the journal's id, the hash before, and every stored field, so that a row can
//! be neither changed nor moved, nor brought in from another journal.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

/// Keeps these hashes apart from every other use of SHA-256. The number is the row format's.
const DOMAIN: &str = "rekeyd/journal/1";

/// Stands before the first row.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One row, exactly as it is stored. What is hashed is this text, never a re-serialisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row<Text> {
    pub sequence: u64,
    pub stream: Text,
    pub position: u64,
    /// The stamp, as JSON.
    pub at: Text,
    /// The event, as JSON.
    pub event: Text,
    pub previous_hash: Text,
    pub hash: Text,
}

impl<Text: AsRef<str>> Row<Text> {
    fn computed_hash(&self, journal_id: &str) -> String {
        let mut hash = Sha256::new();
        let sequence = self.sequence.to_string();
        let position = self.position.to_string();
        let parts = [
            DOMAIN,
            journal_id,
            self.previous_hash.as_ref(),
            &sequence,
            self.stream.as_ref(),
            &position,
            self.at.as_ref(),
            self.event.as_ref(),
        ];
        // With its length before it, no part can lend bytes to its neighbour.
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hex::encode(hash.finalize())
    }
}

/// The first row that does not follow from the rows before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {sequence} {problem}")]
pub(super) struct Break {
    pub sequence: u64,
    pub problem: &'static str,
}

/// A verified chain up to its head. Holds one number a stream, and no rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chain {
    journal_id: String,
    sequence: u64,
    hash: String,
    last: BTreeMap<String, u64>,
}

impl Chain {
    pub(super) fn new(journal_id: impl Into<String>) -> Self {
        Self {
            journal_id: journal_id.into(),
            sequence: 0,
            hash: GENESIS.to_owned(),
            last: BTreeMap::new(),
        }
    }

    pub(super) fn journal_id(&self) -> &str {
        &self.journal_id
    }

    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(super) fn hash(&self) -> &str {
        &self.hash
    }

    /// The stream's last position; 0 for a stream without events.
    pub(super) fn position(&self, stream: &str) -> u64 {
        self.last.get(stream).copied().unwrap_or(0)
    }

    /// Every stream, sorted.
    pub(super) fn streams(&self) -> impl Iterator<Item = &str> {
        self.last.keys().map(String::as_str)
    }

    /// Every stream with its last position, sorted.
    pub(super) fn positions(&self) -> impl Iterator<Item = (&str, u64)> {
        self.last.iter().map(|(stream, position)| (stream.as_str(), *position))
    }

    /// Takes in the next row. A row that does not follow leaves the chain as it was.
    pub(super) fn follow<Text: AsRef<str>>(&mut self, row: &Row<Text>) -> Result<(), Break> {
        let expected = self.sequence.saturating_add(1);
        let bad = |sequence, problem| Err(Break { sequence, problem });
        if row.sequence != expected {
            return bad(expected, "is missing");
        }
        if row.previous_hash.as_ref() != self.hash {
            return bad(expected, "does not follow the row before it");
        }
        if !self.holds(row) {
            return bad(expected, "was changed after it was written");
        }
        let stream = row.stream.as_ref();
        if row.position != self.position(stream).saturating_add(1) {
            return bad(expected, "has the wrong position in its stream");
        }
        self.sequence = row.sequence;
        row.hash.as_ref().clone_into(&mut self.hash);
        match self.last.get_mut(stream) {
            Some(position) => *position = row.position,
            None => {
                self.last.insert(stream.to_owned(), row.position);
            }
        }
        Ok(())
    }

    /// Whether the row is one that this journal wrote, wherever it stands.
    pub(super) fn holds<Text: AsRef<str>>(&self, row: &Row<Text>) -> bool {
        row.hash.as_ref() == row.computed_hash(&self.journal_id)
    }

    /// The rows that would append `events` to `stream`. The chain itself stays where it is until
    /// it follows them, which is to happen when they are durable.
    pub(super) fn draft(&self, stream: &str, at: &str, events: &[String]) -> Vec<Row<String>> {
        let (mut sequence, mut position) = (self.sequence, self.position(stream));
        let mut previous_hash = self.hash.clone();
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            sequence = sequence.saturating_add(1);
            position = position.saturating_add(1);
            let mut row = Row {
                sequence,
                stream: stream.to_owned(),
                position,
                at: at.to_owned(),
                event: event.clone(),
                previous_hash,
                hash: String::new(),
            };
            row.hash = row.computed_hash(&self.journal_id);
            previous_hash = row.hash.clone();
            rows.push(row);
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: usize) -> Vec<Row<String>> {
        let events: Vec<String> = (0..count).map(|n| format!("{{\"n\":{n}}}")).collect();
        Chain::new("journal").draft("stream", "{}", &events)
    }

    fn first_break(rows: &[Row<String>]) -> Option<u64> {
        let mut chain = Chain::new("journal");
        rows.iter().find_map(|row| chain.follow(row).err()).map(|broken| broken.sequence)
    }

    #[test]
    fn what_was_drafted_is_followed() {
        assert_eq!(first_break(&rows(5)), None);
    }

    #[test]
    fn a_change_to_any_field_of_a_row_is_found_at_that_row() {
        let changes: [fn(&mut Row<String>); 7] = [
            |row| row.sequence += 1,
            |row| row.stream.push('x'),
            |row| row.position += 1,
            |row| row.at.push(' '),
            |row| row.event.push(' '),
            |row| row.previous_hash.replace_range(0..1, "g"),
            |row| row.hash.replace_range(0..1, "g"),
        ];
        for change in changes {
            let mut rows = rows(5);
            change(&mut rows[2]);
            assert_eq!(first_break(&rows), Some(3));
        }
    }

    #[test]
    fn bytes_moved_between_neighbouring_fields_are_found() {
        let mut rows = rows(3);
        let end = rows[1].stream.pop().unwrap();
        rows[1].at.insert(0, end);
        assert_eq!(first_break(&rows), Some(2));
    }

    #[test]
    fn a_removed_row_and_two_swapped_rows_are_found() {
        let mut removed = rows(5);
        removed.remove(1);
        assert_eq!(first_break(&removed), Some(2));
        let mut swapped = rows(5);
        swapped.swap(1, 2);
        assert_eq!(first_break(&swapped), Some(2));
    }

    #[test]
    fn rows_of_another_journal_do_not_fit() {
        let mut other = Chain::new("another");
        assert_eq!(other.follow(&rows(1)[0]).unwrap_err().sequence, 1);
        assert_eq!(other, Chain::new("another"));
    }
}
