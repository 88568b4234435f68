//! The sockets: how they are had, replaced and lost, and when a person is asked.

use wilco_core::ListenEnd;
use wilco_sim::slack::{Fault, Op, Reason, Rule, Settings, SocketFault, SocketMoment, SocketRule};

use super::stage::{Stage, seconds, what};

fn lost(code: &'static str) -> impl Fn(&ListenEnd) -> bool {
    move |end| matches!(end, ListenEnd::Lost(cause) if cause.code == code)
}

fn person(end: &ListenEnd) -> bool {
    matches!(end, ListenEnd::NeedsPerson(_))
}

impl Stage {
    fn no_end(&self) {
        let ends = self.ends.lock().unwrap();
        assert!(ends.is_empty(), "{ends:?}");
    }

    async fn sentence(&self) -> String {
        let ListenEnd::NeedsPerson(cause) = self.ended(person).await else { panic!("a person is asked") };
        cause.text
    }
}

#[tokio::test]
async fn two_sockets_hear_everything_once() {
    let mut stage = Stage::listening().await;
    for n in 0..6 {
        stage.mention(&stage.ana, &stage.general, &format!("run report {n}"));
    }
    let taken = stage.taken(6).await;
    assert!(taken.iter().all(|one| what(one) == "/run"));
    stage.until_acknowledged().await;
    assert_eq!(stage.inbox.offered().len(), 6, "each came as message and as app_mention");
    stage.stop().await;
    assert_eq!(*stage.ends.lock().unwrap(), [ListenEnd::Stopped]);
    stage.until("the end of the connections", |fake| fake.listening() == 0).await;
    assert_eq!(stage.fake.socket_counts().redelivered, 0);
    stage.no_deviations();
}

#[tokio::test]
async fn a_socket_that_is_told_to_go_is_replaced_before_it_closes() {
    for reason in [Reason::Warning, Reason::RefreshRequested] {
        let stage = Stage::listening().await;
        // From now on the channel would be read after a moment without a socket.
        stage.mention(&stage.ana, &stage.general, "before");
        stage.taken(1).await;
        stage.until_acknowledged().await;
        stage.advance(seconds(10));
        assert_eq!(stage.fake.socket_now(&SocketFault::Disconnect { reason }), 2);
        stage.until("both replaced", |fake| fake.socket_counts().connections == 4 && fake.listening() == 2).await;
        let after = stage.mention(&stage.ana, &stage.general, "hello");
        assert_eq!(stage.taken(2).await[1].event, format!("{}:{after}", stage.general));
        stage.no_end();
        assert_eq!(stage.calls(Op::History), 0, "there was always somebody who heard");
        stage.no_deviations();
    }
}

#[tokio::test]
async fn one_socket_is_enough_and_the_other_comes_back() {
    let stage = Stage::listening().await;
    stage.advance(seconds(10));
    stage.fake.socket_fault(SocketRule::new(SocketMoment::Envelope, SocketFault::Drop));
    stage.fake.socket_fault(SocketRule::new(SocketMoment::Connect, SocketFault::Refuse).times(3));
    stage.mention(&stage.ana, &stage.general, "hello");
    stage.taken(1).await;
    stage.until("a socket that is gone", |fake| fake.listening() == 1).await;
    stage.mention(&stage.ana, &stage.general, "again");
    stage.taken(2).await;
    stage.advance_until("both sockets", seconds(1), |fake| fake.listening() == 2).await;
    stage.no_end();
    assert_eq!(stage.calls(Op::History), 0);
}

#[tokio::test]
async fn a_network_that_is_gone_ends_listening_and_comes_back() {
    let stage = Stage::listening().await;
    stage.advance(seconds(10));
    stage.fake.socket_fault(SocketRule::new(SocketMoment::Connect, SocketFault::Refuse).times(4));
    stage.fake.socket_now(&SocketFault::Drop);
    stage.ended(lost("connect")).await;
    stage.advance_until("both sockets", seconds(1), |fake| fake.listening() == 2).await;
    stage.mention(&stage.ana, &stage.general, "hello");
    stage.taken(1).await;
}

#[tokio::test]
async fn a_handshake_and_a_hello_that_never_come_are_given_up() {
    for (moment, fault, code) in [
        (SocketMoment::Connect, SocketFault::Stall, "handshake_timeout"),
        (SocketMoment::Hello, SocketFault::Deaf, "hello_timeout"),
    ] {
        let mut stage = Stage::new().await;
        stage.fake.socket_fault(SocketRule::new(moment, fault));
        stage.listen();
        stage.advance_until("both sockets", seconds(1), |fake| fake.listening() == 2).await;
        stage.ended(lost(code)).await;
    }
}

#[tokio::test]
async fn a_deaf_socket_is_noticed_by_its_pongs_and_a_quiet_one_is_left_alone() {
    let stage = Stage::listening().await;
    stage.pass(seconds(300), seconds(3)).await;
    assert_eq!(stage.fake.socket_counts().connections, 2, "nobody wrote for five minutes");
    assert!(stage.fake.socket_counts().pings >= 20);
    stage.fake.socket_now(&SocketFault::Deaf);
    stage.mention(&stage.ana, &stage.general, "hello");
    stage.advance_until("new sockets", seconds(1), |fake| fake.socket_counts().connections >= 4).await;
    stage.advance_until("the message", seconds(1), |_| !stage.inbox.taken().is_empty()).await;
}

#[tokio::test]
async fn a_second_socket_that_cannot_be_had_is_asked_for_more_and_more_slowly() {
    let stage = Stage::listening().await;
    stage.advance(seconds(10));
    // One socket stands; whatever is opened beside it is closed in place of its first word.
    stage.fake.socket_fault(SocketRule::new(SocketMoment::Hello, SocketFault::Close { code: 1001 }).times(1_000));
    stage.fake.socket_fault(SocketRule::new(SocketMoment::Envelope, SocketFault::Close { code: 1001 }));
    stage.mention(&stage.ana, &stage.general, "hello");
    stage.taken(1).await;
    stage.pass(seconds(60), seconds(1)).await;
    let connections = stage.fake.socket_counts().connections;
    assert!((5..12).contains(&connections), "{connections} in a minute");
    stage.no_end();
}

#[tokio::test]
async fn noise_and_unknown_frames_do_no_harm() {
    let stage = Stage::listening().await;
    stage.fake.socket_now(&SocketFault::Noise);
    stage.mention(&stage.ana, &stage.general, "hello");
    stage.taken(1).await;
    stage.no_end();
    assert_eq!(stage.fake.socket_counts().connections, 2);
}

#[tokio::test]
async fn too_many_sockets_elsewhere_leave_one_and_wait_for_the_other() {
    let mut stage = Stage::with(Settings { limits: false, most_connections: 1, ..Settings::default() }).await;
    stage.listen();
    stage.until("one too many", |fake| fake.socket_counts().disconnects == 1 && fake.listening() == 1).await;
    stage.pass(seconds(40), seconds(2)).await;
    assert_eq!(stage.fake.socket_counts().connections, 2, "it is not tried again and again");
    stage.mention(&stage.ana, &stage.general, "hello");
    stage.taken(1).await;
    stage.no_end();
    stage.advance_until("another try", seconds(5), |fake| fake.socket_counts().connections == 3).await;
}

#[tokio::test]
async fn socket_mode_that_is_switched_off_asks_for_a_person() {
    let stage = Stage::listening().await;
    stage.fake.socket_mode(&stage.team, false);
    assert!(stage.sentence().await.contains("Socket Mode is switched off"));
    let mut stage = Stage::new().await;
    stage.fake.socket_mode(&stage.team, false);
    stage.listen();
    assert!(stage.sentence().await.contains("Nothing is lost"));
    assert_eq!(stage.fake.socket_counts().connections, 0);
}

#[tokio::test]
async fn tokens_that_slack_does_not_take_ask_for_a_person_at_the_start() {
    let mut stage = Stage::new().await;
    stage.fake.refuse_tokens(&stage.team, Some("account_inactive"));
    stage.listen();
    assert!(stage.sentence().await.contains("SLACK_BOT_TOKEN"));
    assert_eq!(stage.calls(Op::ConnectionsOpen), 0);
    // The app-level token alone.
    let mut stage = Stage::new().await.changed(|options| {
        options.hears = wilco_slack::Hears::Sockets { app_token: wilco_slack::Secret::new("xapp-1-old") }
    });
    stage.listen();
    assert!(stage.sentence().await.contains("SLACK_APP_TOKEN"));
}

#[tokio::test]
async fn a_bot_token_that_is_taken_back_is_noticed_though_the_sockets_stand() {
    let stage = Stage::listening().await;
    let asked = stage.calls(Op::AuthTest);
    stage.advance_until("a question", seconds(5), |fake| fake.calls(Op::AuthTest) > asked).await;
    stage.no_end();
    // What nobody answers says nothing of the token.
    stage.fake.fault(Rule::new(Fault::Html { status: 502, applied: false }).on(Op::AuthTest));
    let asked = stage.calls(Op::AuthTest);
    stage.advance_until("a question", seconds(5), |fake| fake.calls(Op::AuthTest) > asked + 1).await;
    stage.no_end();
    stage.fake.fault(Rule::new(Fault::refused("token_revoked")).on(Op::AuthTest).always());
    stage.advance_until("a question", seconds(5), |_| !stage.ends.lock().unwrap().is_empty()).await;
    assert!(stage.sentence().await.contains("token revoked"));
}

#[tokio::test]
async fn an_app_that_is_taken_out_of_the_workspace_notices_it_at_once() {
    let stage = Stage::listening().await;
    stage.fake.fault(Rule::new(Fault::refused("account_inactive")).on(Op::AuthTest).always());
    stage.fake.tell_uninstalled(&stage.team);
    assert!(stage.sentence().await.contains("not installed in the workspace any more"));
}

#[tokio::test]
async fn slack_is_not_asked_again_and_again_for_what_a_person_has_to_mend() {
    let mut stage = Stage::new().await;
    stage.fake.refuse_tokens(&stage.team, Some("invalid_auth"));
    stage.listen();
    stage.sentence().await;
    for _ in 0..5 {
        stage.listen();
        stage.settle().await;
    }
    assert_eq!(stage.calls(Op::AuthTest), 1);
    stage.fake.refuse_tokens(&stage.team, None);
    stage.advance(seconds(300));
    stage.listen();
    stage.until_listening().await;
}
