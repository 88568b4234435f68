//! A small disk of its own, so that a test can fill it without filling anybody else's.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted tmpfs; gone again when it is dropped.
pub struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// Mounts one of so many MiB. Without the right to mount, the test that needs it says so and passes;
    /// with `CI=true` it fails.
    ///
    /// # Panics
    /// With `CI=true`, when it cannot be mounted.
    #[allow(clippy::print_stderr, reason = "a skipped test says so in one line")]
    pub fn mount(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder to mount on");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(folder.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if mounted {
            return Some(Self { folder });
        }
        assert!(std::env::var("CI").as_deref() != Ok("true"), "a small disk could not be mounted");
        eprintln!("skipped: needs the right to mount a tmpfs");
        None
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Writes until not a byte is left.
    pub fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.filler()).expect("the filler begins");
        for size in [64 << 10, 4 << 10, 1 << 10, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Frees what [`SmallDisk::fill`] took.
    pub fn free(&self) {
        std::fs::remove_file(self.filler()).expect("the filler is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, because a store may still be open on it; the folder goes with its last user.
        drop(Command::new("umount").arg("-l").arg(self.folder.path()).status());
    }
}
