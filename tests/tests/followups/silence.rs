//! What a platform has asked for holds for the probes of follow-ups, too: a wait and a refusal of the account
//! are kept whoever was told, and whoever may not be probed fires all the same (F4, R9).

use insta::assert_snapshot;
use wilco_core::Scope;
use wilco_core::followup::OccurrenceState;
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const DEPLOY: Where<'_> = Where::Thread("ops", "deploy");
const OPS: Where<'_> = Where::Channel("ops");
const RANDOM: Where<'_> = Where::Channel("random");

/// Every call so far: what for, and into which channel.
fn calls(stage: &Stage) -> Vec<(Verb, String)> {
    let log = stage.platform.log();
    log.iter().filter_map(|entry| entry.call()).map(|call| (call.verb, call.address.channel.clone())).collect()
}

fn probes(stage: &Stage) -> usize {
    calls(stage).iter().filter(|(verb, _)| *verb == Verb::Probe).count()
}

async fn fired(stage: &Stage, id: &str) {
    let row = &stage.followup(id).await.occurrences[0];
    assert_eq!((row.state, row.attempts), (OccurrenceState::Success, 1));
}

#[tokio::test(start_paused = true)]
async fn f4_r9_a_chat_that_asked_for_silence_is_not_probed_and_its_follow_up_fires_all_the_same() {
    for scope in [Scope::Chat, Scope::Account] {
        let stage = Stage::new().await;
        let ana = Actor::named("ana");
        let id = stage.schedules(&ana, DEPLOY, "/followup in 1m check the deploy").await;
        stage.seconds(30).await;
        stage.fault(Rule::new(Fault::RetryAfter { millis: 90_000, scope }).on(Verb::Post));
        let _job = stage.runs(&ana, OPS).await;
        stage.seconds(1).await;
        let before = calls(&stage);
        stage.seconds(80).await;
        assert_eq!(calls(&stage), before, "{scope:?}: nobody is called before 09:02");
        fired(&stage, &id).await;
        stage.seconds(30).await;
        assert!(stage.sees(DEPLOY).contains("check the deploy\n"), "{}", stage.sees(DEPLOY));
        stage.ends_with_running_jobs().await;
    }
}

#[tokio::test(start_paused = true)]
async fn f4_r9_a_wait_that_a_probe_is_told_holds_for_every_call() {
    for scope in [Scope::Chat, Scope::Account] {
        let stage = Stage::new().await;
        let ana = Actor::named("ana");
        let first = stage.schedules(&ana, DEPLOY, "/followup in 1m check the deploy").await;
        let second = stage.schedules(&ana, OPS, "/followup in 70s water the plants").await;
        let beside = stage.schedules(&ana, RANDOM, "/followup in 80s feed the cat").await;
        stage.fault(Rule::new(Fault::RetryAfter { millis: 90_000, scope }).on(Verb::Probe));
        stage.seconds(61).await;
        assert_eq!(calls(&stage).last(), Some(&(Verb::Probe, "ops".to_owned())));
        let before = calls(&stage).len();
        stage.seconds(88).await;
        let since = calls(&stage).split_off(before);
        assert!(since.iter().all(|(_, channel)| channel == "random"), "{scope:?}: {since:?}");
        assert_eq!(since.is_empty(), scope == Scope::Account, "no wider than it was asked for");
        for id in [&first, &second, &beside] {
            fired(&stage, id).await;
        }
        stage.seconds(30).await;
        for (place, words) in [(DEPLOY, "check the deploy\n"), (OPS, "water the plants\n"), (RANDOM, "feed the cat\n")]
        {
            assert!(stage.sees(place).contains(words), "{scope:?}\n{}", stage.sees(place));
        }
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn f4_r9_the_wait_that_a_probe_was_told_outlives_a_crash() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    stage.schedules(&ana, DEPLOY, "/followup in 1m check the deploy").await;
    stage.schedules(&ana, OPS, "/followup in 70s water the plants").await;
    stage.fault(Rule::new(Fault::RetryAfter { millis: 90_000, scope: Scope::Chat }).on(Verb::Probe));
    stage.seconds(61).await;
    let before = calls(&stage);
    stage.crashes_and_restarts().await;
    stage.seconds(80).await;
    assert_eq!(calls(&stage), before);
    stage.seconds(30).await;
    assert!(stage.sees(OPS).contains("water the plants\n"), "{}", stage.sees(OPS));
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f4_r9_an_account_that_refuses_a_probe_is_paused_and_is_called_by_nobody() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let first = stage.schedules(&ana, DEPLOY, "/followup in 1m check the deploy").await;
    let second = stage.schedules(&ana, OPS, "/followup in 2m water the plants").await;
    stage.fault(Rule::new(Fault::StopAccount).on(Verb::Probe));
    stage.seconds(61).await;
    let before = calls(&stage);
    assert_eq!(before.last(), Some(&(Verb::Probe, "ops".to_owned())));
    stage.seconds(600).await;
    assert_eq!(calls(&stage), before, "neither deliveries nor the next probe");
    for id in [&first, &second] {
        fired(&stage, id).await;
    }
    let told = stage.asks(&ana, RANDOM, "/status").await;
    assert_snapshot!(told, @"
    Running 0 · queued 0 · waiting to be delivered 2 · oldest 10m 01s
    Paused · sim · scripted: the fault script says so
    ");
    // Somebody has put the credentials right.
    stage.configures(|_| {}).await;
    stage.seconds(30).await;
    assert!(stage.sees(DEPLOY).contains("check the deploy\n"), "{}", stage.sees(DEPLOY));
    assert!(stage.sees(OPS).contains("water the plants\n"), "{}", stage.sees(OPS));
    let later = stage.schedules(&ana, OPS, "/followup in 1m look again").await;
    let before = probes(&stage);
    stage.seconds(80).await;
    fired(&stage, &later).await;
    assert_eq!(probes(&stage), before + 1, "it is asked again");
    stage.ends().await;
}
