//! The file format: settings of a connection, tables, and whose file it is.
//! Changes nothing in a file that is not ours or is newer.

use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use uuid::Uuid;

use super::trouble::Trouble;
use crate::port::JournalError;

/// `rkyd`: says `file(1)` and us whose database it is.
const APPLICATION_ID: i32 = 0x726b_7964;

/// Raised by every change of the tables; kept in `user_version`.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// How long a statement waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// In the order of their names, as SQLite keeps them.
const TABLES: [&str; 2] = [
    "CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    position INTEGER NOT NULL,
    at TEXT NOT NULL,
    event TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    UNIQUE (stream, position)
) STRICT",
    "CREATE TABLE meta (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    journal TEXT NOT NULL,
    created TEXT NOT NULL
) STRICT",
];

/// What a file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing in it yet.
    Empty,
    /// A journal with this id.
    Journal(String),
}

/// Settings of every connection, none of which touches the file.
pub(super) fn tune(conn: &Connection) -> Result<(), Trouble> {
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.pragma_update(None, "cell_size_check", true)?;
    // A commit returns after an fsync. NORMAL, with WAL, would lose commits with the power.
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "fullfsync", true)?;
    conn.pragma_update(None, "checkpoint_fullfsync", true)?;
    Ok(())
}

/// Reads whose file it is, and refuses one that is not ours to read.
pub(super) fn inspect(conn: &Connection) -> Result<Found, Trouble> {
    let number = |pragma: &str| conn.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let application_id = number("application_id")?;
    let version = number("user_version")?;
    let mut statement = conn.prepare(
        "SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )?;
    let tables: Vec<Option<String>> =
        statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    if application_id == 0 && version == 0 && tables.is_empty() {
        return Ok(Found::Empty);
    }
    if application_id != i64::from(APPLICATION_ID) {
        return Err(Trouble::broken("it is a database, and not a journal of rekeyd"));
    }
    match u32::try_from(version) {
        Ok(SCHEMA_VERSION) => {}
        Ok(found) if found > SCHEMA_VERSION => {
            return Err(JournalError::Newer { found, known: SCHEMA_VERSION }.into());
        }
        _ => return Err(Trouble::broken(format!("it has schema version {version}"))),
    }
    if !tables.iter().map(Option::as_deref).eq(TABLES.map(Some)) {
        return Err(Trouble::broken("its tables are not the ones that rekeyd made"));
    }
    let id = conn.query_row("SELECT journal FROM meta", [], |row| row.get(0)).optional()?;
    id.map(Found::Journal).ok_or_else(|| Trouble::broken("it has lost its id"))
}

/// Brings a file that is opened for writing to a usable journal; answers its id.
pub(super) fn prepare(conn: &mut Connection) -> Result<String, Trouble> {
    let found = inspect(conn)?;
    let mode: String =
        conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        let why = format!("the file system offers no write-ahead log (mode {mode})");
        return Err(JournalError::Unwritable(why).into());
    }
    match found {
        Found::Journal(id) => Ok(id),
        Found::Empty => create(conn),
    }
}

fn create(conn: &mut Connection) -> Result<String, Trouble> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been quicker.
    if let Found::Journal(id) = inspect(&transaction)? {
        return Ok(id);
    }
    let id = fill(&transaction)?;
    transaction.commit()?;
    Ok(id)
}

#[expect(clippy::disallowed_methods, reason = "a note for people, decided on by nothing")]
fn fill(transaction: &Transaction<'_>) -> Result<String, Trouble> {
    for table in TABLES {
        transaction.execute(table, [])?;
    }
    let id = Uuid::new_v4().to_string();
    let created = jiff::Timestamp::now().to_string();
    transaction
        .execute("INSERT INTO meta (only, journal, created) VALUES (1, ?1, ?2)", [&id, &created])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    Ok(id)
}
