//! Messages that arrive.

use std::time::Duration;

use wilco_core::text::Split;
use wilco_core::{
    Body, Button, DeliveryOutcome, Envelope, EnvelopeKind, Found, MessageRef, Messaging, NotSurfaced, Person, Press,
};
use wilco_sim::slack::{Fault, Op, Rule};

use super::{Stand, file, labels};
use crate::mouths::{reason, surfaced};

#[tokio::test]
async fn a_stub_is_filled_and_shows_what_a_person_reads() {
    let stand = Stand::new().await;
    let message = stand.posted(&stand.stub("k1")).await;
    let stub = stand.only();
    assert_eq!((stub.text.as_str(), labels(&stub)), ("On it · report · k7f2", vec!["Cancel"]));
    assert_eq!((message.message.as_str(), stub.by_bot), (stub.ts.to_string().as_str(), true));
    let details = Button::new("Details", Press::Details { id: "k7f2".into() });
    let body = Body::text("Done · k7f2\n\n**All** is well").with_buttons(vec![details]);
    let fill = stand.envelope("k2", EnvelopeKind::Content, body);
    for _ in 0..3 {
        assert_eq!(surfaced(stand.adapter.edit(&message, &fill).await), message);
    }
    let done = stand.only();
    // One star is what Slack's markup says where ours says two.
    assert_eq!(done.raw, "Done · k7f2\n\n*All* is well");
    assert_eq!(labels(&done), ["Details"]);
    assert_eq!(done.fallback, "Done · k7f2\n\nAll is well", "what a notification says has no marks");
    stand.agrees();
}

#[tokio::test]
async fn a_message_is_found_by_its_key_also_where_metadata_is_refused() {
    for refused in [None, Some("metadata_must_be_sent_from_app"), Some("invalid_metadata_format")] {
        // The same is sent twice then, which a Slack that counts refusals as well would not take within a second.
        let stand = Stand::unhurried().await;
        let since = stand.clock().now();
        if let Some(error) = refused {
            stand.fake.fault(Rule::new(Fault::refused(error)).on(Op::PostMessage));
        }
        let stub = stand.stub("k1");
        let message = stand.posted(&stub).await;
        stand.fake.say(&stand.ana, &stand.channel, "On it · report · k7f2").expect("it is said");
        let metadata = stand.fake.world().messages.values().filter(|one| one.shown().metadata.is_some()).count();
        assert_eq!(metadata, usize::from(refused.is_none()), "{refused:?}");
        assert_eq!(stand.adapter.find(&stub, since).await, Found::Here(message), "{refused:?}");
        assert_eq!(stand.adapter.find(&stand.stub("k2"), since).await, Found::Absent, "{refused:?}");
        assert_eq!(stand.by_bot(), 1, "{refused:?}");
        stand.agrees();
    }
}

#[tokio::test]
async fn a_message_is_found_behind_many_others_in_channels_and_in_threads() {
    let stand = Stand::unhurried().await;
    let root = stand.fake.say(&stand.ana, &stand.channel, "talk").expect("it is said");
    let thread = stand.place().in_thread(root.to_string());
    let since = stand.clock().now();
    let in_channel = stand.stub("k1");
    let in_thread = Envelope { address: thread.clone(), ..stand.stub("k2") };
    let (first, second) = (stand.posted(&in_channel).await, stand.posted(&in_thread).await);
    // More than one page of either.
    for line in 0..250 {
        stand.fake.say(&stand.ana, &stand.channel, &format!("line {line}")).expect("it is said");
        stand.fake.reply(&stand.ana, &stand.channel, root, &format!("answer {line}")).expect("it is said");
    }
    assert_eq!(stand.adapter.find(&in_channel, since).await, Found::Here(first));
    assert_eq!(stand.adapter.find(&in_thread, since).await, Found::Here(second));
    // What stands in the thread is not found in the channel, and the other way round.
    assert_eq!(stand.adapter.find(&stand.stub("k2"), since).await, Found::Absent);
    assert_eq!(stand.adapter.find(&Envelope { address: thread, ..stand.stub("k1") }, since).await, Found::Absent);
    stand.agrees();
}

#[tokio::test]
async fn an_edit_repeated_with_a_file_leaves_one_file() {
    let stand = Stand::new().await;
    let dir = tempfile::tempdir().expect("a folder");
    let message = stand.posted(&stand.stub("k1")).await;
    for (name, bytes) in [("report.md", b"first".as_slice()), ("other name.md", b"second one".as_slice())] {
        let body = Body { file: Some(file(&dir, name, bytes)), ..Body::text("report attached") };
        let fill = stand.envelope("k2", EnvelopeKind::File, body);
        for _ in 0..3 {
            surfaced(stand.adapter.edit(&message, &fill).await);
            let files: Vec<(String, u64)> = stand.only().files.into_iter().map(|file| (file.name, file.size)).collect();
            assert_eq!(files, [(name.to_owned(), bytes.len() as u64)]);
        }
    }
    assert_eq!(stand.fake.calls(Op::Upload), 2, "each file is sent once");
    let plain = stand.envelope("k2", EnvelopeKind::Content, Body::text("Done"));
    surfaced(stand.adapter.edit(&message, &plain).await);
    assert!(stand.only().files.is_empty());
    // A create may carry one, too.
    let body = Body { file: Some(file(&dir, "new.txt", b"abc")), ..Body::text("with a file") };
    stand.posted(&stand.envelope("k3", EnvelopeKind::File, body)).await;
    assert_eq!(stand.shown()[1].files[0].name, "new.txt");
    stand.agrees();
}

#[tokio::test]
async fn after_a_restart_an_edit_with_the_same_file_still_shows_one() {
    let mut stand = Stand::new().await;
    let dir = tempfile::tempdir().expect("a folder");
    let message = stand.posted(&stand.stub("k1")).await;
    let body =
        Body { file: Some(file(&dir, "report.md", b"all of it")), ..Body::text("File · k7f2 · report.md (9 B)") };
    let fill = stand.envelope("k2", EnvelopeKind::File, body);
    surfaced(stand.adapter.edit(&message, &fill).await);
    stand.restarts();
    surfaced(stand.adapter.edit(&message, &fill).await);
    let shown = stand.only();
    assert_eq!((shown.files.len(), shown.files[0].name.as_str()), (1, "report.md"));
    stand.agrees();
}

#[tokio::test]
async fn a_ping_notifies_its_person_and_nobody_else() {
    let stand = Stand::new().await;
    let bo = stand.fake.add_person(&stand.team, "bo");
    stand.fake.join(&stand.channel, &bo);
    let result = stand.posted(&stand.stub("k1")).await;
    let text = format!("done: report (k7f2) for <@{bo}>");
    let body = Body { mention: Some(Person::new(stand.ana.clone(), "ana")), ..Body::text(text) };
    let ping = Envelope { reply_to: Some(result.clone()), ..stand.envelope("k2", EnvelopeKind::Ping, body) };
    stand.posted(&ping).await;
    let shown = stand.shown();
    assert_eq!((shown[1].notifies.as_slice(), shown[1].everyone), (["ana".to_owned()].as_slice(), false));
    assert_eq!(shown[1].text, format!("@ana done: report (k7f2) for <@{bo}>"));
    assert_eq!(shown[1].fallback, shown[1].text, "the notification says the same");
    assert_eq!(shown[1].thread, None, "it stands where the result stands");
    // What it answers may be gone by now.
    let lost = MessageRef { message: "1750000000.000001".to_owned(), ..result };
    let ping = Envelope { reply_to: Some(lost), ..stand.envelope("k3", EnvelopeKind::Ping, Body::text("done")) };
    stand.posted(&ping).await;
    assert_eq!(stand.shown()[2].text, "done");
    stand.agrees();
}

#[tokio::test]
async fn a_thread_takes_messages_and_shows_them_there_alone() {
    let stand = Stand::new().await;
    let root = stand.fake.say(&stand.ana, &stand.channel, "talk").expect("it is said");
    let address = stand.place().in_thread(root.to_string());
    let message = stand.posted(&Envelope { address: address.clone(), ..stand.stub("k1") }).await;
    assert_eq!(message.address, address);
    let fill = stand.envelope("k1", EnvelopeKind::Content, Body::text("Done · k7f2"));
    surfaced(stand.adapter.edit(&message, &Envelope { address, ..fill }).await);
    let shown = stand.shown();
    assert_eq!((shown.len(), shown[1].thread, shown[1].text.as_str()), (2, Some(root), "Done · k7f2"));
    assert_eq!(stand.fake.transcript(&stand.channel), "ana | talk\n  bot | Done · k7f2\n");
    stand.agrees();
}

#[tokio::test]
async fn a_result_of_several_parts_is_shown_whole() {
    let stand = Stand::new().await;
    let limits = *stand.adapter.limits();
    let line = |at: usize| format!("line {at:04}: if a < b && c > d {{ *x* }}\n");
    let text: String = (0..200).map(line).collect();
    let Split::Parts(parts) = wilco_core::text::split(&text, limits.text, limits.unit, 5) else {
        panic!("five messages hold it");
    };
    assert!(parts.len() > 1);
    for (at, part) in parts.iter().enumerate() {
        stand.posted(&stand.envelope(&format!("k{at}"), EnvelopeKind::Part, Body::text(part.clone()))).await;
    }
    let read: String =
        stand.shown().iter().map(|message| format!("{}\n", message.text.replace('\u{200b}', ""))).collect();
    for at in 0..200 {
        assert_eq!(read.matches(line(at).trim_end()).count(), 1, "line {at}");
    }
    assert_eq!(stand.adapter.plain_messages(), 0, "none of them had to give up its markup");
    stand.agrees();
}

#[tokio::test]
async fn a_text_fits_to_the_last_sign_and_one_more_shows_nothing() {
    let stand = Stand::new().await;
    let most = stand.adapter.limits().text;
    // Letters that need escapes take more room on the wire than they show.
    for (at, sign) in ["x", "<", "&", "*", "\n", "é"].into_iter().enumerate() {
        let full = format!("a{}z", sign.repeat(most - 2));
        stand.posted(&stand.envelope(&format!("k{at}"), EnvelopeKind::Content, Body::text(full.clone()))).await;
        let shown = stand.shown().pop().expect("it stands there");
        let signs = shown.text.matches(sign).count();
        // Where a text is divided, the break between two pieces stands for the end of a line.
        assert!(signs >= most - 2 - 5, "{sign:?}: {signs} of {} are shown", most - 2);
        stand.passes(Duration::from_secs(1));
        let over = Body::text(format!("{full}{sign}"));
        let answer = reason(stand.adapter.post(&stand.envelope("k9", EnvelopeKind::Content, over)).await);
        assert!(matches!(answer, NotSurfaced::Reshape(_)), "{sign:?}: {answer:?}");
        assert_eq!(stand.by_bot(), at + 1);
    }
    stand.agrees();
}

#[tokio::test]
async fn plain_text_stands_there_as_it_was_written() {
    let stand = Stand::new().await;
    let text = "**Done** _soon_ `code` <!channel> & < :smile:\n> no quote\n```\nno block";
    let body = Body { plain: true, ..Body::text(text) };
    let message = stand.posted(&stand.envelope("k1", EnvelopeKind::Content, body.clone())).await;
    surfaced(stand.adapter.edit(&message, &stand.envelope("k1", EnvelopeKind::Content, body)).await);
    let shown = stand.only();
    assert_eq!((shown.text.as_str(), shown.everyone), (text, false));
    assert_eq!(stand.adapter.plain_messages(), 1, "one message, however often it is edited");
    stand.agrees();
}

#[tokio::test]
async fn what_slack_finds_too_long_comes_back_to_be_made_shorter() {
    let stand = Stand::new().await;
    let message = stand.posted(&stand.stub("k1")).await;
    let fill = stand.envelope("k2", EnvelopeKind::Content, Body::text("Done · k7f2"));
    for error in ["msg_too_long", "msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format"] {
        stand.fake.fault(Rule::new(Fault::refused(error)));
        let answer = reason(stand.adapter.edit(&message, &fill).await);
        assert!(matches!(&answer, NotSurfaced::Reshape(cause) if cause.code == error), "{answer:?}");
        assert_eq!(stand.only().text, "On it · report · k7f2");
    }
    assert_eq!(stand.adapter.edit(&message, &fill).await, DeliveryOutcome::Surfaced(message));
    stand.agrees();
}
