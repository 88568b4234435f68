//! The ears: what a person does on the page, on its way to the inbox.
//!
//! The store may be slow. After two seconds the person is told that wilco has heard, which promises
//! nothing, and the outcome follows as a note (requirements L2, M12).

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tracing::{error, info};
use wilco_core::{Accepted, Inbound, Reply, Short, wording};

use crate::error::ApiError;
use crate::hub::Live;
use crate::message::Message;
use crate::notes::Note;
use crate::web::Web;

/// How long the person waits for the store before they are told *heard*.
const HEARD_AFTER: Duration = Duration::from_secs(2);

/// What became of it, for the page. Words for the person come as a note.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    /// `stored`, `duplicate`, `busy`, `refused`, `answered` or `heard`.
    pub(crate) result: &'static str,
    /// The job that it started or concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) worker: Option<Short>,
    /// The note that says more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

impl Web {
    /// Hands an event to the inbox, the person's own words stored and shown before it.
    pub(crate) async fn intake(self: &Arc<Self>, inbound: Inbound, own: Option<Message>) -> Result<Told, ApiError> {
        if self.inbox().is_none() {
            return Err(ApiError::unavailable());
        }
        let (person, address) = (inbound.person.id.clone(), inbound.place.address.clone());
        let web = self.clone();
        // A task of its own: a browser that goes away must not cut a half-told event off.
        let mut task = tokio::spawn(async move { web.take(inbound, own).await });
        let limit = self.clock.sleep_until(self.clock.monotonic() + HEARD_AFTER);
        tokio::select! {
            taken = &mut task => Ok(self.told(&person, &address, taken.unwrap_or_else(|error| broken(&error)), None)),
            () = limit => {
                let note = self.note(&person, &address, wording::heard());
                let told = Told { result: "heard", worker: None, note: Some(note.id.clone()) };
                let web = self.clone();
                tokio::spawn(async move {
                    let taken = task.await.unwrap_or_else(|error| broken(&error));
                    let told = web.told(&note.person, &note.address, taken, Some(&note));
                    info!(result = told.result, "web: the store answered after more than two seconds");
                });
                Ok(told)
            }
        }
    }

    async fn take(self: Arc<Self>, inbound: Inbound, own: Option<Message>) -> Accepted {
        let Some(inbox) = self.inbox() else { return Accepted::Refused(wording::draining()) };
        if let Some(own) = own {
            let at = own.at;
            match self.book.create(own, at).await {
                Ok((message, new)) => {
                    if new {
                        self.hub.tell(Live::Message(message));
                    }
                }
                // Words that cannot be shown are not acted upon either: nobody could see why something runs.
                Err(error) => return Accepted::Refused(wording::not_stored_as(&error.0)),
            }
        }
        inbox.offer(vec![inbound]).await.into_iter().next().unwrap_or(Accepted::Busy)
    }

    /// Turns the inbox's answer into what the page is told, and shows the words that belong to it.
    fn told(&self, person: &str, address: &wilco_core::Address, taken: Accepted, heard: Option<&Note>) -> Told {
        let (result, worker, reply) = match taken {
            Accepted::Stored { worker, reply } => ("stored", worker, reply),
            Accepted::Duplicate { worker } => ("duplicate", worker, None),
            Accepted::Busy => ("busy", None, Some(wording::not_stored("the store is busy"))),
            Accepted::Refused(reply) => ("refused", None, Some(reply)),
            Accepted::Answered(reply) => ("answered", None, Some(reply)),
        };
        let note = self.show(person, address, reply, heard);
        Told { result, worker, note }
    }

    fn show(
        &self,
        person: &str,
        address: &wilco_core::Address,
        reply: Option<Reply>,
        heard: Option<&Note>,
    ) -> Option<String> {
        match (heard, reply) {
            (Some(heard), reply) => {
                self.rewrite(heard, reply);
                Some(heard.id.clone())
            }
            (None, Some(reply)) => Some(self.note(person, address, reply).id.clone()),
            (None, None) => None,
        }
    }
}

/// The task that carried the event panicked. Whether the event is stored is not known, so the person is
/// asked to look before giving it again; the event id makes a second try harmless.
fn broken(error: &tokio::task::JoinError) -> Accepted {
    error!(%error, "web: handing an event in failed");
    Accepted::Refused(Reply::text(
        "Something inside the bot failed. /jobs shows whether it was accepted; if not, give it again.",
    ))
}
