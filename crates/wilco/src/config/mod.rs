//! The configuration: compiled-in defaults, one file, the environment, the command line; later wins.
//!
//! `bot.example.toml` is compiled in and read first, so that what it shows is what holds. The table in
//! [`schema`] says what every key takes; it also drives the messages and `docs/configuration.md`.

mod build;
mod discord;
pub mod docs;
mod forms;
mod layers;
mod problem;
mod read;
pub mod schema;
mod secrets;
pub(crate) mod slack;
mod tree;
pub mod watch;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;
use wilco_core::AccountId;
use wilco_core::settings::{KindSettings, Settings};
use wilco_discord::Secret;
use wilco_slack::manifest::Wanted;

pub use forms::Text;
pub(crate) use forms::is_name;
pub use layers::{Flags, Loader};
pub use problem::{Origin, Problem, Problems};

/// The compiled-in defaults, as people read them.
pub const EXAMPLE: &str = include_str!("../../../../bot.example.toml");

/// Everything that a person can set, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that was read, if there is one.
    pub file: Option<PathBuf>,
    /// Where things are kept.
    pub store: StoreConfig,
    /// The local web chat.
    pub web: WebConfig,
    /// Discord, when it is to be connected.
    pub discord: Option<DiscordConfig>,
    /// The connections to Slack, each to a workspace; the one without a name first.
    pub slack: Vec<SlackConfig>,
    /// The log.
    pub log: LogConfig,
    /// Which of the built-in kinds are on.
    pub builtin: Builtin,
    /// What the loop reads anew at each tick.
    pub settings: Settings,
    /// The configured worker kinds by name.
    pub workers: BTreeMap<String, WorkerConfig>,
    /// Every value that holds with its source, for `wilco check --show`.
    pub effective: Vec<Effective>,
    /// What is allowed but should be looked at.
    pub warnings: Vec<Problem>,
    layer: read::Layer,
    fingerprint: u64,
}

/// Where things are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// The address of the store: `sqlite:` and a path, relative to the working directory.
    pub url: String,
    /// The folder of the jobs' folders and files, relative to the working directory.
    pub files: PathBuf,
}

/// The local web chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebConfig {
    /// Whether it is served.
    pub enabled: bool,
    /// A loopback address. Port 0 is any free one; a taken port is followed by the next free one.
    pub bind: SocketAddr,
}

/// The connection to Discord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscordConfig {
    /// The bot's token; shown by no `Debug`.
    pub token: Secret,
    /// The application's id, where it was given.
    pub application: Option<u64>,
    /// The one guild that gets the commands; none: all of them.
    pub guild: Option<u64>,
    /// Whether the start registers the commands that differ.
    pub register_commands: bool,
    /// Whether it reads replies that do not mention it.
    pub message_content: bool,
    /// Where the REST API is, without a slash at the end.
    pub api: String,
}

/// A connection to a workspace of Slack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlackConfig {
    /// The account: `slack`, or `slack:ops` for `[slack.ops]`.
    pub account: AccountId,
    /// The bot token; shown by no `Debug`.
    pub bot_token: wilco_slack::Secret,
    /// How Slack speaks to it, with the app-level token or the signing secret; shown by no `Debug`.
    pub hears: wilco_slack::Hears,
    /// Whether members of other workspaces may use it as far as rules name them.
    pub connect: bool,
    /// Whether the bot joins public channels by itself.
    pub join: bool,
    /// Whether the app is an assistant.
    pub assistant: bool,
    /// Where the Web API is, without a slash at the end.
    pub api: String,
}

/// The log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// How lines look.
    pub format: LogFormat,
    /// Which lines there are, as directives of `tracing`.
    pub filter: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Human on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Human,
    /// One JSON object per line.
    Json,
}

/// Which of the built-in kinds are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// The demo job.
    pub demo: bool,
    /// The kind that answers with its text.
    pub echo: bool,
}

/// A configured worker kind: a program that is run without a shell.
#[derive(Clone, PartialEq, Eq)]
pub struct WorkerConfig {
    /// The program and its fixed arguments; never empty. A program with a slash is an absolute path, a bare name
    /// is looked up in `PATH`.
    pub command: Vec<String>,
    /// What people may add, in order.
    pub args: Vec<ArgConfig>,
    /// The environment variables that are passed on.
    pub env: Vec<String>,
    /// Where it runs, absolute; the job's own folder when none.
    pub cwd: Option<PathBuf>,
    /// Whether `--` stands before what people added.
    pub separator: bool,
    /// Whether the lines of its error output are progress, too.
    pub stderr_progress: bool,
    /// Whether its standard input stays open for answers to `::ask`; otherwise it is empty.
    pub asks: bool,
    /// The name of the output file that holds the result; none: what it printed.
    pub result_file: Option<String>,
    /// The largest file that it may write, in MiB: 1 to 1,048,576.
    pub max_file_mib: u32,
    /// How many files each of its processes may hold open: 16 to 1,048,576.
    pub max_open_files: u32,
    /// What `/help` says about it, 1 to 100 characters.
    pub about: String,
    /// What holds for it: its own settings over the defaults.
    pub settings: KindSettings,
}

// The fixed arguments may hold what came from a variable, so only their number is shown.
impl fmt::Debug for WorkerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerConfig")
            .field("program", &self.command.first())
            .field("fixed_arguments", &self.command.len().saturating_sub(1))
            .field("args", &self.args)
            .field("env", &self.env)
            .field("cwd", &self.cwd)
            .field("separator", &self.separator)
            .field("stderr_progress", &self.stderr_progress)
            .field("asks", &self.asks)
            .field("result_file", &self.result_file)
            .field("max_file_mib", &self.max_file_mib)
            .field("max_open_files", &self.max_open_files)
            .field("about", &self.about)
            .field("settings", &self.settings)
            .finish()
    }
}

/// One argument that people may add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgConfig {
    /// How help and errors call it.
    pub name: String,
    /// A regular expression that has to match the whole of it; it compiles.
    pub pattern: String,
    /// The longest, in characters: 1 to 4,000.
    pub max: u32,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it takes all that follow, each passed whole; only the last may.
    pub rest: bool,
}

/// One value that holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Effective {
    /// The key with its sections.
    pub key: String,
    /// The value as it was written: variables by name, tokens masked.
    pub value: String,
    /// Where it came from.
    pub source: Origin,
    /// Whether a change applies while wilco runs.
    pub reload: bool,
}

impl Config {
    /// Whether Discord is kept unconnected by `enabled = false`, whatever token there is.
    pub fn discord_is_off(&self) -> bool {
        discord::is_off(&self.layer)
    }

    /// Whether a section keeps a connection to Slack unconnected by `enabled = false`, whatever tokens there are. None
    /// is the one without a name.
    pub fn slack_is_off(&self, name: Option<&str>) -> bool {
        slack::is_off(&self.layer, name)
    }

    /// The sections of Slack, such as `slack.ops`, whose connections are kept unconnected by `enabled = false`.
    pub fn slack_off(&self) -> Vec<String> {
        slack::off(&self.layer)
    }

    /// What the app of a connection to Slack has to have, as far as the configuration says. User groups matter where a
    /// rule that holds for the connection names one.
    pub fn slack_wishes(&self, account: &AccountId) -> Wanted {
        let one = self.slack.iter().find(|one| one.account == *account);
        Wanted {
            files: true,
            groups: self.settings.access.rules.iter().any(|rule| rule.role.is_some() && rule.holds_for(account)),
            join: one.is_some_and(|one| one.join),
            assistant: one.is_some_and(|one| one.assistant),
        }
    }
}

/// The keys whose values differ between two configurations, in order: those that apply while wilco
/// runs, and those that need a restart.
pub fn changes(from: &Config, to: &Config) -> (Vec<String>, Vec<String>) {
    let (old, new) = (&from.layer.settings, &to.layer.settings);
    let mut keys: Vec<(&String, bool)> = new
        .iter()
        .filter(|(key, setting)| old.get(*key) != Some(*setting))
        .chain(old.iter().filter(|(key, _)| !new.contains_key(*key)))
        .map(|(key, setting)| (key, setting.reload))
        .collect();
    keys.sort();
    let (live, start): (Vec<_>, Vec<_>) = keys.into_iter().partition(|(_, reload)| *reload);
    let names = |keys: Vec<(&String, bool)>| keys.into_iter().map(|(key, _)| key.clone()).collect();
    (names(live), names(start))
}
