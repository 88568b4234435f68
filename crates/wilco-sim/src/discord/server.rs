//! The fake behind real sockets: REST, files, the gateway and the control, on one port.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State as Handle};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::routing::{any, get, post};
use tokio::net::TcpListener;

use super::gateway::connection;
use super::pipeline::Incoming;
use super::{FakeDiscord, control};
use crate::server::line::{Cut, CuttingListener};
use crate::server::travel::{plain, read_query, travel};

/// The largest request, in bytes (Discord's reference, "Uploading Files").
const LARGEST: usize = 25 << 20;

/// Serves until the future is dropped or the listener fails.
///
/// # Errors
/// When the sockets fail.
pub(super) async fn serve(discord: FakeDiscord, listener: TcpListener) -> io::Result<()> {
    discord.set_base(&format!("http://{}", listener.local_addr()?));
    let app = Router::new()
        .route("/control", post(control::order))
        .route("/control/transcript", get(control::transcript))
        .route("/control/snapshot", get(control::snapshot))
        .route("/control/log", get(control::log))
        .route("/control/deviations", get(control::deviations))
        .route("/control/counts", get(control::counts))
        .route("/attachments/{channel}/{id}/{name}", get(file))
        .fallback(any(call))
        .with_state(discord)
        .into_make_service_with_connect_info::<Cut>();
    axum::serve(CuttingListener(listener), app).await
}

/// Binds a free port of this machine and serves there in the background, until the runtime ends.
///
/// # Errors
/// When no port can be bound.
pub(super) async fn spawn(discord: FakeDiscord) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    discord.set_base(&format!("http://{address}"));
    tokio::spawn(serve(discord, listener));
    Ok(address)
}

async fn call(
    Handle(discord): Handle<FakeDiscord>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response<Body> {
    if request.headers().contains_key(header::SEC_WEBSOCKET_KEY) {
        return connection::upgrade(discord, cut, request).await;
    }
    let (head, body) = request.into_parts();
    let text = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, r#"{"message": "Request entity too large", "code": 40005}"#);
    };
    let incoming = Incoming {
        verb: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: read_query(head.uri.query().unwrap_or_default()),
        authorization: text(header::AUTHORIZATION),
        agent: text(header::USER_AGENT),
        content_type: text(header::CONTENT_TYPE),
        body: body.to_vec(),
    };
    let outgoing = discord.answer(&incoming);
    travel(discord.clock(), &cut, outgoing).await
}

async fn file(
    Handle(discord): Handle<FakeDiscord>,
    axum::extract::Path((channel, id, _)): axum::extract::Path<(u64, u64, String)>,
) -> Response<Body> {
    match discord.file(channel, id) {
        Some(file) => {
            let mut response = Response::new(Body::from(file.bytes.to_vec()));
            if let Ok(media) = HeaderValue::from_str(&file.media) {
                response.headers_mut().insert(header::CONTENT_TYPE, media);
            }
            response
        }
        None => plain(StatusCode::NOT_FOUND, "This content is no longer available."),
    }
}
