//! A job asks a person: answered once, by who may, also after a restart, and never after the end.

use insta::assert_snapshot;
use wilco_core::job::NoAnswer;
use wilco_core::settings::KindSettings;
use wilco_core::worker::{OnInterrupt, WorkerState};
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");
const CHOICES: [&str; 2] = ["Yes", "No"];

/// A stage whose jobs are run again after a crash.
async fn rerunning() -> Stage {
    let rerun = KindSettings { on_interrupt: OnInterrupt::Rerun, ..KindSettings::default() };
    let settings = Stage::builder().settings(|settings| {
        settings.kinds.insert("report".to_owned(), rerun);
    });
    settings.begin().await
}

#[tokio::test(start_paused = true)]
async fn a_question_stands_in_the_jobs_own_message_calls_the_person_and_goes_back_to_progress() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(4).await;
    job.step(1, 3, "collecting");
    stage.seconds(4).await;
    let mut answer = job.asks("Overwrite the old report?", &CHOICES);
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Waiting for you · u6b3
          Overwrite the old report?
          [Yes] [No] [Cancel]
    bot | ↳ @ana question: report (u6b3)
    ");
    assert_eq!(stage.jobs().await[0].state, WorkerState::WaitingForInput);
    stage.presses(&ana, "No").await;
    assert_eq!(answer.try_recv().expect("the answer has arrived"), Ok(1));
    stage.seconds(4).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Working · u6b3 · 8s · step 1/3
          ```
          collecting
          ```
          [Cancel]
    bot | ↳ @ana question: report (u6b3)
    only ana sees | Answered · u6b3 · No
    ");
    job.ends("Kept the old one.");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn the_first_press_counts_and_a_second_is_told_so() {
    let stage = Stage::new().await;
    let (ana, cleo) = (Actor::named("ana"), Actor::named("cleo"));
    let job = stage.runs(&ana, OPS).await;
    let mut answer = job.asks("Overwrite the old report?", &CHOICES);
    stage.seconds(1).await;
    let (message, no) = stage.button("No");
    stage.presses(&ana, "Yes").await;
    stage.presses_late(&cleo, OPS, Some(&message), &no).await;
    stage.presses_late(&ana, OPS, Some(&message), &no).await;
    assert_eq!(answer.try_recv().expect("the answer has arrived"), Ok(0));
    assert_eq!(stage.journal(job.short.as_str()).await.iter().filter(|name| **name == "answered").count(), 1);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Working · u6b3 · 1s
          [Cancel]
    bot | ↳ @ana question: report (u6b3)
    only ana sees | Answered · u6b3 · Yes
    only cleo sees | Answered already · u6b3 · Yes by ana. Nothing was changed.
    only ana sees | Answered already · u6b3 · Yes by ana. Nothing was changed.
    ");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn somebody_who_may_not_answer_changes_nothing_and_learns_no_more_than_they_may() {
    let stage = Stage::new().await;
    let (ana, bo, stranger) = (Actor::named("ana"), Actor::named("bo"), Actor::named("stranger"));
    let job = stage.runs(&ana, OPS).await;
    let mut answer = job.asks("Overwrite the old report?", &CHOICES);
    stage.seconds(1).await;
    let (_, yes) = stage.button("Yes");
    stage.presses(&bo, "Yes").await;
    stage.presses(&stranger, "Yes").await;
    // From a channel in which it is not shown, the question does not exist.
    stage.presses_late(&bo, Where::Channel("elsewhere"), None, &yes).await;
    assert!(answer.try_recv().is_err());
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Waiting for you · u6b3
          Overwrite the old report?
          [Yes] [No] [Cancel]
    bot | ↳ @ana question: report (u6b3)
    only bo sees | Not allowed: u6b3 takes an answer from who started it, a moderator or role owner. You: viewer
    only stranger sees | Not allowed: this button needs role viewer. You: no role
    ");
    assert_snapshot!(stage.sees(Where::Channel("elsewhere")), @"only bo sees | This button belongs to a job that is not kept any more. Nothing was changed; /jobs lists the recent ones.");
    stage.presses(&ana, "Yes").await;
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_press_after_the_end_says_expired_and_ask_again_starts_the_job_anew() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    let answer = job.asks("Overwrite the old report?", &CHOICES);
    stage.seconds(1).await;
    let (message, yes) = stage.button("Yes");
    stage.presses(&ana, "Cancel").await;
    assert_eq!(answer.await.expect("the job was told"), Err(NoAnswer::Stopped));
    stage.seconds(120).await;
    stage.presses_late(&ana, OPS, Some(&message), &yes).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Cancelled · u6b3 · after 1s
          asked by ana
          [Run again] [Details]
    bot | ↳ @ana question: report (u6b3)
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: no reason given
    only ana sees | This question expired at 09:00 UTC: u6b3 has ended. Nothing was changed.
                    [Ask again]
    ");
    stage.presses_in_note(&ana, OPS, "Ask again").await;
    let again = stage.puppets.next();
    let mut answer = again.asks("Overwrite the old report?", &CHOICES);
    stage.moment().await;
    stage.presses(&ana, "Yes").await;
    assert_eq!(answer.try_recv().expect("the answer has arrived"), Ok(0));
    again.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn an_open_question_survives_a_crash_and_is_not_asked_a_second_time() {
    let mut stage = rerunning().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    let _lost = job.asks("Overwrite the old report?", &CHOICES);
    stage.seconds(30).await;
    stage.crashes_and_restarts().await;
    let again = stage.puppets.next();
    let mut answer = again.asks("Overwrite the old report?", &CHOICES);
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Waiting for you · u6b3
          Overwrite the old report?
          [Yes] [No] [Cancel]
    bot | ↳ @ana question: report (u6b3)
    ");
    stage.presses(&ana, "Yes").await;
    assert_eq!(answer.try_recv().expect("the answer has arrived"), Ok(0));
    stage.seconds(1).await;
    again.ends("42");
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 2s

          42
          [Details]
    bot | ↳ @ana question: report (u6b3)
    only ana sees | Answered · u6b3 · Yes
    bot | ↳ @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_given_while_the_bot_was_down_or_before_it_asks_again_is_kept() {
    let mut stage = rerunning().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    let _lost = job.asks("Overwrite the old report?", &CHOICES);
    stage.seconds(30).await;
    stage.crashes().await;
    let (message, no) = stage.button("No");
    stage.presses_late(&ana, OPS, Some(&message), &no).await;
    stage.start().await;
    stage.seconds(1).await;
    let again = stage.puppets.next();
    let answer = again.asks("Overwrite the old report?", &CHOICES);
    assert_eq!(answer.await.expect("it is known already"), Ok(1));
    stage.seconds(5).await;
    assert_eq!(stage.jobs().await[0].state, WorkerState::Running);
    assert_eq!(stage.journal(again.short.as_str()).await.iter().filter(|name| **name == "question").count(), 1);
    again.ends("Kept the old one.");
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 6s

          Kept the old one.
          [Details]
    bot | ↳ @ana question: report (u6b3)
    only ana sees | Answered · u6b3 · No
    bot | ↳ @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_only_reported_after_a_crash_says_so_in_place_of_its_question() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    let _lost = job.asks("Overwrite the old report?", &CHOICES);
    stage.seconds(30).await;
    let (message, yes) = stage.button("Yes");
    stage.crashes_and_restarts().await;
    stage.seconds(1).await;
    stage.presses_late(&ana, OPS, Some(&message), &yes).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Interrupted · u6b3 · bot restarted at 09:00 UTC
          [Run again] [Details]
    bot | ↳ @ana question: report (u6b3)
    bot | ↳ @ana interrupted: report (u6b3)
    only ana sees | This question expired at 09:00 UTC: u6b3 has ended. Nothing was changed.
                    [Ask again]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn two_questions_one_after_the_other_each_get_their_own_answer() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    let mut first = job.asks("Which region?", &["North", "South"]);
    stage.seconds(1).await;
    let (message, north) = stage.button("North");
    stage.presses(&ana, "South").await;
    let mut second = job.asks("Which week?", &["This one", "The last"]);
    stage.seconds(1).await;
    stage.presses_late(&ana, OPS, Some(&message), &north).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Waiting for you · u6b3
          Which week?
          [This one] [The last] [Cancel]
    bot | ↳ @ana question: report (u6b3)
    only ana sees | Answered · u6b3 · South
    bot | ↳ @ana question: report (u6b3)
    only ana sees | Answered already · u6b3 · South by ana. Nothing was changed.
    ");
    stage.presses(&ana, "The last").await;
    assert_eq!(first.try_recv().expect("answered"), Ok(1));
    assert_eq!(second.try_recv().expect("answered"), Ok(1));
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_question_whose_edit_gets_lost_is_still_asked_and_the_answer_is_taken() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.fault(Rule::new(Fault::Lost).on(Verb::Edit));
    let mut answer = job.asks("Overwrite the old report?", &CHOICES);
    stage.seconds(60).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Waiting for you · u6b3
          Overwrite the old report?
          [Yes] [No] [Cancel]
    bot | ↳ @ana question: report (u6b3)
    ");
    stage.presses(&ana, "Yes").await;
    assert_eq!(answer.try_recv().expect("the answer has arrived"), Ok(0));
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_cannot_be_shown_is_refused_to_the_job() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    let answer = job.asks("Which of these?", &["1", "2", "3", "4", "5", "6"]);
    let refused = answer.await.expect("the job was told");
    assert_eq!(refused, Err(NoAnswer::Refused("it has 6 choices; 1 to 5 can be shown".to_owned())));
    assert_eq!(stage.jobs().await[0].state, WorkerState::Running);
    job.ends("42");
    stage.ends().await;
}
