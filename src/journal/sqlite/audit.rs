//! The journal as evidence: its rows with their hashes, for whoever compares it with an outside
//! copy. Reads only; every row was followed by the chain before it is shown.

use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{self, signed};
use super::trouble::Trouble;
use super::{Side, SqliteJournal};
use crate::domain::ids::SecretKey;
use crate::journal::chain::{Chain, GENESIS};
use crate::journal::text;
use crate::port::{JournalError, Recorded};

/// One row with what chains it to its neighbours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub stream: SecretKey,
    pub recorded: Recorded,
    pub previous_hash: String,
    pub hash: String,
}

/// A chain that holds, up to its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The journal's own random id.
    pub journal_id: String,
    /// Number of rows, and the last one's sequence.
    pub rows: u64,
    /// The last row's hash; zeros where there is none.
    pub head: String,
    /// Every stream, sorted.
    pub streams: Vec<StreamSurvey>,
    /// The row of each hash that was asked for, in that order. 0 is the beginning, before any row.
    pub found: Vec<Option<u64>>,
}

/// One stream of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSurvey {
    pub stream: SecretKey,
    pub rows: u64,
    /// The stream's last row.
    pub sequence: u64,
    pub hash: String,
}

impl SqliteJournal {
    /// Recomputes nothing that opening has not: it tells what the chain was found to be, looks for
    /// damage that the chain cannot show, and for the row of each hash in `heads`.
    ///
    /// # Errors
    /// `Broken` names what does not hold.
    pub async fn survey(&self, heads: Vec<String>) -> Result<Survey, JournalError> {
        let look = move |conn: &Connection, chain: &Chain| survey(conn, chain, &heads);
        self.ask(move |side: &mut Side| side.read(look)).await
    }

    /// At most `limit` rows after `sequence`, in the order of the chain. Rows never change, so that
    /// a caller who goes on from the last one reads the journal without a gap.
    ///
    /// # Errors
    /// `Broken` names a row that changed since it was followed, or is not understood.
    pub async fn links_after(&self, sequence: u64, limit: u32) -> Result<Vec<Link>, JournalError> {
        let look = move |conn: &Connection, chain: &Chain| links(conn, chain, sequence, limit);
        self.ask(move |side: &mut Side| side.read(look)).await
    }
}

fn survey(conn: &Connection, chain: &Chain, heads: &[String]) -> Result<Survey, Trouble> {
    rows::check_pages(conn)?;
    let mut last = conn
        .prepare_cached("SELECT sequence, hash FROM events WHERE stream = ?1 AND position = ?2")?;
    let mut streams = Vec::new();
    for (name, rows) in chain.positions() {
        let (sequence, hash): (i64, String) = last
            .query_row(params![name, signed(rows)], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .ok_or_else(|| Trouble::broken("the index does not find every row of a stream"))?;
        let (stream, sequence) = (text::stream(name)?, rows::unsigned(sequence)?);
        streams.push(StreamSurvey { stream, rows, sequence, hash });
    }
    let found = heads.iter().map(|hash| row_of(conn, hash)).collect::<Result<_, _>>()?;
    Ok(Survey {
        journal_id: chain.journal_id().to_owned(),
        rows: chain.sequence(),
        head: chain.hash().to_owned(),
        streams,
        found,
    })
}

fn row_of(conn: &Connection, hash: &str) -> Result<Option<u64>, Trouble> {
    if hash == GENESIS {
        return Ok(Some(0));
    }
    let mut statement = conn.prepare_cached("SELECT sequence FROM events WHERE hash = ?1")?;
    let found: Option<i64> = statement.query_row([hash], |row| row.get(0)).optional()?;
    found.map(rows::unsigned).transpose()
}

fn links(conn: &Connection, chain: &Chain, after: u64, limit: u32) -> Result<Vec<Link>, Trouble> {
    let mut statement = conn.prepare_cached(
        "SELECT sequence, stream, position, at, event, previous_hash, hash FROM events \
         WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
    )?;
    let mut found = statement.query(params![signed(after), limit])?;
    let mut links = Vec::new();
    while let Some(row) = found.next()? {
        let row = rows::borrow(row).map_err(|_| Trouble::broken("a row is unreadable"))?;
        if !chain.holds(&row) {
            let why = format!("row {} was changed while in use", row.sequence);
            return Err(Trouble::broken(why));
        }
        links.push(Link {
            stream: text::stream(row.stream)?,
            recorded: text::read(&row)?,
            previous_hash: row.previous_hash.to_owned(),
            hash: row.hash.to_owned(),
        });
    }
    Ok(links)
}
