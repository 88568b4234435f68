//! Gates: an agent job that only a person can mend stops at once, says so once, and nothing on its
//! account is called until somebody has acted (H).

use std::sync::Arc;

use insta::assert_snapshot;
use tracing::Level;
use wilco_core::classify::Service;
use wilco_core::desk::{Caller, Desk, DeskError};
use wilco_core::gate::GateReason;
use wilco_core::job::Failure;
use wilco_core::settings::BackendSettings;
use wilco_core::worker::WorkerState;
use wilco_core::{BackendId, Cause};
use wilco_tests::{Actor, Agents, Answer, Logbook, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");
/// What a tool may have put into an error message. It may never be in the log.
const CANARY: &str = "sk-ant-tangerine-7391";

/// What Claude Code prints when its session has ended.
fn expired() -> String {
    format!(
        "API Error: 401 {{\"type\":\"error\",\"error\":{{\"type\":\"authentication_error\",\"message\":\"OAuth token \
         has expired.\"}},\"key\":\"{CANARY}\"}} · Please run /login"
    )
}

fn session_expired() -> Answer {
    Answer::fails("exit 1", &expired())
}

fn claude() -> BackendId {
    BackendId::new("claude")
}

async fn stage() -> (Stage, Agents) {
    let agents = Agents::of("claude");
    let stage = Stage::builder().worker("triage", Arc::new(agents.clone())).begin().await;
    (stage, agents)
}

async fn closed(stage: &Stage) -> Vec<(String, GateReason)> {
    let gates = stage.desk().gates().await.expect("the store answers");
    gates.into_iter().map(|gate| (gate.backend.to_string(), gate.reason)).collect()
}

#[tokio::test(start_paused = true)]
async fn h1_an_expired_session_stops_the_job_after_the_first_attempt() {
    let (stage, agents) = stage().await;
    let ana = Actor::named("ana");
    agents.answers(session_expired());
    stage.says(&ana, OPS, "/run triage").await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run triage
    bot | Paused · u6b3 · sign in to claude again. Retries stopped

          After that whoever runs the bot opens the gate with `wilco gate open claude`. Where its credentials are watched it opens by itself. Until then no job calls it.
          [Run again] [Details]
    ");
    stage.seconds(3_600).await;
    assert_eq!(agents.calls(), 1, "no second call");
    let job = stage.jobs().await.remove(0);
    assert_eq!(job.state, WorkerState::Failed);
    assert!(!stage.journal(job.short.as_str()).await.contains(&"retrying"), "no rest");
    assert_eq!(closed(&stage).await, [("claude".to_owned(), GateReason::SessionExpired)]);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h2_the_error_alone_or_the_output_alone_suffices() {
    let error = session_expired();
    let output = Answer::fails("exit 1", "the agent stopped").after_saying(&format!("Reading.\n{}", expired()));
    for answer in [error, output] {
        let (stage, agents) = stage().await;
        agents.answers(answer);
        stage.says(&Actor::named("ana"), OPS, "/run triage").await;
        stage.seconds(120).await;
        assert_eq!(agents.calls(), 1);
        assert_eq!(closed(&stage).await, [("claude".to_owned(), GateReason::SessionExpired)]);
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn h2_the_error_is_looked_at_before_the_output() {
    let (stage, agents) = stage().await;
    agents.answers(Answer::fails("exit 1", "Credit balance is too low").after_saying(&expired()));
    stage.says(&Actor::named("ana"), OPS, "/run triage").await;
    assert_eq!(closed(&stage).await, [("claude".to_owned(), GateReason::NeedsCredit)]);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h3_a_third_partys_401_keeps_its_attempts_and_is_told_at_the_end() {
    let (stage, agents) = stage().await;
    let ana = Actor::named("ana");
    for _ in 0..3 {
        let said = "GET https://api.github.com/user: 401 Unauthorized {\"message\":\"Bad credentials\"}";
        agents.answers(Answer::fails("exit 1", "gh: Bad credentials (HTTP 401)").after_saying(said));
    }
    stage.says(&ana, OPS, "/run triage").await;
    stage.seconds(120).await;
    assert_eq!(agents.calls(), 3);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run triage
    bot | Failed · u6b3 · exit 1 after 3 attempts

          gh: Bad credentials (HTTP 401)
          [Run again] [Details]
    ");
    assert!(closed(&stage).await.is_empty());
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h4_our_own_notice_in_an_output_never_halts_a_job() {
    let (stage, agents) = stage().await;
    let canned = "Paused · k7f2 · sign in to claude again. Retries stopped";
    for _ in 0..3 {
        agents.answers(Answer::fails("exit 1", canned).after_saying(canned));
    }
    stage.says(&Actor::named("ana"), OPS, "/run triage").await;
    stage.seconds(120).await;
    assert_eq!(agents.calls(), 3);
    assert!(closed(&stage).await.is_empty());
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h5_a_command_never_halts_whatever_it_prints() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    for failure in [Failure::Retryable(Cause::new("401", expired())), Failure::Permanent(Cause::new("401", expired()))]
    {
        let job = stage.runs(&ana, OPS).await;
        job.reports(wilco_core::job::Progress::Partial(expired()));
        job.fails_with(failure);
        stage.moment().await;
    }
    assert!(closed(&stage).await.is_empty());
    let job = stage.runs(&ana, OPS).await;
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h5_a_worker_without_a_backend_that_asks_for_a_sign_in_fails_and_says_what_to_do() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    job.fails_with(Failure::SessionExpired);
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Failed · u6b3 · session expired

          Sign in to the backend again, then run it again.
          [Run again] [Details]
    ");
    assert!(closed(&stage).await.is_empty());
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h6_a_halted_job_is_not_reported_as_exhausted_and_an_exhausted_one_is() {
    let log = Logbook::open();
    let (stage, agents) = stage().await;
    let ana = Actor::named("ana");
    // Also when it halts at its last attempt.
    agents.answers(Answer::fails("exit 2", "no network"));
    agents.answers(Answer::fails("exit 2", "no network"));
    agents.answers(session_expired());
    stage.says(&ana, OPS, "/run triage").await;
    stage.seconds(120).await;
    assert_eq!(agents.calls(), 3);
    assert!(log.said("retries exhausted").is_empty());
    assert!(!stage.sees(OPS).contains("attempts"), "{}", stage.sees(OPS));
    stage.desk().open_gate(&Caller::Host, &claude()).await.expect("it was closed");
    for _ in 0..3 {
        agents.answers(Answer::fails("exit 2", "no network"));
    }
    stage.says(&ana, OPS, "/run triage").await;
    stage.seconds(120).await;
    assert_eq!(log.said("retries exhausted").len(), 1);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h7_the_halt_is_one_debug_line_with_job_and_attempt_and_no_secret() {
    let log = Logbook::open();
    let (stage, agents) = stage().await;
    agents.answers(Answer::fails("exit 2", "no network"));
    agents.answers(session_expired().after_saying(&expired()));
    stage.says(&Actor::named("ana"), OPS, "/run triage").await;
    stage.seconds(10).await;
    let job = stage.jobs().await.remove(0);
    let told = log.said("halt: a person has to act");
    assert_eq!((told.len(), told[0].level), (1, Level::DEBUG));
    assert_eq!(
        (told[0].field("worker_id"), told[0].field("attempt"), told[0].field("reason"), told[0].field("backend")),
        (job.id.as_str(), "2", "session_expired", "claude")
    );
    let gate = log.said("gate closed");
    assert_eq!((gate.len(), gate[0].level, gate[0].field("short")), (1, Level::WARN, job.short.as_str()));
    for line in log.lines() {
        assert!(!line.whole().contains(CANARY), "{}", line.whole());
        assert!(line.level != Level::ERROR, "what a person can mend is no error: {}", line.whole());
    }
    assert!(!stage.sees(OPS).contains(CANARY), "nor is it shown: {}", stage.sees(OPS));
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h8_a_closed_gate_stops_new_work_on_its_account_and_no_other() {
    let (claude, codex) = (Agents::of("claude"), Agents::of("codex"));
    let stage = Stage::builder()
        .worker("triage", Arc::new(claude.clone()))
        .worker("review", Arc::new(codex.clone()))
        .begin()
        .await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    claude.answers(session_expired());
    stage.says(&ana, OPS, "/run triage").await;
    stage.says(&dora, OPS, "/run triage").await;
    stage.says(&dora, OPS, "/run review").await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run triage
    bot | Paused · u6b3 · sign in to claude again. Retries stopped

          After that whoever runs the bot opens the gate with `wilco gate open claude`. Where its credentials are watched it opens by itself. Until then no job calls it.
          [Run again] [Details]
    dora | /run triage
    only dora sees | Not started: sign in to claude again, then whoever runs the bot opens the gate with `wilco gate open claude`. Give it again after that. Closed since 09:00 UTC by `u6b3`.
    dora | /run review
    bot | Done · c9t5 · 0s

          42
          [Details]
    ");
    assert_eq!((claude.calls(), codex.calls(), stage.jobs().await.len()), (1, 1, 2), "nothing was started");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h8_what_had_been_accepted_ends_without_a_call() {
    let agents = Agents::of("claude");
    let stage = Stage::builder()
        .worker("triage", Arc::new(agents.clone()))
        .settings(|settings| settings.quotas.person_running = 1)
        .begin()
        .await;
    let ana = Actor::named("ana");
    agents.answers(session_expired().held());
    stage.says(&ana, OPS, "/run triage").await;
    stage.says(&ana, OPS, "/run triage").await;
    stage.seconds(20).await;
    agents.let_go();
    stage.seconds(5).await;
    assert_eq!(agents.calls(), 1);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run triage
    bot | Paused · u6b3 · sign in to claude again. Retries stopped

          After that whoever runs the bot opens the gate with `wilco gate open claude`. Where its credentials are watched it opens by itself. Until then no job calls it.
          [Run again] [Details]
    ana | /run triage
    bot | Paused · p6j8 · claude is paused. It was not called

          It can be run again once that gate is open: whoever runs the bot opens the gate with `wilco gate open claude`.
          [Run again] [Details]
    bot | ↳ @ana paused: triage (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h9_nothing_calls_a_closed_backend_and_work_goes_on_after_an_owner_has_opened_it() {
    let (stage, agents) = stage().await;
    let (ana, cleo) = (Actor::named("ana"), Actor::named("cleo"));
    agents.answers(session_expired());
    stage.says(&ana, OPS, "/run triage").await;
    for _ in 0..5 {
        stage.says(&ana, OPS, "/run triage").await;
        stage.seconds(600).await;
    }
    assert_eq!(agents.calls(), 1);
    let caller = |actor: &Actor| actor.calls_from(OPS);
    let refused = stage.desk().open_gate(&caller(&ana), &claude()).await;
    assert!(matches!(refused, Err(DeskError::NotAllowed { .. })), "{refused:?}");
    stage.desk().open_gate(&caller(&cleo), &claude()).await.expect("an owner may");
    let again = stage.desk().open_gate(&caller(&cleo), &claude()).await.unwrap_err();
    assert_eq!(again.to_string(), "the gate of `claude` is not closed, nothing was changed. No gate is closed");
    stage.says(&ana, OPS, "/run triage").await;
    assert_eq!(agents.calls(), 2);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h9_the_command_line_opens_it_beside_a_running_bot_and_what_rests_goes_on() {
    let (stage, agents) = stage().await;
    let ana = Actor::named("ana");
    agents.answers(Answer::fails("exit 2", "no network"));
    agents.answers(Answer::fails("exit 2", "no network"));
    stage.says(&ana, OPS, "/run triage").await;
    stage.seconds(2).await;
    agents.answers(session_expired());
    stage.says(&ana, OPS, "/run triage").await;
    assert_eq!((agents.calls(), closed(&stage).await.len()), (3, 1));
    let beside = stage.desk_beside().await;
    assert_eq!(beside.gates().await.expect("it can be looked at").len(), 1);
    beside.open_gate(&Caller::Host, &claude()).await.expect("it was closed");
    stage.seconds(10).await;
    assert_eq!(agents.calls(), 4, "the third attempt of the first job");
    assert!(closed(&stage).await.is_empty());
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h9_a_configuration_that_was_read_again_opens_every_gate() {
    let (mut stage, agents) = stage().await;
    agents.answers(session_expired());
    stage.says(&Actor::named("ana"), OPS, "/run triage").await;
    assert_eq!(closed(&stage).await.len(), 1);
    stage.configures(|settings| settings.quotas.person_running = 5).await;
    assert!(closed(&stage).await.is_empty());
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h9_credentials_that_change_open_the_gate_and_a_sign_out_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("credentials.json");
    std::fs::write(&path, "old").expect("a file");
    let agents = Agents::of("work");
    let own = BackendSettings { service: Service::Claude, credentials: Some(path.clone()) };
    let mut stage = Stage::builder()
        .worker("triage", Arc::new(agents.clone()))
        .settings(|settings| drop(settings.backends.insert("work".to_owned(), own)))
        .begin()
        .await;
    let ana = Actor::named("ana");
    agents.answers(session_expired());
    stage.says(&ana, OPS, "/run triage").await;
    stage.seconds(5).await;
    assert_eq!(closed(&stage).await, [("work".to_owned(), GateReason::SessionExpired)]);
    std::fs::remove_file(&path).expect("it was there");
    stage.seconds(5).await;
    assert_eq!(closed(&stage).await.len(), 1, "nobody has signed in");
    stage.crashes_and_restarts().await;
    assert_eq!(closed(&stage).await.len(), 1, "a restart opens nothing");
    std::fs::write(&path, "a new session").expect("a file");
    stage.seconds(2).await;
    assert!(closed(&stage).await.is_empty());
    stage.says(&ana, OPS, "/run triage").await;
    assert_eq!(agents.calls(), 2);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h9_a_sign_in_while_the_failing_job_still_runs_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("credentials.json");
    std::fs::write(&path, "old").expect("a file");
    let agents = Agents::of("claude");
    let own = BackendSettings { service: Service::Claude, credentials: Some(path.clone()) };
    let stage = Stage::builder()
        .worker("triage", Arc::new(agents.clone()))
        .settings(|settings| drop(settings.backends.insert("claude".to_owned(), own)))
        .begin()
        .await;
    agents.answers(session_expired().held());
    stage.says(&Actor::named("ana"), OPS, "/run triage").await;
    stage.seconds(1).await;
    std::fs::write(&path, "a new session").expect("a file");
    agents.let_go();
    stage.seconds(3).await;
    assert!(closed(&stage).await.is_empty());
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h10_the_notice_comes_once_and_status_goes_on_saying_it() {
    let (stage, agents) = stage().await;
    let ana = Actor::named("ana");
    agents.answers(session_expired().held());
    agents.answers(session_expired().held());
    stage.says(&ana, OPS, "/run triage").await;
    stage.says(&ana, OPS, "/run triage").await;
    stage.seconds(20).await;
    agents.let_go();
    stage.seconds(5).await;
    stage.says(&ana, OPS, "/status").await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run triage
    bot | Paused · u6b3 · sign in to claude again. Retries stopped

          After that whoever runs the bot opens the gate with `wilco gate open claude`. Where its credentials are watched it opens by itself. Until then no job calls it.
          [Run again] [Details]
    ana | /run triage
    bot | Paused · p6j8 · claude is paused. Retries stopped

          It can be run again once that gate is open: whoever runs the bot opens the gate with `wilco gate open claude`.
          [Run again] [Details]
    bot | ↳ @ana paused: triage (u6b3)
    ana | /status
    only ana sees | Running 0 · queued 0 · waiting to be delivered 0
                    Paused · claude · sign in to claude again, then whoever runs the bot opens the gate with `wilco gate open claude`
    ");
    let notices = stage.sees(OPS).matches("bot | Paused").count();
    let actionable = stage.sees(OPS).matches("· sign in to claude again. Retries stopped").count();
    assert_eq!((notices, actionable), (2, 1));
    assert_eq!(stage.sees(OPS).matches("@ana").count(), 1, "called once");
    assert_eq!(stage.desk_health().await.gates.len(), 1);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h11_credit_and_a_missing_key_go_the_same_way() {
    let key = Answer::fails("exit 1", "Invalid API key · Please run /login");
    let credit = Answer::fails("exit 1", "the agent stopped").after_saying("Credit balance is too low");
    let typed = Answer::fails_with(Failure::NeedsCredit);
    let (stage, agents) = stage().await;
    let ana = Actor::named("ana");
    for (answer, reason) in [
        (key, GateReason::NeedsKey),
        (credit, GateReason::NeedsCredit),
        (typed, GateReason::NeedsCredit),
        (Answer::fails_with(Failure::NeedsKey), GateReason::NeedsKey),
        (Answer::fails_with(Failure::SessionExpired), GateReason::SessionExpired),
    ] {
        let before = agents.calls();
        agents.answers(answer);
        stage.says(&ana, OPS, "/run triage").await;
        stage.seconds(60).await;
        assert_eq!(agents.calls(), before + 1);
        assert_eq!(closed(&stage).await, [("claude".to_owned(), reason)]);
        stage.desk().open_gate(&Caller::Host, &claude()).await.expect("it was closed");
    }
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run triage
    bot | Paused · u6b3 · claude needs a valid key. Retries stopped

          After that whoever runs the bot opens the gate with `wilco gate open claude`. Where its credentials are watched it opens by itself. Until then no job calls it.
          [Run again] [Details]
    ana | /run triage
    bot | Paused · p6j8 · claude has no credit left, top it up. Retries stopped

          After that whoever runs the bot opens the gate with `wilco gate open claude`. Where its credentials are watched it opens by itself. Until then no job calls it.
          [Run again] [Details]
    ana | /run triage
    bot | Paused · c9t5 · claude has no credit left, top it up. Retries stopped

          After that whoever runs the bot opens the gate with `wilco gate open claude`. Where its credentials are watched it opens by itself. Until then no job calls it.
          [Run again] [Details]
    ana | /run triage
    bot | Paused · g3q2 · claude needs a valid key. Retries stopped

          After that whoever runs the bot opens the gate with `wilco gate open claude`. Where its credentials are watched it opens by itself. Until then no job calls it.
          [Run again] [Details]
    ana | /run triage
    bot | Paused · m5q4 · sign in to claude again. Retries stopped

          After that whoever runs the bot opens the gate with `wilco gate open claude`. Where its credentials are watched it opens by itself. Until then no job calls it.
          [Run again] [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn h8_a_gate_stays_closed_over_a_crash() {
    let (mut stage, agents) = stage().await;
    let ana = Actor::named("ana");
    agents.answers(session_expired());
    stage.says(&ana, OPS, "/run triage").await;
    stage.crashes_and_restarts().await;
    stage.says(&ana, OPS, "/run triage").await;
    stage.seconds(60).await;
    assert_eq!((agents.calls(), stage.jobs().await.len()), (1, 1));
    stage.ends().await;
}
