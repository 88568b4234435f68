//! A world of one store, one clock that is moved by hand, and a platform that is played by the test.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use wilco_core::access::Role;
use wilco_core::contract::ContractState;
use wilco_core::desk::{ContractView, Inspection, Limit};
use wilco_core::gate::{ClosedGate, GateReason};
use wilco_core::job::{Ask, Input};
use wilco_core::journal::Event;
use wilco_core::random::Dice;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::settings::{KindSettings, Settings};
use wilco_core::text::Unit;
use wilco_core::worker::{EndKind, Ending, WorkerState};
use wilco_core::{
    Abilities, AccountId, Address, BackendId, Cause, ContractId, DeliveryOutcome, InstanceId, Limits, MessageRef,
    NotSurfaced, Person, Place, Press, ReceiptId, Short, Timestamp, WorkerId,
};
use wilco_store::args;
use wilco_store::changes::{
    Act, AskQuestion, Asker, BeginDue, Claim, ClaimDue, CloseGate, DeadlineMissed, Deadlines, EditClaim, EndEdit,
    Finish, Fresh, Gates, NewJob, NewWatch, Offer, OfferItem, Offered, OpenGates, Platforms, Record, Recover,
    Recovered, Resolution, RetryLater, Run, Settle, Settled, StartEdits, Started, Windows,
};
use wilco_store::engine::{Arg, Change, Engine, Mode, Options, Row, Synchronous, Tx};
use wilco_store::error::StoreError;
use wilco_store::reads::InspectJob;

/// Runs a proof on a fresh store in each of the two modes.
macro_rules! proves {
    ($name:ident, |$world:ident| $body:block) => {
        mod $name {
            #[allow(unused_imports, reason = "each proof needs another part")]
            use super::*;

            async fn proof(mut $world: $crate::support::World) $body

            #[tokio::test]
            async fn threads() {
                let (_folder, world) = $crate::support::World::open(wilco_store::engine::Mode::Threads).await;
                proof(world).await;
            }

            #[tokio::test]
            async fn inline() {
                let (_folder, world) = $crate::support::World::open(wilco_store::engine::Mode::Inline).await;
                proof(world).await;
            }
        }
    };
}
pub(crate) use proves;

pub(crate) const START: Timestamp = Timestamp(1_750_000_000_000);

/// By how much the wall clock stands before the steady time when a test begins: a day, so that whoever
/// takes the one for the other is found out.
pub(crate) const AHEAD: i64 = 86_400_000;

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn cause() -> Cause {
    Cause::new("x", "because")
}

pub(crate) fn limits() -> Limits {
    Limits {
        unit: Unit::Chars,
        text: 2_000,
        file: 1 << 20,
        edit_pace: secs(1),
        abilities: Abilities { edit: true, nonce_window: None, look_up: true, files: true, buttons: true },
    }
}

pub(crate) fn ops() -> Address {
    Address::channel("sim", "ops")
}

pub(crate) fn dm(person: &str) -> Address {
    Address::channel("sim", format!("dm-{person}"))
}

/// A public thread of a channel, with the channel and the person's direct message behind it.
pub(crate) fn thread_place(person: &str) -> Place {
    Place { parent: Some(ops()), direct: Some(dm(person)), ..Place::public(ops().in_thread("t1")) }
}

/// A query or a change that is one statement.
pub(crate) struct Sql(pub(crate) &'static str, pub(crate) Vec<Arg>);

#[async_trait]
impl Change for Sql {
    type Out = Vec<Row>;

    fn name(&self) -> &'static str {
        "test"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<Row>, StoreError> {
        tx.rows(self.0, self.1.clone()).await
    }
}

/// A job and the ids that were drawn for it.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) worker: WorkerId,
    pub(crate) short: Short,
    pub(crate) contract: ContractId,
    pub(crate) stub: ReceiptId,
    pub(crate) content: ReceiptId,
    pub(crate) ahead: Option<u32>,
}

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) dice: Dice,
    pub(crate) now: Timestamp,
    pub(crate) owner: InstanceId,
    pub(crate) limits: Limits,
    pub(crate) rules: KindSettings,
    pub(crate) settings: Settings,
    /// The account of the jobs to come.
    pub(crate) backend: Option<BackendId>,
    /// By how many milliseconds somebody set the wall clock before the steady time.
    pub(crate) wall_ahead: i64,
    events: u32,
    messages: u32,
}

impl World {
    pub(crate) async fn open(mode: Mode) -> (tempfile::TempDir, Self) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("w.db").display());
        let options = Options { mode, instance_lock: false, synchronous: Synchronous::Off };
        let engine = Engine::open(&url, options).await.unwrap();
        (folder, Self::over(engine, 7))
    }

    pub(crate) fn over(engine: Engine, seed: u64) -> Self {
        let mut settings = Settings::default();
        settings.quotas.cooldown = Duration::ZERO;
        settings.quotas.person_running = 20;
        Self {
            engine,
            dice: Dice::seeded(seed),
            now: START,
            owner: InstanceId::new("one"),
            limits: limits(),
            rules: KindSettings::default(),
            settings,
            backend: None,
            wall_ahead: AHEAD,
            events: 0,
            messages: 0,
        }
    }

    pub(crate) fn platforms(&self) -> Platforms {
        let accounts = ["sim", "other"].map(|account| (AccountId::new(account), self.limits));
        Platforms::new(BTreeMap::from(accounts))
    }

    pub(crate) fn fresh(&self) -> Fresh {
        Fresh::new(&self.dice.uuid(self.now))
    }

    pub(crate) fn pass(&mut self, by: Duration) {
        self.now = self.now.plus(by);
    }

    pub(crate) fn wall(&self) -> Timestamp {
        Timestamp(self.now.0 + self.wall_ahead)
    }

    // What people do.

    pub(crate) fn asker(&self, person: &str, address: &Address) -> Asker {
        Asker::person(address.account.clone(), Person::new(person, person), Some(address.clone()), Some(Role::Operator))
    }

    pub(crate) fn event(&mut self) -> String {
        self.events += 1;
        format!("e{}", self.events)
    }

    pub(crate) fn new_job(&self, kind: &str, person: &str) -> NewJob {
        NewJob {
            id: self.dice.worker(self.now),
            shorts: self.dice.shorts(),
            contract: self.dice.contract(self.now),
            stub: self.dice.receipt(self.now),
            content: self.dice.receipt(self.now),
            kind: kind.to_owned(),
            input: Input::new("all", Person::new(person, person)),
            rules: self.rules,
            quotas: self.settings.quotas,
            backend: self.backend.clone(),
        }
    }

    pub(crate) fn item(&mut self, person: &str, place: Place, act: Act) -> OfferItem {
        let asker = self.asker(person, &place.address);
        OfferItem { event: self.event(), asker, place, act }
    }

    pub(crate) async fn offer(&mut self, items: Vec<OfferItem>) -> Vec<Offered> {
        let (now, wall, platforms, fresh) = (self.now, self.wall(), self.platforms(), self.fresh());
        self.engine.write(Offer { items, now, wall, platforms, fresh }).await.unwrap()
    }

    pub(crate) async fn one(&mut self, person: &str, place: Place, act: Act) -> Offered {
        let item = self.item(person, place, act);
        self.offer(vec![item]).await.remove(0)
    }

    pub(crate) async fn ask_for(&mut self, kind: &str, person: &str, place: Place) -> Job {
        let new = self.new_job(kind, person);
        let ids = new.clone();
        match self.one(person, place, start(new)).await {
            Offered::Run(Ok(Started { worker, short, ahead })) => {
                assert_eq!(worker, ids.id);
                Job { worker, short, contract: ids.contract, stub: ids.stub, content: ids.content, ahead }
            }
            other => panic!("not accepted: {other:?}"),
        }
    }

    /// Ana asks for a report in the channel.
    pub(crate) async fn report(&mut self) -> Job {
        self.ask_for("report", "ana", Place { direct: Some(dm("ana")), ..Place::public(ops()) }).await
    }

    /// A report whose stub is visible and which runs.
    pub(crate) async fn running(&mut self) -> Job {
        let job = self.report().await;
        self.surface_due().await;
        assert!(self.begin().await.iter().any(|run| run.worker == job.worker));
        job
    }

    pub(crate) async fn cancel(&mut self, person: &str, place: Place, job: Option<&str>, reason: &str) -> Offered {
        self.one(person, place, Act::Cancel { job: job.map(str::to_owned), reason: reason.into(), followups: false })
            .await
    }

    pub(crate) async fn watch(&mut self, person: &str, place: Place, job: &str) -> (NewWatch, Offered) {
        let new = NewWatch {
            contract: self.dice.contract(self.now),
            stub: self.dice.receipt(self.now),
            content: self.dice.receipt(self.now),
        };
        let act = Act::Watch { job: job.to_owned(), new: new.clone() };
        (new, self.one(person, place, act).await)
    }

    pub(crate) async fn press(&mut self, person: &str, address: Address, press: Press) -> Offered {
        let act = Act::Press { press, reason: "pressed".into() };
        self.one(person, Place::public(address), act).await
    }

    // What the loop does.

    pub(crate) async fn begin(&mut self) -> Vec<Run> {
        let settings = Arc::new(self.settings.clone());
        let (owner, platforms) = (self.owner.clone(), self.platforms());
        self.engine.write(BeginDue { owner, now: self.now, settings, platforms }).await.unwrap()
    }

    pub(crate) async fn claim(&mut self) -> Vec<Claim> {
        let (owner, now, platforms) = (self.owner.clone(), self.now, self.platforms());
        self.engine.write(ClaimDue { owner, now, limit: 64, platforms }).await.unwrap().claims
    }

    /// Claims exactly one receipt.
    pub(crate) async fn claim_one(&mut self, kind: ReceiptKind) -> Claim {
        let mut claims = self.claim().await;
        let kinds: Vec<_> = claims.iter().map(|claim| (claim.facts.kind, claim.reassert)).collect();
        assert_eq!(kinds.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [kind], "{kinds:?}");
        claims.remove(0)
    }

    pub(crate) fn message(&mut self, address: &Address) -> MessageRef {
        self.messages += 1;
        MessageRef { address: address.clone(), message: format!("m{}", self.messages) }
    }

    /// What the platform answers when it takes a claim: an edit keeps its message.
    pub(crate) fn taken(&mut self, claim: &Claim) -> DeliveryOutcome {
        DeliveryOutcome::Surfaced(match &claim.target {
            Some(message) => message.clone(),
            None => self.message(&claim.envelope.address),
        })
    }

    pub(crate) async fn resolve(&mut self, claim: &Claim, resolution: Resolution) -> Settled {
        let change = Settle {
            receipt: claim.envelope.receipt.clone().unwrap(),
            fence: claim.fence,
            owner: self.owner.clone(),
            reassert: claim.reassert,
            resolution,
            now: self.now,
            jitter: 1.0,
            platforms: self.platforms(),
            fresh: self.fresh(),
        };
        self.engine.write(change).await.unwrap()
    }

    pub(crate) async fn answer(&mut self, claim: &Claim, outcome: impl Into<DeliveryOutcome>) -> Settled {
        let outcome = outcome.into();
        self.resolve(claim, Resolution::Answered(claim.attempt(), outcome)).await
    }

    pub(crate) async fn surface(&mut self, claim: &Claim) -> MessageRef {
        let taken = self.taken(claim);
        assert_eq!(self.answer(claim, taken.clone()).await, Settled::Surfaced);
        match taken {
            DeliveryOutcome::Surfaced(message) => message,
            DeliveryOutcome::NotSurfaced(_) => unreachable!("it was taken"),
        }
    }

    /// Surfaces whatever is due now, round by round, and answers it in order.
    pub(crate) async fn surface_due(&mut self) -> Vec<Claim> {
        let mut all = Vec::new();
        loop {
            let claims = self.claim().await;
            if claims.is_empty() {
                return all;
            }
            for claim in claims {
                self.surface(&claim).await;
                all.push(claim);
            }
        }
    }

    pub(crate) async fn finish(&mut self, job: &Job, ending: Ending) -> Option<WorkerState> {
        let change = Finish {
            worker: job.worker.clone(),
            gate: None,
            ending,
            now: self.now,
            platforms: self.platforms(),
            fresh: self.fresh(),
        };
        self.engine.write(change).await.unwrap()
    }

    /// The job found out that nothing can succeed on its account.
    pub(crate) async fn halt(&mut self, job: &Job, reason: GateReason, stamp: Option<&str>) -> Option<WorkerState> {
        let gate = CloseGate { backend: BackendId::new("claude"), reason, stamp: stamp.map(str::to_owned) };
        let change = Finish {
            worker: job.worker.clone(),
            gate: Some(gate),
            ending: Ending::bare(EndKind::Failed, ""),
            now: self.now,
            platforms: self.platforms(),
            fresh: self.fresh(),
        };
        self.engine.write(change).await.unwrap()
    }

    /// An attempt failed and the next one rests.
    pub(crate) async fn rests(&mut self, job: &Job, rest: Duration) -> Option<Timestamp> {
        let change = RetryLater {
            worker: job.worker.clone(),
            cause: Cause::new("exit 2", "no network"),
            rest,
            of: 3,
            now: self.now,
            platforms: self.platforms(),
            fresh: self.fresh(),
        };
        self.engine.write(change).await.unwrap()
    }

    pub(crate) async fn open_gates(&self, backend: Option<&str>, stamp: Option<&str>) -> Vec<ClosedGate> {
        let (backend, stamp) = (backend.map(BackendId::new), stamp.map(str::to_owned));
        self.engine.write(OpenGates { backend, stamp, because: "a test", wall: self.wall() }).await.unwrap()
    }

    pub(crate) async fn gates(&self) -> Vec<(ClosedGate, Option<String>)> {
        self.engine.read(Gates).await.unwrap()
    }

    /// The job asks a person; the id that an answer names.
    pub(crate) async fn ask(&mut self, job: &Job) -> String {
        let ask = Ask { text: "Go on?".into(), choices: vec!["yes".into()] };
        let question = self.dice.question(self.now);
        let id = question.to_string();
        let (worker, now, fresh) = (job.worker.clone(), self.now, self.fresh());
        self.engine.write(AskQuestion { worker, question, number: 1, ask, now, fresh }).await.unwrap();
        id
    }

    pub(crate) async fn done(&mut self, job: &Job, text: &str) {
        let ending = Ending { text: text.into(), ..Ending::bare(EndKind::Done, "") };
        assert_eq!(self.finish(job, ending).await, Some(WorkerState::Done));
    }

    pub(crate) async fn record(&mut self, job: &Job, line: &str) -> bool {
        let mut shown = wilco_core::wording::Shown::default();
        shown.take(&wilco_core::job::Progress::Line(line.into()));
        let events = vec![Event::Status { text: line.into() }];
        let change = Record { worker: job.worker.clone(), shown, events, now: self.now };
        self.engine.write(change).await.unwrap()
    }

    pub(crate) async fn start_edits(&mut self, job: &Job) -> Windows {
        let change = StartEdits { worker: job.worker.clone(), now: self.now, platforms: self.platforms() };
        self.engine.write(change).await.unwrap()
    }

    pub(crate) async fn start_edit(&mut self, job: &Job) -> EditClaim {
        let mut windows = self.start_edits(job).await;
        assert_eq!(windows.open.len(), 1, "later: {:?}", windows.later);
        windows.open.remove(0)
    }

    pub(crate) async fn end_edit(&mut self, claim: &EditClaim, outcome: impl Into<DeliveryOutcome>) {
        let change = EndEdit { claim: claim.clone(), outcome: outcome.into(), now: self.now };
        self.engine.write(change).await.unwrap();
    }

    /// Judges every deadline that has passed; answers the time-outs that have to be carried out.
    pub(crate) async fn judge(&mut self) -> Vec<(WorkerId, String)> {
        let mut timed_out = Vec::new();
        for missed in self.engine.read(Deadlines { now: self.now }).await.unwrap() {
            let worker = missed.worker.clone();
            let change = DeadlineMissed { missed, now: self.now };
            timed_out.extend(self.engine.write(change).await.unwrap().map(|words| (worker, words)));
        }
        timed_out
    }

    pub(crate) async fn recover(&mut self, owner: &str, alone: bool) -> Recovered {
        self.owner = InstanceId::new(owner);
        let change = Recover {
            owner: self.owner.clone(),
            alone,
            now: self.now,
            wall: self.wall(),
            platforms: self.platforms(),
            fresh: self.fresh(),
        };
        self.engine.write(change).await.unwrap()
    }

    // What can be seen.

    pub(crate) async fn rows(&self, sql: &'static str, args: Vec<Arg>) -> Vec<Row> {
        self.engine.read(Sql(sql, args)).await.unwrap()
    }

    pub(crate) async fn run_sql(&self, sql: &'static str, args: Vec<Arg>) {
        self.engine.write(Sql(sql, args)).await.unwrap();
    }

    pub(crate) async fn look(&self, job: &Job) -> Inspection {
        self.inspect(job.worker.as_str()).await
    }

    pub(crate) async fn inspect(&self, name: &str) -> Inspection {
        let limit = Limit::new(5_000).unwrap();
        let query = InspectJob { asker: Asker::host(), job: name.into(), limit };
        self.engine.read(query).await.unwrap().unwrap()
    }

    pub(crate) async fn contract(&self, job: &Job) -> ContractView {
        self.look(job).await.contracts.remove(0)
    }

    pub(crate) async fn contract_state(&self, job: &Job) -> ContractState {
        self.contract(job).await.state
    }

    pub(crate) async fn worker_state(&self, job: &Job) -> WorkerState {
        self.look(job).await.job.state
    }

    /// The raw row of a receipt.
    pub(crate) async fn receipt(&self, id: &ReceiptId) -> Row {
        self.rows("SELECT * FROM receipts WHERE id = $1", args![id]).await.remove(0)
    }

    /// The raw row of a contract.
    pub(crate) async fn contract_row(&self, id: &ContractId) -> Row {
        self.rows("SELECT * FROM contracts WHERE id = $1", args![id]).await.remove(0)
    }

    /// The states of a contract's receipts: kind, part, generation, state, in a fixed order.
    pub(crate) async fn states(&self, contract: &ContractId) -> Vec<(ReceiptKind, u32, u32, ReceiptState)> {
        let sql = "SELECT * FROM receipts WHERE contract = $1 ORDER BY kind, part, generation";
        let rows = self.rows(sql, args![contract]).await;
        let mut states: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    ReceiptKind::from_name(&row.text("kind").unwrap()).unwrap(),
                    row.count("part").unwrap(),
                    row.count("generation").unwrap(),
                    ReceiptState::from_name(&row.text("state").unwrap()).unwrap(),
                )
            })
            .collect();
        states.sort_by_key(|(kind, part, generation, _)| (*kind, *part, *generation));
        states
    }

    pub(crate) async fn events(&self, job: &Job) -> Vec<Event> {
        self.look(job).await.events.into_iter().map(|entry| entry.event).collect()
    }

    pub(crate) async fn count(&self, job: &Job, name: &str) -> usize {
        self.events(job).await.iter().filter(|event| event.name() == name).count()
    }
}

/// The reasons of a platform, made short.
pub(crate) fn gone() -> NotSurfaced {
    NotSurfaced::Gone(Cause::new("gone", "the channel was deleted"))
}

pub(crate) fn retry() -> NotSurfaced {
    NotSurfaced::Retry(cause())
}

pub(crate) fn ambiguous() -> NotSurfaced {
    NotSurfaced::Ambiguous(Cause::new("timeout", "no answer"))
}

pub(crate) fn deleted() -> NotSurfaced {
    NotSurfaced::Fallback(Cause::new("10008", "unknown message"))
}

pub(crate) fn state_of(row: &Row) -> ReceiptState {
    ReceiptState::from_name(&row.text("state").unwrap()).unwrap()
}

/// The act that starts a job.
pub(crate) fn start(new: NewJob) -> Act {
    Act::Run(Box::new(new))
}

/// The claim of a job's stub.
pub(crate) fn of<'a>(claims: &'a [Claim], job: &Job) -> &'a Claim {
    claims.iter().find(|claim| claim.envelope.receipt.as_ref() == Some(&job.stub)).unwrap()
}
