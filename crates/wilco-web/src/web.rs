//! The adapter as a whole: what it is made of, and how it is started and stopped.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use wilco_core::desk::Desk;
use wilco_core::random::Dice;
use wilco_core::shelf::ShelfError;
use wilco_core::{Address, Clock, Inbox, Limits, Reply, Shelf};

use crate::book::Book;
use crate::error::ApiError;
use crate::hub::{Hub, Live};
use crate::notes::{Note, Notes};
use crate::options::Options;
use crate::session::Sessions;
use crate::{adapter, api};

/// How long open requests get to end after the stop was asked for.
const CLOSING: Duration = Duration::from_secs(2);

/// The web chat: an adapter, an HTTP API and a page.
pub struct Web {
    pub(crate) options: Options,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) dice: Arc<Dice>,
    pub(crate) book: Book,
    pub(crate) notes: Notes,
    pub(crate) hub: Hub,
    pub(crate) sessions: Sessions,
    pub(crate) limits: Limits,
    /// Differs for every start, so that a page notices that the bot behind it is a new one.
    pub(crate) boot: String,
    /// Ends the event streams, which would otherwise hold a graceful stop up for ever.
    pub(crate) closing: CancellationToken,
    pub(crate) inbox: RwLock<Option<Arc<dyn Inbox>>>,
    desk: OnceLock<Arc<dyn Desk>>,
    hosts: RwLock<BTreeSet<String>>,
}

impl Web {
    /// Makes the adapter. Nothing is read or opened yet.
    pub fn new(options: Options, shelf: Arc<dyn Shelf>, clock: Arc<dyn Clock>, dice: Arc<Dice>) -> Arc<Self> {
        let hosts = options.allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Arc::new(Self {
            book: Book::new(shelf.clone()),
            notes: Notes::default(),
            hub: Hub::new(),
            sessions: Sessions::new(shelf, clock.clone(), dice.clone()),
            limits: adapter::limits(),
            boot: dice.token(),
            closing: CancellationToken::new(),
            inbox: RwLock::new(None),
            desk: OnceLock::new(),
            hosts: RwLock::new(hosts),
            options,
            clock,
            dice,
        })
    }

    /// The path that signs one browser in, such as `/login/9c41…`: 128 random bits, works once. After it
    /// was used this answers a new one.
    pub fn login_path(&self) -> String {
        self.sessions.login_path()
    }

    /// A new login path; an unused one from before stops working.
    pub fn renew_login(&self) -> String {
        self.sessions.renew()
    }

    /// Brings shown messages and signed-in browsers back after a restart.
    ///
    /// # Errors
    /// When the shelf does not answer. Nothing is lost; it can be called again.
    pub async fn load(&self) -> Result<(), ShelfError> {
        self.sessions.load().await?;
        let messages = self.book.load().await?;
        info!(messages, "web: the conversations are loaded");
        Ok(())
    }

    /// Gives the page what it shows beside the conversation. Until then those requests answer 503. A
    /// second call changes nothing.
    pub fn attach(&self, desk: Arc<dyn Desk>) {
        if self.desk.set(desk).is_err() {
            warn!("web: a desk is attached already; the first one stays");
        }
    }

    /// The routes, for a server of one's own. `Options::allowed_hosts` has to name its hosts.
    pub fn router(self: &Arc<Self>) -> Router {
        api::router(self.clone())
    }

    /// Answers requests until `stop`. May be called once for each address that the page listens on.
    /// After the stop, open streams are closed and other requests get two seconds to end.
    ///
    /// # Errors
    /// When the listener fails for good.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
        let bound = listener.local_addr()?;
        if self.options.allowed_hosts.is_empty() {
            self.hosts.write().unwrap_or_else(PoisonError::into_inner).extend(hosts_of(bound));
        }
        let listener = listener.tap_io(|stream| {
            // Small events should leave at once; where the system refuses, they come a little later.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "web: no-delay was refused");
            }
        });
        info!(address = %bound, "web: the page is open");
        let (closing, asked) = (self.closing.clone(), stop.clone());
        let server = axum::serve(listener, self.router()).with_graceful_shutdown(async move {
            asked.cancelled().await;
            closing.cancel();
        });
        let clock = self.clock.clone();
        let patience = async move {
            stop.cancelled().await;
            clock.sleep_until(clock.monotonic() + CLOSING).await;
        };
        tokio::select! {
            ended = async { server.await } => ended,
            () = patience => {
                warn!("web: requests were still open two seconds after the stop and are dropped");
                Ok(())
            }
        }
    }

    pub(crate) fn is_allowed_host(&self, host: &str) -> bool {
        self.hosts.read().unwrap_or_else(PoisonError::into_inner).contains(&host.to_ascii_lowercase())
    }

    pub(crate) fn desk(&self) -> Result<&Arc<dyn Desk>, ApiError> {
        self.desk.get().ok_or_else(ApiError::unavailable)
    }

    pub(crate) fn inbox(&self) -> Option<Arc<dyn Inbox>> {
        self.inbox.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The conversations of a person.
    pub(crate) fn addresses(&self, person: &str) -> Vec<Address> {
        self.options.channels.iter().map(|spec| self.options.address(spec, person)).collect()
    }

    /// Shows a private note to a person.
    pub(crate) fn note(&self, person: &str, address: &Address, reply: Reply) -> Arc<Note> {
        let at = self.clock.now();
        let id = format!("note-{}", self.dice.uuid(at));
        let (person, address) = (person.to_owned(), address.clone());
        let note = self.notes.add(Note { id, rev: 1, person, address, at, reply: Some(reply) });
        self.hub.tell(Live::Note(note.clone()));
        note
    }

    /// Gives a note other words, or takes it away.
    pub(crate) fn rewrite(&self, note: &Note, reply: Option<Reply>) {
        match (self.notes.change(&note.person, &note.id, reply.clone()), reply) {
            (Some(changed), _) => self.hub.tell(Live::Note(changed)),
            // Fifty others came in between; the answer itself must not be lost with the place it had.
            (None, Some(reply)) => {
                self.note(&note.person, &note.address, reply);
            }
            (None, None) => {}
        }
    }
}

/// The names by which a browser on this machine reaches a bound address.
fn hosts_of(bound: SocketAddr) -> Vec<String> {
    let port = bound.port();
    let mut names = Vec::new();
    if !bound.ip().is_unspecified() {
        names.push(bound.to_string());
    }
    if bound.ip().is_loopback() || bound.ip().is_unspecified() {
        names.extend(["localhost", "127.0.0.1", "[::1]"].map(|name| format!("{name}:{port}")));
    }
    if port == 80 {
        // Browsers leave the default port out.
        let bare: Vec<String> = names.iter().filter_map(|name| name.strip_suffix(":80").map(str::to_owned)).collect();
        names.extend(bare);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_follow_from_the_bound_address() {
        let hosts = |address: &str| hosts_of(address.parse().unwrap());
        assert!(hosts("127.0.0.1:7733").contains(&"localhost:7733".to_owned()));
        assert!(hosts("[::1]:7733").contains(&"[::1]:7733".to_owned()));
        assert!(hosts("127.0.0.1:80").contains(&"localhost".to_owned()));
        assert_eq!(hosts("192.0.2.7:7733"), ["192.0.2.7:7733"]);
        assert!(!hosts("0.0.0.0:7733").contains(&"0.0.0.0:7733".to_owned()));
    }
}
