//! Receipts: what still has to become visible, and what could not.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use wilco_core::ReceiptId;
use wilco_core::desk::ReceiptFilter;
use wilco_core::receipt::ReceiptState;

use super::{ApiResult, Body, Path, Query, Who, limit};
use crate::error::ApiError;
use crate::web::Web;

#[derive(Deserialize)]
pub(super) struct Listed {
    #[serde(rename = "as")]
    person: Option<String>,
    channel: Option<String>,
    thread: Option<String>,
    state: Option<String>,
    limit: Option<String>,
}

/// Receipts, newest first; those in one state when it is named.
pub(super) async fn list(State(web): State<Arc<Web>>, Query(listed): Query<Listed>) -> ApiResult<Json<Value>> {
    let caller = Who { person: listed.person, channel: listed.channel, thread: listed.thread }.caller(&web)?;
    let state = match listed.state.as_deref() {
        None | Some("") => None,
        Some(name) => Some(ReceiptState::from_name(name).ok_or_else(|| {
            let names = ReceiptState::ALL.map(ReceiptState::name).join(", ");
            ApiError::bad(format!("`state` is one of {names}."))
        })?),
    };
    let filter = ReceiptFilter { state, limit: limit(listed.limit.as_deref())? };
    let receipts = web.desk()?.receipts(&caller, &filter).await?;
    Ok(Json(json!({ "receipts": receipts })))
}

#[derive(Deserialize)]
pub(super) struct Again {
    #[serde(rename = "as")]
    person: String,
}

/// Sends a failed receipt again.
pub(super) async fn retry(
    State(web): State<Arc<Web>>,
    Path(id): Path<String>,
    Body(again): Body<Again>,
) -> ApiResult<Json<Value>> {
    let caller = Who::new(again.person, None, None).caller(&web)?;
    let receipt = web.desk()?.retry(&caller, &ReceiptId::new(id)).await?;
    Ok(Json(json!({ "receipt": receipt })))
}
