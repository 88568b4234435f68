//! A follow-up speaks as its originator, by the road of everything that is typed, and everywhere it is
//! marked as scheduled (F1).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use insta::assert_snapshot;
use wilco_core::desk::{Caller, Desk, FollowupFilter, FollowupWish};
use wilco_core::followup::{Origin, Scheduled};
use wilco_core::job::{Context, Failure, Input, Output, Worker};
use wilco_core::journal::Event;
use wilco_core::when::Zone;
use wilco_core::worker::WorkerState;
use wilco_core::{Cause, Short};
use wilco_tests::{Actor, Stage, Where};

const DEPLOY: Where<'_> = Where::Thread("ops", "deploy");

/// A kind of job that takes a number alone, and nothing at all any more once it was spoiled.
#[derive(Clone, Default)]
struct Picky(Arc<AtomicBool>);

impl Picky {
    fn is_spoiled(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl Worker for Picky {
    async fn run(&self, _ctx: Context, input: Input) -> Result<Output, Failure> {
        Ok(Output::text(format!("Counted to {}.", input.text)))
    }

    fn check(&self, input: &Input) -> Result<(), String> {
        if self.0.load(Ordering::SeqCst) {
            return Err("it has forgotten how to count".to_owned());
        }
        input.text.parse::<u32>().map(drop).map_err(|_| "it takes a number, such as `7`".to_owned())
    }
}

async fn nothing_is_scheduled(stage: &Stage) {
    let filter = FollowupFilter { all: true, ..FollowupFilter::default() };
    let all = stage.desk().followups(&Caller::Host, &filter).await.expect("the store answers");
    assert!(all.is_empty(), "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn f1_a_synthetic_turn_names_its_follow_up_its_times_its_originator_and_why() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, DEPLOY, "/followup in 5m /run report all").await;
    let due = stage.due(&id).await;
    stage.until(due.plus(Duration::from_millis(20))).await;
    let run = stage.puppets.next();
    let mark = stage.mark(run.short.as_str()).await;
    assert!(mark.fired >= due && mark.fired.since(due) <= Duration::from_millis(5), "{due} {mark:?}");
    let expected = Scheduled {
        followup: Short::new(id.as_str()),
        due,
        fired: mark.fired,
        zone: Zone::UTC,
        originator: "ana".to_owned(),
        reason: "/followup in 5m".to_owned(),
        manual: false,
        late: None,
    };
    assert_eq!(mark, expected);
    // The job, the list of jobs and the journal carry the same mark, and the job runs in Ana's name.
    assert_eq!((run.input.text.as_str(), &run.input.person), ("all", &ana.0));
    assert_eq!(run.input.origin, Origin::Scheduled(expected.clone()));
    let accepted = &stage.inspect(run.short.as_str()).await.events[0].event;
    let Event::Accepted { scheduled, by, address, .. } = accepted else { panic!("{accepted:?}") };
    assert_eq!((scheduled.as_ref(), by.as_str(), address), (Some(&expected), "ana", &stage.address(DEPLOY)));
    let row = &stage.followup(&id).await.occurrences[0];
    assert_eq!((row.fired, row.due), (Some(mark.fired), due));
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 5m /run report all
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f6b3
                    [Cancel]
    bot | On it · report · p6j8
          scheduled · f6b3 · Mon 2 Mar 2026 09:05 UTC · by ana
          [Cancel]
    ");
    run.ends("All is well.");
    stage.seconds(1).await;
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 5m /run report all
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f6b3
                    [Cancel]
    bot | Done · p6j8 · 0s
          scheduled · f6b3 · Mon 2 Mar 2026 09:05 UTC · by ana

          All is well.
          [Details]
    bot | ↳ @ana done: report (p6j8)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f1_a_reason_that_was_given_stands_in_the_mark() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let wish = FollowupWish {
        when: "in 1m".to_owned(),
        text: "/run report".to_owned(),
        reason: Some("the release is due".to_owned()),
        ..FollowupWish::default()
    };
    stage.wishes(&ana, DEPLOY, wish).await;
    stage.seconds(61).await;
    let run = stage.puppets.next();
    assert_eq!(stage.mark(run.short.as_str()).await.reason, "the release is due");
    run.ends("Released.");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f1_what_could_not_be_done_then_is_refused_while_somebody_is_there_to_mend_it() {
    let stage = Stage::builder().worker("count", Arc::new(Picky::default())).begin().await;
    let (ana, bo) = (Actor::named("ana"), Actor::named("bo"));
    for text in [
        "/followup in 5m /run count seven",
        "/followup in 5m /run cuont 7",
        "/followup in 5m /run",
        "/followup in 5m /stats",
        "/followup in 5m",
        "/followup in 5m /followup in 5m again and again",
        "/followup in 5m /timezone Europe/Berlin",
        "/followup in 5m /whoami",
        "/followup in 5m /help",
    ] {
        stage.asks(&ana, DEPLOY, text).await;
    }
    stage.asks(&bo, DEPLOY, "/followup in 5m look").await;
    nothing_is_scheduled(&stage).await;
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 5m /run count seven
    only ana sees | Not started · count: it takes a number, such as `7`
    ana | /followup in 5m /run cuont 7
    only ana sees | There is no worker `cuont`, nothing was started. Did you mean `count`? Workers: count, report.
    ana | /followup in 5m /run
    only ana sees | Not understood, nothing was started. It goes like this: `/run <worker> [text]`
    ana | /followup in 5m /stats
    only ana sees | There is no command `stats`. Did you mean /status? /help lists the commands.
    ana | /followup in 5m
    only ana sees | Not scheduled: say what shall happen then, such as `/followup in 2h check the deploy` or `/followup every weekday 9:00 /run report`.
    ana | /followup in 5m /followup in 5m again and again
    only ana sees | Not scheduled: /followup cannot be given by a follow-up.
    ana | /followup in 5m /timezone Europe/Berlin
    only ana sees | Not scheduled: /timezone cannot be given by a follow-up.
    ana | /followup in 5m /whoami
    only ana sees | Not scheduled: /whoami cannot be given by a follow-up.
    ana | /followup in 5m /help
    only ana sees | Not scheduled: /help cannot be given by a follow-up.
    bo | /followup in 5m look
    only bo sees | Not allowed: followup needs role operator. You: viewer
    ");
    stage.seconds(400).await;
    assert!(stage.jobs().await.is_empty());
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f1_f11_what_has_become_wrong_since_then_fails_once_and_is_told() {
    let picky = Picky::default();
    let stage = Stage::builder().worker("count", Arc::new(picky.clone())).begin().await;
    let ana = Actor::named("ana");
    let good = stage.schedules(&ana, DEPLOY, "/followup in 1m /run count 7").await;
    let bad = stage.schedules(&ana, DEPLOY, "/followup in 2m /run count 8").await;
    let late = stage.schedules(&ana, DEPLOY, "/followup in 3m /cancel zzzz").await;
    stage.seconds(65).await;
    picky.is_spoiled();
    stage.seconds(600).await;
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /followup in 1m /run count 7
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6b3
                    [Cancel]
    ana | /followup in 2m /run count 8
    only ana sees | Today Mon 2 Mar 09:02 UTC (in 2m) · f6j8
                    [Cancel]
    ana | /followup in 3m /cancel zzzz
    only ana sees | Today Mon 2 Mar 09:03 UTC (in 3m) · f9t5
                    [Cancel]
    bot | Done · g3q2 · 0s
          scheduled · f6b3 · Mon 2 Mar 2026 09:01 UTC · by ana

          Counted to 7.
          [Details]
    bot | ↳ @ana done: count (g3q2)
    bot | Notice · f6j8

          Follow-up f6j8 not run: Not started · count: it has forgotten how to count. It was: /run count 8
          [Details]
    bot | ↳ @ana notice: follow-up (f6j8)
    bot | Notice · f9t5

          Follow-up f9t5 not run: there is no job that it could cancel. It was: /cancel zzzz
          [Details]
    bot | ↳ @ana notice: follow-up (f9t5)
    ");
    assert_snapshot!(stage.rows(&good).await, @"
    ended
    09:01:00 success · attempts 1 · fired 09:01:00 · g3q2 · terminal_acked
    ");
    assert_snapshot!(stage.rows(&bad).await, @"
    ended: Not started · count: it has forgotten how to count
    09:02:00 failed · Not started · count: it has forgotten how to count · attempts 1 · last error: Not started · count: it has forgotten how to count
    ");
    assert_snapshot!(stage.rows(&late).await, @"
    ended: there is no job that it could cancel
    09:03:00 failed · there is no job that it could cancel · attempts 1 · fired 09:03:00
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f1_a_scheduled_question_about_jobs_is_answered_in_the_thread() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, DEPLOY).await;
    let jobs = stage.schedules(&ana, DEPLOY, "/followup in 1m /jobs").await;
    let health = stage.schedules(&ana, DEPLOY, "/followup in 2m /status").await;
    stage.seconds(125).await;
    job.ends("42");
    stage.moment().await;
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /run report
    bot | Done · u6b3 · 2m 05s

          42
          [Details]
    ana | /followup in 1m /jobs
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6j8
                    [Cancel]
    ana | /followup in 2m /status
    only ana sees | Today Mon 2 Mar 09:02 UTC (in 2m) · f9t5
                    [Cancel]
    bot | Reminder · f6j8 · from ana
          for Mon 2 Mar 09:01 UTC

          `u6b3` report · running · 1m · by ana
          [Details]
    bot | ↳ @ana reminder (f6j8)
    bot | Reminder · f9t5 · from ana
          for Mon 2 Mar 09:02 UTC

          Running 1 · queued 0 · waiting to be delivered 0
          [Details]
    bot | ↳ @ana reminder (f9t5)
    bot | ↳ @ana done: report (u6b3)
    ");
    for id in [jobs, health] {
        assert!(stage.rows(&id).await.contains("success"), "{}", stage.rows(&id).await);
    }
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f1_a_scheduled_cancel_and_a_scheduled_stop_do_what_they_say() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, DEPLOY).await;
    let cancel = stage.schedules(&ana, DEPLOY, &format!("/followup in 1m /cancel {} too long", job.short)).await;
    let stop = stage.schedules(&ana, DEPLOY, "/followup in 2m /stop here").await;
    let reminder = stage.schedules(&ana, DEPLOY, "/followup in 3m look").await;
    stage.seconds(70).await;
    assert!(!job.is_alive());
    let cancelled = stage.inspect(job.short.as_str()).await.job;
    assert_eq!(cancelled.state, WorkerState::Cancelled);
    let cancel_of = cancelled.cancel.expect("who cancelled it is known");
    assert_eq!((cancel_of.by.as_str(), cancel_of.reason.as_str()), ("ana", "too long"));
    stage.seconds(180).await;
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /run report
    bot | Cancelled · u6b3 · after 1m
          asked by ana
          reason: too long
          [Run again] [Details]
    ana | /followup in 1m /cancel u6b3 too long
    only ana sees | Today Mon 2 Mar 09:01 UTC (in 1m) · f6j8
                    [Cancel]
    ana | /followup in 2m /stop here
    only ana sees | Today Mon 2 Mar 09:02 UTC (in 2m) · f9t5
                    [Cancel]
    ana | /followup in 3m look
    only ana sees | Today Mon 2 Mar 09:03 UTC (in 3m) · f3q2
                    [Cancel]
    bot | ↳ @ana cancelled: report (u6b3)
    ");
    assert_snapshot!(stage.rows(&cancel).await, @"
    ended
    09:01:00 success · attempts 1 · fired 09:01:00
    ");
    assert_snapshot!(stage.rows(&stop).await, @"
    cancelled: stopped here by ana
    09:02:00 cancelled · stopped here by ana · attempts 1 · fired 09:02:00
    ");
    assert_snapshot!(stage.rows(&reminder).await, @"
    cancelled: stopped here by ana
    09:03:00 cancelled · stopped here by ana
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f1_a_job_that_is_started_directly_has_its_failed_attempts_made_again() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let wish = FollowupWish {
        when: "in 1m".to_owned(),
        text: "all".to_owned(),
        worker: Some("report".to_owned()),
        ..FollowupWish::default()
    };
    let id = stage.wishes(&ana, DEPLOY, wish).await;
    stage.seconds(61).await;
    let first = stage.puppets.next();
    first.fails_with(Failure::Retryable(Cause::new("exit 2", "the server was asleep")));
    stage.seconds(10).await;
    let second = stage.puppets.next();
    assert_eq!((&second.short, second.input.text.as_str()), (&first.short, "all"), "the same job tries again");
    second.ends("All is well.");
    stage.seconds(60).await;
    assert_snapshot!(stage.rows(&id).await, @"
    ended
    09:01:00 success · attempts 1 · fired 09:01:00 · p6j8 · terminal_acked
    ");
    assert_snapshot!(stage.sees(DEPLOY), @"
    bot | Done · p6j8 · 8s
          scheduled · f6b3 · Mon 2 Mar 2026 09:01 UTC · by ana

          All is well.
          [Details]
    bot | ↳ @ana done: report (p6j8)
    ");
    stage.ends().await;
}
