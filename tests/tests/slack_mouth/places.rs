//! Places that are gone, rights that are missing, and workspaces that are somebody else's.

use std::sync::Arc;
use std::time::Duration;

use wilco_core::{Address, Body, Envelope, EnvelopeKind, Found, Messaging, NotSurfaced};
use wilco_sim::clock::HandClock;
use wilco_sim::slack::{FakeSlack, Fault, Op, Rule, Settings};

use super::{Stand, connect};
use crate::mouths::{reason, surfaced};

#[tokio::test]
async fn places_that_are_gone_say_so() {
    for (what, spoil) in [
        ("archived", (|stand| stand.fake.archive(&stand.channel, true)) as fn(&Stand)),
        ("deleted", |stand| stand.fake.delete_channel(&stand.channel)),
        ("left", |stand| stand.fake.leave(&stand.channel, &stand.fake.bot(&stand.team))),
        ("restricted", |stand| stand.fake.refuse_in(&stand.channel, Some("restricted_action"))),
        ("read only", |stand| stand.fake.refuse_in(&stand.channel, Some("restricted_action_read_only_channel"))),
    ] {
        let stand = Stand::new().await;
        let message = stand.posted(&stand.stub("k1")).await;
        assert_eq!(reason(stand.adapter.probe(&stand.place()).await), NotSurfaced::Silent, "{what}");
        spoil(&stand);
        stand.passes(Duration::from_secs(1));
        let post = reason(stand.adapter.post(&stand.stub("k2")).await);
        assert!(matches!(&post, NotSurfaced::Gone(cause) if !cause.text.is_empty()), "{what}: {post:?}");
        let fill = stand.envelope("k1", EnvelopeKind::Content, Body::text("Done"));
        // What an admin restricts is what is new in a channel, and its own messages a bot may change from outside.
        if !matches!(what, "restricted" | "read only" | "left") {
            let edit = reason(stand.adapter.edit(&message, &fill).await);
            assert!(matches!(edit, NotSurfaced::Gone(_)), "{what}: {edit:?}");
        }
        if !matches!(what, "restricted" | "read only") {
            let probe = reason(stand.adapter.probe(&stand.place()).await);
            assert!(matches!(probe, NotSurfaced::Gone(_)), "{what}: {probe:?}");
        }
        assert_eq!(stand.by_bot(), 1, "{what}");
        stand.agrees();
    }
}

#[tokio::test]
async fn a_message_that_was_deleted_or_is_not_ours_falls_back() {
    let stand = Stand::new().await;
    let message = stand.posted(&stand.stub("k1")).await;
    let fill = stand.envelope("k1", EnvelopeKind::Content, Body::text("Done"));
    let foreign = stand.fake.say(&stand.ana, &stand.channel, "mine").expect("it is said");
    let foreign = wilco_core::MessageRef { message: foreign.to_string(), ..message.clone() };
    stand.fake.delete(stand.shown()[0].ts);
    for gone in [message, foreign] {
        let answer = reason(stand.adapter.edit(&gone, &fill).await);
        assert!(matches!(answer, NotSurfaced::Fallback(_)), "{answer:?}");
    }
    assert_eq!(stand.fake.transcript(&stand.channel), "bot | — deleted —\nana | mine\n");
    stand.agrees();
}

#[tokio::test]
async fn a_thread_whose_first_message_never_was_is_gone() {
    let stand = Stand::new().await;
    let nowhere = stand.place().in_thread("1750000000.000001");
    let stub = Envelope { address: nowhere.clone(), ..stand.stub("k1") };
    for outcome in [stand.adapter.post(&stub).await, stand.adapter.probe(&nowhere).await] {
        let answer = reason(outcome);
        assert!(matches!(answer, NotSurfaced::Gone(_)), "{answer:?}");
    }
    let root = stand.fake.say(&stand.ana, &stand.channel, "talk").expect("it is said");
    let thread = stand.place().in_thread(root.to_string());
    assert_eq!(reason(stand.adapter.probe(&thread).await), NotSurfaced::Silent);
    assert_eq!(stand.by_bot(), 0);
    stand.agrees();
}

#[tokio::test]
async fn a_thread_whose_first_message_was_deleted_is_gone_and_leaves_nothing_in_the_channel() {
    let stand = Stand::unhurried().await;
    let root = stand.fake.say(&stand.ana, &stand.channel, "talk").expect("it is said");
    let since = stand.clock().now();
    stand.fake.delete(root);
    let stub = Envelope { address: stand.place().in_thread(root.to_string()), ..stand.stub("k1") };
    let nothing = "ana | — deleted —\nbot | — deleted —\n";
    let answer = reason(stand.adapter.post(&stub).await);
    assert!(matches!(answer, NotSurfaced::Gone(_)), "{answer:?}");
    assert_eq!(stand.fake.transcript(&stand.channel), nothing);
    stand.passes(Duration::from_secs(1));
    // Its answer was lost: whoever looks for it takes it away.
    stand.fake.fault(Rule::new(Fault::Lost).on(Op::PostMessage));
    let answer = reason(stand.adapter.post(&stub).await);
    assert!(matches!(answer, NotSurfaced::Ambiguous(_)), "{answer:?}");
    assert_ne!(stand.fake.transcript(&stand.channel), format!("{nothing}bot | — deleted —\n"));
    let found = stand.adapter.find(&stub, since).await;
    assert!(matches!(found, Found::Refused(NotSurfaced::Gone(_))), "{found:?}");
    assert_eq!(stand.fake.transcript(&stand.channel), format!("{nothing}bot | — deleted —\n"));
    stand.agrees();
}

#[tokio::test]
async fn a_public_channel_is_joined_where_that_is_wanted() {
    for wanted in [false, true] {
        let stand = Stand::unhurried().await.with_options(|options| options.join = wanted);
        stand.fake.change_team(&stand.team, |team| {
            team.scopes.insert("channels:join".to_owned());
        });
        stand.fake.leave(&stand.channel, &stand.fake.bot(&stand.team));
        let outcome = stand.adapter.post(&stand.stub("k1")).await;
        if wanted {
            surfaced(outcome);
        } else {
            assert!(matches!(reason(outcome), NotSurfaced::Gone(_)));
        }
        assert_eq!((stand.fake.calls(Op::Join), stand.by_bot()), (usize::from(wanted), usize::from(wanted)));
        stand.agrees();
    }
}

#[tokio::test]
async fn a_history_that_must_not_be_read_is_no_absence() {
    let stand = Stand::new().await;
    let since = stand.clock().now();
    stand.fake.change_team(&stand.team, |team| {
        team.scopes.remove("channels:history");
    });
    let stub = stand.stub("k1");
    stand.posted(&stub).await;
    assert_eq!(stand.adapter.find(&stub, since).await, Found::Cannot, "nothing to wait for");
    stand.agrees();
}

#[tokio::test]
async fn tokens_that_are_refused_stop_the_account_and_nothing_else_is_tried() {
    for error in ["token_revoked", "invalid_auth", "account_inactive"] {
        let stand = Stand::new().await;
        let message = stand.posted(&stand.stub("k1")).await;
        stand.fake.refuse_tokens(&stand.team, Some(error));
        stand.passes(Duration::from_secs(1));
        let fill = stand.envelope("k1", EnvelopeKind::Content, Body::text("Done"));
        for outcome in [
            stand.adapter.post(&stand.stub("k2")).await,
            stand.adapter.edit(&message, &fill).await,
            stand.adapter.probe(&stand.place()).await,
        ] {
            let answer = reason(outcome);
            assert!(matches!(&answer, NotSurfaced::StopAccount(cause) if cause.code == error), "{answer:?}");
        }
        stand.fake.refuse_tokens(&stand.team, None);
        surfaced(stand.adapter.edit(&message, &fill).await);
        stand.posted(&stand.stub("k2")).await;
        stand.agrees();
    }
    // The scope to write at all is as good as the token.
    let stand = Stand::new().await;
    stand.fake.change_team(&stand.team, |team| {
        team.scopes.remove("chat:write");
    });
    assert!(matches!(reason(stand.adapter.post(&stand.stub("k1")).await), NotSurfaced::StopAccount(_)));
}

#[tokio::test]
async fn each_workspace_is_an_account_of_its_own() {
    let clock = HandClock::at(wilco_tests::clock::BEGIN);
    let fake = FakeSlack::new(Settings::default(), Arc::clone(&clock) as Arc<dyn wilco_core::Clock>);
    let teams = ["Workshop", "Elsewhere"].map(|name| fake.add_team(name));
    let channels = teams.each_ref().map(|team| fake.add_channel(team, "ops"));
    let api = fake.spawn().await.expect("a port is free");
    let accounts = ["slack:workshop", "slack:elsewhere"];
    let adapters =
        [0, 1].map(|at| connect(&fake, &teams[at], &clock, &api, |options| options.account = accounts[at].into()));
    let stub = |at: usize, channel: &str| {
        let address = Address::channel(accounts[at], channel);
        Envelope::plain(address, wilco_core::DeliveryKey::new("k1"), Body::text("On it · report · k7f2"))
    };
    for at in [0, 1] {
        clock.advance(Duration::from_secs(1));
        surfaced(adapters[at].post(&stub(at, &channels[at])).await);
        // The other's channel is none of its own, and neither is the other's account.
        let lost = reason(adapters[at].post(&stub(at, &channels[1 - at])).await);
        assert!(matches!(lost, NotSurfaced::Gone(_)), "{lost:?}");
        let lost = reason(adapters[at].post(&stub(1 - at, &channels[1 - at])).await);
        assert!(matches!(lost, NotSurfaced::Gone(_)), "{lost:?}");
    }
    // One workspace that takes the token away stops nobody else.
    fake.refuse_tokens(&teams[0], Some("token_revoked"));
    clock.advance(Duration::from_secs(2));
    assert!(matches!(
        reason(adapters[0].probe(&Address::channel(accounts[0], &*channels[0])).await),
        NotSurfaced::StopAccount(_)
    ));
    assert_eq!(reason(adapters[1].probe(&Address::channel(accounts[1], &*channels[1])).await), NotSurfaced::Silent);
    for channel in &channels {
        assert_eq!(fake.transcript(channel), "bot | On it · report · k7f2\n");
    }
    assert_eq!(fake.deviations(), []);
}
