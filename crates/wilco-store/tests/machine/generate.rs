//! Which commands make sense when: the generator of sequences, and the preconditions by which shrinking
//! knows what it may leave out.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use proptest_state_machine::ReferenceStateMachine;
use wilco_core::Scope;
use wilco_core::followup::{FollowupAct, FollowupState};
use wilco_core::question::QuestionState;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::worker::{EndKind, WorkerState};

use crate::command::{Command, Kept, Learnt, Said, Turn, When};
use crate::model::{KEEP_TEXTS, Model, QuestionRecord, ReceiptRecord};
use crate::names::{By, Claim, Edit, Firing, HOUR, Job, Kind, MINUTE, Ms, Receipt, SECOND, Spot, Who};

/// How many jobs and follow-ups of its own a sequence has at the most: few, so that its commands meet.
const JOBS: usize = 7;
const WISHES: usize = 5;

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Command;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Command> {
        let mut all = vec![(3, house_work()), (6, time(state))];
        // What has something to do is done more often than what would find nothing.
        let passed = |at: Option<Ms>| at.is_some_and(|at| at <= state.now);
        let often = |weight, something: bool| if something { weight } else { 1 };
        let mut jobs = state.jobs.values();
        let queued = jobs.any(|job| job.state == WorkerState::Queued && job.due.is_none_or(|at| passed(Some(at))));
        all.push((often(8, queued), Just(Command::Begin).boxed()));
        let due = state.receipts.values().any(|one| passed(one.due) || passed(one.reassert));
        all.push((often(14, due), Just(Command::Claim).boxed()));
        let mut contracts = state.contracts.values();
        let late = contracts.any(|one| passed(one.ack_deadline) || passed(one.progress_deadline))
            || state.jobs.values().any(|job| passed(job.deadline));
        all.push((often(7, late), Just(Command::Judge).boxed()));
        let old = state.jobs.values().any(|job| passed(job.ended.map(|at| at + KEEP_TEXTS)));
        all.push((often(3, old), Just(Command::Prune).boxed()));
        people(state, &mut all);
        running(state, &mut all);
        outbox(state, &mut all);
        followups(state, &mut all);
        Union::new_weighted(all).boxed()
    }

    fn apply(state: Self, command: &Command) -> Self {
        state.apply(command)
    }

    /// A command makes sense when what it names exists.
    fn preconditions(state: &Self, command: &Command) -> bool {
        let job = |job: &Job| state.jobs.contains_key(job);
        match command {
            Command::Offer { n, .. } => !state.heard.contains_key(n),
            Command::OfferAgain { n } => state.heard.contains_key(n),
            Command::Watch { job: name, .. }
            | Command::Cancel { job: name, .. }
            | Command::Answer { job: name, .. }
            | Command::Record { job: name, .. }
            | Command::Finish { job: name, .. }
            | Command::OpenEdits { job: name } => job(name),
            // What only says something asks nobody, and has nothing to try again.
            Command::Ask { job: name, .. } | Command::RetryLater { job: name, .. } => {
                job(name) && state.jobs[name].kind != Kind::Say
            }
            Command::Halt { job: name, .. } => job(name) && state.jobs[name].kind == Kind::Agent,
            Command::Schedule { n, .. } => !state.wished.contains_key(n),
            Command::ScheduleAgain { n } => state.wished.contains_key(n),
            Command::Act { followup, .. } => state.wished.get(followup) == Some(&true),
            Command::RetryReceipt { receipt } => state.receipts.contains_key(receipt),
            Command::CloseEdit { edit, .. } => state.edits.contains_key(edit) && state.contracts.contains_key(&edit.0),
            Command::Settle { claim, learnt } => state.in_hand.contains_key(claim) && fits(state, *claim, learnt),
            Command::Fire { firing, .. } | Command::DispatchFailed { firing, .. } => state.firings.contains_key(firing),
            Command::StopHere { .. }
            | Command::OpenGates { .. }
            | Command::Begin
            | Command::Claim
            | Command::ResumeAccounts
            | Command::Judge
            | Command::Extend { .. }
            | Command::ClaimOccurrences
            | Command::RenewLeases
            | Command::Prune
            | Command::Die
            | Command::Rescue
            | Command::Pass { .. }
            | Command::StepWallClock { .. } => true,
        }
    }
}

/// Whether a platform could answer this to that call.
fn fits(state: &Model, claim: Claim, learnt: &Learnt) -> bool {
    let hand = &state.in_hand[&claim];
    let create = hand.edits.is_none();
    match learnt {
        Learnt::Said(Said::Nameless) => create,
        Learnt::Said(Said::Moved(n)) => elsewhere(state, claim, *n),
        Learnt::Said(_) => true,
        Learnt::Refused(Said::Moved(n)) => create && hand.doubt && elsewhere(state, claim, *n),
        Learnt::Refused(said) => {
            let holds = matches!(said, Said::RetryAfter(..) | Said::StopAccount | Said::MovedHere | Said::Gone);
            create && hand.doubt && holds
        }
        Learnt::Found | Learnt::Absent | Learnt::CannotTell | Learnt::AskLater => create && hand.doubt,
    }
}

fn elsewhere(state: &Model, claim: Claim, n: u32) -> bool {
    state.receipts.get(&claim.0).is_none_or(|one| one.at.channel != format!("moved-{n}"))
}

type Choices = Vec<(u32, BoxedStrategy<Command>)>;

/// One of a list and more, when there is any.
fn one_of<T: Clone + std::fmt::Debug + 'static, S: Strategy + 'static>(
    all: &mut Choices,
    weight: u32,
    among: Vec<T>,
    more: S,
    command: fn(T, S::Value) -> Command,
) where
    S::Value: Clone + std::fmt::Debug,
{
    if !among.is_empty() {
        all.push((weight, (select(among), more).prop_map(move |(one, more)| command(one, more)).boxed()));
    }
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![4 => Just(Who::Ana), 1 => Just(Who::Ben)]
}

fn spot() -> impl Strategy<Value = Spot> {
    select(vec![Spot::Thread, Spot::Channel, Spot::Direct, Spot::Far])
}

fn by() -> impl Strategy<Value = By> {
    prop_oneof![5 => Just(By::Starter), 1 => Just(By::Stranger), 2 => Just(By::Host)]
}

fn kind() -> impl Strategy<Value = Kind> {
    select(vec![Kind::Report, Kind::Agent])
}

fn house_work() -> BoxedStrategy<Command> {
    prop_oneof![
        1 => Just(Command::Die),
        1 => Just(Command::Rescue),
        1 => Just(Command::RenewLeases),
        1 => Just(Command::ResumeAccounts),
        1 => select(vec![SECOND, MINUTE]).prop_map(|by| Command::Extend { by }),
        1 => proptest::option::of(0_u8..2).prop_map(|stamp| Command::OpenGates { stamp }),
    ]
    .boxed()
}

/// A while, or exactly as long as something takes that is due next.
fn time(state: &Model) -> BoxedStrategy<Command> {
    let mut whiles: Vec<Ms> = vec![500, SECOND, 5 * SECOND, 15 * SECOND, 45 * SECOND, MINUTE, 10 * MINUTE, HOUR];
    let receipts = state.receipts.values().flat_map(|one| [one.due, one.reassert, one.lease]);
    let jobs = state.jobs.values().flat_map(|job| [job.deadline, job.due, job.lease]);
    let contracts = state.contracts.values().flat_map(|one| [one.ack_deadline, one.progress_deadline, one.edit_until]);
    let steady = receipts.chain(jobs).chain(contracts).flatten().map(|at| at - state.now);
    let occurrences = state.occurrences.values().filter_map(|one| one.due_at).map(|at| at - state.wall());
    let exact: Vec<Ms> = steady.chain(occurrences).filter(|by| *by > 0).collect();
    whiles.extend(exact.iter().min());
    let mut all = vec![(5, select(whiles).boxed())];
    if !exact.is_empty() {
        all.push((10, select(exact).boxed()));
    }
    let pass = Union::new_weighted(all).prop_map(|by| Command::Pass { by });
    prop_oneof![15 => pass, 1 => select(vec![-HOUR, HOUR]).prop_map(|by| Command::StepWallClock { by })].boxed()
}

fn people(state: &Model, all: &mut Choices) {
    let jobs: Vec<Job> = state.jobs.keys().copied().collect();
    let n = state.heard.keys().max().map_or(0, |last| last + 1);
    if state.heard.len() < JOBS {
        let offer = (who(), spot(), kind()).prop_map(move |(who, spot, kind)| Command::Offer { n, who, spot, kind });
        all.push((if n < 2 { 8 } else { 3 }, offer.boxed()));
    }
    one_of(all, 1, state.heard.keys().copied().collect(), Just(()), |n, ()| Command::OfferAgain { n });
    let watcher = prop_oneof![4 => Just(By::Starter), 1 => Just(By::Stranger)];
    one_of(all, 2, jobs.clone(), (watcher, spot()), |job, (by, spot)| Command::Watch { job, by, spot });
    let open = |job: &Job| !state.jobs[job].state.is_terminal();
    let (open, ended): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(open);
    for (weight, jobs) in [(3, open), (1, ended)] {
        one_of(all, weight, jobs, (by(), any::<bool>()), |job, (by, followups)| Command::Cancel {
            job,
            by,
            followups: followups && by == By::Starter,
        });
    }
    let open = |(_, one): &(&(Job, u32), &QuestionRecord)| one.state == QuestionState::Open;
    let (open, settled): (Vec<_>, Vec<_>) = state.questions.iter().partition(open);
    for (weight, asked) in [(5, open), (1, settled)] {
        let asked = asked.into_iter().map(|(name, _)| *name).collect();
        let press = (by(), prop_oneof![6 => 0_u32..2, 1 => Just(2)]);
        let command = |(job, question), (by, choice)| Command::Answer { job, question, by, choice };
        one_of(all, weight, asked, press, command);
    }
    all.push((1, (who(), spot()).prop_map(|(who, spot)| Command::StopHere { who, spot }).boxed()));
    let listed = |one: &ReceiptRecord| one.state == ReceiptState::Failed && !one.replaced;
    let (listed, others): (Vec<_>, Vec<_>) = state.receipts.iter().partition(|(_, one)| listed(one));
    let names = |receipts: Vec<(&Receipt, &ReceiptRecord)>| receipts.into_iter().map(|(name, _)| *name).collect();
    one_of(all, 3, names(listed), Just(()), |receipt, ()| Command::RetryReceipt { receipt });
    one_of(all, 1, names(others), Just(()), |receipt, ()| Command::RetryReceipt { receipt });
}

fn running(state: &Model, all: &mut Choices) {
    let jobs = |wanted: fn(WorkerState) -> bool| -> Vec<Job> {
        state.jobs.iter().filter(|(_, job)| wanted(job.state)).map(|(name, _)| *name).collect()
    };
    let under_way = jobs(|state| matches!(state, WorkerState::Running | WorkerState::WaitingForInput));
    let working =
        |jobs: &[Job]| -> Vec<Job> { jobs.iter().copied().filter(|job| state.jobs[job].kind != Kind::Say).collect() };
    let open = jobs(|state| !state.is_terminal());
    let everything = jobs(|_| true);
    one_of(all, 4, under_way.clone(), 0_u8..3, |job, line| Command::Record { job, line });
    one_of(all, 5, working(&under_way), (1_u32..3, 0_u8..2), |job, (question, text)| Command::Ask {
        job,
        question,
        text,
    });
    one_of(all, 1, working(&under_way), select(vec![SECOND, MINUTE]), |job, rest| Command::RetryLater { job, rest });
    let end = || (select(EndKind::ALL.to_vec()), any::<bool>(), any::<bool>());
    let finish = |job, (end, long, file)| Command::Finish { job, end, long, file };
    one_of(all, 3, open, end(), finish);
    one_of(all, 1, everything.clone(), end(), finish);
    let agents: Vec<Job> = under_way.into_iter().filter(|job| state.jobs[job].kind == Kind::Agent).collect();
    one_of(all, 2, agents, 0_u8..2, |job, stamp| Command::Halt { job, stamp });
    // What a task of a dead process still says.
    one_of(all, 1, everything.clone(), 0_u8..3, |job, line| Command::Record { job, line });
    one_of(all, 1, working(&everything), Just(SECOND), |job, rest| Command::RetryLater { job, rest });
    let shown = |job: &&Job| {
        let contracts = || state.contracts.iter().filter(|(name, _)| name.0 == **job);
        let stale = contracts().any(|(_, one)| one.message.is_some() && one.state.is_open());
        stale && (state.jobs[job].shown.is_some() || state.jobs[job].state != WorkerState::Running)
    };
    one_of(all, 6, everything.iter().filter(shown).copied().collect(), Just(()), |job, ()| Command::OpenEdits { job });
    one_of(all, 1, everything, Just(()), |job, ()| Command::OpenEdits { job });
    let mut edits: Vec<Edit> =
        state.edits.keys().copied().filter(|edit| state.contracts.contains_key(&edit.0)).collect();
    edits.drain(..edits.len().saturating_sub(4));
    let said = prop_oneof![
        3 => Just(Said::Shown),
        2 => Just(Said::Ambiguous),
        2 => wait(),
        1 => select(vec![Said::Retry, Said::Fallback, Said::Gone, Said::StopAccount, Said::Reshape, Said::Bug]),
    ];
    one_of(all, 6, edits, said, |edit, said| Command::CloseEdit { edit, said });
}

fn scope() -> impl Strategy<Value = Scope> {
    select(vec![Scope::Message, Scope::Chat, Scope::Route, Scope::Account, Scope::Ip])
}

fn wait() -> impl Strategy<Value = Said> {
    (select(vec![SECOND, 20 * SECOND, MINUTE]), scope()).prop_map(|(delay, scope)| Said::RetryAfter(delay, scope))
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        16 => Just(Said::Shown),
        2 => Just(Said::Nameless),
        1 => Just(Said::Silent),
        2 => wait(),
        2 => Just(Said::Retry),
        3 => Just(Said::Ambiguous),
        3 => Just(Said::Fallback),
        2 => Just(Said::Reshape),
        2 => (0_u32..4).prop_map(Said::Moved),
        1 => Just(Said::MovedHere),
        3 => Just(Said::Gone),
        1 => Just(Said::StopAccount),
        2 => Just(Said::Bug),
    ]
}

fn outbox(state: &Model, all: &mut Choices) {
    let current = |claim: &Claim| {
        let hand = &state.in_hand[claim];
        let live = |one: &ReceiptRecord| one.state == ReceiptState::Sending || hand.reassert;
        state.receipts.get(&claim.0).is_some_and(|one| one.fence == claim.1 && live(one))
    };
    let (live, stale): (Vec<Claim>, Vec<Claim>) = state.in_hand.keys().copied().partition(current);
    let settle = |claim, said| Command::Settle { claim, learnt: Learnt::Said(said) };
    one_of(all, 24, live.clone(), said(), settle);
    one_of(all, 2, stale, said(), settle);
    let doubtful = live.into_iter().filter(|claim| {
        let hand = &state.in_hand[claim];
        hand.doubt && hand.edits.is_none() && matches!(claim.0.kind, ReceiptKind::Stub | ReceiptKind::Ping)
    });
    let refused = prop_oneof![
        3 => wait(),
        1 => (0_u32..4).prop_map(Said::Moved),
        1 => select(vec![Said::MovedHere, Said::Gone, Said::StopAccount]),
    ];
    let looked = prop_oneof![
        4 => select(vec![Learnt::Found, Learnt::Absent, Learnt::CannotTell, Learnt::AskLater]),
        3 => refused.prop_map(Learnt::Refused),
    ];
    one_of(all, 6, doubtful.collect(), looked, |claim, learnt| Command::Settle { claim, learnt });
}

fn followups(state: &Model, all: &mut Choices) {
    let n = state.wished.keys().max().map_or(0, |last| last + 1);
    if state.wished.len() < WISHES {
        let when = prop_oneof![
            select(vec![SECOND, MINUTE, HOUR]).prop_map(|after| When::Once { after }),
            select(vec![30 * MINUTE, 2 * HOUR]).prop_map(|every| When::Every { every }),
        ];
        let key = proptest::option::weighted(0.4, 0_u8..2);
        let wish = (who(), spot(), when, key, any::<bool>());
        let wish =
            wish.prop_map(move |(who, spot, when, key, delete)| Command::Schedule { n, who, spot, when, key, delete });
        all.push((2, wish.boxed()));
    }
    one_of(all, 1, state.wished.keys().copied().collect(), Just(()), |n, ()| Command::ScheduleAgain { n });
    let known = state.wished.iter().filter(|(_, set)| **set).map(|(id, _)| *id).collect();
    one_of(all, 3, known, (by(), select(FollowupAct::ALL.to_vec())), |followup, (by, act)| Command::Act {
        followup,
        by,
        act,
    });
    let paused = state.followups.iter().filter(|(_, one)| one.state == FollowupState::Paused).map(|(id, _)| *id);
    one_of(all, 3, paused.collect(), Just(()), |followup, ()| Command::Act {
        followup,
        by: By::Starter,
        act: FollowupAct::Resume,
    });
    if state.wished.is_empty() {
        return;
    }
    let due = state.occurrences.values().any(|one| one.due_at.is_some_and(|at| at <= state.wall()));
    all.push((if due { 10 } else { 1 }, Just(Command::ClaimOccurrences).boxed()));
    let live = |firing: &Firing| state.occurrences.get(&state.firings[firing]).is_some_and(|one| one.lease.is_some());
    let (live, stale): (Vec<Firing>, Vec<Firing>) = state.firings.keys().copied().partition(live);
    for (weight, firings) in [(12, live), (1, stale)] {
        let turn = prop_oneof![3 => kind().prop_map(Turn::Start), 2 => select(vec![Turn::Done, Turn::InVain])];
        one_of(all, weight, firings.clone(), turn, |firing, turn| Command::Fire { firing, turn });
        let kept = select(vec![Kept::Busy, Kept::Busy, Kept::Busy, Kept::Gone, Kept::NotAllowed, Kept::Refused]);
        one_of(all, weight.div_ceil(3), firings, kept, |firing, kept| Command::DispatchFailed { firing, kept });
    }
}
