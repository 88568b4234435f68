//! What people do reaches the inbox: at least once, in order, until it is answered.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use wilco_core::command::Command;
use wilco_core::{Accepted, Button, EnvelopeKind as K, Inbound, ListenEnd, Press, Reply, What};

use super::*;
use crate::{Logged, place};

/// Answers from a list, then "stored"; tells the test of every batch.
#[derive(Default)]
pub(super) struct Inbox {
    answers: Mutex<VecDeque<Accepted>>,
    seen: Option<mpsc::UnboundedSender<Vec<Inbound>>>,
    gate: Option<Arc<Notify>>,
}

impl Inbox {
    fn new(answers: impl IntoIterator<Item = Accepted>) -> (Self, mpsc::UnboundedReceiver<Vec<Inbound>>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { answers: Mutex::new(answers.into_iter().collect()), seen: Some(sender), gate: None }, receiver)
    }
}

#[async_trait]
impl wilco_core::Inbox for Inbox {
    async fn offer(&self, batch: Vec<Inbound>) -> Vec<Accepted> {
        let count = batch.len();
        if let Some(seen) = &self.seen {
            seen.send(batch).unwrap();
        }
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        let mut answers = self.answers.lock().unwrap();
        (0..count).map(|_| answers.pop_front().unwrap_or(Accepted::Stored { worker: None, reply: None })).collect()
    }
}

/// Listens in the background, as the loop does.
struct Listening {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<ListenEnd>,
}

impl Listening {
    fn start(world: &World, inbox: Inbox) -> Self {
        let stop = CancellationToken::new();
        let (adapter, token) = (Arc::clone(&world.adapter), stop.clone());
        let task = tokio::spawn(async move { adapter.listen(Arc::new(inbox), token).await });
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        assert_eq!(self.task.await.unwrap(), ListenEnd::Stopped);
    }
}

/// Waits, driven by the log, until the platform has seen that many answers.
async fn answered(world: &World, count: usize) {
    let mut after = 0;
    let mut answers = 0;
    while answers < count {
        // No limit of its own: the clock stands still, so only an answer ends this wait.
        let entries = world.platform.log_grows(after, Duration::from_secs(1)).await;
        after = entries.last().unwrap().seq;
        answers += entries.iter().filter(|entry| matches!(entry.what, Logged::Answered { .. })).count();
    }
}

fn here() -> wilco_core::Place {
    place::public(&account(), "ops", &ana())
}

#[tokio::test]
async fn what_people_say_becomes_commands_text_and_presses() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::DiscordLike).await;
        let mut stub = envelope(K::Stub, "k1", "On it");
        stub.body.buttons = vec![Button::new("Cancel", Press::Cancel { id: "k7f2".into() })];
        let message = surfaced(world.adapter.post(&stub).await);
        world.platform.say(&ana(), &here(), "/run demo fast").unwrap();
        world.platform.say(&ana(), &here(), "hello").unwrap();
        world.platform.press(&ana(), &message.message, "Cancel").unwrap();
        let (inbox, mut seen) = Inbox::new([]);
        let listening = Listening::start(&world, inbox);
        let batch = seen.recv().await.unwrap();
        let whats: Vec<What> = batch.iter().map(|inbound| inbound.what.clone()).collect();
        let expected = [
            What::Command(Command::Run { worker: "demo".into(), text: "fast".into() }),
            What::Said("hello".into()),
            What::Press { press: Press::Cancel { id: "k7f2".into() }, message: Some(message) },
        ];
        assert_eq!(whats, expected, "{transport}");
        assert_eq!(batch.iter().map(|inbound| inbound.event.as_str()).collect::<Vec<_>>(), ["e1", "e2", "e3"]);
        assert!(batch.iter().all(|inbound| inbound.place == here() && inbound.person == ana()));
        answered(&world, 3).await;
        listening.stop().await;
        assert_eq!(world.platform.unanswered(&account()), 0);
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_answered_privately_and_never_offered() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::DiscordLike).await;
        for line in ["/run", "/stats"] {
            world.platform.say(&ana(), &here(), line).unwrap();
        }
        world.platform.say(&ana(), &here(), "/help").unwrap();
        let (inbox, mut seen) = Inbox::new([Accepted::Answered(Reply::text("commands"))]);
        let listening = Listening::start(&world, inbox);
        assert_eq!(seen.recv().await.unwrap().len(), 1, "{transport}: only the one that makes sense");
        answered(&world, 3).await;
        listening.stop().await;
        let expected = "\
ana | /run
ana | /stats
ana | /help
only ana sees | Not understood, nothing was started. It goes like this: `/run <worker> [text]`
only ana sees | There is no command `stats`. Did you mean /status? /help lists the commands.
only ana sees | commands
";
        assert_eq!(world.platform.transcript(&ops()), expected, "{transport}");
    }
}

#[tokio::test]
async fn busy_brings_the_same_event_again_after_a_pause() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::DiscordLike).await;
        world.platform.say(&ana(), &here(), "/jobs").unwrap();
        let (inbox, mut seen) = Inbox::new([Accepted::Busy]);
        let listening = Listening::start(&world, inbox);
        let first = seen.recv().await.unwrap();
        answered(&world, 1).await;
        assert_eq!(world.platform.unanswered(&account()), 1);
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(seen.recv().await.unwrap(), first, "{transport}");
        answered(&world, 2).await;
        assert_eq!(world.platform.unanswered(&account()), 0);
        listening.stop().await;
    }
}

#[tokio::test]
async fn an_event_that_was_not_answered_comes_again_to_the_next_session() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::DiscordLike).await;
        world.platform.say(&ana(), &here(), "/jobs").unwrap();
        let (mut inbox, mut seen) = Inbox::new([]);
        inbox.gate = Some(Arc::new(Notify::new()));
        let crashed = Listening::start(&world, inbox);
        let first = seen.recv().await.unwrap();
        crashed.task.abort();
        assert!(crashed.task.await.unwrap_err().is_cancelled());

        let (inbox, mut seen) = Inbox::new([]);
        let listening = Listening::start(&world, inbox);
        assert_eq!(seen.recv().await.unwrap(), first, "{transport}");
        answered(&world, 1).await;
        listening.stop().await;
    }
}

#[tokio::test]
async fn m13_the_same_event_is_delivered_twice_on_demand() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::DiscordLike).await;
        assert!(!world.platform.redeliver_last(&account()));
        world.platform.say(&ana(), &here(), "/run demo").unwrap();
        let (inbox, mut seen) =
            Inbox::new([Accepted::Stored { worker: None, reply: None }, Accepted::Duplicate { worker: None }]);
        let listening = Listening::start(&world, inbox);
        let first = seen.recv().await.unwrap();
        answered(&world, 1).await;
        assert!(world.platform.redeliver_last(&account()));
        assert_eq!(seen.recv().await.unwrap(), first, "{transport}");
        answered(&world, 2).await;
        listening.stop().await;
        assert_eq!(world.platform.snapshot().messages.len(), 1, "the person wrote once");
    }
}

#[tokio::test]
async fn m12_a_slow_store_is_made_known_after_two_seconds() {
    let world = World::new("in process", Profile::DiscordLike).await;
    world.platform.say(&ana(), &here(), "/run demo").unwrap();
    let gate = Arc::new(Notify::new());
    let refusal = Reply::text("Not accepted: the disk is full.");
    let (mut inbox, mut seen) = Inbox::new([Accepted::Refused(refusal)]);
    inbox.gate = Some(Arc::clone(&gate));
    let listening = Listening::start(&world, inbox);
    seen.recv().await.unwrap();
    let before = world.platform.log().len();
    // The listener sleeps until two seconds after it offered; the clock has not moved since.
    world.clock.advance(Duration::from_secs(2));
    world.platform.log_grows(u64::try_from(before).unwrap(), Duration::from_secs(60)).await;
    gate.notify_one();
    answered(&world, 1).await;
    listening.stop().await;
    let expected = "\
ana | /run demo
only ana sees | Heard, storing…
only ana sees | Not accepted: the disk is full.
";
    assert_eq!(world.platform.transcript(&ops()), expected);
}

#[tokio::test]
async fn l2_whoever_speaks_while_the_words_before_wait_for_the_store_is_heard_as_well_and_answered_in_order() {
    let world = World::new("in process", Profile::DiscordLike).await;
    let gate = Arc::new(Notify::new());
    let (mut inbox, mut seen) = Inbox::new(["one", "two"].map(|text| Accepted::Answered(Reply::text(text))));
    inbox.gate = Some(Arc::clone(&gate));
    let listening = Listening::start(&world, inbox);
    for (notes, line) in ["/run one", "/run two"].into_iter().enumerate() {
        world.platform.say(&ana(), &here(), line).unwrap();
        while world.platform.snapshot().notes.len() <= notes {
            tokio::task::yield_now().await;
            world.clock.advance(Duration::from_millis(500));
        }
    }
    // The platform has lost patience by now and says both again, which makes no third batch.
    world.clock.advance(Duration::from_secs(60));
    tokio::task::yield_now().await;
    for _ in 0..2 {
        seen.recv().await.unwrap();
        gate.notify_one();
    }
    answered(&world, 2).await;
    listening.stop().await;
    assert!(seen.try_recv().is_err());
    let expected = "\
ana | /run one
only ana sees | Heard, storing…
ana | /run two
only ana sees | Heard, storing…
only ana sees | one
only ana sees | two
";
    assert_eq!(world.platform.transcript(&ops()), expected);
}

#[tokio::test]
async fn listening_ends_when_the_platform_is_cut_off_or_refuses_the_credentials() {
    for transport in TRANSPORTS {
        let world = World::new(transport, Profile::DiscordLike).await;
        let (inbox, _seen) = Inbox::new([]);
        let listening = Listening::start(&world, inbox);
        world.platform.offline(&account(), true);
        assert!(matches!(listening.task.await.unwrap(), ListenEnd::Lost(_)), "{transport}");
        world.platform.offline(&account(), false);
        world.platform.stop_account(&account(), Some(wilco_core::Cause::new("revoked", "")));
        let (inbox, _seen) = Inbox::new([]);
        let end = Listening::start(&world, inbox).task.await.unwrap();
        assert!(matches!(end, ListenEnd::NeedsPerson(_)), "{transport}: {end:?}");
    }
}

#[tokio::test]
async fn two_accounts_do_not_hear_each_other() {
    let world = World::new("in process", Profile::DiscordLike).await;
    let other = AccountId::new("other");
    world.platform.say(&ana(), &place::public(&other, "ops", &ana()), "/jobs").unwrap();
    world.platform.say(&ana(), &here(), "/help").unwrap();
    let (inbox, mut seen) = Inbox::new([]);
    let listening = Listening::start(&world, inbox);
    assert_eq!(seen.recv().await.unwrap()[0].what, What::Command(Command::Help));
    answered(&world, 1).await;
    listening.stop().await;
    assert_eq!(world.platform.unanswered(&other), 1);
}

#[tokio::test]
async fn a_person_can_only_do_what_is_possible() {
    let world = World::new("in process", Profile::DiscordLike).await;
    let mut stub = envelope(K::Stub, "k1", "On it");
    stub.body.buttons = vec![Button::new("Cancel", Press::Cancel { id: "k7f2".into() })];
    let message = surfaced(world.adapter.post(&stub).await).message;
    assert!(world.platform.press(&ana(), &message, "Details").is_err());
    assert!(world.platform.press(&ana(), "m99", "Cancel").is_err());
    world.platform.delete(&message).unwrap();
    assert!(world.platform.delete(&message).is_err());
    assert!(world.platform.press(&ana(), &message, "Cancel").is_err());
    let event = world.platform.press_late(&ana(), &here(), Some(&message), &Press::Cancel { id: "k7f2".into() });
    assert_eq!(event, "e1", "a client that had not redrawn still can");
    world.platform.remove(&ops());
    assert!(world.platform.say(&ana(), &here(), "hello").is_err());
}
