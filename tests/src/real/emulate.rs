//! The Slack of the npm package `emulate`, in a process of its own: a Slack that is not ours. What it can and cannot is
//! in `tests/foreign/slack-emulate/README.md`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use super::wait;

/// How it is installed by hand.
const NEEDS: &str = "npm ci in tests/foreign/slack-emulate";

/// How long it may take to say where it listens; on a busy machine node starts slowly.
const STARTS_WITHIN: Duration = Duration::from_secs(120);

/// What it says of itself when it has started.
#[derive(Clone, Debug, Deserialize)]
struct Told {
    api: String,
    token: String,
    team: String,
    bot: String,
    channel: String,
    person: String,
}

/// It, with one workspace, one channel, one person and a bot that has joined. It ends when this is dropped, and also
/// when this process is killed.
pub struct Emulate {
    _child: Child,
    /// Kept open: whatever it says later must not end it.
    _out: BufReader<ChildStdout>,
    told: Told,
}

impl Emulate {
    /// Starts it on a free port. Where it is not installed, says so in one line and gives nothing: the test that needs
    /// it passes, and with `CI=true` it fails here.
    ///
    /// # Panics
    /// When it is installed and does not start, or says nothing for two minutes.
    #[expect(clippy::print_stderr, reason = "a skipped test says so in one line")]
    pub async fn start() -> Option<Self> {
        let folder = folder();
        if !folder.join("node_modules/emulate/package.json").exists() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "emulate is not installed: {NEEDS}");
            eprintln!("skipped: needs emulate ({NEEDS})");
            return None;
        }
        let mut child = Command::new("node")
            .arg("start.mjs")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let mut out = BufReader::new(child.stdout.take().expect("its output is ours"));
        let line = first_line(&mut out, STARTS_WITHIN).await;
        let told = serde_json::from_str(&line).unwrap_or_else(|error| panic!("emulate said {line:?}: {error}"));
        Some(Self { _child: child, _out: out, told })
    }

    /// Where its methods are, with the stroke at the end, as wilco takes it.
    pub fn api(&self) -> &str {
        &self.told.api
    }

    /// The bot's token.
    pub fn token(&self) -> &str {
        &self.told.token
    }

    /// The workspace's id.
    pub fn team(&self) -> &str {
        &self.told.team
    }

    /// The bot user's id.
    pub fn bot(&self) -> &str {
        &self.told.bot
    }

    /// The id of the public channel that the bot and the person are in.
    pub fn channel(&self) -> &str {
        &self.told.channel
    }

    /// The id of the person.
    pub fn person(&self) -> &str {
        &self.told.person
    }
}

/// The first line that something says.
async fn first_line(out: &mut (impl AsyncBufRead + Unpin), within: Duration) -> String {
    let mut line = String::new();
    tokio::select! {
        read = out.read_line(&mut line) => drop(read.expect("its output can be read")),
        () = wait::pause(within) => panic!("emulate did not say within {} s where it listens", within.as_secs()),
    }
    line
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign/slack-emulate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[should_panic(expected = "did not say within 0 s")]
    async fn one_that_says_nothing_is_not_awaited_for_ever() {
        let (silent, _kept) = tokio::io::duplex(1);
        first_line(&mut BufReader::new(silent), Duration::ZERO).await;
    }
}
