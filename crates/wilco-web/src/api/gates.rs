//! Gates: which backends wait for a person, and opening them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use wilco_core::BackendId;

use super::{ApiResult, Body, Path, Who};
use crate::web::Web;

/// The gates that are closed.
pub(super) async fn list(State(web): State<Arc<Web>>) -> ApiResult<Json<Value>> {
    let gates = web.desk()?.gates().await?;
    Ok(Json(json!({ "gates": gates })))
}

#[derive(Deserialize)]
pub(super) struct Acted {
    #[serde(rename = "as")]
    person: String,
}

/// Opens the gate of a backend.
pub(super) async fn open(
    State(web): State<Arc<Web>>,
    Path(backend): Path<String>,
    Body(acted): Body<Acted>,
) -> ApiResult<Json<Value>> {
    let caller = Who::new(acted.person, None, None).caller(&web)?;
    let gate = web.desk()?.open_gate(&caller, &BackendId::new(backend)).await?;
    Ok(Json(json!({ "gate": gate })))
}
