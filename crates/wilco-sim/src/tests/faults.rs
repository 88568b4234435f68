//! Every fault, on both transports: what the adapter concludes and what a person sees.

use futures::FutureExt;
use wilco_core::{EnvelopeKind as K, Scope, Timestamp};

use super::*;
use crate::{Fault, Logged, Rule, Verb};

/// The fault, the outcome of a post or an edit, and whether it takes effect at once.
fn table() -> Vec<(Fault, &'static str, bool)> {
    let elsewhere = Address::channel("sim", "ops-2");
    vec![
        (Fault::RetryAfter { millis: 1_500, scope: Scope::Chat }, "retry_after", false),
        (Fault::Dropped, "retry", false),
        (Fault::Lost, "ambiguous", true),
        (Fault::LateApply { millis: 5_000 }, "ambiguous", false),
        (Fault::ServerError { applied: false }, "ambiguous", false),
        (Fault::ServerError { applied: true }, "ambiguous", true),
        (Fault::HalfAnswer, "ambiguous", true),
        (Fault::Gone, "gone", false),
        (Fault::NotEditable, "fallback", false),
        (Fault::Moved { to: elsewhere }, "moved", false),
        (Fault::Reshape, "reshape", false),
        (Fault::StopAccount, "stop_account", false),
        (Fault::Bug, "bug", false),
    ]
}

/// Whether a fault stands in the table or has a test of its own. Adding a fault stops the compiler here.
fn is_tested(fault: &Fault) -> bool {
    match fault {
        Fault::Hang { .. } => false,
        Fault::RetryAfter { .. }
        | Fault::Dropped
        | Fault::Lost
        | Fault::LateApply { .. }
        | Fault::ServerError { .. }
        | Fault::HalfAnswer
        | Fault::Gone
        | Fault::NotEditable
        | Fault::Moved { .. }
        | Fault::Reshape
        | Fault::StopAccount
        | Fault::Bug => true,
    }
}

#[tokio::test]
async fn d1_every_fault_at_a_create_gives_its_outcome_and_its_effect() {
    for transport in TRANSPORTS {
        for (fault, outcome, applied) in table() {
            assert!(is_tested(&fault));
            let world = World::new(transport, Profile::SlackLike).await;
            world.platform.fault(Rule::new(fault.clone()).on(Verb::Post));
            let answered = world.post(K::Stub, "k1", "On it").await;
            assert_eq!(answered.name(), outcome, "{transport}, {fault:?}: {answered:?}");
            assert_eq!(world.texts().len(), usize::from(applied), "{transport}, {fault:?}");
            assert_eq!(world.platform.faults_left(), [], "{transport}, {fault:?}");
            assert_eq!(world.post(K::Stub, "k2", "On it").await.name(), "surfaced", "the fault happens once");
        }
    }
}

#[tokio::test]
async fn d1_every_fault_at_an_edit_gives_its_outcome_and_its_effect() {
    for transport in TRANSPORTS {
        for (fault, outcome, applied) in table() {
            let world = World::new(transport, Profile::DiscordLike).await;
            let stub = world.posted(K::Stub, "k1", "On it").await;
            world.platform.fault(Rule::new(fault.clone()).on(Verb::Edit).kind(K::Content));
            let answered = world.adapter.edit(&stub, &envelope(K::Content, "k2", "Done")).await;
            assert_eq!(answered.name(), outcome, "{transport}, {fault:?}: {answered:?}");
            let shown = if applied { "Done" } else { "On it" };
            assert_eq!(world.texts(), [shown], "{transport}, {fault:?}");
        }
    }
}

#[tokio::test]
async fn d12_the_answers_carry_what_the_platform_said() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::DiscordLike).await;
        let to = Address::channel("sim", "ops-2").in_thread("t");
        world.platform.fault(Rule::new(Fault::RetryAfter { millis: 1_500, scope: Scope::Account }));
        world.platform.fault(Rule::new(Fault::Moved { to: to.clone() }));
        let delayed = world.post(K::Stub, "k1", "On it").await;
        let expected =
            wilco_core::NotSurfaced::RetryAfter { delay: Duration::from_millis(1_500), scope: Scope::Account };
        assert_eq!(delayed, expected.into(), "{transport}");
        let moved = world.post(K::Stub, "k1", "On it").await;
        assert_eq!(moved, wilco_core::NotSurfaced::Moved(to).into(), "{transport}");
    }
}

#[tokio::test]
async fn a_doubtful_probe_or_sign_is_only_done_again() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::DiscordLike).await;
        for fault in [Fault::Lost, Fault::ServerError { applied: true }, Fault::HalfAnswer, Fault::Dropped] {
            world.platform.fault(Rule::new(fault.clone()).on(Verb::Probe));
            world.platform.fault(Rule::new(fault.clone()).on(Verb::Status));
            assert_eq!(world.adapter.probe(&ops()).await.name(), "retry", "{transport}, {fault:?}");
            let sign = world.adapter.status(&ops(), &wilco_core::StatusUpdate::Thinking).await;
            assert_eq!(sign.name(), "retry", "{transport}, {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_failed_look_up_is_unknown_never_absent() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::SlackLike).await;
        for fault in [Fault::Lost, Fault::HalfAnswer, Fault::Dropped, Fault::Bug] {
            world.platform.fault(Rule::new(fault.clone()).on(Verb::Find));
            let found = world.adapter.find(&envelope(K::Stub, "k1", ""), Timestamp(0)).await;
            assert!(matches!(found, wilco_core::Found::Unknown(_)), "{transport}, {fault:?}: {found:?}");
        }
        // What holds for every call is not lost because it was said to a look-up.
        for fault in [Fault::Gone, Fault::StopAccount, Fault::RetryAfter { millis: 1, scope: Scope::Chat }] {
            world.platform.fault(Rule::new(fault.clone()).on(Verb::Find));
            let found = world.adapter.find(&envelope(K::Stub, "k1", ""), Timestamp(0)).await;
            let wilco_core::Found::Refused(reason) = &found else { panic!("{transport}, {fault:?}: {found:?}") };
            assert_eq!(reason.name(), fault.name(), "{transport}");
        }
    }
}

#[tokio::test]
async fn a_call_that_hangs_never_answers_and_may_have_taken_effect() {
    for applied in [false, true] {
        let world = World::new("in process", Profile::DiscordLike).await;
        world.platform.fault(Rule::new(Fault::Hang { applied }));
        let stub = envelope(K::Stub, "k1", "On it");
        let mut post = world.adapter.post(&stub);
        assert!((&mut post).now_or_never().is_none());
        world.clock.advance(Duration::from_secs(3_600));
        assert!((&mut post).now_or_never().is_none(), "an hour later there is still no answer");
        drop(post);
        assert_eq!(world.texts().len(), usize::from(applied));
        let log = world.platform.log();
        assert_eq!(log[0].call().unwrap().outcome, "hang");
    }
}

#[tokio::test]
async fn a_hanging_call_ends_ambiguous_at_the_adapters_own_limit() {
    let world = World::new("in process", Profile::DiscordLike).await;
    let scripted = Scripted::new(&world.platform, "sim").with_request_limit(Duration::from_secs(15));
    world.platform.fault(Rule::new(Fault::Hang { applied: false }));
    let stub = envelope(K::Stub, "k1", "On it");
    let mut post = scripted.post(&stub);
    assert!((&mut post).now_or_never().is_none());
    world.clock.advance(Duration::from_secs(14));
    assert!((&mut post).now_or_never().is_none());
    world.clock.advance(Duration::from_secs(1));
    let outcome = post.now_or_never().unwrap();
    assert_eq!((outcome.name(), code(&outcome)), ("ambiguous", "timeout"));
}

#[tokio::test]
async fn over_a_socket_the_http_clients_own_limit_ends_a_hanging_call() {
    // Real time: long enough to arrive on a busy machine, short enough to wait for.
    const LIMIT: Duration = Duration::from_secs(2);
    for applied in [false, true] {
        let clock = HandClock::new();
        let platform = Platform::new(Profile::DiscordLike, clock.clone());
        let address = server::spawn(platform.clone()).await.unwrap();
        let remote = Remote::new(&format!("http://{address}"), "sim", *platform.limits(), clock).unwrap();
        platform.fault(Rule::new(Fault::Hang { applied }));
        let outcome = remote.with_request_limit(LIMIT).post(&envelope(K::Stub, "k1", "On it")).await;
        assert_eq!((outcome.name(), code(&outcome)), ("ambiguous", "timeout"));
        assert_eq!(platform.snapshot().messages.len(), usize::from(applied));
    }
}

#[tokio::test]
async fn r18_a_late_progress_edit_lands_on_top_of_the_result() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::TelegramLike).await;
        let stub = world.posted(K::Stub, "k1", "On it").await;
        world.platform.fault(Rule::new(Fault::LateApply { millis: 20_000 }).kind(K::Progress));
        assert_eq!(world.adapter.edit(&stub, &envelope(K::Progress, "k2", "Working")).await.name(), "ambiguous");
        assert_eq!(world.adapter.edit(&stub, &envelope(K::Content, "k3", "Done")).await.name(), "surfaced");
        world.clock.advance(Duration::from_millis(19_999));
        assert_eq!((world.texts(), world.platform.late_calls()), (vec!["Done".to_owned()], 1), "{}", world.transport);
        world.clock.advance(Duration::from_millis(1));
        assert_eq!(world.texts(), ["Working"]);
        assert_eq!(world.platform.visible_results(&worker()), []);
        assert_eq!(world.adapter.edit(&stub, &envelope(K::Content, "k3", "Done")).await.name(), "surfaced");
        assert_eq!(world.platform.visible_results(&worker()).len(), 1);
    }
}

#[tokio::test]
async fn a_late_call_finds_the_world_as_it_is_then() {
    let world = World::new("in process", Profile::SlackLike).await;
    let stub = world.posted(K::Stub, "k1", "On it").await;
    world.platform.fault(Rule::new(Fault::LateApply { millis: 100 }).times(2));
    assert_eq!(world.adapter.edit(&stub, &envelope(K::Progress, "k2", "Working")).await.name(), "ambiguous");
    assert_eq!(world.post(K::Ping, "k3", "done").await.name(), "ambiguous");
    world.platform.delete(&stub.message).unwrap();
    world.clock.advance(Duration::from_millis(100));
    world.platform.settle();
    let fizzled = world.platform.log().into_iter().filter(|entry| matches!(entry.what, Logged::Fizzled { .. })).count();
    assert_eq!(fizzled, 1, "the edit found its message deleted");
    assert_eq!(world.texts(), ["On it", "done"], "the create came late");
}

#[tokio::test]
async fn states_that_last_stop_every_call_and_use_no_line_of_the_script() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::SlackLike).await;
        world.platform.fault(Rule::new(Fault::Bug));
        world.platform.offline(&account(), true);
        assert_eq!(world.post(K::Stub, "k1", "On it").await.name(), "retry");
        world.platform.offline(&account(), false);
        world.platform.stop_account(&account(), Some(wilco_core::Cause::new("revoked", "the token was revoked")));
        let stopped = world.post(K::Stub, "k1", "On it").await;
        assert_eq!((stopped.name(), code(&stopped)), ("stop_account", "revoked"), "{transport}");
        assert!(matches!(
            world.adapter.find(&envelope(K::Stub, "k1", ""), Timestamp(0)).await,
            wilco_core::Found::Refused(wilco_core::NotSurfaced::StopAccount(_))
        ));
        world.platform.stop_account(&account(), None);
        assert_eq!(world.platform.faults_left().len(), 1);
        assert_eq!(world.post(K::Stub, "k1", "On it").await.name(), "bug");
        assert_eq!(world.texts(), [""; 0]);
    }
}

#[tokio::test]
async fn d10_a_closed_channel_takes_its_threads_along_and_a_moved_one_tells_where() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::DiscordLike).await;
        let thread = ops().in_thread("t1");
        world.platform.archive(&thread);
        let archived = world.adapter.probe(&thread).await;
        assert_eq!((archived.name(), code(&archived)), ("gone", "archived"), "{transport}");
        assert_eq!(world.adapter.probe(&ops()).await.name(), "silent", "the channel round it is open");
        world.platform.reopen(&thread);
        world.platform.remove(&ops());
        assert_eq!(code(&world.adapter.probe(&thread).await), "deleted");
        world.platform.reopen(&ops());
        let new = Address::channel("sim", "ops-2");
        world.platform.move_chat(&ops(), &new);
        assert_eq!(world.post(K::Stub, "k1", "On it").await, wilco_core::NotSurfaced::Moved(new).into());
    }
}

#[tokio::test]
async fn the_same_seed_and_the_same_calls_give_the_same_log() {
    let mut logs = Vec::new();
    for seed in [1, 1, 2] {
        let world = World::new("in process", Profile::DiscordLike).await;
        world.platform.chaos(Some(crate::Chaos::wild(seed)));
        for number in 0..100 {
            drop(world.post(K::Stub, &format!("k{number}"), "On it").await);
            world.clock.advance(Duration::from_millis(50));
        }
        logs.push(world.platform.log());
    }
    assert_eq!(logs[0], logs[1]);
    assert_ne!(logs[0], logs[2]);
}
