//! The session: how it begins, goes on, is lost, and when a person is asked.

use std::time::Duration;

use wilco_core::{Audience, ListenEnd};
use wilco_sim::discord::{Fault, GatewayFault, GatewayRule, Moment, Op, Rule, Settings};

use super::stage::{Stage, process, what};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn lost(code: &'static str) -> impl Fn(&ListenEnd) -> bool {
    move |end| matches!(end, ListenEnd::Lost(cause) if cause.code == code)
}

fn person(end: &ListenEnd) -> bool {
    matches!(end, ListenEnd::NeedsPerson(_))
}

#[tokio::test]
async fn what_is_said_to_the_bot_is_handed_in_with_its_place_and_person() {
    let mut stage = Stage::hearing().await;
    let said = stage.mention(stage.ana, stage.general, "/run report all");
    let taken = stage.taken(1).await;
    let one = &taken[0];
    assert_eq!((one.event.as_str(), what(one).as_str()), (said.to_string().as_str(), "/run"));
    assert_eq!(one.place.address.channel, stage.general.to_string());
    assert_eq!(one.place.audience, Audience::Public);
    assert_eq!(one.place.guild, Some(stage.guild.to_string()));
    let direct = stage.fake.world().direct(stage.ana).unwrap();
    assert_eq!(one.place.direct.as_ref().map(|address| address.channel.clone()), Some(direct.to_string()));
    assert_eq!((one.person.id.as_str(), one.person.moderator), (stage.ana.to_string().as_str(), true));
    stage.stop().await;
    assert_eq!(*stage.ends.lock().unwrap(), [ListenEnd::Stopped]);
    stage.no_deviations();
}

#[tokio::test]
async fn a_dropped_connection_is_resumed_and_nothing_is_missed() {
    let stage = Stage::hearing().await;
    stage.advance(seconds(10));
    for fault in [GatewayFault::Drop, GatewayFault::Reconnect, GatewayFault::InvalidSession { resumable: true }] {
        let resumed = stage.fake.gateway_counts().resumed;
        stage.fake.gateway_now(&fault);
        stage.mention(stage.ana, stage.general, "hello");
        stage.until("a resumed session", |fake| fake.gateway_counts().resumed > resumed).await;
        stage.until_listening().await;
        stage.advance(seconds(10));
    }
    assert_eq!(stage.taken(3).await.len(), 3);
    assert_eq!(stage.fake.gateway_counts().identifies, 1);
    assert_eq!(stage.calls(Op::GetMessages), 0, "there was nothing to catch up with");
    stage.no_deviations();
}

#[tokio::test]
async fn a_deaf_socket_is_noticed_by_its_heartbeats_and_the_session_goes_on() {
    let stage = Stage::hearing().await;
    stage.fake.gateway_now(&GatewayFault::Deaf);
    stage.mention(stage.ana, stage.general, "hello");
    stage.advance_until("a resumed session", seconds(3), |fake| fake.gateway_counts().resumed == 1).await;
    stage.taken(1).await;
    assert_eq!(stage.fake.gateway_counts().identifies, 1);
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_given_up() {
    let mut stage = Stage::new().await;
    stage.fake.gateway_fault(GatewayRule::new(Moment::Connect, GatewayFault::Stall));
    stage.listen();
    stage.until("a connection", |fake| fake.gateway_counts().connections == 1).await;
    stage.advance_until("a session", seconds(3), |fake| fake.listening() == 1).await;
    stage.ended(lost("handshake_timeout")).await;
}

#[tokio::test]
async fn a_gateway_that_says_nothing_after_the_handshake_is_given_up() {
    let mut stage = Stage::new().await;
    stage.fake.gateway_fault(GatewayRule::new(Moment::Hello, GatewayFault::Deaf));
    stage.fake.gateway_fault(GatewayRule::new(Moment::Identify, GatewayFault::Deaf));
    stage.listen();
    stage.advance_until("a session", seconds(3), |fake| fake.listening() == 1).await;
    stage.ended(lost("hello_timeout")).await;
    let ends = stage.ends.lock().unwrap().clone();
    assert!(ends.iter().any(|end| lost("ready_timeout")(end) || lost("deaf")(end)), "{ends:?}");
}

#[tokio::test]
async fn codes_that_only_a_person_can_mend_end_with_what_to_change() {
    for (code, says) in [(4004, "DISCORD_BOT_TOKEN"), (4013, "update wilco"), (4014, "Developer Portal")] {
        let mut stage = Stage::new().await;
        stage.fake.gateway_fault(GatewayRule::new(Moment::Identify, GatewayFault::Close { code }));
        stage.listen();
        let ListenEnd::NeedsPerson(cause) = stage.ended(person).await else { panic!("a person is asked") };
        assert_eq!(cause.code, code.to_string());
        assert!(cause.text.contains(says) && cause.text.contains("Nothing is lost"), "{cause}");
        assert_eq!(stage.fake.gateway_counts().identifies, 1, "it is not tried again by itself");
    }
}

#[tokio::test]
async fn a_revoked_token_asks_for_a_person_without_beginning_a_session() {
    let mut stage = Stage::new().await;
    stage.fake.revoke(true);
    stage.listen();
    let ListenEnd::NeedsPerson(cause) = stage.ended(person).await else { panic!("a person is asked") };
    assert!(cause.text.contains("DISCORD_BOT_TOKEN"), "{cause}");
    assert_eq!(stage.fake.gateway_counts().identifies, 0);
}

#[tokio::test]
async fn message_content_is_asked_for_only_where_it_is_wanted() {
    let settings = Settings { privileged: 0, limits: false, ..Settings::default() };
    let mut stage = Stage::with(settings).await;
    stage.listen();
    stage.until_listening().await;
    stage.stop().await;
    stage.options.message_content = true;
    stage.discord = process(&stage.options, &stage.shelf, &stage.clock);
    stage.begins_again();
    let ListenEnd::NeedsPerson(cause) = stage.ended(person).await else { panic!("a person is asked") };
    assert!(cause.text.contains("message_content = false"), "{cause}");
}

#[tokio::test]
async fn a_crash_loop_begins_five_sessions_and_then_waits() {
    let mut stage = Stage::new().await;
    for _ in 0..5 {
        stage.listen();
        stage.until_listening().await;
        stage.kill().await;
        stage.advance(seconds(5));
    }
    stage.listen();
    stage.settle().await;
    stage.advance(seconds(20));
    stage.settle().await;
    assert_eq!(stage.fake.gateway_counts().identifies, 5, "the sixth waits for 30 s after the fifth");
    stage.advance_until("the sixth session", seconds(1), |fake| fake.gateway_counts().identifies == 6).await;
    assert!(!stage.shelf.rows("gateway:starts").is_empty());
}

#[tokio::test]
async fn what_discord_allows_in_a_day_is_respected() {
    let settings = Settings { session_starts: 1, limits: false, ..Settings::default() };
    let mut stage = Stage::with(settings).await;
    stage.listen();
    stage.until_listening().await;
    stage.stop().await;
    stage.ends.lock().unwrap().clear();
    stage.begins_again();
    let ListenEnd::NeedsPerson(cause) = stage.ended(person).await else { panic!("a person is asked") };
    assert_eq!(cause.code, "session_start_limit");
    assert_eq!(stage.fake.gateway_counts().identifies, 1);
}

#[tokio::test]
async fn an_event_counts_only_once_it_was_handed_in() {
    let stage = Stage::hearing().await;
    stage.inbox.open(false);
    stage.mention(stage.ana, stage.general, "one");
    stage.offered(1).await;
    stage.advance(seconds(10));
    stage.fake.gateway_now(&GatewayFault::Drop);
    stage.until("a resumed session", |fake| fake.gateway_counts().resumed == 1).await;
    assert!(stage.fake.gateway_counts().replayed >= 1, "the one that was not taken comes again");
    stage.inbox.open(true);
    assert_eq!(stage.taken(1).await.len(), 1);
    assert_eq!(stage.inbox.offered().len(), 1, "one that is still on its way is not offered a second time");
}

#[tokio::test]
async fn a_network_that_is_down_for_a_while_does_not_cost_the_session() {
    let stage = Stage::hearing().await;
    stage.advance(seconds(10));
    for refused in [4, 8] {
        let (counts, mentions) = (stage.fake.gateway_counts(), stage.inbox.offered().len());
        let rule = GatewayRule::new(Moment::Connect, GatewayFault::Refuse);
        stage.fake.gateway_fault(GatewayRule { times: refused, ..rule });
        stage.fake.gateway_now(&GatewayFault::Drop);
        stage.mention(stage.ana, stage.general, "hello");
        stage.until("a resumed session", |fake| fake.gateway_counts().resumed > counts.resumed).await;
        stage.taken(mentions + 1).await;
        stage.advance(seconds(10));
    }
    assert_eq!(stage.fake.gateway_counts().identifies, 1);
    assert_eq!(stage.calls(Op::GetGatewayBot), 5, "the common address is asked for when the session's is not reached");
    stage.no_deviations();
}

#[tokio::test]
async fn what_only_a_person_can_mend_costs_few_session_starts() {
    let mut stage = Stage::new().await;
    let rule = GatewayRule::new(Moment::Identify, GatewayFault::Close { code: 4014 });
    stage.fake.gateway_fault(GatewayRule { times: 1_000, ..rule });
    let mut said = 0;
    for _ in 0..12 {
        stage.ends.lock().unwrap().clear();
        stage.listen();
        stage.ended(person).await;
        said += 1;
        // As long as the loop waits.
        stage.advance(seconds(300));
    }
    assert_eq!(said, 12, "it is said each time");
    assert_eq!(stage.fake.gateway_counts().identifies, 5, "after 0, 5, 15, 30 and 45 of 60 minutes");
}

#[tokio::test]
async fn a_long_gap_is_read_to_its_end_also_by_the_next_process() {
    let mut stage = Stage::spoken_to_and_killed().await;
    for number in 0..450 {
        stage.fake.say(stage.bo, stage.general, &format!("chatter {number}")).unwrap();
    }
    let missed = stage.mention(stage.bo, stage.general, "/run report");
    // The next process reads two pages and is killed; meanwhile somebody writes what it hands in at once.
    stage
        .fake
        .fault(Rule { skip: 2, ..Rule::new(Fault::Html { status: 502, applied: false }).on(Op::GetMessages) }.always());
    stage.begins_again();
    stage.until("two pages and a refusal", |fake| fake.calls(Op::GetMessages) == 3).await;
    stage.advance(seconds(61));
    let live = stage.mention(stage.bo, stage.general, "live");
    assert_eq!(stage.taken(1).await[0].event, live.to_string(), "what is written now does not wait for ever");
    stage.settle().await;
    stage.kill().await;
    stage.fake.calm();
    stage.begins_again();
    assert_eq!(stage.taken(1).await[0].event, missed.to_string());
    let read = |stage: &Stage| stage.shelf.rows("seen:").iter().all(|(_, row)| !row.contains("unread"));
    stage.until("the end of the channel", |_| read(&stage)).await;
    stage.no_deviations();
}

#[tokio::test]
async fn a_look_up_that_fails_for_now_costs_nobody_their_message_or_their_roles() {
    let mut stage = Stage::spoken_to_and_killed().await;
    let role = stage.fake.add_role(stage.guild, "crew", 0);
    stage.fake.give_role(stage.guild, stage.bo, role);
    stage.mention(stage.bo, stage.general, "/run report");
    let fault = Fault::Html { status: 502, applied: false };
    stage.fake.fault(Rule { times: 3, ..Rule::new(fault.clone()).on(Op::GetMember) });
    stage.begins_again();
    stage.advance_until("the fourth look", Duration::from_millis(500), |fake| fake.calls(Op::GetMember) == 4).await;
    let taken = stage.taken(1).await;
    assert!(taken[0].person.roles.contains(&role.to_string()), "{:?}", taken[0].person);

    // Nobody can look for a whole minute: nobody is refused for roles that nobody has seen.
    stage.kill().await;
    stage.mention(stage.bo, stage.general, "/run report again");
    stage.fake.fault(Rule::new(fault).on(Op::GetMember).always());
    stage.begins_again();
    let direct = stage.fake.direct(stage.bo);
    stage.advance_until("an answer", seconds(2), |_| !stage.said(direct).is_empty()).await;
    assert!(stage.said(direct)[0].contains("give it again"), "{:?}", stage.said(direct));
    assert!(stage.inbox.offered().is_empty());
}

#[tokio::test]
async fn after_a_lost_session_the_missed_messages_are_read() {
    let mut stage = Stage::spoken_to_and_killed().await;

    let role = stage.fake.add_role(stage.guild, "crew", 0);
    stage.fake.give_role(stage.guild, stage.bo, role);
    stage.fake.say(stage.bo, stage.general, "not for the bot").unwrap();
    let missed = stage.mention(stage.bo, stage.general, "/run report");
    let fresh = stage.mention(stage.bo, stage.ops, "nobody has spoken to the bot here");
    let thread = stage.fake.start_thread(stage.bo, stage.ops, None, "a thread", false).unwrap();
    let deep = stage.mention(stage.bo, thread, "nor here");
    stage.advance(seconds(5));
    // What is read of it may be half an answer, and who wrote may not be told at once.
    stage.fake.fault(Rule::new(Fault::HalfAnswer).on(Op::GetMessages));
    stage.fake.fault(Rule::new(Fault::Html { status: 502, applied: false }).on(Op::GetMember));
    stage.listen();
    stage.advance_until("what was missed", Duration::from_millis(100), |_| stage.inbox.taken().len() >= 3).await;
    // One channel after the other.
    let mut taken = stage.taken(3).await;
    taken.sort_by(|one, other| one.event.cmp(&other.event));
    assert_eq!(
        [&taken[0].event, &taken[1].event, &taken[2].event],
        [missed, fresh, deep].map(|id| id.to_string()).each_ref()
    );
    assert!(taken[0].person.roles.contains(&role.to_string()), "roles are asked for: {:?}", taken[0].person);
    let live = stage.mention(stage.bo, stage.general, "live");
    let taken = stage.taken(4).await;
    assert_eq!(taken[3].event, live.to_string());
    assert_eq!(stage.inbox.offered().len(), 4, "what was handled before the kill is not offered again");
    stage.no_deviations();
}

#[tokio::test]
async fn a_process_that_dies_soon_after_its_first_start_misses_nothing_either() {
    let mut stage = Stage::new().await;
    stage.mention(stage.ana, stage.ops, "before the bot was ever there");
    stage.advance(seconds(300));
    stage.listen();
    stage.until_listening().await;
    stage.inbox.open(false);
    // It is heard, and nobody has taken it yet.
    let heard = stage.mention(stage.ana, stage.general, "one");
    stage.offered(1).await;
    stage.kill().await;
    let missed = stage.mention(stage.ana, stage.general, "two");
    stage.begins_again();
    let taken = stage.taken(2).await;
    assert_eq!([&taken[0].event, &taken[1].event], [heard, missed].map(|id| id.to_string()).each_ref());
    stage.no_deviations();
}

#[tokio::test]
async fn a_session_that_is_gone_is_replaced_and_the_gap_is_read() {
    let stage = Stage::hearing().await;
    stage.mention(stage.bo, stage.general, "one");
    stage.taken(1).await;
    stage.until_a_heartbeat().await;
    stage.fake.gateway_now(&GatewayFault::InvalidSession { resumable: false });
    stage.until("the end of the session", |fake| fake.listening() == 0).await;
    stage.mention(stage.bo, stage.general, "two");
    stage.advance_until("a new session", seconds(1), |fake| fake.gateway_counts().identifies == 2).await;
    assert_eq!(stage.taken(2).await.len(), 2);
    assert_eq!(stage.calls(Op::GetMessages), 1);
}
