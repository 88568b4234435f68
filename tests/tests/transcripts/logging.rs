//! What the log says while jobs run: each step once, with its ids, and nobody's words (O).

use insta::assert_snapshot;
use tracing::Level;
use wilco_core::Scope;
use wilco_core::desk::{Caller, Desk};
use wilco_core::job::Progress;
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::logbook::Line;
use wilco_tests::{Actor, Logbook, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");
/// Stands for whatever people and jobs say. It may be in the store and in the channel, never in the log.
const CANARY: &str = "tangerine-7391";

/// The loud lines with their sentences and the names of their fields, which operators filter by.
fn shape(lines: &[Line]) -> String {
    let line = |line: &Line| {
        let fields: Vec<&str> = line.fields.keys().map(String::as_str).collect();
        format!("{} {}: {}", line.level, line.message, fields.join(" "))
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test(start_paused = true)]
async fn o1_every_step_of_a_job_is_one_line_with_stable_fields() {
    let log = Logbook::open();
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    log.clear();
    stage.fault(Rule::new(Fault::Dropped).on(Verb::Post));
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(5).await;
    job.ends("42");
    stage.seconds(1).await;
    assert_snapshot!(shape(&log.loud()), @"
    INFO accepted: channel kind short worker_id
    INFO started: channel kind rerun short worker_id
    INFO delivery: attempt cause channel kind outcome part receipt_id worker_id
    INFO delivery: attempt channel kind outcome part receipt_id worker_id
    INFO ended: detail short state worker_id
    INFO delivery: attempt channel kind outcome part receipt_id worker_id
    ");
    let worker = stage.jobs().await[0].id.to_string();
    for line in log.loud() {
        assert_eq!(line.field("worker_id"), worker, "{}", line.whole());
    }
    let attempts = log.said("delivery");
    let seen: Vec<_> =
        attempts.iter().map(|line| (line.field("kind"), line.field("attempt"), line.field("outcome"))).collect();
    assert_eq!(seen, [("stub", "1", "retry"), ("stub", "2", "surfaced"), ("content", "1", "surfaced")]);
    assert!(attempts.iter().all(|line| line.field("channel") == "sim ops" && !line.field("receipt_id").is_empty()));
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn o1_a_failure_for_good_a_timeout_a_loss_and_a_cancel_are_told_with_their_ids() {
    let log = Logbook::open();
    let mut stage = Stage::builder().settings(|settings| settings.defaults.terms.terminal_secs = 30).begin().await;
    let ana = Actor::named("ana");
    stage.fault(Rule::new(Fault::Bug).on(Verb::Edit).times(2));
    let failing = stage.runs(&ana, OPS).await;
    failing.ends("42");
    stage.moment().await;
    let failed = log.said("receipt failed");
    assert_eq!(failed.len(), 1);
    assert_eq!(
        (failed[0].level, failed[0].field("channel"), failed[0].field("attempt")),
        (Level::WARN, "sim ops", "1")
    );
    let slow = stage.runs(&ana, OPS).await;
    stage.seconds(32).await;
    let ended = log.said("ended");
    let line = ended.iter().find(|line| line.field("short") == slow.short.as_str()).expect("its end is told");
    assert_eq!((line.field("state"), line.field("detail")), ("timed_out", "limit 30s"));
    let lost = stage.runs(&ana, OPS).await;
    stage.crashes_and_restarts().await;
    let told = log.said("worker was lost with its process");
    assert_eq!((told.len(), told[0].level, told[0].field("short")), (1, Level::WARN, lost.short.as_str()));
    let cancelled = stage.runs(&ana, OPS).await;
    stage.says(&ana, OPS, &format!("/cancel {}", cancelled.short)).await;
    let told = log.said("cancel stored");
    assert_eq!(
        (told.len(), told[0].field("short"), told[0].field("channel")),
        (1, cancelled.short.as_str(), "sim ops")
    );
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn o1_nobodys_words_are_in_the_log_above_debug() {
    let log = Logbook::open();
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    stage.says(&ana, OPS, &format!("/run report {CANARY}")).await;
    let job = stage.puppets.next();
    job.says(CANARY);
    job.reports(Progress::Partial(CANARY.to_owned()));
    stage.seconds(4).await;
    let _answer = job.asks(CANARY, &[CANARY]);
    stage.seconds(4).await;
    stage.presses(&ana, CANARY).await;
    job.ends(CANARY);
    stage.seconds(4).await;
    let job = stage.runs(&ana, OPS).await;
    job.fails("exit 2", CANARY);
    stage.seconds(1).await;
    let job = stage.runs(&ana, OPS).await;
    stage.says(&ana, OPS, &format!("/cancel {} {CANARY}", job.short)).await;
    stage.seconds(1).await;
    let job = stage.runs(&ana, OPS).await;
    job.panics(CANARY);
    for line in [CANARY.to_owned(), format!("/{CANARY}"), format!("/status {CANARY}"), format!("/run {CANARY}")] {
        stage.says(&ana, OPS, &line).await;
    }
    let asked = stage.desk().cancel(&Caller::Host, CANARY, Some(CANARY)).await;
    assert!(asked.is_err());
    stage.seconds(60).await;
    assert!(stage.snapshot().whole_transcript().contains(CANARY), "the words are in the channel");
    for line in log.loud() {
        assert!(!line.whole().contains(CANARY), "{}", line.whole());
    }
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn o2_what_people_do_every_day_is_no_error() {
    let log = Logbook::open();
    let stage = Stage::new().await;
    let (ana, bo) = (Actor::named("ana"), Actor::named("bo"));
    for line in ["/run nothing", "/run report", "/status zzzz", "/cancel zzzz", "hello", "/run"] {
        stage.says(&bo, OPS, line).await;
    }
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(50).await;
    stage.presses(&bo, "Cancel").await;
    job.fails("exit 2", "no");
    stage.moment().await;
    let job = stage.runs(&ana, OPS).await;
    stage.says(&ana, OPS, &format!("/cancel {}", job.short)).await;
    stage.fault(Rule::new(Fault::RetryAfter { millis: 5_000, scope: Scope::Chat }).on(Verb::Edit));
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(5).await;
    job.ends("42");
    stage.seconds(60).await;
    let loud: Vec<String> = log.lines().iter().filter(|line| line.level <= Level::WARN).map(Line::whole).collect();
    assert!(loud.is_empty(), "{loud:#?}");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn o3_a_job_that_fails_to_arrive_for_hours_is_a_bounded_number_of_lines() {
    let log = Logbook::open();
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(1).await;
    stage.fault(Rule::new(Fault::Dropped).on(Verb::Edit).always());
    job.ends("42");
    stage.moment().await;
    log.clear();
    stage.seconds(6 * 3_600).await;
    let loud = log.loud();
    let attempts = loud.iter().filter(|line| line.message == "delivery").count();
    assert!((5..=8).contains(&attempts), "the schedule of a result in six hours: {attempts}");
    assert_eq!(loud.len(), attempts, "nothing but the attempts:\n{}", shape(&loud));
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn o3_a_chatty_job_writes_no_line_per_line_and_an_idle_bot_none_at_all() {
    let log = Logbook::open();
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(1).await;
    log.clear();
    for line in 0..600 {
        job.says(&format!("line {line}"));
        stage.advance(std::time::Duration::from_millis(500)).await;
    }
    assert!(log.loud().is_empty(), "{}", shape(&log.loud()));
    job.ends("42");
    stage.seconds(60).await;
    log.clear();
    stage.seconds(3_600).await;
    assert!(log.lines().is_empty(), "an idle bot: {}", shape(&log.lines()));
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn o4_the_log_the_journal_and_the_desk_use_the_same_names() {
    let log = Logbook::open();
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    log.clear();
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(50).await;
    job.ends("42");
    stage.seconds(1).await;
    let logged: Vec<String> = log.said("journal").iter().map(|line| line.field("event").to_owned()).collect();
    assert_eq!(logged, stage.journal(job.short.as_str()).await);
    let ended = log.said("ended");
    assert_eq!(ended[0].field("state"), stage.jobs().await[0].state.name());
    stage.ends().await;
}
