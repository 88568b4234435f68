//! Where Slack's requests come in, and how they are answered.
//!
//! The answer is the acknowledgement: 200 once what came is stored, or after two seconds, as over a socket. What is not
//! acknowledged is answered 503, upon which Slack brings an event again, and says to whoever gave a command that it did
//! not work.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method, Request, Response, StatusCode, header};
use futures::{StreamExt, stream};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use wilco_core::Inbox;

use super::read::{Asked, read};
use super::signature::{Forged, Signatures};
use crate::hear::{Ack, Leaves, Waiting};
use crate::options::Secret;
use crate::slack::Slack;
use crate::socket::within;

/// The largest request, in bytes. Slack's are far smaller.
const LARGEST: usize = 1 << 20;
/// How long a connection has for its one request and the answer. Slack waits three seconds.
const LIFE: Duration = Duration::from_secs(10);
/// How many connections are taken at a time: the address may be known to anybody.
const CONNECTIONS: usize = 256;

pub(super) struct Door {
    slack: Arc<Slack>,
    inbox: Arc<dyn Inbox>,
    signatures: Signatures,
    /// It was said that a request is too old, and that one has another signature.
    told: [AtomicBool; 2],
}

/// Takes connections until it is to close, and then answers what has come. Dropped, it takes its connections with it.
pub(super) async fn serve(door: Arc<Door>, listener: TcpListener, close: CancellationToken) -> io::Result<()> {
    let mut all = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = close.cancelled() => break,
            Some(_) = all.join_next() => {}
            accepted = listener.accept(), if all.len() < CONNECTIONS => {
                all.spawn(Arc::clone(&door).answer(accepted?.0, close.clone()));
            }
        }
    }
    while all.join_next().await.is_some() {}
    Ok(())
}

impl Door {
    pub(super) fn new(slack: &Arc<Slack>, inbox: &Arc<dyn Inbox>, secret: &Secret) -> Arc<Self> {
        Arc::new(Self {
            slack: Arc::clone(slack),
            inbox: Arc::clone(inbox),
            signatures: Signatures::new(secret),
            told: Default::default(),
        })
    }

    /// Answers the one request of a connection.
    async fn answer(self: Arc<Self>, stream: TcpStream, close: CancellationToken) {
        let clock = Arc::clone(&self.slack.clock);
        let service = service_fn(move |request| {
            let door = Arc::clone(&self);
            async move { Ok::<_, Infallible>(door.take(request).await) }
        });
        let connection = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
        let served = async {
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                ended = &mut connection => return ended,
                () = close.cancelled() => connection.as_mut().graceful_shutdown(),
            }
            connection.await
        };
        if let Some(Err(why)) = within(&*clock, LIFE, served).await {
            debug!(%why, "slack: a connection with a request broke");
        }
    }

    /// Takes a request, at whatever path the address of the app has.
    async fn take(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "only requests of Slack's are taken\n");
        }
        let announced = match Signatures::announced(&head.headers, self.slack.clock.now()) {
            Ok(announced) => announced,
            Err(why) => return self.refuse(why),
        };
        let Ok(body) = to_bytes(Body::new(body), LARGEST).await else {
            return plain(StatusCode::PAYLOAD_TOO_LARGE, "a request of Slack's has at most 1 MiB\n");
        };
        if let Err(why) = self.signatures.check(&announced, &body) {
            return self.refuse(why);
        }
        let account = &self.slack.options.account;
        let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let envelope = match read(kind, &body) {
            Some(Asked::Challenge(word)) => return plain(StatusCode::OK, word),
            Some(Asked::Nothing) => return plain(StatusCode::OK, ""),
            Some(Asked::Limited) => {
                warn!(%account,
                    "slack: Slack holds events back, because they were too many or too many of them came to nothing; what \
                     was missed is read. Look at the page Event Subscriptions of the app whether they are still on");
                self.slack.ears.limited.notify_one();
                return plain(StatusCode::OK, "");
            }
            Some(Asked::Take(envelope)) => envelope,
            None => {
                warn!(%account, kind, bytes = body.len(), "slack: a request is not understood");
                return plain(StatusCode::BAD_REQUEST, "nothing that is known\n");
            }
        };
        let (way, mut given) = mpsc::unbounded_channel();
        // There is no envelope around it that would have an id.
        self.slack.take(&self.inbox, envelope, Ack::new(String::new(), way, Waiting::default().one_more()));
        match given.recv().await {
            Some(ack) => acknowledged(ack),
            None => plain(StatusCode::SERVICE_UNAVAILABLE, "not taken\n"),
        }
    }

    /// Whoever guesses at the address fills no log. What may be Slack's all the same is said once, and then only to
    /// whoever looks closely.
    fn refuse(&self, why: Forged) -> Response<Body> {
        let account = &self.slack.options.account;
        let first = |told: &AtomicBool| !told.swap(true, Ordering::Relaxed);
        let [old, wrong] = &self.told;
        match why {
            Forged::Old if first(old) => {
                warn!(%account, %why, "slack: a request is refused");
            }
            Forged::Wrong if first(wrong) => {
                warn!(%account, %why,
                    "slack: a request is refused; if Slack sent it, copy the signing secret again (\"Basic Information\" of \
                     the app)");
            }
            Forged::Unsigned | Forged::Old | Forged::Wrong => debug!(%account, %why, "slack: a request is refused"),
        }
        plain(StatusCode::UNAUTHORIZED, "only requests that Slack has signed are taken\n")
    }
}

/// The acknowledgement with what a command is answered. It has left once the body was asked for to its end.
fn acknowledged(ack: Leaves) -> Response<Body> {
    let Some(answer) = ack.answer().map(ToString::to_string) else {
        ack.has_left();
        return plain(StatusCode::OK, "");
    };
    let mut ack = Some(ack);
    let end = stream::poll_fn(move |_| {
        ack.take().map(Leaves::has_left).unwrap_or_default();
        std::task::Poll::Ready(None)
    });
    let body = stream::iter([Ok::<Bytes, Infallible>(answer.into())]).chain(end);
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn plain(status: StatusCode, words: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(words.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain"));
    response
}
