//! How the bot is: for the page's strip, and for whoever watches the process.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use wilco_core::desk::Health;
use wilco_core::{Timestamp, text};

use super::ApiResult;
use crate::error::ApiError;
use crate::web::Web;

/// A store that has not answered for so long counts as one that does not.
const PATIENCE: Duration = Duration::from_secs(2);
/// A result that people have been waiting for longer than this makes the bot unready.
const OVERDUE: Duration = Duration::from_secs(5 * 60);

/// The process is alive, whatever else is wrong.
pub(super) async fn alive() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

/// The numbers of the strip on top, and the connections.
pub(super) async fn health(State(web): State<Arc<Web>>) -> ApiResult<Json<Value>> {
    let health = ask(&web).await?;
    Ok(Json(json!({ "health": health, "now": web.clock.now() })))
}

/// Whether the bot does what it is for (requirement A6). Needs no session and says nothing of content.
pub(super) async fn ready(State(web): State<Arc<Web>>) -> Response {
    let reasons = match ask(&web).await {
        Ok(health) => reasons(&health, web.clock.now()),
        Err(error) if error.code() == "store" => vec!["the store does not answer".to_owned()],
        Err(_) => vec!["the bot is starting or stopping".to_owned()],
    };
    let (code, status) =
        if reasons.is_empty() { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "unready") };
    (code, Json(json!({ "status": status, "reasons": reasons }))).into_response()
}

async fn ask(web: &Web) -> Result<Health, ApiError> {
    let desk = web.desk()?;
    let limit = web.clock.sleep_until(web.clock.monotonic() + PATIENCE);
    tokio::select! {
        health = desk.health() => Ok(health?),
        () = limit => Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "store", "The store has not answered for two seconds.")),
    }
}

fn reasons(health: &Health, now: Timestamp) -> Vec<String> {
    let mut reasons = Vec::new();
    if health.store.is_some() {
        // What it met may name paths; whoever may read those finds it in the log.
        reasons.push("the store takes no changes; nothing accepted is lost".to_owned());
    }
    for at in &health.accounts {
        if at.paused.is_some() {
            reasons.push(format!("{} is paused until a person acts", at.account));
        } else if !at.connected {
            reasons.push(format!("{} is not connected", at.account));
        }
    }
    if let Some(oldest) = health.oldest.map(|oldest| now.since(oldest)).filter(|age| *age >= OVERDUE) {
        reasons.push(format!("something has been waiting to be delivered for {}", text::duration(oldest)));
    }
    reasons
}
