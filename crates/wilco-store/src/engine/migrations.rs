//! The numbered changes of the schema. `migrations/README.md` has the rules for writing one.

use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;

/// One numbered change of the schema, embedded in the program.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Digits only; sorts as text, so every version has the same length.
    pub version: &'static str,
    /// What it does, in a word or two.
    pub name: &'static str,
    /// Portable SQL, statements ended by `;`.
    pub sql: &'static str,
}

/// Every migration, oldest first.
pub const ALL: &[Migration] = &[
    Migration { version: "0001", name: "first", sql: include_str!("../../../../migrations/0001_first.sql") },
    Migration {
        version: "0002",
        name: "retry_and_gate",
        sql: include_str!("../../../../migrations/0002_retry_and_gate.sql"),
    },
    Migration { version: "0003", name: "followups", sql: include_str!("../../../../migrations/0003_followups.sql") },
    Migration {
        version: "0004",
        name: "reassert_shape",
        sql: include_str!("../../../../migrations/0004_reassert_shape.sql"),
    },
    Migration { version: "0005", name: "access", sql: include_str!("../../../../migrations/0005_access.sql") },
];

const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at BIGINT NOT NULL CHECK (applied_at + 0 = applied_at)
)";

/// The time is the database's own: a migration runs before anything has a clock.
const REMEMBER: &str = "INSERT INTO schema_migrations (version, name, applied_at)
    VALUES ($1, $2, CAST(unixepoch('subsec') * 1000 AS INTEGER))";

/// Refuses a database that a newer program, or another program altogether, has written; answers which migrations were
/// made. Only reads.
pub(super) async fn check(connection: &mut SqliteConnection, known: &[Migration]) -> Result<Vec<String>, StoreError> {
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
        .fetch_all(&mut *connection)
        .await
        .map_err(|error| failed("reading the schema", &error))?;
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    if !tables.iter().any(|table| table == "schema_migrations") {
        return Err(StoreError::BadUrl("the file is the database of another program".to_owned()));
    }
    let made = applied(connection).await?;
    match made.iter().filter(|version| !knows(known, version)).max() {
        None => Ok(made),
        Some(found) => Err(StoreError::Newer {
            found: found.clone(),
            known: known.last().map_or_else(|| "none".to_owned(), |last| last.version.to_owned()),
        }),
    }
}

/// Applies what is missing, each migration in a transaction of its own. Applying again changes nothing.
pub(super) async fn apply(connection: &mut SqliteConnection, list: &[Migration]) -> Result<(), StoreError> {
    run(connection, CREATE_TABLE, "creating the list of migrations").await?;
    for migration in list {
        run(connection, "BEGIN IMMEDIATE", "beginning a migration").await?;
        let done = match missing(connection, migration).await {
            Ok(()) => run(connection, "COMMIT", "committing a migration").await,
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            // SQLite may have rolled back by itself, which makes this one fail; both ways nothing stays.
            if let Err(rollback) = run(connection, "ROLLBACK", "undoing a migration").await {
                tracing::debug!(%rollback, "nothing was left to roll back");
            }
            return Err(error);
        }
    }
    Ok(())
}

async fn missing(connection: &mut SqliteConnection, migration: &Migration) -> Result<(), StoreError> {
    if applied(connection).await?.iter().any(|version| version == migration.version) {
        return Ok(());
    }
    for (at, statement) in statements(migration.sql).into_iter().enumerate() {
        let doing = format!("migration {}_{}, statement {}", migration.version, migration.name, at + 1);
        run(connection, statement, &doing).await?;
    }
    sqlx::query(REMEMBER)
        .bind(migration.version)
        .bind(migration.name)
        .execute(connection)
        .await
        .map_err(|error| failed("recording a migration", &error))?;
    tracing::info!(version = migration.version, name = migration.name, "migrated the store");
    Ok(())
}

async fn applied(connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar("SELECT version FROM schema_migrations ORDER BY version")
        .fetch_all(connection)
        .await
        .map_err(|error| failed("reading the list of migrations", &error))
}

async fn run(connection: &mut SqliteConnection, sql: &'static str, doing: &str) -> Result<(), StoreError> {
    sqlx::raw_sql(sql).execute(connection).await.map(|_| ()).map_err(|error| failed(doing, &error))
}

fn failed(doing: &str, error: &sqlx::Error) -> StoreError {
    StoreError::from_sqlite(error, Some(doing))
}

fn knows(known: &[Migration], version: &str) -> bool {
    known.iter().any(|migration| migration.version == version)
}

/// The statements of a script, without their `;`. Quotes and `--` comments may hold a `;`; triggers,
/// whose bodies hold one too, are not used.
fn statements(script: &'static str) -> Vec<&'static str> {
    let mut found = Vec::new();
    let (mut from, mut quote, mut comment, mut blank) = (0, None, false, true);
    let mut rest = script.char_indices().peekable();
    while let Some((at, letter)) = rest.next() {
        if comment {
            comment = letter != '\n';
        } else if let Some(open) = quote {
            quote = (letter != open).then_some(open);
        } else if letter == '-' && rest.peek().is_some_and(|&(_, next)| next == '-') {
            comment = true;
        } else if letter == ';' {
            if !blank {
                found.push(script[from..at].trim());
            }
            (from, blank) = (at + 1, true);
        } else if !letter.is_whitespace() {
            blank = false;
            quote = matches!(letter, '\'' | '"').then_some(letter);
        }
    }
    if !blank {
        found.push(script[from..].trim());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t1_versions_are_unique_non_empty_digits_in_order_and_there_are_some() {
        assert!(!ALL.is_empty(), "no migration is embedded");
        for migration in ALL {
            assert!(!migration.version.is_empty() && migration.version.bytes().all(|byte| byte.is_ascii_digit()));
            assert_eq!(migration.version.len(), ALL[0].version.len(), "{} sorts wrongly as text", migration.version);
            assert!(!statements(migration.sql).is_empty(), "{} is empty", migration.version);
        }
        assert!(ALL.windows(2).all(|pair| pair[0].version < pair[1].version), "double or out of order");
    }

    #[test]
    fn t1_every_file_of_the_folder_is_embedded_under_its_own_name() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".sql"))
            .collect();
        files.sort();
        let embedded: Vec<String> = ALL.iter().map(|one| format!("{}_{}.sql", one.version, one.name)).collect();
        assert_eq!(files, embedded);
    }

    #[test]
    fn a_script_is_split_at_its_statements_and_nowhere_else() {
        let script = "-- first; not a statement\nCREATE TABLE a (x TEXT DEFAULT ';'); -- why; because\n\n\
                      INSERT INTO a VALUES ('it''s; one');;\n-- the end;\n";
        let found = statements(script);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].ends_with("CREATE TABLE a (x TEXT DEFAULT ';')"), "{found:?}");
        assert!(found[1].ends_with("INSERT INTO a VALUES ('it''s; one')"), "{found:?}");
    }
}
