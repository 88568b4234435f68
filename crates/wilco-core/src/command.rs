//! The one table of commands. Every surface renders it; none has a command of its own.

use serde::{Deserialize, Serialize};

use crate::access::Role;
use crate::pairing::PairingCode;

/// A command that a person gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Command {
    /// Start a job here.
    Run {
        /// The worker kind's name.
        worker: String,
        /// Everything after it.
        text: String,
    },
    /// Running and recent jobs here.
    Jobs,
    /// One job's timeline, or how the bot is.
    Status {
        /// A short id, a unique prefix or a kind's name.
        job: Option<String>,
    },
    /// Stop a job.
    Cancel {
        /// As for `Status`; without it the only job of this thread.
        job: Option<String>,
        /// Why.
        reason: Option<String>,
        /// Whether the pending follow-ups of its place are called off, too.
        #[serde(default)]
        followups: bool,
    },
    /// Do something later, once or again and again.
    Followup {
        /// The time, as typed; empty or wrong when nothing at the beginning is one.
        when: String,
        /// What is said then.
        text: String,
        /// A later follow-up of the same person with the same key takes its place.
        #[serde(default)]
        key: Option<String>,
    },
    /// The follow-ups of this place and one's own.
    Followups {
        /// Which part of a long list, from 1.
        #[serde(default = "first_page")]
        page: u32,
    },
    /// Call off what is pending here.
    Stop,
    /// Show or set a time zone.
    Timezone {
        /// The zone to set; shows what holds without one.
        zone: Option<String>,
        /// Whether it is set for everybody in this channel.
        #[serde(default)]
        here: bool,
    },
    /// Follow a job of another channel here, too.
    Watch {
        /// As for `Status`.
        job: String,
    },
    /// Become owner with the code that the program has shown.
    Pair {
        /// The code as it was typed.
        code: PairingCode,
    },
    /// What one may do.
    Whoami,
    /// The commands.
    Help,
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Spec {
    /// The word after the slash: 1 to 32 lowercase letters (Telegram Bot API, `BotCommand`).
    pub verb: &'static str,
    /// Its arguments as people see them.
    pub args: &'static str,
    /// What it does, in under 60 characters.
    pub about: &'static str,
    /// The role that it needs; `None` is open to everyone.
    pub needs: Option<Role>,
    /// Another word for it, on platforms that have no command of that name themselves.
    pub alias: Option<&'static str>,
}

/// The table.
pub const TABLE: &[Spec] = &[
    row("run", "<worker> [text]", "start a job here", Some(Role::Operator)),
    row("jobs", "", "running and recent jobs here", Some(Role::Viewer)),
    row("status", "[job]", "one job's timeline, or how the bot is", Some(Role::Viewer)),
    row(
        "cancel",
        "[job] [and its follow-ups] [reason]",
        "stop a job; without an id the only one here",
        Some(Role::Viewer),
    ),
    row("watch", "<job>", "follow a job of another channel here, too", Some(Role::Viewer)),
    Spec {
        alias: Some("remind"),
        ..row("followup", "<when> <text>", "say or run something here later", Some(Role::Operator))
    },
    row("followups", "[page]", "what is scheduled here, and yours elsewhere", Some(Role::Viewer)),
    row("stop", "here", "call off what is scheduled here", Some(Role::Viewer)),
    row("timezone", "[here] [zone]", "show or set your time zone, or this channel's", Some(Role::Viewer)),
    row("pair", "<code>", "become owner, with the code that the terminal shows", None),
    row("whoami", "", "who you are to wilco and what you may do", None),
    row("help", "", "these commands", None),
];

const fn row(verb: &'static str, args: &'static str, about: &'static str, needs: Option<Role>) -> Spec {
    Spec { verb, args, about, needs, alias: None }
}

impl Spec {
    /// How it is typed, such as `/run <worker> [text]`.
    pub fn usage(&self) -> String {
        format!("/{} {}", self.verb, self.args).trim_end().to_owned()
    }
}

impl Command {
    /// Its line in the table.
    pub fn spec(&self) -> &'static Spec {
        let verb = match self {
            Self::Run { .. } => "run",
            Self::Jobs => "jobs",
            Self::Status { .. } => "status",
            Self::Cancel { .. } => "cancel",
            Self::Watch { .. } => "watch",
            Self::Followup { .. } => "followup",
            Self::Followups { .. } => "followups",
            Self::Stop => "stop",
            Self::Timezone { .. } => "timezone",
            Self::Pair { .. } => "pair",
            Self::Whoami => "whoami",
            Self::Help => "help",
        };
        TABLE.iter().find(|spec| spec.verb == verb).unwrap_or(&TABLE[TABLE.len() - 1])
    }
}

/// What a typed line turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A command.
    Command(Command),
    /// A command whose arguments do not fit.
    Usage(&'static Spec),
    /// It begins like a command, but there is none of that name.
    Unknown {
        /// What was typed.
        verb: String,
        /// The nearest verb, when one is near.
        nearest: Option<&'static str>,
    },
    /// Ordinary text.
    Text(String),
}

/// The word before all commands where a platform has a single one for them: `/wilco run report` is `/run report`.
pub const PROGRAM: &str = "wilco";

/// Reads a typed line. A slash at the very start makes it a command; `@name` after the verb, as
/// Telegram adds it in groups, is ignored. [`PROGRAM`] before the verb changes nothing; alone it asks for help.
pub fn parse(line: &str) -> Parsed {
    let line = line.trim();
    let Some(rest) = line.strip_prefix('/') else {
        return Parsed::Text(line.to_owned());
    };
    let (word, rest) = match first_word(rest) {
        (word, "") if word.eq_ignore_ascii_case(PROGRAM) => ("help", ""),
        (word, rest) if word.eq_ignore_ascii_case(PROGRAM) => first_word(rest.strip_prefix('/').unwrap_or(rest)),
        verb => verb,
    };
    let verb = word.split('@').next().unwrap_or(word).to_lowercase();
    let Some(spec) = TABLE.iter().find(|spec| spec.verb == verb || spec.alias == Some(&verb)) else {
        let nearest = crate::text::nearest(&verb, TABLE.iter().map(|spec| spec.verb));
        return Parsed::Unknown { verb, nearest };
    };
    match build(spec.verb, rest) {
        Some(command) => Parsed::Command(command),
        None => Parsed::Usage(spec),
    }
}

fn build(verb: &str, rest: &str) -> Option<Command> {
    let (first, after) = first_word(rest);
    let optional = |word: &str| (!word.is_empty()).then(|| word.to_owned());
    match verb {
        "run" => Some(Command::Run { worker: optional(first)?, text: after.to_owned() }),
        "jobs" => Some(Command::Jobs),
        "status" => Some(Command::Status { job: optional(first) }),
        "cancel" => {
            let (followups, reason) = match after.strip_prefix(AND_ITS_FOLLOWUPS) {
                Some(rest) if rest.is_empty() || rest.starts_with(char::is_whitespace) => (true, rest.trim()),
                Some(_) | None => (false, after),
            };
            Some(Command::Cancel { job: optional(first), reason: optional(reason), followups })
        }
        "watch" => Some(Command::Watch { job: optional(first)? }),
        "followup" => followup(rest),
        "followups" if first.is_empty() => Some(Command::Followups { page: first_page() }),
        "followups" => first.parse().ok().filter(|page| *page > 0).map(|page| Command::Followups { page }),
        "stop" => first.eq_ignore_ascii_case("here").then_some(Command::Stop),
        "timezone" if first.eq_ignore_ascii_case("here") => {
            Some(Command::Timezone { zone: optional(after), here: true })
        }
        "timezone" => Some(Command::Timezone { zone: optional(first), here: false }),
        "pair" => Some(Command::Pair { code: PairingCode::typed(&optional(rest)?) }),
        "whoami" => Some(Command::Whoami),
        "help" => Some(Command::Help),
        _ => None,
    }
}

/// What a list shows when nobody asked for another part of it.
fn first_page() -> u32 {
    1
}

/// What stands after the job in a cancel that calls off the follow-ups of its place, too.
pub const AND_ITS_FOLLOWUPS: &str = "and its follow-ups";

/// The time is told from the text by the grammar alone; when nothing at the beginning is a time, all of
/// it stands as the time, and whoever reads the clock says what is wrong with it.
fn followup(rest: &str) -> Option<Command> {
    let (first, after) = first_word(rest);
    let (key, rest) = match first.strip_prefix("key=") {
        Some(key) if !key.is_empty() => (Some(key.to_owned()), after),
        Some(_) | None => (None, rest),
    };
    if rest.is_empty() {
        return None;
    }
    let (when, text) = crate::when::split(rest).unwrap_or((rest, ""));
    Some(Command::Followup { when: when.trim().to_owned(), text: text.trim().to_owned(), key })
}

fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim()),
        None => (text, ""),
    }
}

/// What stands as the reason of a cancel for which nobody gave one.
pub const NO_REASON: &str = "no reason given";

/// The reason of a cancel as it is stored and shown everywhere: trimmed, one line, at most 200
/// characters; blank becomes the default (requirement C4).
pub fn cancel_reason(given: Option<&str>) -> String {
    let clean = crate::text::sanitise(given.unwrap_or_default());
    let line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return NO_REASON.to_owned();
    }
    crate::text::cut(&line, 200, crate::text::Unit::Chars).into_owned()
}

/// Splits the text after a worker's name into whole arguments. Quotes hold words together; a
/// backslash takes the next character as it is. An open quote is an error.
pub fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut all, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut chars = text.chars();
    while let Some(letter) = chars.next() {
        match (letter, quote) {
            ('\\', None | Some('"')) => match chars.next() {
                Some(next) => word.get_or_insert_default().push(next),
                None => return Err("the last backslash has nothing after it".to_owned()),
            },
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (_, Some(open)) if letter == open => quote = None,
            (_, None) if letter.is_whitespace() => all.extend(word.take()),
            (_, None | Some(_)) => word.get_or_insert_default().push(letter),
        }
    }
    if let Some(open) = quote {
        return Err(format!("the quote {open} is not closed"));
    }
    all.extend(word);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Command {
        let parsed = parse(line);
        let Parsed::Command(command) = parsed else { panic!("{line}: {parsed:?}") };
        command
    }

    #[test]
    fn every_line_of_the_table_is_a_command_that_every_platform_takes() {
        for spec in TABLE {
            let line = match spec.verb {
                "stop" => "/stop here".to_owned(),
                "followups" => "/followups 2".to_owned(),
                verb => format!("/{verb} demo"),
            };
            assert_eq!(command(&line).spec(), spec);
            if let Some(alias) = spec.alias {
                assert_eq!(command(&format!("/{alias} demo")).spec(), spec);
            }
            assert!(spec.verb.len() <= 32 && spec.verb.bytes().all(|byte| byte.is_ascii_lowercase()));
            assert!(spec.about.len() < 60);
        }
    }

    #[test]
    fn what_people_type() {
        assert_eq!(command("/run demo"), Command::Run { worker: "demo".into(), text: String::new() });
        assert_eq!(
            command("  /RUN@wilco_bot report  a b "),
            Command::Run { worker: "report".into(), text: "a b".into() }
        );
        assert_eq!(
            command("/cancel k7f2 wrong branch"),
            Command::Cancel { job: Some("k7f2".into()), reason: Some("wrong branch".into()), followups: false }
        );
        assert_eq!(command("/cancel"), Command::Cancel { job: None, reason: None, followups: false });
        assert_eq!(command("/status"), Command::Status { job: None });
    }

    #[test]
    fn one_command_for_all_of_them_comes_before_the_verb() {
        let run = Command::Run { worker: "report".into(), text: "a b".into() };
        for line in ["/wilco run report a b", "/wilco /run report a b", "/Wilco  run report  a b"] {
            assert_eq!(command(line), run, "{line}");
        }
        assert_eq!((command("/wilco"), command("/wilco help")), (Command::Help, Command::Help));
        assert_eq!(parse("/wilco rum"), Parsed::Unknown { verb: "rum".into(), nearest: Some("run") });
        assert_eq!(parse("wilco run"), Parsed::Text("wilco run".into()));
    }

    #[test]
    fn follow_ups_as_people_type_them() {
        let followup = |when: &str, text: &str, key: Option<&str>| Command::Followup {
            when: when.into(),
            text: text.into(),
            key: key.map(str::to_owned),
        };
        assert_eq!(command("/followup in 2h check the deploy"), followup("in 2h", "check the deploy", None));
        assert_eq!(
            command("/remind every weekday 9:00  /run report"),
            followup("every weekday 9:00", "/run report", None)
        );
        assert_eq!(command("/followup key=deploy in 2h look"), followup("in 2h", "look", Some("deploy")));
        assert_eq!(command("/followup soon look"), followup("soon look", "", None), "who reads the clock explains it");
        assert_eq!(command("/followups"), Command::Followups { page: 1 });
        assert_eq!(command("/followups 3"), Command::Followups { page: 3 });
        for wrong in ["/followups 0", "/followups -1", "/followups all"] {
            assert!(matches!(parse(wrong), Parsed::Usage(spec) if spec.verb == "followups"), "{wrong}");
        }
        assert_eq!(command("/stop here"), Command::Stop);
        assert!(matches!(parse("/stop"), Parsed::Usage(spec) if spec.verb == "stop"));
        assert!(matches!(parse("/followup"), Parsed::Usage(spec) if spec.verb == "followup"));
        let zone = Some("Europe/Berlin".to_owned());
        assert_eq!(command("/timezone Europe/Berlin"), Command::Timezone { zone: zone.clone(), here: false });
        assert_eq!(command("/timezone here Europe/Berlin"), Command::Timezone { zone, here: true });
        let all = Command::Cancel { job: Some("k7f2".into()), reason: Some("done".into()), followups: true };
        assert_eq!(command("/cancel k7f2 and its follow-ups done"), all);
    }

    #[test]
    fn a_code_is_read_however_it_is_typed_and_shown_by_no_debug_output() {
        let code = PairingCode::typed("k7f2m3p9x4b6");
        for line in ["/pair k7f2-m3p9-x4b6", "/pair K7F2 M3P9 X4B6", "/pair  k7f2m3p9x4b6 "] {
            assert_eq!(command(line), Command::Pair { code: code.clone() }, "{line}");
        }
        assert!(matches!(parse("/pair"), Parsed::Usage(spec) if spec.verb == "pair"));
        assert!(!format!("{:?}", command("/pair k7f2-m3p9-x4b6")).contains("k7f2"));
    }

    #[test]
    fn a_list_that_was_stored_before_there_were_pages_is_its_first_page() {
        let stored: Command = serde_json::from_str(r#"{"verb":"followups"}"#).unwrap();
        assert_eq!(stored, Command::Followups { page: 1 });
    }

    #[test]
    fn what_does_not_fit_is_told_apart() {
        assert_eq!(parse("hello"), Parsed::Text("hello".into()));
        assert!(matches!(parse("/run"), Parsed::Usage(spec) if spec.verb == "run"));
        assert!(matches!(parse("/watch  "), Parsed::Usage(spec) if spec.verb == "watch"));
        assert_eq!(parse("/stats"), Parsed::Unknown { verb: "stats".into(), nearest: Some("status") });
        assert_eq!(parse("/xyzzy"), Parsed::Unknown { verb: "xyzzy".into(), nearest: None });
    }

    #[test]
    fn c4_a_blank_reason_becomes_the_default_and_every_reason_is_one_line() {
        assert_eq!(cancel_reason(None), "no reason given");
        assert_eq!(cancel_reason(Some(" \n\t ")), "no reason given");
        assert_eq!(cancel_reason(Some("  wrong\n branch ")), "wrong branch");
        assert_eq!(cancel_reason(Some(&"x".repeat(500))).chars().count(), 200);
    }

    #[test]
    fn words_are_whole_arguments() {
        assert_eq!(words("a 'b c' \"d e\" f\\ g ''").unwrap(), ["a", "b c", "d e", "f g", ""]);
        assert_eq!(words("; rm -rf $HOME").unwrap(), [";", "rm", "-rf", "$HOME"]);
        assert!(words("'open").is_err());
        assert!(words("open\\").is_err());
    }
}
