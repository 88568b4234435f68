//! Who may do what: by user, by user group, by channel and by workspace; and whoever belongs to another workspace.

use insta::assert_snapshot;
use wilco_core::access::{Role, Rule};
use wilco_tests::SlackStage;

/// Whether somebody may start a job there, by the slash command or by a mention.
async fn may_run(stage: &SlackStage, name: &str, place: &str) -> bool {
    if place.starts_with('@') {
        stage.says(name, place, "run report").await;
    } else {
        stage.slash(name, place, "run report").await;
    }
    let may = stage.puppets.waiting() > 0;
    if may {
        stage.taken().await.ends("42");
    }
    stage.seconds(2).await;
    may
}

fn rule() -> Rule {
    Rule { account: Some("slack".to_owned()), ..Rule::granting(Role::Operator) }
}

#[tokio::test]
async fn a_user_group_grants_its_members_what_a_rule_says() {
    let mut stage = SlackStage::builder().stranger("eve").stranger("fay").begin().await;
    let eve = stage.fake.person_named("eve").expect("she is there");
    let group = stage.fake.add_group(&stage.team, "crew", &[&eve]);
    stage.restarts_with(|settings| settings.access.rules.push(Rule { role: Some(group), ..rule() })).await;
    assert!(may_run(&stage, "eve", "ops").await && may_run(&stage, "eve", "@eve").await);
    assert!(!may_run(&stage, "fay", "ops").await);
    stage.ends().await;
}

#[tokio::test]
async fn a_channel_and_a_workspace_grant_what_a_rule_says_and_no_more() {
    let mut stage = SlackStage::builder().stranger("eve").begin().await;
    let ops = stage.fake.channel_named("ops").expect("the channel is there");
    stage.restarts_with(|settings| settings.access.rules.push(Rule { channel: Some(ops), ..rule() })).await;
    assert!(may_run(&stage, "eve", "ops").await);
    assert!(!may_run(&stage, "eve", "general").await && !may_run(&stage, "eve", "@eve").await);
    // What is said in a thread is said in its channel.
    stage.thread("eve", "ops", "The deploy is due").await;
    stage.says("eve", "The deploy is due", "@wilco run report").await;
    stage.taken().await.ends("42");
    let team = stage.team.clone();
    stage.restarts_with(|settings| settings.access.rules.push(Rule { guild: Some(team), ..rule() })).await;
    assert!(may_run(&stage, "eve", "general").await);
    stage.ends().await;
}

#[tokio::test]
async fn people_of_other_workspaces_may_nothing_whatever_a_rule_says() {
    let mut stage = SlackStage::new().await;
    let elsewhere = stage.fake.add_team("Elsewhere");
    let zoe = stage.fake.add_person(&elsewhere, "zoe");
    let ops = stage.fake.channel_named("ops").expect("the channel is there");
    stage.fake.share(&ops, &elsewhere);
    stage.comes_in("ops", &zoe).await;
    stage.restarts_with(|settings| settings.access.rules.push(Rule { user: Some(zoe), ..rule() })).await;
    stage.says("zoe", "ops", "@wilco run report").await;
    stage.seconds(2).await;
    let job = stage.runs("ana", "ops").await;
    stage.seconds(2).await;
    stage.presses("zoe", "Cancel").await;
    assert!(job.is_alive());
    assert_eq!(stage.puppets.waiting(), 0);
    assert_snapshot!(stage.sees("ops"), @"
    zoe | @wilco run report
    only zoe sees | Not allowed: run needs role operator. You: no role
    only ana sees | Accepted · u6b3 · it is shown here in a moment
    bot | On it · report · u6b3
          [Cancel]
    only zoe sees | Not allowed: this button needs role viewer. You: no role
    ");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test]
async fn a_rule_for_a_workspace_is_for_its_own_people_also_where_others_are_let_in() {
    let mut stage = SlackStage::builder().connect().stranger("eve").begin().await;
    let elsewhere = stage.fake.add_team("Elsewhere");
    let zoe = stage.fake.add_person(&elsewhere, "zoe");
    let ops = stage.fake.channel_named("ops").expect("the channel is there");
    stage.fake.share(&ops, &elsewhere);
    stage.comes_in("ops", &zoe).await;
    let team = stage.team.clone();
    stage.restarts_with(|settings| settings.access.rules.push(Rule { guild: Some(team), ..rule() })).await;
    // Both speak by a mention, so that a bot which hears nobody cannot pass for one that refuses.
    let mention = async |stage: &mut SlackStage, name: &str| {
        stage.says(name, "ops", "@wilco run report").await;
        let may = stage.puppets.waiting() > 0;
        if may {
            stage.taken().await.ends("42");
        }
        stage.seconds(2).await;
        may
    };
    assert!(mention(&mut stage, "eve").await);
    assert!(!mention(&mut stage, "zoe").await);
    let told = |stage: &SlackStage| stage.sees("ops").contains("only zoe sees | Not allowed");
    assert!(told(&stage), "{}", stage.sees("ops"));
    stage.restarts_with(|settings| settings.access.rules.push(Rule { guild: Some(elsewhere), ..rule() })).await;
    assert!(mention(&mut stage, "zoe").await);
    stage.ends().await;
}
