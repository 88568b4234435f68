//! What people write: mentions, replies and direct messages.

use wilco_core::{Accepted, Audience, Reply};
use wilco_sim::discord::{Op, permissions};

use super::stage::{Stage, what};

#[tokio::test]
async fn mentions_replies_and_direct_messages_are_for_the_bot_and_nothing_else_is() {
    let stage = Stage::listening().await;
    let bot = stage.fake.bot();
    let direct = stage.fake.direct(stage.bo);
    stage.fake.say(stage.bo, stage.general, "hello everybody").unwrap();
    stage.fake.say(stage.bo, stage.general, &format!("<@{}> hello", stage.ana)).unwrap();
    stage.fake.say(bot, stage.general, &format!("<@{bot}> what the bot says itself")).unwrap();
    let mention = stage.fake.say(stage.bo, stage.general, &format!("<@!{bot}>  /cancel k7f2 wrong")).unwrap();
    let private = stage.fake.say(stage.bo, direct, "/jobs").unwrap();
    let own = stage.fake.say(bot, stage.general, "On it").unwrap();
    let reply = stage.fake.say_to(stage.bo, stage.general, "thanks", Some(own)).unwrap();
    let taken = stage.taken(3).await;
    let all: Vec<(String, String)> = taken.iter().map(|one| (one.event.clone(), what(one))).collect();
    let wanted = [(mention, "/cancel"), (private, "/jobs"), (reply, "thanks")];
    assert_eq!(all, wanted.map(|(id, text)| (id.to_string(), text.to_owned())));
    assert_eq!(taken[1].place.audience, Audience::Direct);
    assert_eq!(taken[1].place.address.channel, direct.to_string());
    assert_eq!((taken[1].place.guild.clone(), taken[1].person.roles.len()), (None, 0));
    assert_eq!(stage.inbox.offered().len(), 3);
    stage.no_deviations();
}

#[tokio::test]
async fn what_is_answered_goes_to_the_person_alone() {
    let stage = Stage::listening().await;
    stage.inbox.answer(Accepted::Answered(Reply::text("No jobs here yet.")));
    stage.mention(stage.ana, stage.general, "/jobs");
    let direct = stage.fake.direct(stage.ana);
    stage.until("the answer", |_| stage.said(direct) == ["No jobs here yet."]).await;
    assert!(stage.said(stage.general).is_empty());
    stage.mention(stage.ana, stage.general, "/run");
    stage.until("the usage", |_| stage.said(direct).len() == 2).await;
    assert!(stage.said(direct)[1].contains("/run"));
    assert_eq!(stage.inbox.offered().len(), 1, "what is not understood is not handed in");
    stage.no_deviations();
}

#[tokio::test]
async fn a_person_without_direct_messages_learns_how_to_get_the_answer() {
    let stage = Stage::listening().await;
    stage.fake.takes_direct_messages(stage.bo, false);
    stage.inbox.answer(Accepted::Answered(Reply::text("a list of secrets")));
    stage.mention(stage.bo, stage.general, "/jobs");
    stage.until("the hint", |_| stage.said(stage.general).len() == 1).await;
    let hint = stage.said(stage.general).remove(0);
    assert!(hint.contains("slash") && !hint.contains("secrets"), "{hint}");
}

#[tokio::test]
async fn a_command_where_the_bot_may_not_speak_is_refused_in_private() {
    let stage = Stage::listening().await;
    stage.fake.deny_bot(stage.ops, permissions::SEND_MESSAGES);
    stage.settle().await;
    stage.mention(stage.ana, stage.ops, "/run report");
    let direct = stage.fake.direct(stage.ana);
    stage.until("the refusal", |_| stage.said(direct).len() == 1).await;
    assert!(stage.said(direct)[0].contains("Send Messages"));
    assert!(stage.inbox.offered().is_empty() && stage.said(stage.ops).is_empty());
    assert_eq!(stage.calls(Op::GetChannel), 0, "the gateway told of the channel");
}
