//! What a process leaves behind that dies while something is on its way, and what was written while nobody listened.

use wilco_core::ListenEnd;
use wilco_sim::slack::{Fault, Op, Rule, Settings, SocketFault, SocketMoment, SocketRule};

use super::stage::{Stage, seconds, what};

/// Slack brings nothing again here: what is found was read.
async fn without_redelivery() -> Stage {
    let retries = [seconds(100_000); 3];
    Stage::with(Settings { limits: false, retries, ..Settings::default() }).await
}

impl Stage {
    fn events(&self) -> Vec<String> {
        let mut all: Vec<String> = self.inbox.taken().into_iter().map(|one| one.event).collect();
        all.sort();
        all
    }
}

#[tokio::test]
async fn a_command_that_was_heard_and_not_stored_is_done_by_the_next_process() {
    let mut stage = Stage::listening().await;
    stage.slow(true);
    let asked = stage.slash(&stage.general, "run report");
    stage.offered(1).await;
    stage.advance(seconds(2));
    stage.until_told(&stage.ana, "Heard, storing").await;
    stage.kill().await;
    stage.start_again().await;
    let taken = stage.taken(1).await;
    assert_eq!((taken[0].event.clone(), what(&taken[0])), (format!("trigger:{asked}"), "/run".to_owned()));
    stage.until_told(&stage.ana, "Accepted").await;
    stage.until("nothing that is kept", |_| stage.shelf.rows("heard:").is_empty()).await;
    stage.no_deviations();
}

#[tokio::test]
async fn a_command_is_done_also_when_nobody_can_be_answered_by_its_address_any_more() {
    let mut stage = Stage::listening().await;
    stage.slow(true);
    stage.slash(&stage.general, "run report");
    stage.offered(1).await;
    stage.advance(seconds(2));
    stage.until_told(&stage.ana, "Heard, storing").await;
    stage.kill().await;
    stage.advance(seconds(31 * 60));
    stage.start_again().await;
    stage.taken(1).await;
    stage.until_told(&stage.ana, "Accepted").await;
    assert_eq!((stage.calls(Op::Respond), stage.calls(Op::PostEphemeral)), (0, 1));
}

#[tokio::test]
async fn what_is_older_than_a_day_is_forgotten() {
    let mut stage = Stage::listening().await;
    stage.slow(true);
    stage.slash(&stage.general, "run report");
    stage.offered(1).await;
    stage.advance(seconds(2));
    stage.until_told(&stage.ana, "Heard, storing").await;
    stage.kill().await;
    stage.advance(seconds(25 * 3_600));
    stage.start_again().await;
    stage.until("nothing that is kept", |_| stage.shelf.rows("heard:").is_empty()).await;
    assert!(stage.inbox.offered().is_empty());
}

#[tokio::test]
async fn a_process_that_dies_while_it_answers_leaves_the_right_words_to_the_next() {
    let mut stage = Stage::listening().await;
    stage.slow(true);
    stage.slash(&stage.general, "run report");
    stage.offered(1).await;
    stage.advance(seconds(2));
    stage.until_told(&stage.ana, "Heard, storing").await;
    stage.fake.fault(Rule::new(Fault::Dropped).on(Op::Respond).always());
    stage.slow(false);
    stage.until("the first try", |fake| fake.calls(Op::Respond) > 0).await;
    stage.kill().await;
    stage.fake.calm();
    stage.start_again().await;
    let note = stage.until_told(&stage.ana, "Accepted").await;
    assert!(!note.contains("already"), "{note}");
    stage.settle().await;
    assert!(stage.inbox.offered().is_empty(), "it was handed in before");
}

#[tokio::test]
async fn a_mention_that_was_acknowledged_and_not_stored_is_done_by_the_next_process() {
    let mut stage = without_redelivery().await.heard().await;
    stage.slow(true);
    // Nobody has ever spoken to wilco there, so that nothing would be read there.
    let said = stage.mention(&stage.bo, &stage.ops, "run report");
    stage.offered(1).await;
    let queued = stage.mention(&stage.ana, &stage.ops, "run report too");
    stage.settle().await;
    stage.advance(seconds(2));
    stage.until_acknowledged().await;
    stage.until("what is kept", |_| stage.shelf.rows("heard:").len() == 2).await;
    stage.kill().await;
    stage.start_again().await;
    stage.taken(2).await;
    assert_eq!(stage.events(), [said, queued].map(|ts| format!("{}:{ts}", stage.ops)));
    stage.until("nothing that is kept", |_| stage.shelf.rows("heard:").is_empty()).await;
}

#[tokio::test]
async fn what_slack_did_not_bring_is_read_also_before_a_later_message_that_it_brought() {
    let mut stage = without_redelivery().await.heard().await;
    stage.fake.socket_fault(SocketRule::new(SocketMoment::Envelope, SocketFault::Ignore));
    let lost = stage.mention(&stage.ana, &stage.general, "run report");
    stage.settle().await;
    let brought = stage.mention(&stage.bo, &stage.general, "run report too");
    stage.taken(1).await;
    assert_eq!(stage.events(), [format!("{}:{brought}", stage.general)]);
    stage.kill().await;
    stage.start_again().await;
    stage.taken(1).await;
    assert_eq!(stage.events(), [format!("{}:{lost}", stage.general)]);
    stage.no_deviations();
}

#[tokio::test]
async fn what_was_written_while_nobody_listened_is_read_once_and_in_order() {
    let mut stage = without_redelivery().await.heard().await;
    let root = stage.fake.say(&stage.ana, &stage.general, "deploys").unwrap();
    stage.mention(&stage.ana, &stage.general, "run before");
    stage.fake.whisper(&stage.bo, "jobs").unwrap();
    stage.mention_under(&stage.bo, &stage.general, root, "run before, too");
    stage.taken(3).await;
    stage.until_acknowledged().await;
    stage.stop().await;
    stage.advance(seconds(600));
    let direct = stage.fake.direct(&stage.bo).unwrap();
    stage.fake.say(&stage.ana, &stage.general, "not for the bot").unwrap();
    let mut wanted = vec![
        format!("{}:{}", stage.general, stage.mention(&stage.ana, &stage.general, "run one")),
        format!("{}:{}", stage.general, stage.mention(&stage.ana, &stage.general, "run two")),
        format!("{}:{}", stage.general, stage.mention_under(&stage.bo, &stage.general, root, "run three")),
        format!("{direct}:{}", stage.fake.whisper(&stage.bo, "run four").unwrap()),
    ];
    // A thread that has begun meanwhile.
    let fresh = stage.fake.say(&stage.bo, &stage.general, "incident").unwrap();
    wanted.push(format!("{}:{}", stage.general, stage.mention_under(&stage.bo, &stage.general, fresh, "run five")));
    stage.next_process();
    stage.start_again().await;
    stage.taken(5).await;
    wanted.sort();
    assert_eq!(stage.events(), wanted);
    let texts: Vec<String> = stage.inbox.taken().iter().map(said).collect();
    let at = |text: &str| texts.iter().position(|one| one == text).unwrap();
    assert!(at("one") < at("two"), "{texts:?}");
    stage.settle().await;
    assert_eq!(stage.inbox.offered().len(), 5, "{:?}", stage.inbox.offered());
    stage.no_deviations();
    // The next start has nothing to read of it.
    stage.stop().await;
    stage.next_process();
    stage.start_again().await;
    stage.settle().await;
    assert!(stage.inbox.offered().is_empty(), "{:?}", stage.inbox.offered());
}

/// The worker that was asked for.
fn said(inbound: &wilco_core::Inbound) -> String {
    let wilco_core::What::Command(wilco_core::command::Command::Run { worker, .. }) = &inbound.what else {
        panic!("{inbound:?}")
    };
    worker.clone()
}

#[tokio::test]
async fn the_first_start_reads_nothing_old() {
    let mut stage = Stage::new().await;
    stage.mention(&stage.ana, &stage.general, "run long ago");
    stage.advance(seconds(3_600));
    stage.listen();
    stage.until_listening().await;
    stage.settle().await;
    assert_eq!((stage.calls(Op::History), stage.calls(Op::Replies)), (0, 0));
}

#[tokio::test]
async fn a_time_without_sockets_is_read_as_a_restart_is() {
    let stage = without_redelivery().await.heard().await;
    stage.mention(&stage.ana, &stage.general, "run before");
    stage.taken(1).await;
    stage.until_acknowledged().await;
    stage.advance(seconds(20));
    stage.settle().await;
    stage.fake.fault(Rule::new(Fault::Hang { applied: false }).on(Op::ConnectionsOpen));
    stage.fake.socket_now(&wilco_sim::slack::SocketFault::Drop);
    stage.until("no socket", |fake| fake.listening() == 0).await;
    let missed = stage.mention(&stage.ana, &stage.general, "run meanwhile");
    stage.advance_until("both sockets", seconds(1), |fake| fake.listening() == 2).await;
    assert_eq!(stage.taken(2).await[1].event, format!("{}:{missed}", stage.general));
}

#[tokio::test]
async fn pages_that_cannot_be_read_now_are_read_later_and_at_slacks_pace() {
    let mut stage = without_redelivery().await.heard().await;
    stage.mention(&stage.ana, &stage.general, "run before");
    stage.taken(1).await;
    stage.until_acknowledged().await;
    stage.kill().await;
    stage.advance(seconds(300));
    let missed = stage.mention(&stage.ana, &stage.general, "run meanwhile");
    for fault in [
        Fault::Html { status: 502, applied: false },
        Fault::RateLimited { millis: 9_000, how: wilco_sim::slack::Limited::Status },
        Fault::HalfAnswer,
        Fault::OtherShape,
    ] {
        stage.fake.fault(Rule::new(fault).on(Op::History));
    }
    stage.start_again().await;
    stage.advance_until("the message", seconds(1), |_| !stage.inbox.taken().is_empty()).await;
    assert_eq!(stage.events(), [format!("{}:{missed}", stage.general)]);
    assert_eq!(stage.calls(Op::History), 7, "five looks at this channel, and one at each other that the bot is in");
}

#[tokio::test]
async fn what_was_said_where_nobody_had_ever_spoken_to_the_bot_is_read_as_well() {
    let mut stage = without_redelivery().await.heard().await;
    stage.mention(&stage.ana, &stage.general, "run before");
    stage.taken(1).await;
    stage.until_acknowledged().await;
    stage.kill().await;
    stage.advance(seconds(300));
    let channel = stage.mention(&stage.bo, &stage.ops, "run meanwhile");
    let direct = stage.fake.direct(&stage.bo).unwrap();
    let first = stage.fake.say(&stage.bo, &direct, "run for me").unwrap();
    stage.start_again().await;
    stage.taken(2).await;
    assert_eq!(stage.events(), [format!("{}:{channel}", stage.ops), format!("{direct}:{first}")]);
    // A second start reads from there on.
    stage.until("the end of it", |_| stage.shelf.rows("seen:").iter().all(|(_, row)| !row.contains("unread"))).await;
    stage.no_deviations();
}

#[tokio::test]
async fn a_scope_that_is_missing_for_one_kind_of_conversation_leaves_the_others_read() {
    let mut stage = without_redelivery().await;
    stage.fake.change_team(&stage.team, |team| team.scopes.retain(|scope| scope != "groups:read"));
    stage = stage.heard().await;
    stage.mention(&stage.ana, &stage.general, "run before");
    stage.taken(1).await;
    stage.until_acknowledged().await;
    stage.kill().await;
    stage.advance(seconds(300));
    let missed = stage.mention(&stage.bo, &stage.ops, "run meanwhile");
    stage.start_again().await;
    stage.taken(1).await;
    assert_eq!(stage.events(), [format!("{}:{missed}", stage.ops)]);
}

#[tokio::test]
async fn after_a_short_cut_old_threads_are_left_to_slack_which_brings_their_mentions_again() {
    let mut stage = Stage::listening().await;
    let root = stage.fake.say(&stage.ana, &stage.general, "deploys").unwrap();
    stage.mention(&stage.ana, &stage.general, "jobs");
    stage.taken(1).await;
    stage.until_acknowledged().await;
    stage.pass(seconds(1_200), seconds(10)).await;
    stage.kill().await;
    let under = stage.mention_under(&stage.bo, &stage.general, root, "jobs");
    let beside = stage.mention(&stage.bo, &stage.general, "jobs");
    stage.start_again().await;
    stage.advance_until("both", seconds(1), |_| stage.inbox.taken().len() == 2).await;
    assert_eq!(stage.events(), [under, beside].map(|ts| format!("{}:{ts}", stage.general)));
    assert!(stage.calls(Op::History) > 0);
    assert_eq!(stage.calls(Op::Replies), 0, "no day of every conversation is read for it");
}

#[tokio::test]
async fn what_was_missed_leaves_room_for_whoever_speaks_now() {
    let mut stage = without_redelivery().await.heard().await;
    for n in 0..60 {
        let root = stage.fake.say(&stage.bo, &stage.general, &format!("talk {n}")).unwrap();
        stage.mention_under(&stage.ana, &stage.general, root, "jobs");
    }
    stage.taken(60).await;
    stage.until_acknowledged().await;
    stage.kill().await;
    stage.advance(seconds(600));
    let root = stage.fake.say(&stage.bo, &stage.ops, "the deploy is due").unwrap();
    stage.start_again().await;
    stage.until("what the catch-up may use up", |fake| fake.calls(Op::Replies) >= 34).await;
    stage.settle().await;
    let before = stage.calls(Op::Replies);
    stage.mention_under(&stage.ana, &stage.ops, root, "run report");
    stage.taken(1).await;
    assert_eq!(stage.calls(Op::Replies), before + 1, "whether the thread is locked is asked at once");
}

#[tokio::test]
async fn what_was_written_while_the_machine_slept_is_read_also_when_one_socket_has_not_noticed() {
    let stage = without_redelivery().await.heard().await;
    stage.mention(&stage.ana, &stage.general, "run before");
    stage.taken(1).await;
    stage.until_acknowledged().await;
    stage.pass(seconds(20), seconds(2)).await;
    // Nothing is brought any more, the clock jumps, and only one of the two connections breaks.
    stage.fake.socket_fault(SocketRule::new(SocketMoment::Envelope, SocketFault::Ignore).times(100));
    let missed = stage.mention(&stage.ana, &stage.general, "run meanwhile");
    stage.settle().await;
    stage.clock.step_wall(1_800_000);
    stage.advance_until("the message", seconds(1), |_| stage.inbox.taken().len() == 2).await;
    assert_eq!(stage.taken(2).await[1].event, format!("{}:{missed}", stage.general));
}

#[tokio::test]
async fn a_gap_that_cannot_be_read_stays_open_until_it_can() {
    let mut stage = without_redelivery().await.heard().await;
    stage.mention(&stage.ana, &stage.general, "run before");
    stage.taken(1).await;
    stage.until_acknowledged().await;
    stage.kill().await;
    stage.advance(seconds(300));
    let missed = stage.mention(&stage.bo, &stage.ops, "run meanwhile");
    let fault = Fault::Html { status: 502, applied: false };
    stage.fake.fault(Rule::new(fault).on(Op::OwnConversations).always());
    stage.start_again().await;
    stage.pass(seconds(40 * 60), seconds(10)).await;
    assert!(stage.inbox.taken().is_empty());
    stage.fake.calm();
    stage.advance_until("the message", seconds(5), |_| !stage.inbox.taken().is_empty()).await;
    assert_eq!(stage.events(), [format!("{}:{missed}", stage.ops)]);
}

#[tokio::test]
async fn no_socket_is_opened_before_it_is_known_what_was_missed() {
    let mut stage = Stage::listening().await;
    stage.mention(&stage.ana, &stage.general, "run before");
    stage.taken(1).await;
    stage.kill().await;
    stage.shelf.refuse(true);
    let opened = stage.calls(Op::ConnectionsOpen);
    stage.listen();
    stage.ended(|end| matches!(end, ListenEnd::Lost(cause) if cause.code == "store")).await;
    assert_eq!(stage.calls(Op::ConnectionsOpen), opened);
}

#[tokio::test]
async fn a_stop_gives_the_acknowledgements_of_what_it_has_stored() {
    let mut stage = Stage::listening().await;
    stage.slow(true);
    stage.mention(&stage.ana, &stage.general, "run report");
    stage.offered(1).await;
    let open = std::sync::Arc::clone(&stage.inbox);
    let stopping = async {
        stage.stop().await;
        stage
    };
    let releasing = async {
        wilco_sim::clock::sockets_run(50).await.unwrap();
        open.release();
    };
    let (stage, ()) = tokio::join!(stopping, releasing);
    stage.taken(1).await;
    stage.until_acknowledged().await;
    assert_eq!((stage.fake.socket_counts().redelivered, stage.fake.socket_counts().lost), (0, 0));
}
