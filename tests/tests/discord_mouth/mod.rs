//! The mouth of the Discord adapter against a Discord of our own: what people see there is what counts.

mod hostile;
mod messages;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use wilco_core::random::Dice;
use wilco_core::{Address, Body, Clock, DeliveryKey, Envelope, EnvelopeKind, MessageRef, Messaging};
use wilco_discord::{Discord, Options, Secret};
use wilco_sim::MemoryShelf;
use wilco_sim::clock::HandClock;
use wilco_sim::discord::{FakeDiscord, Id, Settings, Shown};

use crate::mouths::surfaced;

/// A guild with a channel, somebody in it, and the adapter.
pub(crate) struct Stand {
    pub(crate) fake: FakeDiscord,
    pub(crate) adapter: Arc<Discord>,
    clock: Arc<HandClock>,
    api: String,
    guild: Id,
    pub(crate) channel: Id,
    pub(crate) ana: Id,
}

impl Stand {
    async fn new() -> Self {
        Self::with(Settings::default(), Duration::ZERO).await
    }

    /// One whose time moves by `step` whenever it is read.
    pub(crate) async fn with(settings: Settings, step: Duration) -> Self {
        let clock = HandClock::stepping(wilco_tests::clock::BEGIN, step);
        let fake = FakeDiscord::new(settings, Arc::clone(&clock) as Arc<dyn Clock>);
        let ana = fake.add_person("ana");
        let guild = fake.add_guild("crew", ana);
        let channel = fake.add_channel(guild, "ops");
        let api = fake.spawn().await.expect("a port is free");
        let adapter = Self::connect(&fake, &clock, api.clone());
        Self { fake, adapter, clock, api, guild, channel, ana }
    }

    fn connect(fake: &FakeDiscord, clock: &Arc<HandClock>, api: String) -> Arc<Discord> {
        let options = Options { api, ..Options::new("discord", Secret::new(fake.token())) };
        let clock = Arc::clone(clock) as Arc<dyn Clock>;
        Discord::new(options, Arc::<MemoryShelf>::default(), clock, Arc::new(Dice::seeded(7))).expect("it is built")
    }

    /// Another process takes over.
    pub(crate) fn restarts(&mut self) {
        self.adapter = Self::connect(&self.fake, &self.clock, self.api.clone());
    }

    fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    pub(crate) fn passes(&self, time: Duration) {
        self.clock.advance(time);
    }

    pub(crate) fn place(&self) -> Address {
        Address::channel("discord", self.channel.to_string())
    }

    fn envelope(&self, key: &str, kind: EnvelopeKind, body: Body) -> Envelope {
        Envelope { kind, ..Envelope::plain(self.place(), DeliveryKey::new(key), body) }
    }

    fn stub(&self, key: &str) -> Envelope {
        let cancel = wilco_core::Press::CancelStub { key: DeliveryKey::new(key) };
        let body = Body::text("On it · report · k7f2").with_buttons(vec![wilco_core::Button::new("Cancel", cancel)]);
        self.envelope(key, EnvelopeKind::Stub, body)
    }

    /// Posts what has to surface.
    async fn posted(&self, envelope: &Envelope) -> MessageRef {
        surfaced(self.adapter.post(envelope).await)
    }

    /// What stands in the channel, oldest first.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        let all = self.fake.snapshot().into_iter();
        all.filter(|message| message.channel == self.channel && !message.deleted).collect()
    }

    fn only(&self) -> Shown {
        let mut shown = self.shown();
        assert_eq!(shown.len(), 1, "{shown:#?}");
        shown.remove(0)
    }

    /// Neither side of the wire said anything that Discord's description does not know.
    pub(crate) fn agrees(&self) {
        let deviations = self.fake.deviations();
        assert!(deviations.is_empty(), "{deviations:#?}");
    }
}
