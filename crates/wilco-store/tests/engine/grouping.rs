//! Many changes share one commit, and one caller's trouble is not another's.

use futures::FutureExt as _;
use futures::future::join_all;
use wilco_store::error::StoreError;

use crate::support::{Fixture, Put, THREADS, change, insert, open};

#[tokio::test]
async fn sixty_four_callers_share_one_commit() {
    let store = Fixture::open(THREADS).await;
    let before = store.engine.commits();
    let answers = join_all((0..64).map(|at| store.engine.write(Put::new(format!("k{at}"))))).await;
    assert!(answers.iter().all(|answer| *answer == Ok(1)), "{answers:?}");
    assert_eq!(store.engine.commits() - before, 1);
    assert_eq!(store.keys().await.len(), 64);
}

#[tokio::test]
async fn a_commit_is_shared_by_at_most_256_so_that_the_first_does_not_wait_for_ever() {
    let store = Fixture::open(THREADS).await;
    let before = store.engine.commits();
    join_all((0..600).map(|at| store.engine.write(Put::new(format!("k{at}"))))).await;
    assert_eq!(store.engine.commits() - before, 3);
    assert_eq!(store.keys().await.len(), 600);
}

#[tokio::test]
async fn callers_who_are_answered_bring_their_next_change_into_the_next_group() {
    let store = Fixture::open(THREADS).await;
    let before = store.engine.commits();
    let callers = (0..32).map(|caller| {
        let engine = store.engine.clone();
        tokio::spawn(async move {
            for at in 0..10 {
                engine.write(Put::new(format!("{caller}/{at}"))).await.unwrap();
            }
        })
    });
    for caller in join_all(callers).await {
        caller.unwrap();
    }
    assert_eq!(store.keys().await.len(), 320);
    let commits = store.engine.commits() - before;
    assert!(commits <= 20, "320 changes of 32 callers took {commits} commits");
}

#[tokio::test]
async fn writes_are_made_in_the_order_in_which_they_were_given() {
    let store = Fixture::open(THREADS).await;
    let keys: Vec<String> = (0..300).map(|at| format!("k{at:03}")).collect();
    join_all(keys.iter().map(|key| store.engine.write(Put::new(key)))).await;
    assert_eq!(store.keys().await, keys);
}

#[tokio::test]
async fn a_constraint_error_undoes_its_own_change_alone() {
    let store = Fixture::open(THREADS).await;
    let before = store.engine.commits();
    let half = change(|tx| {
        Box::pin(async move {
            insert(tx, "half", "x").await?;
            insert(tx, "a", "x").await
        })
    });
    let (a, half, b) =
        tokio::join!(store.engine.write(Put::new("a")), store.engine.write(half), store.engine.write(Put::new("b")));
    assert_eq!((a, b), (Ok(1), Ok(1)));
    assert!(matches!(&half, Err(StoreError::Constraint(why)) if why.contains("UNIQUE")), "{half:?}");
    assert_eq!(store.keys().await, ["a", "b"]);
    assert_eq!(store.engine.commits() - before, 1, "nobody had to run again");
}

#[tokio::test]
async fn a_refusal_undoes_its_own_change_alone_whatever_its_kind() {
    let store = Fixture::open(THREADS).await;
    let before = store.engine.commits();
    for own in [StoreError::Refused("too many".into()), StoreError::Busy("its own word".into())] {
        let told = own.clone();
        let refuses = change(move |tx| {
            let told = told.clone();
            Box::pin(async move {
                insert(tx, "refused", "x").await?;
                Err::<(), _>(told)
            })
        });
        assert_eq!(store.engine.write(refuses).await, Err(own));
    }
    assert_eq!(store.engine.commits() - before, 2, "nobody had to run again");
    assert!(store.keys().await.is_empty());
}

#[tokio::test]
async fn a_change_may_go_on_after_a_constraint_error_of_one_statement() {
    let store = Fixture::open(THREADS).await;
    store.engine.write(Put::new("a")).await.unwrap();
    let tolerant = change(|tx| {
        Box::pin(async move {
            let refused = insert(tx, "a", "x").await.is_err();
            insert(tx, "b", "x").await?;
            Ok(refused)
        })
    });
    assert_eq!(store.engine.write(tolerant).await, Ok(true));
    assert_eq!(store.keys().await, ["a", "b"]);
}

#[tokio::test]
async fn dropping_a_caller_does_not_drop_its_change() {
    let store = Fixture::open(THREADS).await;
    assert!(store.engine.write(Put::new("left")).now_or_never().is_none(), "it was answered at once");
    store.engine.write(Put::new("stayed")).await.unwrap();
    assert_eq!(store.keys().await, ["left", "stayed"]);
}

#[tokio::test]
async fn closing_makes_what_waits_and_refuses_what_comes_later() {
    let store = Fixture::open(THREADS).await;
    let late = store.engine.clone();
    for at in 0..100 {
        assert!(store.engine.write(Put::new(format!("k{at}"))).now_or_never().is_none());
    }
    store.engine.close().await;
    assert_eq!(late.write(Put::new("late")).await, Err(StoreError::Closed));
    assert_eq!(late.read(Put::new("late")).await, Err(StoreError::Closed));
    assert_eq!(late.poll_changed().await, Err(StoreError::Closed));
    late.close().await;
    let folded = !store.folder.path().join("w.db-wal").exists();
    assert!(folded, "the log was not folded into the database");
    let again = Fixture { engine: open(&store.folder, THREADS).await.unwrap(), folder: store.folder };
    assert_eq!(again.keys().await.len(), 100);
}
