//! What else a person of the script can do: press what a private note offers, or what is not shown any more.

use std::collections::BTreeSet;
use std::time::Duration;

use wilco_core::desk::{Caller, Desk, FollowupFilter, FollowupInspection, FollowupWish, Limit, OccurrenceView};
use wilco_core::followup::Scheduled;
use wilco_core::{Clock, MessageRef, Press, Short, Timestamp};
use wilco_sim::Note;

use crate::cast::{Actor, Where};
use crate::stage::Stage;

impl Stage {
    /// The newest private note that a person has got.
    ///
    /// # Panics
    /// When there is none: the script expected one.
    pub fn note(&self, actor: &Actor) -> Note {
        let notes = self.platform.snapshot().notes;
        let newest = notes.into_iter().rfind(|note| note.person == actor.0.id);
        newest.unwrap_or_else(|| panic!("{} got no private note", actor.0.name))
    }

    /// A person speaks, and what is answered privately is read.
    pub async fn asks(&self, actor: &Actor, place: Where<'_>, text: &str) -> String {
        let before = self.notes_of(actor);
        self.says(actor, place, text).await;
        assert_eq!(self.notes_of(actor), before + 1, "{text} was not answered by exactly one private note");
        self.note(actor).text
    }

    fn notes_of(&self, actor: &Actor) -> usize {
        self.platform.snapshot().notes.iter().filter(|note| note.person == actor.0.id).count()
    }

    /// A person presses a button of the newest private note.
    ///
    /// # Panics
    /// When the note shows no such button: nobody can press what is not there.
    pub async fn presses_in_note(&self, actor: &Actor, place: Where<'_>, label: &str) {
        let note = self.note(actor);
        let button = note.buttons.iter().find(|button| button.label == label);
        let press = button.unwrap_or_else(|| panic!("the note `{}` shows no button {label}", note.text)).press.clone();
        self.platform.press_late(&actor.0, &actor.at(place), None, &press);
        self.moment().await;
    }

    /// A person presses a button of one entry in the newest private note's list.
    ///
    /// # Panics
    /// When no entry with these words shows such a button.
    pub async fn presses_in_row(&self, actor: &Actor, place: Where<'_>, words: &str, label: &str) {
        let note = self.note(actor);
        let row = note.rows.iter().find(|row| row.text.contains(words));
        let row = row.unwrap_or_else(|| panic!("no entry with `{words}` in {:?}", note.rows));
        let button = row.buttons.iter().find(|button| button.label == label);
        let press = button.unwrap_or_else(|| panic!("the entry `{}` shows no button {label}", row.text)).press.clone();
        self.platform.press_late(&actor.0, &actor.at(place), None, &press);
        self.moment().await;
    }

    /// A person presses a button that their client still shows, although the message has changed.
    pub async fn presses_late(&self, actor: &Actor, place: Where<'_>, message: Option<&MessageRef>, press: &Press) {
        let message = message.map(|message| message.message.as_str());
        self.platform.press_late(&actor.0, &actor.at(place), message, press);
        self.moment().await;
    }

    /// What a button means that the newest message with it shows now.
    ///
    /// # Panics
    /// When no message shows it.
    pub fn button(&self, label: &str) -> (MessageRef, Press) {
        let snapshot = self.platform.snapshot();
        let shown = snapshot.messages.iter().rev().filter(|message| !message.deleted).find_map(|message| {
            let button = message.shown().buttons.iter().find(|button| button.label == label)?;
            Some((message.reference(), button.press.clone()))
        });
        shown.unwrap_or_else(|| panic!("no message shows a button {label}"))
    }

    /// A place as one person sees it; for direct messages the person matters.
    pub fn sees_as(&self, actor: &Actor, place: Where<'_>) -> String {
        self.platform.snapshot().transcript(&actor.at(place).address)
    }

    /// A channel, and how many times each message was changed.
    pub fn sees_edits(&self, place: Where<'_>) -> String {
        self.platform.snapshot().transcript_with_edits(&Actor::named("ana").at(place).address)
    }

    /// A person schedules something by a command and is told so. Answers the id that they read.
    ///
    /// # Panics
    /// When nothing was scheduled.
    pub async fn schedules(&self, actor: &Actor, place: Where<'_>, text: &str) -> String {
        let before = self.followup_ids().await;
        let told = self.asks(actor, place, text).await;
        let after = self.followup_ids().await;
        let id = after.difference(&before).next();
        id.unwrap_or_else(|| panic!("{text} scheduled nothing: {told}")).to_string()
    }

    /// A person schedules something by the page or the command line.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn wishes(&self, actor: &Actor, place: Where<'_>, wish: FollowupWish) -> String {
        let event = format!("wish-{}", self.followup_ids().await.len());
        let set = self.desk().schedule(&actor.calls_from(place), &actor.at(place), &event, &wish).await;
        set.expect("it is scheduled").followup.short.to_string()
    }

    async fn followup_ids(&self) -> BTreeSet<Short> {
        let filter = FollowupFilter { all: true, ..FollowupFilter::default() };
        let all = self.desk().followups(&Caller::Host, &filter).await.expect("the store answers");
        all.into_iter().map(|view| view.short).collect()
    }

    /// A follow-up with its occurrences, as `wilco followups show` reads it.
    ///
    /// # Panics
    /// When there is none of that name.
    pub async fn followup(&self, name: &str) -> FollowupInspection {
        self.desk().followup(&Caller::Host, name, Limit::default()).await.expect("the follow-up exists")
    }

    /// When it is due next.
    ///
    /// # Panics
    /// When it is not due any more.
    pub async fn due(&self, name: &str) -> Timestamp {
        self.followup(name).await.followup.next.expect("it is ahead")
    }

    /// Where a follow-up and each of its occurrences stand, oldest first, a line each.
    pub async fn rows(&self, name: &str) -> String {
        let FollowupInspection { followup, mut occurrences } = self.followup(name).await;
        occurrences.reverse();
        let why = followup.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let head = format!("{}{why}", followup.state.name());
        std::iter::once(head).chain(occurrences.iter().map(row)).collect::<Vec<_>>().join("\n")
    }

    /// The mark of a job that a follow-up has started.
    ///
    /// # Panics
    /// When no follow-up has.
    pub async fn mark(&self, job: &str) -> Scheduled {
        let origin = self.inspect(job).await.job.origin;
        origin.scheduled().unwrap_or_else(|| panic!("{job} was started by {origin:?}")).clone()
    }

    /// When the bot's messages began to say these words, in the order of the messages.
    pub fn shown_at(&self, words: &str) -> Vec<Timestamp> {
        let says = |message: &wilco_sim::Message| {
            let version = message.versions.iter().find(|version| version.text.contains(words));
            version.filter(|_| message.is_visible_bot()).map(|version| version.at)
        };
        self.snapshot().messages.iter().filter_map(says).collect()
    }

    /// Lets time pass until the wall clock shows this moment.
    pub async fn until(&self, at: Timestamp) {
        self.advance(at.since(self.clock().now())).await;
    }

    /// What holds of every follow-up, whatever the script was about: no occurrence fires early or twice,
    /// and none is left under way without a job.
    pub(crate) async fn hold_followups(&self) {
        let mut fired = BTreeSet::new();
        for job in self.jobs().await {
            let Some(mark) = job.origin.scheduled() else { continue };
            assert!(mark.manual || mark.fired >= mark.due, "{} fired before its time: {mark:?}", mark.followup);
            let key = (mark.followup.clone(), mark.due, mark.manual);
            assert!(fired.insert(key), "{} fired twice for one time: {mark:?}", mark.followup);
        }
        let stuck = self.peeks("SELECT id FROM occurrences WHERE state = 'running' AND worker IS NULL").await;
        assert!(stuck.is_empty(), "{} occurrences are claimed and never fired", stuck.len());
    }
}

/// One occurrence as a line.
fn row(one: &OccurrenceView) -> String {
    let clock = |at: Timestamp| at.rfc3339()[11..19].to_owned();
    let mut parts = vec![format!("{} {}", clock(one.due), one.state.name())];
    parts.extend(one.manual.then(|| "by hand".to_owned()));
    parts.extend(one.reason.clone());
    parts.extend((one.attempts != 0).then(|| format!("attempts {}", one.attempts)));
    parts.extend(one.last_error.as_ref().map(|error| format!("last error: {error}")));
    parts.extend(one.next.map(|at| format!("next {}", clock(at))));
    parts.extend(one.fired.map(|at| format!("fired {}", clock(at))));
    parts.extend(one.late.map(|late| {
        let by = wilco_core::text::duration(Duration::from_millis(late.by_ms));
        format!("late by {by}, {} missed", late.missed)
    }));
    parts.extend(one.job.as_ref().map(Short::to_string));
    parts.extend(one.delivery.map(|state| state.name().to_owned()));
    parts.join(" · ")
}
