//! The files that hold a backend's credentials: how they look from outside. They are never opened; that
//! one of them changed says that a person has signed in.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use wilco_store::StoreError;
use wilco_store::changes::{Gates, OpenGates};

use crate::shared::Shared;

/// Stands for a file that is not there, or that cannot be looked at.
const ABSENT: &str = "absent";

/// How a file looks now: when it was written, how long it is, and which file it is.
fn look(path: &Path) -> String {
    match std::fs::metadata(path) {
        Ok(found) => format!("{}.{:09}:{}:{}", found.mtime(), found.mtime_nsec(), found.size(), found.ino()),
        Err(_) => ABSENT.to_owned(),
    }
}

/// How a watched file looks now; none when none is watched.
pub(crate) async fn stamp(path: Option<PathBuf>) -> Option<String> {
    let path = path?;
    // A home folder on a network may hang; the loop must not.
    tokio::task::spawn_blocking(move || look(&path)).await.ok()
}

/// Opens the closed gates whose credentials have changed since the job that closed them began.
/// Answers whether there was one.
pub(crate) async fn reopen(shared: &Shared) -> Result<bool, StoreError> {
    let settings = shared.settings();
    if settings.backends.values().all(|backend| backend.credentials.is_none()) {
        return Ok(false);
    }
    let mut opened = false;
    for (gate, before) in shared.store().read(Gates).await? {
        let path = settings.credentials(&gate.backend).cloned();
        let (Some(before), Some(now)) = (before, stamp(path).await) else { continue };
        // Somebody who signs out has not signed in.
        if now != before && now != ABSENT {
            let because = "the credentials changed";
            let change = OpenGates { backend: Some(gate.backend), stamp: Some(before), because };
            opened |= !shared.store().write(change).await?.is_empty();
        }
    }
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use super::*;

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
