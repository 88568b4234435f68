//! Which command somebody means. On Slack a stroke at the beginning belongs to Slack's own commands: in a thread there
//! are none, and in the box where messages are written none is sent as text. So after `/wilco`, after a mention and in a
//! direct message the verb stands bare; core's one table says which ones there are.

use wilco_core::command::{self, Command, Parsed, TABLE};

use crate::commands::COMMAND;

/// What stands behind `/wilco`. The first word is a verb, whatever it is.
pub(crate) fn of_slash(text: &str) -> Parsed {
    let text = text.trim();
    if text.is_empty() {
        return Parsed::Command(Command::Help);
    }
    command::parse(&format!("/{}", text.trim_start_matches('/')))
}

/// What stands behind a mention, or in a direct message. Text that does not begin with a verb is no command.
pub(crate) fn of_message(text: &str) -> Parsed {
    let text = text.trim();
    if text.is_empty() {
        return Parsed::Command(Command::Help);
    }
    // As it is typed elsewhere; with a space before it Slack sends it as a message.
    if let Some(rest) = text.strip_prefix(COMMAND)
        && (rest.is_empty() || rest.starts_with(char::is_whitespace))
    {
        return of_slash(rest);
    }
    let word = text.split_whitespace().next().unwrap_or_default().to_lowercase();
    let is_verb = TABLE.iter().any(|spec| spec.verb == word || spec.alias == Some(word.as_str()));
    if is_verb { of_slash(text) } else { command::parse(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verb(parsed: &Parsed) -> String {
        match parsed {
            Parsed::Command(command) => format!("/{}", command.spec().verb),
            Parsed::Usage(spec) => format!("usage of {}", spec.verb),
            Parsed::Unknown { verb, .. } => format!("no {verb}"),
            Parsed::Text(text) => text.clone(),
        }
    }

    #[test]
    fn every_verb_of_the_table_is_understood_wherever_it_is_typed() {
        for spec in TABLE {
            let rest = match spec.verb {
                "stop" => "here",
                "followups" => "2",
                _ => "demo",
            };
            for word in [Some(spec.verb), spec.alias].into_iter().flatten() {
                let wanted = format!("/{}", spec.verb);
                assert_eq!(verb(&of_slash(&format!(" {word} {rest}"))), wanted);
                for typed in [format!("{word} {rest}"), format!("/{word} {rest}"), format!("/wilco {word} {rest}")] {
                    assert_eq!(verb(&of_message(&typed)), wanted, "{typed}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_verb_is_unknown_behind_the_slash_and_text_elsewhere() {
        assert_eq!((verb(&of_slash("rum demo")), verb(&of_message("rum demo"))), ("no rum".into(), "rum demo".into()));
        assert_eq!((verb(&of_slash("")), verb(&of_message("  "))), ("/help".into(), "/help".into()));
        assert_eq!(verb(&of_slash("run")), "usage of run");
        assert_eq!(verb(&of_message("Run demo")), "/run");
        assert_eq!(verb(&of_message("running late")), "running late");
        assert_eq!(verb(&of_message("/nonsense")), "no nonsense");
        assert_eq!(verb(&of_message("/wilcox run demo")), "no wilcox");
        assert_eq!(verb(&of_slash("/jobs")), "/jobs");
    }
}
