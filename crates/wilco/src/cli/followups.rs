//! What can be typed about follow-ups.

use clap::{Args, Subcommand};

/// What can be done with follow-ups.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Followups {
    /// List follow-ups, the next due first
    List {
        /// Also those that have run or were called off
        #[arg(long)]
        all: bool,
        /// At most so many: 1 to 5000
        #[arg(long, value_name = "COUNT", default_value_t = 200, allow_negative_numbers = true)]
        limit: i64,
    },
    /// Show one follow-up with what became of each of its times
    Show {
        /// The id in every message about it, such as f3k9, or the beginning of it
        id: String,
        /// At most so many of its times: 1 to 5000
        #[arg(long, value_name = "COUNT", default_value_t = 200, allow_negative_numbers = true)]
        limit: i64,
    },
    /// Schedule something in a person's name
    Add(Box<Add>),
    /// Call one off; nothing of it fires any more
    Cancel {
        /// The id in every message about it, such as f3k9, or the beginning of it
        id: String,
    },
    /// Let one fire now: a single one instead of later, a recurring one besides
    Run {
        /// The id in every message about it, such as f3k9, or the beginning of it
        id: String,
    },
    /// Keep one from firing until it is resumed
    Pause {
        /// The id in every message about it, such as f3k9, or the beginning of it
        id: String,
    },
    /// Go on with a paused one
    Resume {
        /// The id in every message about it, such as f3k9, or the beginning of it
        id: String,
    },
}

const ADD: &str = "\
Times are read in the zone of the person, else of the channel, else of the configuration; a zone behind the time wins:
\"at 17:00 Asia/Tokyo\". The person needs role operator there, by an access rule that names them or the channel.

  wilco followups add \"in 2h\" \"check the deploy\" --like k7f2
  wilco followups add \"every weekday 9:00\" \"/run report\" --person ana --account web --channel general";

/// Something to schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = ADD)]
pub struct Add {
    /// When, such as "in 2h", "tomorrow 9:00" or "every weekday 9:00"
    pub when: String,
    /// What is said then, or a command such as "/run report"; with --worker its input
    #[arg(required_unless_present = "worker")]
    pub text: Option<String>,
    /// In the name and the place of whoever asked for this job, with its ways on when the place is gone
    #[arg(long, value_name = "JOB", conflicts_with_all = ["person", "name", "account", "channel", "thread"])]
    pub like: Option<String>,
    /// In whose name: the platform's stable id
    #[arg(long, value_name = "ID", required_unless_present = "like")]
    pub person: Option<String>,
    /// What people read as their name; the id when absent
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The connection of the place, such as web
    #[arg(long, value_name = "ACCOUNT", required_unless_present = "like")]
    pub account: Option<String>,
    /// The channel of the place: its id, or its name on the web chat
    #[arg(long, value_name = "CHANNEL", required_unless_present = "like")]
    pub channel: Option<String>,
    /// The thread in that channel
    #[arg(long, value_name = "THREAD")]
    pub thread: Option<String>,
    /// Start this kind of worker instead of saying the text
    #[arg(long, value_name = "KIND")]
    pub worker: Option<String>,
    /// Take the place of that person's follow-up with the same key
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Why; people see it
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Forget it once it has run or was dropped
    #[arg(long)]
    pub delete_after_run: bool,
}
