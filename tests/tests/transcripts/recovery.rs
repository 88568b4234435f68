//! What a starting process does about the one that is gone (U1 to U6), and what waits for an account.

use insta::assert_snapshot;
use wilco_core::contract::ContractState;
use wilco_core::desk::Desk;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::worker::{OnInterrupt, WorkerState};
use wilco_core::{AccountId, Cause, EnvelopeKind};
use wilco_sim::{Fault, Profile, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

fn sim() -> AccountId {
    AccountId::new("sim")
}

async fn connected(stage: &Stage) -> bool {
    let health = stage.desk().health().await.expect("the store answers");
    health.accounts.iter().any(|account| account.account == sim() && account.connected)
}

#[tokio::test(start_paused = true)]
async fn u1_u4_a_job_that_was_lost_in_a_crash_is_reported_to_its_person() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    job.step(3, 7, "collecting");
    stage.seconds(20).await;
    stage.crashes().await;
    stage.seconds(100).await;
    stage.start().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Interrupted · u6b3 · bot restarted at 09:02 UTC
          [Run again] [Details]
    bot | ↳ @ana interrupted: report (u6b3)
    ");
    let inspection = stage.inspect(job.short.as_str()).await;
    assert_eq!(inspection.job.state, WorkerState::Interrupted);
    // One press starts it again.
    stage.presses(&ana, "Run again").await;
    let again = stage.puppets.next();
    again.ends("Now it is done.");
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Interrupted · u6b3 · bot restarted at 09:02 UTC
          [Run again] [Details]
    bot | ↳ @ana interrupted: report (u6b3)
    bot | Done · p6j8 · 0s

          Now it is done.
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn u1_recovery_ends_a_job_with_its_receipts_and_closes_nothing_itself() {
    let mut stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(2).await;
    stage.platform.offline(&sim(), true);
    stage.crashes_and_restarts().await;
    let short = job.short.as_str();
    assert_eq!(stage.inspect(short).await.job.state, WorkerState::Interrupted);
    assert_eq!(stage.contract(short).await, ContractState::TerminalPending);
    let content = stage.receipt(short, ReceiptKind::Content).await;
    assert_eq!((content.state, content.reason), (ReceiptState::Pending, None));
    let names = stage.journal(short).await;
    let recovered = names.iter().position(|name| *name == "recovered").expect("it is journalled");
    assert_eq!(names[recovered..recovered + 3], ["recovered", "completed", "contract_moved"]);
    stage.platform.offline(&sim(), false);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn u1_a_kind_that_may_run_again_does_twice_and_is_then_reported() {
    let mut stage =
        Stage::builder().settings(|settings| settings.defaults.on_interrupt = OnInterrupt::Rerun).begin().await;
    let first = stage.runs(&Actor::named("ana"), OPS).await;
    for rerun in 1..=2 {
        stage.seconds(5).await;
        stage.crashes_and_restarts().await;
        let again = stage.puppets.next();
        assert_eq!((again.input.rerun, again.short.as_str()), (rerun, first.short.as_str()));
    }
    stage.seconds(5).await;
    stage.crashes_and_restarts().await;
    assert_eq!(stage.puppets.waiting(), 0, "a third time would be once too often");
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Interrupted · u6b3 · bot restarted at 09:00 UTC
          [Run again] [Details]
    bot | ↳ @ana interrupted: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn u1_a_job_that_never_started_starts_after_the_restart() {
    let mut stage = Stage::builder().settings(|settings| settings.quotas.person_running = 1).begin().await;
    let ana = Actor::named("ana");
    let first = stage.runs(&ana, OPS).await;
    stage.says(&ana, OPS, "/run report second").await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | On it · report · u6b3
          [Cancel]
    ana | /run report second
    bot | Queued · report · p6j8 · next
          [Cancel]
    ");
    stage.crashes_and_restarts().await;
    let second = stage.puppets.next();
    assert_eq!(second.input.text, "second");
    assert_ne!(second.short, first.short);
    stage.seconds(1).await;
    second.ends("The second.");
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Interrupted · u6b3 · bot restarted at 09:00 UTC
          [Run again] [Details]
    ana | /run report second
    bot | Done · p6j8 · 1s

          The second.
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn u2_what_people_have_seen_stays_done_through_any_number_of_restarts() {
    let mut stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    job.writes("log.txt", "one\n");
    stage.seconds(20).await;
    job.ends(&"a line of the result\n".repeat(150));
    stage.seconds(2).await;
    let before = stage.sees(OPS);
    let receipts = stage.receipts(job.short.as_str()).await;
    let calls = stage.platform.log().len();
    for _ in 0..3 {
        stage.crashes_and_restarts().await;
        stage.seconds(70).await;
    }
    assert_eq!(stage.contract(job.short.as_str()).await, ContractState::TerminalAcked);
    assert_eq!(stage.receipts(job.short.as_str()).await, receipts);
    assert_eq!(stage.sees(OPS), before);
    assert_eq!(stage.platform.log().len(), calls, "nothing was sent again");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn u3_a_stub_found_in_doubt_is_reconciled_as_the_platform_can() {
    // What the restarted process calls first, and how many messages there are in the end.
    for (profile, first_call, created) in [
        (Profile::DiscordLike, Verb::Post, 1),
        (Profile::SlackLike, Verb::Find, 1),
        (Profile::TelegramLike, Verb::Post, 2),
    ] {
        let mut stage = Stage::builder()
            .profile(profile)
            .settings(|settings| settings.defaults.on_interrupt = OnInterrupt::Rerun)
            .begin()
            .await;
        stage.fault(Rule::new(Fault::Hang { applied: true }).on(Verb::Post));
        drop(stage.runs(&Actor::named("ana"), OPS).await);
        stage.seconds(1).await;
        let before = stage.platform.log().len() as u64;
        stage.crashes_and_restarts().await;
        stage.seconds(5).await;
        let log = stage.platform.log_after(before);
        let verb = log.iter().find_map(|entry| entry.call()).map(|call| call.verb);
        assert_eq!(verb, Some(first_call), "{}", profile.name());
        assert_eq!(stage.created(), created, "{}", profile.name());
        assert_eq!(stage.contract("report").await, ContractState::Acked, "{}", profile.name());
        stage.puppets.next().ends("All is well.");
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn u3_beyond_the_nonce_window_discord_is_asked_before_anything_is_posted_again() {
    let mut stage = Stage::new().await;
    stage.fault(Rule::new(Fault::Hang { applied: true }).on(Verb::Post));
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    job.ends("All is well.");
    stage.moment().await;
    stage.crashes().await;
    stage.seconds(120).await;
    stage.start().await;
    stage.seconds(5).await;
    assert_eq!(stage.created(), 1, "found, not posted again");
    let log = stage.platform.log();
    let finds = log.iter().filter_map(|entry| entry.call()).filter(|call| call.verb == Verb::Find);
    assert_eq!(finds.map(|call| call.outcome.as_str()).collect::<Vec<_>>(), ["here"]);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 0s

          All is well.
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn u3_an_edit_found_in_doubt_is_sent_again_and_asserted_once_more() {
    let mut stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(2).await;
    stage.fault(Rule::new(Fault::Hang { applied: true }).kind(EnvelopeKind::Content));
    job.ends("All is well.");
    stage.moment().await;
    stage.crashes_and_restarts().await;
    stage.seconds(1).await;
    assert_eq!(stage.contract(job.short.as_str()).await, ContractState::TerminalAcked);
    stage.seconds(60).await;
    assert_eq!(stage.calls(Verb::Edit, EnvelopeKind::Content).len(), 3, "in doubt, again, and asserted");
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 2s

          All is well.
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn u3_an_open_question_survives_a_crash_and_the_old_button_answers_it() {
    let mut stage =
        Stage::builder().settings(|settings| settings.defaults.on_interrupt = OnInterrupt::Rerun).begin().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(2).await;
    drop(job.asks("Deploy to production?", &["Yes", "No"]));
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Waiting for you · u6b3
          Deploy to production?
          [Yes] [No] [Cancel]
    bot | ↳ @ana question: report (u6b3)
    ");
    stage.crashes_and_restarts().await;
    let again = stage.puppets.next();
    let answer = again.asks("Deploy to production?", &["Yes", "No"]);
    stage.seconds(1).await;
    stage.presses(&ana, "No").await;
    assert_eq!(answer.await.unwrap(), Ok(1));
    again.ends("Not deployed.");
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 1s

          Not deployed.
          [Details]
    bot | ↳ @ana question: report (u6b3)
    only ana sees | Answered · u6b3 · No
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn u6_a_platform_that_cannot_be_reached_at_the_start_is_tried_until_it_can() {
    let mut stage = Stage::new().await;
    stage.drains().await;
    stage.platform.offline(&sim(), true);
    stage.start().await;
    stage.platform.say(&Actor::named("ana").0, &Actor::named("ana").at(OPS), "/run report").expect("people can write");
    stage.seconds(300).await;
    assert_eq!(stage.puppets.waiting(), 0);
    assert!(!connected(&stage).await);
    stage.platform.offline(&sim(), false);
    stage.seconds(65).await;
    assert!(connected(&stage).await);
    stage.puppets.next().ends("All is well.");
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 46s

          All is well.
          [Details]
    bot | ↳ @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_stopped_account_keeps_everything_and_spends_nothing_until_a_person_has_acted() {
    for by_restart in [false, true] {
        let mut stage = Stage::new().await;
        let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
        let (one, two) = (stage.runs(&ana, OPS).await, stage.runs(&dora, Where::Channel("other")).await);
        stage.seconds(2).await;
        stage.platform.stop_account(&sim(), Some(Cause::new("token_revoked", "sign in again")));
        one.ends("The first.");
        stage.seconds(10).await;
        let calls = stage.platform.log().iter().filter(|entry| entry.call().is_some()).count();
        two.ends("The second.");
        stage.seconds(3_600).await;
        assert_eq!(
            stage.platform.log().iter().filter(|entry| entry.call().is_some()).count(),
            calls,
            "a refused credential is not tried again and again"
        );
        let health = stage.desk().health().await.unwrap();
        let paused = health.accounts.iter().find(|account| account.account == sim()).unwrap();
        assert_eq!(paused.paused.as_deref(), Some("token_revoked: sign in again"));
        assert_eq!(health.undelivered, 2);
        for short in [&one.short, &two.short] {
            let content = stage.receipt(short.as_str(), ReceiptKind::Content).await;
            assert_eq!((content.state, content.attempts), (ReceiptState::Pending, 0));
        }
        stage.platform.stop_account(&sim(), None);
        if by_restart {
            stage.crashes_and_restarts().await;
        } else {
            stage.configures(|_| {}).await;
        }
        stage.seconds(1).await;
        assert!(stage.message("Done · u6b3").shown().text.contains("The first."));
        assert!(stage.message("Done · p6j8").shown().text.contains("The second."));
        stage.ends().await;
    }
}
