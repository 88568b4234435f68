//! Slack under test: its adapter over real sockets, and a Slack of our own to look at.

use std::time::Duration;

use async_trait::async_trait;
use wilco_core::{Address, Messaging};
use wilco_sim::slack::Settings;

use super::{Seen, Subject, suite};
use crate::slack_mouth::Stand;

#[async_trait]
impl Subject for Stand {
    fn name(&self) -> &'static str {
        "slack"
    }
    fn adapter(&self) -> &dyn Messaging {
        self.adapter.as_ref()
    }
    fn place(&self) -> Address {
        Stand::place(self)
    }
    fn nowhere(&self) -> Address {
        Address::channel("slack", "C0NOWHERE")
    }
    fn nothing(&self) -> String {
        "1750000000.000001".to_owned()
    }
    fn person(&self) -> String {
        self.ana.clone()
    }
    async fn shown(&self, address: &Address) -> Vec<Seen> {
        let of_address = |message: &&wilco_sim::slack::Shown| {
            message.channel == address.channel
                && message.thread.map(|root| root.to_string()) == address.thread
                && !message.deleted
                && message.only_for.is_none()
        };
        let all = self.fake.snapshot();
        let seen = all.iter().filter(of_address).map(|message| Seen {
            id: message.ts.to_string(),
            text: message.text.clone(),
            buttons: message.buttons.iter().map(|button| button.label.clone()).collect(),
            file: message.files.first().map(|file| (file.name.clone(), file.size)),
        });
        seen.collect()
    }
    async fn typing(&self, _address: &Address) -> Option<bool> {
        // Slack shows it under threads of assistants alone.
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
async fn d1_d2_d3_d4_the_slack_adapter_keeps_every_promise() {
    // No limits on the other side, and time that moves with every look at it: the suite makes more calls than the
    // adapter lets pass in the second that a channel takes for one message.
    let settings = Settings { limits: false, ..Settings::default() };
    let mut stand = Stand::with(settings, Duration::from_millis(500)).await;
    suite(&mut stand).await;
    stand.agrees();
}
