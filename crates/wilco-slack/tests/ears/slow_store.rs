//! A store that takes its time: everything is acknowledged, and nothing is lost.

use wilco_core::{Accepted, Address, Button, Press, Reply};
use wilco_sim::slack::{Fault, Op, Rule, Settings, Ts};

use super::stage::{Stage, seconds};

#[tokio::test]
async fn a_store_that_stalls_for_four_seconds_delays_no_acknowledgement_and_loses_no_command() {
    let stage = Stage::with(Settings { limits: false, ping: seconds(1), ..Settings::default() }).await.heard().await;
    let button = Button::new("Cancel", Press::Cancel { id: "k7f2".into() });
    let message = stage.post(Address::channel("slack", stage.general.as_str()), vec![button]).await;
    stage.mention(&stage.ana, &stage.general, "jobs");
    stage.taken(1).await;
    stage.until_acknowledged().await;
    stage.stall(true);
    let mut wanted = Vec::new();
    for n in 0..3 {
        let ts = stage.mention(&stage.ana, &stage.general, &format!("run report {n}"));
        wanted.push(format!("{}:{ts}", stage.general));
    }
    wanted.push(format!("{}:{}", stage.ops, stage.mention(&stage.bo, &stage.ops, "run report")));
    wanted.push(format!(
        "{}:{}",
        stage.fake.direct(&stage.bo).unwrap(),
        stage.fake.whisper(&stage.bo, "jobs").unwrap()
    ));
    for channel in [&stage.general, &stage.ops] {
        wanted.push(format!("trigger:{}", stage.slash(channel, "run report")));
    }
    let ts = Ts::read(&message.message).unwrap();
    wanted.push(format!("trigger:{}", stage.fake.press(&stage.bo, ts, "Cancel").unwrap()));
    stage.settle().await;
    let pongs = stage.fake.socket_counts().pongs;
    // Half of the four seconds nothing is said, and then everything was heard.
    stage.pass(seconds(2), std::time::Duration::from_millis(500)).await;
    stage.pass(std::time::Duration::from_millis(500), std::time::Duration::from_millis(100)).await;
    stage.until_acknowledged().await;
    stage.until_told(&stage.ana, "Heard, storing").await;
    stage.pass(std::time::Duration::from_millis(1_500), std::time::Duration::from_millis(500)).await;
    let (counts, took) = (stage.fake.socket_counts(), stage.fake.acknowledged_after());
    assert!(took.iter().all(|took| *took < seconds(3)), "{took:?}");
    assert!(counts.pongs >= pongs + 6, "two sockets answer a ping a second: {counts:?}");
    assert_eq!((counts.redelivered, counts.connections, counts.lost), (0, 2, 0));
    stage.stall(false);
    let mut taken: Vec<String> = stage.taken(1 + wanted.len()).await.into_iter().skip(1).map(|one| one.event).collect();
    taken.sort();
    wanted.sort();
    assert_eq!(taken, wanted);
    stage.until_told(&stage.ana, "Accepted").await;
    stage.until_told(&stage.bo, "Accepted").await;
    stage.until("nothing that is kept", |_| stage.shelf.rows("heard:").is_empty()).await;
    stage.no_deviations();
}

#[tokio::test]
async fn heard_is_followed_by_what_became_of_it_and_what_is_kept_is_sealed() {
    let stage = Stage::listening().await;
    stage.slow(true);
    let asked = stage.slash(&stage.general, "run report");
    stage.offered(1).await;
    stage.advance(seconds(2));
    stage.until_told(&stage.ana, "Heard, storing").await;
    let rows = stage.shelf.rows("heard:");
    assert_eq!(rows.len(), 1);
    let path = stage.fake.interaction(&asked).unwrap().path;
    assert!(!rows[0].1.contains(&path) && !rows[0].1.contains("report"), "{}", rows[0].1);
    stage.pass(seconds(20), seconds(2)).await;
    stage.slow(false);
    stage.until_told(&stage.ana, "Accepted").await;
    stage.until("nothing that is kept", |_| stage.shelf.rows("heard:").is_empty()).await;
    assert_eq!(stage.inbox.offered().len(), 1);
    assert!(!stage.fake.interaction(&asked).unwrap().failed);
    stage.no_deviations();
}

#[tokio::test]
async fn where_not_even_the_note_can_be_kept_it_says_what_silence_would_mean() {
    let stage = Stage::listening().await;
    stage.slow(true);
    stage.shelf.refuse(true);
    stage.slash(&stage.general, "run report");
    stage.offered(1).await;
    stage.advance(seconds(2));
    // The store may have taken it when the process dies, so silence is no refusal.
    let said = stage.until_told(&stage.ana, "If nothing more is said here").await;
    assert!(said.ends_with("/wilco jobs shows it if it was accepted; if not, give it again."), "{said}");
    stage.slow(false);
    stage.until_told(&stage.ana, "Accepted").await;
    stage.no_deviations();
}

#[tokio::test]
async fn a_store_that_does_not_answer_while_there_is_an_address_leaves_nobody_with_heard() {
    let stage = Stage::listening().await;
    stage.slow(true);
    let asked = stage.slash(&stage.general, "run report");
    stage.offered(1).await;
    stage.advance(seconds(2));
    stage.until_told(&stage.ana, "Heard, storing").await;
    stage.pass(seconds(28 * 60), seconds(10)).await;
    assert_eq!(stage.told_to(&stage.ana).len(), 1);
    stage.pass(seconds(60), seconds(10)).await;
    let note = stage.until_told(&stage.ana, "interrupted").await;
    assert!(note.contains("/wilco jobs"), "{note}");
    assert_eq!(stage.fake.interaction(&asked).unwrap().uses, 1, "before the address died");
    // What was asked for is not given up.
    assert_eq!(stage.shelf.rows("heard:").len(), 1);
    stage.slow(false);
    stage.taken(1).await;
    stage.until("nothing that is kept", |_| stage.shelf.rows("heard:").is_empty()).await;
}

#[tokio::test]
async fn a_press_is_acknowledged_and_told_that_it_was_heard() {
    let stage = Stage::listening().await;
    let again = Button::new("Run again", Press::RunAgain { id: "k7f2".into() });
    let message = stage.post(Address::channel("slack", stage.general.as_str()), vec![again]).await;
    stage.slow(true);
    stage.fake.press(&stage.ana, Ts::read(&message.message).unwrap(), "Run again").unwrap();
    stage.offered(1).await;
    stage.advance(seconds(2));
    stage.until_told(&stage.ana, "Heard, storing").await;
    stage.until_acknowledged().await;
    stage.slow(false);
    stage.until_told(&stage.ana, "Accepted").await;
}

#[tokio::test]
async fn last_words_that_cannot_be_said_now_are_said_later() {
    let stage = Stage::listening().await;
    stage.slow(true);
    stage.inbox.answer(Accepted::Refused(Reply::text("Not accepted: the disk is full.")));
    stage.slash(&stage.general, "run report");
    stage.offered(1).await;
    stage.advance(seconds(2));
    stage.until_told(&stage.ana, "Heard, storing").await;
    stage.fake.fault(Rule::new(Fault::Html { status: 502, applied: false }).on(Op::Respond).times(5));
    stage.slow(false);
    let told = || stage.told_to(&stage.ana).last().is_some_and(|note| note.contains("the disk is full"));
    stage.advance_until("the refusal", seconds(1), |_| told()).await;
    stage.until("nothing that is kept", |_| stage.shelf.rows("heard:").is_empty()).await;
}

#[tokio::test]
async fn more_than_can_wait_is_left_to_slack() {
    let stage = Stage::listening().await;
    stage.slow(true);
    let count = 1_030;
    for n in 0..count {
        stage.fake.whisper(if n % 2 == 0 { &stage.ana } else { &stage.bo }, &format!("run report {n}")).unwrap();
    }
    stage.settle().await;
    stage.advance(seconds(2));
    stage.until("what has room", |fake| fake.socket_counts().acks >= 1_024).await;
    stage.settle().await;
    assert_eq!(stage.fake.unacknowledged(), count - 1_024);
    stage.slow(false);
    stage.taken(1_024).await;
    // Slack brings the others again.
    stage.advance(seconds(1));
    stage.taken(count).await;
    stage.until_acknowledged().await;
}
