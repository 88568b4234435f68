//! The files that hold a backend's credentials: how they look from outside. They are never opened; that
//! one of them changed says that a person has signed in.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{self, BoxFuture};
use wilco_core::Clock;
use wilco_store::StoreError;
use wilco_store::changes::{Gates, OpenGates};

use crate::shared::Shared;

/// How long a look may take. A home folder on a network may hang, and no job waits longer for that.
const LOOK_LIMIT: Duration = Duration::from_secs(2);
/// Stands for a file that is not there, or that cannot be looked at.
const ABSENT: &str = "absent";

/// How a file looks now: when it was written, how long it is, and which file it is.
fn look(path: &Path) -> String {
    match std::fs::metadata(path) {
        Ok(found) => format!("{}.{:09}:{}:{}", found.mtime(), found.mtime_nsec(), found.size(), found.ino()),
        Err(_) => ABSENT.to_owned(),
    }
}

/// A look that several may wait for.
type Looking = future::Shared<BoxFuture<'static, Option<String>>>;

/// The looks that are under way: one for each file, however many wait for it, so that a folder that hangs
/// holds one thread and not one more every second. Handles, no facts.
pub(crate) struct Looks {
    look: Box<dyn Fn(&Path) -> String + Send + Sync>,
    under_way: Mutex<BTreeMap<PathBuf, Looking>>,
}

impl Default for Looks {
    fn default() -> Self {
        Self { look: Box::new(look), under_way: Mutex::default() }
    }
}

impl Looks {
    fn under_way(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Looking>> {
        // Nothing in here can be left half done by a panic.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(self: &Arc<Self>, path: &Path) -> Looking {
        let begin = || {
            let (looks, path) = (Arc::clone(self), path.to_owned());
            let looking = tokio::task::spawn_blocking(move || {
                let seen = (looks.look)(&path);
                looks.under_way().remove(&path);
                seen
            });
            looking.map(Result::ok).boxed().shared()
        };
        self.under_way().entry(path.to_owned()).or_insert_with(begin).clone()
    }

    /// How a watched file looks now; none when none is watched, or when it cannot be told in time.
    pub(crate) async fn stamp(self: &Arc<Self>, clock: &Arc<dyn Clock>, path: Option<PathBuf>) -> Option<String> {
        let looking = self.join(&path?);
        let limit = clock.sleep_until(clock.monotonic() + LOOK_LIMIT);
        tokio::select! {
            biased;
            seen = looking => seen,
            () = limit => None,
        }
    }
}

/// Opens the closed gates whose credentials have changed since the job that closed them began.
/// Answers whether there was one.
pub(crate) async fn reopen(shared: Shared) -> Result<bool, StoreError> {
    let settings = shared.settings();
    if settings.backends.values().all(|backend| backend.credentials.is_none()) {
        return Ok(false);
    }
    let mut opened = false;
    for (gate, before) in shared.store().read(Gates).await? {
        let path = settings.credentials(&gate.backend).cloned();
        let now = shared.looks().stamp(shared.clock(), path).await;
        let (Some(before), Some(now)) = (before, now) else { continue };
        // Somebody who signs out has not signed in.
        if now != before && now != ABSENT {
            let because = "the credentials changed";
            let wall = shared.clock().now();
            let change = OpenGates { backend: Some(gate.backend), stamp: Some(before), because, wall };
            opened |= !shared.store().write(change).await?.is_empty();
        }
    }
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use wilco_core::Timestamp;

    use super::*;

    /// Monotonic time stands still; whoever waits for a moment has it at once, or never.
    struct Waits(bool);

    impl Clock for Waits {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }

        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }

        fn sleep_until(&self, _: Duration) -> BoxFuture<'static, ()> {
            if self.0 { future::pending().boxed() } else { future::ready(()).boxed() }
        }
    }

    #[tokio::test]
    async fn h9_a_folder_that_hangs_is_waited_for_within_a_limit_and_holds_one_thread() {
        let (let_go, hangs) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        let hangs = Mutex::new(hangs);
        let look = move |_: &Path| {
            begun.send(()).unwrap();
            assert!(hangs.lock().unwrap().recv().is_err(), "it goes on when the other end is gone");
            "seen".to_owned()
        };
        let looks = Arc::new(Looks { look: Box::new(look), under_way: Mutex::default() });
        let path = || Some(PathBuf::from("/home/far/credentials.json"));
        let (short, long): (Arc<dyn Clock>, Arc<dyn Clock>) = (Arc::new(Waits(false)), Arc::new(Waits(true)));
        assert_eq!(looks.stamp(&long, None).await, None, "nothing is watched");
        for _ in 0..3 {
            assert_eq!(looks.stamp(&short, path()).await, None, "it cannot be told in time");
        }
        begins.recv().unwrap();
        assert!(begins.try_recv().is_err(), "one look for all who wait");
        drop(let_go);
        assert_eq!(looks.stamp(&long, path()).await.as_deref(), Some("seen"));
    }

    #[test]
    fn h9_a_file_looks_different_when_it_was_written_replaced_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.json");
        assert_eq!(look(&path), ABSENT);
        std::fs::write(&path, "one").unwrap();
        let first = look(&path);
        assert_eq!(look(&path), first, "looking changes nothing");
        std::fs::write(&path, "longer").unwrap();
        let second = look(&path);
        assert_ne!(second, first);
        let other = folder.path().join("other");
        std::fs::write(&other, "longer").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_ne!(look(&path), second, "a file of the same length took its place");
        assert!(!look(&path).contains("longer"), "nothing of what it holds");
    }
}
