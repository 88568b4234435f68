//! Opening: who may, what is made, what is refused.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use futures::FutureExt as _;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use wilco_store::args;
use wilco_store::engine::{Engine, Looked, MIGRATIONS, Migration, Options};
use wilco_store::error::StoreError;

use crate::support::{Fixture, INLINE, Keys, NOTES, Put, THREADS, change, open, url};

const NEXT: Migration = Migration {
    version: "0002",
    name: "next",
    sql: "CREATE TABLE more (x TEXT); ALTER TABLE notes ADD COLUMN y TEXT;",
};

#[tokio::test]
async fn a_second_instance_is_refused_and_the_command_line_is_not() {
    for options in [THREADS, INLINE] {
        let serving = Options { instance_lock: true, ..options };
        let first = Fixture::open(serving).await;
        let refused = open(&first.folder, serving).await.map(|_| ()).unwrap_err();
        assert!(matches!(&refused, StoreError::Locked { pid, .. } if *pid == Some(std::process::id())), "{refused:?}");
        let command_line = open(&first.folder, options).await.unwrap();
        command_line.write(Put::new("a")).await.unwrap();
        first.engine.close().await;
        open(&first.folder, serving).await.unwrap();
    }
}

#[tokio::test]
async fn the_instance_lock_is_held_until_the_last_change_is_made() {
    let serving = Options { instance_lock: true, ..THREADS };
    let first = Fixture::open(serving).await;
    // The change waits, and its caller and the engine itself are gone.
    assert!(first.engine.write(Put::new("a")).now_or_never().is_none());
    drop(first.engine);
    let refused = open(&first.folder, serving).await;
    assert!(matches!(refused.map(|_| ()), Err(StoreError::Locked { .. })));
}

#[tokio::test]
async fn only_the_owner_may_read_what_is_stored() {
    let store = Fixture::open(Options { instance_lock: true, ..THREADS }).await;
    store.engine.write(Put::new("a")).await.unwrap();
    store.keys().await;
    for name in ["w.db", "w.db-wal", "w.db-shm", "w.db.lock", "w.db.migrate.lock"] {
        let mode = std::fs::metadata(store.folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn t1_a_database_of_a_newer_program_is_refused_before_anything_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    for options in [THREADS, INLINE] {
        Engine::open_with(&url(&folder), options, &[NOTES, NEXT]).await.unwrap().close().await;
        let before = std::fs::read(folder.path().join("w.db")).unwrap();
        let refused = open(&folder, options).await.map(|_| ()).unwrap_err();
        assert_eq!(refused, StoreError::Newer { found: "0002".into(), known: "0001".into() });
        assert_eq!(std::fs::read(folder.path().join("w.db")).unwrap(), before);
    }
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = SqliteConnection::connect(&format!("{}?mode=rwc", url(&folder))).await.unwrap();
    other.execute("CREATE TABLE theirs (x TEXT)").await.unwrap();
    other.close().await.unwrap();
    let refused = open(&folder, THREADS).await.map(|_| ()).unwrap_err();
    assert!(matches!(refused, StoreError::BadUrl(_)), "{refused:?}");
}

#[tokio::test]
async fn a_file_that_is_no_database_and_a_missing_folder_are_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("w.db"), "this is a letter, not a database. ".repeat(50)).unwrap();
    let refused = open(&folder, THREADS).await.map(|_| ()).unwrap_err();
    assert!(matches!(&refused, StoreError::Io(why) if why.contains("not a database")), "{refused:?}");
    let missing = format!("sqlite:{}/no/such/w.db", folder.path().display());
    let refused = Engine::open_with(&missing, THREADS, &[NOTES]).await.map(|_| ()).unwrap_err();
    assert!(matches!(&refused, StoreError::Io(why) if why.contains("no/such")), "{refused:?}");
}

#[tokio::test]
async fn migrations_run_once_and_a_new_one_is_added_to_an_old_store() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(&folder, THREADS).await.unwrap();
    first.write(Put::new("kept")).await.unwrap();
    first.close().await;
    for _ in 0..2 {
        let next = Engine::open_with(&url(&folder), THREADS, &[NOTES, NEXT]).await.unwrap();
        let applied = change(|tx| {
            Box::pin(async move {
                let rows =
                    tx.rows("SELECT version, applied_at FROM schema_migrations ORDER BY version", args![]).await?;
                rows.iter().map(|row| Ok((row.text("version")?, row.time("applied_at")?.0 > 0))).collect()
            })
        });
        let applied: Vec<(String, bool)> = next.read(applied).await.unwrap();
        assert_eq!(applied, [("0001".to_owned(), true), ("0002".to_owned(), true)]);
        assert_eq!(next.read(Keys).await.unwrap(), ["kept"]);
        next.close().await;
    }
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_and_says_which_statement() {
    let folder = tempfile::tempdir().unwrap();
    const BROKEN: Migration =
        Migration { version: "0002", name: "broken", sql: "CREATE TABLE more (x TEXT);\nNONSENSE;" };
    let refused = Engine::open_with(&url(&folder), THREADS, &[NOTES, BROKEN]).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("migration 0002_broken, statement 2"), "{refused}");
    // The same table can be made now, so nothing of the failed attempt is there.
    Engine::open_with(&url(&folder), THREADS, &[NOTES, NEXT]).await.unwrap();
}

#[tokio::test]
async fn two_who_open_a_new_store_at_once_both_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = tokio::join!(open(&folder, THREADS), open(&folder, THREADS));
    let (one, two) = (one.unwrap(), two.unwrap());
    one.write(Put::new("a")).await.unwrap();
    two.write(Put::new("b")).await.unwrap();
    assert_eq!(one.read(Keys).await.unwrap(), ["a", "b"]);
}

#[tokio::test]
async fn the_real_schema_opens_and_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    for options in [THREADS, INLINE] {
        let engine = Engine::open(&url(&folder), options).await.unwrap();
        assert!(engine.path().ends_with(Path::new("w.db")));
        engine.close().await;
    }
    assert!(!MIGRATIONS.is_empty());
}

/// The files of a folder with what they hold.
fn files(folder: &tempfile::TempDir) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = entries.map(|path| (path.display().to_string(), std::fs::read(path).unwrap())).collect();
    all.sort();
    all
}

#[tokio::test]
async fn a_look_creates_nothing_and_migrates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Engine::look_with(&url(&folder), &[NOTES]).await, Ok(Looked::Absent)));
    assert_eq!(files(&folder), []);
    let store = Engine::open_with(&url(&folder), THREADS, &[NOTES]).await.unwrap();
    store.write(Put::new("a")).await.unwrap();
    store.close().await;
    let before = files(&folder);
    match Engine::look_with(&url(&folder), &[NOTES, NEXT]).await {
        Ok(Looked::Older { found, known }) => assert_eq!((found.as_deref(), known.as_str()), (Some("0001"), "0002")),
        other => panic!("{:?}", other.map(|_| ())),
    }
    assert!(files(&folder) == before, "what an older program has written stays as it is");
    let Ok(Looked::Ready(look)) = Engine::look_with(&url(&folder), &[NOTES]).await else { panic!("it is up to date") };
    assert_eq!(look.read(Keys).await.unwrap(), ["a"]);
    assert!(matches!(look.write(Put::new("b")).await, Err(StoreError::Refused(_))));
    look.close().await;
    assert!(files(&folder) == before, "nothing is left behind");
    std::fs::write(folder.path().join("w.db"), "").unwrap();
    let empty = Engine::look_with(&url(&folder), &[NOTES]).await;
    assert!(matches!(empty, Ok(Looked::Older { found: None, .. })));
}

#[tokio::test]
async fn a_look_is_possible_beside_the_one_that_serves() {
    let serving = Fixture::open(Options { instance_lock: true, ..THREADS }).await;
    serving.engine.write(Put::new("a")).await.unwrap();
    let Ok(Looked::Ready(look)) = Engine::look_with(&url(&serving.folder), &[NOTES]).await else {
        panic!("it is there")
    };
    assert_eq!(look.read(Keys).await.unwrap(), ["a"]);
    serving.engine.write(Put::new("b")).await.unwrap();
    assert_eq!(look.read(Keys).await.unwrap(), ["a", "b"]);
    look.close().await;
    serving.engine.write(Put::new("c")).await.unwrap();
    assert_eq!(serving.keys().await, ["a", "b", "c"]);
}
