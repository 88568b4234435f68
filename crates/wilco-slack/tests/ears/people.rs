//! Who people are, and what becomes of what they say when nobody can look.

use wilco_core::Person;
use wilco_sim::slack::{Fault, Id, Op, Rule};

use super::stage::{Stage, seconds};

impl Stage {
    async fn who(&self, count: usize) -> Person {
        self.taken(count).await.pop().unwrap().person
    }

    /// A channel that is shared with another workspace, and somebody from there.
    fn shared(&self) -> (Id, Id) {
        let other = self.fake.add_team("Elsewhere");
        let guest = self.fake.add_person(&other, "guest");
        self.fake.share(&self.general, &other);
        self.fake.join(&self.general, &guest);
        (other, guest)
    }
}

#[tokio::test]
async fn people_have_names_zones_and_groups_that_are_asked_for_once() {
    let stage = Stage::new().await;
    let oncall = stage.fake.add_group(&stage.team, "oncall", &[&stage.ana]);
    let stage = stage.heard().await;
    stage.mention(&stage.ana, &stage.general, "jobs");
    let ana = stage.who(1).await;
    assert_eq!(
        (ana.id.as_str(), ana.name.as_str(), ana.zone.as_deref()),
        (stage.ana.as_str(), "ana", Some("Europe/Berlin"))
    );
    assert_eq!((ana.roles.clone(), ana.moderator, ana.outsider), (vec![oncall], false, false));
    for n in 2..5 {
        stage.slash(&stage.general, "jobs");
        assert_eq!(stage.who(n).await, ana, "by whatever way they speak");
    }
    assert_eq!((stage.calls(Op::UserInfo), stage.calls(Op::Groups)), (1, 1));
    stage.advance(seconds(301));
    stage.slash(&stage.general, "jobs");
    stage.taken(5).await;
    assert_eq!((stage.calls(Op::UserInfo), stage.calls(Op::Groups)), (1, 2));
    stage.no_deviations();
}

#[tokio::test]
async fn whoever_is_taken_out_of_a_group_is_known_to_be_out_at_once() {
    let stage = Stage::new().await;
    let oncall = stage.fake.add_group(&stage.team, "oncall", &[&stage.ana]);
    let stage = stage.heard().await;
    stage.mention(&stage.ana, &stage.general, "jobs");
    assert_eq!(stage.who(1).await.roles, std::slice::from_ref(&oncall));
    stage.fake.change_group(&oncall, &[&stage.bo]);
    stage.until_acknowledged().await;
    stage.mention(&stage.ana, &stage.general, "jobs");
    assert_eq!(stage.who(2).await.roles, Vec::<String>::new());
    stage.no_deviations();
}

#[tokio::test]
async fn people_of_other_workspaces_are_outsiders_unless_they_are_let_in() {
    for connect in [false, true] {
        let stage = Stage::new().await.changed(|options| options.connect = connect);
        let (other, guest) = stage.shared();
        let stage = stage.heard().await;
        stage.mention(&guest, &stage.general, "jobs");
        let asked = stage.taken(1).await.remove(0);
        assert_eq!((asked.person.outsider, asked.person.moderator), (!connect, false));
        assert_eq!(asked.place.guild.as_ref(), Some(&other), "a rule for the bot's workspace is for its own people");
        // Also where the app may not look.
        stage.fake.change_team(&stage.team, |team| team.scopes.retain(|scope| scope != "users:read"));
        stage.advance(seconds(601));
        stage.mention(&guest, &stage.general, "jobs");
        let asked = stage.taken(2).await.remove(1);
        assert_eq!((asked.person.outsider, asked.place.guild.as_ref()), (!connect, Some(&other)));
        stage.mention(&stage.ana, &stage.general, "jobs");
        let asked = stage.taken(3).await.remove(2);
        assert_eq!((asked.person.outsider, asked.place.guild.as_ref()), (false, Some(&stage.team)));
    }
}

#[tokio::test]
async fn without_the_scopes_nobody_has_a_group_and_everybody_is_heard() {
    let stage = Stage::new().await;
    stage.fake.add_group(&stage.team, "oncall", &[&stage.ana]);
    stage.fake.change_team(&stage.team, |team| {
        team.scopes.retain(|scope| !["usergroups:read", "users:read"].contains(&scope.as_str()));
    });
    let stage = stage.heard().await;
    stage.mention(&stage.ana, &stage.general, "jobs");
    let ana = stage.who(1).await;
    assert_eq!((ana.roles.len(), ana.name.as_str(), ana.outsider), (0, stage.ana.as_str(), false));
    stage.slash(&stage.general, "jobs");
    assert_eq!(stage.who(2).await.name, "ana", "a command tells the name itself");
    assert_eq!(stage.calls(Op::Groups), 1, "it is not asked again and again");
}

#[tokio::test]
async fn an_app_that_may_not_look_at_channels_hears_and_takes_them_for_private() {
    let stage = Stage::new().await;
    stage.fake.change_team(&stage.team, |team| team.scopes.retain(|scope| !scope.ends_with(":read")));
    let stage = stage.heard().await;
    for n in 1..3 {
        stage.mention(&stage.ana, &stage.general, "run report");
        assert_eq!(stage.taken(n).await[n - 1].place.audience, wilco_core::Audience::Private);
    }
    assert_eq!(stage.calls(Op::Info), 1);
}

#[tokio::test]
async fn a_look_up_that_fails_for_a_while_loses_neither_the_message_nor_a_right() {
    let stage = Stage::new().await;
    stage.fake.add_group(&stage.team, "oncall", &[&stage.ana]);
    let stage = stage.heard().await;
    stage.fake.fault(Rule::new(Fault::Html { status: 502, applied: false }).on(Op::Groups).times(3));
    stage.fake.fault(Rule::new(Fault::Dropped).on(Op::UserInfo).times(2));
    stage.mention(&stage.ana, &stage.general, "jobs");
    stage.advance_until("the message", seconds(1), |_| !stage.inbox.taken().is_empty()).await;
    assert_eq!(stage.who(1).await.roles.len(), 1);
    assert!(stage.fake.acknowledged_after().iter().all(|took| *took < seconds(3)));
}

#[tokio::test]
async fn groups_that_are_not_told_again_hold_up_nobody() {
    let stage = Stage::new().await;
    stage.fake.add_group(&stage.team, "oncall", &[&stage.ana]);
    let stage = stage.heard().await;
    stage.mention(&stage.ana, &stage.general, "jobs");
    assert_eq!(stage.who(1).await.roles.len(), 1);
    stage.pass(seconds(360), seconds(10)).await;
    stage.fake.fault(Rule::new(Fault::Html { status: 502, applied: false }).on(Op::Groups).always());
    for n in 0..5 {
        stage.mention(&stage.ana, &stage.general, &format!("run report {n}"));
    }
    // One look of two seconds for all of them, and not a minute for each.
    stage.pass(seconds(4), std::time::Duration::from_millis(500)).await;
    assert_eq!(stage.who(6).await.roles.len(), 1, "those of before hold");
}

#[tokio::test]
async fn where_nobody_knows_for_long_nothing_is_handed_in_and_the_person_learns_why() {
    let stage = Stage::listening().await;
    stage.fake.fault(Rule::new(Fault::Html { status: 502, applied: false }).on(Op::UserInfo).always());
    stage.mention(&stage.ana, &stage.general, "run report");
    stage.advance_until("the reason", seconds(2), |_| !stage.told_to(&stage.ana).is_empty()).await;
    let note = stage.told_to(&stage.ana).remove(0);
    assert!(note.contains("Not accepted") && note.contains("who you are"), "{note}");
    assert!(stage.inbox.offered().is_empty());
    // A command is told that it was heard, and then the same.
    stage.slash(&stage.general, "run report");
    stage.settle().await;
    stage.advance(seconds(2));
    stage.until_told(&stage.ana, "Heard, storing").await;
    let last = || stage.told_to(&stage.ana).last().is_some_and(|note| note.contains("who you are"));
    stage.advance_until("the reason", seconds(2), |_| last()).await;
}

#[tokio::test]
async fn a_refusal_that_nobody_can_be_told_now_is_told_when_slack_answers_again() {
    let stage = Stage::listening().await;
    let out = |op| Rule::new(Fault::Html { status: 502, applied: false }).on(op).always();
    for op in [Op::UserInfo, Op::PostEphemeral, Op::PostMessage, Op::OpenConversation] {
        stage.fake.fault(out(op));
    }
    stage.mention(&stage.ana, &stage.general, "run report");
    stage.pass(seconds(400), seconds(5)).await;
    stage.until_acknowledged().await;
    assert!(stage.told_to(&stage.ana).is_empty());
    assert_eq!(stage.shelf.rows("heard:").len(), 1);
    stage.fake.calm();
    let told = || stage.told_to(&stage.ana).last().is_some_and(|note| note.contains("who you are"));
    stage.advance_until("the reason", seconds(2), |_| told()).await;
    stage.until("nothing that is kept", |_| stage.shelf.rows("heard:").is_empty()).await;
    assert_eq!((stage.told_to(&stage.ana).len(), stage.inbox.offered().len()), (1, 0));
}

#[tokio::test]
async fn a_refusal_that_was_not_told_is_told_by_the_next_process() {
    let mut stage = Stage::listening().await;
    for op in [Op::UserInfo, Op::PostEphemeral, Op::PostMessage, Op::OpenConversation] {
        stage.fake.fault(Rule::new(Fault::Html { status: 502, applied: false }).on(op).always());
    }
    stage.mention(&stage.ana, &stage.general, "run report");
    stage.advance_until("the first try", seconds(2), |fake| fake.calls(Op::PostEphemeral) > 0).await;
    stage.kill().await;
    stage.fake.calm();
    stage.start_again().await;
    stage.until_told(&stage.ana, "who you are").await;
    stage.until("nothing that is kept", |_| stage.shelf.rows("heard:").is_empty()).await;
    assert!(stage.inbox.offered().is_empty(), "whoever was told that it was not accepted gives it again");
}
