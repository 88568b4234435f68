//! Rows that an older wilco has stored are still read, and one that nobody can read stops nobody else (F13).

use insta::assert_snapshot;
use wilco_core::desk::{Caller, Desk, FollowupFilter, Limit};
use wilco_core::followup::Origin;
use wilco_core::worker::WorkerState;
use wilco_tests::{Actor, Logbook, Stage, Where};

const OPS: Where<'_> = Where::Channel("ops");

#[tokio::test(start_paused = true)]
async fn f13_jobs_that_were_stored_before_there_were_follow_ups_are_still_read_shown_and_run() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let done = stage.runs(&ana, OPS).await;
    done.ends("42");
    stage.seconds(60).await;
    for text in ["one", "two", "three"] {
        stage.says(&ana, OPS, &format!("/run report {text}")).await;
    }
    // What a job's rows held then: no origin, no rule of retries, no scheduled mark in the journal.
    let sql = "UPDATE workers SET occurrence = NULL, rules = json_remove(rules, '$.retry'), \
               input = json_remove(input, '$.origin', '$.person.zone')";
    assert_eq!(stage.tampers(sql).await, 4);
    stage.crashes_and_restarts().await;
    stage.seconds(5).await;
    for job in stage.jobs().await {
        assert_eq!(job.origin, Origin::Person);
    }
    assert_eq!(stage.puppets.waiting(), 3, "two that were lost, and the one that had waited behind them");
    let [_, _, last] = [stage.puppets.next(), stage.puppets.next(), stage.puppets.next()];
    assert_eq!((last.input.text.as_str(), &last.input.origin), ("three", &Origin::Person));
    last.ends("3");
    stage.seconds(1).await;
    assert_eq!(stage.inspect(last.short.as_str()).await.job.state, WorkerState::Done);
    assert_snapshot!(stage.asks(&ana, OPS, &format!("/status {}", done.short)).await, @"
    done · report · u6b3 · 0s
    `09:00` accepted from ana
    `09:00` started
    `09:00` stub attempt 1: surfaced
    `09:00` acknowledged
    `09:00` stub surfaced
    `09:00` ended: done
    `09:00` result on its way
    `09:00` content attempt 1: surfaced
    `09:00` content surfaced
    `09:00` result shown
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f13_occurrences_and_marks_without_the_newer_fields_are_still_read() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, OPS, "/followup every 5m /run report").await;
    stage.seconds(301).await;
    let run = stage.puppets.next();
    // A mark that knows neither of a run by hand nor of lateness.
    assert_eq!(stage.tampers("UPDATE workers SET input = json_remove(input, '$.origin.manual')").await, 1);
    run.fails("exit 2", "no");
    stage.moment().await;
    let mark = stage.mark(run.short.as_str()).await;
    assert!(!mark.manual && mark.late.is_none());
    let sql = "UPDATE occurrences SET last_error = NULL, late = NULL WHERE state = 'failed'";
    assert_eq!(stage.tampers(sql).await, 1);
    assert_snapshot!(stage.rows(&id).await, @"
    pending
    09:05:00 failed · p6j8 failed: exit 2 · attempts 1 · fired 09:05:00 · p6j8 · terminal_acked
    09:10:00 scheduled · next 09:10:00
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_row_that_cannot_be_read_is_set_aside_and_the_others_fire() {
    let log = Logbook::open();
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let broken = stage.schedules(&ana, OPS, "/followup in 1m broken").await;
    let whole = stage.schedules(&ana, OPS, "/followup in 1m whole").await;
    let sql =
        "UPDATE followups SET task = '{\"kind\":\"dance\"}' WHERE created_at = (SELECT MIN(created_at) FROM followups)";
    assert_eq!(stage.tampers(sql).await, 1);
    stage.seconds(65).await;
    assert!(stage.rows(&whole).await.contains(" success · "));
    let listed =
        stage.desk().followups(&Caller::Host, &FollowupFilter { all: true, ..FollowupFilter::default() }).await;
    assert_eq!(listed.expect("the others are listed").len(), 1);
    let shown = stage.desk().followup(&Caller::Host, &broken, Limit::default()).await;
    assert!(shown.is_err(), "{shown:?}");
    assert_eq!(log.said("follow-up is set aside").len(), 1);
    stage.seconds(300).await;
    assert_eq!(log.said("follow-up is set aside").len(), 1, "once, not at each look");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f6_f11_a_drop_of_which_nobody_can_be_told_is_settled_all_the_same_and_the_log_says_it() {
    let log = Logbook::open();
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let id = stage.schedules(&ana, OPS, "/followup in 1m look").await;
    // Whatever refuses the reminder refuses the notice about it, too.
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON workers BEGIN SELECT RAISE(ABORT, 'made to fail'); END";
    stage.tampers(refuse).await;
    stage.seconds(70).await;
    assert_snapshot!(stage.rows(&id).await, @"
    ended: made to fail, after 4 attempts
    09:01:00 failed_dropped · made to fail, after 4 attempts · attempts 4 · last error: made to fail
    ");
    assert_eq!(log.said("nobody could be told of a follow-up that did not run").len(), 1);
    stage.tampers("DROP TRIGGER refuse").await;
    stage.ends().await;
}
