use std::collections::BTreeMap;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{RwLock, mpsc};
use wilco_core::time::Timestamp;

use super::*;
use crate::config::Flags;

/// A working directory with a configuration file.
struct Desk(tempfile::TempDir);

impl Desk {
    fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(text: &str) -> Self {
        let desk = Self::empty();
        desk.write(text);
        desk
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("bot.toml")
    }

    fn write(&self, text: &str) {
        std::fs::write(self.file(), text).unwrap();
    }

    /// Puts a new file in the place of the old one in one step, as editors do; so there is exactly one report.
    fn replace(&self, text: &str) {
        let new = self.0.path().join("bot.toml.new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.file()).unwrap();
    }

    fn loader(&self) -> Loader {
        Loader::new(Flags::default(), BTreeMap::new(), self.0.path())
    }

    fn watch(&self) -> Watch {
        let running = Arc::new(self.loader().load().unwrap());
        Watch::start(self.loader(), running, Arc::new(Hasty)).unwrap()
    }
}

/// A clock on which every wait is over as soon as everybody else had a turn.
struct Hasty;

impl Clock for Hasty {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep_until(&self, _at: Duration) -> BoxFuture<'static, ()> {
        tokio::task::yield_now().boxed()
    }
}

/// A signal reaches every watch of this process, so the test of the signal runs when no other watch does.
static WATCHES: RwLock<()> = RwLock::const_new(());

/// A running watch and what it reports.
struct Watched {
    reloads: mpsc::UnboundedReceiver<Reload>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Watched {
    fn begin(watch: Watch) -> Self {
        let (tell, reloads) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let task = tokio::spawn(watch.run(stop.clone(), move |reload| tell.send(reload).unwrap()));
        Self { reloads, stop, task }
    }

    async fn next(&mut self) -> Reload {
        let patience = wilco_loop::clock::SystemClock::new();
        tokio::select! {
            next = self.reloads.recv() => next.expect("the watch runs"),
            () = patience.sleep_until(Duration::from_secs(20)) => panic!("no change was noticed"),
        }
    }

    /// The next reload that satisfies; a file that is written in two steps may be read between them.
    async fn until(&mut self, mut fits: impl FnMut(&Reload) -> bool) -> Reload {
        loop {
            let reload = self.next().await;
            if fits(&reload) {
                return reload;
            }
        }
    }

    async fn end(mut self) {
        self.stop.cancel();
        self.task.await.unwrap();
        assert!(self.reloads.recv().await.is_none(), "nothing was reported twice");
    }
}

#[tokio::test]
async fn g3_an_edit_applies_and_a_mistake_keeps_what_was() {
    let _others = WATCHES.read().await;
    let desk = Desk::with("[quotas]\nperson_running = 3\n");
    let watch = desk.watch();
    assert!(watch.sees_files());
    let mut watched = Watched::begin(watch);
    desk.replace("[quotas]\nperson_running = 4\n[store]\nurl = 'sqlite:other.db'\n[workers.r]\ncommand = ['x']\n");
    let Reload::Applied { config, applied, needs_restart } = watched.next().await else { panic!("refused") };
    assert_eq!(applied, ["quotas.person_running", "workers.r.command"]);
    assert_eq!(needs_restart, ["store.url"]);
    assert_eq!((config.settings.quotas.person_running, config.workers.len()), (4, 1));
    assert_eq!(config.store.url, "sqlite:wilco.db", "what needs a restart keeps its value until then");

    desk.replace("[quotas]\nperson_running = 0\n");
    let Reload::Refused(problems) = watched.next().await else { panic!("applied") };
    assert!(problems.to_string().contains("bot.toml:2:18: quotas.person_running: 0 is out of range"), "{problems}");

    desk.replace("[quotas]\nperson_running = 5\n[store]\nurl = 'sqlite:other.db'\n");
    let Reload::Applied { applied, needs_restart, .. } = watched.next().await else { panic!("refused") };
    assert_eq!(applied, ["quotas.person_running", "workers.r.command"], "counted from what was in force");
    assert_eq!(needs_restart, ["store.url"], "still waiting for the restart");
    watched.end().await;
}

#[tokio::test]
async fn g3_a_file_written_in_place_is_noticed() {
    let _others = WATCHES.read().await;
    let desk = Desk::with("");
    let mut watched = Watched::begin(desk.watch());
    desk.write("[quotas]\nperson_running = 8\n");
    let fits = |reload: &Reload| match reload {
        Reload::Applied { config, .. } => config.settings.quotas.person_running == 8,
        Reload::Refused(_) => false,
    };
    watched.until(fits).await;
    watched.end().await;
}

#[tokio::test]
async fn g3_a_change_before_the_watch_began_and_a_first_file_are_noticed() {
    let _others = WATCHES.read().await;
    let desk = Desk::empty();
    let loader = desk.loader();
    let running = Arc::new(loader.load().unwrap());
    desk.write("[quotas]\nperson_running = 9\n");
    let mut watched = Watched::begin(Watch::start(loader, running, Arc::new(Hasty)).unwrap());
    let Reload::Applied { config, .. } = watched.next().await else { panic!("refused") };
    assert_eq!(config.settings.quotas.person_running, 9);
    watched.end().await;
}

#[tokio::test]
async fn g3_a_file_that_vanished_takes_nothing_with_it() {
    let _others = WATCHES.read().await;
    let desk = Desk::with("[workers.r]\ncommand = ['x']\n");
    let mut watched = Watched::begin(desk.watch());
    std::fs::remove_file(desk.file()).unwrap();
    let Reload::Refused(problems) = watched.next().await else { panic!("applied") };
    assert!(problems.to_string().contains("the file is gone"), "{problems}");
    desk.replace("[workers.r]\ncommand = ['y']\n");
    let Reload::Applied { applied, .. } = watched.next().await else { panic!("refused") };
    assert_eq!(applied, ["workers.r.command"]);
    watched.end().await;
}

#[tokio::test]
async fn g3_a_hangup_reads_again_and_answers_even_when_nothing_changed() {
    let _alone = WATCHES.write().await;
    let desk = Desk::with("[quotas]\nperson_running = 3\n");
    // From here on the process no longer ends by the signal.
    let watch = desk.watch();
    let mut watched = Watched::begin(watch);
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP).unwrap();
    let Reload::Applied { applied, needs_restart, .. } = watched.next().await else { panic!("refused") };
    assert!(applied.is_empty() && needs_restart.is_empty());
    watched.end().await;
}
