//! Commands, buttons and shortcuts.

use wilco_core::command::Command;
use wilco_core::{Accepted, Address, Audience, Button, DeliveryKey, Press, Reply, What};
use wilco_sim::slack::{Fault, Op, Rule, Settings, SocketFault, SocketMoment, SocketRule};

use super::stage::{Stage, seconds, what};

#[tokio::test]
async fn a_command_is_answered_with_its_acknowledgement() {
    let stage = Stage::listening().await;
    let asked = stage.slash(&stage.general, "run report all of &lt;it&gt;");
    let note = stage.until_told(&stage.ana, "Accepted").await;
    assert!(note.contains("k7f2"), "{note}");
    let one = stage.taken(1).await.remove(0);
    assert_eq!(one.event, format!("trigger:{asked}"));
    assert_eq!(one.what, What::Command(Command::Run { worker: "report".into(), text: "all of <it>".into() }));
    assert_eq!((one.place.audience, one.place.address.thread.clone()), (Audience::Public, None));
    let known = stage.fake.interaction(&asked).unwrap();
    assert_eq!((known.took.map(|took| took < seconds(1)), known.failed, known.uses), (Some(true), false, 0));
    assert!(stage.said(&stage.general).is_empty(), "the stub is not the ears' business");
    stage.slash(&stage.ops, "run report");
    stage.taken(2).await;
    assert_eq!(stage.calls(Op::OpenConversation), 1, "the direct message is asked for once");
    stage.no_deviations();
}

#[tokio::test]
async fn what_is_no_command_is_answered_and_not_handed_in() {
    let stage = Stage::listening().await;
    for (typed, says) in
        [("rum report", "There is no command `rum`"), ("run", "`/wilco run "), ("followups x", "/wilco followups")]
    {
        stage.slash(&stage.general, typed);
        stage.until_told(&stage.ana, says).await;
    }
    assert!(stage.inbox.offered().is_empty());
    stage.slash(&stage.general, "");
    assert_eq!(what(&stage.taken(1).await[0]), "/help");
    stage.no_deviations();
}

#[tokio::test]
async fn a_press_says_which_message_it_was_on_and_a_note_is_none() {
    let stage = Stage::listening().await;
    let button = Button::new("Cancel", Press::Cancel { id: "k7f2".into() });
    let root = stage.fake.say(&stage.bo, &stage.general, "deploys").unwrap();
    let thread = Address::channel("slack", stage.general.as_str()).in_thread(root.to_string());
    let message = stage.post(thread, vec![button.clone()]).await;
    let details = Reply::text("Cancelling · k7f2")
        .with_buttons(vec![Button::new("Details", Press::Details { id: "k7f2".into() })]);
    stage.inbox.answer(Accepted::Stored { worker: Some("k7f2".into()), reply: Some(details) });
    let ts = wilco_sim::slack::Ts::read(&message.message).unwrap();
    stage.fake.press(&stage.ana, ts, "Cancel").unwrap();
    stage.until_told(&stage.ana, "Cancelling").await;
    let taken = stage.taken(1).await;
    let What::Press { press, message: on } = &taken[0].what else { panic!("{:?}", taken[0].what) };
    assert_eq!((press, on), (&button.press, &Some(message.clone())));
    assert_eq!(taken[0].place.address, message.address);
    let world = stage.fake.world();
    assert!(world.messages[&ts].stands() && world.messages[&ts].edits() == 0, "everybody's message stays as it is");
    let note = world.messages.values().find(|message| message.only_for.is_some()).unwrap();
    assert_eq!(note.thread, Some(root));
    stage.fake.press(&stage.ana, note.ts, "Details").unwrap();
    let taken = stage.taken(2).await;
    assert!(matches!(&taken[1].what, What::Press { press: Press::Details { .. }, message: None }), "{:?}", taken[1]);
    stage.no_deviations();
}

#[tokio::test]
async fn what_shows_by_itself_is_not_said_besides() {
    let stage = Stage::listening().await;
    let address = Address::channel("slack", stage.general.as_str());
    let again = Button::new("Run again", Press::RunAgain { id: "k7f2".into() });
    let message = stage.post(address, vec![again]).await;
    let asked =
        stage.fake.press(&stage.ana, wilco_sim::slack::Ts::read(&message.message).unwrap(), "Run again").unwrap();
    stage.taken(1).await;
    stage.until_acknowledged().await;
    stage.settle().await;
    assert!(stage.told_to(&stage.ana).is_empty());
    assert_eq!(stage.fake.interaction(&asked).unwrap().uses, 0);
}

#[tokio::test]
async fn a_job_is_cancelled_from_the_menu_of_its_message() {
    let stage = Stage::listening().await;
    let key = DeliveryKey::from(&wilco_core::ReceiptId::new("0123456789abcdef0123456789abcdef"));
    let address = Address::channel("slack", stage.general.as_str());
    let message = stage.post(address, vec![Button::new("Cancel", Press::CancelStub { key: key.clone() })]).await;
    stage.fake.shortcut(&stage.ana, wilco_sim::slack::Ts::read(&message.message).unwrap(), "Cancel this job").unwrap();
    let taken = stage.taken(1).await;
    assert_eq!(taken[0].what, What::Press { press: Press::CancelStub { key }, message: Some(message) });
    stage.until_told(&stage.ana, "Accepted").await;
    let other = stage.fake.say(&stage.ana, &stage.general, "hello").unwrap();
    stage.fake.shortcut(&stage.ana, other, "Cancel this job").unwrap();
    stage.until_told(&stage.ana, "shows no job").await;
    assert_eq!(stage.inbox.offered().len(), 1);
    stage.no_deviations();
}

#[tokio::test]
async fn what_the_bot_can_do_is_told_from_the_menu_of_the_workspace_in_ones_own_messages() {
    let stage = Stage::listening().await;
    stage.inbox.answer(Accepted::Answered(Reply::text("The commands")));
    stage.fake.global_shortcut(&stage.ana, wilco_slack::manifest::WHAT_IT_DOES).unwrap();
    let taken = stage.taken(1).await;
    assert_eq!(taken[0].what, What::Command(wilco_core::command::Command::Help));
    let direct = stage.fake.direct(&stage.ana).unwrap();
    assert_eq!(taken[0].place.address.channel, direct);
    stage.until("the answer", |fake| fake.transcript(&direct).contains("The commands")).await;
    // Where that conversation cannot be opened in time, the person is told so once it can.
    stage.fake.fault(Rule::new(Fault::Html { status: 502, applied: false }).on(Op::OpenConversation).times(2));
    stage.fake.global_shortcut(&stage.bo, wilco_slack::manifest::WHAT_IT_DOES).unwrap();
    let bo = stage.fake.direct(&stage.bo).unwrap();
    stage.advance_until("the reason", seconds(1), |fake| fake.transcript(&bo).contains("Not accepted")).await;
    assert_eq!(stage.inbox.offered().len(), 1);
    stage.until_acknowledged().await;
}

#[tokio::test]
async fn an_answer_whose_address_does_not_work_goes_another_way() {
    let stage = Stage::listening().await;
    let address = Address::channel("slack", stage.general.as_str());
    let message = stage.post(address, vec![Button::new("Details", Press::Details { id: "k7f2".into() })]).await;
    let ts = wilco_sim::slack::Ts::read(&message.message).unwrap();
    let answer = || Accepted::Answered(Reply::text("The timeline"));
    stage.fake.fault(Rule::new(Fault::Html { status: 404, applied: false }).on(Op::Respond));
    stage.inbox.answer(answer());
    stage.fake.press(&stage.ana, ts, "Details").unwrap();
    stage.until_told(&stage.ana, "The timeline").await;
    assert_eq!((stage.calls(Op::Respond), stage.calls(Op::PostEphemeral)), (1, 1));
    // What is only hard to reach is tried again.
    stage.fake.fault(Rule::new(Fault::Html { status: 502, applied: false }).on(Op::Respond).times(2));
    stage.inbox.answer(answer());
    stage.fake.press(&stage.bo, ts, "Details").unwrap();
    stage.advance_until("the answer", seconds(1), |_| !stage.told_to(&stage.bo).is_empty()).await;
    assert_eq!((stage.calls(Op::Respond), stage.calls(Op::PostEphemeral)), (4, 1));
}

#[tokio::test]
async fn a_command_that_comes_again_by_the_other_socket_is_done_once() {
    let stage =
        Stage::with(Settings { limits: false, redeliver_commands: true, ..Settings::default() }).await.heard().await;
    stage.advance(seconds(10));
    stage.fake.socket_fault(SocketRule::new(SocketMoment::Ack, SocketFault::Drop));
    let asked = stage.slash(&stage.general, "run report");
    let note = stage.until_told(&stage.ana, "Accepted").await;
    assert!(note.contains("already") && note.contains("second time"), "{note}");
    assert_eq!(stage.taken(1).await[0].event, format!("trigger:{asked}"));
    stage.until_acknowledged().await;
    assert_eq!((stage.inbox.taken().len(), stage.told_to(&stage.ana).len()), (1, 1));
    assert!(!stage.fake.interaction(&asked).unwrap().failed);
}
