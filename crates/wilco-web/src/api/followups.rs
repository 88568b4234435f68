//! Follow-ups: the list, one with its occurrences, setting one, and what can be done with one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use wilco_core::desk::{FollowupDone, FollowupFilter, FollowupInspection, FollowupWish};
use wilco_core::followup::FollowupAct;

use super::{ApiResult, Body, Path, Query, Who, event, limit};
use crate::error::ApiError;
use crate::web::Web;

#[derive(Deserialize)]
pub(super) struct Listed {
    #[serde(rename = "as")]
    person: Option<String>,
    channel: Option<String>,
    thread: Option<String>,
    all: Option<String>,
    limit: Option<String>,
}

/// The follow-ups of a place and the person's own, or all that they may see, the next due first (requirement F16).
pub(super) async fn list(State(web): State<Arc<Web>>, Query(listed): Query<Listed>) -> ApiResult<Json<Value>> {
    let who = Who { person: listed.person, channel: listed.channel, thread: listed.thread };
    let caller = who.caller(&web)?;
    let address = who.address(&web, who.person(&web)?)?;
    let all = match listed.all.as_deref() {
        None | Some("false" | "0") => false,
        Some("" | "true" | "1") => true,
        Some(_) => return Err(ApiError::bad("`all` is `true` or `false`.")),
    };
    let filter = FollowupFilter { address, all, limit: limit(listed.limit.as_deref())? };
    let followups = web.desk()?.followups(&caller, &filter).await?;
    Ok(Json(json!({ "followups": followups })))
}

#[derive(Deserialize)]
pub(super) struct Looked {
    #[serde(rename = "as")]
    person: Option<String>,
    channel: Option<String>,
    thread: Option<String>,
    limit: Option<String>,
}

/// One follow-up with its newest occurrences, newest first.
pub(super) async fn inspect(
    State(web): State<Arc<Web>>,
    Path(id): Path<String>,
    Query(looked): Query<Looked>,
) -> ApiResult<Json<FollowupInspection>> {
    let limit = limit(looked.limit.as_deref())?;
    let caller = Who { person: looked.person, channel: looked.channel, thread: looked.thread }.caller(&web)?;
    Ok(Json(web.desk()?.followup(&caller, &id, limit).await?))
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(rename = "as")]
    person: String,
    channel: String,
    thread: Option<String>,
    event: String,
    #[serde(flatten)]
    wish: FollowupWish,
}

/// Schedules something. The same `event` a second time schedules nothing and answers what it did the first time.
pub(super) async fn schedule(State(web): State<Arc<Web>>, Body(wanted): Body<Wanted>) -> ApiResult {
    let who = Who::new(wanted.person, Some(wanted.channel), wanted.thread);
    let caller = who.caller(&web)?;
    let place = who.place(&web, who.person(&web)?)?;
    let event = event(&wanted.event)?;
    let set = web.desk()?.schedule(&caller, &place, event, &wanted.wish).await?;
    Ok((StatusCode::ACCEPTED, Json(set)).into_response())
}

#[derive(Deserialize)]
pub(super) struct Acted {
    #[serde(rename = "as")]
    person: String,
    channel: Option<String>,
    thread: Option<String>,
}

/// Calls one off, makes it run now, pauses or resumes it; answers what that did, which may be nothing.
pub(super) async fn act(
    State(web): State<Arc<Web>>,
    Path((id, act)): Path<(String, String)>,
    Body(acted): Body<Acted>,
) -> ApiResult<Json<FollowupDone>> {
    let Some(act) = FollowupAct::from_name(&act) else {
        let names = FollowupAct::ALL.map(FollowupAct::name).join(", ");
        return Err(ApiError::not_found(format!("A follow-up takes one of {names}; nothing was changed.")));
    };
    let caller = Who::new(acted.person, acted.channel, acted.thread).caller(&web)?;
    Ok(Json(web.desk()?.change(&caller, &id, act).await?))
}
