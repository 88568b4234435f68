//! What else a person of the script can do: press what a private note offers, or what is not shown any more.

use wilco_core::{MessageRef, Press};
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
}
