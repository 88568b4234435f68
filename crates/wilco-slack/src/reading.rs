//! Who reads what was missed: one at a time, whichever way Slack speaks to the bot.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use wilco_core::Inbox;

use crate::slack::Slack;

/// The reading of the gaps of one connection.
#[derive(Default)]
pub(crate) struct Reading {
    /// Ends the one that is under way.
    over: CancellationToken,
}

impl Reading {
    /// Reads what was missed until now. Whoever reads an earlier gap stops where it stands: how far it got is stored, and
    /// this one goes on there. Answers whether the whole gap was read.
    pub(crate) fn anew<'a>(&mut self, slack: &'a Arc<Slack>, inbox: &'a Arc<dyn Inbox>) -> BoxFuture<'a, bool> {
        self.stop();
        self.over = CancellationToken::new();
        let (gap, over) = (slack.gap(), self.over.clone());
        async move {
            tokio::select! {
                biased;
                // Whoever reads it anew says how that went.
                () = over.cancelled() => true,
                whole = slack.read_gap(inbox, gap) => whole,
            }
        }
        .boxed()
    }

    /// Stops whoever reads.
    pub(crate) fn stop(&self) {
        self.over.cancel();
    }
}
