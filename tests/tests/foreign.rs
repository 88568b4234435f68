//! Two clients that are not ours, discord.js and discord.py, use the fake Discord as they would use the real one. What
//! they rely on and the fake does not do fails here, so that wilco is not held against a mistake of our own.
//!
//! The scripts are in `tests/foreign`; both do the same, so both leave the same channels behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;
use wilco_core::Clock;
use wilco_sim::clock::MachineClock;
use wilco_sim::discord::{Deviation, FakeDiscord, Op, Settings};

/// What a script says when it has done everything.
const STEPS: [&str; 18] = [
    "log-in",
    "command",
    "suggest",
    "defer",
    "answer",
    "menu",
    "button",
    "edit",
    "delete",
    "reply",
    "file",
    "thread",
    "direct",
    "pace",
    "resume",
    "reconnect",
    "history",
    "log-out",
];

/// What people see afterwards.
const SHOWN: &str = "\
# general
bot | Weekly is done
only ana sees | Only you see this
only ana sees | — deleted —
bot | Daily is done
ana | What about this?
only ana sees | — deleted —
bot | bo said yes
      [Yes]
bot | ana pressed Go
bot | Second
bot | — deleted —
bot | ↳ It is fine, @ana
bot | See example.org
bot | Here it is, reworded
      (file more.txt, 5 B)
bot | By itself
ana | Said while you were away
ana | Said while you went

# general / About the report
bot | We talk here
ana | Good

# general / By itself
bot | Nobody is here

# @ana
bot | Between us
ana | Just us

# ops
bot | Line 1
bot | Line 2
bot | Line 3
bot | Line 4
bot | Line 5
bot | Line 6
";

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
    /// Where it does otherwise than Discord's description says, which Discord lets pass: fields that it sends with calls
    /// that have none of this name, and in one case a header.
    habits: &'static [&'static str],
}

impl Client {
    fn discord_js() -> Self {
        Self {
            name: "discord.js",
            folder: folder("discord-js"),
            installed: "node_modules/discord.js/package.json",
            needs: "npm ci in tests/foreign/discord-js",
            command: ["node", "script.mjs"],
            habits: &["enforce_nonce", "tts", "type"],
        }
    }

    fn discord_py() -> Self {
        Self {
            name: "discord.py",
            folder: folder("discord-py"),
            installed: ".venv/bin/python",
            needs: "a .venv with requirements.txt in tests/foreign/discord-py",
            command: [".venv/bin/python", "script.py"],
            habits: &[
                // What is called by the token of an interaction goes out under the name of its HTTP library.
                "User-Agent is not of the form `DiscordBot (url, version)`",
                "content_type",
                "nsfw",
                "proxy_url",
                "size",
                "spoiler",
                "tts",
                "url",
            ],
        }
    }

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
    async fn run(&self, fake: &FakeDiscord, api: &str) -> Vec<String> {
        let [program, script] = self.command;
        // A program with a path is found from the folder of the script, wherever the tests were started.
        let program = if program.contains('/') { self.folder.join(program) } else { program.into() };
        let output = Command::new(&program)
            .arg(script)
            .current_dir(&self.folder)
            .env("DISCORD_API", api)
            .env("DISCORD_TOKEN", fake.token())
            .env("DISCORD_CONTROL", format!("{}/control", fake.base()))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
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

/// A guild with two persons and two channels, as the program `wilco-sim discord` has it.
fn workshop() -> FakeDiscord {
    let fake = FakeDiscord::new(Settings::default(), Arc::new(MachineClock::start()));
    let (ana, bo) = (fake.add_person("ana"), fake.add_person("bo"));
    let guild = fake.add_guild("Workshop", ana);
    fake.join(guild, bo);
    fake.add_channel(guild, "general");
    fake.add_channel(guild, "ops");
    // As many at once as Discord takes, but the wait for the next ones is shorter.
    fake.limit(Op::CreateMessage, 5, Duration::from_secs(1));
    fake
}

/// The name of a field that a call does not have, or the whole sentence.
fn habit(deviation: &Deviation) -> &str {
    let named = deviation.what.split_once("has no field `").and_then(|(_, rest)| rest.strip_suffix('`'));
    named.unwrap_or(&deviation.what)
}

async fn completes_the_script(client: &Client) {
    if !client.is_there() {
        return;
    }
    let fake = workshop();
    let api = fake.spawn().await.unwrap();
    let said = client.run(&fake, &api).await;
    assert_eq!(said, STEPS.map(|step| format!("ok {step}")));
    assert_eq!(fake.whole_transcript(), SHOWN);

    // None of the fake's own answers deviates, and the client's requests do only in what is known of it.
    let deviations = fake.deviations();
    let of_the_fake: Vec<_> = deviations.iter().filter(|one| !one.of_request).collect();
    assert!(of_the_fake.is_empty(), "{of_the_fake:#?}");
    let habits: BTreeSet<&str> = deviations.iter().map(habit).collect();
    assert_eq!(habits, client.habits.iter().copied().collect(), "{deviations:#?}");

    // The one call that asks for what is not there any more is the only one that was refused; in particular no
    // bucket was overrun, so the headers say what the client has to know.
    let refused: Vec<_> =
        fake.log().into_iter().filter(|call| call.status >= 400).map(|call| (call.op, call.code)).collect();
    assert_eq!(refused, [(Some(Op::GetMessage), Some(10_008))]);

    let counts = fake.gateway_counts();
    assert_eq!((counts.identifies, counts.resumes, counts.resumed), (1, 2, 2), "{counts:?}");
    assert!(counts.replayed > 0, "nothing was said while the connection was gone: {counts:?}");
    assert_eq!(fake.closes(), [0_u16; 0], "the fake found nothing to close a connection for");
    fake.until(|fake| fake.listening() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn discord_js_completes_its_script_against_the_fake_discord() {
    completes_the_script(&Client::discord_js()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn discord_py_completes_its_script_against_the_fake_discord() {
    completes_the_script(&Client::discord_py()).await;
}

#[test]
fn the_lock_files_pin_by_hash_and_name_no_address_to_fetch_from() {
    let package = std::fs::read_to_string(folder("discord-js").join("package-lock.json")).unwrap();
    let lock: serde_json::Value = serde_json::from_str(&package).unwrap();
    for (name, package) in lock["packages"].as_object().unwrap().iter().filter(|(name, _)| !name.is_empty()) {
        assert!(package["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-")), "{name}");
        assert!(package["resolved"].is_null(), "{name}");
    }
    let requirements = std::fs::read_to_string(folder("discord-py").join("requirements.txt")).unwrap();
    let lines: Vec<&str> = requirements.lines().filter(|line| !line.starts_with('#')).collect();
    let hashes = lines.iter().filter(|line| line.starts_with("    --hash=sha256:")).count();
    let pinned = lines.iter().filter(|line| line.contains("==") && line.ends_with(" \\")).count();
    assert!(pinned > 0 && hashes >= pinned);
    assert_eq!(hashes + pinned, lines.len(), "every other line names an address or pins nothing");
}
