//! What a process leaves behind that dies while something is on its way, and what comes a second time.

use std::time::Duration;

use serde_json::json;
use wilco_core::ListenEnd;
use wilco_sim::discord::{Fault, GatewayFault, Op, Rule};

use super::stage::Stage;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[tokio::test]
async fn what_waits_for_a_store_that_stalls_is_read_by_the_next_process() {
    let mut stage = Stage::hearing().await;
    stage.mention(stage.bo, stage.general, "before");
    stage.taken(1).await;
    stage.inbox.open(false);
    let waits = stage.mention(stage.bo, stage.general, "/run report");
    stage.offered(2).await;
    let queued = stage.mention(stage.bo, stage.ops, "/run report too");
    stage.settle().await;
    // Far longer than what is read again in any case.
    let beats = stage.fake.gateway_counts().heartbeats;
    stage.advance_until("many heartbeats", seconds(10), |fake| fake.gateway_counts().heartbeats >= beats + 8).await;
    stage.kill().await;
    stage.begins_again();
    let taken = stage.taken(2).await;
    let mut events: Vec<&str> = taken.iter().map(|one| one.event.as_str()).collect();
    events.sort_unstable();
    assert_eq!(events, [waits.to_string(), queued.to_string()]);
}

#[tokio::test]
async fn no_session_begins_before_it_is_known_what_was_missed() {
    let mut stage = Stage::hearing().await;
    stage.mention(stage.bo, stage.general, "before");
    stage.taken(1).await;
    stage.settle().await;
    stage.kill().await;
    let missed = stage.mention(stage.bo, stage.general, "/run report");
    stage.advance(seconds(5));
    stage.shelf.refuse(true);
    let identifies = stage.fake.gateway_counts().identifies;
    stage.listen();
    stage.ended(|end| matches!(end, ListenEnd::Lost(cause) if cause.code == "store")).await;
    assert_eq!(stage.fake.gateway_counts().identifies, identifies);
    stage.shelf.refuse(false);
    stage.listen();
    assert_eq!(stage.taken(1).await[0].event, missed.to_string());
}

#[tokio::test]
async fn what_is_done_is_not_done_again_when_a_resumed_session_brings_it_again() {
    let stage = Stage::listening().await;
    stage.advance(seconds(10));
    // One message that waits, and after it a command that is answered.
    stage.inbox.open(false);
    stage.mention(stage.bo, stage.general, "waits");
    stage.offered(1).await;
    let other = stage.fake.say(stage.ana, stage.general, "hello").unwrap();
    let asked = stage.fake.message_command(stage.ana, other, "Cancel this job").unwrap();
    stage.until_answer(asked, "shows no job").await;
    let (callbacks, further) = (stage.calls(Op::Callback), stage.calls(Op::FollowUp) + stage.calls(Op::EditOriginal));
    stage.fake.gateway_now(&GatewayFault::Drop);
    stage.until("a resumed session", |fake| fake.gateway_counts().resumed == 1).await;
    assert!(stage.fake.gateway_counts().replayed >= 2);
    stage.settle().await;
    assert_eq!(stage.calls(Op::Callback), callbacks);
    assert_eq!(stage.calls(Op::FollowUp) + stage.calls(Op::EditOriginal), further);
    stage.inbox.open(true);
    stage.taken(1).await;
    assert_eq!(stage.inbox.offered().len(), 1);
}

#[tokio::test]
async fn a_page_of_something_in_between_ends_no_note() {
    let stage = Stage::listening().await;
    stage.inbox.open(false);
    let asked = stage.fake.slash(stage.ana, stage.general, "run", &[("worker", json!("report"))]).unwrap();
    stage.offered(1).await;
    stage.advance(seconds(2));
    stage.until_answer(asked, "Heard, storing").await;
    stage.settle().await;
    stage.fake.fault(Rule { times: 2, ..Rule::new(Fault::Html { status: 404, applied: false }).on(Op::EditOriginal) });
    stage.inbox.open(true);
    let answered = |stage: &Stage| stage.answer(asked).is_some_and(|text| text.contains("Accepted"));
    stage.advance_until("the last words", seconds(1), |_| answered(&stage)).await;
    assert_eq!(stage.calls(Op::EditOriginal), 3);
}
