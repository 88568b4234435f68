//! The one table of commands. Every surface renders it; none has a command of its own.

use serde::{Deserialize, Serialize};

use crate::access::Role;

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
    },
    /// Follow a job of another channel here, too.
    Watch {
        /// As for `Status`.
        job: String,
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
}

/// The table.
pub const TABLE: &[Spec] = &[
    Spec { verb: "run", args: "<worker> [text]", about: "start a job here", needs: Some(Role::Operator) },
    Spec { verb: "jobs", args: "", about: "running and recent jobs here", needs: Some(Role::Viewer) },
    Spec { verb: "status", args: "[job]", about: "one job's timeline, or how the bot is", needs: Some(Role::Viewer) },
    Spec {
        verb: "cancel",
        args: "[job] [reason]",
        about: "stop a job; without an id the only one here",
        needs: Some(Role::Viewer),
    },
    Spec {
        verb: "watch",
        args: "<job>",
        about: "follow a job of another channel here, too",
        needs: Some(Role::Viewer),
    },
    Spec { verb: "whoami", args: "", about: "who you are to wilco and what you may do", needs: None },
    Spec { verb: "help", args: "", about: "these commands", needs: None },
];

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

/// Reads a typed line. A slash at the very start makes it a command; `@name` after the verb, as
/// Telegram adds it in groups, is ignored.
pub fn parse(line: &str) -> Parsed {
    let line = line.trim();
    let Some(rest) = line.strip_prefix('/') else {
        return Parsed::Text(line.to_owned());
    };
    let (word, rest) = first_word(rest);
    let verb = word.split('@').next().unwrap_or(word).to_lowercase();
    let Some(spec) = TABLE.iter().find(|spec| spec.verb == verb) else {
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
        "cancel" => Some(Command::Cancel { job: optional(first), reason: optional(after) }),
        "watch" => Some(Command::Watch { job: optional(first)? }),
        "whoami" => Some(Command::Whoami),
        "help" => Some(Command::Help),
        _ => None,
    }
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
            let line = format!("/{} demo", spec.verb);
            assert_eq!(command(&line).spec(), spec);
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
            Command::Cancel { job: Some("k7f2".into()), reason: Some("wrong branch".into()) }
        );
        assert_eq!(command("/cancel"), Command::Cancel { job: None, reason: None });
        assert_eq!(command("/status"), Command::Status { job: None });
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
