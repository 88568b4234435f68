//! What people read about follow-ups: confirmations, lists, and the answers to what they ask of one.

use super::*;
use crate::access::Role;
use crate::desk::{FollowupDone, FollowupSet, FollowupView, JobView};
use crate::followup::{FollowupAct, FollowupState, Task};
use crate::inbound::ReplyRow;
use crate::when::{self, UnknownZone, Zone};

/// How many entries `/followups` shows at once.
pub const FOLLOWUPS_SHOWN: usize = 10;
/// How the purpose of what was scheduled without giving a reason begins: the words with which it was.
const TYPED: &str = "/followup ";
/// How much of a follow-up's text a list shows, in characters.
const TEXT_SHOWN: usize = 60;

/// A follow-up was stored: absolute time, zone and distance, always.
pub fn followup_set(set: &FollowupSet, now: Timestamp) -> Reply {
    let view = &set.followup;
    let first = when::describe(set.first, now, view.schedule.zone);
    let mut text = if view.schedule.is_recurring() {
        format!("{} · next {first} · {}", capital(&view.rule), view.short)
    } else {
        format!("{first} · {}", view.short)
    };
    if set.rolled {
        text.push_str("\nThat time has passed today, so its next occurrence is meant.");
    }
    if let Some(replaced) = &set.replaced {
        text.push_str(&format!("\nReplaces {replaced}, which does not fire any more."));
    }
    Reply::text(text).with_buttons(vec![act(FollowupAct::Cancel, "Cancel", &view.short)])
}

fn act(act: FollowupAct, label: &str, short: &Short) -> Button {
    Button::new(label, Press::Followup { act, id: short.to_string() })
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The time cannot be used; the sentence of the grammar says why and suggests two that can.
pub fn followup_bad_time(why: &when::WhenError) -> Reply {
    Reply::text(why.to_string())
}

/// There is a time and nothing to do then.
pub fn followup_needs_text() -> Reply {
    Reply::text(
        "Not scheduled: say what shall happen then, such as `/followup in 2h check the deploy` or \
         `/followup every weekday 9:00 /run report`.",
    )
}

/// Something that comes again is not over after it has run.
pub fn followup_not_forgotten() -> Reply {
    Reply::text(
        "Not scheduled: `delete_after_run` is for what runs once, and this comes again. Leave it out, or give a single \
         time such as `tomorrow 9:00`.",
    )
}

/// The purpose of what is scheduled without giving a reason: the words with which it is.
pub fn as_scheduled(when: &str) -> String {
    one_line(&format!("{TYPED}{when}"))
}

/// The reason that was given for scheduling something; none when nobody gave one.
pub(super) fn given_reason(purpose: &str) -> Option<&str> {
    (!purpose.is_empty() && !purpose.starts_with(TYPED)).then_some(purpose)
}

/// A scheduled turn that no follow-up can carry out.
pub fn followup_cannot(verb: &str) -> String {
    format!("/{verb} cannot be given by a follow-up")
}

/// Why nothing is said in the name of somebody who has lost the right to it.
pub fn not_allowed_any_more(name: &str, needs: Role, has: Option<Role>) -> String {
    let has = has.map_or("no role".to_owned(), |role| format!("role {}", role.name()));
    format!("{} may not do this any more (needs role {}, has {has})", harmless(name), needs.name())
}

/// The person has too many.
pub fn followup_too_many(limit: u32) -> Reply {
    Reply::text(format!(
        "Not scheduled: you have {limit} pending follow-ups, which is the most. /followups lists them; cancel one first."
    ))
}

/// No follow-up of that name, or none that this person may see: the two are not told apart.
pub fn followup_not_found(name: &str) -> Reply {
    Reply::text(format!("There is no follow-up `{}` here. /followups lists those that you can see.", one_line(name)))
}

/// Reading is allowed, changing is not.
pub fn followup_not_yours(short: &Short, has: Option<Role>) -> Reply {
    Reply::text(format!(
        "Not allowed: {short} can be changed by who scheduled it, a moderator or role owner. You: {}",
        has.map_or("no role", Role::name)
    ))
}

/// More than one fits.
pub fn which_followup(candidates: &[Short]) -> Reply {
    let ids = candidates.iter().map(|short| format!("`{short}`")).collect::<Vec<_>>().join(", ");
    Reply::text(format!("Which one? {} follow-ups fit: {ids}. Nothing was changed.", candidates.len()))
}

/// What an act did.
pub fn followup_done(done: &FollowupDone, now: Timestamp) -> Reply {
    match done {
        FollowupDone::Cancelled { short } => Reply::text(format!("Cancelled · {short} · it does not fire any more")),
        FollowupDone::Paused { short } => Reply::text(format!(
            "Paused · {short} · it does not fire until it is resumed"
        ))
        .with_buttons(vec![act(FollowupAct::Resume, "Resume", short)]),
        FollowupDone::Resumed { short, next, .. } if *next <= now => {
            Reply::text(format!("Resumed · {short} · fires now"))
        }
        FollowupDone::Waits { short, gate } => {
            Reply::text(format!("Resumed · {short} · waits for the gate of {}", harmless(gate.as_str())))
        }
        FollowupDone::Resumed { short, next, zone } => {
            Reply::text(format!("Resumed · {short} · next {}", when::describe(*next, now, *zone)))
        }
        FollowupDone::Runs { short } => Reply::text(format!("Runs now · {short}")),
        FollowupDone::Unchanged { short, why } => Reply::text(format!("Unchanged · {short} · {why}")),
    }
}

/// The follow-ups of a place and one's own, each with its buttons; of a long list the page that was asked
/// for, from 1.
pub fn followups(list: &[FollowupView], page: u32, now: Timestamp) -> Reply {
    if list.is_empty() {
        return Reply::text(
            "No follow-ups here. `/followup in 2h check the deploy` sets one, `/followup every weekday 9:00 /run report` \
             one that comes again.",
        );
    }
    let mut text = match list.len() {
        1 => "1 follow-up".to_owned(),
        count => format!("{count} follow-ups"),
    };
    let pages = list.len().div_ceil(FOLLOWUPS_SHOWN);
    let page = usize::try_from(page).unwrap_or(usize::MAX);
    let Some(shown) = list.chunks(FOLLOWUPS_SHOWN).nth(page.saturating_sub(1)) else {
        return Reply::text(format!("{text}, and no page {page} of them. `/followups {pages}` shows the last page."));
    };
    if pages > 1 {
        text.push_str(&format!(" · page {page} of {pages}"));
    }
    if page < pages {
        text.push_str(&format!(" · `/followups {}` shows the next", page + 1));
    }
    let rows = shown.iter().map(|view| followup_row(view, now)).collect();
    Reply { rows, ..Reply::text(text) }
}

fn followup_row(view: &FollowupView, now: Timestamp) -> ReplyRow {
    let mut parts = vec![format!("`{}`", view.short)];
    match (view.state, view.next) {
        (FollowupState::Pending, Some(next)) => parts.push(when::describe(next, now, view.schedule.zone)),
        (FollowupState::Pending, None) => parts.push(match &view.gate {
            Some(backend) => format!("waits for the gate of {}", harmless(backend.as_str())),
            None => "running now".to_owned(),
        }),
        (FollowupState::Paused | FollowupState::Ended | FollowupState::Cancelled, _) => {
            parts.push(capital(view.state.name()));
        }
    }
    if view.schedule.is_recurring() {
        parts.push(view.rule.clone());
    }
    parts.push(short_text(&view.task));
    parts.push(format!("by {}", harmless(&view.by)));
    if let Some(key) = &view.key {
        parts.push(format!("key {}", harmless(key)));
    }
    let mut text = parts.join(" · ");
    if let Some(reason) = given_reason(&view.purpose) {
        text.push_str(&format!("\npurpose: {}", harmless(reason)));
    }
    if let (FollowupState::Paused, Some(why)) = (view.state, &view.reason) {
        text.push_str(&format!("\n{}", harmless(why)));
    }
    ReplyRow { text, buttons: followup_buttons(view) }
}

fn followup_buttons(view: &FollowupView) -> Vec<Button> {
    if !view.may_change || !view.state.is_open() {
        return Vec::new();
    }
    let rest = match view.state {
        FollowupState::Paused => act(FollowupAct::Resume, "Resume", &view.short),
        FollowupState::Pending | FollowupState::Ended | FollowupState::Cancelled => {
            act(FollowupAct::Pause, "Pause", &view.short)
        }
    };
    vec![act(FollowupAct::Cancel, "Cancel", &view.short), act(FollowupAct::Run, "Run now", &view.short), rest]
}

/// What a follow-up does, on one short line.
pub fn short_text(task: &Task) -> String {
    let line = harmless(&task.as_typed());
    // A command at its beginning is ours to name, however it is typed where that is read.
    let line = line.trim_start_matches(THEIRS);
    text::cut(line, TEXT_SHOWN, text::Unit::Chars).into_owned()
}

/// What was called off in a place, and which jobs still run there.
pub fn stopped_here(cancelled: &[Short], kept: usize, running: &[JobView]) -> Reply {
    let mut text = match cancelled {
        [] => "No follow-up of yours was pending here, so none was called off.".to_owned(),
        [one] => format!("Stopped here · 1 follow-up called off: {one}"),
        several => {
            let ids = several.iter().map(Short::to_string).collect::<Vec<_>>().join(", ");
            format!("Stopped here · {} follow-ups called off: {ids}", several.len())
        }
    };
    match kept {
        0 => {}
        1 => text
            .push_str("\n1 follow-up of somebody else stays; who scheduled it, a moderator or an owner can cancel it."),
        several => text.push_str(&format!(
            "\n{several} follow-ups of other people stay; who scheduled them, a moderator or an owner can cancel them."
        )),
    }
    if !running.is_empty() {
        text.push_str("\nThese jobs still run here:");
    }
    let rows = running
        .iter()
        .map(|job| ReplyRow {
            text: format!("`{}` {} · {} · by {}", job.short, job.kind, state_words(job.state), harmless(&job.by)),
            buttons: vec![Button::new("Cancel", Press::Cancel { id: job.short.to_string() })],
        })
        .collect();
    Reply { rows, ..Reply::text(text) }
}

/// The line under the confirmation of a cancel that took the follow-ups of its place along.
pub fn and_followups(cancelled: &[Short]) -> String {
    match cancelled {
        [] => "no follow-up was pending there".to_owned(),
        some => {
            let ids = some.iter().map(Short::to_string).collect::<Vec<_>>().join(", ");
            format!("and its follow-ups: {ids}")
        }
    }
}

/// Where a time zone comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneFrom {
    /// The person set it.
    Person,
    /// The platform knows it of the person.
    Platform,
    /// It was set for the channel.
    Channel,
    /// The configuration.
    Configuration,
}

/// Which zone holds and why.
pub fn timezone(zone: Zone, from: ZoneFrom, now: Timestamp) -> Reply {
    let why = match from {
        ZoneFrom::Person => "yours",
        ZoneFrom::Platform => "from your profile",
        ZoneFrom::Channel => "this channel's",
        ZoneFrom::Configuration => "the bot's; `/timezone Europe/Berlin` sets yours",
    };
    Reply::text(format!("{zone} · now {} · {why}", when::moment(now, zone)))
}

/// A zone was stored.
pub fn timezone_set(zone: Zone, here: bool, now: Timestamp) -> Reply {
    let whose = if here { "this channel's, for who has none of their own" } else { "yours" };
    Reply::text(format!(
        "{zone} · now {} · {whose} from now on. What is scheduled already keeps its zone.",
        when::moment(now, zone)
    ))
}

/// There is no such zone.
pub fn timezone_unknown(unknown: &UnknownZone) -> Reply {
    Reply::text(format!("Nothing was changed: {unknown}."))
}

/// A channel's zone is its moderators' and owners' to set.
pub fn timezone_not_allowed(has: Option<Role>) -> Reply {
    Reply::text(format!(
        "Not allowed: this channel's time zone is set by a moderator or role owner. You: {}. `/timezone Europe/Berlin` \
         sets your own.",
        has.map_or("no role", Role::name)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::ids::{AccountId, BackendId, FollowupId};
    use crate::when::{Rule, Schedule};

    const NOW: Timestamp = Timestamp(1_772_438_700_000);

    fn view(n: usize) -> FollowupView {
        FollowupView {
            id: FollowupId::new(format!("follow-up-{n}")),
            short: Short::new(format!("f{n}")),
            task: Task::Turn { text: "check the deploy".to_owned() },
            state: FollowupState::Pending,
            reason: None,
            schedule: Schedule { zone: Zone::UTC, rule: Rule::Once { at: NOW } },
            rule: "once".to_owned(),
            next: Some(NOW),
            gate: None,
            purpose: as_scheduled("in 2h"),
            by: "ana".to_owned(),
            address: Address { account: AccountId::new("web"), channel: "ops".to_owned(), thread: None },
            key: None,
            failures: 0,
            delete_after_run: false,
            created: NOW,
            last: None,
            may_change: true,
        }
    }

    fn page(count: usize, page: u32) -> (String, Vec<String>) {
        let list: Vec<FollowupView> = (1..=count).map(view).collect();
        let reply = followups(&list, page, NOW);
        let first = |row: &ReplyRow| row.text.split(' ').next().unwrap_or_default().to_owned();
        (reply.text.clone(), reply.rows.iter().map(first).collect())
    }

    #[test]
    fn f16_every_follow_up_is_on_one_page_of_the_list() {
        assert_eq!(page(1, 1).0, "1 follow-up");
        assert_eq!(page(10, 1).0, "10 follow-ups");
        assert_eq!(page(23, 1).0, "23 follow-ups · page 1 of 3 · `/followups 2` shows the next");
        assert_eq!(page(23, 3).0, "23 follow-ups · page 3 of 3");
        let all: Vec<String> = (1..=3).flat_map(|at| page(23, at).1).collect();
        assert_eq!(all, (1..=23).map(|n| format!("`f{n}`")).collect::<Vec<_>>());
        let behind = page(23, 4);
        assert_eq!(behind.0, "23 follow-ups, and no page 4 of them. `/followups 3` shows the last page.");
        assert!(behind.1.is_empty() && page(0, 9).0.starts_with("No follow-ups here."));
        assert!(page(1, u32::MAX).0.contains("`/followups 1` shows the last page"));
    }

    #[test]
    fn f16_every_row_has_three_buttons_also_when_it_is_paused() {
        let labels = |view: &FollowupView| {
            let row = followup_row(view, NOW);
            row.buttons.into_iter().map(|button| button.label).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(labels(&view(1)), "Cancel, Run now, Pause");
        assert_eq!(labels(&FollowupView { state: FollowupState::Paused, ..view(1) }), "Cancel, Run now, Resume");
        assert_eq!(labels(&FollowupView { state: FollowupState::Ended, ..view(1) }), "");
        assert_eq!(labels(&FollowupView { may_change: false, ..view(1) }), "");
    }

    #[test]
    fn f1_a_row_tells_the_reason_that_was_given_and_no_name_as_markup() {
        let told =
            followup_row(&FollowupView { purpose: "see *why*".into(), by: "`_ana_`".into(), ..view(1) }, NOW).text;
        assert!(told.ends_with("· by '＿ana＿'\npurpose: see ∗why∗"), "{told}");
        assert!(!followup_row(&view(1), NOW).text.contains("purpose"));
    }

    #[test]
    fn f20_a_resumed_one_says_when_it_goes_on() {
        let short = Short::new("f3k9");
        let resumed = |next| FollowupDone::Resumed { short: short.clone(), next, zone: Zone::UTC };
        let later = NOW.plus(Duration::from_secs(120));
        assert_eq!(followup_done(&resumed(NOW), NOW).text, "Resumed · f3k9 · fires now");
        assert_eq!(followup_done(&resumed(NOW), later).text, "Resumed · f3k9 · fires now");
        let told = followup_done(&resumed(later), NOW).text;
        assert_eq!(told, "Resumed · f3k9 · next Today Mon 2 Mar 08:07 UTC (in 2m)");
        let waits = FollowupDone::Waits { short: short.clone(), gate: BackendId::new("claude") };
        assert_eq!(followup_done(&waits, NOW).text, "Resumed · f3k9 · waits for the gate of claude");
    }
}
