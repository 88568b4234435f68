//! What workers write, as people see it: text stays text, and nothing in it calls anybody.

use insta::assert_snapshot;
use wilco_tests::DiscordStage;

/// What keeps `@everyone` from being a mention. Nobody sees it, so the scripts show another sign for it.
const NOTHING: char = '\u{200b}';

#[tokio::test]
async fn markup_is_shown_as_it_was_meant_and_everything_else_as_text() {
    let stage = DiscordStage::new().await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(2).await;
    let bo = stage.person("bo");
    job.ends(&format!(
        "**Bold**, `code` and a [page](https://example.com/a_b).\n\
         snake_case_name, 2 * 3 * 4, ~/home, ||no spoiler||\n\
         # no heading\n\
         > no quote\n\
         @everyone @here <@{bo}> <#1> <t:1772442000:R> :wave:\n\
         https://example.com/x_y_z?a=1\n\
         ```rust\nlet x = \"*stars*\";\n```\n\
         - one\n- two"
    ));
    stage.shows("ops", "Done").await;
    assert_snapshot!(stage.message("Done").raw.replace(&bo.to_string(), "id of bo").replace(NOTHING, "‸"), @r#"
    Done · u6b3 · 2s

    **Bold**, `code` and a [page](<https://example.com/a_b>).
    snake\_case\_name, 2 \* 3 \* 4, \~/home, \|\|no spoiler\|\|
    \# no heading
    \> no quote
    @‸everyone @‸here \<@id of bo> \<#1> \<t:1772442000:R> :wave:
    https://example.com/x_y_z?a=1
    ```rust
    let x = "*stars*";
    ```
    - one
    - two
    "#);
    assert!(stage.notified().is_empty());
    stage.ends().await;
}

#[tokio::test]
async fn what_people_type_comes_back_as_text() {
    let stage = DiscordStage::new().await;
    stage.slash("ana", "ops", "followup", &[("when", "in 10m"), ("text", "*look* @everyone at <@1> and `x`")]).await;
    stage.slash("ana", "ops", "followups", &[]).await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(15).await;
    stage.slash("ana", "ops", "cancel", &[("job", job.short.as_str()), ("reason", "*wrong* @here\n# branch")]).await;
    stage.shows("ops", "Cancelled ·").await;
    stage.seconds(600).await;
    assert_snapshot!(stage.sees("ops").replace(NOTHING, "‸"), @r"
    only ana sees | Today Mon 2 Mar 09:10 UTC (in 10m) · f6b3
                    [Cancel]
    only ana sees | 1 follow-up
                    `f6b3` · Today Mon 2 Mar 09:10 UTC (in 10m) · ∗look∗ @‸everyone at \<@1> and 'x' · by ana
                    [Cancel f6b3] [Run now f6b3] [Pause f6b3]
    only ana sees | Accepted · p6j8 · it is shown here in a moment
    bot | Cancelled · p6j8 · after 15s
          asked by ana
          reason: ∗wrong∗ @‸here # branch
          [Run again] [Details]
    only ana sees | Cancelling · p6j8 · asked by ana
                    reason: ∗wrong∗ @‸here # branch
                    [And its follow-ups]
    bot | Reminder · f6b3 · from ana
          for Mon 2 Mar 09:10 UTC

          \*look\* @‸everyone at \<@1> and `x`
          [Details]
    bot | ↳ @ana reminder (f6b3)
    ");
    stage.ends().await;
}
