//! The stage on which scripts speak over a Discord: the whole bot with its real adapter, on real sockets, before a
//! Discord of our own.
//!
//! The other stage runs on tokio's paused time, which would jump over every wait for a socket. Here time is moved by
//! the script alone, in small steps, and after each step whatever can happen happens.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use wilco_core::desk::{Caller, Desk, FollowupFilter, FollowupView, Health, JobFilter, JobView, Limit, ReceiptView};
use wilco_core::random::Dice;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::settings::Settings;
use wilco_core::{Clock, EnvelopeKind, Messaging, Timestamp, Worker};
use wilco_discord::{Discord, Secret, commands};
use wilco_loop::kinds::{KindMap, Kinds};
use wilco_loop::{Bot, LoopDesk, Parts, StoreShelf};
use wilco_sim::clock::{HandClock, MachineClock, sockets_run};
use wilco_sim::discord::{FakeDiscord, Id, Op, Rule, Settings as FakeSettings, Shown};
use wilco_store::Store;

use crate::cast::{CAST, cast_on};
use crate::clock::BEGIN;
use crate::puppet::{Puppets, Run};
use crate::stage::{copy_store, open_store};
use crate::wire::{CutClock, Wire};

/// The account of the connection.
pub const ACCOUNT: &str = "discord";
/// After so much real time a script hangs.
const HANGS: Duration = Duration::from_secs(60);
/// How many turns of the sockets without a call, one after the other, mean that nothing goes on any more.
const QUIET: u32 = 4;
/// The longest piece of time that passes at once. It is shorter than what the loop takes for a suspension.
const STEP: Duration = Duration::from_secs(1);
/// The same where a script waits for very long.
const LONG_STEP: Duration = Duration::from_secs(4);

/// Builds a stage.
pub struct Builder {
    settings: Settings,
    kinds: KindMap,
    fake: FakeSettings,
    message_content: bool,
    people: Vec<String>,
}

/// The stage itself: a guild named Workshop with the channels `general` and `ops`, and everybody of the cast in it.
/// Call [`DiscordStage::ends`] at the end of every script.
pub struct DiscordStage {
    dir: tempfile::TempDir,
    generation: u32,
    clock: Arc<HandClock>,
    /// What people see, and the fault script.
    pub fake: FakeDiscord,
    api: String,
    /// The jobs of the kind `report`.
    pub puppets: Puppets,
    settings: Settings,
    kinds: Arc<Kinds>,
    dice: Arc<Dice>,
    message_content: bool,
    process: Option<Process>,
    /// The guild.
    pub guild: Id,
    ended: bool,
}

struct Process {
    bot: Bot,
    store: Store,
    desk: Arc<LoopDesk>,
    cut: CancellationToken,
}

impl Builder {
    /// Other settings.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// A further worker kind.
    #[must_use]
    pub fn worker(mut self, name: &str, worker: Arc<dyn Worker>) -> Self {
        self.kinds.insert(name.to_owned(), worker);
        self
    }

    /// Somebody whom no rule names.
    #[must_use]
    pub fn stranger(mut self, name: &str) -> Self {
        self.people.push(name.to_owned());
        self
    }

    /// A Discord that refuses what comes too fast.
    #[must_use]
    pub fn limited(mut self) -> Self {
        self.fake.limits = true;
        self
    }

    /// With the intent for the text of messages that do not mention the bot.
    #[must_use]
    pub fn message_content(mut self) -> Self {
        self.message_content = true;
        self
    }

    /// Opens the curtain: the commands are registered, and the process runs and listens.
    pub async fn begin(self) -> DiscordStage {
        let clock = HandClock::at(BEGIN);
        let fake = FakeDiscord::new(self.fake, Arc::clone(&clock) as Arc<dyn Clock>);
        let everybody: Vec<Id> = self.people.iter().map(|name| fake.add_person(name)).collect();
        let host = fake.add_person("host");
        let guild = fake.add_guild("Workshop", host);
        for person in everybody {
            fake.join(guild, person);
        }
        for channel in ["general", "ops"] {
            fake.add_channel(guild, channel);
        }
        let api = fake.spawn().await.expect("a port is free");
        let puppets = Puppets::default();
        let mut kinds = self.kinds;
        kinds.insert("report".to_owned(), Arc::new(puppets.clone()));
        let mut settings = self.settings;
        let id = |name: &str| fake.person_named(name).expect("the cast is there").to_string();
        settings.access.rules.extend(cast_on(ACCOUNT, id).rules);
        let mut stage = DiscordStage {
            dir: tempfile::tempdir().expect("a folder for the store"),
            generation: 0,
            clock,
            fake,
            api,
            puppets,
            settings,
            kinds: Arc::new(Kinds::new(kinds)),
            dice: Arc::new(Dice::seeded(42)),
            message_content: self.message_content,
            process: None,
            guild,
            ended: false,
        };
        stage.start().await;
        stage
    }
}

impl DiscordStage {
    /// A stage with Ana and Dora as operators, Bo as viewer, Cleo as owner. Nobody has to wait between two jobs, and
    /// Discord refuses nothing for its pace.
    pub fn builder() -> Builder {
        let mut settings = Settings::default();
        settings.quotas.cooldown = Duration::ZERO;
        Builder {
            settings,
            kinds: KindMap::new(),
            fake: FakeSettings { limits: false, ..FakeSettings::default() },
            message_content: false,
            people: CAST.map(|(name, _)| name.to_owned()).into(),
        }
    }

    /// The stage of most scripts.
    pub async fn new() -> Self {
        Self::builder().begin().await
    }

    fn store_path(&self) -> PathBuf {
        self.dir.path().join(format!("wilco-{}.db", self.generation))
    }

    /// Starts a process on the store as it is, and waits until it listens.
    pub async fn start(&mut self) {
        assert!(self.process.is_none(), "the process runs already");
        let cut = CancellationToken::new();
        let store = open_store(&self.store_path()).await;
        let inner = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let clock: Arc<dyn Clock> = Arc::new(CutClock { inner, cut: cut.clone() });
        let options = wilco_discord::Options {
            api: self.api.clone(),
            message_content: self.message_content,
            ..wilco_discord::Options::new(ACCOUNT, Secret::new(self.fake.token()))
        };
        let shelf = Arc::new(StoreShelf::new(store.clone(), ACCOUNT.into()));
        // A chance of its own, so that the ids of jobs do not depend on what the sockets do.
        let chance = Arc::new(Dice::seeded(u64::from(self.generation)));
        let discord = Discord::new(options, shelf, Arc::clone(&clock), chance).expect("the adapter is built");
        commands::sync(&discord).await.expect("the commands are registered");
        let inner = Arc::clone(&discord) as Arc<dyn Messaging>;
        let wire = Wire { inner, cut: cut.clone(), nameless: Arc::default() };
        let parts = Parts {
            store: store.clone(),
            clock,
            dice: Arc::clone(&self.dice),
            kinds: Arc::clone(&self.kinds),
            settings: self.settings.clone(),
            adapters: vec![Arc::new(wire)],
            folder: self.dir.path().join("files"),
        };
        let bot = Bot::start(parts, true).await.expect("the bot starts");
        let desk = bot.desk();
        discord.attach(Arc::clone(&desk) as Arc<dyn Desk>);
        self.process = Some(Process { bot, store, desk, cut });
        self.moment().await;
        // A session that began a moment ago makes the next one wait, so that Discord takes no token away.
        for _ in 0..120 {
            if self.fake.listening() > 0 {
                // What the session begins with, such as its guilds, arrives after that.
                self.moment().await;
                return;
            }
            self.seconds(1).await;
        }
        panic!("the bot does not listen\n{}", self.told());
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("the process runs")
    }

    /// The running process's desk.
    pub fn desk(&self) -> &LoopDesk {
        &self.process().desk
    }

    /// Kills the process: nothing of it happens any more but what was on its way. The next one starts on what the
    /// store had on the disk.
    pub async fn crashes(&mut self) {
        let process = self.process.take().expect("the process runs");
        process.cut.cancel();
        let from = self.store_path();
        self.generation += 1;
        copy_store(&from, &self.store_path());
        self.until("its connection is gone", |stage| stage.fake.listening() == 0).await;
    }

    /// Kills the process and starts the next one.
    pub async fn crashes_and_restarts(&mut self) {
        self.crashes().await;
        self.start().await;
    }

    // ---- time -------------------------------------------------------------------------------------

    /// How far everything has come: every call, message and change of one.
    fn progress(&self) -> (usize, usize) {
        let messages: usize = self.fake.snapshot().iter().map(|message| 1 + message.edits).sum();
        (self.fake.log().len(), messages)
    }

    /// Lets everything that is due happen, without time passing.
    pub async fn moment(&self) {
        let (mut before, mut quiet) = (self.progress(), 0);
        while quiet < QUIET {
            sockets_run(8).await.expect("this machine has sockets");
            let now = self.progress();
            quiet = if now == before { quiet + 1 } else { 0 };
            before = now;
        }
    }

    /// Lets time pass; whatever falls due meanwhile happens at its time, or within a second of it.
    pub async fn advance(&self, by: Duration) {
        let step = if by > Duration::from_mins(4) { LONG_STEP } else { STEP };
        let mut left = by;
        while !left.is_zero() {
            let piece = left.min(step);
            self.clock.advance(piece);
            self.moment().await;
            left -= piece;
        }
    }

    /// Lets seconds pass.
    pub async fn seconds(&self, seconds: u64) {
        self.advance(Duration::from_secs(seconds)).await;
    }

    /// The time, as everybody on this stage knows it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits until something holds, without time passing.
    ///
    /// # Panics
    /// When it does not hold after a minute of real time.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let (real, mut turns) = (MachineClock::start(), 0_u32);
        while !holds(self) {
            sockets_run(4).await.expect("this machine has sockets");
            turns += 1;
            if turns.is_multiple_of(50) && real.monotonic() > HANGS {
                panic!("never: {what}\n{}", self.told());
            }
        }
    }

    /// What somebody needs who looks for the mistake.
    fn told(&self) -> String {
        let log = self.fake.log();
        let last = log.iter().rev().take(20).rev();
        let calls: Vec<String> =
            last.map(|call| format!("{} {:?} {} {:?}", call.verb, call.op, call.status, call.fault)).collect();
        format!("{}\ndeviations {:?}\n{}", self.fake.whole_transcript(), self.fake.deviations(), calls.join("\n"))
    }

    // ---- what people do ---------------------------------------------------------------------------

    /// Somebody of the stage.
    pub fn person(&self, name: &str) -> Id {
        self.fake.person_named(name).unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    /// A channel or thread by its name; `@ana` is the direct message with Ana.
    pub fn channel(&self, name: &str) -> Id {
        if let Some(person) = name.strip_prefix('@') {
            return self.fake.direct(self.person(person));
        }
        self.fake.channel_named(name).unwrap_or_else(|| panic!("there is no channel {name}"))
    }

    /// A person begins a thread in a channel.
    pub async fn thread(&self, name: &str, channel: &str, thread: &str, private: bool) -> Id {
        let begun = self.fake.start_thread(self.person(name), self.channel(channel), None, thread, private);
        let id = begun.expect("threads can be begun there");
        self.moment().await;
        id
    }

    /// A person uses a slash command and is answered.
    pub async fn slash(&self, name: &str, channel: &str, command: &str, options: &[(&str, &str)]) {
        let typed: Vec<(&str, Value)> = options.iter().map(|(name, value)| (*name, read(value))).collect();
        let asked = self.fake.slash(self.person(name), self.channel(channel), command, &typed);
        self.answered(asked.unwrap_or_else(|why| panic!("/{command}: {why}"))).await;
    }

    /// What a person is offered while they type in an option.
    pub async fn typing(&self, name: &str, channel: &str, command: &str, option: &str, typed: &str) -> Vec<String> {
        let asked = self.fake.type_in(self.person(name), self.channel(channel), command, option, typed);
        let id = asked.expect("the option gives suggestions");
        self.until("suggestions", |stage| stage.fake.interaction(id).is_some_and(|one| one.choices.is_some())).await;
        let choices = self.fake.interaction(id).and_then(|one| one.choices).unwrap_or_default();
        choices.as_array().into_iter().flatten().filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()
    }

    /// A person writes; `@wilco` mentions the bot.
    pub async fn says(&self, name: &str, channel: &str, text: &str) {
        let text = text.replace("@wilco", &format!("<@{}>", self.fake.bot()));
        self.fake.say(self.person(name), self.channel(channel), &text).expect("one can write there");
        self.moment().await;
    }

    /// A person presses a button of the newest message that shows it to them.
    pub async fn presses(&self, name: &str, label: &str) {
        let shows = |message: &Shown| message.buttons.iter().any(|button| button.label == label);
        let message = self.newest(&format!("a button {label}"), |message| {
            shows(message) && message.only_for.as_deref().is_none_or(|only| only == name)
        });
        let asked = self.fake.press(self.person(name), message.id, label).expect("the button can be pressed");
        self.answered(asked).await;
    }

    /// A person uses the menu of the newest message that begins so.
    pub async fn menu(&self, name: &str, beginning: &str, command: &str) {
        let message = self.message(beginning);
        let asked = self.fake.message_command(self.person(name), message.id, command).expect("the menu has it");
        self.answered(asked).await;
    }

    async fn answered(&self, interaction: Id) {
        self.until("an answer", |stage| stage.fake.interaction(interaction).is_some_and(|one| one.original.is_some()))
            .await;
        self.moment().await;
    }

    /// Starts a job of the scripted kind by a slash command and takes hold of it.
    pub async fn runs(&self, name: &str, channel: &str) -> Run {
        self.slash(name, channel, "run", &[("worker", "report")]).await;
        self.taken().await
    }

    /// Takes hold of a job that was started, once it is shown.
    pub async fn taken(&self) -> Run {
        self.until("a job", |stage| stage.puppets.waiting() > 0).await;
        self.moment().await;
        self.puppets.next()
    }

    /// Discord misbehaves.
    pub fn fault(&self, rule: Rule) {
        self.fake.fault(rule);
    }

    // ---- what people see --------------------------------------------------------------------------

    fn newest(&self, what: &str, fits: impl Fn(&Shown) -> bool) -> Shown {
        let all = self.fake.snapshot().into_iter().rev();
        all.filter(|message| message.by_bot && !message.deleted)
            .find(fits)
            .unwrap_or_else(|| panic!("no message shows {what}\n{}", self.told()))
    }

    /// The newest message of the bot that begins so.
    pub fn message(&self, beginning: &str) -> Shown {
        self.newest(beginning, |message| message.text.starts_with(beginning))
    }

    /// A channel as a person sees it.
    pub fn sees(&self, channel: &str) -> String {
        self.fake.transcript(self.channel(channel))
    }

    /// Waits until a channel shows something.
    pub async fn shows(&self, channel: &str, text: &str) {
        let id = self.channel(channel);
        self.until(&format!("{text} in {channel}"), |stage| stage.fake.transcript(id).contains(text)).await;
        self.moment().await;
    }

    /// Everybody whom the bot has notified so far, and by which words.
    pub fn notified(&self) -> Vec<String> {
        let all = self.fake.snapshot().into_iter().filter(|message| message.by_bot);
        let line = |one: &Shown, who: &str| format!("{who}: {}", one.text.lines().next().unwrap_or_default());
        all.flat_map(|one| one.notifies.iter().map(|who| line(&one, who)).collect::<Vec<_>>()).collect()
    }

    /// How often the bot has made a call.
    pub fn calls(&self, op: Op, kind: EnvelopeKind) -> usize {
        self.fake.log().iter().filter(|call| call.op == Some(op) && call.kind == Some(kind)).count()
    }

    /// All jobs, newest first.
    pub async fn jobs(&self) -> Vec<JobView> {
        self.desk().jobs(&Caller::Host, &JobFilter::default()).await.expect("the store answers")
    }

    /// All follow-ups.
    pub async fn followups(&self) -> Vec<FollowupView> {
        self.desk().followups(&Caller::Host, &FollowupFilter::default()).await.expect("the store answers")
    }

    /// How the bot says that it is.
    pub async fn health(&self) -> Health {
        self.desk().health().await.expect("the store answers")
    }

    // ---- the end ----------------------------------------------------------------------------------

    /// Ends the script: faults stop, time runs on until nothing is open, and the promise is held against what is
    /// visible: each result once, nothing twice, a ping for one person and no other notification, and nothing on the
    /// wire that Discord's description does not know.
    pub async fn ends(mut self) {
        self.ended = true;
        self.fake.calm();
        if self.process.is_none() {
            self.start().await;
        }
        for _ in 0..60 {
            let health = self.health().await;
            if health.running + health.queued + health.undelivered == 0 {
                break;
            }
            self.seconds(5).await;
        }
        for job in self.jobs().await {
            assert!(job.state.is_terminal(), "{} has not ended: {}\n{}", job.short, job.state.name(), self.told());
            self.shows_each_result(job.short.as_str()).await;
        }
        self.holds();
        let process = self.process.take().expect("the process runs");
        self.drains(process).await;
        self.holds();
    }

    /// As [`DiscordStage::ends`], for scripts in which a result can be shown nowhere or a job runs on.
    pub async fn ends_open(mut self) {
        self.ended = true;
        self.moment().await;
        self.holds();
        drop(self.process.take());
    }

    /// What the store calls shown stands in its channel.
    async fn shows_each_result(&self, job: &str) {
        let inspection = self.desk().inspect(&Caller::Host, job, Limit::default()).await.expect("the job exists");
        let standing = self.fake.snapshot();
        for contract in &inspection.contracts {
            let of_kind = |one: &&ReceiptView| one.kind == ReceiptKind::Content && one.state == ReceiptState::Surfaced;
            let ids: Vec<&String> =
                contract.receipts.iter().filter(of_kind).filter_map(|one| one.message.as_ref()).collect();
            let shows = |id: &str| {
                let is_it = |one: &&Shown| one.id.to_string() == id && !one.deleted;
                standing.iter().find(is_it).is_some_and(|one| one.kind == Some(EnvelopeKind::Content))
            };
            let shown = ids.iter().filter(|id| shows(id)).count();
            assert_eq!(shown, 1, "the result of {job} is in {ids:?}\n{}", self.told());
        }
    }

    fn holds(&self) {
        assert_eq!(self.fake.deviations(), [], "{}", self.told());
        assert!(self.fake.duplicates().is_empty(), "shown twice:\n{}", self.told());
        for one in self.fake.snapshot().into_iter().filter(|one| one.by_bot) {
            let ping = one.first_kind == Some(EnvelopeKind::Ping);
            assert!(!one.everyone && one.notifies.len() == usize::from(ping), "{one:#?}");
            let named = |who: &String| one.text.starts_with(&format!("@{who} "));
            assert!(one.notifies.iter().all(named), "somebody is notified who is not named: {one:#?}");
            assert!(one.previews.is_empty(), "a preview is shown: {one:#?}");
        }
        let silent = self.fake.whole_transcript().contains("The application did not respond");
        assert!(!silent, "somebody was not answered\n{}", self.told());
    }

    /// Stops the process as a service manager does; its limits of time pass meanwhile.
    async fn drains(&self, process: Process) {
        let drained = process.bot.drain();
        tokio::pin!(drained);
        let in_order = loop {
            tokio::select! {
                biased;
                in_order = &mut drained => break in_order,
                ran = sockets_run(8) => ran.expect("this machine has sockets"),
            }
            self.clock.advance(Duration::from_millis(50));
        };
        assert!(in_order, "the loop ended in order");
        process.store.close().await;
    }
}

/// An option as Discord's client sends it: numbers and flags are no text.
fn read(value: &str) -> Value {
    match value {
        "true" => Value::from(true),
        "false" => Value::from(false),
        _ => value.parse::<u32>().map_or_else(|_| Value::from(value), Value::from),
    }
}

impl Drop for DiscordStage {
    fn drop(&mut self) {
        if !self.ended && !std::thread::panicking() {
            panic!("the script has no end: call `stage.ends().await`");
        }
    }
}
