//! Files of results.

use std::io::ErrorKind;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use futures::stream;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tracing::warn;
use wilco_core::FileRef;

use super::{ApiResult, Path, Query, Who, place};
use crate::error::ApiError;
use crate::web::Web;

/// How much of a file is read at once, in bytes.
const PIECE: usize = 64 * 1024;

/// The file of a message that the person can see.
pub(super) async fn of_message(
    State(web): State<Arc<Web>>,
    Path(id): Path<String>,
    Query(who): Query<Who>,
) -> ApiResult {
    let person = who.person(&web)?;
    let gone = || ApiError::not_found("This message has no file, or is not kept any more.");
    let message = web.book.get(&id).ok_or_else(gone)?;
    place(&web, person, &message.address).map_err(|_| gone())?;
    send(message.body.file.as_ref().ok_or_else(gone)?).await
}

/// A file of a job's result, by its position from 0.
pub(super) async fn of_worker(
    State(web): State<Arc<Web>>,
    Path((id, at)): Path<(String, usize)>,
    Query(who): Query<Who>,
) -> ApiResult {
    let caller = who.caller(&web)?;
    let file = web.desk()?.file(&caller, &id, at).await?;
    send(&file).await
}

/// Always a download, never something that the browser shows: the bytes are a worker's own.
async fn send(file: &FileRef) -> ApiResult {
    let opened = File::open(&file.path).await;
    let meta = match &opened {
        Ok(open) => open.metadata().await.ok().filter(std::fs::Metadata::is_file),
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                warn!(file = file.name, %error, "web: a file cannot be read");
            }
            None
        }
    };
    let (Ok(open), Some(meta)) = (opened, meta) else {
        return Err(ApiError::not_found("The file is not kept any more."));
    };
    // The length is promised beforehand, so no more than that is sent even when the file grows meanwhile.
    let pieces = stream::try_unfold((open, meta.len()), |(mut open, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        let got = open.read(&mut piece).await?;
        if got == 0 {
            return Err(std::io::Error::new(ErrorKind::UnexpectedEof, "the file became shorter"));
        }
        piece.truncate(got);
        let left = left.saturating_sub(u64::try_from(got).unwrap_or(left));
        Ok(Some((piece, (open, left))))
    });
    let mut response = (StatusCode::OK, Body::from_stream(pieces)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(meta.len()));
    headers.insert(header::CONTENT_DISPOSITION, disposition(&file.name));
    Ok(response)
}

/// The name twice: plain for old readers, and in full (RFC 6266, RFC 8187).
fn disposition(name: &str) -> HeaderValue {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let plain: String = name
        .chars()
        .map(
            |letter| {
                if letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | ' ') { letter } else { '_' }
            },
        )
        .collect();
    let full: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    HeaderValue::from_str(&format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{full}"))
        .unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_cannot_break_out_of_its_header() {
        let value = |name| disposition(name).to_str().unwrap().to_owned();
        assert_eq!(value("report.md"), "attachment; filename=\"report.md\"; filename*=UTF-8''report.md");
        assert_eq!(value("a\"\r\nx: y"), "attachment; filename=\"a___x_ y\"; filename*=UTF-8''a%22%0D%0Ax%3A%20y");
        assert_eq!(value("../../etc/passwd"), "attachment; filename=\"passwd\"; filename*=UTF-8''passwd");
        assert!(value("größe.txt").contains("gr%C3%B6%C3%9Fe.txt"));
    }
}
