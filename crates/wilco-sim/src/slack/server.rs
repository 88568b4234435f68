//! The fake behind real sockets: the Web API, uploads, Socket Mode and the control, on one port.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Path, Request, State as Handle};
use axum::http::{HeaderName, Response, StatusCode, header};
use axum::routing::{any, get, post};
use tokio::net::TcpListener;

use super::pipeline::Incoming;
use super::socket::connection;
use super::{FakeSlack, control};
use crate::server::line::{Cut, CuttingListener};
use crate::server::travel::{plain, read_query, travel};

/// The largest request, in bytes.
const LARGEST: usize = 64 << 20;

/// Serves until the future is dropped or the listener fails.
///
/// # Errors
/// When the sockets fail.
pub(super) async fn serve(slack: FakeSlack, listener: TcpListener) -> io::Result<()> {
    slack.set_base(&format!("http://{}", listener.local_addr()?));
    let app = Router::new()
        .route("/control", post(control::order))
        .route("/control/transcript", get(control::transcript))
        .route("/control/snapshot", get(control::snapshot))
        .route("/control/log", get(control::log))
        .route("/control/deviations", get(control::deviations))
        .route("/control/counts", get(control::counts))
        .route("/files-pri/{id}/{name}", get(file))
        .fallback(any(call))
        .with_state(slack)
        .into_make_service_with_connect_info::<Cut>();
    axum::serve(CuttingListener(listener), app).await
}

/// Binds a free port of this machine and serves there in the background, until the runtime ends.
///
/// # Errors
/// When no port can be bound.
pub(super) async fn spawn(slack: FakeSlack) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    slack.set_base(&format!("http://{address}"));
    tokio::spawn(serve(slack, listener));
    Ok(address)
}

async fn call(
    Handle(slack): Handle<FakeSlack>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response<Body> {
    if request.headers().contains_key(header::SEC_WEBSOCKET_KEY) {
        return connection::upgrade(slack, cut, request).await;
    }
    let (head, body) = request.into_parts();
    let text = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, r#"{"ok": false, "error": "request_too_large"}"#);
    };
    let incoming = Incoming {
        verb: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: read_query(head.uri.query().unwrap_or_default()),
        authorization: text(header::AUTHORIZATION),
        content_type: text(header::CONTENT_TYPE),
        body: body.to_vec(),
    };
    let outgoing = slack.answer(&incoming);
    travel(slack.clock(), &cut, outgoing).await
}

/// A file, to whoever shows the token of its workspace.
async fn file(
    Handle(slack): Handle<FakeSlack>,
    Path((id, _)): Path<(String, String)>,
    request: Request,
) -> Response<Body> {
    let world = slack.world();
    let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let found = world.files.get(&id).filter(|file| file.complete);
    let allowed = found
        .and_then(|file| world.teams.get(&file.team))
        .is_some_and(|team| team.refused.is_none() && token == Some(format!("Bearer {}", team.token).as_str()));
    match found.and_then(|file| file.bytes.clone()).filter(|_| allowed) {
        Some(bytes) => Response::new(Body::from(bytes.to_vec())),
        None => plain(StatusCode::NOT_FOUND, "no such file"),
    }
}
