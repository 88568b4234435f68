//! How long and refused texts are shown: split whole, plainer, in the same thread (M9 to M11).

use insta::assert_snapshot;
use wilco_core::EnvelopeKind;
use wilco_core::text::Unit;
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");
const THREAD: Where<'static> = Where::Thread("ops", "deploy");

#[tokio::test(start_paused = true)]
async fn m9_long_results_are_split_whole_in_every_unit_with_fences_balanced() {
    // A family of seven code points, a combining accent, a wide sign, right-to-left words, and code.
    let line = "👩‍👩‍👧‍👦 e\u{301}tude 漢字 שלום\n";
    let text = format!("{}```rust\n{}```\n{}", line.repeat(60), "let it = be();\n".repeat(60), line.repeat(60));
    for unit in [Unit::Chars, Unit::Utf16, Unit::Bytes] {
        let stage = Stage::builder()
            .limits(|limits| {
                limits.unit = unit;
                limits.text = unit.len(&text) / 2 + 450;
            })
            .begin()
            .await;
        let job = stage.runs(&Actor::named("ana"), OPS).await;
        stage.seconds(2).await;
        job.ends(&text);
        stage.seconds(5).await;
        let snapshot = stage.snapshot();
        let shown: Vec<_> =
            snapshot.messages.iter().filter(|one| one.is_visible_bot()).map(|one| one.shown()).collect();
        assert!((2..=3).contains(&shown.len()), "{unit:?}: {} messages", shown.len());
        let mut lines = Vec::new();
        for one in &shown {
            assert!(unit.len(&one.text) <= stage.platform.limits().text, "{unit:?}");
            assert_eq!(
                one.text.lines().filter(|line| line.starts_with("```")).count() % 2,
                0,
                "{unit:?}\n{}",
                one.text
            );
            let body = one.text.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with("```"));
            lines.extend(body.map(str::to_owned));
        }
        let expected: Vec<&str> = text.lines().filter(|line| !line.starts_with("```")).map(str::trim_end).collect();
        assert_eq!(lines, expected, "{unit:?}: every line once, in order and whole");
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn m10_refused_markup_is_sent_again_plain_once_then_as_an_excerpt() {
    let long = format!("**Bold** and `code`\n{}", "a line of the result\n".repeat(70));
    for (refusals, expected) in [(1, "Bold and code"), (2, "whole text: wilco jobs show u6b3")] {
        let stage = Stage::new().await;
        let job = stage.runs(&Actor::named("ana"), OPS).await;
        stage.seconds(2).await;
        stage.fault(Rule::new(Fault::Reshape).kind(EnvelopeKind::Content).times(refusals));
        job.ends(&long);
        stage.moment().await;
        let done = stage.message("Done").shown().clone();
        assert!(done.plain && done.text.contains(expected) && !done.text.contains("**"), "{}", done.text);
        stage.ends().await;
    }
    // A malformed request is tried once more, as an excerpt, and not again.
    let stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), OPS).await;
    stage.seconds(2).await;
    stage.fault(Rule::new(Fault::Bug).kind(EnvelopeKind::Content).times(2));
    job.ends("**Bold**");
    stage.seconds(60).await;
    assert_eq!(stage.calls(Verb::Edit, EnvelopeKind::Content).len(), 2);
    assert_snapshot!(stage.operators_list().await, @"u6b3 content 0: scripted: the fault script says so");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m11_every_part_of_a_long_result_stays_in_the_thread() {
    let stage = Stage::new().await;
    let job = stage.runs(&Actor::named("ana"), THREAD).await;
    job.writes("log.txt", "one\n");
    stage.seconds(20).await;
    job.ends(&"a line of the result\n".repeat(150));
    stage.seconds(5).await;
    let snapshot = stage.snapshot();
    let bots: Vec<_> = snapshot.messages.iter().filter(|one| one.is_visible_bot()).collect();
    assert_eq!(bots.len(), 5, "{}", stage.sees_all());
    assert!(bots.iter().all(|one| one.address == stage.address(THREAD)));
    assert_eq!(stage.sees(OPS), "");
    stage.ends().await;
}
