//! What can go wrong with the store, in sentences a person can act on.

/// Why the store did not do something. In every case the change that was asked for left no trace,
/// and nothing that was accepted earlier is lost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk, or the room the store may use, is full.
    #[error(
        "the disk that holds the store is full ({0}). This change was not made and nothing accepted earlier is lost. \
         Free some space and try again; wilco does not have to be restarted"
    )]
    Full(String),

    /// Another program kept the store locked for longer than the store waits (5 s).
    #[error(
        "another program keeps the store locked ({0}). This change was not made and nothing accepted earlier is lost. \
         Try again in a moment; if it stays like this, find the program that has the database open"
    )]
    Busy(String),

    /// The file could not be read or written, or the change broke down while it ran.
    #[error(
        "the store could not be read or written ({0}). This change was not made and nothing accepted earlier is lost. \
         Check that the disk works and that the file belongs to wilco's user, then try again"
    )]
    Io(String),

    /// Somebody has moved, removed or replaced the database file while this program holds it open. What was
    /// written now would be gone at the next start, so nothing is.
    #[error(
        "the store's file is gone: {0} was moved, removed or replaced while wilco runs. Nothing was changed and nothing \
         new is accepted. Put that very file back and wilco goes on by itself; where it is lost, stop wilco and restore \
         a backup"
    )]
    Gone(String),

    /// A newer wilco has changed the tables; this one would not understand them.
    #[error(
        "the store was written by a newer wilco: it has migration {found}, this program knows them up to {known}. \
         Nothing was changed. Start the newer wilco, or restore a backup from before the upgrade"
    )]
    Newer {
        /// The newest migration in the database that this program does not know.
        found: String,
        /// The newest migration that this program knows.
        known: String,
    },

    /// A second instance: another process serves this store (exit code 75).
    #[error(
        "{} already serves this store (it holds {path}). Nothing was changed. \
         Stop that one first, or give this one another store",
        holder(*.pid)
    )]
    Locked {
        /// The process that holds the lock, where it has said so.
        pid: Option<u32>,
        /// The lock file.
        path: String,
    },

    /// A stored value is not what the program expects there.
    #[error(
        "the store holds something unreadable in `{what}`: {why}. It was left as it is and nothing else is touched. \
         Please report it, and keep a copy of the database"
    )]
    Undecodable {
        /// The column.
        what: String,
        /// What is wrong with it; never the value itself, which may be private.
        why: String,
    },

    /// The database refused a statement: a constraint of a table, or a statement that is wrong.
    #[error(
        "the database refused the change ({0}). Nothing was changed. This is a mistake in wilco: please report it with \
         this line"
    )]
    Constraint(String),

    /// A rule said no; the change carries its reason.
    #[error("not done: {0}. Nothing was changed")]
    Refused(String),

    /// The address of the store cannot be used.
    #[error("the store's address cannot be used: {0}. Nothing was changed. An address looks like `sqlite:wilco.db`")]
    BadUrl(String),

    /// The store is closed because the process is stopping.
    #[error(
        "the store is closed because wilco is stopping. This change was not made and nothing accepted earlier is lost. \
         Try again when wilco is running"
    )]
    Closed,
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another wilco".to_owned(), |pid| format!("another wilco (process {pid})"))
}

impl StoreError {
    /// Whether the same change may well succeed later without anybody changing the program or the data.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Full(_) | Self::Busy(_) | Self::Io(_) | Self::Gone(_) => true,
            Self::Newer { .. }
            | Self::Locked { .. }
            | Self::Undecodable { .. }
            | Self::Constraint(_)
            | Self::Refused(_)
            | Self::BadUrl(_)
            | Self::Closed => false,
        }
    }

    /// Whether SQLite may have undone more than the statement that failed.
    ///
    /// After SQLITE_FULL, IOERR, NOMEM, INTERRUPT and BUSY the whole transaction may be gone,
    /// released savepoints included; the error alone does not say.
    pub(crate) fn spoils_transaction(&self) -> bool {
        match self {
            Self::Full(_) | Self::Busy(_) | Self::Io(_) | Self::Gone(_) | Self::Closed => true,
            Self::Newer { .. }
            | Self::Locked { .. }
            | Self::Undecodable { .. }
            | Self::Constraint(_)
            | Self::Refused(_)
            | Self::BadUrl(_) => false,
        }
    }

    /// Sorts an error of SQLite by its primary result code (sqlite.org/rescode.html).
    ///
    /// `doing` names the step that failed when that is not the change's own statement.
    pub(crate) fn from_sqlite(error: &sqlx::Error, doing: Option<&str>) -> Self {
        let told = |text: &str| doing.map_or_else(|| text.to_owned(), |doing| format!("{doing}: {text}"));
        let Some(database) = error.as_database_error() else {
            return Self::Io(told(&error.to_string()));
        };
        let text = told(database.message());
        let code = database.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or(0);
        match code & 0xff {
            // SQLITE_FULL.
            13 => Self::Full(text),
            // SQLITE_BUSY and SQLITE_LOCKED.
            5 | 6 => Self::Busy(text),
            // ERROR (wrong SQL), TOOBIG, CONSTRAINT, MISMATCH, RANGE: SQLite undoes the statement alone.
            1 | 18 | 19 | 20 | 25 => Self::Constraint(text),
            // NOMEM, READONLY, INTERRUPT, IOERR, CORRUPT, CANTOPEN, NOTADB and whatever else there may be.
            _ => Self::Io(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> Vec<StoreError> {
        vec![
            StoreError::Full("x".into()),
            StoreError::Busy("x".into()),
            StoreError::Io("x".into()),
            StoreError::Gone("w.db".into()),
            StoreError::Newer { found: "0009".into(), known: "0001".into() },
            StoreError::Locked { pid: Some(41), path: "w.db.lock".into() },
            StoreError::Undecodable { what: "state".into(), why: "unknown".into() },
            StoreError::Constraint("x".into()),
            StoreError::Refused("x".into()),
            StoreError::BadUrl("x".into()),
            StoreError::Closed,
        ]
    }

    #[test]
    fn every_error_says_that_nothing_was_lost_or_changed() {
        for error in one_of_each() {
            let text = error.to_string();
            assert!(
                text.contains("Nothing was changed")
                    || text.contains("nothing accepted earlier is lost")
                    || text.contains("left as it is"),
                "{text}"
            );
        }
    }

    #[test]
    fn only_what_passes_by_itself_is_transient() {
        let transient: Vec<StoreError> = one_of_each().into_iter().filter(StoreError::is_transient).collect();
        assert_eq!(transient.len(), 4, "{transient:?}");
    }

    #[test]
    fn a_second_instance_is_named_by_its_process() {
        let known = StoreError::Locked { pid: Some(41), path: "w.db.lock".into() }.to_string();
        assert!(known.starts_with("another wilco (process 41) already serves this store"), "{known}");
        let unknown = StoreError::Locked { pid: None, path: "w.db.lock".into() }.to_string();
        assert!(unknown.starts_with("another wilco already serves this store"), "{unknown}");
    }
}
