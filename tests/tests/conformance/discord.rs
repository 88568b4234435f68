//! Discord under test: its adapter over real sockets, and a Discord of our own to look at.

use std::time::Duration;

use async_trait::async_trait;
use wilco_core::{Address, Messaging};
use wilco_sim::discord::Settings;

use super::{Seen, Subject, suite};
use crate::discord_mouth::Stand;

#[async_trait]
impl Subject for Stand {
    fn name(&self) -> &'static str {
        "discord"
    }
    fn adapter(&self) -> &dyn Messaging {
        self.adapter.as_ref()
    }
    fn place(&self) -> Address {
        Stand::place(self)
    }
    fn nowhere(&self) -> Address {
        Address::channel("discord", "999999999")
    }
    fn person(&self) -> String {
        self.ana.to_string()
    }
    async fn shown(&self, address: &Address) -> Vec<Seen> {
        let channel = address.thread.as_ref().unwrap_or(&address.channel);
        let all = self.fake.snapshot().into_iter();
        let standing = all.filter(|message| !message.deleted && message.channel.to_string() == *channel);
        let seen = standing.map(|message| Seen {
            id: message.id.to_string(),
            text: message.raw,
            buttons: message.buttons.into_iter().map(|button| button.label).collect(),
            file: message.files.into_iter().next().map(|file| (file.name, file.size)),
        });
        seen.collect()
    }
    async fn typing(&self, _address: &Address) -> Option<bool> {
        // Discord cannot be told to stop; it stops by itself after ten seconds.
        None
    }
    fn passes(&self, time: Duration) -> bool {
        Stand::passes(self, time);
        true
    }
    async fn restarts(&mut self) {
        Stand::restarts(self);
    }
}

#[tokio::test]
async fn d1_d2_d3_d4_the_discord_adapter_keeps_every_promise() {
    // No limits on the other side, and time that moves with every look at it: the suite makes more calls than the
    // adapter's own bound of a second lets pass.
    let settings = Settings { limits: false, ..Settings::default() };
    let mut stand = Stand::with(settings, Duration::from_millis(20)).await;
    suite(&mut stand).await;
    stand.agrees();
}
