//! The event stream: what happens from now on, as far as the person may see it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use serde::Serialize;
use serde_json::json;
use tokio_stream::wrappers::BroadcastStream;
use wilco_core::Address;
use wilco_core::desk::Notice;

use super::{ApiResult, Query, Who};
use crate::hub::Live;
use crate::web::Web;

/// A quiet stream gives a sign of life so often, so that a dead connection is noticed.
const ALIVE: Duration = Duration::from_secs(15);
/// The browser waits so long before it connects again.
const AGAIN: Duration = Duration::from_secs(1);

enum Heard {
    Live(Live),
    Told(Notice),
    Missed,
}

/// `hello` first: a page loads everything after it, so that nothing falls between load and stream.
pub(super) async fn stream(State(web): State<Arc<Web>>, Query(who): Query<Who>) -> ApiResult<Response> {
    let person = who.person(&web)?.id.clone();
    let mine = web.addresses(&person);
    let live = BroadcastStream::new(web.hub.subscribe()).map(|next| match next {
        Ok(live) => Heard::Live(live),
        Err(_) => Heard::Missed,
    });
    let notices = match web.desk() {
        Ok(desk) => desk.subscribe().map(Heard::Told).boxed(),
        Err(_) => stream::pending().boxed(),
    };
    let hello = event("hello", &json!({ "as": person, "boot": web.boot, "version": web.options.version }));
    let closing = web.closing.clone();
    let heard = stream::select(live, notices).filter_map(move |heard| {
        let told = tell(&web, &person, &mine, heard);
        async move { told }
    });
    let events = stream::iter([hello.retry(AGAIN)]).chain(heard).take_until(closing.cancelled_owned());
    Ok(Sse::new(infallible(events)).keep_alive(KeepAlive::new().interval(ALIVE)).into_response())
}

fn infallible(events: impl Stream<Item = Event>) -> impl Stream<Item = Result<Event, Infallible>> {
    events.map(Ok)
}

/// What of it this person is told.
fn tell(web: &Web, person: &str, mine: &[Address], heard: Heard) -> Option<Event> {
    match heard {
        Heard::Live(Live::Message(message)) => mine.contains(&message.address).then(|| {
            let at = &message.address;
            event("message", &json!({ "channel": at.channel, "thread": at.thread, "message": message.view() }))
        }),
        Heard::Live(Live::Note(note)) => {
            (note.person == person).then(|| event("note", &json!({ "note": note.view() })))
        }
        Heard::Live(Live::Typing { address, on }) => mine
            .contains(&address)
            .then(|| event("typing", &json!({ "channel": address.channel, "thread": address.thread, "on": on }))),
        // Whoever sees no message of a job is not told that it exists.
        Heard::Told(Notice::Job { worker, short }) => {
            web.book.shows(&worker, mine).then(|| event("worker", &json!({ "id": worker, "short": short })))
        }
        // Whoever is not where a follow-up fires is not told of it.
        Heard::Told(Notice::Followup { short, address, status, reason }) => mine
            .contains(&address)
            .then(|| event("followup", &json!({ "short": short, "status": status, "reason": reason }))),
        Heard::Missed => Some(event("reload", &json!({}))),
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    // These values are made of strings and numbers, which always serialise; if one ever does not, the
    // page is told to look for itself instead of missing something.
    Event::default().event(name).json_data(data).unwrap_or_else(|_| Event::default().event("reload").data("{}"))
}
