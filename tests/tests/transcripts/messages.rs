//! One message per job and channel, edited in place (M1 to M8, M13, M14).

use insta::assert_snapshot;
use wilco_core::EnvelopeKind;
use wilco_core::contract::ContractState;
use wilco_core::worker::OnInterrupt;
use wilco_sim::{Fault, Profile, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

#[tokio::test(start_paused = true)]
async fn m1_m4_each_job_has_one_message_and_start_progress_and_result_are_edits_of_it() {
    let stage = Stage::new().await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    let (one, two) = (stage.runs(&ana, OPS).await, stage.runs(&dora, OPS).await);
    for step in 1..=5 {
        stage.seconds(4).await;
        one.step(step, 5, "of the first");
        two.step(step, 5, "of the second");
    }
    stage.seconds(4).await;
    assert_eq!(stage.created(), 2, "one message for each job");
    one.ends("The first.");
    two.ends("The second.");
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 24s

          The first.
          [Details]
    dora | /run report
    bot | Done · p6j8 · 24s

          The second.
          [Details]
    bot | ↳ @dora done: report (p6j8)
    bot | ↳ @ana done: report (u6b3)
    ");
    assert_eq!(stage.created(), 4, "and one ping for each");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m2_progress_that_comes_while_the_acknowledgement_is_on_its_way_makes_no_second_message() {
    for profile in Profile::ALL {
        let stage = Stage::builder().profile(profile).begin().await;
        stage.fault(Rule::new(Fault::RetryAfter { millis: 3_000, scope: wilco_core::Scope::Chat }).on(Verb::Post));
        let job = stage.runs(&Actor::named("ana"), OPS).await;
        for step in 1..=50 {
            job.step(step, 50, "at once");
        }
        stage.seconds(1).await;
        assert_eq!(stage.created(), 0);
        stage.seconds(5).await;
        assert_eq!(stage.created(), 1);
        assert_eq!(stage.message("Working").shown().text.lines().next().unwrap(), "Working · u6b3 · 3s · step 50/50");
        job.ends("All is well.");
        stage.seconds(1).await;
        assert_eq!(stage.created(), 1);
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn m3_a_message_whose_id_was_never_learnt_is_replaced_at_once() {
    let stage = Stage::builder().profile(Profile::TelegramLike).begin().await;
    stage.fault(Rule::new(Fault::Lost).on(Verb::Post));
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | On it · report · u6b3
          [Cancel]
    bot | On it · report · u6b3
          [Cancel]
    ");
    job.step(1, 2, "half");
    stage.seconds(4).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | On it · report · u6b3
          [Cancel]
    bot | Working · u6b3 · 1s · step 1/2
          ```
          half
          ```
          [Cancel]
    ");
    job.ends("All is well.");
    stage.seconds(1).await;
    // The stray is an empty place; a press on it reveals where it stands, and it is adopted.
    let stray = stage.snapshot().messages.iter().find(|one| one.shown().text.starts_with("On it")).unwrap().id.clone();
    stage.platform.press(&Actor::named("ana").0, &stray, "Cancel").expect("the button is there");
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Continued below · report · u6b3
    bot | Done · u6b3 · 5s

          All is well.
          [Details]
    only ana sees | Already completed · u6b3 · done. Nothing was changed.
                    [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m3_a_press_on_a_stray_while_the_job_runs_cancels_it_and_points_below() {
    let stage = Stage::builder().profile(Profile::TelegramLike).begin().await;
    stage.fault(Rule::new(Fault::Lost).on(Verb::Post));
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(5).await;
    let stray = stage.snapshot().messages.iter().find(|one| one.shown().text.starts_with("On it")).unwrap().id.clone();
    stage.platform.press(&Actor::named("ana").0, &stray, "Cancel").expect("the button is there");
    stage.seconds(1).await;
    assert!(!job.is_alive());
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Continued below · report · u6b3
    bot | Cancelled · u6b3 · after 5s
          asked by ana
          [Run again] [Details]
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: no reason given
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m3_a_message_that_a_person_deleted_is_replaced_once_at_the_end_and_not_before() {
    let stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    job.step(1, 3, "first");
    stage.seconds(4).await;
    stage.deletes("Working");
    for step in 2..=3 {
        job.step(step, 3, "unseen");
        stage.seconds(5).await;
    }
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | — deleted —
    ");
    job.ends("All is well.");
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | — deleted —
    bot | Done · u6b3 · 14s

          All is well.
          [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m3_a_replacement_that_is_deleted_as_well_is_not_replaced_again() {
    let stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(2).await;
    stage.deletes("On it");
    // The replacement appears, and is removed before the result is in it.
    stage.fault(Rule::new(Fault::Dropped).kind(EnvelopeKind::Content).after(1));
    job.ends("All is well.");
    stage.moment().await;
    stage.deletes("On it");
    stage.seconds(60).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | — deleted —
    bot | — deleted —
    ");
    assert_snapshot!(stage.operators_list().await, @"u6b3 content 0: deleted: the message was deleted");
    assert_eq!(stage.contract(job.short.as_str()).await, ContractState::TerminalFailed);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m3_m4_a_transient_failure_of_an_edit_posts_nothing_new_and_forgets_nothing() {
    for fault in [Fault::Dropped, Fault::ServerError { applied: false }, Fault::Hang { applied: false }] {
        let stage = Stage::new().await;
        let job = stage.runs(&Actor::named("ana"), OPS).await;
        stage.seconds(2).await;
        stage.fault(Rule::new(fault.clone()).kind(EnvelopeKind::Progress).times(2));
        stage.fault(Rule::new(fault.clone()).kind(EnvelopeKind::Content).times(2));
        for step in 1..=4 {
            job.step(step, 4, "on");
            stage.seconds(20).await;
        }
        job.fails("exit 2", "broken pipe");
        stage.seconds(120).await;
        assert!(stage.platform.faults_left().is_empty());
        let posted = stage.calls(Verb::Post, EnvelopeKind::Stub).len();
        assert_eq!(posted, 1, "{}", fault.name());
        assert!(stage.message("Failed").edits() > 0, "the same message carries the end");
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn m5_after_a_restart_the_same_message_is_edited_on() {
    let mut stage =
        Stage::builder().settings(|settings| settings.defaults.on_interrupt = OnInterrupt::Rerun).begin().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    job.step(2, 7, "before");
    stage.seconds(4).await;
    stage.crashes_and_restarts().await;
    let again = stage.puppets.next();
    assert_eq!((again.short.as_str(), again.input.rerun), (job.short.as_str(), 1));
    again.step(3, 7, "after");
    stage.seconds(20).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Working · u6b3 · 0s · step 3/7
          ```
          after
          ```
          [Cancel]
    ");
    again.ends("All is well.");
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 20s

          All is well.
          [Details]
    bot | ↳ @ana done: report (u6b3)
    ");
    assert_eq!(stage.calls(Verb::Post, EnvelopeKind::Stub).len(), 1);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m6_a_chatty_job_is_shown_at_the_pace_of_the_platform_and_its_last_words_at_once() {
    let stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    for tenth in 1..=1_800_u32 {
        job.step(tenth, 1_800, "line");
        stage.advance(std::time::Duration::from_millis(100)).await;
    }
    let edits = stage.call_seconds(Verb::Edit, EnvelopeKind::Progress);
    assert!(edits.windows(2).all(|pair| pair[1] - pair[0] >= 3), "never sooner than 3 s: {edits:?}");
    let (early, late): (Vec<i64>, Vec<i64>) = edits.iter().partition(|&&at| at < 60);
    assert!((15..=21).contains(&early.len()), "{early:?}");
    assert!((10..=13).contains(&late.len()), "10 s apart after the first minute: {late:?}");
    job.ends("All is well.");
    stage.moment().await;
    assert!(stage.message("Done").shown().text.contains("All is well."), "the result waits for no pace");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m6_a_retry_after_stops_progress_and_the_result_comes_when_it_has_passed() {
    let stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(2).await;
    let slow = Fault::RetryAfter { millis: 30_000, scope: wilco_core::Scope::Chat };
    stage.fault(Rule::new(slow).kind(EnvelopeKind::Progress));
    for step in 1..=10 {
        job.step(step, 10, "on");
        stage.seconds(2).await;
    }
    assert_eq!(stage.call_seconds(Verb::Edit, EnvelopeKind::Progress), [2]);
    job.ends("All is well.");
    stage.seconds(5).await;
    assert!(stage.message("On it").is_visible_bot(), "the platform wants silence from everything in this chat");
    stage.seconds(10).await;
    assert_eq!(stage.call_seconds(Verb::Edit, EnvelopeKind::Content), [32]);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 22s

          All is well.
          [Details]
    bot | ↳ @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m7_the_platforms_word_that_nothing_changed_is_success() {
    let stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(2).await;
    // The first attempt takes effect and its answer is lost, so the second one changes nothing.
    stage.fault(Rule::new(Fault::Lost).kind(EnvelopeKind::Content));
    job.ends("All is well.");
    stage.seconds(10).await;
    let unchanged = |entry: &wilco_sim::Entry| matches!(entry.what, wilco_sim::Logged::Unchanged { .. });
    assert_eq!(stage.platform.log().iter().filter(|entry| unchanged(entry)).count(), 1);
    assert_eq!(
        stage.attempts(job.short.as_str()).await,
        ["stub 1 surfaced", "content 1 ambiguous", "content 2 surfaced"]
    );
    assert_eq!(stage.contract(job.short.as_str()).await, ContractState::TerminalAcked);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m8_a_message_without_a_usable_id_is_posted_again_once_and_edits_never_loop() {
    let stage = Stage::new().await;
    stage.names_no_message(1);
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    job.step(1, 2, "half");
    stage.seconds(10).await;
    job.ends("All is well.");
    stage.seconds(5).await;
    assert_eq!(stage.calls(Verb::Post, EnvelopeKind::Stub).len(), 2);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | On it · report · u6b3
          [Cancel]
    bot | Done · u6b3 · 10s

          All is well.
          [Details]
    ");
    // A platform that never names one: the result stands on the operator's list, and nothing loops.
    stage.names_no_message(u32::MAX);
    let before = stage.platform.log().len();
    let second = stage.runs(&Actor::named("ana"), Where::Channel("other")).await;
    second.ends("Nobody can see this.");
    stage.seconds(3_600).await;
    let calls = stage.platform.log_after(before as u64).iter().filter(|entry| entry.call().is_some()).count();
    assert_eq!(calls, 2, "two creates and no edit");
    assert_snapshot!(stage.operators_list().await, @"
    p6j8 content 0: no_stub: no_message_id: the platform named no message
    p6j8 stub 0: no_message_id: the platform named no message
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m13_an_event_that_comes_twice_starts_one_job() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    assert!(stage.platform.redeliver_last(&"sim".into()));
    stage.seconds(1).await;
    stage.crashes_and_restarts().await;
    assert!(stage.platform.redeliver_last(&"sim".into()));
    stage.seconds(1).await;
    assert_eq!(stage.puppets.waiting(), 0);
    assert_eq!(stage.jobs().await.len(), 1);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Interrupted · u6b3 · bot restarted at 09:00 UTC
          [Run again] [Details]
    ");
    drop(job);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m14_nobody_is_left_typing() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.says(&ana, OPS, "/jobs").await;
    stage.says(&ana, OPS, "good morning").await;
    job.panics("out of cheese");
    stage.seconds(20).await;
    assert!(!stage.platform.is_typing(&stage.address(OPS)));
    stage.ends().await;
}
