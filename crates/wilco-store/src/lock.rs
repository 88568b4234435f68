//! Locks of the operating system beside the database file.
//!
//! They are `flock` locks on files of their own. The database file itself is never opened a second
//! time by this process: closing any descriptor of it would silently drop the locks that SQLite
//! holds on it (POSIX advisory locks belong to the process, not to the descriptor).

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::StoreError;

/// A held lock. It ends when this is dropped or the process dies, however it dies.
///
/// The file stays where it is: removing it would let a third process lock a new file of the same
/// name while a second one still waits for the old one.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// The lock that only one serving process has: `<database>.lock`, with the holder's process id in it.
    pub(crate) fn instance(database: &Path) -> Result<Self, StoreError> {
        let path = beside(database, "lock");
        let mut file = open(&path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(StoreError::Locked { pid: holder(&mut file), path: path.display().to_string() });
            }
            Err(error) => return Err(failed(&path, &error.into())),
        }
        write_pid(&mut file).map_err(|error| failed(&path, &error))?;
        Ok(Self { _file: file })
    }

    /// The lock round opening and migrating, `<database>.migrate.lock`, if it is free.
    pub(crate) fn try_start_up(database: &Path) -> Result<Option<Self>, StoreError> {
        let path = beside(database, "migrate.lock");
        let file = open(&path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(failed(&path, &error.into())),
        }
    }

    /// The same lock, waiting for it on this thread for as long as another process upgrades the store.
    pub(crate) fn start_up(database: &Path) -> Result<Self, StoreError> {
        let path = beside(database, "migrate.lock");
        let file = open(&path)?;
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(Errno::INTR) => {}
                Err(error) => return Err(failed(&path, &error.into())),
            }
        }
    }
}

fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

fn open(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| failed(path, &error))
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}

/// Who holds the lock. The holder may be about to write it, so an empty file is no error.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn failed(path: &Path, error: &std::io::Error) -> StoreError {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return StoreError::Full(format!("{}: {error}", path.display()));
    }
    StoreError::Io(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_instance_is_refused_and_told_who_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("w.db");
        let first = FileLock::instance(&database).unwrap();
        let refused = FileLock::instance(&database).unwrap_err();
        assert!(
            matches!(&refused, StoreError::Locked { pid: Some(pid), .. } if *pid == std::process::id()),
            "{refused:?}"
        );
        drop(first);
        FileLock::instance(&database).unwrap();
    }

    #[test]
    fn starting_up_is_serialised() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("w.db");
        let first = FileLock::start_up(&database).unwrap();
        assert!(FileLock::try_start_up(&database).unwrap().is_none());
        drop(first);
        assert!(FileLock::try_start_up(&database).unwrap().is_some());
    }
}
