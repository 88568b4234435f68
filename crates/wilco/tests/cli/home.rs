//! A folder in which the program runs, and what a person does with it from outside.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use wilco::SystemClock;
use wilco_core::Clock;

/// Longer than anything here takes, also on a busy machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at something that another process does.
const PAUSE: Duration = Duration::from_millis(50);

/// Awaits something that another process does, but not for ever.
pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    let clock = SystemClock::new();
    tokio::select! {
        done = work => done,
        () = clock.sleep_until(PATIENCE) => panic!("{what} took longer than {PATIENCE:?}"),
    }
}

/// Looks again and again until there is an answer, a bounded number of times.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let clock = SystemClock::new();
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        if let Some(seen) = look().await {
            return seen;
        }
        clock.sleep_until(clock.monotonic() + PAUSE).await;
    }
    panic!("{what} was not seen within {PATIENCE:?}");
}

/// A working directory with an environment of its own.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    program: PathBuf,
    env: Vec<(&'static str, String)>,
}

/// What a command answered.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            program: PathBuf::from(env!("CARGO_BIN_EXE_wilco")),
            // Two jobs one after the other must not meet the pause that keeps people from hurrying.
            env: vec![("WILCO_QUOTAS__COOLDOWN", "off".to_owned())],
        }
    }

    pub(crate) fn with_config(text: &str) -> Self {
        let home = Self::new();
        home.write("bot.toml", text);
        home
    }

    pub(crate) fn of_program(program: PathBuf) -> Self {
        Self { program, ..Self::new() }
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file in the place of an old one in one step, as editors do.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let new = self.path(&format!("{name}.new"));
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.path(name)).unwrap();
    }

    /// The names of the files in it.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log.txt")).unwrap()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        // Nothing of the machine's own settings may decide a test.
        command.env_clear().env("HOME", self.folder.path()).env("PATH", std::env::var_os("PATH").unwrap());
        command.args(words).envs(self.env.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.folder.path()).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs a command to its end, with what is typed into it.
    pub(crate) async fn run_with(&self, words: &[&str], typed: &str) -> Ran {
        let typed_file = self.path(".typed");
        std::fs::write(&typed_file, typed).unwrap();
        let mut command = self.command(words);
        command.stdin(File::open(&typed_file).unwrap());
        std::fs::remove_file(typed_file).unwrap();
        self.ended(words, command).await
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, words: &[&str]) -> Ran {
        self.ended(words, self.command(words)).await
    }

    async fn ended(&self, words: &[&str], mut command: Command) -> Ran {
        let output = within(&words.join(" "), command.output()).await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Starts the bot and reads its greeting.
    pub(crate) async fn start(&self, words: &[&str]) -> Running {
        let log = File::options().create(true).append(true).open(self.path("log.txt")).unwrap();
        let mut child = self.command(words).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut greeting = Vec::new();
        while greeting.len() < 3 {
            match within("the greeting", lines.next_line()).await.unwrap() {
                Some(line) => greeting.push(line),
                None => panic!("it ended after {greeting:?}: {}", self.log()),
            }
        }
        Running { child, lines, greeting }
    }

    /// Starts it where no other test is.
    pub(crate) async fn start_anywhere(&self) -> Running {
        self.start(&["--web", "127.0.0.1:0"]).await
    }

    /// The only job of the store.
    pub(crate) async fn only_job(&self) -> Value {
        let list = self.run(&["jobs", "list", "--json"]).await.json();
        assert_eq!(list["workers"].as_array().unwrap().len(), 1, "{list}");
        list["workers"][0].clone()
    }

    /// Waits until a job is in a state, as the command line sees it.
    pub(crate) async fn until_state(&self, id: &str, state: &str) -> Value {
        until(&format!("{id} as {state}"), async || {
            let shown = self.run(&["jobs", "show", id, "--json"]).await.json();
            (shown["job"]["state"] == state).then_some(shown)
        })
        .await
    }

    /// Waits until everything that a job owes its channel is visible there.
    pub(crate) async fn until_told(&self, id: &str) -> Value {
        until(&format!("the end of {id} in its channel"), async || {
            let shown = self.run(&["jobs", "show", id, "--json"]).await.json();
            (shown["contracts"][0]["state"] == "terminal_acked").then_some(shown)
        })
        .await
    }
}

/// A running bot. It is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) greeting: Vec<String>,
}

impl Running {
    /// The link of the greeting.
    pub(crate) fn link(&self) -> &str {
        self.greeting[1].strip_prefix("open  ").unwrap().strip_suffix("   (works once)").unwrap()
    }

    /// Where the page is, without a slash at the end.
    pub(crate) fn base(&self) -> &str {
        self.link().split_once("/login/").unwrap().0
    }

    pub(crate) fn token(&self) -> &str {
        self.link().split_once("/login/").unwrap().1
    }

    pub(crate) fn port(&self) -> u16 {
        self.base().rsplit_once(':').unwrap().1.parse().unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// The next line that it says.
    pub(crate) async fn says(&mut self) -> String {
        within("a line", self.lines.next_line()).await.unwrap().unwrap()
    }

    /// Waits for its end, and answers its exit code.
    pub(crate) async fn ends(mut self) -> i32 {
        within("the end", self.child.wait()).await.unwrap().code().unwrap()
    }

    pub(crate) async fn kill(mut self) {
        within("the kill", self.child.kill()).await.unwrap();
    }

    /// Opens the page by the link.
    pub(crate) async fn browser(&self) -> Browser {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        let opened = client.get(self.link()).send().await.unwrap();
        assert_eq!(opened.headers()[LOCATION], "/");
        let cookie = opened.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let mut browser = Browser { client, base: self.base().to_owned(), cookie, csrf: String::new() };
        let session = browser.get("session").await;
        browser.csrf = session["csrf"].as_str().unwrap().to_owned();
        browser
    }
}

/// A browser that is signed in as the owner, Ana.
pub(crate) struct Browser {
    client: reqwest::Client,
    base: String,
    cookie: String,
    csrf: String,
}

impl Browser {
    pub(crate) async fn get(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}/api/v1/{path}", self.base)).header(COOKIE, &self.cookie);
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    /// The names of the worker kinds that the page offers.
    pub(crate) async fn kinds(&self) -> Vec<String> {
        let session = self.get("session").await;
        session["kinds"].as_array().unwrap().iter().map(|kind| kind["name"].as_str().unwrap().to_owned()).collect()
    }

    async fn try_run(&self, kind: &str, text: &str, event: &str) -> Result<String, Value> {
        let body =
            json!({ "as": "ana", "channel": "general", "kind": kind, "text": text, "event": format!("event-{event}") });
        let request = self.client.post(format!("{}/api/v1/workers", self.base)).header(COOKIE, &self.cookie);
        let response = request.header("x-wilco-csrf", &self.csrf).json(&body).send().await.unwrap();
        let accepted = response.status().is_success();
        let answer: Value = response.json().await.unwrap();
        if accepted { Ok(answer["worker"]["short"].as_str().unwrap().to_owned()) } else { Err(answer) }
    }

    /// Starts a job and answers its id.
    pub(crate) async fn run(&self, kind: &str, text: &str, event: &str) -> String {
        self.try_run(kind, text, event).await.unwrap_or_else(|refused| panic!("{kind} was refused: {refused}"))
    }

    /// Asks for a job that is refused, and answers the sentence.
    pub(crate) async fn refused(&self, kind: &str, text: &str, event: &str) -> String {
        let refused = self.try_run(kind, text, event).await.unwrap_err();
        refused["error"]["message"].as_str().unwrap().to_owned()
    }
}

/// What may be read and written, and by whom.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
