//! Errors that undo more than the change that met them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use wilco_store::args;
use wilco_store::engine::{Change, Tx};
use wilco_store::error::StoreError;

use crate::support::{Fixture, INLINE, Put, THREADS, change, insert};

/// Gives `culprit` two neighbours in the same group; answers what it was told, after checking that
/// the neighbours were made and that the store goes on.
async fn between_two<C: Change>(store: &Fixture, culprit: C) -> Result<C::Out, StoreError> {
    let (a, told, b) =
        tokio::join!(store.engine.write(Put::new("a")), store.engine.write(culprit), store.engine.write(Put::new("b")));
    assert_eq!((a, b), (Ok(1), Ok(1)));
    assert_eq!(store.engine.write(Put::new("later")).await, Ok(1));
    assert_eq!(store.keys().await, ["a", "b", "later"]);
    told
}

/// Lets the database grow by nothing at all from here on, on the connection that runs this.
async fn no_more_room(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    tx.run("PRAGMA max_page_count = 1", args![]).await.map(|_| ())
}

fn fat<'a>(tx: &'a mut Tx<'_>) -> BoxFuture<'a, Result<u64, StoreError>> {
    Box::pin(async move {
        no_more_room(tx).await?;
        insert(tx, "fat", &"x".repeat(100_000)).await
    })
}

#[tokio::test]
async fn a_full_store_in_a_statement_is_told_to_its_own_caller_alone() {
    for options in [THREADS, INLINE] {
        let store = Fixture::open(options).await;
        let told = between_two(&store, change(fat)).await;
        assert!(matches!(told, Err(StoreError::Full(_))), "{told:?}");
    }
}

#[tokio::test]
async fn a_change_that_swallows_a_full_store_is_undone_all_the_same() {
    let store = Fixture::open(THREADS).await;
    let swallows = change(|tx| {
        Box::pin(async move {
            if fat(tx).await.is_err() {
                // Were the transaction gone, this would commit by itself.
                insert(tx, "stray", "x").await.ok();
            }
            Ok(())
        })
    });
    let told = between_two(&store, swallows).await;
    assert!(matches!(told, Err(StoreError::Full(_))), "{told:?}");
}

#[tokio::test]
async fn a_failing_commit_is_told_to_the_one_who_caused_it() {
    let store = Fixture::open(THREADS).await;
    // The reference is deferred, so nothing but COMMIT can notice that it leads nowhere.
    let dangling = change(|tx| {
        Box::pin(async move {
            insert(tx, "half", "x").await?;
            tx.run("INSERT INTO answers (to_key) VALUES ($1)", args!["nowhere"]).await
        })
    });
    let told = between_two(&store, dangling).await;
    assert!(matches!(&told, Err(StoreError::Constraint(why)) if why.starts_with("committing")), "{told:?}");
}

#[tokio::test]
async fn a_statement_that_rolls_the_whole_group_back_hurts_nobody_else() {
    let store = Fixture::open(THREADS).await;
    let rude = change(|tx| {
        Box::pin(async move {
            insert(tx, "half", "x").await?;
            tx.run("INSERT OR ROLLBACK INTO notes (key, value) VALUES ('half', 'again')", args![]).await
        })
    });
    let told = between_two(&store, rude).await;
    assert!(matches!(&told, Err(StoreError::Constraint(why)) if why.contains("UNIQUE")), "{told:?}");
}

#[tokio::test]
async fn a_panic_in_a_change_undoes_it_and_the_store_lives_on() {
    let store = Fixture::open(THREADS).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let panics = change(move |tx| {
        counted.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            insert(tx, "half", "x").await?;
            let kept = tx.row("SELECT key FROM notes WHERE key = 'half'", args![]).await?;
            assert!(kept.is_none(), "canary");
            Ok(())
        })
    });
    let told = between_two(&store, panics).await;
    assert!(
        matches!(&told, Err(StoreError::Io(why)) if why.contains("panicked") && !why.contains("canary")),
        "{told:?}"
    );
    assert_eq!(runs.load(Ordering::Relaxed), 1, "a panic is not tried again");
}

#[tokio::test]
async fn a_change_whose_connection_broke_once_is_made_on_a_new_one() {
    let store = Fixture::open(THREADS).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let unlucky = change(move |tx| {
        let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        Box::pin(async move {
            if first {
                no_more_room(tx).await?;
            }
            insert(tx, "big", &"x".repeat(100_000)).await
        })
    });
    assert_eq!(store.engine.write(unlucky).await, Ok(1));
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert_eq!(store.keys().await, ["big"]);
}

#[tokio::test]
async fn a_database_locked_by_another_program_is_busy_for_all_who_wait_and_free_again_later() {
    let store = Fixture::open(THREADS).await;
    let mut other = SqliteConnection::connect(&format!("sqlite:{}", store.engine.path().display())).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let (a, b) = tokio::join!(store.engine.write(Put::new("a")), store.engine.write(Put::new("b")));
    assert!(matches!(a, Err(StoreError::Busy(_))), "{a:?}");
    assert!(matches!(b, Err(StoreError::Busy(_))), "{b:?}");
    assert!(store.keys().await.is_empty(), "reading goes on");
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(store.engine.write(Put::new("c")).await, Ok(1));
    assert_eq!(store.keys().await, ["c"]);
}

#[tokio::test]
async fn a_database_that_was_moved_away_takes_nothing_until_it_is_back() {
    for options in [THREADS, INLINE] {
        let store = Fixture::open(options).await;
        assert_eq!(store.engine.write(Put::new("a")).await, Ok(1));
        let (path, away) = (store.engine.path().to_owned(), store.folder.path().join("away.db"));
        std::fs::rename(&path, &away).unwrap();
        let told = store.engine.write(Put::new("b")).await;
        assert!(matches!(&told, Err(StoreError::Gone(_))), "{told:?}");
        assert!(store.engine.trouble().is_some());
        // Another file of the same name is not the one that holds what was promised.
        std::fs::copy(&away, &path).unwrap();
        let told = store.engine.write(Put::new("b")).await;
        assert!(matches!(&told, Err(StoreError::Gone(_))), "{told:?}");
        std::fs::rename(&away, &path).unwrap();
        assert_eq!(store.engine.write(Put::new("c")).await, Ok(1));
        assert_eq!(store.keys().await, ["a", "c"]);
    }
}
