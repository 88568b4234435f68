//! The mouth of the Slack adapter against a Slack of our own: what people see there is what counts.

mod answers;
mod hostile;
mod messages;
mod places;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use wilco_core::random::Dice;
use wilco_core::{
    Address, Body, Button, Clock, DeliveryKey, Envelope, EnvelopeKind, FileRef, MessageRef, Messaging, Press,
};
use wilco_sim::MemoryShelf;
use wilco_sim::clock::HandClock;
use wilco_sim::slack::{FakeSlack, Id, Settings, Shown};
use wilco_slack::{Options, Secret, Slack};

use crate::mouths::surfaced;

/// A workspace with a channel, somebody in it, and the adapter.
pub(crate) struct Stand {
    pub(crate) fake: FakeSlack,
    pub(crate) adapter: Arc<Slack>,
    clock: Arc<HandClock>,
    api: String,
    team: Id,
    pub(crate) channel: Id,
    pub(crate) ana: Id,
}

impl Stand {
    async fn new() -> Self {
        Self::with(Settings::default(), Duration::ZERO).await
    }

    /// One whose Slack refuses nothing for its pace.
    async fn unhurried() -> Self {
        Self::with(Settings { limits: false, ..Settings::default() }, Duration::ZERO).await
    }

    /// One whose time moves by `step` whenever it is read.
    pub(crate) async fn with(settings: Settings, step: Duration) -> Self {
        let clock = HandClock::stepping(wilco_tests::clock::BEGIN, step);
        let fake = FakeSlack::new(settings, Arc::clone(&clock) as Arc<dyn Clock>);
        let team = fake.add_team("Workshop");
        let ana = fake.add_person(&team, "ana");
        let channel = fake.add_channel(&team, "ops");
        let api = fake.spawn().await.expect("a port is free");
        let adapter = connect(&fake, &team, &clock, &api, |_| ());
        Self { fake, adapter, clock, api, team, channel, ana }
    }

    /// The same with other options.
    fn with_options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        self.adapter = connect(&self.fake, &self.team, &self.clock, &self.api, change);
        self
    }

    /// Another process takes over.
    pub(crate) fn restarts(&mut self) {
        self.adapter = connect(&self.fake, &self.team, &self.clock, &self.api, |_| ());
    }

    fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    pub(crate) fn passes(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub(crate) fn place(&self) -> Address {
        Address::channel("slack", self.channel.clone())
    }

    fn envelope(&self, key: &str, kind: EnvelopeKind, body: Body) -> Envelope {
        Envelope { kind, ..Envelope::plain(self.place(), DeliveryKey::new(key), body) }
    }

    fn stub(&self, key: &str) -> Envelope {
        let cancel = Press::CancelStub { key: DeliveryKey::new(key) };
        let body = Body::text("On it · report · k7f2").with_buttons(vec![Button::new("Cancel", cancel)]);
        self.envelope(key, EnvelopeKind::Stub, body)
    }

    /// Posts what has to surface. A channel takes one message a second, and nobody here waits for that.
    async fn posted(&self, envelope: &Envelope) -> MessageRef {
        self.passes(Duration::from_secs(1));
        surfaced(self.adapter.post(envelope).await)
    }

    /// What everybody sees in the channel and its threads, oldest first.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        let all = self.fake.snapshot().into_iter();
        all.filter(|message| message.channel == self.channel && !message.deleted && message.only_for.is_none())
            .collect()
    }

    /// The one message that stands there.
    #[track_caller]
    fn only(&self) -> Shown {
        let mut shown = self.shown();
        assert_eq!(shown.len(), 1, "{shown:#?}");
        shown.remove(0)
    }

    /// How many messages of the bot everybody sees.
    fn by_bot(&self) -> usize {
        self.shown().iter().filter(|message| message.by_bot).count()
    }

    /// Neither side of the wire said anything that the tables do not know.
    #[track_caller]
    pub(crate) fn agrees(&self) {
        let deviations = self.fake.deviations();
        assert!(deviations.is_empty(), "{deviations:#?}");
    }
}

fn connect(
    fake: &FakeSlack,
    team: &str,
    clock: &Arc<HandClock>,
    api: &str,
    change: impl FnOnce(&mut Options),
) -> Arc<Slack> {
    let (bot, app) = (Secret::new(fake.token(team)), Secret::new(fake.app_token(team)));
    let mut options = Options { api: api.to_owned(), ..Options::new("slack", bot, app) };
    change(&mut options);
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    Slack::new(options, Arc::<MemoryShelf>::default(), clock, Arc::new(Dice::seeded(7))).expect("it is built")
}

/// A file on this machine's disk.
fn file(dir: &tempfile::TempDir, name: &str, bytes: &[u8]) -> FileRef {
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).expect("it is written");
    FileRef { name: name.to_owned(), path, size: bytes.len() as u64 }
}

/// The labels of a message's buttons.
fn labels(shown: &Shown) -> Vec<&str> {
    shown.buttons.iter().map(|button| button.label.as_str()).collect()
}
