//! Commands, buttons and what is offered while somebody types.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use wilco_core::desk::{Caller, Desk, JobView};
use wilco_core::followup::Origin;
use wilco_core::worker::WorkerState;
use wilco_core::{
    Accepted, Address, Body, Button, DeliveryKey, DeliveryOutcome, Envelope, MessageRef, Messaging, Press, ReceiptId,
    Reply, Timestamp, What,
};
use wilco_sim::discord::{FakeDiscord, Fault, Id, Op, Rule, permissions};

use super::house::Lists;
use super::stage::{Stage, what};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

impl Stage {
    fn run(&self, channel: Id) -> Id {
        self.fake.slash(self.ana, channel, "run", &[("worker", json!("report")), ("text", json!("all"))]).unwrap()
    }

    /// `/run` is heard, and the store has not taken it when two seconds have passed.
    async fn heard_and_not_stored(&self) -> Id {
        self.inbox.open(false);
        let asked = self.run(self.general);
        self.offered(1).await;
        self.advance(seconds(2));
        self.until_answer(asked, "Heard, storing").await;
        asked
    }

    async fn post(&self, channel: Id, buttons: Vec<Button>) -> MessageRef {
        let key = DeliveryKey::from(&ReceiptId::new("0123456789abcdef0123456789abcdef"));
        let address = Address::channel("discord", channel.to_string());
        let body = Body::text("On it · report · k7f2").with_buttons(buttons);
        match self.discord.post(&Envelope::plain(address, key, body)).await {
            DeliveryOutcome::Surfaced(message) => message,
            DeliveryOutcome::NotSurfaced(why) => panic!("{why:?}"),
        }
    }
}

#[tokio::test]
async fn a_command_is_answered_privately_as_soon_as_it_is_stored() {
    let mut stage = Stage::listening().await;
    let asked = stage.run(stage.general);
    let text = stage.until_answer(asked, "Accepted").await;
    assert!(text.contains("k7f2"), "{text}");
    let one = stage.taken(1).await.remove(0);
    assert_eq!((one.event.clone(), what(&one)), (asked.to_string(), "/run".to_owned()));
    let known = stage.fake.interaction(asked).unwrap();
    assert_eq!((known.answered, known.took), (Some(4), Some(Duration::ZERO)));
    let world = stage.fake.world();
    assert_eq!(world.messages[&known.original.unwrap()].only_for, Some(stage.ana));
    let direct = stage.fake.world().direct(stage.ana).unwrap();
    assert_eq!(one.place.direct.map(|address| address.channel), Some(direct.to_string()));
    assert!(stage.said(stage.general).is_empty(), "the stub is not the ears' business");
    stage.run(stage.ops);
    stage.taken(2).await;
    assert_eq!(stage.calls(Op::OpenDirect), 1, "the direct message is asked for once");
    stage.stop().await;
    stage.no_deviations();
}

#[tokio::test]
async fn a_slow_store_is_bridged_by_a_note_that_always_gets_its_last_words() {
    let stage = Stage::listening().await;
    let asked = stage.heard_and_not_stored().await;
    stage.settle().await;
    let rows = stage.shelf.rows("note:");
    assert_eq!(rows.len(), 1);
    let token = stage.fake.interaction(asked).unwrap().token;
    assert!(!rows[0].1.contains(&token), "a token is no plain text of a row");
    stage.advance(seconds(20));
    stage.inbox.open(true);
    stage.until_answer(asked, "Accepted").await;
    stage.settle().await;
    assert!(stage.shelf.rows("note:").is_empty());
    assert_eq!(stage.inbox.offered().len(), 1);
    stage.no_deviations();
}

#[tokio::test]
async fn where_even_the_note_cannot_be_kept_the_answer_is_deferred_and_discord_ends_it() {
    let mut stage = Stage::listening().await;
    stage.inbox.open(false);
    stage.shelf.refuse(true);
    let asked = stage.run(stage.general);
    let again = stage.run(stage.general);
    stage.offered(2).await;
    stage.advance(seconds(2));
    let deferred = |fake: &FakeDiscord, id| fake.interaction(id).is_some_and(|one| one.answered == Some(5));
    stage.until("two deferrals", |fake| deferred(fake, asked) && deferred(fake, again)).await;
    assert_eq!(stage.fake.transcript(stage.general), "only ana sees | … is thinking\n".repeat(2));
    // What its process still knows it answers; what dies with its process is ended by Discord.
    stage.inbox.open(true);
    stage.until_answer(asked, "Accepted").await;
    stage.until_answer(again, "Accepted").await;
    stage.inbox.open(false);
    let lost = stage.run(stage.general);
    stage.offered(3).await;
    stage.advance(seconds(2));
    stage.until("a third deferral", |fake| deferred(fake, lost)).await;
    stage.kill().await;
    stage.shelf.refuse(false);
    stage.advance(seconds(15 * 60));
    let shown = stage.fake.transcript(stage.general);
    assert!(shown.ends_with("only ana sees | The application did not respond\n"), "{shown}");
    stage.no_deviations();
}

#[tokio::test]
async fn a_note_of_a_killed_process_says_that_nobody_knows() {
    let mut stage = Stage::listening().await;
    let asked = stage.heard_and_not_stored().await;
    stage.settle().await;
    stage.kill().await;
    stage.advance(seconds(60));
    stage.listen();
    stage.until_answer(asked, "give it again").await;
    stage.settle().await;
    assert!(stage.shelf.rows("note:").is_empty());
    stage.no_deviations();
}

#[tokio::test]
async fn a_dead_webhook_is_not_used() {
    let mut stage = Stage::listening().await;
    stage.heard_and_not_stored().await;
    stage.settle().await;
    // Nobody can be reached: the note is not resolved by this process.
    stage.fake.fault(Rule::new(Fault::Dropped).on(Op::EditOriginal).always());
    stage.kill().await;
    stage.advance(seconds(15 * 60));
    stage.settle().await;
    let (edits, invalid) = (stage.calls(Op::EditOriginal), stage.fake.invalid_requests().1);
    stage.fake.calm();
    stage.listen();
    stage.until_listening().await;
    assert!(stage.shelf.rows("note:").is_empty(), "it is forgotten");
    assert_eq!((stage.calls(Op::EditOriginal), stage.fake.invalid_requests().1), (edits, invalid));
}

#[tokio::test]
async fn a_refusal_after_heard_takes_the_place_of_the_note() {
    let stage = Stage::listening().await;
    stage.inbox.answer(Accepted::Refused(Reply::text("Not accepted: the disk is full.")));
    stage.inbox.open(false);
    let asked = stage.run(stage.general);
    stage.offered(1).await;
    stage.advance(seconds(3) - Duration::from_millis(500));
    stage.until_answer(asked, "Heard, storing").await;
    // The first try to give it its last words is refused for now.
    stage.fake.fault(Rule::new(Fault::Html { status: 502, applied: false }).on(Op::EditOriginal));
    stage.inbox.open(true);
    stage
        .advance_until("the refusal", seconds(1), |_| {
            stage.answer(asked).is_some_and(|text| text.contains("the disk is full"))
        })
        .await;
}

#[tokio::test]
async fn a_first_answer_whose_answer_was_lost_is_shown_once() {
    let stage = Stage::listening().await;
    stage.fake.fault(Rule::new(Fault::Lost).on(Op::Callback));
    let asked = stage.run(stage.general);
    stage.taken(1).await;
    stage.advance_until("the second try", Duration::from_millis(100), |fake| fake.calls(Op::EditOriginal) == 1).await;
    assert!(stage.answer(asked).unwrap().contains("Accepted"));
    assert_eq!(stage.calls(Op::Callback), 2);
    assert_eq!(stage.calls(Op::FollowUp), 0);
}

#[tokio::test]
async fn a_first_answer_on_a_connection_that_hangs_is_given_again_in_time() {
    for applied in [false, true] {
        let stage = Stage::listening().await;
        stage.fake.fault(Rule::new(Fault::Hang { applied }).on(Op::Callback));
        let asked = stage.run(stage.general);
        stage.taken(1).await;
        stage.until("the first try", |fake| fake.calls(Op::Callback) == 1).await;
        stage.advance(seconds(1));
        let text = stage.until_answer(asked, "Accepted").await;
        assert!(text.contains("k7f2"), "{text}");
        stage.until("the second try", |fake| fake.calls(Op::Callback) == 2).await;
        assert!(stage.fake.interaction(asked).unwrap().took.unwrap() < seconds(3));
    }
}

#[tokio::test]
async fn a_process_that_dies_while_it_answers_leaves_the_right_words_to_the_next() {
    let mut stage = Stage::listening().await;
    let asked = stage.heard_and_not_stored().await;
    stage.fake.fault(Rule::new(Fault::Dropped).on(Op::EditOriginal).always());
    stage.inbox.open(true);
    stage.until("the first try", |fake| fake.calls(Op::EditOriginal) > 0).await;
    stage.kill().await;
    stage.fake.calm();
    stage.advance(seconds(10));
    stage.listen();
    let text = stage.until_answer(asked, "Accepted").await;
    assert!(text.contains("k7f2"), "{text}");
    stage.settle().await;
    assert!(stage.shelf.rows("note:").is_empty());
}

#[tokio::test]
async fn an_interaction_that_cannot_be_answered_any_more_is_handed_in_all_the_same() {
    let stage = Stage::listening().await;
    let refused = Fault::Refused { status: 404, code: 10062, message: "Unknown interaction".into() };
    stage.fake.fault(Rule::new(refused).on(Op::Callback).always());
    stage.run(stage.general);
    stage.taken(1).await;
    stage.until("the answer that was refused", |fake| fake.calls(Op::Callback) == 1).await;
    stage.advance(seconds(10));
    stage.settle().await;
    assert_eq!((stage.calls(Op::Callback), stage.calls(Op::EditOriginal), stage.calls(Op::FollowUp)), (1, 0, 0));
}

#[tokio::test]
async fn a_channel_in_which_the_bot_cannot_speak_is_refused_with_the_missing_permission() {
    let stage = Stage::listening().await;
    stage.fake.deny_bot(stage.ops, permissions::SEND_MESSAGES);
    let asked = stage.run(stage.ops);
    let text = stage.until_answer(asked, "Not accepted").await;
    assert!(text.contains("Send Messages") && !text.contains("View Channel"), "{text}");
    assert!(stage.inbox.offered().is_empty());
    // What shows nothing in the channel works there.
    let asked = stage.fake.slash(stage.ana, stage.ops, "jobs", &[]).unwrap();
    stage.until_answer(asked, "Accepted").await;
    stage.no_deviations();
}

#[tokio::test]
async fn a_thread_needs_its_own_permission_and_a_private_one_has_a_narrow_place() {
    let stage = Stage::listening().await;
    let private = stage.fake.start_thread(stage.ana, stage.general, None, "secret", true).unwrap();
    stage.fake.add_to_thread(private, stage.fake.bot());
    stage.run(private);
    let one = stage.taken(1).await.remove(0);
    assert_eq!(one.place.address.channel, stage.general.to_string());
    assert_eq!(one.place.address.thread, Some(private.to_string()));
    assert_eq!((one.place.audience, one.place.parent), (wilco_core::Audience::Private, None));
    let public = stage.fake.start_thread(stage.ana, stage.general, None, "deploys", false).unwrap();
    stage.run(public);
    let two = stage.taken(2).await.remove(1);
    assert_eq!(two.place.parent.map(|address| address.channel), Some(stage.general.to_string()));
    stage.fake.deny_bot(stage.general, permissions::SEND_MESSAGES_IN_THREADS);
    let asked = stage.run(public);
    stage.until_answer(asked, "Send Messages in Threads").await;
}

#[tokio::test]
async fn a_press_says_which_message_it_was_on_and_a_note_is_none() {
    let stage = Stage::listening().await;
    let button = Button::new("Cancel", Press::Cancel { id: "k7f2".into() });
    let message = stage.post(stage.general, vec![button.clone()]).await;
    let details = Reply::text("Cancelling · k7f2")
        .with_buttons(vec![Button::new("Details", Press::Details { id: "k7f2".into() })]);
    stage.inbox.answer(Accepted::Stored { worker: Some("k7f2".into()), reply: Some(details) });
    let asked = stage.fake.press(stage.ana, message.message.parse().unwrap(), "Cancel").unwrap();
    stage.until_answer(asked, "Cancelling").await;
    let taken = stage.taken(1).await;
    let What::Press { press, message: on } = &taken[0].what else { panic!("{:?}", taken[0].what) };
    assert_eq!((press, on), (&button.press, &Some(message)));
    let note = stage.fake.interaction(asked).unwrap().original.unwrap();
    stage.fake.press(stage.ana, note, "Details").unwrap();
    let taken = stage.taken(2).await;
    assert!(matches!(&taken[1].what, What::Press { press: Press::Details { .. }, message: None }), "{:?}", taken[1]);
    stage.no_deviations();
}

#[tokio::test]
async fn a_job_is_cancelled_from_the_menu_of_its_message() {
    let stage = Stage::listening().await;
    let key = DeliveryKey::from(&ReceiptId::new("0123456789abcdef0123456789abcdef"));
    let message = stage.post(stage.general, vec![Button::new("Cancel", Press::CancelStub { key: key.clone() })]).await;
    stage.fake.message_command(stage.ana, message.message.parse().unwrap(), "Cancel this job").unwrap();
    let taken = stage.taken(1).await;
    assert_eq!(taken[0].what, What::Press { press: Press::CancelStub { key }, message: Some(message) });
    let other = stage.fake.say(stage.ana, stage.general, "hello").unwrap();
    let asked = stage.fake.message_command(stage.ana, other, "Cancel this job").unwrap();
    stage.until_answer(asked, "shows no job").await;
    assert_eq!(stage.inbox.offered().len(), 1);
}

fn job(short: &str, kind: &str, state: WorkerState) -> JobView {
    JobView {
        id: wilco_core::WorkerId::new(short),
        short: short.into(),
        kind: kind.to_owned(),
        state,
        input: "all of it ".repeat(40),
        by: "ana".to_owned(),
        address: Address::channel("discord", "1"),
        created: Timestamp(0),
        started: None,
        ended: None,
        progress: String::new(),
        cancel: None,
        origin: Origin::Person,
    }
}

#[tokio::test]
async fn names_are_offered_while_somebody_types() {
    let stage = Stage::listening().await;
    let mut jobs = vec![job("k7f2", "report", WorkerState::Running), job("m3n4", "demo", WorkerState::Done)];
    jobs.extend((0..60).map(|n| job(&format!("q{n}"), "demo", WorkerState::Queued)));
    let lists = Lists::of(jobs);
    stage.discord.attach(Arc::clone(&lists) as Arc<dyn Desk>);
    let offered = async |command: &str, option: &str, typed: &str| {
        let id = stage.fake.type_in(stage.ana, stage.general, command, option, typed).unwrap();
        stage.until("choices", |fake| fake.interaction(id).is_some_and(|one| one.choices.is_some())).await;
        let choices = stage.fake.interaction(id).unwrap().choices.unwrap();
        let choices = choices.as_array().unwrap().clone();
        choices.into_iter().map(|one| one["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(offered("run", "worker", "").await, ["report", "demo", "redeploy"]);
    assert_eq!(offered("run", "worker", "De").await, ["demo", "redeploy"], "what begins with it stands first");
    assert_eq!(offered("cancel", "job", "report").await, ["k7f2"]);
    assert_eq!(offered("cancel", "job", "m3").await, Vec::<String>::new(), "it has ended");
    assert_eq!(offered("status", "job", "m3").await, ["m3n4"]);
    assert_eq!(offered("watch", "job", "").await.len(), 25, "no more than Discord takes");
    assert_eq!(offered("followups", "page", "").await, Vec::<String>::new());
    let callers = lists.callers.lock().unwrap().clone();
    let Caller::Person { person, address: Some(address), guild, .. } = &callers[0] else { panic!("{:?}", callers[0]) };
    assert_eq!(*guild, Some(stage.guild.to_string()), "rules may ask for the server");
    assert_eq!((person.id.clone(), address.channel.clone()), (stage.ana.to_string(), stage.general.to_string()));
    // Whoever may do nothing here learns of no job, and not even what there is to run.
    *lists.role.lock().unwrap() = None;
    let asked = lists.callers.lock().unwrap().len();
    for (command, option) in [("run", "worker"), ("cancel", "job"), ("status", "job"), ("followups", "page")] {
        assert_eq!(offered(command, option, "").await, Vec::<String>::new(), "{command}");
    }
    assert_eq!(lists.callers.lock().unwrap().len(), asked);
    assert!(stage.inbox.offered().is_empty());
    stage.no_deviations();
}

#[tokio::test]
async fn a_desk_that_hangs_offers_nothing_in_time() {
    let stage = Stage::listening().await;
    let lists = Lists::of(Vec::new());
    lists.hangs.store(true, Ordering::SeqCst);
    stage.discord.attach(Arc::clone(&lists) as Arc<dyn Desk>);
    let id = stage.fake.type_in(stage.ana, stage.general, "cancel", "job", "k").unwrap();
    stage.until("the question", |_| !lists.callers.lock().unwrap().is_empty()).await;
    stage.advance(seconds(2));
    stage.until("an empty list", |fake| fake.interaction(id).is_some_and(|one| one.choices == Some(json!([])))).await;
    assert!(stage.fake.interaction(id).unwrap().took.unwrap() < seconds(3));
}
