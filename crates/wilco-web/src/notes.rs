//! Private notes: answers that only the person who asked sees. They promise nothing, so they live in
//! memory only and are gone after a restart, as they are on other platforms after a while.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use wilco_core::{Address, Reply, Timestamp};

use crate::message::{ButtonView, button_views};

/// How many notes one person keeps.
pub(crate) const KEPT: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) id: String,
    pub(crate) rev: u64,
    pub(crate) person: String,
    pub(crate) address: Address,
    pub(crate) at: Timestamp,
    /// What it says; none takes the note away, such as "Heard, storing…" once it is stored.
    pub(crate) reply: Option<Reply>,
}

/// A note as JSON for the page.
#[derive(Debug, Serialize)]
pub(crate) struct NoteView<'a> {
    id: &'a str,
    rev: u64,
    person: &'a str,
    channel: &'a str,
    thread: Option<&'a str>,
    at: Timestamp,
    gone: bool,
    text: &'a str,
    buttons: Vec<ButtonView<'a>>,
    rows: Vec<RowView<'a>>,
}

/// One entry of a list, with buttons of its own.
#[derive(Debug, Serialize)]
struct RowView<'a> {
    text: &'a str,
    buttons: Vec<ButtonView<'a>>,
}

impl Note {
    pub(crate) fn view(&self) -> NoteView<'_> {
        let (text, buttons, rows) = match &self.reply {
            Some(reply) => (reply.text.as_str(), button_views(&reply.buttons), reply.rows.as_slice()),
            None => ("", Vec::new(), &[][..]),
        };
        let rows = rows.iter().map(|row| RowView { text: &row.text, buttons: button_views(&row.buttons) });
        NoteView {
            id: &self.id,
            rev: self.rev,
            person: &self.person,
            channel: &self.address.channel,
            thread: self.address.thread.as_deref(),
            at: self.at,
            gone: self.reply.is_none(),
            text,
            buttons,
            rows: rows.collect(),
        }
    }
}

#[derive(Default)]
pub(crate) struct Notes(Mutex<BTreeMap<String, VecDeque<Arc<Note>>>>);

impl Notes {
    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<String, VecDeque<Arc<Note>>>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn add(&self, note: Note) -> Arc<Note> {
        let note = Arc::new(note);
        self.with(|all| {
            let own = all.entry(note.person.clone()).or_default();
            own.push_back(note.clone());
            while own.len() > KEPT {
                own.pop_front();
            }
        });
        note
    }

    /// Gives a note other words, or takes it away; none when it has been forgotten meanwhile.
    pub(crate) fn change(&self, person: &str, id: &str, reply: Option<Reply>) -> Option<Arc<Note>> {
        self.with(|all| {
            let own = all.get_mut(person)?;
            let at = own.iter().position(|note| note.id == id)?;
            let known = own.get(at)?;
            let changed = Arc::new(Note { rev: known.rev + 1, reply, ..Note::clone(known) });
            if changed.reply.is_some() {
                own[at] = changed.clone();
            } else {
                own.remove(at);
            }
            Some(changed)
        })
    }

    /// A person's notes in one conversation, oldest first.
    pub(crate) fn list(&self, person: &str, address: &Address) -> Vec<Arc<Note>> {
        self.with(|all| {
            let own = all.get(person).into_iter().flatten();
            own.filter(|note| note.address == *address).cloned().collect()
        })
    }

    /// One of a person's notes.
    pub(crate) fn get(&self, person: &str, id: &str) -> Option<Arc<Note>> {
        self.with(|all| all.get(person)?.iter().find(|note| note.id == id).cloned())
    }
}
