//! What people write: mentions, threads and direct messages.

use wilco_core::command::Command;
use wilco_core::{Accepted, Audience, Reply};
use wilco_sim::slack::{Fault, Limited, Op, Rule, Ts};

use super::stage::{Stage, seconds, what};

fn event(channel: &str, ts: Ts) -> String {
    format!("{channel}:{ts}")
}

#[tokio::test]
async fn mentions_and_direct_messages_are_for_the_bot_and_nothing_else_is() {
    let stage = Stage::listening().await;
    let direct = stage.fake.direct(&stage.bo).unwrap();
    stage.fake.say(&stage.bo, &stage.general, "hello everybody").unwrap();
    stage.fake.say(&stage.bo, &stage.general, &format!("<@{}> hello", stage.ana)).unwrap();
    let mention = stage.mention(&stage.bo, &stage.general, " cancel k7f2 wrong");
    let private = stage.fake.whisper(&stage.bo, "jobs").unwrap();
    let text = stage.mention(&stage.bo, &stage.ops, "look at &lt;this&gt; &amp; <https://x.org/a|x.org/a>");
    let taken = stage.taken(3).await;
    let mut all: Vec<(String, String)> = taken.iter().map(|one| (one.event.clone(), what(one))).collect();
    all.sort();
    let mut wanted = vec![
        (event(&stage.general, mention), "/cancel".to_owned()),
        (event(&direct, private), "/jobs".to_owned()),
        (event(&stage.ops, text), "look at <this> & x.org/a".to_owned()),
    ];
    wanted.sort();
    assert_eq!(all, wanted);
    let place = &taken.iter().find(|one| what(one) == "/jobs").unwrap().place;
    assert_eq!((place.audience, place.address.channel.as_str()), (Audience::Direct, direct.as_str()));
    stage.until_acknowledged().await;
    assert_eq!(stage.inbox.offered().len(), 3);
    stage.no_deviations();
}

#[tokio::test]
async fn a_mention_in_a_thread_belongs_to_the_thread() {
    let stage = Stage::listening().await;
    let root = stage.fake.say(&stage.ana, &stage.general, "deploys").unwrap();
    stage.mention_under(&stage.bo, &stage.general, root, "run report");
    let one = stage.taken(1).await.remove(0);
    assert_eq!(one.place.address.channel, stage.general);
    assert_eq!(one.place.address.thread, Some(root.to_string()));
    assert_eq!(one.place.audience, Audience::Public);
    assert_eq!(one.place.parent.map(|address| (address.channel, address.thread)), Some((stage.general.clone(), None)));
    assert_eq!(one.place.guild.as_deref(), Some(stage.team.as_str()));
    let direct = stage.fake.world().direct(&stage.team, &stage.bo).unwrap();
    assert_eq!(one.place.direct.map(|address| address.channel), Some(direct));
    // Everything works there, where Slack has no commands.
    stage.inbox.answer(Accepted::Answered(Reply::text("Cancelling · k7f2")));
    stage.mention_under(&stage.bo, &stage.general, root, "cancel k7f2");
    let taken = stage.taken(2).await;
    assert_eq!(what(&taken[1]), "/cancel");
    stage.until_told(&stage.bo, "Cancelling").await;
    let world = stage.fake.world();
    let note = world.messages.values().find(|message| message.only_for.is_some()).unwrap();
    assert_eq!((note.thread, note.channel.as_str()), (Some(root), stage.general.as_str()));
    stage.no_deviations();
}

#[tokio::test]
async fn edits_deletions_bots_and_joins_are_no_events() {
    let stage = Stage::listening().await;
    let first = stage.fake.say(&stage.ana, &stage.general, "hello").unwrap();
    let bot = stage.fake.bot(&stage.team);
    stage.fake.rewrite(&stage.ana, first, &format!("<@{bot}> run report")).unwrap();
    stage.fake.delete(first);
    let cleo = stage.fake.add_person(&stage.team, "cleo");
    stage.fake.join(&stage.general, &cleo);
    stage.post(wilco_core::Address::channel("slack", stage.general.as_str()), Vec::new()).await;
    stage.fake.react(&stage.ana, first, "eyes");
    stage.until_acknowledged().await;
    assert!(stage.inbox.offered().is_empty());
    stage.no_deviations();
}

#[tokio::test]
async fn what_is_answered_goes_to_the_person_alone() {
    let stage = Stage::listening().await;
    stage.inbox.answer(Accepted::Answered(Reply::text("No jobs here yet. /help says more.")));
    stage.mention(&stage.ana, &stage.general, "jobs");
    let note = stage.until_told(&stage.ana, "No jobs here").await;
    assert!(note.contains("/wilco help"), "{note}");
    stage.mention(&stage.ana, &stage.general, "run");
    stage.until_told(&stage.ana, "/wilco run").await;
    assert_eq!(stage.inbox.offered().len(), 1, "what is not understood is not handed in");
    assert!(stage.said(&stage.general).is_empty() && stage.told_to(&stage.bo).is_empty());
    // In a direct message everything is private, and stays.
    let direct = stage.fake.direct(&stage.bo).unwrap();
    stage.inbox.answer(Accepted::Answered(Reply::text("No jobs here yet.")));
    stage.fake.whisper(&stage.bo, "jobs").unwrap();
    stage.until("the answer", |_| stage.said(&direct) == ["No jobs here yet."]).await;
    stage.no_deviations();
}

#[tokio::test]
async fn an_answer_that_slack_holds_up_comes_later_and_holds_nobody_up() {
    let stage = Stage::listening().await;
    let fault = Fault::RateLimited { millis: 7_000, how: Limited::Status };
    stage.fake.fault(Rule::new(fault).on(Op::PostEphemeral));
    stage.inbox.answer(Accepted::Answered(Reply::text("No jobs here yet.")));
    stage.mention(&stage.ana, &stage.general, "jobs");
    stage.taken(1).await;
    stage.mention(&stage.bo, &stage.general, "run report");
    stage.taken(2).await;
    stage.until_acknowledged().await;
    assert!(stage.told_to(&stage.ana).is_empty());
    stage.advance_until("the answer", seconds(1), |_| !stage.told_to(&stage.ana).is_empty()).await;
}

#[tokio::test]
async fn a_command_where_the_bot_cannot_speak_is_refused_with_what_to_do() {
    let stage = Stage::listening().await;
    let bot = stage.fake.bot(&stage.team);
    stage.fake.leave(&stage.ops, &bot);
    // A slash command is heard everywhere, a mention only where the bot is.
    stage.slash(&stage.ops, "run report");
    let note = stage.until_told(&stage.ana, "Not accepted").await;
    assert!(note.contains("/invite @wilco") && note.contains("Nothing was started"), "{note}");
    stage.slash(&stage.ops, "jobs");
    stage.taken(1).await;
    assert_eq!(stage.inbox.offered().len(), 1, "what shows nothing there works");
    stage.fake.archive(&stage.general, true);
    stage.advance(seconds(60));
    stage.slash(&stage.general, "run report");
    stage.until_told(&stage.ana, "archived").await;
    assert_eq!(stage.inbox.offered().len(), 1);
    stage.no_deviations();
}

#[tokio::test]
async fn a_command_in_a_conversation_of_others_is_refused_though_it_looks_like_a_direct_message() {
    let stage = Stage::listening().await;
    let between = stage.fake.direct(&stage.ana).unwrap();
    stage.fake.leave(&between, &stage.fake.bot(&stage.team));
    stage.slash(&between, "run report");
    let note = stage.until_told(&stage.ana, "Not accepted").await;
    assert!(note.contains("not in this conversation") && note.contains("in a channel"), "{note}");
    assert!(stage.inbox.offered().is_empty());
}

#[tokio::test]
async fn whoever_invites_the_bot_is_not_refused_any_more() {
    let stage = Stage::listening().await;
    let bot = stage.fake.bot(&stage.team);
    stage.fake.leave(&stage.ops, &bot);
    stage.slash(&stage.ops, "run report");
    stage.until_told(&stage.ana, "/invite").await;
    // No event tells of it, and no time passes.
    stage.fake.change_team(&stage.team, |team| team.events.clear());
    stage.fake.join(&stage.ops, &bot);
    stage.slash(&stage.ops, "run report");
    stage.until_told(&stage.ana, "Accepted").await;
}

#[tokio::test]
async fn people_in_a_text_have_their_names() {
    let stage = Stage::listening().await;
    let text = format!("run report for <@{}> in <#{}|general>", stage.bo, stage.general);
    stage.mention(&stage.ana, &stage.general, &text);
    stage.slash(&stage.general, &text);
    for one in stage.taken(2).await {
        let wilco_core::What::Command(Command::Run { text, .. }) = one.what else { panic!("{one:?}") };
        assert_eq!(text, "for @bo in #general");
    }
    stage.no_deviations();
}

#[tokio::test]
async fn a_channel_that_slack_does_not_tell_of_holds_no_other_one_up() {
    let stage = Stage::listening().await;
    stage
        .fake
        .fault(Rule::new(Fault::Html { status: 502, applied: false }).on(Op::Info).channel(&stage.general).always());
    stage.mention(&stage.ana, &stage.general, "run report");
    stage.settle().await;
    let other = stage.mention(&stage.ana, &stage.ops, "run report");
    assert_eq!(stage.taken(1).await[0].event, event(&stage.ops, other));
    // Nobody knows who reads along there, so it counts as a place that few can read.
    stage.advance_until("the first one", seconds(2), |_| stage.inbox.taken().len() == 2).await;
    let place = &stage.inbox.taken()[1].place;
    assert_eq!((place.address.channel.as_str(), place.audience), (stage.general.as_str(), Audience::Private));
}

#[tokio::test]
async fn an_app_that_is_subscribed_to_mentions_alone_hears_them() {
    let stage = Stage::new().await;
    stage.fake.change_team(&stage.team, |team| team.events.retain(|name| name == "app_mention"));
    let stage = stage.heard().await;
    let said = stage.mention(&stage.ana, &stage.general, "jobs");
    let under = stage.mention_under(&stage.ana, &stage.general, said, "jobs");
    let mut taken: Vec<String> = stage.taken(2).await.into_iter().map(|one| one.event).collect();
    taken.sort();
    assert_eq!(taken, [said, under].map(|ts| event(&stage.general, ts)));
}

#[tokio::test]
async fn a_private_channel_has_a_narrow_place() {
    let stage = Stage::new().await;
    let secret = stage.fake.add_private_channel(&stage.team, "secret");
    let stage = stage.heard().await;
    let root = stage.fake.say(&stage.ana, &secret, "hush").unwrap();
    stage.mention_under(&stage.ana, &secret, root, "run report");
    let one = stage.taken(1).await.remove(0);
    assert_eq!(one.place.audience, Audience::Private);
    let steps = wilco_core::Route::from_place(&one.place);
    assert_eq!(steps.steps().len(), 2, "the thread, then the person: {steps:?}");
}

#[tokio::test]
async fn in_a_direct_message_of_several_people_a_mention_is_heard_and_nothing_else() {
    let stage = Stage::new().await;
    let several = stage.fake.add_group_message(&stage.team, &[&stage.ana, &stage.bo]);
    let stage = stage.heard().await;
    stage.fake.say(&stage.bo, &several, "the deploy is due").unwrap();
    stage.mention(&stage.ana, &several, "run report");
    let taken = stage.taken(1).await;
    assert_eq!(taken[0].person.id, stage.ana);
    assert_eq!(taken[0].place.audience, wilco_core::Audience::Private);
    stage.until_acknowledged().await;
    assert_eq!(stage.inbox.offered().len(), 1);
    stage.no_deviations();
}

#[tokio::test]
async fn whoever_gives_a_command_in_a_thread_does_not_wait_to_learn_whether_it_is_locked() {
    let stage = Stage::listening().await;
    let root = stage.fake.say(&stage.bo, &stage.general, "the deploy is due").unwrap();
    stage.fake.fault(Rule::new(Fault::Html { status: 502, applied: false }).on(Op::Replies));
    for n in 1..4 {
        stage.mention_under(&stage.ana, &stage.general, root, "run report");
        assert_eq!(stage.taken(n).await.len(), n);
    }
    assert_eq!(stage.calls(Op::Replies), 2, "once it is known it is not asked again");
}
