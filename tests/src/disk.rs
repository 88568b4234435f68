//! Small disks of their own, so that a test can fill or break one without harm to anybody else.

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

/// A small ext4 file system of its own that can be made to err: from then on it is read-only, with every file open
/// that was open. That is how a disk turns read-only under a running program; an orderly remount is refused by
/// Linux as long as a file is open for writing. Gone again when it is dropped.
pub struct ErringDisk {
    folder: tempfile::TempDir,
    image: tempfile::NamedTempFile,
}

impl ErringDisk {
    /// Mounts one of so many MiB. Without the right and the means, the test that needs it says so and passes; with
    /// `CI=true` it fails.
    ///
    /// # Panics
    /// With `CI=true`, when it cannot be mounted.
    #[allow(clippy::print_stderr, reason = "a skipped test says so in one line")]
    pub fn mount(mib: u64) -> Option<Self> {
        let image = tempfile::NamedTempFile::new().expect("an image");
        image.as_file().set_len(mib << 20).expect("the image has its size");
        let disk = Self { folder: tempfile::tempdir().expect("a folder to mount on"), image };
        let made = runs(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(disk.image.path()));
        if made && disk.attach() && disk.trigger().is_some_and(|trigger| trigger.exists()) {
            return Some(disk);
        }
        assert!(std::env::var("CI").as_deref() != Ok("true"), "an ext4 image could not be mounted");
        eprintln!("skipped: needs mkfs.ext4 and the right to mount an image");
        None
    }

    fn attach(&self) -> bool {
        let options = ["-t", "ext4", "-o", "loop,errors=remount-ro"];
        runs(Command::new("mount").args(options).arg(self.image.path()).arg(self.folder.path()))
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The file of the kernel into which one writes for an error.
    fn trigger(&self) -> Option<PathBuf> {
        let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
        let folder = self.folder.path().to_str()?;
        let line = mounts.lines().find(|line| line.split_whitespace().nth(1) == Some(folder))?;
        let device = line.split_whitespace().next()?.rsplit('/').next()?;
        Some(Path::new("/sys/fs/ext4").join(device).join("trigger_fs_error"))
    }

    /// Lets it err.
    ///
    /// # Panics
    /// When the kernel does not do it.
    pub fn errs(&self) {
        let trigger = self.trigger().expect("it is mounted");
        std::fs::write(trigger, "a test").expect("the kernel takes it");
    }

    /// Does what an administrator does: takes it away, checks it, and mounts it again. Nobody may use it then.
    ///
    /// # Panics
    /// When it cannot be done.
    pub fn mends(&self) {
        assert!(runs(Command::new("umount").arg(self.folder.path())), "it can be taken away");
        let checked = Command::new("e2fsck").arg("-fy").arg(self.image.path()).output().expect("e2fsck runs");
        // 1 says that errors were corrected.
        assert!(matches!(checked.status.code(), Some(0 | 1)), "{checked:?}");
        assert!(self.attach(), "it can be mounted again");
    }
}

impl Drop for ErringDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.folder.path()).status());
    }
}

fn runs(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
