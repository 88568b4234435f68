//! The conversation: who is there, what stands in a channel, and what a person says or presses.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::info;
use wilco_core::access::Role;
use wilco_core::command::{self, Command, Parsed};
use wilco_core::text::{Unit, sanitise};
use wilco_core::{Body, Inbound, Press, What, wording};

use super::{ApiResult, Query, SAID, Who, event, place};
use crate::error::ApiError;
use crate::guard;
use crate::intake::Told;
use crate::message::Message;
use crate::session::csrf;
use crate::web::Web;

/// Everything that the page needs before it can show anything. Also what tells it that it is signed in.
pub(super) async fn session(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    Query(who): Query<Who>,
) -> ApiResult<Json<Value>> {
    let first = web.options.people.first().map(|known| known.person.id.clone());
    let person = Who { person: who.person.or(first), ..Who::default() }.person(&web)?;
    let people = web.options.people.iter().filter(|known| web.options.person(&known.person.id).is_some());
    let channels = web.options.channels.iter().map(|spec| {
        let address = web.options.address(spec, &person.id);
        json!({ "channel": address.channel, "thread": address.thread, "name": spec.name, "audience": spec.audience })
    });
    let commands = command::TABLE.iter().map(|spec| {
        json!({
            "verb": spec.verb, "args": spec.args, "about": spec.about,
            "usage": spec.usage(), "needs": spec.needs.map(Role::name), "alias": spec.alias,
        })
    });
    let kinds = web.desk().map(|desk| desk.kinds()).unwrap_or_default();
    let kinds = kinds.into_iter().map(|(name, about)| json!({ "name": name, "about": about }));
    let token = guard::token(&headers).unwrap_or_default();
    Ok(Json(json!({
        "version": web.options.version,
        "account": web.options.account,
        "boot": web.boot,
        "as": person.id,
        "people": people.map(|known| json!({ "id": known.person.id, "name": known.person.name, "role": known.role })).collect::<Vec<_>>(),
        "channels": channels.collect::<Vec<_>>(),
        "commands": commands.collect::<Vec<_>>(),
        "kinds": kinds.collect::<Vec<_>>(),
        "csrf": csrf(token),
        "now": web.clock.now(),
    })))
}

/// A fresh login path for one more browser; an unused one from before stops working. The signed-in browser
/// may speak as everybody whom the link may speak as, so it hands on nothing that it does not have.
pub(super) async fn login_link(State(web): State<Arc<Web>>) -> Json<Value> {
    info!("web: a login link was asked for by a browser that is signed in");
    Json(json!({ "path": web.renew_login() }))
}

/// A conversation as it stands: its messages and the person's own notes, oldest first.
pub(super) async fn messages(State(web): State<Arc<Web>>, Query(who): Query<Who>) -> ApiResult {
    let person = who.person(&web)?;
    let address = who.place(&web, person)?.address;
    let messages = web.book.list(&address);
    let notes = web.notes.list(&person.id, &address);
    Ok(Json(json!({
        "channel": address.channel,
        "thread": address.thread,
        "messages": messages.iter().map(|message| message.view()).collect::<Vec<_>>(),
        "notes": notes.iter().map(|note| note.view()).collect::<Vec<_>>(),
    }))
    .into_response())
}

#[derive(Deserialize)]
pub(super) struct Say {
    #[serde(rename = "as")]
    person: String,
    channel: String,
    thread: Option<String>,
    text: String,
    event: String,
}

/// Says something. A line that is no proper command is answered privately and changes nothing; the page
/// leaves it in the composer.
pub(super) async fn say(State(web): State<Arc<Web>>, super::Body(say): super::Body<Say>) -> ApiResult {
    let who = Who::new(say.person, Some(say.channel), say.thread);
    let person = who.person(&web)?.clone();
    let place = who.place(&web, &person)?;
    let event = event(&say.event)?;
    if say.text.trim().is_empty() {
        return Err(ApiError::bad("There is nothing to send."));
    }
    if !Unit::Chars.fits(&say.text, SAID) {
        return Err(ApiError::bad(format!("The text is longer than {SAID} characters; nothing was sent. Shorten it.")));
    }
    let what = match command::parse(&say.text) {
        Parsed::Command(command) => What::Command(command),
        Parsed::Text(text) => What::Said(text),
        Parsed::Usage(spec) => {
            let note = web.note(&person.id, &place.address, wording::usage(spec));
            return Ok(Json(json!({ "result": "usage", "note": note.id })).into_response());
        }
        Parsed::Unknown { verb, nearest } => {
            let note = web.note(&person.id, &place.address, wording::unknown_command(&verb, nearest));
            return Ok(Json(json!({ "result": "unknown_command", "note": note.id })).into_response());
        }
    };
    let at = web.clock.now();
    let own = Message {
        id: format!("said-{event}"),
        rev: 1,
        order: 0,
        address: place.address.clone(),
        at,
        edited: None,
        author: Some(person.clone()),
        kind: None,
        // The inbox gets what was typed; what others are shown is made harmless first.
        body: Body::text(shown(&say.text, &what)),
        worker: None,
        reply_to: None,
        reactions: Vec::new(),
    };
    let inbound = Inbound { account: web.options.account.clone(), event: event.to_owned(), place, person, what, at };
    told(web.intake(inbound, Some(own)).await)
}

/// What a conversation shows of what somebody said. A code is for the bot alone.
fn shown(text: &str, what: &What) -> String {
    match what {
        What::Command(Command::Pair { .. }) => "/pair …".to_owned(),
        What::Command(_) | What::Said(_) | What::Press { .. } => sanitise(text.trim()).into_owned(),
    }
}

#[derive(Deserialize)]
pub(super) struct Pressed {
    #[serde(rename = "as")]
    person: String,
    message: String,
    payload: String,
    event: String,
}

/// Presses a button of a message or of a note that the person can see.
pub(super) async fn press(State(web): State<Arc<Web>>, super::Body(pressed): super::Body<Pressed>) -> ApiResult {
    let who = Who::new(pressed.person, None, None);
    let person = who.person(&web)?.clone();
    let event = event(&pressed.event)?;
    // A note is no message of the platform: nothing can be continued or edited there.
    let message = web.book.get(&pressed.message).map(|message| message.reference());
    let noted = || web.notes.get(&person.id, &pressed.message).map(|note| note.address.clone());
    let address = message.as_ref().map(|message| message.address.clone()).or_else(noted);
    let address =
        address.ok_or_else(|| ApiError::not_found("This message is not kept any more; nothing was changed."))?;
    let place = place(&web, &person, &address)?;
    let press = Press::decode(&pressed.payload)
        .ok_or_else(|| ApiError::bad("This button is not one of the bot's own; nothing was changed."))?;
    let at = web.clock.now();
    let what = What::Press { press, message };
    let inbound = Inbound { account: web.options.account.clone(), event: event.to_owned(), place, person, what, at };
    told(web.intake(inbound, None).await)
}

fn told(told: Result<Told, ApiError>) -> Result<Response, ApiError> {
    told.map(|told| Json(told).into_response())
}
