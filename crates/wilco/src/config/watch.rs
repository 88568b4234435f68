//! Reads the configuration again when its file changes, and on SIGHUP.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wilco_core::time::Clock;

use super::layers::Seen;
use super::problem::{Origin, Problem, Problems};
use super::{Config, Loader, changes};

/// How long a file has to be left alone before it is read: editors write in several steps.
const QUIET: Duration = Duration::from_millis(200);
/// A file that is written without end is read nevertheless.
const AT_LATEST: Duration = Duration::from_secs(2);

/// What became of a changed configuration.
#[derive(Clone, Debug)]
pub enum Reload {
    /// It was read and holds from now on.
    Applied {
        /// What holds. Keys that need a restart have the values that wilco started with.
        config: Arc<Config>,
        /// The keys that changed, in order.
        applied: Vec<String>,
        /// The keys that differ from what wilco started with and apply after a restart.
        needs_restart: Vec<String>,
    },
    /// It has mistakes; what was read last stays in force.
    Refused(Problems),
}

/// Watches the file of a configuration.
pub struct Watch {
    loader: Loader,
    started: Arc<Config>,
    current: Arc<Config>,
    clock: Arc<dyn Clock>,
    changed: Arc<Notify>,
    hangup: Signal,
    /// What was looked at last, also when it was refused; so a mistake is reported once.
    looked_at: Option<u64>,
    /// Watches as long as it lives. None when the system gives no more watches: SIGHUP still works.
    files: Option<notify::RecommendedWatcher>,
}

impl Watch {
    /// Begins to watch: from here on no change is missed. `running` is what `loader` gave at the start.
    ///
    /// Fails only when the process cannot listen to SIGHUP. Has to be called within a tokio runtime.
    pub fn start(loader: Loader, running: Arc<Config>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let hangup = signal(SignalKind::hangup())?;
        let changed = Arc::new(Notify::new());
        let files = match watch_folders(&loader, Arc::clone(&changed)) {
            Ok(files) => Some(files),
            Err(error) => {
                tracing::warn!(%error, "config: the file is not watched; send SIGHUP after a change");
                None
            }
        };
        let looked_at = Some(running.fingerprint);
        Ok(Self { loader, started: Arc::clone(&running), current: running, clock, changed, hangup, looked_at, files })
    }

    /// Whether changes of the file are noticed; otherwise only SIGHUP is.
    pub fn sees_files(&self) -> bool {
        self.files.is_some()
    }

    /// Reads the configuration again whenever it changed, and tells `on_change`, until `stop`.
    pub async fn run(mut self, stop: CancellationToken, mut on_change: impl FnMut(Reload) + Send) {
        // The file may have changed between the first reading and the beginning of the watch.
        self.look(false).into_iter().for_each(&mut on_change);
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                hangup = self.hangup.recv() => hangup.is_some(),
                () = self.changed.notified() => false,
            };
            if !asked && !self.quiet(&stop).await {
                return;
            }
            self.look(asked).into_iter().for_each(&mut on_change);
        }
    }

    /// Waits until the file is left alone; false when wilco stops.
    async fn quiet(&self, stop: &CancellationToken) -> bool {
        let latest = self.clock.monotonic() + AT_LATEST;
        loop {
            let until = (self.clock.monotonic() + QUIET).min(latest);
            tokio::select! {
                () = stop.cancelled() => return false,
                () = self.clock.sleep_until(until) => return true,
                () = self.changed.notified() => {}
            }
        }
    }

    /// Looks at the file. Nothing is reported when it is as it was, unless somebody asked.
    fn look(&mut self, asked: bool) -> Option<Reload> {
        let seen = self.loader.look().and_then(|seen| self.still_there(seen));
        let fingerprint = seen.as_ref().ok().map(Seen::fingerprint);
        if !asked && fingerprint == self.looked_at {
            return None;
        }
        self.looked_at = fingerprint;
        let reload = match seen.and_then(|seen| self.loader.build(&seen)) {
            Ok(config) => self.apply(config),
            Err(problems) => Reload::Refused(problems),
        };
        report(&reload);
        Some(reload)
    }

    /// A file that vanished takes nothing with it: falling back to the defaults would switch workers off
    /// because an editor was in the middle of replacing the file.
    fn still_there(&self, seen: Seen) -> Result<Seen, Problems> {
        match &self.current.file {
            Some(file) if seen.file.as_ref() != Some(file) && !self.loader.resolve(file).exists() => {
                let at = Origin::File { path: file.as_path().into(), line: 1, column: 1 };
                Err(Problem::new(at, "", "the file is gone").into())
            }
            Some(_) | None => Ok(seen),
        }
    }

    fn apply(&mut self, mut config: Config) -> Reload {
        let (applied, _) = changes(&self.current, &config);
        let (_, needs_restart) = changes(&self.started, &config);
        config.store = self.started.store.clone();
        config.web = self.started.web;
        config.discord = self.started.discord.clone();
        config.slack = self.started.slack.clone();
        config.log = self.started.log.clone();
        let config = Arc::new(config);
        self.current = Arc::clone(&config);
        Reload::Applied { config, applied, needs_restart }
    }
}

fn report(reload: &Reload) {
    match reload {
        Reload::Applied { applied, needs_restart, config } => {
            for warning in &config.warnings {
                tracing::warn!("config: {warning}");
            }
            tracing::info!(applied = applied.join(" "), needs_restart = needs_restart.join(" "), "config: read again");
        }
        Reload::Refused(problems) => {
            tracing::error!("config: {problems}\nthe settings that were read last stay in force");
        }
    }
}

/// Watches the folders rather than the file, because editors replace a file instead of writing into it.
fn watch_folders(loader: &Loader, changed: Arc<Notify>) -> notify::Result<notify::RecommendedWatcher> {
    let mut folders = BTreeSet::new();
    let mut names: BTreeSet<OsString> = BTreeSet::new();
    for path in loader.candidates() {
        let path = loader.resolve(&path);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        folders.insert(folder.to_owned());
        names.extend(path.file_name().map(ToOwned::to_owned));
    }
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // An error means that events may be lost; looking once too often costs nothing.
        if event.map_or(true, |event| matters(&event, &names)) {
            changed.notify_one();
        }
    })?;
    let mut last = Ok(());
    let mut any = false;
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        last = watcher.watch(folder, RecursiveMode::NonRecursive);
        any |= last.is_ok();
    }
    if any { Ok(watcher) } else { last.and(Err(notify::Error::path_not_found())).map(|()| watcher) }
}

/// Whether an event is about the file. The store lies in the same folder and is written all the time.
/// Mounted volumes are replaced by turning a link whose name begins with two dots.
fn matters(event: &notify::Event, names: &BTreeSet<OsString>) -> bool {
    let named = |path: &PathBuf| {
        path.file_name().is_some_and(|name| names.contains(name) || name.to_string_lossy().starts_with("..data"))
    };
    !event.kind.is_access() && (event.need_rescan() || event.paths.iter().any(named))
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
