//! What the API answers when something does not work: `{"error":{"code","message"}}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use wilco_core::Short;
use wilco_core::desk::DeskError;
use wilco_core::shelf::ShelfError;
use wilco_core::wording;

/// A refusal with its status. Whatever it answers, nothing was changed.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    candidates: Vec<String>,
}

pub(crate) type ApiResult<T = Response> = Result<T, ApiError>;

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), candidates: Vec::new() }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_input", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// The bot's other half is not there: it starts, or it stops.
    pub(crate) fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", wording::draining().text)
    }

    pub(crate) fn code(&self) -> &'static str {
        self.code
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut error = json!({ "code": self.code, "message": self.message });
        if !self.candidates.is_empty() {
            error["candidates"] = json!(self.candidates);
        }
        (self.status, Json(json!({ "error": error }))).into_response()
    }
}

impl From<DeskError> for ApiError {
    fn from(error: DeskError) -> Self {
        let message = error.to_string();
        match error {
            DeskError::NotFound(_) => Self::not_found(message),
            DeskError::Ambiguous { candidates, .. } => Self {
                candidates: candidates.iter().map(|job| job.short.to_string()).collect(),
                ..Self::new(StatusCode::CONFLICT, "ambiguous", message)
            },
            DeskError::AmbiguousFollowup { candidates, .. } => Self {
                candidates: candidates.iter().map(Short::to_string).collect(),
                ..Self::new(StatusCode::CONFLICT, "ambiguous", message)
            },
            DeskError::NotAllowed { .. } => Self::new(StatusCode::FORBIDDEN, "not_allowed", message),
            DeskError::BadInput(_) => Self::bad(message),
            DeskError::Refused(_) => Self::new(StatusCode::CONFLICT, "refused", message),
            DeskError::Store(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "store", message),
        }
    }
}

impl From<ShelfError> for ApiError {
    fn from(error: ShelfError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store", error.to_string())
    }
}
