//! Jobs: the list, one with everything about it, and what can be done to one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use wilco_core::desk::{Inspection, JobFilter};

use super::{ApiResult, Body, Path, Query, Who, event, limit};
use crate::error::ApiError;
use crate::web::Web;

#[derive(Deserialize)]
pub(super) struct Listed {
    #[serde(rename = "as")]
    person: Option<String>,
    channel: Option<String>,
    thread: Option<String>,
    limit: Option<String>,
    open: Option<String>,
}

/// The jobs of a channel, or all that the person may see, newest first.
pub(super) async fn list(State(web): State<Arc<Web>>, Query(listed): Query<Listed>) -> ApiResult<Json<Value>> {
    let who = Who { person: listed.person, channel: listed.channel, thread: listed.thread };
    let caller = who.caller(&web)?;
    let address = who.address(&web, who.person(&web)?)?;
    let open_only = match listed.open.as_deref() {
        None | Some("false" | "0") => false,
        Some("" | "true" | "1") => true,
        Some(_) => return Err(ApiError::bad("`open` is `true` or `false`.")),
    };
    let filter = JobFilter { address, open_only, limit: limit(listed.limit.as_deref())? };
    let workers = web.desk()?.jobs(&caller, &filter).await?;
    Ok(Json(json!({ "workers": workers })))
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(rename = "as")]
    person: String,
    channel: String,
    thread: Option<String>,
    kind: String,
    #[serde(default)]
    text: String,
    event: String,
}

/// Starts a job. The same `event` a second time starts nothing.
pub(super) async fn run(State(web): State<Arc<Web>>, Body(wanted): Body<Wanted>) -> ApiResult {
    let who = Who::new(wanted.person, Some(wanted.channel), wanted.thread);
    let caller = who.caller(&web)?;
    let place = who.place(&web, who.person(&web)?)?;
    let event = event(&wanted.event)?;
    let job = web.desk()?.run(&caller, &place, event, &wanted.kind, &wanted.text).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "worker": job }))).into_response())
}

#[derive(Deserialize)]
pub(super) struct Looked {
    #[serde(rename = "as")]
    person: Option<String>,
    channel: Option<String>,
    thread: Option<String>,
    limit: Option<String>,
}

async fn look(web: &Web, id: &str, looked: Looked) -> ApiResult<Value> {
    let limit = limit(looked.limit.as_deref())?;
    let who = Who { person: looked.person, channel: looked.channel, thread: looked.thread };
    let caller = who.caller(web)?;
    let inspection = web.desk()?.inspect(&caller, id, limit).await?;
    as_json(&inspection)
}

/// Everything about one job (requirements A1, A3, A4).
pub(super) async fn inspect(
    State(web): State<Arc<Web>>,
    Path(id): Path<String>,
    Query(looked): Query<Looked>,
) -> ApiResult<Json<Value>> {
    look(&web, &id, looked).await.map(Json)
}

/// The newest entries of its journal, oldest first (requirements A1, A2).
pub(super) async fn events(
    State(web): State<Arc<Web>>,
    Path(id): Path<String>,
    Query(looked): Query<Looked>,
) -> ApiResult<Json<Value>> {
    let mut all = look(&web, &id, looked).await?;
    Ok(Json(json!({ "events": all["events"].take() })))
}

#[derive(Deserialize)]
pub(super) struct Stop {
    #[serde(rename = "as")]
    person: String,
    channel: Option<String>,
    thread: Option<String>,
    reason: Option<String>,
}

/// Asks a job to stop; answers what that did, which may be nothing (requirement C3).
pub(super) async fn cancel(
    State(web): State<Arc<Web>>,
    Path(id): Path<String>,
    Body(stop): Body<Stop>,
) -> ApiResult<Response> {
    let caller = Who::new(stop.person, stop.channel, stop.thread).caller(&web)?;
    let result = web.desk()?.cancel(&caller, &id, stop.reason.as_deref()).await?;
    Ok(Json(result).into_response())
}

/// The inspection as it is, without the places of files on this machine's disk.
fn as_json(inspection: &Inspection) -> ApiResult<Value> {
    let mut all = serde_json::to_value(inspection).map_err(|error| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", format!("The job cannot be shown: {error}"))
    })?;
    if let Some(Value::Object(ending)) = all.get_mut("ending") {
        if let Some(Value::Array(files)) = ending.get_mut("files") {
            files.iter_mut().for_each(hide_path);
        }
        if let Some(whole) = ending.get_mut("whole") {
            hide_path(whole);
        }
    }
    Ok(all)
}

fn hide_path(file: &mut Value) {
    if let Value::Object(fields) = file {
        fields.remove("path");
    }
}
