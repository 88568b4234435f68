//! Random lives: people, loop, platform, crashes and time in any order. After each step the stored
//! state has to make sense, and once the faults stop everything settles and is visible exactly once.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use wilco_core::contract::ContractState;
use wilco_core::desk::{ContractView, Inspection};
use wilco_core::job::Ask;
use wilco_core::receipt::{self, Attempt, InOrder, LookedUp, ReceiptKind, ReceiptState, Reconcile};
use wilco_core::settings::KindSettings;
use wilco_core::worker::{EndKind, Ending, OnInterrupt};
use wilco_core::{
    Address, DeliveryOutcome, FileRef, Found, MessageRef, NotSurfaced, Place, Press, ReceiptId, Scope, Timestamp,
};
use wilco_store::args;
use wilco_store::changes::{AskQuestion, Claim, EditClaim, Offered, Resolution, ResumeAccounts, RetryReceipt, Settled};
use wilco_store::engine::Mode;

use crate::journal;
use crate::support::*;

/// What a message shows: nothing of a result, or one of its pieces.
type Piece = Option<(ReceiptKind, u32)>;

/// What the platform holds.
#[derive(Default)]
struct Channel {
    /// By message id: the contract it belongs to, and what it shows.
    messages: BTreeMap<String, (String, Piece)>,
    /// The messages that were created under a key.
    keys: BTreeMap<String, MessageRef>,
    /// Edits that will land later.
    late: Vec<(Timestamp, String, Piece)>,
}

impl Channel {
    fn land(&mut self, now: Timestamp) {
        let (due, later) = std::mem::take(&mut self.late).into_iter().partition(|(at, _, _)| *at <= now);
        self.late = later;
        let due: Vec<(Timestamp, String, Piece)> = due;
        for (_, message, piece) in due {
            self.show(&message, piece);
        }
    }

    fn show(&mut self, message: &str, piece: Piece) {
        if let Some((_, shown)) = self.messages.get_mut(message) {
            *shown = piece;
        }
    }
}

/// One life.
struct Life {
    w: World,
    _folder: tempfile::TempDir,
    channel: Channel,
    jobs: Vec<Job>,
    /// Claims whose answer is still to come; those of dead processes, too.
    flying: Vec<(Claim, Timestamp, bool)>,
    edits: Vec<(EditClaim, Timestamp, bool)>,
    crashes: u32,
    moves: u32,
}

impl Life {
    async fn new(seed: u64, look_up: bool) -> Self {
        let (folder, mut w) = World::open(Mode::Inline).await;
        w.dice = wilco_core::random::Dice::seeded(seed);
        w.limits.abilities.look_up = look_up;
        w.settings.quotas.channel_open = 1_000;
        w.settings.quotas.person_queued = 1_000;
        let channel = Channel::default();
        Self {
            w,
            _folder: folder,
            channel,
            jobs: Vec::new(),
            flying: Vec::new(),
            edits: Vec::new(),
            crashes: 0,
            moves: 0,
        }
    }

    fn job(&self, pick: u8) -> Option<Job> {
        (!self.jobs.is_empty()).then(|| self.jobs[usize::from(pick) % self.jobs.len()].clone())
    }

    async fn piece_of(&self, claim: &Claim) -> Piece {
        if !claim.facts.kind.is_terminal() {
            return None;
        }
        let row = self.w.receipt(claim.envelope.receipt.as_ref().unwrap()).await;
        Some((claim.facts.kind, row.count("part").unwrap()))
    }

    async fn contract_of(&self, claim: &Claim) -> String {
        self.w.receipt(claim.envelope.receipt.as_ref().unwrap()).await.text("contract").unwrap()
    }

    async fn step(&mut self, op: (u8, u8, u8)) {
        let (what, pick, how) = op;
        match what % 20 {
            0 | 1 => self.accept(pick, how).await,
            2 => drop(self.w.begin().await),
            3 => {
                if let Some(job) = self.job(pick) {
                    self.w.record(&job, &format!("line {how}")).await;
                }
            }
            4 | 5 => self.start_edits(pick).await,
            6 => self.end_edit(pick, how).await,
            7 => self.finish(pick, how).await,
            8..=10 => self.claim().await,
            11..=14 => self.settle(pick, how).await,
            15 => self.person(pick, how).await,
            16 => self.time(how).await,
            17 => self.crash().await,
            18 => self.retry_failed(pick).await,
            _ => {
                self.time(how % 8).await;
                self.claim().await;
            }
        }
    }

    async fn accept(&mut self, pick: u8, how: u8) {
        let on_interrupt = if how.is_multiple_of(2) { OnInterrupt::Report } else { OnInterrupt::Rerun };
        self.w.rules = KindSettings { on_interrupt, ..self.w.rules };
        let place = match pick % 3 {
            0 => thread_place("ana"),
            1 => Place { direct: Some(dm("ana")), ..Place::public(ops()) },
            _ => Place::direct(dm("ana")),
        };
        let job = self.w.ask_for("report", "ana", place).await;
        self.jobs.push(job);
    }

    async fn start_edits(&mut self, pick: u8) {
        let Some(job) = self.job(pick) else { return };
        for edit in self.w.start_edits(&job).await.open {
            self.one_call_per_message(&edit.message, "an edit");
            self.edits.push((edit, self.w.now, true));
        }
    }

    async fn end_edit(&mut self, pick: u8, how: u8) {
        if self.edits.is_empty() {
            return;
        }
        let (edit, started, alive) = self.edits.remove(usize::from(pick) % self.edits.len());
        let message = edit.message.message.clone();
        // A call ends within its limit; what comes later is known to be in doubt.
        let over = self.w.now.since(started) >= secs(15) || !alive;
        match (how % 6, over) {
            (0..=2, false) => {
                self.channel.show(&message, None);
                self.w.end_edit(&edit, DeliveryOutcome::Surfaced(edit.message.clone())).await;
            }
            (3, _) | (_, true) => {
                // No answer: it lands a while after it was sent, or never.
                if how.is_multiple_of(2) {
                    let at = started.plus(secs(15 + u64::from(how % 25)));
                    if at > self.w.now {
                        self.channel.late.push((at, message, None));
                    }
                }
                if alive {
                    self.w.end_edit(&edit, ambiguous()).await;
                }
            }
            (4, false) => {
                self.w.end_edit(&edit, NotSurfaced::RetryAfter { delay: secs(20), scope: Scope::Chat }).await;
            }
            (_, false) => {
                self.channel.messages.remove(&message);
                self.w.end_edit(&edit, deleted()).await;
            }
        }
    }

    async fn finish(&mut self, pick: u8, how: u8) {
        let Some(job) = self.job(pick) else { return };
        let kind = EndKind::ALL[usize::from(how) % EndKind::ALL.len()];
        let text = if how.is_multiple_of(3) { "one line of text\n".repeat(200) } else { "short".into() };
        let files = if how.is_multiple_of(4) {
            vec![FileRef { name: "a".into(), path: "/a".into(), size: 9 }]
        } else {
            Vec::new()
        };
        self.w.finish(&job, Ending { text, files, ..Ending::bare(kind, "") }).await;
    }

    async fn claim(&mut self) {
        for claim in self.w.claim().await {
            if let Some(message) = &claim.target {
                self.one_call_per_message(message, "a claim");
            }
            self.flying.push((claim, self.w.now, true));
        }
    }

    /// Nothing else of this process is on its way to the message.
    fn one_call_per_message(&self, message: &MessageRef, what: &str) {
        let now = self.w.now;
        let edit =
            self.edits.iter().any(|(edit, at, alive)| *alive && edit.message == *message && now.since(*at) < secs(15));
        let claim = self.flying.iter().any(|(claim, _, alive)| *alive && claim.target.as_ref() == Some(message));
        assert!(!edit && !claim, "{what} while a call is in flight on {message:?}: edit {edit}, claim {claim}");
    }

    /// The loop's way of delivering: what is in doubt is looked up first.
    async fn settle(&mut self, pick: u8, how: u8) {
        if self.flying.is_empty() {
            return;
        }
        let (claim, _, alive) = self.flying.remove(usize::from(pick) % self.flying.len());
        if alive && claim.doubt && claim.attempt() == Attempt::Post {
            match receipt::reconcile(&claim.facts, self.w.now) {
                Reconcile::SameKey => {}
                Reconcile::NextGeneration if claim.facts.kind == ReceiptKind::Ping => {}
                Reconcile::NextGeneration => {
                    let next = LookedUp::NextGeneration(cause());
                    self.w.resolve(&claim, Resolution::LookedUp(next)).await;
                    return;
                }
                Reconcile::LookUp => {
                    let found = match self.channel.keys.get(claim.envelope.key.as_str()) {
                        Some(message) => Found::Here(message.clone()),
                        None if how.is_multiple_of(4) => Found::Unknown(cause()),
                        None => Found::Absent,
                    };
                    match receipt::looked_up(&claim.facts, found) {
                        LookedUp::SendNow => {}
                        known => {
                            self.w.resolve(&claim, Resolution::LookedUp(known)).await;
                            return;
                        }
                    }
                }
            }
        }
        self.answer(&claim, alive, how % 16).await;
    }

    async fn answer(&mut self, claim: &Claim, alive: bool, how: u8) {
        let shows = self.piece_of(claim).await;
        let contract = self.contract_of(claim).await;
        let outcome: DeliveryOutcome = match (how, &claim.target) {
            (0..=5, _) => self.applied(claim, shows, &contract),
            (6, _) => retry().into(),
            (7, _) => {
                // Applied, but nobody heard of it.
                drop(self.applied(claim, shows, &contract));
                ambiguous().into()
            }
            (8, None) => ambiguous().into(),
            (8, Some(message)) => {
                self.channel.late.push((self.w.now.plus(secs(30)), message.message.clone(), shows));
                ambiguous().into()
            }
            (9, Some(message)) => {
                self.channel.messages.remove(&message.message);
                deleted().into()
            }
            (10, _) => {
                self.channel.messages.retain(|_, (of, _)| *of != contract);
                gone().into()
            }
            (11, _) => NotSurfaced::RetryAfter { delay: secs(20), scope: Scope::Chat }.into(),
            (12, _) => NotSurfaced::StopAccount(cause()).into(),
            (13, _) => NotSurfaced::Reshape(cause()).into(),
            (14, _) if claim.envelope.address.channel == "ops" => {
                self.moves += 1;
                NotSurfaced::Moved(Address::channel("sim", format!("ops-{}", self.moves))).into()
            }
            (_, _) => NotSurfaced::RetryAfter { delay: secs(7), scope: Scope::Message }.into(),
        };
        let settled = self.w.answer(claim, outcome).await;
        assert!(alive || settled == Settled::Superseded || claim.reassert, "a dead process settled {settled:?}");
    }

    fn applied(&mut self, claim: &Claim, shows: Piece, contract: &str) -> DeliveryOutcome {
        match &claim.target {
            Some(message) if self.channel.messages.contains_key(&message.message) => {
                self.channel.show(&message.message, shows);
                DeliveryOutcome::Surfaced(message.clone())
            }
            Some(_) => deleted().into(),
            None => {
                let message = self.w.message(&claim.envelope.address);
                self.channel.keys.insert(claim.envelope.key.as_str().to_owned(), message.clone());
                self.channel.messages.insert(message.message.clone(), (contract.to_owned(), shows));
                DeliveryOutcome::Surfaced(message)
            }
        }
    }

    async fn person(&mut self, pick: u8, how: u8) {
        let Some(job) = self.job(pick) else { return };
        match how % 4 {
            0 => drop(self.w.cancel("ana", Place::public(ops()), Some(job.short.as_str()), "x").await),
            1 => {
                let address = Address::channel("sim", format!("watch-{}", how % 3));
                let place = Place { direct: Some(dm("ana")), ..Place::public(address) };
                let (_, watched) = self.w.watch("ana", place, job.short.as_str()).await;
                assert!(matches!(watched, Offered::Watch(Ok(_))), "{watched:?}");
            }
            2 => {
                let ask = Ask { text: format!("q{how}?"), choices: vec!["yes".into()] };
                let question = self.w.dice.question(self.w.now);
                let (worker, now, fresh) = (job.worker.clone(), self.w.now, self.w.fresh());
                self.w.engine.write(AskQuestion { worker, question, number: 1, ask, now, fresh }).await.unwrap();
            }
            _ => {
                let sql = "SELECT id FROM questions WHERE worker = $1 AND state = 'open'";
                for row in self.w.rows(sql, args![&job.worker]).await {
                    let question = row.text("id").unwrap();
                    self.w.press("ana", ops(), Press::Answer { question, choice: 0 }).await;
                }
            }
        }
    }

    async fn time(&mut self, how: u8) {
        let steps = [0, 1, 3, 5, 15, 16, 45, 46, 120, 600, 3_600];
        self.w.pass(Duration::from_secs(steps[usize::from(how) % steps.len()]));
        self.channel.land(self.w.now);
        // A call that is older than its limit has been answered as in doubt.
        for (edit, started, alive) in std::mem::take(&mut self.edits) {
            if alive && self.w.now.since(started) > secs(15) {
                self.w.end_edit(&edit, ambiguous()).await;
            } else {
                self.edits.push((edit, started, alive));
            }
        }
        // The same holds for receipts; and what a dead process had sent lands soon or never.
        for (claim, sent, alive) in std::mem::take(&mut self.flying) {
            let age = self.w.now.since(sent);
            if alive && age > secs(15) {
                self.w.answer(&claim, ambiguous()).await;
            } else if alive || age < secs(40) {
                self.flying.push((claim, sent, alive));
            }
        }
        self.judge().await;
    }

    async fn judge(&mut self) {
        for (worker, words) in self.w.judge().await {
            let job = self.jobs.iter().find(|job| job.worker == worker).unwrap().clone();
            self.w.finish(&job, Ending::bare(EndKind::TimedOut, words)).await;
        }
    }

    async fn crash(&mut self) {
        self.crashes += 1;
        self.flying.iter_mut().for_each(|(_, _, alive)| *alive = false);
        self.edits.iter_mut().for_each(|(_, _, alive)| *alive = false);
        self.w.recover(&format!("life {}", self.crashes), true).await;
        self.w.engine.write(ResumeAccounts { now: self.w.now }).await.unwrap();
    }

    async fn retry_failed(&mut self, pick: u8) {
        let rows = self.w.rows("SELECT id FROM receipts WHERE state = 'failed' ORDER BY id", vec![]).await;
        if !rows.is_empty() {
            let receipt = ReceiptId::new(rows[usize::from(pick) % rows.len()].text("id").unwrap());
            let change = RetryReceipt { receipt, now: self.w.now, fresh: self.w.fresh() };
            assert!(self.w.engine.write(change).await.unwrap().is_some());
        }
    }

    // What has to hold after every step.

    async fn check(&self) {
        let mut paused = self.w.rows("SELECT account FROM paused_accounts", vec![]).await;
        let paused = paused.pop().is_some();
        for row in self.w.rows("SELECT * FROM receipts WHERE state = 'pending'", vec![]).await {
            let due = row.opt_time("due_at").unwrap();
            assert_eq!(due.is_none(), paused, "pending without a due time only while the account is paused");
        }
        let parked = "SELECT receipts.id AS id FROM receipts JOIN parks ON parks.account = receipts.account \
                      AND (parks.channel = '' OR parks.channel = receipts.channel) \
                      WHERE parks.until > $1 AND receipts.due_at < parks.until";
        assert!(self.w.rows(parked, args![self.w.now]).await.is_empty(), "due before the park ends");
        for job in &self.jobs {
            let look = self.w.look(job).await;
            journal::check(&look);
            for contract in &look.contracts {
                check_contract(&look, contract);
            }
        }
    }

    /// Faults stop: everything that is due is delivered, and everything that runs ends.
    async fn rest(&mut self) {
        self.crash().await;
        for job in self.jobs.clone() {
            self.w.finish(&job, Ending { text: "the end".into(), ..Ending::bare(EndKind::Done, "") }).await;
        }
        for round in 0.. {
            assert!(round < 200, "it does not come to rest");
            let claims = self.w.claim().await;
            for claim in claims {
                if claim.doubt && claim.facts.look_up {
                    if let Some(message) = self.channel.keys.get(claim.envelope.key.as_str()).cloned() {
                        self.w.resolve(&claim, Resolution::LookedUp(LookedUp::Settle(message))).await;
                        continue;
                    }
                } else if claim.doubt && claim.facts.kind == ReceiptKind::Stub {
                    self.w.resolve(&claim, Resolution::LookedUp(LookedUp::NextGeneration(cause()))).await;
                    continue;
                }
                self.answer(&claim, true, 0).await;
            }
            self.check().await;
            let Some(next) = self.w.engine.read(wilco_store::reads::NextDue).await.unwrap().outbox else { break };
            self.w.now = self.w.now.max(next);
            self.channel.land(self.w.now);
        }
        self.channel.land(Timestamp(i64::MAX));
        for job in &self.jobs {
            let look = self.w.look(job).await;
            for contract in &look.contracts {
                assert!(matches!(contract.state, ContractState::TerminalAcked | ContractState::TerminalFailed));
                self.visible_once(contract);
            }
        }
    }

    /// The final state of the channel: each piece of the result at most once, and once if it was promised.
    fn visible_once(&self, contract: &ContractView) {
        for receipt in contract.receipts.iter().filter(|one| one.kind.is_terminal()) {
            assert!(receipt.state.is_settled());
            let shown = Some((receipt.kind, receipt.part));
            let of = |(of, piece): &&(String, Piece)| of == contract.id.as_str() && *piece == shown;
            let times = self.channel.messages.values().filter(of).count();
            let merged = receipt.reason.as_deref() == Some("merged");
            if receipt.state == ReceiptState::Surfaced && !merged {
                let lost = receipt.message.as_ref().is_some_and(|message| !self.channel.messages.contains_key(message));
                assert!(times == 1 || lost, "{:?} {} is shown {times} times: {contract:?}", receipt.kind, receipt.part);
            }
            assert!(times <= 1, "{:?} {} is shown {times} times", receipt.kind, receipt.part);
        }
    }
}

fn check_contract(look: &Inspection, contract: &ContractView) {
    let ended = look.job.state.is_terminal();
    assert_eq!(contract.state.is_open(), !ended, "a worker has ended if and only if its contracts know");
    let order: Vec<InOrder> = contract
        .receipts
        .iter()
        .map(|one| InOrder { kind: one.kind, part: one.part, generation: one.generation, state: one.state })
        .collect();
    let newest = |one: &InOrder| {
        !order.iter().any(|other| other.kind == one.kind && other.part == one.part && other.generation > one.generation)
    };
    for one in &order {
        assert!(newest(one) || one.state.is_settled(), "an old generation is still open: {order:?}");
    }
    for at in receipt::ready(&order) {
        let held = order[at].kind == ReceiptKind::Content && !ended;
        assert!(held, "{:?} waits for nothing: {order:?}", order[at]);
    }
    let expected = match (ended, receipt::standing(&order)) {
        (false, _) => return,
        (true, receipt::Standing::Open) => ContractState::TerminalPending,
        (true, receipt::Standing::AllSurfaced) => ContractState::TerminalAcked,
        (true, receipt::Standing::OneFailed) => ContractState::TerminalFailed,
    };
    assert_eq!(contract.state, expected, "{order:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r15_random_lives_keep_the_invariants_and_come_to_rest(
        seed in any::<u64>(),
        look_up in any::<bool>(),
        ops in proptest::collection::vec(any::<(u8, u8, u8)>(), 1..90),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut life = Life::new(seed, look_up).await;
            for op in ops {
                life.step(op).await;
                life.check().await;
            }
            life.rest().await;
        });
    }
}

/// How many lives are tried; more by hand with `WILCO_LIVES`.
fn cases() -> u32 {
    std::env::var("WILCO_LIVES").ok().and_then(|lives| lives.parse().ok()).unwrap_or(24)
}
