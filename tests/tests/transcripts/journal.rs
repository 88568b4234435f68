//! The one history of a job (J1 to J9).

use insta::assert_snapshot;
use wilco_core::desk::{Caller, Desk, DeskError, Limit};
use wilco_core::job::Progress;
use wilco_core::journal::{Entry, Event};
use wilco_core::worker::OnInterrupt;
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

#[tokio::test(start_paused = true)]
async fn j1_the_journal_names_everything_that_happened_to_a_job_in_order() {
    let stage = Stage::new().await;
    let (ana, bo) = (Actor::named("ana"), Actor::named("bo"));
    stage.fault(Rule::new(Fault::Dropped).on(Verb::Post).times(5));
    let job = stage.runs(&ana, Where::Thread("ops", "deploy")).await;
    stage.seconds(30).await;
    job.reports(Progress::ToolStarted("grep".to_owned()));
    job.step(1, 2, "half");
    stage.seconds(5).await;
    job.reports(Progress::ToolCompleted("grep".to_owned()));
    let answer = job.asks("Go on?", &["Yes", "No"]);
    stage.seconds(5).await;
    stage.presses(&ana, "Yes").await;
    assert_eq!(answer.await.unwrap(), Ok(0));
    stage.says(&bo, OPS, &format!("/watch {}", job.short)).await;
    stage.platform.remove(&stage.address(Where::Thread("ops", "deploy")));
    stage.says(&ana, Where::Channel("other"), &format!("/cancel {} wrong branch", job.short)).await;
    stage.seconds(2).await;
    assert_snapshot!(stage.journal(job.short.as_str()).await.join("\n"), @"
    accepted
    started
    receipt_attempt
    receipt_attempt
    receipt_attempt
    receipt_attempt
    ack_missed
    receipt_attempt
    receipt_attempt
    contract_moved
    receipt_settled
    tool_started
    status
    contract_moved
    tool_completed
    status
    question
    receipt_attempt
    receipt_settled
    receipt_attempt
    receipt_settled
    answered
    watched
    receipt_attempt
    contract_moved
    receipt_settled
    cancel_requested
    completed
    contract_moved
    contract_moved
    receipt_attempt
    route_step
    route_step
    receipt_attempt
    receipt_settled
    contract_moved
    receipt_attempt
    receipt_settled
    receipt_attempt
    receipt_settled
    receipt_attempt
    receipt_settled
    contract_moved
    receipt_attempt
    receipt_settled
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn j1_a_status_is_kept_when_it_is_shown_and_at_most_every_three_seconds() {
    let stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    for tenth in 1..=300_u32 {
        job.step(tenth, 300, "line");
        stage.advance(std::time::Duration::from_millis(100)).await;
    }
    let events = stage.inspect(job.short.as_str()).await.events;
    let statuses: Vec<&Entry> = events.iter().filter(|entry| entry.event.name() == "status").collect();
    assert!((9..=11).contains(&statuses.len()), "{} in 30 s", statuses.len());
    assert!(statuses.windows(2).all(|pair| pair[1].at.since(pair[0].at).as_secs() >= 3));
    job.ends("All is well.");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn j2_j3_j9_the_history_only_grows_its_numbers_have_no_gap_and_it_outlives_the_process() {
    let mut stage =
        Stage::builder().settings(|settings| settings.defaults.on_interrupt = OnInterrupt::Rerun).begin().await;
    let ana = Actor::named("ana");
    let mut job = stage.runs(&ana, OPS).await;
    let short = job.short.to_string();
    let mut before: Vec<Entry> = Vec::new();
    for round in 0..6 {
        match round {
            0 => job.step(1, 3, "one"),
            1 => stage.fault(Rule::new(Fault::Lost).on(Verb::Edit)),
            2 => job.step(2, 3, "two"),
            3 => {
                stage.crashes_and_restarts().await;
                job = stage.puppets.next();
            }
            4 => job.step(3, 3, "three"),
            _ => job.ends("All is well."),
        }
        stage.seconds(5).await;
        let after = stage.inspect(&short).await.events;
        assert!(after.len() >= before.len() && after[..before.len()] == before[..], "round {round}: history changed");
        assert!(after.iter().zip(1_i64..).all(|(entry, seq)| entry.seq == seq), "round {round}: a gap");
        assert!(after.windows(2).all(|pair| pair[0].at <= pair[1].at), "round {round}: out of order");
        before = after;
    }
    // Everything in one instant still has one order: what was decided first stands first.
    let same: Vec<&Entry> = before.iter().filter(|entry| entry.at == before.last().unwrap().at).collect();
    let names: Vec<&str> = same.iter().map(|entry| entry.event.name()).collect();
    let result = ["completed", "contract_moved", "receipt_attempt", "receipt_settled", "contract_moved"];
    assert_eq!(
        names,
        [result.as_slice(), &["receipt_attempt", "receipt_settled"]].concat(),
        "the result, then the ping"
    );
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn j4_a_limit_shows_the_newest_and_zero_is_refused() {
    let stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    job.ends("All is well.");
    stage.seconds(1).await;
    let all = stage.inspect(job.short.as_str()).await.events;
    let limit = Limit::new(2).unwrap();
    let two = stage.desk().inspect(&Caller::Host, job.short.as_str(), limit).await.unwrap().events;
    assert_eq!(two, all[all.len() - 2..]);
    assert!(matches!(Limit::new(0), Err(DeskError::BadInput(_))));
    assert!(matches!(Limit::new(-1), Err(DeskError::BadInput(_))));
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn j6_a_job_whose_start_was_not_stored_is_not_journalled_as_started() {
    let mut stage = Stage::builder().settings(|settings| settings.quotas.person_running = 1).begin().await;
    let ana = Actor::named("ana");
    let first = stage.runs(&ana, OPS).await;
    stage.says(&ana, OPS, "/run report second").await;
    let second = stage.jobs().await[0].short.to_string();
    let running = |stage: Vec<&'static str>| stage.contains(&"started");
    assert!(!running(stage.journal(&second).await), "it waits");
    stage.crashes_and_restarts().await;
    assert!(running(stage.journal(&second).await), "now it runs, and its row says so");
    assert_eq!(stage.inspect(&second).await.job.state.name(), "running");
    drop(first);
    stage.puppets.next().ends("The second.");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn j7_a_row_that_cannot_be_read_is_left_out_and_the_rest_is_shown() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(2).await;
    let before = stage.inspect(job.short.as_str()).await.events;
    assert_eq!(stage.tampers("UPDATE journal SET body = '{\"event\":\"from_the_future\"}' WHERE seq = 2").await, 1);
    let after = stage.inspect(job.short.as_str()).await.events;
    let expected: Vec<Entry> = before.into_iter().filter(|entry| entry.seq != 2).collect();
    assert_eq!(after, expected);
    stage.says(&ana, OPS, "/status u6b3").await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | On it · report · u6b3
          [Cancel]
    ana | /status u6b3
    only ana sees | running · report · u6b3 · 2s
                    `09:00` accepted from ana
                    `09:00` stub attempt 1: surfaced
                    `09:00` acknowledged
                    `09:00` stub surfaced
                    [Cancel]
    ");
    job.ends("All is well.");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn j8_what_people_read_is_the_same_history() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.fault(Rule::new(Fault::Lost).on(Verb::Edit));
    stage.seconds(2).await;
    job.fails("exit 2", "broken pipe");
    stage.seconds(60).await;
    stage.says(&ana, Where::Direct, "/status u6b3").await;
    assert_snapshot!(stage.sees(Where::Direct), @"
    ana | /status u6b3
    only ana sees | failed · report · u6b3 · 2s
                    `09:00` accepted from ana
                    `09:00` started
                    `09:00` stub attempt 1: surfaced
                    `09:00` acknowledged
                    `09:00` stub surfaced
                    `09:00` ended: failed (exit 2)
                    `09:00` result on its way
                    `09:00` content attempt 1: ambiguous (reset: the connection closed before the answer)
                    `09:00` content attempt 2: surfaced
                    `09:00` content surfaced
                    `09:00` result shown
                    `09:00` content attempt 2: reasserted: surfaced
                    [Run again]
    ");
    let events = stage.inspect("u6b3").await.events;
    let lines = stage.sees(Where::Direct).lines().filter(|line| line.contains("| `0") || line.contains(" `0")).count();
    assert_eq!(lines, events.len(), "one line for each entry");
    assert!(matches!(events.last().unwrap().event, Event::ReceiptAttempt { .. }), "the repetition is told, too");
    stage.ends().await;
}

/// The statements of the product that write into the journal, by file.
fn statements() -> Vec<String> {
    let store = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/wilco-store/src");
    let (mut folders, mut found) = (vec![store.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("it is text");
            let file = path.strip_prefix(&store).expect("it is inside").display().to_string();
            for verb in ["INSERT INTO journal", "UPDATE journal", "DELETE FROM journal"] {
                found.extend(text.matches(verb).map(|verb| format!("{file}: {verb}")));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn j2_j5_one_function_writes_the_journal_and_only_the_retention_changes_it() {
    assert_snapshot!(statements().join("\n"), @"
    changes/prune.rs: DELETE FROM journal
    changes/prune.rs: DELETE FROM journal
    journal.rs: INSERT INTO journal
    ");
}
