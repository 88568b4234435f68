//! The hash of everything that happened, by which two runs of one seed are compared.

use std::io::Write;
use std::path::Path;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use wilco_sim::Entry;

/// FNV-1a, 64 bits: the same on every machine and with every toolchain.
pub(super) struct Hash {
    value: u64,
    /// What was hashed, where somebody wants to compare it.
    story: Option<Vec<u8>>,
}

impl Hash {
    pub(super) fn new(with_story: bool) -> Self {
        Self { value: 0xcbf2_9ce4_8422_2325, story: with_story.then(Vec::new) }
    }

    pub(super) fn value(&self) -> u64 {
        self.value
    }

    pub(super) fn story(self) -> String {
        String::from_utf8_lossy(&self.story.unwrap_or_default()).into_owned()
    }

    /// Takes in the platform's log.
    pub(super) fn log(&mut self, log: &[Entry]) {
        for entry in log {
            serde_json::to_writer(&mut *self, entry).expect("an entry of the log is JSON");
            self.write_all(b"\n").expect("hashing cannot fail");
        }
    }

    /// Takes in every table of a store, row by row, without the folder's name.
    pub(super) async fn store(&mut self, store: &Path, folder: &str) {
        let mut connection = open(store).await;
        let tables =
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'schema_migrations' ORDER BY name";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.expect("the tables");
        for table in tables {
            let columns = format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}') ORDER BY cid");
            let columns: Vec<String> =
                sqlx::query_scalar(sqlx::AssertSqlSafe(columns)).fetch_all(&mut connection).await.expect("the columns");
            let rows = format!("SELECT {} FROM {table} ORDER BY rowid", columns.join(" || ',' || "));
            let rows: Vec<String> =
                sqlx::query_scalar(sqlx::AssertSqlSafe(rows)).fetch_all(&mut connection).await.expect("the rows");
            for row in rows {
                let line = format!("{table}: {}\n", row.replace(folder, "~"));
                self.write_all(line.as_bytes()).expect("hashing cannot fail");
            }
        }
        connection.close().await.expect("the connection closes");
    }
}

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let next = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        self.value = bytes.iter().fold(self.value, next);
        if let Some(story) = &mut self.story {
            story.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A connection of the check's own, which only reads.
pub(super) async fn open(store: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(store).read_only(true);
    SqliteConnection::connect_with(&options).await.expect("the store can be read")
}
