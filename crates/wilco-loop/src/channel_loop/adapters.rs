//! Keeping the connections: each adapter listens until it is told to stop, and is built up again when it is lost.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wilco_core::{Clock, Inbox, ListenEnd, Messaging};

use crate::connections::Connections;

/// The first pause after a lost connection; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(64);
/// The pause when only a person can help; what they changed is noticed after it.
const PERSON_PAUSE: Duration = Duration::from_secs(300);
/// A connection that held so long was a good one: the next pause is short again.
const GOOD_AFTER: Duration = Duration::from_secs(60);

/// Listens on one account until the process stops (requirement U6). One platform that fails never
/// ends the process, nor holds up another.
pub(crate) async fn listen(
    adapter: Arc<dyn Messaging>,
    inbox: Arc<dyn Inbox>,
    clock: Arc<dyn Clock>,
    connections: Arc<Connections>,
    stop: CancellationToken,
) {
    let account = adapter.account().clone();
    let mut pause = FIRST_PAUSE;
    while !stop.is_cancelled() {
        let since = clock.monotonic();
        connections.up(&account);
        let end = adapter.listen(Arc::clone(&inbox), stop.clone()).await;
        connections.down(&account);
        if clock.monotonic().saturating_sub(since) > GOOD_AFTER {
            pause = FIRST_PAUSE;
        }
        let wait = match end {
            ListenEnd::Stopped => return,
            ListenEnd::Lost(cause) => {
                tracing::warn!(%account, %cause, pause_s = pause.as_secs(), "connection lost, trying again");
                pause
            }
            ListenEnd::NeedsPerson(cause) => {
                tracing::error!(%account, %cause, "connection needs a person; sends may still work");
                PERSON_PAUSE
            }
        };
        pause = (pause * 2).min(LONGEST_PAUSE);
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = clock.sleep_until(clock.monotonic() + wait) => {}
        }
    }
}
