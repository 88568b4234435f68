//! What one platform or one address keeps waiting keeps nobody else waiting, and whoever looks is told of
//! everything that becomes of a follow-up (F12, F14).

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use insta::assert_snapshot;
use wilco_core::access::{Role, Rule as AccessRule};
use wilco_core::desk::{Caller, Desk, FollowupWish, Notice};
use wilco_core::followup::{FollowupAct, OccurrenceState};
use wilco_core::{AccountId, Timestamp};
use wilco_sim::{Fault, Rule, Verb, place};
use wilco_tests::{Actor, Stage, Where};

const DEPLOY: Where<'_> = Where::Thread("ops", "deploy");
const OPS: Where<'_> = Where::Channel("ops");
const RANDOM: Where<'_> = Where::Channel("random");
/// Half past nine, when everything of a script is due.
const DUE: Timestamp = Timestamp(wilco_tests::clock::BEGIN.0 + 1_800_000);
/// More than a claim takes, and more than may be injected at once.
const MANY: usize = 300;

/// The probes of one channel do not come back.
fn hangs(stage: &Stage, channel: &str) {
    stage.fault(Rule::new(Fault::Hang { applied: false }).on(Verb::Probe).channel(channel).times(10_000));
}

fn probes(stage: &Stage) -> usize {
    stage.platform.log().iter().filter_map(|entry| entry.call()).filter(|call| call.verb == Verb::Probe).count()
}

/// How late what says these words was shown, each.
fn lateness(stage: &Stage, words: &str, due: Timestamp) -> Vec<Duration> {
    stage.shown_at(words).into_iter().map(|at| at.since(due)).collect()
}

/// A stage with a second account, `far`, on which Ana may do the same, and room for many follow-ups.
async fn two_accounts() -> Stage {
    let ana_on_far =
        AccessRule { account: Some("far".into()), user: Some("id-ana".into()), ..AccessRule::granting(Role::Operator) };
    Stage::builder()
        .account("far")
        .settings(|settings| {
            settings.followups.per_person = 1_000;
            settings.access.rules.push(ana_on_far);
        })
        .begin()
        .await
}

async fn says_on_far(stage: &Stage, actor: &Actor, text: &str) {
    let place = place::public(&AccountId::new("far"), "far-ops", &actor.0);
    stage.platform.say(&actor.0, &place, text).expect("one can write there");
    stage.moment().await;
}

#[tokio::test(start_paused = true)]
async fn f14_an_account_that_does_not_answer_delays_no_other_account() {
    let stage = two_accounts().await;
    let ana = Actor::named("ana");
    for number in 0..MANY {
        stage.says(&ana, Where::Thread("ops", &format!("thread-{number}")), "/followup at 9:30 slow").await;
    }
    says_on_far(&stage, &ana, "/followup at 9:30 quick").await;
    hangs(&stage, "ops");
    stage.until(DUE.plus(Duration::from_secs(1))).await;
    let quick = lateness(&stage, "quick", DUE);
    assert!(quick.len() == 1 && quick[0] <= Duration::from_millis(50), "{quick:?}");
    assert!(lateness(&stage, "slow", DUE).is_empty());
    stage.seconds(10).await;
    // No answer is no reason not to fire, and it is waited for once, not once for each.
    let slow = lateness(&stage, "slow", DUE);
    assert!(slow.len() == MANY && slow.iter().all(|late| *late <= Duration::from_secs(3)), "{} {slow:?}", slow.len());
    assert_eq!(probes(&stage), 32 + 1, "so many calls may hang, and the other account is asked beside them");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f14_an_address_that_does_not_answer_delays_no_other_of_its_account() {
    let stage = two_accounts().await;
    let ana = Actor::named("ana");
    for _ in 0..MANY {
        stage.says(&ana, OPS, "/followup at 9:30 slow").await;
    }
    stage.says(&ana, RANDOM, "/followup at 9:30 quick").await;
    hangs(&stage, "ops");
    stage.until(DUE.plus(Duration::from_secs(1))).await;
    let quick = lateness(&stage, "quick", DUE);
    assert!(quick.len() == 1 && quick[0] <= Duration::from_millis(50), "{quick:?}");
    stage.seconds(10).await;
    let slow = lateness(&stage, "slow", DUE);
    assert!(slow.len() == MANY && slow.iter().all(|late| *late <= Duration::from_secs(3)), "{} {slow:?}", slow.len());
    assert_eq!(probes(&stage), 2, "those of one address share one call");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f14_f4_an_account_that_did_not_answer_is_tried_again_and_believed_as_soon_as_it_answers() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let thread = |name: &'static str| Where::Thread("ops", name);
    for (name, at) in [("first", "9:30"), ("try", "9:31"), ("with", "9:31"), ("last", "9:33")] {
        stage.says(&ana, thread(name), &format!("/followup at {at} {name}")).await;
    }
    hangs(&stage, "ops");
    stage.until(DUE.plus(Duration::from_secs(5))).await;
    // In the silence after that nobody is asked, and what is due fires at its time.
    let by_hand = stage.schedules(&ana, thread("soon"), "/followup in 1h soon").await;
    let asked = probes(&stage);
    let now = stage.clock_now();
    stage.desk().change(&Caller::Host, &by_hand, FollowupAct::Run).await.expect("it runs");
    stage.seconds(1).await;
    assert!(lateness(&stage, "soon", now).iter().all(|late| *late <= Duration::from_millis(50)));
    assert_eq!((stage.shown_at("soon").len(), probes(&stage)), (1, asked));
    // After it one call tries the account; what is due beside it does not wait.
    let later = DUE.plus(Duration::from_secs(60));
    stage.until(later.plus(Duration::from_secs(5))).await;
    let mut late = lateness(&stage, "try", later);
    late.extend(lateness(&stage, "with", later));
    late.sort();
    assert!(late.len() == 2 && late[0] <= Duration::from_millis(50), "{late:?}");
    assert!(late[1] >= Duration::from_secs(2) && late[1] <= Duration::from_millis(2_050), "{late:?}");
    assert_eq!(probes(&stage), asked + 1);
    // It answers again, and what it says counts.
    stage.platform.calm();
    stage.platform.remove(&stage.address(thread("last")));
    stage.until(DUE.plus(Duration::from_secs(185))).await;
    assert!(stage.sees(OPS).contains("not run: there is no such channel. It was: last"), "{}", stage.sees_all());
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f12_whoever_subscribes_is_told_of_every_end_and_of_every_act() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let mut notices = stage.desk().subscribe();
    let mut told = || {
        let all = std::iter::from_fn(|| notices.next().now_or_never().flatten());
        let lines = all.filter_map(|notice| match notice {
            Notice::Followup { short, address, status, reason } => {
                let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                Some(format!("{short} in {address} {}{reason}", status.name()))
            }
            Notice::Job { .. } => None,
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let mut seen = Vec::new();
    let mut note = |what: &str, told: String| seen.push(format!("# {what}\n{told}"));

    let once = stage.schedules(&ana, DEPLOY, "/followup in 1m /run report").await;
    note("scheduled", told());
    stage.seconds(61).await;
    let run = stage.puppets.next();
    note("it runs", told());
    run.ends("42");
    stage.moment().await;
    note("its job has ended", told());
    assert_eq!(stage.followup(&once).await.occurrences[0].state, OccurrenceState::Success);

    let again = stage.schedules(&ana, DEPLOY, "/followup key=r every 5m /run report").await;
    let again = {
        told();
        let next = stage.schedules(&ana, DEPLOY, "/followup key=r every 10m /run report").await;
        note("replaced", told());
        assert_ne!(again, next);
        next
    };
    for act in [FollowupAct::Pause, FollowupAct::Pause, FollowupAct::Resume, FollowupAct::Run] {
        stage.desk().change(&ana.calls_from(DEPLOY), &again, act).await.expect("the store answers");
        stage.moment().await;
        note(&format!("{act:?} by the desk"), told());
    }
    let run = stage.puppets.next();
    stage.says(&ana, DEPLOY, &format!("/cancel {}", run.short)).await;
    stage.seconds(1).await;
    note("its job was cancelled", told());
    stage.says(&ana, DEPLOY, "/stop here").await;
    note("/stop here", told());
    let wish =
        FollowupWish { when: "in 1h".into(), text: "look".into(), delete_after_run: true, ..FollowupWish::default() };
    let gone = stage.wishes(&ana, OPS, wish).await;
    note("scheduled by the desk", told());
    stage.desk().change(&Caller::Host, &gone, FollowupAct::Run).await.expect("it runs");
    stage.seconds(1).await;
    note("it has run and its rows are removed", told());
    assert_snapshot!(seen.join("\n"), @"
    # scheduled
    f6b3 in sim ops thread deploy scheduled
    # it runs

    # its job has ended
    f6b3 in sim ops thread deploy success
    # replaced
    f9t5 in sim ops thread deploy cancelled: replaced by f3q2
    f3q2 in sim ops thread deploy scheduled
    # Pause by the desk
    f3q2 in sim ops thread deploy scheduled: paused by ana
    # Pause by the desk

    # Resume by the desk
    f3q2 in sim ops thread deploy scheduled
    # Run by the desk
    f3q2 in sim ops thread deploy scheduled
    # its job was cancelled
    f3q2 in sim ops thread deploy cancelled: m5q4 was cancelled
    # /stop here
    f3q2 in sim ops thread deploy cancelled: stopped here by ana
    # scheduled by the desk
    f3e5 in sim ops scheduled
    # it has run and its rows are removed
    f3e5 in sim ops scheduled
    f3e5 in sim ops success
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f12_the_end_of_a_job_that_never_ran_is_told_as_well() {
    let stage = Stage::builder().settings(|settings| settings.quotas.person_running = 1).begin().await;
    let ana = Actor::named("ana");
    let running = stage.runs(&ana, OPS).await;
    for how in ["desk", "chat"] {
        let id = stage.schedules(&ana, DEPLOY, "/followup in 1m /run report").await;
        stage.seconds(61).await;
        let job = stage.followup(&id).await.occurrences[0].job.clone().expect("it is queued");
        let mut notices = stage.desk().subscribe();
        if how == "desk" {
            stage.desk().cancel(&Caller::Host, job.as_str(), None).await.expect("it is cancelled");
        } else {
            stage.says(&ana, DEPLOY, &format!("/cancel {job}")).await;
        }
        stage.moment().await;
        let mut all = std::iter::from_fn(|| notices.next().now_or_never().flatten());
        let cancelled = OccurrenceState::Cancelled;
        let about = |notice: &Notice| matches!(notice, Notice::Followup { short, status, .. } if short.as_str() == id && *status == cancelled);
        assert!(all.any(|notice| about(&notice)), "by {how}");
    }
    running.ends("42");
    stage.ends().await;
}
