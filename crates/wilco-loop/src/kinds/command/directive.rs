//! Lines by which a command says more than text: `::step`, `::ask`, `::partial`, `::tool`.

use wilco_core::job::{Ask, Progress};

/// How many answers a question may offer, and how long each may be, in characters.
const CHOICES: usize = 5;
const CHOICE_CHARS: usize = 40;

/// What a line of stdout is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    /// Ordinary text.
    Text,
    /// A sign of progress.
    Progress(Progress),
    /// A question, or why it is none.
    Ask(Result<Ask, String>),
}

/// Reads a line. Whatever is not exactly one of the forms is ordinary text, because a program that
/// knows nothing of wilco may print anything. Only a broken question is an error: it would be
/// waited for without end.
pub(super) fn read(line: &str) -> Directive {
    let Some(rest) = line.strip_prefix("::") else {
        return Directive::Text;
    };
    let (word, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let text = text.trim();
    match word {
        "step" => step(text).map_or(Directive::Text, Directive::Progress),
        "partial" => Directive::Progress(Progress::Partial(text.to_owned())),
        "tool" if !text.is_empty() => Directive::Progress(Progress::ToolStarted(text.to_owned())),
        "tool-done" => Directive::Progress(Progress::ToolCompleted(text.to_owned())),
        "ask" => Directive::Ask(ask(text)),
        _ => Directive::Text,
    }
}

fn step(text: &str) -> Option<Progress> {
    let (numbers, text) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let (at, of) = numbers.split_once('/')?;
    let (at, of): (u32, u32) = (at.parse().ok()?, of.parse().ok()?);
    (1 <= at && at <= of).then(|| Progress::Step { at, of, text: text.trim().to_owned() })
}

fn ask(text: &str) -> Result<Ask, String> {
    let mut parts = text.split('|').map(|part| part.trim().to_owned());
    let question = parts.next().unwrap_or_default();
    let choices: Vec<String> = parts.collect();
    let fits = |choice: &String| (1..=CHOICE_CHARS).contains(&choice.chars().count());
    if question.is_empty() || !(1..=CHOICES).contains(&choices.len()) || !choices.iter().all(fits) {
        return Err(format!(
            "the command asked a question that cannot be shown; `::ask` needs a question and 1 to {CHOICES} answers of at most \
             {CHOICE_CHARS} characters, such as `::ask Go on? | Yes | No`; it wrote {}",
            super::quote(text)
        ));
    }
    Ok(Ask { text: question, choices })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_understood() {
        let step = |at, of, text: &str| Directive::Progress(Progress::Step { at, of, text: text.to_owned() });
        assert_eq!(read("::step 3/7 adding up"), step(3, 7, "adding up"));
        assert_eq!(read("::step 7/7"), step(7, 7, ""));
        assert_eq!(read("::partial half"), Directive::Progress(Progress::Partial("half".into())));
        assert_eq!(read("::tool git"), Directive::Progress(Progress::ToolStarted("git".into())));
        assert_eq!(read("::tool-done git"), Directive::Progress(Progress::ToolCompleted("git".into())));
        let ask = Ask { text: "Go on?".into(), choices: vec!["Yes".into(), "No, stop".into()] };
        assert_eq!(read("::ask Go on? | Yes |No, stop "), Directive::Ask(Ok(ask)));
    }

    #[test]
    fn what_only_looks_like_one_is_text() {
        for line in [
            "step 1/2",
            " ::step 1/2",
            "::step 0/2",
            "::step 3/2",
            "::step a/b",
            "::step",
            "::warning x",
            "::",
            "::tool",
            "",
        ] {
            assert_eq!(read(line), Directive::Text, "{line:?}");
        }
    }

    #[test]
    fn a_question_that_could_not_be_answered_is_an_error() {
        let long = format!("::ask Which? | {}", "x".repeat(41));
        for line in ["::ask", "::ask Really?", "::ask | Yes", "::ask Q | a | ", "::ask Q |1|2|3|4|5|6", &long] {
            assert!(matches!(read(line), Directive::Ask(Err(_))), "{line:?}");
        }
    }
}
