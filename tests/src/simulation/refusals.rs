//! A database that refuses a statement in the middle of a change, as a constraint does of which nobody has
//! thought: a trigger that another connection creates, and takes away again.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::schedule::Table;

impl Table {
    fn refuse(self) -> &'static str {
        match self {
            Self::Contracts => {
                "CREATE TRIGGER IF NOT EXISTS refuse_contracts BEFORE INSERT ON contracts \
                 BEGIN SELECT RAISE(ABORT, 'made to fail'); END"
            }
            Self::Stubs => {
                "CREATE TRIGGER IF NOT EXISTS refuse_stubs BEFORE INSERT ON receipts \
                 WHEN NEW.kind = 'stub' AND NEW.part = 0 AND NEW.generation = 0 \
                 BEGIN SELECT RAISE(ABORT, 'made to fail'); END"
            }
            Self::Occurrences => {
                "CREATE TRIGGER IF NOT EXISTS refuse_occurrences BEFORE INSERT ON occurrences \
                 BEGIN SELECT RAISE(ABORT, 'made to fail'); END"
            }
        }
    }

    fn relent(self) -> &'static str {
        match self {
            Self::Contracts => "DROP TRIGGER IF EXISTS refuse_contracts",
            Self::Stubs => "DROP TRIGGER IF EXISTS refuse_stubs",
            Self::Occurrences => "DROP TRIGGER IF EXISTS refuse_occurrences",
        }
    }
}

/// From now on the store refuses new rows of a table.
pub(super) async fn begin(store: &Path, table: Table) {
    execute(store, table.refuse()).await;
}

/// From now on the store takes new rows of a table again.
pub(super) async fn end(store: &Path, table: Table) {
    execute(store, table.relent()).await;
}

async fn execute(store: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(store).create_if_missing(false).disable_statement_logging();
    let mut connection: SqliteConnection = options.connect().await.expect("the store opens beside the process");
    sqlx::query(sql).execute(&mut connection).await.expect("the trigger is made or taken away");
    connection.close().await.expect("the connection closes");
}
