//! Socket Mode, met by a bare WebSocket client.

use futures::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

use super::Stage;
use super::client::Client;
use crate::slack::{Reason, SocketFault, SocketMoment, SocketRule};

#[tokio::test]
async fn a_connection_says_hello_and_a_ticket_is_good_once() {
    let stage = Stage::new().await;
    let url = Client::url(&stage).await;
    let mut client = Client::dial(&stage, &url).await.unwrap();
    let hello = client.hear().await.unwrap();
    assert_eq!((hello["type"].as_str(), hello["num_connections"].as_u64()), (Some("hello"), Some(1)));
    assert!(Client::dial(&stage, &url).await.is_err());
    assert_eq!(stage.slack.forgive().len(), 1);
    let late = Client::url(&stage).await;
    stage.pass(31);
    assert!(Client::dial(&stage, &late).await.is_err());
    stage.slack.until(|slack| slack.socket_counts().pongs > 0 || slack.listening() == 1).await;
    drop(client);
    stage.slack.until(|slack| slack.listening() == 0).await;
}

#[tokio::test]
async fn an_event_that_nobody_acknowledges_comes_again_three_times() {
    let stage = Stage::new().await;
    let mut client = Client::ready(&stage).await;
    stage.slack.say(&stage.ana, &stage.general, "hello").unwrap();
    let first = client.hear().await.unwrap();
    assert_eq!(first["retry_attempt"], 0);
    for (wait, attempt) in [(3, 1), (63, 2), (303, 3)] {
        stage.pass(wait);
        let again = client.hear().await.unwrap();
        assert_eq!((again["retry_attempt"].as_u64(), again["retry_reason"].as_str()), (Some(attempt), Some("timeout")));
        assert_eq!(again["payload"]["event_id"], first["payload"]["event_id"]);
        assert_ne!(again["envelope_id"], first["envelope_id"]);
    }
    stage.pass(3);
    stage.slack.until(|slack| slack.socket_counts().lost == 1).await;
    client.ack(&first, None).await;
    stage.slack.until(|slack| slack.socket_counts().stray_acks == 1).await;
    stage.nothing_deviated();
}

#[tokio::test]
async fn what_a_lost_connection_carried_goes_to_the_other_one() {
    let stage = Stage::new().await;
    let (mut one, mut two) = (Client::ready(&stage).await, Client::ready(&stage).await);
    stage.slack.slash(&stage.ana, &stage.general, "/wilco", "run demo").unwrap();
    let first = one.hear().await.unwrap();
    drop(one);
    let again = two.hear().await.unwrap();
    assert_eq!(again["payload"]["trigger_id"], first["payload"]["trigger_id"]);
    two.ack(&again, None).await;
    stage.slack.until(|slack| slack.unacknowledged() == 0).await;
    assert_eq!(stage.slack.transcript(&stage.general), "");
}

#[tokio::test]
async fn an_event_without_a_connection_waits_for_one() {
    let stage = Stage::new().await;
    stage.slack.say(&stage.ana, &stage.general, "hello").unwrap();
    let mut client = Client::ready(&stage).await;
    stage.pass(1);
    let envelope = client.hear().await.unwrap();
    assert_eq!(
        (envelope["retry_attempt"].as_u64(), envelope["payload"]["event"]["text"].as_str()),
        (Some(1), Some("hello"))
    );
}

#[tokio::test]
async fn a_warned_connection_gets_nothing_new_and_closes_soon() {
    let stage = Stage::new().await;
    let mut old = Client::ready(&stage).await;
    assert_eq!(stage.slack.socket_now(&SocketFault::Disconnect { reason: Reason::Warning }), 1);
    assert_eq!(old.hear().await.unwrap()["reason"], "warning");
    let mut new = Client::ready(&stage).await;
    for _ in 0..3 {
        stage.slack.say(&stage.ana, &stage.general, "hello").unwrap();
        let envelope = new.hear().await.unwrap();
        new.ack(&envelope, None).await;
    }
    stage.slack.until(|slack| slack.unacknowledged() == 0).await;
    stage.pass(10);
    assert_eq!(old.hear().await, None);
    stage.slack.socket_mode(&stage.team, false);
    assert_eq!(new.hear().await.unwrap()["reason"], "link_disabled");
    assert_eq!(new.hear().await, None);
}

#[tokio::test]
async fn an_old_connection_is_asked_to_refresh_and_an_eleventh_is_turned_away() {
    let stage = Stage::new().await;
    let mut client = Client::ready(&stage).await;
    stage.pass(18_060);
    assert_eq!(client.hear().await.unwrap()["reason"], "refresh_requested");
    stage.pass(10);
    assert_eq!(client.hear().await, None);
    stage.slack.until(|slack| slack.listening() == 0).await;
    let mut all = Vec::new();
    for _ in 0..10 {
        all.push(Client::ready(&stage).await);
    }
    let url = Client::url(&stage).await;
    let mut eleventh = Client::dial(&stage, &url).await.unwrap();
    assert_eq!(eleventh.hear().await.unwrap()["reason"], "too_many_websockets");
}

#[tokio::test]
async fn the_script_spoils_each_moment_of_a_connection() {
    let stage = Stage::new().await;
    let rule = |moment, fault| stage.slack.socket_fault(SocketRule::new(moment, fault));
    rule(SocketMoment::Connect, SocketFault::Refuse);
    let url = Client::url(&stage).await;
    assert!(Client::dial(&stage, &url).await.is_err());
    rule(SocketMoment::Hello, SocketFault::Drop);
    let mut client = Client::dial(&stage, &url).await.unwrap();
    assert_eq!(client.hear().await, None);
    rule(SocketMoment::Envelope, SocketFault::Ignore);
    let mut client = Client::ready(&stage).await;
    stage.slack.say(&stage.ana, &stage.general, "hello").unwrap();
    stage.slack.until(|slack| slack.unacknowledged() == 1).await;
    stage.slack.until(|slack| slack.socket_counts().envelopes == 1).await;
    rule(SocketMoment::Ack, SocketFault::Ignore);
    let mut attempt = 0;
    while attempt < 2 {
        stage.pass(64);
        let envelope = client.hear().await.unwrap();
        attempt = envelope["retry_attempt"].as_u64().unwrap();
        client.ack(&envelope, None).await;
    }
    stage.slack.until(|slack| slack.unacknowledged() == 0).await;
    rule(SocketMoment::Ping, SocketFault::Close { code: 1_001 });
    client.0.send(Message::Ping(b"are you there".to_vec())).await.unwrap();
    assert_eq!(client.hear().await, None);
    let met: Vec<(String, usize)> = stage.slack.faults_met().into_iter().collect();
    let once = ["ack_ignore", "connect_refuse", "envelope_ignore", "hello_drop", "ping_close"];
    assert_eq!(met, once.map(|name| (name.to_owned(), 1)));
}

#[tokio::test]
async fn pings_go_and_pongs_come_by_the_clock() {
    let stage = Stage::new().await;
    let mut client = Client::ready(&stage).await;
    stage.pass(5);
    assert!(matches!(client.0.next().await, Some(Ok(Message::Ping(_)))));
    client.0.flush().await.unwrap();
    stage.slack.until(|slack| slack.socket_counts().pongs == 1).await;
    client.0.send(Message::Ping(b"x".to_vec())).await.unwrap();
    assert!(matches!(client.0.next().await, Some(Ok(Message::Pong(_)))));
    stage.slack.refuse_tokens(&stage.team, Some("token_revoked"));
    assert_eq!(client.hear().await.unwrap()["reason"], "link_disabled");
}

#[tokio::test]
async fn an_event_that_nobody_acknowledges_comes_again_on_one_of_several_connections() {
    let stage = Stage::new().await;
    let (mut one, mut two) = (Client::ready(&stage).await, Client::ready(&stage).await);
    let url = Client::url(&stage).await;
    let mut three = Client::dial(&stage, &url).await.unwrap();
    assert_eq!(three.hear().await.unwrap()["num_connections"], 3, "hello counts the connections");
    stage.slack.say(&stage.ana, &stage.general, "hello").unwrap();
    let first = one.hear().await.unwrap();
    stage.pass(3);
    let again = two.hear().await.unwrap();
    assert_eq!(first["payload"]["event_id"], again["payload"]["event_id"]);
    assert_eq!(first["payload"]["event"], again["payload"]["event"]);
    assert_eq!((first["retry_attempt"].as_u64(), again["retry_attempt"].as_u64()), (Some(0), Some(1)));
    // The third connection gets the next message, and nothing of the first one.
    stage.slack.say(&stage.ana, &stage.general, "next").unwrap();
    let next = three.hear().await.unwrap();
    assert_eq!(next["payload"]["event"]["text"], "next");
    three.ack(&next, None).await;
    two.ack(&again, None).await;
    stage.slack.until(|slack| slack.unacknowledged() == 0).await;
    let counts = stage.slack.socket_counts();
    assert_eq!((counts.envelopes, counts.redelivered, counts.lost), (3, 1, 0));
    stage.nothing_deviated();
}

#[tokio::test]
async fn a_handshake_that_never_ends_and_a_deaf_socket_say_nothing() {
    let stage = Stage::new().await;
    stage.slack.socket_fault(SocketRule::new(SocketMoment::Connect, SocketFault::Stall));
    let url = Client::url(&stage).await;
    let stalled = Client::dial(&stage, &url);
    tokio::pin!(stalled);
    // Whatever else goes on here meanwhile, the handshake does not end.
    let mut client = tokio::select! {
        biased;
        _ = &mut stalled => panic!("the handshake ended"),
        client = Client::ready(&stage) => client,
    };
    assert_eq!(stage.slack.listening(), 1);

    assert_eq!(stage.slack.socket_now(&SocketFault::Deaf), 1);
    stage.slack.until(|slack| slack.listening() == 0).await;
    client.0.send(Message::Ping(b"are you there".to_vec())).await.unwrap();
    stage.slack.say(&stage.ana, &stage.general, "hello").unwrap();
    // Slack does not know that nobody hears it: the event waits for its acknowledgement, and comes again elsewhere.
    let mut other = tokio::select! {
        biased;
        _ = client.hear() => panic!("the deaf socket spoke"),
        other = Client::ready(&stage) => other,
    };
    stage.pass(3);
    let mut attempt = 0;
    while attempt == 0 {
        tokio::select! {
            biased;
            _ = client.hear() => panic!("the deaf socket spoke"),
            envelope = other.hear() => {
                let envelope = envelope.unwrap();
                attempt = envelope["retry_attempt"].as_u64().unwrap();
                other.ack(&envelope, None).await;
            }
        }
    }
    stage.slack.until(|slack| slack.unacknowledged() == 0).await;
    assert_eq!(stage.slack.socket_counts().pings, 0, "a deaf socket hears no ping");
    assert_eq!(stage.slack.socket_now(&SocketFault::Drop), 2);
    assert_eq!(client.hear().await, None);
}

#[tokio::test]
async fn a_frame_that_is_no_json_harms_nothing_else() {
    let stage = Stage::new().await;
    let mut client = Client::ready(&stage).await;
    assert_eq!(stage.slack.socket_now(&SocketFault::Noise), 1);
    let Some(Ok(Message::Text(noise))) = client.0.next().await else { panic!("no text came") };
    assert!(serde_json::from_str::<serde_json::Value>(&noise).is_err(), "{noise}");
    stage.slack.say(&stage.ana, &stage.general, "hello").unwrap();
    assert_eq!(client.take().await["event"]["text"], "hello");
    client.0.send(Message::Text("no json".to_owned())).await.unwrap();
    client.0.send(Message::Text(r#"{"envelope_id": "of-nothing"}"#.to_owned())).await.unwrap();
    stage.slack.until(|slack| slack.socket_counts().stray_acks == 1).await;
    let what: Vec<String> = stage.slack.forgive().into_iter().map(|one| one.what).collect();
    assert!(what[0].contains("no JSON") && what[1].contains("of no envelope"), "{what:?}");
}

#[tokio::test]
async fn two_workspaces_with_one_app_share_its_token_and_its_connections() {
    let stage = Stage::new().await;
    let other = stage.slack.add_team("Harbour");
    let (app, own) = (stage.slack.app_token(&stage.team), stage.slack.app_token(&other));
    stage.slack.share_app(&stage.team, &other);
    assert_eq!(stage.slack.app_token(&other), app);
    assert_ne!(stage.slack.token(&other), stage.slack.token(&stage.team));
    assert_ne!(stage.slack.bot(&other), stage.slack.bot(&stage.team));
    let gone = stage.client.post(format!("{}apps.connections.open", stage.api)).bearer_auth(own);
    assert_eq!(stage.send(gone).await.error(), "invalid_auth");

    // Whoever opened them: both carry what comes from either workspace, in turn.
    let (cy, quay) = (stage.slack.add_person(&other, "cy"), stage.slack.add_channel(&other, "quay"));
    let mut both = [Client::ready(&stage).await, Client::ready_with(&stage, &app).await];
    for (who, place, team) in [(&stage.ana, &stage.general, &stage.team), (&cy, &quay, &other)] {
        stage.slack.slash(who, place, "/wilco", "jobs").unwrap();
        stage.slack.slash(who, place, "/wilco", "jobs").unwrap();
        for client in &mut both {
            let payload = client.take().await;
            assert_eq!((payload["team_id"].as_str(), payload["user_id"].as_str()), (Some(&**team), Some(&**who)));
            assert_eq!(payload["api_app_id"], stage.slack.world().teams[&stage.team].app);
        }
    }

    // A workspace that takes the app away takes it away for itself alone.
    stage.slack.refuse_tokens(&other, Some("account_inactive"));
    let asked = stage.client.post(format!("{}auth.test", stage.api)).bearer_auth(stage.slack.token(&other));
    assert_eq!(stage.send(asked).await.error(), "account_inactive");
    drop(Client::ready_with(&stage, &app).await);
    stage.slack.until(|slack| slack.listening() == 2).await;
    stage.slack.refuse_tokens(&stage.team, Some("account_inactive"));
    for client in &mut both {
        assert_eq!(client.hear().await.unwrap()["reason"], "link_disabled");
    }
    stage.nothing_deviated();
}
