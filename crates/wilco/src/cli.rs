//! The command line: what can be typed, and how answers are printed.

mod followups;
mod table;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use followups::{Add, Followups};
pub use table::{Column, Table, terminal_width};

use crate::config::Flags;

const AFTER: &str = "\
Exit codes: 0 fine, 1 failed or something found, 2 not understood, 69 store not available,
75 another instance holds the store, 78 the configuration is wrong.

Start with `wilco` alone: it opens a page on this machine and needs no configuration.";

/// Runs long jobs from chat, and the answer always arrives.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "wilco", bin_name = "wilco", version, about, after_help = AFTER, max_term_width = 100)]
pub struct Cli {
    /// Read this file instead of looking for bot.toml [environment: WILCO_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Keep everything in this store, such as sqlite:wilco.db [environment: DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub store: Option<String>,

    /// Serve the page on this address of this machine, such as 127.0.0.1:7733
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub web: Option<String>,

    /// Print JSON instead of text, errors included
    #[arg(long, global = true)]
    pub json: bool,

    /// What to do; without it, wilco runs
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What can be done.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the bot until Ctrl-C; this is what `wilco` alone does
    Run,
    /// Check the configuration without starting anything
    Check {
        /// List every value that holds, with its source; secrets are masked
        #[arg(long)]
        show: bool,
    },
    /// Look at jobs and cancel them, beside a running bot or without one
    #[command(subcommand)]
    Jobs(Jobs),
    /// Look at what has to become visible, and send again what failed
    #[command(subcommand)]
    Receipts(Receipts),
    /// Look at what is scheduled, schedule, and call off, beside a running bot or without one
    #[command(subcommand)]
    Followups(Followups),
    /// Look at the gates of backends that wait for a person, and open them
    #[command(subcommand)]
    Gate(Gate),
    /// See who may do what, make a first owner, and take a right back
    #[command(subcommand)]
    Access(Access),
    /// Compare the commands that a platform shows with those that there are, and register what differs
    #[command(subcommand)]
    Commands(Commands),
    /// Say what is still to be done until a platform is connected
    #[command(subcommand)]
    Setup(Setup),
    /// Look for what is wrong: configuration, store, and each platform live
    Doctor {
        /// Look at the permissions in this channel, too: its id on Discord or Slack
        #[arg(long, value_name = "ID", value_parser = channel)]
        channel: Option<Channel>,
    },
}

/// What can be done with rights.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Access {
    /// List who may do what: the rules of the configuration, and who was made owner by a code
    List,
    /// Take back what somebody was given by a code; a running bot notices within a second
    Revoke {
        /// The connection, as `wilco access list` prints it
        account: String,
        /// The person's id, as `wilco access list` prints it
        person: String,
    },
    /// Show a code for the running bot: whoever says /pair with it becomes owner there
    Pair,
}

/// What can be done with a platform's commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Commands {
    /// Show what differs, and change nothing
    Diff,
    /// Register what differs
    Sync,
}

/// What can be set up.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Setup {
    /// Check the token, and print the invitation and the switches of Discord's portal
    Discord {
        /// Add the section [discord] to the configuration file; the token itself stays in the environment
        #[arg(long)]
        write: bool,
    },
    /// Print the app's manifest and the link that makes the app, and check its two tokens
    Slack(SlackSetup),
}

/// How Slack is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct SlackSetup {
    /// A workspace besides the first: the name of its section [slack.<NAME>]
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Add the section to the configuration file; tokens from the environment stay there
    #[arg(long)]
    pub write: bool,
    /// Ask for the two tokens instead of taking them from the environment; with --write they are kept in files beside the
    /// configuration that nobody else may read
    #[arg(long)]
    pub ask: bool,
    /// The https address of the app, of an app to which Slack speaks by requests in place of sockets
    #[arg(long, value_name = "URL", value_parser = requests)]
    pub requests: Option<String>,
    /// Print nothing but the manifest
    #[arg(long, conflicts_with_all = ["write", "ask"])]
    pub manifest: bool,
}

/// A channel of a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Of Discord.
    Discord(u64),
    /// Of Slack.
    Slack(String),
}

/// An address that Slack sends requests to: it takes none without encryption.
fn requests(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").map(|rest| rest.split('/').next().unwrap_or_default());
    if host.is_some_and(|host| !host.is_empty()) && !text.contains(['?', '#', ' ']) {
        Ok(text.to_owned())
    } else {
        Err("it has to begin with https:// and to end with its path, such as https://bot.example.com/slack".to_owned())
    }
}

/// Ids tell by themselves whose they are.
fn channel(text: &str) -> Result<Channel, String> {
    match text.parse() {
        Ok(id) => Ok(Channel::Discord(id)),
        Err(_) if wilco_slack::ids::is_channel(text) => Ok(Channel::Slack(text.to_owned())),
        Err(_) => Err("a channel's id is a number on Discord, and begins with C, G or D on Slack".to_owned()),
    }
}

/// What can be done with gates.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Gate {
    /// List the gates that are closed, and what to do for each
    List,
    /// Open a gate after having done it; a running bot goes on within a second
    Open {
        /// The backend, as `wilco gate list` prints it
        backend: String,
    },
}

/// What can be done with jobs.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Jobs {
    /// List jobs, newest first
    List {
        /// Only those that have not ended
        #[arg(long)]
        open: bool,
        /// At most so many: 1 to 5000
        #[arg(long, value_name = "COUNT", default_value_t = 200, allow_negative_numbers = true)]
        limit: i64,
    },
    /// Show one job: where it stands, what was delivered where, and its history
    Show {
        /// The id in every message about the job, such as k7f2, or the beginning of it
        id: String,
        /// At most so many entries of its history: 1 to 5000
        #[arg(long, value_name = "COUNT", default_value_t = 200, allow_negative_numbers = true)]
        limit: i64,
    },
    /// Ask a job to stop; it ends as soon as it was seen to stop
    Cancel {
        /// The id in every message about the job, such as k7f2, or the beginning of it
        id: String,
        /// Why; people see it
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// What can be done with receipts.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Receipts {
    /// List receipts, newest first
    List {
        /// Only those that failed for good: the operator's list
        #[arg(long)]
        failed: bool,
        /// At most so many: 1 to 5000
        #[arg(long, value_name = "COUNT", default_value_t = 200, allow_negative_numbers = true)]
        limit: i64,
    },
    /// Show one receipt
    Show {
        /// The receipt's id, as `wilco receipts list` prints it
        id: String,
    },
    /// Send a failed receipt again
    Retry {
        /// The receipt's id, as `wilco receipts list` prints it
        id: String,
    },
}

impl Cli {
    /// Reads a command line whose first word is the program. The error is also help and version, see
    /// [`clap::Error::use_stderr`]; it prints itself, in colour only where `NO_COLOR` and the terminal allow.
    pub fn read<W>(words: impl IntoIterator<Item = W>) -> Result<Self, clap::Error>
    where
        W: Into<OsString> + Clone,
    {
        Self::try_parse_from(words)
    }

    /// What the command line sets in the configuration.
    pub fn flags(&self) -> Flags {
        Flags { config: self.config.clone(), store: self.store.clone(), web: self.web.clone() }
    }

    /// The command; running the bot when none was given.
    pub fn wanted(&self) -> Command {
        self.command.clone().unwrap_or(Command::Run)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn read(line: &str) -> Cli {
        Cli::read(line.split(' ')).unwrap()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_people_type() {
        assert_eq!(read("wilco").wanted(), Command::Run);
        assert_eq!(read("wilco run").wanted(), Command::Run);
        assert_eq!(read("wilco check --show").wanted(), Command::Check { show: true });
        let list = Command::Jobs(Jobs::List { open: false, limit: 200 });
        assert_eq!(read("wilco jobs list").wanted(), list);
        assert_eq!(
            read("wilco jobs cancel k7f2 --reason why").wanted(),
            Command::Jobs(Jobs::Cancel { id: "k7f2".into(), reason: Some("why".into()) })
        );
        assert_eq!(read("wilco gate list").wanted(), Command::Gate(Gate::List));
        assert_eq!(read("wilco access pair").wanted(), Command::Access(Access::Pair));
        let revoke = Access::Revoke { account: "discord".into(), person: "1".into() };
        assert_eq!(read("wilco access revoke discord 1").wanted(), Command::Access(revoke));
        assert_eq!(read("wilco commands sync").wanted(), Command::Commands(Commands::Sync));
        assert_eq!(read("wilco setup discord --write").wanted(), Command::Setup(Setup::Discord { write: true }));
        assert_eq!(read("wilco doctor --channel 7").wanted(), Command::Doctor { channel: Some(Channel::Discord(7)) });
        let slack = Command::Doctor { channel: Some(Channel::Slack("C024BE91L".into())) };
        assert_eq!(read("wilco doctor --channel C024BE91L").wanted(), slack);
        let setup = SlackSetup { account: Some("ops".into()), write: true, ..SlackSetup::default() };
        assert_eq!(read("wilco setup slack --account ops --write").wanted(), Command::Setup(Setup::Slack(setup)));
        let list = Command::Followups(Followups::List { all: true, limit: 200 });
        assert_eq!(read("wilco followups list --all").wanted(), list);
        let pause = Command::Followups(Followups::Pause { id: "f3k9".into() });
        assert_eq!(read("wilco followups pause f3k9").wanted(), pause);
        let open = Command::Gate(Gate::Open { backend: "claude".into() });
        assert_eq!(read("wilco gate open claude").wanted(), open);
        assert_eq!(read("wilco receipts retry 0a").wanted(), Command::Receipts(Receipts::Retry { id: "0a".into() }));
        let limit = read("wilco jobs list --limit -5").wanted();
        assert_eq!(limit, Command::Jobs(Jobs::List { open: false, limit: -5 }), "the desk says what is wrong with it");
    }

    #[test]
    fn what_is_scheduled_says_for_whom_and_where_or_like_which_job() {
        let words = ["wilco", "followups", "add", "in 2h", "check the deploy", "--like", "k7f2", "--key", "deploy"];
        let add = Add {
            when: "in 2h".into(),
            text: Some("check the deploy".into()),
            like: Some("k7f2".into()),
            key: Some("deploy".into()),
            ..Add::default()
        };
        assert_eq!(Cli::read(words).unwrap().wanted(), Command::Followups(Followups::Add(Box::new(add))));
        let words = "wilco followups add 17:00 --worker report --person ana --account web --channel general \
                     --thread deploys --name Ana --reason release --delete-after-run";
        let Command::Followups(Followups::Add(add)) = read(words).wanted() else { panic!("{words}") };
        assert_eq!((add.worker.as_deref(), add.text, add.delete_after_run), (Some("report"), None, true));
        assert_eq!((add.thread.as_deref(), add.name.as_deref()), (Some("deploys"), Some("Ana")));
    }

    #[test]
    fn options_may_stand_before_and_behind_the_command() {
        for line in ["wilco --json --store sqlite:x jobs list", "wilco jobs list --store sqlite:x --json"] {
            let cli = read(line);
            assert!(cli.json, "{line}");
            assert_eq!(cli.flags().store.as_deref(), Some("sqlite:x"), "{line}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_refused_with_a_hint() {
        for (line, hint) in [
            ("wilco jbos", "jobs"),
            ("wilco jobs", "list"),
            ("wilco doctor --channel general", "begins with C, G or D on Slack"),
            ("wilco setup slack --requests http://bot.example.com", "has to begin with https://"),
            ("wilco jobs show", "<ID>"),
            ("wilco followups add now text", "--person"),
            ("wilco followups add now --like k7f2", "<TEXT>"),
            ("wilco followups add now text --like k7f2 --person ana", "cannot be used with"),
        ] {
            let error = Cli::read(line.split(' ')).unwrap_err();
            assert!(error.use_stderr(), "{line}");
            assert!(error.to_string().contains(hint), "{line}: {error}");
        }
    }

    #[test]
    fn help_says_how_it_begins_and_how_it_ends() {
        let help = Cli::command().render_long_help().to_string();
        for word in [
            "--config",
            "--store",
            "--web",
            "--json",
            "check",
            "jobs",
            "receipts",
            "gate",
            "access",
            "commands",
            "setup",
            "doctor",
            "followups",
            "78",
            "needs no configuration",
        ] {
            assert!(help.contains(word), "{word} is missing in:\n{help}");
        }
        assert!(!help.contains("__child"));
    }
}
