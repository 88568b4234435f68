//! What makes an event of what somebody said or did: who, where, and whether the bot could answer there.

use wilco_core::command::{Command, Parsed};
use wilco_core::followup::FollowupAct;
use wilco_core::{Accepted, Inbound, Press, Reply, Timestamp, What, wording};

use crate::people::{Hint, Somebody, Unknown};
use crate::place::Spot;
use crate::slack::Slack;

/// Something that was said or done, before anything was looked up.
#[derive(Clone, Debug)]
pub(crate) struct Done<'a> {
    /// The id that the inbox knows it by.
    pub(crate) event: &'a str,
    pub(crate) spot: &'a Spot,
    pub(crate) person: &'a str,
    pub(crate) hint: Hint<'a>,
    pub(crate) what: What,
    pub(crate) at: Timestamp,
}

impl Slack {
    /// The event for the inbox, or the answer where nothing is handed in.
    pub(crate) async fn understand(&self, done: Done<'_>) -> Result<Inbound, Reply> {
        let Done { event, spot, person, hint, what, at } = done;
        let sight = self.sight(&spot.channel, person).await;
        let Somebody { person, team } = match self.person(person, hint).await {
            Ok(somebody) => somebody,
            Err(Unknown) => return Err(wording::not_stored("Slack did not tell who you are and what you may do")),
        };
        let shows = shows_something(&what);
        if shows && let Some(refusal) = self.cannot_speak(&spot.channel, spot.thread.as_deref(), sight).await {
            return Err(refusal);
        }
        let account = self.options.account.clone();
        let mut place = spot.place(&account, sight, team.as_deref(), None);
        if shows && place.direct.is_none() && place.audience != wilco_core::Audience::Direct {
            place.direct = self.direct_soon(&person, &place).await;
        }
        Ok(Inbound { account, event: event.to_owned(), place, person, what, at })
    }
}

/// What was meant, or the answer to what cannot be understood.
pub(crate) fn meant(parsed: Parsed) -> Result<What, Reply> {
    match parsed {
        Parsed::Command(command) => Ok(What::Command(command)),
        Parsed::Text(text) => Ok(What::Said(text)),
        Parsed::Usage(spec) => Err(wording::usage(spec)),
        Parsed::Unknown { verb, nearest } => Err(wording::unknown_command(&verb, nearest)),
    }
}

/// Whether it makes something appear in the channel, now or later.
fn shows_something(what: &What) -> bool {
    match what {
        What::Command(command) => {
            matches!(command, Command::Run { .. } | Command::Followup { .. } | Command::Watch { .. })
        }
        What::Press { press, .. } => match press {
            Press::RunAgain { .. } => true,
            Press::Followup { act, .. } => *act == FollowupAct::Run,
            Press::CancelStub { .. }
            | Press::Cancel { .. }
            | Press::Details { .. }
            | Press::Answer { .. }
            | Press::StopHere => false,
        },
        What::Said(_) => true,
    }
}

/// What whoever gave a command is told, who is always answered.
pub(crate) fn words(taken: Accepted) -> Reply {
    match taken {
        Accepted::Stored { reply: Some(reply), .. } | Accepted::Refused(reply) | Accepted::Answered(reply) => reply,
        Accepted::Stored { worker, reply: None } => wording::accepted(worker.as_ref()),
        Accepted::Duplicate { worker } => wording::accepted_before(worker.as_ref()),
        Accepted::Busy => wording::not_stored("the store is busy"),
    }
}

/// What whoever wrote or pressed is told. A job that was accepted shows itself, and what came twice was answered the
/// first time.
pub(crate) fn said(taken: Accepted) -> Option<Reply> {
    match taken {
        Accepted::Stored { reply, .. } => reply,
        Accepted::Duplicate { .. } => None,
        Accepted::Busy => Some(wording::not_stored("the store is busy")),
        Accepted::Refused(reply) | Accepted::Answered(reply) => Some(reply),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spoken;

    #[test]
    fn only_what_appears_in_the_channel_needs_a_channel_to_speak_in() {
        let of = |text: &str| shows_something(&meant(spoken::of_slash(text)).unwrap());
        for text in ["run demo", "followup in 2h look", "watch k7f2"] {
            assert!(of(text), "{text}");
        }
        for text in ["jobs", "status", "cancel k7f2", "help", "whoami", "stop here", "followups", "timezone"] {
            assert!(!of(text), "{text}");
        }
        assert!(shows_something(&What::Said("hello".into())));
        let press = |press| shows_something(&What::Press { press, message: None });
        assert!(press(Press::RunAgain { id: "k7f2".into() }) && !press(Press::StopHere));
        assert!(press(Press::Followup { act: FollowupAct::Run, id: "f3k9".into() }));
        assert!(!press(Press::Followup { act: FollowupAct::Cancel, id: "f3k9".into() }));
    }

    #[test]
    fn a_command_is_always_answered_and_a_message_where_there_is_something_to_say() {
        let stored = || Accepted::Stored { worker: Some("k7f2".into()), reply: None };
        assert!(words(stored()).text.contains("k7f2") && said(stored()).is_none());
        let twice = || Accepted::Duplicate { worker: None };
        assert!(words(twice()).text.contains("already") && said(twice()).is_none());
        assert!(said(Accepted::Busy).is_some_and(|reply| reply.text.contains("busy")));
        assert_eq!(said(Accepted::Answered(Reply::text("x"))), Some(Reply::text("x")));
        assert!(meant(spoken::of_slash("rum")).is_err_and(|reply| reply.text.contains("There is no command `rum`")));
    }
}
