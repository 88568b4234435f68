//! The adapters under test: the scripted platform in process and over a real socket, and the web chat.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use wilco_core::random::Dice;
use wilco_core::{Address, Clock, Limits, Messaging};
use wilco_loop::StoreShelf;
use wilco_sim::clock::HandClock;
use wilco_sim::{Platform, Profile, Remote, Scripted, server};
use wilco_store::{Mode, Options as StoreOptions, Store, Synchronous};
use wilco_web::{Options, Web};

use super::{Seen, Subject, suite};

/// The scripted platform behind either of its adapters.
struct Sim {
    name: &'static str,
    clock: Arc<HandClock>,
    platform: Platform,
    adapter: Arc<dyn Messaging>,
    connect: Box<dyn Fn() -> Arc<dyn Messaging> + Send + Sync>,
}

impl Sim {
    fn platform(limits: Limits) -> (Arc<HandClock>, Platform) {
        let clock = HandClock::at(wilco_tests::clock::BEGIN);
        // Small files, so that one too large is quickly made.
        let limits = Limits { file: 1 << 16, ..limits };
        let platform = Platform::with_limits(limits, Arc::clone(&clock) as Arc<dyn Clock>);
        platform.remove(&Address::channel("sim", "deleted"));
        (clock, platform)
    }

    fn scripted(limits: Limits) -> Self {
        let (clock, platform) = Self::platform(limits);
        let speaks_to = platform.clone();
        let connect = move || Arc::new(Scripted::new(&speaks_to, "sim")) as Arc<dyn Messaging>;
        Self { name: "scripted", clock, platform, adapter: connect(), connect: Box::new(connect) }
    }

    async fn remote(limits: Limits) -> Self {
        let (clock, platform) = Self::platform(limits);
        let address = server::spawn(platform.clone()).await.expect("a port is free");
        let (own, limits) = (Arc::clone(&clock), *platform.limits());
        let connect = move || {
            let clock = Arc::clone(&own) as Arc<dyn Clock>;
            let remote = Remote::new(&format!("http://{address}"), "sim", limits, clock).expect("a client is built");
            Arc::new(remote) as Arc<dyn Messaging>
        };
        Self { name: "remote", clock, platform, adapter: connect(), connect: Box::new(connect) }
    }
}

#[async_trait]
impl Subject for Sim {
    fn name(&self) -> &'static str {
        self.name
    }
    fn adapter(&self) -> &dyn Messaging {
        self.adapter.as_ref()
    }
    fn place(&self) -> Address {
        Address::channel("sim", "ops")
    }
    fn nowhere(&self) -> Address {
        Address::channel("sim", "deleted")
    }
    fn person(&self) -> String {
        "u1".to_owned()
    }
    async fn shown(&self, address: &Address) -> Vec<Seen> {
        let snapshot = self.platform.snapshot();
        let seen = snapshot.at(address).filter(|message| !message.deleted).map(|message| {
            let shown = message.shown();
            Seen {
                id: message.id.clone(),
                text: shown.text.clone(),
                buttons: shown.buttons.iter().map(|button| button.label.clone()).collect(),
                file: shown.file.as_ref().map(|file| (file.name.clone(), file.size)),
            }
        });
        seen.collect()
    }
    async fn typing(&self, address: &Address) -> Option<bool> {
        Some(self.platform.is_typing(address))
    }
    fn passes(&self, time: Duration) -> bool {
        self.clock.advance(time);
        true
    }
    async fn restarts(&mut self) {
        self.adapter = (self.connect)();
    }
}

/// The web chat with its shelf in a real store, looked at through its own page's API.
struct WebChat {
    _dir: tempfile::TempDir,
    clock: Arc<HandClock>,
    store: Store,
    running: Running,
}

/// One life of the web chat.
struct Running {
    web: Arc<Web>,
    stop: CancellationToken,
    base: String,
    cookie: String,
    client: reqwest::Client,
}

impl Running {
    async fn begin(store: &Store, clock: &Arc<HandClock>, seed: u64) -> Self {
        let shelf = Arc::new(StoreShelf::new(store.clone(), "web".into()));
        let clock = Arc::clone(clock) as Arc<dyn Clock>;
        let web = Web::new(Options::local("0"), shelf, clock, Arc::new(Dice::seeded(seed)));
        web.load().await.expect("the shelf answers");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let base = format!("http://{}", listener.local_addr().expect("it is bound"));
        let stop = CancellationToken::new();
        tokio::spawn(Arc::clone(&web).serve(listener, stop.clone()));
        let no_redirect = reqwest::redirect::Policy::none();
        let client = reqwest::Client::builder().no_proxy().redirect(no_redirect).build().expect("a client is built");
        let signed = client.get(format!("{base}{}", web.login_path())).send().await.expect("the page answers");
        let cookie = signed.headers().get("set-cookie").expect("it signs in").to_str().expect("it is text");
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Self { web, stop, base, cookie, client }
    }
}

impl WebChat {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", dir.path().join("wilco.db").display());
        let options = StoreOptions { mode: Mode::Inline, instance_lock: false, synchronous: Synchronous::Off };
        let store = Store::open(&url, options).await.expect("the store opens");
        let clock = HandClock::at(wilco_tests::clock::BEGIN);
        let running = Running::begin(&store, &clock, 1).await;
        Self { _dir: dir, clock, store, running }
    }
}

#[async_trait]
impl Subject for WebChat {
    fn name(&self) -> &'static str {
        "web"
    }
    fn adapter(&self) -> &dyn Messaging {
        self.running.web.as_ref()
    }
    fn place(&self) -> Address {
        Address::channel("web", "general")
    }
    fn nowhere(&self) -> Address {
        Address::channel("web", "deleted")
    }
    fn person(&self) -> String {
        "ana".to_owned()
    }
    async fn shown(&self, address: &Address) -> Vec<Seen> {
        let at = &self.running;
        let mut query = vec![("as", "ana"), ("channel", address.channel.as_str())];
        query.extend(address.thread.as_deref().map(|thread| ("thread", thread)));
        let request = at.client.get(format!("{}/api/v1/messages", at.base)).query(&query).header("cookie", &at.cookie);
        let answer = request.send().await.expect("the page answers").error_for_status().expect("it is signed in");
        let page: Value = answer.json().await.expect("it is JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let messages = page["messages"].as_array().expect("a list").iter().map(|message| Seen {
            id: text(&message["id"]),
            text: text(&message["text"]),
            buttons: message["buttons"].as_array().into_iter().flatten().map(|one| text(&one["label"])).collect(),
            file: message["file"].as_object().map(|file| (text(&file["name"]), file["size"].as_u64().unwrap_or(0))),
        });
        messages.collect()
    }
    async fn typing(&self, _address: &Address) -> Option<bool> {
        // Pages are told as it happens; whoever looks later cannot tell.
        None
    }
    fn passes(&self, _time: Duration) -> bool {
        // A key is recognised as long as its message is kept; the page's own session ends long before.
        false
    }
    async fn restarts(&mut self) {
        self.running.stop.cancel();
        self.running = Running::begin(&self.store, &self.clock, 2).await;
    }
}

#[tokio::test]
async fn d1_d2_d3_d4_the_scripted_adapter_keeps_every_promise() {
    for profile in Profile::ALL {
        suite(&mut Sim::scripted(profile.limits())).await;
    }
}

#[tokio::test]
async fn d1_a_platform_without_files_buttons_or_look_up_keeps_what_it_declares() {
    let mut limits = Profile::SlackLike.limits();
    limits.abilities.files = false;
    limits.abilities.buttons = false;
    limits.abilities.look_up = false;
    suite(&mut Sim::scripted(limits)).await;
}

#[tokio::test]
async fn d1_d2_d3_d4_the_adapter_over_a_real_socket_keeps_every_promise() {
    for profile in Profile::ALL {
        suite(&mut Sim::remote(profile.limits()).await).await;
    }
}

#[tokio::test]
async fn d1_d2_d3_d4_d13_the_web_chat_keeps_every_promise() {
    suite(&mut WebChat::new().await).await;
}
