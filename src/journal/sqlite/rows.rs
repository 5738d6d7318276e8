//! Rows in and out of the table. Everything read is checked against the chain; nothing is ever
//! updated or deleted.

use rusqlite::{Connection, OptionalExtension, params};

use super::trouble::Trouble;
use crate::journal::chain::{Chain, Row};
use crate::journal::text::{self, MAX_TEXT_BYTES};
use crate::port::Recorded;

/// Refuses damage that the chain cannot show: pages of the index, pages out of place.
pub(super) fn check_pages(conn: &Connection) -> Result<(), Trouble> {
    let verdict: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(Trouble::broken(verdict)) }
}

/// Refuses a row that we would not have written for its size, without loading it.
pub(super) fn check_sizes(conn: &Connection) -> Result<(), Trouble> {
    let limit = i64::try_from(MAX_TEXT_BYTES).unwrap_or(i64::MAX);
    let mut statement = conn.prepare(
        "SELECT sequence FROM events WHERE max(octet_length(stream), octet_length(at), \
         octet_length(event), octet_length(previous_hash), octet_length(hash)) > ?1 \
         ORDER BY sequence LIMIT 1",
    )?;
    let found: Option<i64> = statement.query_row([limit], |row| row.get(0)).optional()?;
    match found {
        None => Ok(()),
        Some(sequence) => Err(Trouble::broken(format!("row {sequence} is too long"))),
    }
}

/// Follows every row after the chain's head, one at a time. Call it inside a transaction together
/// with whatever relies on it.
pub(super) fn catch_up(conn: &Connection, chain: &mut Chain) -> Result<(), Trouble> {
    let head = chain.sequence();
    // From the very first, a row below number 1 would be seen.
    let mut from = i64::MIN;
    if head > 0 {
        let mut statement = conn.prepare_cached("SELECT hash FROM events WHERE sequence = ?1")?;
        let hash: Option<String> =
            statement.query_row([signed(head)], |row| row.get(0)).optional()?;
        if hash.as_deref() != Some(chain.hash()) {
            return Err(Trouble::broken(format!("row {head} was changed or removed while in use")));
        }
        from = signed(head.saturating_add(1));
    }
    let mut statement = conn.prepare_cached(
        "SELECT sequence, stream, position, at, event, previous_hash, hash FROM events \
         WHERE sequence >= ?1 ORDER BY sequence",
    )?;
    let mut rows = statement.query([from])?;
    while let Some(row) = rows.next()? {
        let row = borrow(row).map_err(|_| unreadable(chain.sequence().saturating_add(1)))?;
        chain.follow(&row).map_err(|broken| Trouble::broken(broken.to_string()))?;
    }
    Ok(())
}

/// A stream from its beginning: all of it, up to where the chain knows it to be.
pub(super) fn replay(
    conn: &Connection,
    chain: &Chain,
    stream: &str,
) -> Result<Vec<Recorded>, Trouble> {
    let mut statement = conn.prepare_cached(
        "SELECT sequence, stream, position, at, event, previous_hash, hash FROM events \
         WHERE stream = ?1 ORDER BY position",
    )?;
    let mut rows = statement.query([stream])?;
    let mut recorded: Vec<Recorded> = Vec::new();
    while let Some(row) = rows.next()? {
        let row = borrow(row).map_err(|_| Trouble::broken("a row is unreadable"))?;
        let next = recorded.last().map_or(1, |last| last.position.saturating_add(1));
        if row.position != next || !chain.holds(&row) {
            let why = format!("row {} was changed while in use", row.sequence);
            return Err(Trouble::broken(why));
        }
        recorded.push(text::read(&row)?);
    }
    if recorded.len() as u64 != chain.position(stream) {
        return Err(Trouble::broken("the index does not find every row of a stream"));
    }
    Ok(recorded)
}

/// Whether the stream holds exactly these events directly after position `after`.
pub(super) fn holds(
    conn: &Connection,
    stream: &str,
    after: u64,
    events: &[String],
) -> Result<bool, Trouble> {
    let mut statement = conn.prepare_cached(
        "SELECT event FROM events WHERE stream = ?1 AND position > ?2 ORDER BY position",
    )?;
    let found: Vec<String> = statement
        .query_map(params![stream, signed(after)], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(found == events)
}

/// Inserts one row.
pub(super) fn insert(conn: &Connection, row: &Row<String>) -> Result<(), Trouble> {
    let mut statement = conn.prepare_cached(
        "INSERT INTO events (sequence, stream, position, at, event, previous_hash, hash) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    statement.execute(params![
        signed(row.sequence),
        row.stream,
        signed(row.position),
        row.at,
        row.event,
        row.previous_hash,
        row.hash
    ])?;
    Ok(())
}

pub(super) fn borrow<'r>(row: &'r rusqlite::Row<'_>) -> Result<Row<&'r str>, Trouble> {
    Ok(Row {
        sequence: unsigned(row.get(0)?)?,
        stream: row.get_ref(1)?.as_str()?,
        position: unsigned(row.get(2)?)?,
        at: row.get_ref(3)?.as_str()?,
        event: row.get_ref(4)?.as_str()?,
        previous_hash: row.get_ref(5)?.as_str()?,
        hash: row.get_ref(6)?.as_str()?,
    })
}

/// SQLite's integers are signed; a journal does not grow to where it matters.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> Result<u64, Trouble> {
    u64::try_from(number).map_err(|_| Trouble::broken("a row has a negative number"))
}

fn unreadable(sequence: u64) -> Trouble {
    Trouble::broken(format!("row {sequence} is missing or unreadable"))
}
