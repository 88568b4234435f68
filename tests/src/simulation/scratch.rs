//! Where a simulation keeps its stores and files: in memory where the machine offers it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use wilco_store::{Mode, Options, Store, Synchronous};

/// A folder that vanishes with its life.
pub(super) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(super) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self(folder.or_else(|_| tempfile::tempdir()).expect("a folder for the store"))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The store of a process, by its number.
    pub(super) fn store(&self, generation: u32) -> PathBuf {
        self.path().join(format!("wilco-{generation}.db"))
    }

    pub(super) fn files(&self) -> PathBuf {
        self.path().join("files")
    }
}

/// A store that nobody has used, migrated once for all lives of this program.
pub(super) fn empty_store() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let scratch = Scratch::new();
        let path = scratch.store(0);
        let opens = async {
            let options = Options { mode: Mode::Inline, instance_lock: false, synchronous: Synchronous::Off };
            let url = format!("sqlite:{}", path.display());
            Store::open(&url, options).await.expect("an empty store opens").close().await;
        };
        // A thread of its own: the caller may already be inside of a runtime.
        std::thread::scope(|threads| {
            let opened = threads.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime on this thread");
                runtime.block_on(opens);
            });
            opened.join().expect("the empty store was made");
        });
        std::fs::read(&path).expect("an empty store is read")
    })
}
