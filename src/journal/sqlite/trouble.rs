//! What SQLite's errors mean for a journal. Its messages name files, tables, and reasons, never
//! the values that were bound.

use rusqlite::ErrorCode;
use rusqlite::ffi;
use rusqlite::types::FromSqlError;

use crate::port::JournalError;

/// A failure, before it is known what to do about it.
#[derive(Debug)]
pub(super) enum Trouble {
    Database(rusqlite::Error),
    Refused(JournalError),
    /// The file's name no longer stands for the file that is open.
    Moved,
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<JournalError> for Trouble {
    fn from(error: JournalError) -> Self {
        Self::Refused(error)
    }
}

impl From<FromSqlError> for Trouble {
    fn from(_: FromSqlError) -> Self {
        Self::broken("a row holds something else than text and numbers")
    }
}

impl Trouble {
    pub(super) fn broken(why: impl Into<String>) -> Self {
        Self::Refused(JournalError::Broken(why.into()))
    }

    fn sqlite(&self) -> Option<&ffi::Error> {
        match self {
            Self::Database(rusqlite::Error::SqliteFailure(code, _)) => Some(code),
            _ => None,
        }
    }

    /// Whether room on the disk may help. A quota and a file-size limit show as failed writes.
    pub(super) fn wants_room(&self) -> bool {
        self.sqlite().is_some_and(|error| {
            error.code == ErrorCode::DiskFull
                || matches!(
                    error.extended_code,
                    ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_IOERR_SHMOPEN
                )
        })
    }

    /// Whether the connection, and what it says of the last commit, is no longer to be believed.
    pub(super) fn leaves_doubt(&self) -> bool {
        matches!(self, Self::Moved)
            || self.sqlite().is_some_and(|error| error.code == ErrorCode::SystemIoFailure)
    }

    /// As a journal that was to be opened.
    pub(super) fn while_opening(self) -> JournalError {
        self.explain(JournalError::NotOurs)
    }

    /// As a journal that is open.
    pub(super) fn in_use(self) -> JournalError {
        self.explain(JournalError::Unwritable)
    }

    fn explain(self, denied: fn(String) -> JournalError) -> JournalError {
        let error = match self {
            Self::Refused(error) => return error,
            Self::Moved => {
                let why = "the file was moved or removed while in use: put it back";
                return JournalError::Unwritable(why.to_owned());
            }
            Self::Database(error) => error,
        };
        let why = error.to_string();
        let rusqlite::Error::SqliteFailure(code, _) = error else {
            return JournalError::Broken(why);
        };
        if code.extended_code == ffi::SQLITE_IOERR_CORRUPTFS {
            return JournalError::Broken(why);
        }
        match code.code {
            ErrorCode::DiskFull => JournalError::Unwritable(format!("{why}: free some space")),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                JournalError::Unwritable(format!("another process holds it: {why}"))
            }
            ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OperationInterrupted
            | ErrorCode::OperationAborted => JournalError::Unwritable(why),
            ErrorCode::PermissionDenied
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::AuthorizationForStatementDenied => denied(why),
            _ => JournalError::Broken(why),
        }
    }
}
