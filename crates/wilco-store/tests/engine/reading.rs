//! Readers see one snapshot of what is committed, and what others commit is noticed.

use std::sync::Arc;

use futures::FutureExt as _;
use tokio::sync::Notify;
use wilco_store::engine::Tx;
use wilco_store::error::StoreError;

use crate::support::{Does, Fixture, INLINE, Keys, Put, THREADS, change, insert, open};

/// Two signals: the body of a change has come to its middle; it may go on.
#[derive(Clone, Default)]
struct Middle {
    reached: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Middle {
    async fn stop_here(&self) {
        self.reached.notify_one();
        self.go_on.notified().await;
    }
}

async fn count(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    let row = tx.row("SELECT COUNT(*) AS n FROM notes", vec![]).await?;
    row.map_or(Ok(-1), |row| row.int("n"))
}

#[tokio::test]
async fn readers_see_committed_data_only() {
    let store = Fixture::open(THREADS).await;
    let middle = Middle::default();
    let inside = middle.clone();
    let slow = change(move |tx| {
        let inside = inside.clone();
        Box::pin(async move {
            insert(tx, "a", "x").await?;
            inside.stop_here().await;
            Ok(())
        })
    });
    let engine = store.engine.clone();
    let writing = tokio::spawn(async move { engine.write(slow).await });
    middle.reached.notified().await;
    assert!(store.keys().await.is_empty(), "a reader saw what was not committed");
    middle.go_on.notify_one();
    writing.await.unwrap().unwrap();
    assert_eq!(store.keys().await, ["a"], "a reader missed what was answered");
}

#[tokio::test]
async fn the_statements_of_one_read_see_one_snapshot() {
    let store = Fixture::open(THREADS).await;
    let middle = Middle::default();
    let inside = middle.clone();
    let twice = change(move |tx| {
        let inside = inside.clone();
        Box::pin(async move {
            let before = count(tx).await?;
            inside.stop_here().await;
            Ok((before, count(tx).await?))
        })
    });
    let engine = store.engine.clone();
    let reading = tokio::spawn(async move { engine.read(twice).await });
    middle.reached.notified().await;
    store.engine.write(Put::new("a")).await.unwrap();
    middle.go_on.notify_one();
    assert_eq!(reading.await.unwrap(), Ok((0, 0)));
    assert_eq!(store.keys().await, ["a"]);
}

#[tokio::test]
async fn a_read_cannot_write() {
    for options in [THREADS, INLINE] {
        let store = Fixture::open(options).await;
        let told = store.engine.read(Put::new("a")).await;
        assert!(matches!(&told, Err(StoreError::Io(why)) if why.contains("readonly")), "{told:?}");
        assert!(store.keys().await.is_empty());
    }
}

#[tokio::test]
async fn a_panic_in_a_read_costs_no_reader() {
    let store = Fixture::open(THREADS).await;
    for _ in 0..10 {
        let panics: Does<_, ()> = change(|_| Box::pin(async { panic!("canary") }));
        let told = store.engine.read(panics).await;
        assert!(matches!(&told, Err(StoreError::Io(why)) if !why.contains("canary")), "{told:?}");
    }
    assert!(store.keys().await.is_empty());
}

#[tokio::test]
async fn a_reader_whose_caller_left_ends_its_snapshot() {
    let store = Fixture::open(THREADS).await;
    let middle = Middle::default();
    for _ in 0..4 {
        let inside = middle.clone();
        let slow = change(move |tx| {
            let inside = inside.clone();
            Box::pin(async move {
                count(tx).await?;
                inside.stop_here().await;
                Ok(())
            })
        });
        assert!(store.engine.read(slow).now_or_never().is_none());
        middle.reached.notified().await;
    }
    store.engine.write(Put::new("a")).await.unwrap();
    // All four readers are taken by callers who have left; the next read waits for the first to end.
    for _ in 0..4 {
        middle.go_on.notify_one();
        assert_eq!(store.keys().await, ["a"], "a connection was left in an old snapshot");
    }
}

#[tokio::test]
async fn commits_of_another_process_are_noticed_once_and_our_own_never() {
    for options in [THREADS, INLINE] {
        let store = Fixture::open(options).await;
        let other = open(&store.folder, options).await.unwrap();
        assert_eq!(store.engine.poll_changed().await, Ok(false), "opening it changed nothing");
        store.engine.write(Put::new("ours")).await.unwrap();
        store.keys().await;
        assert_eq!(store.engine.poll_changed().await, Ok(false), "our own commit");
        other.write(Put::new("theirs")).await.unwrap();
        assert_eq!(store.engine.poll_changed().await, Ok(true));
        assert_eq!(store.engine.poll_changed().await, Ok(false), "already told");
        assert_eq!(store.engine.read(Keys).await.unwrap(), ["ours", "theirs"]);
        assert_eq!(other.poll_changed().await, Ok(true));
    }
}

#[tokio::test]
async fn a_commit_of_another_process_is_noticed_also_when_the_store_was_opened_anew_meanwhile() {
    let store = Fixture::open(THREADS).await;
    let other = open(&store.folder, THREADS).await.unwrap();
    other.write(Put::new("theirs")).await.unwrap();
    let panics: Does<_, ()> = change(|_| Box::pin(async { panic!("the connection is replaced after this") }));
    store.engine.write(panics).await.unwrap_err();
    assert_eq!(store.engine.poll_changed().await, Ok(true));
    assert_eq!(store.engine.poll_changed().await, Ok(false));
}
