//! Whose business the stored files are: their owner's alone.

use std::fs::{DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::exit::{Ended, Exit};

/// What the owner's alone means for a file and for a folder.
const FILE: u32 = 0o600;
const FOLDER: u32 = 0o700;
/// Everybody may make files in such a folder: it is shared on purpose, as /tmp is.
const STICKY: u32 = 0o1000;

/// What was done about the mode of a path.
#[derive(Debug, PartialEq, Eq)]
enum Closed {
    /// Nothing: it is not there, or open to nobody else.
    Already,
    /// It was open to others and is not any more.
    Now {
        /// The mode that it had.
        from: u32,
    },
    /// It is open to others and has to stay so.
    Not(String),
}

/// Closes the database and the files beside it to other users, where an earlier version, a copy or a restored backup
/// left them open. What cannot be closed is only warned about: it keeps nobody from working.
pub(super) fn database(path: &Path) {
    for end in ["", "-wal", "-shm", ".lock"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        let name = PathBuf::from(name);
        tell(&name, &close(&name, FILE));
    }
}

/// The folder of all jobs' folders, made for this user alone or closed to others.
///
/// # Errors
/// A sentence when it cannot be made.
pub(super) fn folder(path: &Path) -> Result<(), Ended> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(path).map_err(|error| {
        let sentence = format!("the folder {} for the files of jobs cannot be made: {error}", path.display());
        Ended::new(Exit::Unavailable, format!("{sentence}. Make room or choose another with store.files"))
    })?;
    let here = std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
    tell(path, &close_folder(path, &here));
    Ok(())
}

/// Closes a folder, unless it obviously holds more than the files of jobs: then others need it.
fn close_folder(path: &Path, here: &Path) -> Closed {
    let shared = std::fs::metadata(path).is_ok_and(|meta| meta.mode() & STICKY != 0);
    let above = std::fs::canonicalize(path).is_ok_and(|path| here.starts_with(path));
    if (shared || above) && std::fs::metadata(path).is_ok_and(|meta| open_to_others(&meta, FOLDER)) {
        return Closed::Not("it is not for jobs alone; name a folder of its own with store.files".to_owned());
    }
    close(path, FOLDER)
}

fn open_to_others(meta: &Metadata, allowed: u32) -> bool {
    meta.mode() & 0o777 & !allowed != 0
}

fn close(path: &Path, allowed: u32) -> Closed {
    let meta = match std::fs::metadata(path) {
        Ok(meta) if open_to_others(&meta, allowed) => meta,
        Ok(_) => return Closed::Already,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Closed::Already,
        Err(error) => return Closed::Not(error.to_string()),
    };
    let from = meta.mode() & 0o777;
    // Root could change what belongs to somebody else, and would lock its owner's programs out.
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Closed::Not(format!("it belongs to user {}, so its owner has to close it", meta.uid()));
    }
    match std::fs::set_permissions(path, Permissions::from_mode(from & allowed)) {
        Ok(()) => Closed::Now { from },
        Err(error) => Closed::Not(error.to_string()),
    }
}

fn tell(path: &Path, closed: &Closed) {
    match closed {
        Closed::Already => {}
        Closed::Now { from } => {
            tracing::info!("store: {} was open to other users (mode {from:03o}); it is not any more", path.display());
        }
        Closed::Not(why) => {
            tracing::warn!("store: {} is open to other users of this machine: {why}", path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn set(path: &Path, mode: u32) {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_database_and_what_stands_beside_it_are_closed_and_nothing_is_made() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("w.db");
        let wal = home.path().join("w.db-wal");
        std::fs::write(&path, "").unwrap();
        std::fs::write(&wal, "").unwrap();
        set(&path, 0o664);
        set(&wal, 0o400);
        assert_eq!(close(&home.path().join("absent"), FILE), Closed::Already);
        database(&path);
        assert_eq!((mode(&path), mode(&wal)), (0o600, 0o400), "only closed, never opened");
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 2);
        assert_eq!(close(&path, FILE), Closed::Already);
        set(&path, 0o604);
        assert_eq!(close(&path, FILE), Closed::Now { from: 0o604 });
    }

    #[test]
    fn the_files_folder_is_made_or_closed() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("deep/files");
        folder(&path).unwrap();
        assert_eq!((mode(&path), mode(&home.path().join("deep"))), (0o700, 0o700));
        set(&path, 0o755);
        folder(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        std::fs::write(home.path().join("file"), "").unwrap();
        assert!(folder(&home.path().join("file/files")).is_err());
    }

    #[test]
    fn a_folder_that_others_need_is_left_open_and_told() {
        let home = tempfile::tempdir().unwrap();
        let above = home.path().canonicalize().unwrap();
        set(&above, 0o755);
        assert!(matches!(close_folder(&above, &above.join("here")), Closed::Not(why) if why.contains("store.files")));
        let shared = home.path().join("shared");
        std::fs::create_dir(&shared).unwrap();
        set(&shared, 0o1777);
        assert!(matches!(close_folder(&shared, &above), Closed::Not(_)));
        assert_eq!((mode(&above), mode(&shared)), (0o755, 0o1777));
    }

    #[test]
    fn what_belongs_to_somebody_else_is_only_warned_about() {
        // The system's own folder belongs to root: to root itself it is ours, and is not a thing to try this on.
        if rustix::process::geteuid().is_root() {
            let home = tempfile::tempdir().unwrap();
            let path = home.path().join("w.db");
            std::fs::write(&path, "").unwrap();
            set(&path, 0o644);
            std::os::unix::fs::chown(&path, Some(12_345), None).unwrap();
            assert!(matches!(close(&path, FILE), Closed::Not(why) if why.contains("user 12345")));
            assert_eq!(mode(&path), 0o644);
        } else {
            assert!(matches!(close(Path::new("/usr"), FOLDER), Closed::Not(why) if why.contains("user 0")));
        }
    }
}
