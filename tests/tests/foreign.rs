//! Clients that are not ours use the fake platforms as they would use the real ones: discord.js and discord.py the fake
//! Discord, @slack/bolt and slack_sdk the fake Slack. What they rely on and a fake does not do fails here, so that wilco
//! is not held against a mistake of our own.
//!
//! The scripts are in `tests/foreign`; the two of a platform do the same, so both leave the same channels behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod discord;
mod emulate;
mod slack;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use wilco_core::Clock;
use wilco_sim::clock::MachineClock;

/// How long a script may take, which bounds every step of its own.
const PATIENCE: Duration = Duration::from_mins(3);

/// One of the clients.
struct Client {
    name: &'static str,
    /// Its folder in `tests/foreign`.
    folder: PathBuf,
    /// What is there when it is installed, from that folder.
    installed: &'static str,
    /// How it is installed by hand.
    needs: &'static str,
    /// What runs the script, and the script.
    command: [&'static str; 2],
    /// Where it does otherwise than the platform's description says, which the platform lets pass.
    habits: &'static [&'static str],
}

impl Client {
    /// Whether it is installed. If not, the test that needs it says so and passes; with `CI=true` it fails.
    #[expect(clippy::print_stderr, reason = "a skipped test says so in one line")]
    fn is_there(&self) -> bool {
        if self.folder.join(self.installed).exists() {
            return true;
        }
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is not installed: {}", self.name, self.needs);
        eprintln!("skipped: needs {} ({})", self.name, self.needs);
        false
    }

    /// Runs the script to its end. Returns what it says, line by line.
    async fn run(&self, settings: &[(&str, String)]) -> Vec<String> {
        let [program, script] = self.command;
        // A program with a path is found from the folder of the script, wherever the tests were started.
        let program = if program.contains('/') { self.folder.join(program) } else { program.into() };
        let mut command = Command::new(&program);
        command.arg(script).current_dir(&self.folder).env("PYTHONDONTWRITEBYTECODE", "1");
        command.envs(settings.iter().map(|(name, value)| (name, value)));
        // The fake is on this machine, where no proxy belongs in between.
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(name);
        }
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
        let clock = MachineClock::start();
        let output = tokio::select! {
            output = output => output.unwrap_or_else(|error| panic!("{}: {error}", program.display())),
            () = clock.sleep_until(PATIENCE) => panic!("{} did not end within {PATIENCE:?}", self.name),
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} ended with {}\n{said}\n{complained}", self.name, output.status);
        said.lines().map(str::to_owned).collect()
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").join(name)
}

#[test]
fn the_lock_files_pin_by_hash_and_name_no_address_to_fetch_from() {
    for name in ["discord-js", "slack-bolt", "slack-emulate"] {
        let package = std::fs::read_to_string(folder(name).join("package-lock.json")).unwrap();
        let lock: serde_json::Value = serde_json::from_str(&package).unwrap();
        for (name, package) in lock["packages"].as_object().unwrap().iter().filter(|(name, _)| !name.is_empty()) {
            assert!(package["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-")), "{name}");
            assert!(package["resolved"].is_null(), "{name}");
        }
    }
    for name in ["discord-py", "slack-sdk"] {
        let requirements = std::fs::read_to_string(folder(name).join("requirements.txt")).unwrap();
        let lines: Vec<&str> = requirements.lines().filter(|line| !line.starts_with('#')).collect();
        let hashes = lines.iter().filter(|line| line.starts_with("    --hash=sha256:")).count();
        let pinned = lines.iter().filter(|line| line.contains("==") && line.ends_with(" \\")).count();
        assert!(pinned > 0 && hashes >= pinned, "{name}");
        assert_eq!(hashes + pinned, lines.len(), "every other line of {name} names an address or pins nothing");
    }
}
