//! Signs and private notes.

use wilco_core::inbound::ReplyRow;
use wilco_core::{Address, Button, DeliveryOutcome, Messaging, NotSurfaced, Press, Reply, StatusUpdate};
use wilco_sim::slack::{Fault, Op, Rule};

use super::{Stand, labels};
use crate::mouths::{reason, surfaced};

fn note(stand: &Stand, reply: Reply) -> StatusUpdate {
    StatusUpdate::Note { person: stand.ana.clone(), reply }
}

#[tokio::test]
async fn signs_stand_nowhere_as_a_message() {
    let stand = Stand::new().await;
    let message = stand.posted(&stand.stub("k1")).await;
    let typing = stand.adapter.status(&stand.place(), &StatusUpdate::Thinking).await;
    assert_eq!(typing, NotSurfaced::Silent.into());
    let react = StatusUpdate::React { message: message.clone(), emoji: "👀".to_owned() };
    for _ in 0..2 {
        let answer = stand.adapter.status(&stand.place(), &react).await;
        assert_eq!(answer, DeliveryOutcome::Surfaced(message.clone()), "a second time nothing is wrong with it");
    }
    assert_eq!(stand.only().reactions, ["eyes"]);
    assert_eq!(stand.shown().len(), 1);
    stand.agrees();
}

#[tokio::test]
async fn an_assistant_says_in_its_thread_that_it_is_thinking() {
    let stand = Stand::new().await.with_options(|options| options.assistant = true);
    let root = stand.fake.say(&stand.ana, &stand.channel, "talk").expect("it is said");
    let thread = stand.place().in_thread(root.to_string());
    let status = || stand.fake.world().statuses.values().cloned().collect::<Vec<_>>();
    assert_eq!(stand.adapter.status(&thread, &StatusUpdate::Thinking).await, NotSurfaced::Silent.into());
    assert_eq!(status(), ["is thinking…"]);
    assert_eq!(stand.fake.transcript(&stand.channel), "ana | talk\n  … is thinking…\n");
    assert_eq!(stand.adapter.status(&thread, &StatusUpdate::StopTyping).await, NotSurfaced::Silent.into());
    assert!(status().is_empty());
    // A message of the bot ends it, too.
    assert_eq!(stand.adapter.status(&thread, &StatusUpdate::Thinking).await, NotSurfaced::Silent.into());
    stand.posted(&wilco_core::Envelope { address: thread.clone(), ..stand.stub("k1") }).await;
    assert!(status().is_empty());
    // Elsewhere Slack shows no such sign, and an app that may not is not asked again.
    assert_eq!(stand.adapter.status(&stand.place(), &StatusUpdate::Thinking).await, NotSurfaced::Silent.into());
    stand.fake.fault(Rule::new(Fault::refused("missing_scope")).on(Op::SetStatus).always());
    let before = stand.fake.calls(Op::SetStatus);
    for _ in 0..3 {
        assert_eq!(stand.adapter.status(&thread, &StatusUpdate::Thinking).await, NotSurfaced::Silent.into());
    }
    assert_eq!(stand.fake.calls(Op::SetStatus), before + 1);
    stand.agrees();
}

#[tokio::test]
async fn a_note_is_seen_by_its_person_alone_where_they_asked() {
    let stand = Stand::new().await;
    let root = stand.fake.say(&stand.ana, &stand.channel, "talk").expect("it is said");
    let thread = stand.place().in_thread(root.to_string());
    let cancel = Button::new("Cancel k7f2", Press::Cancel { id: "k7f2".into() });
    let row = ReplyRow { text: "`k7f2` report · running".into(), buttons: vec![cancel] };
    let reply = Reply { rows: vec![row], ..Reply::text("One <job> & no more") };
    surfaced(stand.adapter.status(&thread, &note(&stand, reply)).await);
    assert_eq!(
        stand.fake.transcript(&stand.channel),
        "ana | talk\n  only ana sees | One <job> & no more\n                  `k7f2` report · running\n                  [Cancel k7f2]\n"
    );
    assert_eq!(stand.by_bot(), 0);
    stand.agrees();
}

#[tokio::test]
async fn whoever_is_not_in_the_channel_reads_a_note_in_their_direct_messages() {
    let stand = Stand::new().await;
    stand.fake.leave(&stand.channel, &stand.ana);
    let shown = surfaced(stand.adapter.status(&stand.place(), &note(&stand, Reply::text("Only you see this."))).await);
    let direct = stand.fake.direct(&stand.ana).expect("she is there");
    assert_eq!(shown.address, Address::channel("slack", direct.clone()));
    assert_eq!(stand.fake.whole_transcript(), "# @ana\nbot | Only you see this.\n");
    assert!(stand.fake.snapshot().iter().all(|one| one.notifies.is_empty() && one.previews.is_empty()));
    let nobody = StatusUpdate::Note { person: "everybody".to_owned(), reply: Reply::text("x") };
    assert!(matches!(reason(stand.adapter.status(&stand.place(), &nobody).await), NotSurfaced::Gone(_)));
    stand.agrees();
}

#[tokio::test]
async fn a_long_answer_is_a_few_notes_with_every_row_and_its_button() {
    let stand = Stand::unhurried().await;
    let row = |at: usize| ReplyRow {
        text: format!("`k{at:03}` report · running · {}", "and so on ".repeat(20)),
        buttons: vec![Button::new(format!("Cancel k{at:03}"), Press::Cancel { id: format!("k{at:03}") })],
    };
    let reply = Reply { rows: (0..60).map(row).collect(), ..Reply::text("60 jobs") };
    surfaced(stand.adapter.status(&stand.place(), &note(&stand, reply)).await);
    let notes: Vec<_> = stand.fake.snapshot().into_iter().filter(|one| one.only_for.is_some()).collect();
    assert!((2..=5).contains(&notes.len()), "{} notes", notes.len());
    let buttons: Vec<&str> = notes.iter().flat_map(labels).collect();
    assert_eq!(buttons, (0..60).map(|at| format!("Cancel k{at:03}")).collect::<Vec<_>>());
    for at in 0..60 {
        let times: usize = notes.iter().map(|one| one.text.matches(&format!("`k{at:03}`")).count()).sum();
        assert_eq!(times, 1, "k{at:03}");
    }
    stand.agrees();
}
