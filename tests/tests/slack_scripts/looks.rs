//! What workers write, as people see it: text stays text, and nothing in it calls anybody.

use insta::assert_snapshot;
use wilco_tests::SlackStage;

/// What keeps a mark from being one. Nobody sees it, so the scripts show another sign for it.
const NOTHING: char = '\u{200b}';

#[tokio::test]
async fn markup_is_shown_as_it_was_meant_and_everything_else_as_text() {
    let stage = SlackStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(2).await;
    let bo = stage.fake.person_named("bo").expect("he is there");
    job.ends(&format!(
        "**Bold**, _soft_, `code` and a [page](https://example.com/a_b).\n\
         snake_case_name, 2 * 3 * 4, ~/home, *no stars*\n\
         # no heading\n\
         > no quote\n\
         <!channel> @here <@{bo}> <#C1> &amp; :wave: at 14:02:33\n\
         https://example.com/x_y_z?a=1&b=2\n\
         ```rust\nlet x = \"*stars*\" && 1 < 2;\n```\n\
         - one\n- two"
    ));
    stage.shows("ops", "Done").await;
    assert_snapshot!(stage.message("Done").raw.replace(&bo, "id of bo").replace(NOTHING, "‸"), @r#"
    Done · u6b3 · 2s

    *Bold*, _soft_, `code` and a <https://example.com/a_b|page>.
    snake_case_name, 2 * 3 * 4, ~‸/home, *‸no stars‸*
    # no heading
    ‸&gt; no quote
    &lt;!channel&gt; @here &lt;@id of bo&gt; &lt;#C1&gt; &amp;amp; :‸wave: at 14:02:33
    <https://example.com/x_y_z?a=1&amp;b=2>
    ```
    let x = "*stars*" &amp;&amp; 1 &lt; 2;
    ```
    - one
    - two
    "#);
    assert_snapshot!(stage.message("Done").text.replace(&bo, "id of bo").replace(NOTHING, ""), @r#"
    Done · u6b3 · 2s

    *Bold*, _soft_, `code` and a page.
    snake_case_name, 2 * 3 * 4, ~/home, *no stars*
    # no heading
    > no quote
    <!channel> @here <@id of bo> <#C1> &amp; :wave: at 14:02:33
    https://example.com/x_y_z?a=1&b=2
    ```
    let x = "*stars*" && 1 < 2;
    ```
    - one
    - two
    "#);
    assert!(stage.notified().is_empty());
    stage.ends().await;
}

#[tokio::test]
async fn what_people_type_comes_back_as_text() {
    let stage = SlackStage::new().await;
    stage.slash("ana", "ops", "followup in 10m *look* <!channel> at https://x.org/a_b & `x`").await;
    stage.says("ana", "ops", "@wilco followup in 10m *look* @bo in #general & <there>").await;
    stage.slash("ana", "ops", "followups").await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(15).await;
    stage.slash("ana", "ops", &format!("cancel {} *wrong* @here", job.short)).await;
    stage.shows("ops", "Cancelled ·").await;
    stage.seconds(600).await;
    assert_snapshot!(stage.sees("ops").replace(NOTHING, "‸"), @"
    only ana sees | Today Mon 2 Mar 09:10 Etc/UTC (in 10m) · f6b3
                    [Cancel]
    ana | @wilco followup in 10m *look* @bo in #general & <there>
    only ana sees | Today Mon 2 Mar 09:10 Etc/UTC (in 10m) · f6j8
                    [Cancel]
    only ana sees | 2 follow-ups
                    `f6j8` · Today Mon 2 Mar 09:10 Etc/UTC (in 10m) · ∗look∗ @bo in #general & <there> · by ana
                    `f6b3` · Today Mon 2 Mar 09:10 Etc/UTC (in 10m) · ∗look∗ @channel at https://x.org/a_b & 'x' · by ana
                    [Cancel] [Run now] [Pause] [Cancel] [Run now] [Pause]
    only ana sees | Accepted · c9t5 · it is shown here in a moment
    bot | Cancelled · c9t5 · after 15s
          asked by ana
          reason: ∗wrong∗ @here
          [Run again] [Details]
    only ana sees | Cancelling · c9t5 · asked by ana
                    reason: ∗wrong∗ @here
                    [And its follow-ups]
    bot | Reminder · f6j8 · from ana
          for Mon 2 Mar 09:10 Etc/UTC

          *‸look‸* @bo in #general & <there>
          [Details]
    bot | Reminder · f6b3 · from ana
          for Mon 2 Mar 09:10 Etc/UTC

          *‸look‸* @channel at https://x.org/a_b & `x`
          [Details]
    bot | @ana reminder (f6j8)
    bot | @ana reminder (f6b3)
    ");
    stage.ends().await;
}

#[tokio::test]
async fn a_workers_text_arrives_as_it_was_typed() {
    let stage = SlackStage::new().await;
    for (slash, mention) in [
        ("a < b && c > d", "a < b && c > d"),
        ("see https://x.org/a?b=1&c=2", "see https://x.org/a?b=1&c=2"),
        ("*stars* _and_ `ticks`", "*stars* _and_ `ticks`"),
        ("for @bo in #general", "for @bo in #general"),
        ("mail ana@example.org", "mail ana@example.org"),
    ] {
        stage.slash("ana", "ops", &format!("run report {slash}")).await;
        let job = stage.taken().await;
        assert_eq!(job.input.text, slash);
        job.ends("42");
        stage.seconds(2).await;
        stage.says("ana", "ops", &format!("@wilco run report {mention}")).await;
        let job = stage.taken().await;
        assert_eq!(job.input.text, mention);
        job.ends("42");
        stage.seconds(2).await;
    }
    stage.ends().await;
}
