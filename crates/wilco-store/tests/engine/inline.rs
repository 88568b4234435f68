//! The inline mode: a single poll does it all, so no virtual time can pass.

use futures::FutureExt as _;
use wilco_store::engine::Engine;
use wilco_store::error::StoreError;

use crate::support::{Fixture, INLINE, Keys, NOTES, Put, url};

#[tokio::test]
async fn every_call_ends_within_a_single_poll() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open_with(&url(&folder), INLINE, &[NOTES]).now_or_never().expect("open").unwrap();
    for at in 0..20 {
        assert_eq!(engine.write(Put::new(format!("k{at}"))).now_or_never().expect("write"), Ok(1));
    }
    assert_eq!(engine.read(Keys).now_or_never().expect("read").unwrap().len(), 20);
    assert_eq!(engine.poll_changed().now_or_never().expect("poll"), Ok(false));
    let again = engine.write(Put::new("k0")).now_or_never().expect("a failing write");
    assert!(matches!(again, Err(StoreError::Constraint(_))), "{again:?}");
    engine.close().now_or_never().expect("close");
}

#[test]
fn it_needs_no_runtime_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open_with(&url(&folder), INLINE, &[NOTES]).now_or_never().expect("open").unwrap();
    engine.write(Put::new("a")).now_or_never().expect("write").unwrap();
    assert_eq!(engine.read(Keys).now_or_never().expect("read").unwrap(), ["a"]);
}

#[tokio::test]
async fn closing_refuses_what_comes_later() {
    let store = Fixture::open(INLINE).await;
    let late = store.engine.clone();
    store.engine.close().await;
    assert_eq!(late.write(Put::new("a")).await, Err(StoreError::Closed));
    assert_eq!(late.read(Put::new("a")).await, Err(StoreError::Closed));
    assert_eq!(late.poll_changed().await, Err(StoreError::Closed));
}

#[cfg(feature = "crash-points")]
mod crash_points {
    use std::cell::{Cell, RefCell};
    use std::panic::AssertUnwindSafe;

    use wilco_store::crash;

    use super::*;

    /// The points that every write passes; the others lie inside of single sentences.
    const OF_EVERY_WRITE: [&str; 4] =
        ["store.before_begin", "store.after_apply", "store.before_commit", "store.after_commit"];

    thread_local! {
        static PASSED: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
        static DIES_AT: Cell<Option<&'static str>> = const { Cell::new(None) };
    }

    /// One handler for all tests of the process; each test sees its own thread's points.
    fn watch() {
        crash::install(Box::new(|name| {
            PASSED.with_borrow_mut(|passed| passed.push(name));
            assert_ne!(DIES_AT.get(), Some(name), "the test stops here");
        }));
    }

    #[tokio::test]
    async fn a_write_passes_every_point_of_the_store_in_order() {
        watch();
        let store = Fixture::open(INLINE).await;
        PASSED.take();
        store.engine.write(Put::new("a")).await.unwrap();
        assert_eq!(PASSED.take(), OF_EVERY_WRITE);
        assert!(OF_EVERY_WRITE.iter().all(|point| crash::named().contains(point)));
    }

    #[tokio::test]
    async fn stopped_at_any_point_a_change_is_whole_or_absent_and_the_store_goes_on() {
        watch();
        for (at, point) in OF_EVERY_WRITE.into_iter().enumerate() {
            let store = Fixture::open(INLINE).await;
            DIES_AT.set(Some(point));
            let stopped = AssertUnwindSafe(store.engine.write(Put::new("a"))).catch_unwind().await;
            DIES_AT.set(None);
            assert!(stopped.is_err(), "{point} was not passed");
            assert_eq!(store.engine.write(Put::new("b")).await, Ok(1), "{point}");
            let committed = point == "store.after_commit";
            assert_eq!(store.keys().await, if committed { vec!["a", "b"] } else { vec!["b"] }, "{at} {point}");
        }
    }
}
