//! The store under test: every command is made a change of the store, and its answer is told in the words
//! of the model.

mod look;
mod people;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use wilco_core::access::Role;
use wilco_core::followup::FollowupSettings;
use wilco_core::settings::{KindSettings, Notify, Quotas, RetryPolicy, Settings};
use wilco_core::text::Unit;
use wilco_core::worker::OnInterrupt;
use wilco_core::{
    Abilities, AccountId, Address, BackendId, Cause, ContractId, DeliveryOutcome, InstanceId, Limits, MessageRef,
    NotSurfaced, Person, ReceiptId, Short, Timestamp, WorkerId,
};
use wilco_store::StoreError;
use wilco_store::changes::{Asker, Claim as StoreClaim, EditClaim, Firing as StoreFiring, Fresh, NewJob, Platforms};
use wilco_store::engine::{Arg, Change, Row, Tx};

use crate::backend::Backend;
use crate::command::{Answer, Command, Said};
use crate::model::{
    CHANNEL_OPEN, KIND_RUNNING, MISSED_AGE, PERSON_QUEUED, PERSON_RUNNING, QUESTION_LIMIT, SILENCE_LIMIT,
};
use crate::names::{By, Claim, Contract, Edit, Firing, Job, Kind, Ms, Receipt, Spot, Who};

/// The steady time at the start, and by how much the wall clock stands before it, so that whoever takes the
/// one for the other is found out.
const START: i64 = 1_750_000_000_000;
const AHEAD: i64 = 86_400_000;

/// Why a sequence cannot go on.
pub(crate) type Trouble = String;

pub(crate) struct Sut<B> {
    backend: B,
    now: Ms,
    stepped: Ms,
    steps: u32,
    life: u32,
    drawn: u128,
    worker_ids: BTreeMap<Job, WorkerId>,
    jobs: BTreeMap<WorkerId, Job>,
    contracts: BTreeMap<ContractId, Contract>,
    receipts: BTreeMap<ReceiptId, Receipt>,
    receipt_ids: BTreeMap<Receipt, ReceiptId>,
    /// By their short ids.
    followups: BTreeMap<Short, u32>,
    followup_ids: BTreeMap<u32, String>,
    /// Whose a job or a follow-up is, and where it was asked for.
    owners: BTreeMap<Job, (Who, Spot)>,
    originators: BTreeMap<u32, (Who, Spot)>,
    fired: BTreeMap<u32, u32>,
    notices: BTreeMap<u32, u32>,
    wishes: BTreeMap<u32, wilco_store::changes::ScheduleFollowup>,
    claims: BTreeMap<Claim, StoreClaim>,
    edits: BTreeMap<Edit, EditClaim>,
    edit_counts: BTreeMap<Contract, u32>,
    firings: BTreeMap<Firing, StoreFiring>,
    /// The last number of each journal that was seen.
    seen: BTreeMap<WorkerId, i64>,
}

/// A query of some statements, on one snapshot.
struct Rows(Vec<&'static str>);

#[async_trait]
impl Change for Rows {
    type Out = Vec<Vec<Row>>;

    fn name(&self) -> &'static str {
        "look"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<Vec<Row>>, StoreError> {
        let mut all = Vec::new();
        for sql in &self.0 {
            all.push(tx.rows(sql, Vec::<Arg>::new()).await?);
        }
        Ok(all)
    }
}

impl<B: Backend> Sut<B> {
    pub(crate) async fn open() -> Self {
        Self {
            backend: B::open().await,
            now: 0,
            stepped: 0,
            steps: 0,
            life: 0,
            drawn: 0,
            worker_ids: BTreeMap::new(),
            jobs: BTreeMap::new(),
            contracts: BTreeMap::new(),
            receipts: BTreeMap::new(),
            receipt_ids: BTreeMap::new(),
            followups: BTreeMap::new(),
            followup_ids: BTreeMap::new(),
            owners: BTreeMap::new(),
            originators: BTreeMap::new(),
            fired: BTreeMap::new(),
            notices: BTreeMap::new(),
            wishes: BTreeMap::new(),
            claims: BTreeMap::new(),
            edits: BTreeMap::new(),
            edit_counts: BTreeMap::new(),
            firings: BTreeMap::new(),
            seen: BTreeMap::new(),
        }
    }

    pub(crate) async fn apply(mut self, command: &Command) -> Result<(Self, Answer), Trouble> {
        self.steps += 1;
        if *command == Command::Die {
            self.backend = self.backend.reopen().await;
            self.life += 1;
        }
        let answer = self.answer(command).await?;
        Ok((self, answer.in_order()))
    }

    async fn answer(&mut self, command: &Command) -> Result<Answer, Trouble> {
        match command.clone() {
            Command::Offer { n, who, spot, kind } => self.offer(n, who, spot, kind).await,
            Command::OfferAgain { n } => self.offer_again(n).await,
            Command::Watch { job, by, spot } => self.watch(job, by, spot).await,
            Command::Cancel { job, by, followups } => self.cancel(job, by, followups).await,
            Command::StopHere { who, spot } => self.stop_here(who, spot).await,
            Command::Answer { job, question, by, choice } => self.press(job, question, by, choice).await,
            Command::Schedule { n, who, spot, when, key, delete } => {
                self.schedule(n, who, spot, when, key, delete).await
            }
            Command::ScheduleAgain { n } => self.schedule_again(n).await,
            Command::Act { followup, by, act } => self.act(followup, by, act).await,
            Command::RetryReceipt { receipt } => self.retry_receipt(receipt).await,
            Command::OpenGates { stamp } => self.open_gates(stamp).await,
            Command::Begin => self.begin().await,
            Command::Record { job, line } => self.record(job, line).await,
            Command::Ask { job, question, text } => self.ask(job, question, text).await,
            Command::Finish { job, end, long, file } => self.finish(job, end, long, file).await,
            Command::Halt { job, stamp } => self.halt(job, stamp).await,
            Command::RetryLater { job, rest } => self.retry_later(job, rest).await,
            Command::OpenEdits { job } => self.open_edits(job).await,
            Command::CloseEdit { edit, said } => self.close_edit(edit, &said).await,
            Command::Claim => self.claim().await,
            Command::Settle { claim, learnt } => self.settle(claim, &learnt).await,
            Command::ResumeAccounts => self.resume_accounts().await,
            Command::Judge => self.judge().await,
            Command::Extend { by } => self.extend(by).await,
            Command::ClaimOccurrences => self.claim_occurrences().await,
            Command::Fire { firing, turn } => self.fire(firing, turn).await,
            Command::DispatchFailed { firing, kept } => self.dispatch_failed(firing, kept).await,
            Command::RenewLeases => self.renew_leases().await,
            Command::Prune => self.prune().await,
            Command::Die => self.recover(self.owner(), true).await,
            Command::Rescue => self.recover(InstanceId::new("another"), false).await,
            Command::Pass { by } => {
                self.now += by;
                Ok(Answer::None)
            }
            Command::StepWallClock { by } => {
                self.stepped += by;
                Ok(Answer::None)
            }
        }
    }

    async fn write<C: Change>(&self, change: C) -> Result<C::Out, Trouble> {
        self.backend.engine().write(change).await.map_err(|error| format!("the store refused it: {error}"))
    }

    async fn rows(&self, sql: Vec<&'static str>) -> Result<Vec<Vec<Row>>, Trouble> {
        self.backend.engine().read(Rows(sql)).await.map_err(|error| format!("the store cannot be read: {error}"))
    }

    fn owner(&self) -> InstanceId {
        InstanceId::new(format!("life {}", self.life))
    }

    fn now(&self) -> Timestamp {
        Timestamp(START + self.now)
    }

    fn wall(&self) -> Timestamp {
        Timestamp(START + AHEAD + self.now + self.stepped)
    }

    /// Ids in the order in which they are drawn, so that what was made earlier sorts earlier.
    fn draw(&mut self) -> String {
        self.drawn += 1;
        format!("{:032x}", self.drawn << 32)
    }

    fn short(&mut self) -> Short {
        self.drawn += 1;
        // The first letter is the same for all; a follow-up's becomes an `f`.
        Short::spelled(self.drawn * 23, 12)
    }

    fn fresh(&mut self) -> Fresh {
        Fresh::new(&self.draw())
    }

    fn worker(&self, job: Job) -> WorkerId {
        self.worker_ids[&job].clone()
    }

    /// Messages can be looked up on one account and not on the other.
    fn platforms(&self) -> Platforms {
        let limits = |look_up| Limits {
            unit: Unit::Chars,
            text: 2_000,
            file: 1 << 20,
            edit_pace: Duration::from_secs(1),
            abilities: Abilities { edit: true, nonce_window: None, look_up, files: true, buttons: true },
        };
        let all = [("sim", true), ("other", false)].map(|(name, look_up)| (AccountId::new(name), limits(look_up)));
        Platforms::new(BTreeMap::from(all))
    }

    fn settings(&self) -> Arc<Settings> {
        let quotas = Quotas {
            person_running: count(PERSON_RUNNING),
            person_queued: count(PERSON_QUEUED),
            channel_open: count(CHANNEL_OPEN),
            cooldown: Duration::ZERO,
        };
        let defaults = KindSettings { max_running: count(KIND_RUNNING), ..KindSettings::default() };
        let followups = FollowupSettings { missed_max_age: millis(MISSED_AGE), ..FollowupSettings::default() };
        Arc::new(Settings { defaults, quotas, followups, ..Settings::default() })
    }

    fn new_job(&mut self, kind: Kind, who: Who) -> NewJob {
        let settings = self.settings();
        let report = KindSettings { question: millis(QUESTION_LIMIT), ..settings.defaults };
        let agent = KindSettings {
            on_interrupt: OnInterrupt::Rerun,
            inactivity: Some(millis(SILENCE_LIMIT)),
            notify: Notify::Failure,
            retry: Some(RetryPolicy::default()),
            ..report
        };
        let (name, rules, backend) = match kind {
            Kind::Report | Kind::Say => ("report", report, None),
            Kind::Agent => ("agent", agent, Some(claude())),
        };
        NewJob {
            id: WorkerId::new(self.draw()),
            shorts: vec![self.short()],
            contract: ContractId::new(self.draw()),
            stub: ReceiptId::new(self.draw()),
            content: ReceiptId::new(self.draw()),
            kind: name.to_owned(),
            input: wilco_core::job::Input::new("all", person(who)),
            rules,
            quotas: settings.quotas,
            backend,
        }
    }

    fn know_job(&mut self, job: Job, id: WorkerId, owner: (Who, Spot)) {
        self.jobs.insert(id.clone(), job);
        self.worker_ids.insert(job, id);
        self.owners.insert(job, owner);
    }

    fn asker(&self, by: By, (who, spot): (Who, Spot)) -> Asker {
        match by {
            By::Host => Asker::host(),
            By::Starter => operator(person(who), spot.place(who).address),
            By::Stranger => operator(Person::new("zoe", "zoe"), Address::channel("sim", "elsewhere")),
        }
    }
}

fn operator(person: Person, here: Address) -> Asker {
    Asker::person(here.account.clone(), person, Some(here), Some(Role::Operator))
}

fn person(who: Who) -> Person {
    Person::new(who.name(), who.name())
}

fn claude() -> BackendId {
    BackendId::new("claude")
}

fn cause() -> Cause {
    Cause::new("x", "because")
}

fn count(number: usize) -> u32 {
    u32::try_from(number).expect("small numbers")
}

fn millis(ms: Ms) -> Duration {
    Duration::from_millis(u64::try_from(ms).expect("time goes on"))
}

fn steady(at: Timestamp) -> Ms {
    at.0 - START
}

fn wall(at: Timestamp) -> Ms {
    at.0 - START - AHEAD
}

/// What a platform says to a call that would create, or that edits, this message at that address.
fn outcome(said: &Said, message: MessageRef, at: &Address) -> DeliveryOutcome {
    let reason = match said {
        Said::Shown => return DeliveryOutcome::Surfaced(message),
        Said::Nameless => return DeliveryOutcome::Surfaced(MessageRef { message: String::new(), ..message }),
        Said::Silent => NotSurfaced::Silent,
        Said::RetryAfter(delay, scope) => NotSurfaced::RetryAfter { delay: millis(*delay), scope: *scope },
        Said::Retry => NotSurfaced::Retry(cause()),
        Said::Ambiguous => NotSurfaced::Ambiguous(cause()),
        Said::Fallback => NotSurfaced::Fallback(cause()),
        Said::Reshape => NotSurfaced::Reshape(cause()),
        Said::Moved(n) => NotSurfaced::Moved(Address::channel(at.account.clone(), format!("moved-{n}"))),
        Said::MovedHere => NotSurfaced::Moved(at.clone()),
        Said::Gone => NotSurfaced::Gone(cause()),
        Said::StopAccount => NotSurfaced::StopAccount(cause()),
        Said::Bug => NotSurfaced::Bug(cause()),
    };
    reason.into()
}
