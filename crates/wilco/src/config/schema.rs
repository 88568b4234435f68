//! The one table of keys. The reader, the documentation and the tests of the example file all use it.

use std::time::Duration;

use super::forms::Text;

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Number {
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
        /// What is counted; may be empty.
        unit: &'static str,
    },
    /// A duration as text.
    Span {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
        /// Whether `"off"` is allowed, too.
        off: bool,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// `"auto"`, `true` or `false`.
    Auto,
    /// A text of a certain form.
    Text(Text),
    /// A list of texts of a certain form, from `min` to `max` of them.
    Texts {
        /// The form of each.
        form: Text,
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// A list of tables; their keys stand in the table below `path[]`.
    Tables {
        /// The most.
        max: usize,
    },
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key with its sections. `<name>` stands for any name, `[]` for any table of a list.
    pub path: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What holds when it is absent, for keys that the compiled-in defaults do not set. A key that begins
    /// with `defaults.` is where the value comes from.
    pub absent: &'static str,
    /// Whether a change applies while wilco runs.
    pub reload: bool,
    /// What it is, in a few words.
    pub about: &'static str,
}

const SECOND: u64 = 1;
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

const fn number(min: u32, max: u32, unit: &'static str) -> Kind {
    Kind::Number { min, max, unit }
}

const fn span(min: u64, max: u64, off: bool) -> Kind {
    Kind::Span { min: Duration::from_secs(min), max: Duration::from_secs(max), off }
}

/// A key that is read once, when wilco starts.
const fn start(path: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { path, kind, absent: "", reload: false, about }
}

/// A key that applies while wilco runs.
const fn live(path: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { path, kind, absent: "", reload: true, about }
}

/// A key that applies while wilco runs and that the defaults leave out.
const fn open(path: &'static str, kind: Kind, absent: &'static str, about: &'static str) -> Key {
    Key { path, kind, absent, reload: true, about }
}

const ACK: Kind = number(1, 300, "seconds");
const PROGRESS: Kind = number(5, 86_400, "seconds");
const TERMINAL: Kind = number(5, 604_800, "seconds");
const COUNT: Kind = number(1, 10_000, "");
const INACTIVITY: Kind = span(5 * SECOND, 7 * DAY, true);
const QUESTION: Kind = span(SECOND, 30 * DAY, false);
const KEPT: Kind = span(HOUR, 3_650 * DAY, false);
const ON_INTERRUPT: Kind = Kind::Choice(&["report", "rerun"]);
const NOTIFY: Kind = Kind::Choice(&["always", "failure", "never"]);
const COOLDOWN: Kind = Kind::Span { min: Duration::from_millis(100), max: Duration::from_secs(HOUR), off: true };
const ID: Kind = Kind::Text(Text::Id);
const ATTEMPTS: Kind = number(1, 10, "");
const FIRST: Kind = Kind::Span { min: Duration::from_millis(100), max: Duration::from_secs(HOUR), off: false };
const FACTOR: Kind = number(1, 10, "");
const CAP: Kind = span(SECOND, HOUR, false);
const SERVICE: Kind = Kind::Choice(&["claude", "codex", "http"]);
const MISSED: Kind = Kind::Choice(&["run_late", "notice"]);

const SLACK_CONNECT: &str = "whether members of other workspaces may use it, as far as rules name them";
const SLACK_JOIN: &str = "whether the bot joins public channels where it is to speak; needs channels:join";
const SLACK_ASSISTANT: &str = "whether the app is an assistant, whose threads show what it does; needs assistant:write";

/// The table.
pub const TABLE: &[Key] = &[
    live("timezone", Kind::Text(Text::Zone), "the zone of people and channels that have set none of their own"),
    start("store.url", Kind::Text(Text::Store), "where everything that was promised is kept"),
    start("store.files", Kind::Text(Text::Path), "the folder of the jobs' own folders, outputs and files"),
    start("web.enabled", Kind::Flag, "whether the local web chat is served"),
    start("web.bind", Kind::Text(Text::Bind), "where it listens; the next free port when taken, any for 0"),
    Key { absent: "true", ..start("discord.enabled", Kind::Flag, "whether it is connected, when there is a token") },
    Key {
        absent: "DISCORD_BOT_TOKEN",
        ..start("discord.token", Kind::Text(Text::Token), "the bot's token; keep it in the environment")
    },
    Key {
        absent: "none",
        ..start("discord.token_file", Kind::Text(Text::Path), "a file with the token that nobody else may read")
    },
    Key {
        absent: "asked for",
        ..start(
            "discord.application_id",
            Kind::Text(Text::Snowflake),
            "the application's id; saves a question at the start",
        )
    },
    Key {
        absent: "everywhere",
        ..start(
            "discord.guild",
            Kind::Text(Text::Snowflake),
            "the one guild that gets the commands; none: all, and direct messages",
        )
    },
    Key {
        absent: "true",
        ..start(
            "discord.register_commands",
            Kind::Flag,
            "whether the start brings Discord's menu in step; else `wilco commands sync` does",
        )
    },
    Key {
        absent: "false",
        ..start(
            "discord.message_content",
            Kind::Flag,
            "whether it reads replies that do not mention it; needs the intent of that name",
        )
    },
    Key {
        absent: "https://discord.com/api/v10",
        ..start("discord.api", Kind::Text(Text::Url), "where the REST API is, for a proxy")
    },
    Key {
        absent: "true",
        ..start("slack.enabled", Kind::Flag, "whether this workspace is connected, when there are its tokens")
    },
    Key {
        absent: "SLACK_BOT_TOKEN",
        ..start("slack.bot_token", Kind::Text(Text::SlackBot), "the bot's token (xoxb-…); keep it in the environment")
    },
    Key {
        absent: "none",
        ..start("slack.bot_token_file", Kind::Text(Text::Path), "a file with that token that nobody else may read")
    },
    Key {
        absent: "SLACK_APP_TOKEN",
        ..start(
            "slack.app_token",
            Kind::Text(Text::SlackApp),
            "the app-level token (xapp-…) with connections:write; keep it in the environment",
        )
    },
    Key {
        absent: "none",
        ..start("slack.app_token_file", Kind::Text(Text::Path), "a file with that token that nobody else may read")
    },
    Key {
        absent: "none",
        ..start(
            "slack.requests",
            Kind::Text(Text::Listen),
            "where Slack's requests are taken, in place of sockets; then no app-level token is needed",
        )
    },
    Key {
        absent: "SLACK_SIGNING_SECRET",
        ..start(
            "slack.signing_secret",
            Kind::Text(Text::SlackSigning),
            "what Slack signs its requests with; keep it in the environment",
        )
    },
    Key {
        absent: "none",
        ..start("slack.signing_secret_file", Kind::Text(Text::Path), "a file with it that nobody else may read")
    },
    Key { absent: "false", ..start("slack.connect", Kind::Flag, SLACK_CONNECT) },
    Key { absent: "false", ..start("slack.join", Kind::Flag, SLACK_JOIN) },
    Key { absent: "false", ..start("slack.assistant", Kind::Flag, SLACK_ASSISTANT) },
    Key {
        absent: "https://slack.com/api",
        ..start("slack.api", Kind::Text(Text::Url), "where the Web API is, for a proxy")
    },
    Key { absent: "true", ..start("slack.<name>.enabled", Kind::Flag, "as in [slack], for a workspace of its own") },
    Key {
        absent: "SLACK_<NAME>_BOT_TOKEN",
        ..start("slack.<name>.bot_token", Kind::Text(Text::SlackBot), "as there; for `ops` it is SLACK_OPS_BOT_TOKEN")
    },
    Key { absent: "none", ..start("slack.<name>.bot_token_file", Kind::Text(Text::Path), "as there") },
    Key {
        absent: "SLACK_<NAME>_APP_TOKEN",
        ..start("slack.<name>.app_token", Kind::Text(Text::SlackApp), "as there; for `ops` it is SLACK_OPS_APP_TOKEN")
    },
    Key { absent: "none", ..start("slack.<name>.app_token_file", Kind::Text(Text::Path), "as there") },
    Key {
        absent: "none",
        ..start("slack.<name>.requests", Kind::Text(Text::Listen), "as there, at a port of its own")
    },
    Key {
        absent: "SLACK_<NAME>_SIGNING_SECRET",
        ..start("slack.<name>.signing_secret", Kind::Text(Text::SlackSigning), "as there")
    },
    Key { absent: "none", ..start("slack.<name>.signing_secret_file", Kind::Text(Text::Path), "as there") },
    Key { absent: "false", ..start("slack.<name>.connect", Kind::Flag, SLACK_CONNECT) },
    Key { absent: "false", ..start("slack.<name>.join", Kind::Flag, SLACK_JOIN) },
    Key { absent: "false", ..start("slack.<name>.assistant", Kind::Flag, SLACK_ASSISTANT) },
    Key { absent: "https://slack.com/api", ..start("slack.<name>.api", Kind::Text(Text::Url), "as there") },
    start("log.format", Kind::Choice(&["auto", "human", "json"]), "how log lines look; auto is human on a terminal"),
    start("log.filter", Kind::Text(Text::Filter), "which lines are logged; RUST_LOG wins"),
    live("builtin.demo", Kind::Auto, "the 20-second demo job; auto is on while no worker is configured"),
    live("builtin.echo", Kind::Auto, "the kind that answers with its text; auto as for demo"),
    live("defaults.inactivity", INACTIVITY, "ends a job that gives no sign of life for so long"),
    live("defaults.question", QUESTION, "how long a question to a person may stay open"),
    live("defaults.on_interrupt", ON_INTERRUPT, "what becomes of a job lost in a crash; rerun at most twice"),
    live("defaults.notify", NOTIFY, "when a finished job that took more than 15 s notifies"),
    live("defaults.max_running", COUNT, "how many jobs of one kind run at once"),
    live("defaults.worker_contract.ack_secs", ACK, "until people see that a job was accepted"),
    live("defaults.worker_contract.progress_secs", PROGRESS, "between two signs of life, before the quiet note"),
    live("defaults.worker_contract.terminal_secs", TERMINAL, "the hard limit of a whole run"),
    live("defaults.worker_contract.tick_secs", number(1, 60, "seconds"), "the longest sleep of the deadline watch"),
    live("quotas.person_running", COUNT, "jobs of one person that run at once"),
    live("quotas.person_queued", COUNT, "jobs of one person that wait for a free slot"),
    live("quotas.channel_open", COUNT, "jobs of one channel that have not ended"),
    live("quotas.cooldown", COOLDOWN, "the shortest pause between two jobs of one person"),
    live("retry.attempts", ATTEMPTS, "how often a job is started whose attempts fail, the first time included"),
    live("retry.first", FIRST, "the rest after the first failure, moved by up to 20 % like every rest"),
    live("retry.factor", FACTOR, "by how much each rest is longer than the one before"),
    live("retry.cap", CAP, "the longest rest; at least as long as first"),
    live("followups.min", span(SECOND, 30 * DAY, false), "the nearest time for which something may be scheduled"),
    live("followups.max", span(HOUR, 3_650 * DAY, false), "the farthest, and the longest interval; at least min"),
    live("followups.min_every", span(SECOND, 30 * DAY, false), "how often something may come again, at the most"),
    live("followups.missed", MISSED, "whether what was missed while the bot was down runs late or is reported"),
    live("followups.missed_max_age", span(60 * SECOND, 365 * DAY, false), "later than this it is only reported"),
    live("followups.pause_after", number(1, 1_000, "failures"), "in a row, after which a recurring one is paused"),
    live("followups.per_person", COUNT, "follow-ups that one person may have pending"),
    live("retention.bodies", KEPT, "how long inputs, results and files are kept after the end"),
    live("retention.receipts", KEPT, "how long the records are kept; at least as long as bodies"),
    open("access", Kind::Tables { max: 1_000 }, "nobody may do anything", "who may do what"),
    open("access[].account", ID, "every connection", "the connection, such as `discord` or `slack:ops`"),
    open("access[].user", ID, "anybody", "a person's stable id, never a name"),
    open("access[].role", ID, "any role", "the id of a role or user group"),
    open("access[].channel", ID, "any channel", "the id of a channel"),
    open("access[].guild", ID, "any guild", "the id of a guild or workspace; direct messages are in none"),
    open("access[].grant", Kind::Choice(&["viewer", "operator", "owner"]), "required", "what the rule allows"),
    open("backends.<name>.service", SERVICE, "required", "whose words say that a person has to act"),
    open(
        "backends.<name>.credentials",
        Kind::Text(Text::Path),
        "none",
        "the file whose change opens the gate; never read. Any changed configuration opens every gate, too",
    ),
    open("workers.<name>.kind", Kind::Text(Text::WorkerKind), "command", "what runs it"),
    open("workers.<name>.command", texts(Text::Argument, 1, 100), "required", "the program and its fixed arguments"),
    open("workers.<name>.args", Kind::Tables { max: 20 }, "none", "what people may add, in order, each passed whole"),
    open("workers.<name>.env", texts(Text::EnvName, 0, 100), "none", "environment variables that are passed on"),
    open("workers.<name>.cwd", Kind::Text(Text::Path), "the job's own folder", "where it runs, relative to the file"),
    open("workers.<name>.separator", Kind::Flag, "true", "whether `--` stands before what people added"),
    open(
        "workers.<name>.stderr",
        Kind::Choice(&["log", "progress"]),
        "log",
        "where its error output goes besides the log",
    ),
    open("workers.<name>.asks", Kind::Flag, "true", "whether its input stays open for answers to `::ask`"),
    open("workers.<name>.result_file", Kind::Text(Text::FileName), "its output", "the output file with the result"),
    open("workers.<name>.max_file_mib", number(1, 1_048_576, "MiB"), "1024", "the largest file that it may write"),
    open("workers.<name>.max_open_files", number(16, 1_048_576, ""), "1024", "files that each process may hold open"),
    open("workers.<name>.about", Kind::Text(Text::Line), "its program's name", "what `/help` says about it"),
    open("workers.<name>.ack_secs", ACK, "defaults.worker_contract.ack_secs", "as there"),
    open("workers.<name>.progress_secs", PROGRESS, "defaults.worker_contract.progress_secs", "as there"),
    open("workers.<name>.terminal_secs", TERMINAL, "defaults.worker_contract.terminal_secs", "as there"),
    open("workers.<name>.inactivity", INACTIVITY, "defaults.inactivity", "as there"),
    open("workers.<name>.question", QUESTION, "defaults.question", "as there"),
    open("workers.<name>.on_interrupt", ON_INTERRUPT, "defaults.on_interrupt", "as there"),
    open("workers.<name>.notify", NOTIFY, "defaults.notify", "as there"),
    open("workers.<name>.max_running", COUNT, "defaults.max_running", "as there"),
    open("workers.<name>.retry.attempts", ATTEMPTS, "that of `retry.attempts`", "as there"),
    open("workers.<name>.retry.first", FIRST, "that of `retry.first`", "as there"),
    open("workers.<name>.retry.factor", FACTOR, "that of `retry.factor`", "as there"),
    open("workers.<name>.retry.cap", CAP, "that of `retry.cap`", "as there"),
    open("workers.<name>.args[].name", Kind::Text(Text::ArgName), "required", "how help and errors call it"),
    open("workers.<name>.args[].pattern", Kind::Text(Text::Pattern), ".+", "has to match all of what was typed"),
    open("workers.<name>.args[].max", number(1, 4_000, "characters"), "200", "the longest"),
    open("workers.<name>.args[].optional", Kind::Flag, "false", "whether it may be left out"),
    open(
        "workers.<name>.args[].rest",
        Kind::Flag,
        "false",
        "takes all that follow, each passed whole; only the last may",
    ),
];

const fn texts(form: Text, min: usize, max: usize) -> Kind {
    Kind::Texts { form, min, max }
}

impl Kind {
    /// What is allowed, for people.
    pub fn allowed(&self) -> String {
        match self {
            Self::Number { min, max, unit } => format!("{min} to {max} {unit}").trim_end().to_owned(),
            Self::Span { min, max, off } => {
                let off = if *off { ", or \"off\"" } else { "" };
                format!("{} to {}{off}", short(*min), short(*max))
            }
            Self::Choice(words) => one_of(words),
            Self::Flag => "true or false".to_owned(),
            Self::Auto => "\"auto\", true or false".to_owned(),
            Self::Text(form) => form.allowed().to_owned(),
            Self::Texts { form: Text::EnvName, max, .. } => format!("at most {max} names"),
            Self::Texts { min: 0, max, .. } => format!("at most {max} texts"),
            Self::Texts { min, max, .. } => format!("{min} to {max} texts"),
            Self::Tables { max } => format!("at most {max} tables"),
        }
    }
}

fn short(span: Duration) -> String {
    // The words of core begin at whole seconds and end at days; that is all the table needs above 1 s.
    if span < Duration::from_secs(1) { format!("{}ms", span.as_millis()) } else { wilco_core::text::duration(span) }
}

fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

/// The key at a place of the table, such as `workers.<name>.command`.
pub fn key(pattern: &str) -> Option<&'static Key> {
    TABLE.iter().find(|key| key.path == pattern)
}

/// The names that may stand directly in a section; the empty pattern is the top of the file.
pub fn names_in(pattern: &str) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = TABLE
        .iter()
        .filter_map(|key| match pattern {
            "" => Some(key.path),
            _ => key.path.strip_prefix(pattern)?.strip_prefix('.'),
        })
        .filter_map(|rest| rest.split(['.', '[']).next())
        .collect();
    names.dedup();
    names
}

/// The sections in which a key of this name may stand, for somebody who put it into another one.
pub fn homes_of(name: &str) -> Vec<&'static str> {
    let mut homes: Vec<&'static str> = TABLE
        .iter()
        .filter_map(|key| key.path.rsplit_once('.'))
        .filter(|(_, last)| *last == name)
        .map(|(home, _)| home)
        .collect();
    homes.dedup();
    homes
}
