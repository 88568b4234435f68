//! What was found, as lines or as JSON.

use serde::Serialize;
use wilco_core::text::sanitise;
use wilco_discord::check::LookError;

use crate::exit::Exit;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    Ok,
    Warning,
    Error,
    /// The check could not be made.
    Unknown,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Unknown => "unknown",
        }
    }
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    check_id: &'static str,
    severity: Severity,
    message: String,
    /// What it is about, such as a file and its line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Report(pub(super) Vec<Check>);

impl Report {
    pub(super) fn ok(&mut self, check_id: &'static str, message: impl Into<String>) {
        self.0.push(Check { check_id, severity: Severity::Ok, message: message.into(), path: None, fix: None });
    }

    pub(super) fn found(
        &mut self,
        check_id: &'static str,
        severity: Severity,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> &mut Check {
        self.0.push(Check { check_id, severity, message: message.into(), path: None, fix: Some(fix.into()) });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    /// What Discord did not answer as it should.
    pub(super) fn look(&mut self, check_id: &'static str, error: &LookError, fix: &str) {
        let (severity, fix) = match error {
            LookError::Token => (Severity::Error, RESET),
            LookError::Refused { .. } => (Severity::Error, fix),
            LookError::Unreachable { .. } => {
                (Severity::Unknown, "look at the network and at discordstatus.com, then try again")
            }
        };
        self.found(check_id, severity, error.to_string(), fix);
    }

    /// 0 when all is well, 1 when something was found, 2 when something could not be looked at and nothing was found.
    pub(super) fn exit(&self) -> Exit {
        let any = |wanted: Severity| self.0.iter().any(|check| check.severity == wanted);
        match (any(Severity::Error) || any(Severity::Warning), any(Severity::Unknown)) {
            (true, _) => Exit::Failed,
            (false, true) => Exit::Usage,
            (false, false) => Exit::Fine,
        }
    }

    pub(super) fn words(&self) -> String {
        let mut text = String::new();
        for check in &self.0 {
            let path = check.path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
            let fix = check.fix.as_ref().map(|fix| format!("; fix: {fix}")).unwrap_or_default();
            let line = format!("{path}{}{fix}", check.message);
            let (severity, id, line) = (check.severity.word(), check.check_id, one_line(&line));
            text.push_str(&format!("{severity:<8} {id:<20} {line}\n"));
        }
        text
    }
}

/// The whole of it on one line, without what could move a terminal: what to do stands at its end.
fn one_line(text: &str) -> String {
    sanitise(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) const RESET: &str =
    "press Reset Token on the page Bot of the developer portal and set DISCORD_BOT_TOKEN to the new one";

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(severities: &[Severity]) -> u8 {
        let mut report = Report::default();
        for severity in severities {
            report.found("x", *severity, "m", "f");
        }
        report.exit().code()
    }

    #[test]
    fn the_exit_says_whether_something_was_found_or_could_not_be_looked_at() {
        use Severity::{Error, Ok, Unknown, Warning};
        assert_eq!([exit(&[]), exit(&[Ok]), exit(&[Ok, Warning]), exit(&[Error])], [0, 0, 1, 1]);
        assert_eq!([exit(&[Ok, Unknown]), exit(&[Unknown, Warning]), exit(&[Unknown, Error])], [2, 1, 1]);
    }

    #[test]
    fn each_finding_is_one_line_with_what_to_do() {
        let mut report = Report::default();
        report.ok("config", "fine");
        report.found("store", Severity::Error, "two\nlines", "mend it").path = Some("w.db".into());
        assert_eq!(
            report.words(),
            "ok       config               fine\nerror    store                w.db: two lines; fix: mend it\n"
        );
    }
}
