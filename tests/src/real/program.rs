//! The program as a process: started in a home of its own, killed, asked.

use std::fs::{self, File, OpenOptions};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::crash::{CRASH_AT, Crash};
use super::kinds::GO;
use super::{marked, wait};

/// Everything that outlives a process: its configuration, its store, its files, its log.
pub struct Home {
    folder: TempDir,
    program: PathBuf,
    environment: Vec<(String, String)>,
    database: PathBuf,
    mark: String,
    starts: AtomicU32,
}

/// One life of the program.
pub struct Running {
    child: Child,
    out: PathBuf,
    mark: String,
}

/// What a kill found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Killed {
    /// How many processes of jobs lived at that moment.
    pub children: usize,
}

/// Room for everybody at once: what is tested here is not the quotas.
const ROOMY: &str = "[quotas]\nperson_running = 1000\nperson_queued = 1000\nchannel_open = 10000\ncooldown = \"off\"\n\
                     [log]\nformat = \"human\"\nfilter = \"info\"\n";

static HOMES: AtomicU32 = AtomicU32::new(0);

impl Home {
    /// A home for a program, with a `spin` worker whose processes carry a mark of this home.
    ///
    /// # Panics
    /// When the files cannot be written.
    pub fn new(program: impl Into<PathBuf>, further: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the program");
        let mark = format!("wilco-mark-{}-{}-x", std::process::id(), HOMES.fetch_add(1, Ordering::SeqCst));
        let text = format!("{ROOMY}{}{further}", marked::spin_worker(&mark));
        fs::write(folder.path().join("bot.toml"), text).expect("the configuration is written");
        let (program, database) = (program.into(), folder.path().join("wilco.db"));
        Self { folder, program, environment: Vec::new(), database, mark, starts: AtomicU32::new(0) }
    }

    /// The same with its store and the files of its jobs in another folder. Configuration and log stay where they
    /// were, so that a broken disk does not hide what the program says about it.
    ///
    /// # Panics
    /// When the configuration cannot be written.
    #[must_use]
    pub fn on(mut self, disk: &Path) -> Self {
        self.database = disk.join("wilco.db");
        let store = format!(
            "[store]\nurl = \"sqlite:{}\"\nfiles = \"{}\"\n",
            self.database.display(),
            disk.join("wilco-files").display()
        );
        let path = self.folder.path().join("bot.toml");
        let text = fs::read_to_string(&path).expect("the configuration is there");
        fs::write(path, format!("{store}{text}")).expect("the configuration is written");
        self
    }

    /// The same with a variable in the environment of every life.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(self.folder.path()).env_clear().kill_on_drop(true).stdin(Stdio::null());
        for name in ["PATH", "HOME", "LANG", "RUST_BACKTRACE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts the program. With a crash it will kill itself there.
    ///
    /// # Panics
    /// When it cannot be started at all.
    pub fn start(&self, crash: Option<&Crash>) -> Running {
        let nth = self.starts.fetch_add(1, Ordering::SeqCst);
        let out = self.folder.path().join(format!("out-{nth}"));
        let log = OpenOptions::new().create(true).append(true).open(self.log_path()).expect("the log can be opened");
        let mut command = self.command();
        if let Some(crash) = crash {
            command.env(CRASH_AT, crash.to_string());
        }
        let stdout = File::create(&out).expect("the output can be written");
        let child = command.stdout(stdout).stderr(log).spawn().expect("the program starts");
        Running { child, out, mark: self.mark.clone() }
    }

    /// What the command line answers, beside a running bot or without one.
    ///
    /// # Errors
    /// What it said instead.
    pub async fn ask(&self, words: &[&str]) -> Result<Value, String> {
        let output = self.command().args(words).arg("--json").output().await.map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
    }

    /// How many receipts still have to become visible, by the command line.
    ///
    /// # Errors
    /// What it said instead.
    pub async fn owed(&self) -> Result<usize, String> {
        let all = self.ask(&["receipts", "list", "--limit", "5000"]).await?;
        let list = all["receipts"].as_array().ok_or("no list of receipts")?;
        let open = |one: &&Value| matches!(one["state"].as_str(), Some("waiting" | "pending" | "sending"));
        Ok(list.iter().filter(open).count())
    }

    /// The operator's list, by the command line.
    ///
    /// # Errors
    /// What it said instead.
    pub async fn failed(&self) -> Result<Vec<String>, String> {
        let all = self.ask(&["receipts", "list", "--failed", "--limit", "5000"]).await?;
        let list = all["receipts"].as_array().ok_or("no list of receipts")?;
        Ok(list.iter().map(|receipt| format!("on the operator's list: {receipt}")).collect())
    }

    /// Whether a process of a job lives.
    pub fn has_children(&self) -> bool {
        !marked::alive(&self.mark).is_empty()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// The end of the log of all lives, for the report of a failure.
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.log_path()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let kept = lines.len().saturating_sub(150);
        lines[kept..].join("\n")
    }

    /// Whether a life said in the log that something of its own broke.
    pub fn panics(&self) -> Vec<String> {
        let log = fs::read_to_string(self.log_path()).unwrap_or_default();
        log.lines()
            .filter(|line| line.contains("panicked at") || line.contains("broke down"))
            .map(str::to_owned)
            .collect()
    }

    /// Everything that was logged in all lives.
    pub fn whole_log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The database file.
    pub fn database(&self) -> &Path {
        &self.database
    }

    /// Lets the waiting jobs end.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn go(&self) {
        fs::write(self.folder.path().join(GO), "").expect("the file is written");
    }
}

impl Running {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Kills it with SIGKILL and sees everything of its jobs go within a second.
    ///
    /// # Errors
    /// The processes that survived.
    pub async fn kill(mut self) -> Result<Killed, String> {
        let children = marked::alive(&self.mark).len();
        self.child.kill().await.map_err(|error| error.to_string())?;
        self.nothing_left().await.map(|()| Killed { children })
    }

    /// Waits until it has killed itself.
    ///
    /// # Errors
    /// That it did not within the limit, or ended otherwise; or the processes that survived.
    pub async fn crashes(mut self, limit: Duration) -> Result<(), String> {
        tokio::select! {
            ended = self.child.wait() => {
                let status = ended.map_err(|error| error.to_string())?;
                if status.signal() != Some(9) {
                    return Err(format!("it ended by itself: {status}"));
                }
            }
            () = wait::pause(limit) => return Err(format!("it did not crash within {} s", limit.as_secs())),
        }
        self.nothing_left().await
    }

    async fn nothing_left(&self) -> Result<(), String> {
        marked::gone(&self.mark).await.map_err(|left| format!("survived their bot: {left:#?}"))
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// That it has ended.
    pub fn signal(&self, signal: Signal) -> Result<(), String> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).ok_or("it has ended")?;
        kill_process(pid, signal).map_err(|error| error.to_string())
    }

    /// Stops it as a service manager does, and answers how it ended.
    ///
    /// # Errors
    /// That it did not end.
    pub async fn terminate(self, limit: Duration) -> Result<ExitStatus, String> {
        self.signal(Signal::TERM)?;
        self.ends(limit).await
    }

    /// Waits until it has ended, and answers how.
    ///
    /// # Errors
    /// That it did not, then it is killed; or the processes of jobs that survived it.
    pub async fn ends(mut self, limit: Duration) -> Result<ExitStatus, String> {
        let status = tokio::select! {
            ended = self.child.wait() => ended.map_err(|error| error.to_string())?,
            () = wait::pause(limit) => return Err(format!("it did not stop within {} s", limit.as_secs())),
        };
        self.nothing_left().await.map(|()| status)
    }

    /// The link that its greeting shows, once it is there; none when it has ended before.
    pub async fn link(&mut self, limit: Duration) -> Option<String> {
        let out = self.out.clone();
        let child = &mut self.child;
        let found = wait::for_some(limit, async || {
            let text = fs::read_to_string(&out).unwrap_or_default();
            // The line is whole when the words behind the link are there.
            let link = text.lines().find_map(|line| line.strip_prefix("open  ")?.strip_suffix("   (works once)"));
            match link {
                Some(link) => Some(Some(link.to_owned())),
                None => child.try_wait().ok().flatten().map(|_| None),
            }
        });
        found.await.flatten()
    }
}
