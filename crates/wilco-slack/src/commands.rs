//! How commands are typed on Slack: all of them below one.
//!
//! The names of slash commands are shared by all apps of a workspace, and some are Slack's own (`/status`, `/remind`). So
//! there is one, `/wilco`, and what core calls `/run` is `/wilco run` here. Inside threads Slack has no slash commands at
//! all: there the bot is mentioned, and it is `@wilco run`.

use std::borrow::Cow;

use wilco_core::command::TABLE;

use crate::manifest::NAME;
use crate::slack::Slack;

/// The one slash command of the app.
pub const COMMAND: &str = "/wilco";

/// A private answer's text with its commands as they are typed where it is read: behind [`COMMAND`] or behind a mention.
/// Core words answers for all platforms; they name commands as single words after whitespace, a quote or a bracket. What a
/// person has written (the text of a follow-up) may stand among them. Core marks the commands in it, and they stay.
pub(crate) fn as_typed<'a>(text: &'a str, behind_what: &str) -> Cow<'a, str> {
    let mut out = String::new();
    let mut done = 0;
    for (at, _) in text.match_indices('/') {
        let (before, after) = text.split_at(at);
        let begins = before.chars().next_back().is_none_or(|last| last.is_whitespace() || "`(\"'“*".contains(last));
        let rest = after.get(1..).unwrap_or_default();
        let length = rest.find(|letter: char| !letter.is_ascii_lowercase()).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(length);
        if begins && ends(behind) && is_command(word) {
            out.push_str(text.get(done..at).unwrap_or_default());
            out.push_str(behind_what);
            out.push(' ');
            done = at + 1;
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

impl Slack {
    /// What stands before a command where somebody reads of it.
    pub(crate) fn before_commands(&self, in_thread: bool) -> String {
        let name = self.mouth.identity.get().map(|me| me.user.as_str()).filter(|name| !name.is_empty());
        if in_thread { format!("@{}", name.unwrap_or(NAME)) } else { COMMAND.to_owned() }
    }
}

fn is_command(word: &str) -> bool {
    TABLE.iter().any(|spec| spec.verb == word || spec.alias == Some(word))
}

/// Whether a word ends here: a path such as `/run/user` and a name such as `/jobs_old` are none of ours.
fn ends(behind: &str) -> bool {
    let mut letters = behind.chars();
    match letters.next() {
        None => true,
        Some('.') => letters.next().is_none_or(char::is_whitespace),
        Some(next) => !next.is_alphanumeric() && !matches!(next, '/' | '_' | '-'),
    }
}

#[cfg(test)]
mod tests {
    use wilco_core::command::{Command, Parsed, parse};
    use wilco_core::wording;

    use super::*;

    #[test]
    fn commands_are_named_as_they_are_typed_here() {
        for (text, typed) in [
            ("/help lists the commands.", "/wilco help lists the commands."),
            ("`/run <worker> [text]` starts", "`/wilco run <worker> [text]` starts"),
            ("Did you mean /status? /jobs", "Did you mean /wilco status? /wilco jobs"),
            ("(also /remind)", "(also /wilco remind)"),
            ("say /pair.", "say /wilco pair."),
            ("every weekday 9:00 /run report", "every weekday 9:00 /wilco run report"),
            ("ä/run /run", "ä/run /wilco run"),
        ] {
            assert_eq!(as_typed(text, COMMAND), typed, "{text}");
        }
    }

    #[test]
    fn what_somebody_has_written_stays_as_it_was_written() {
        let theirs = wording::harmless("look at /status page and (/jobs)");
        assert_eq!(as_typed(&theirs, COMMAND), theirs);
    }

    #[test]
    fn in_a_thread_they_stand_behind_a_mention() {
        assert_eq!(as_typed("`/run <worker>`, see /help.", "@wilco"), "`@wilco run <worker>`, see @wilco help.");
    }

    #[test]
    fn what_is_no_command_of_ours_stays() {
        for text in [
            "",
            "/",
            "/wilco run report",
            "and/or /runs /run/user /jobs-old /status.html a/run /explode https://x/help //help",
            "/Run",
        ] {
            assert!(
                matches!(as_typed(text, COMMAND), Cow::Borrowed(same) if same == text),
                "{text}: {}",
                as_typed(text, COMMAND)
            );
        }
    }

    #[test]
    fn every_command_of_the_help_is_understood_as_it_is_shown() {
        let help = wording::help(&[("report".to_owned(), "the report".to_owned())]).text;
        let shown = as_typed(&help, COMMAND);
        assert!(!shown.contains("`/run") && shown.contains("`/wilco run report`"), "{shown}");
        for spec in TABLE {
            assert!(shown.contains(&format!("`{COMMAND} {}", spec.verb)), "{} is missing in {shown}", spec.verb);
        }
        let typed = parse("/wilco run report");
        let run = Command::Run { worker: "report".to_owned(), text: String::new() };
        assert_eq!(typed, Parsed::Command(run));
    }
}
