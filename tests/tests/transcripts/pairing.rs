//! How the first owner is made, as the channel shows it: whoever sits at the program reads a code, gives it on the
//! platform, and every other try changes nothing.

use std::time::Duration;

use insta::assert_snapshot;
use wilco_core::access::{Access, Role, Rule};
use wilco_core::desk::{Caller, Desk, DeskError};
use wilco_core::pairing::PairingCode;
use wilco_core::settings::Settings;
use wilco_core::{AccountId, Person, Place};
use wilco_store::changes::RevokeGrant;
use wilco_store::{Options, Store};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

/// A stage on which nobody may do anything.
async fn nobodys() -> Stage {
    Stage::builder().settings(|settings| settings.access = Access::default()).begin().await
}

async fn code(stage: &Stage) -> PairingCode {
    stage.desk().offer_pairing(&Caller::Host).await.expect("a code is offered")
}

/// What somebody is told about themselves.
async fn role(stage: &Stage, actor: &Actor) -> String {
    let told = stage.asks(actor, OPS, "/whoami").await;
    told.lines().next().and_then(|line| line.rsplit(" · ").next()).unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_the_code_is_owner_and_stays_it_after_a_crash() {
    let mut stage = nobodys().await;
    let (eve, zoe) = (Actor::named("eve"), Actor::named("zoe"));
    stage.says(&eve, OPS, "/run report").await;
    assert_eq!(stage.puppets.waiting(), 0);
    let code = code(&stage).await;
    let told = stage.asks(&eve, OPS, &format!("/pair {}", code.shown().to_uppercase())).await;
    assert_snapshot!(told, @"Paired · you are owner on sim now, also after a restart. `wilco access revoke` undoes it; /help lists what you can do.");
    let job = stage.runs(&eve, OPS).await;
    job.ends("42");
    stage.moment().await;
    let again = stage.asks(&zoe, OPS, &format!("/pair {}", code.shown())).await;
    assert_snapshot!(again, @"Not paired: this code was used already; each works once. Nothing was changed. `wilco access pair` on the bot's machine shows a new one.");
    assert_eq!((role(&stage, &eve).await.as_str(), role(&stage, &zoe).await.as_str()), ("role owner", "role none"));
    stage.crashes().await;
    stage.start().await;
    assert_eq!((role(&stage, &eve).await.as_str(), role(&stage, &zoe).await.as_str()), ("role owner", "role none"));
    let already = stage.asks(&eve, OPS, "/pair something").await;
    assert_snapshot!(already, @"You are owner here already. The code was not used; nothing was changed.");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn every_other_code_is_answered_privately_and_changes_nothing() {
    let mut stage = nobodys().await;
    let eve = Actor::named("eve");
    stage.says(&eve, OPS, "/pair").await;
    stage.says(&eve, OPS, "/pair k7f2-m3p9-x4b6").await;
    let expired = code(&stage).await;
    stage.advance(Duration::from_secs(15 * 60)).await;
    stage.says(&eve, OPS, &format!("/pair {}", expired.shown())).await;
    let lost = code(&stage).await;
    stage.crashes().await;
    stage.start().await;
    stage.says(&eve, OPS, &format!("/pair {}", lost.shown())).await;
    let code = code(&stage).await;
    for guess in 1..=6 {
        stage.says(&eve, OPS, &format!("/pair guess-{guess}")).await;
    }
    stage.says(&eve, OPS, &format!("/pair {}", code.shown())).await;
    assert_eq!(role(&stage, &eve).await, "role none");
    let private: Vec<String> = stage.snapshot().notes.into_iter().map(|note| note.text).collect();
    assert_snapshot!(private.join("\n"), @"
    Not understood, nothing was started. It goes like this: `/pair <code>`
    Not paired: no code is open now. Nothing was changed. `wilco access pair` on the bot's machine shows a new one.
    Not paired: this code has expired. Nothing was changed. `wilco access pair` on the bot's machine shows a new one.
    Not paired: no code is open now. Nothing was changed. `wilco access pair` on the bot's machine shows a new one.
    Not paired: that is not the code. Nothing was changed. You have 4 tries left.
    Not paired: that is not the code. Nothing was changed. You have 3 tries left.
    Not paired: that is not the code. Nothing was changed. You have 2 tries left.
    Not paired: that is not the code. Nothing was changed. You have 1 try left.
    Not paired: that is not the code, and you have no try left. Nothing was changed. `wilco access pair` on the bot's machine shows a new one.
    Not paired: 5 wrong codes within 1h are all that anybody may give. Nothing was changed. Try again in 59m 59s.
    Not paired: 5 wrong codes within 1h are all that anybody may give. Nothing was changed. Try again in 59m 59s.
    eve · id `id-eve` on sim · role none
    You may nothing until an access rule names you; ask the bot's owner.
    ");
    // An hour later they may try again, with a code that is open then.
    stage.advance(Duration::from_secs(60 * 60)).await;
    let fresh = self::code(&stage).await;
    assert!(stage.asks(&eve, OPS, &format!("/pair {}", fresh.shown())).await.starts_with("Paired"));
    assert_eq!(role(&stage, &eve).await, "role owner");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_revoked_is_gone_at_once_here_and_within_a_second_from_the_shell() {
    let stage = nobodys().await;
    let (eve, zoe) = (Actor::named("eve"), Actor::named("zoe"));
    let sim = AccountId::new("sim");
    for actor in [&eve, &zoe] {
        let code = code(&stage).await;
        assert!(stage.asks(actor, OPS, &format!("/pair {}", code.shown())).await.starts_with("Paired"));
    }
    let grants = stage.desk().grants(&Caller::Host).await.expect("the store answers");
    assert_eq!(grants.iter().map(|grant| grant.person.as_str()).collect::<Vec<_>>(), ["id-eve", "id-zoe"]);
    stage.desk().revoke(&Caller::Host, &sim, "id-eve").await.expect("it was given");
    assert_eq!(role(&stage, &eve).await, "role none");
    let refused = stage.desk().revoke(&Caller::Host, &sim, "id-eve").await.expect_err("it is gone");
    assert_snapshot!(refused.to_string(), @"nobody `id-eve` on `sim` was made owner by a code; nothing was changed. A rule of the configuration is taken back there");
    // The command line is another process: it changes the store, and the bot notices.
    let url = format!("sqlite:{}", stage.store_path().display());
    let beside = Store::open(&url, Options::default()).await.expect("the command line opens it, too");
    let gone = beside.write(RevokeGrant { account: sim, person: "id-zoe".to_owned() }).await.expect("it is written");
    assert_eq!(gone.map(|grant| grant.role), Some(Role::Owner));
    beside.close().await;
    stage.seconds(2).await;
    assert_eq!(role(&stage, &zoe).await, "role none");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn only_an_owner_may_look_at_rights_and_make_owners() {
    let stage = Stage::new().await;
    let (ana, cleo) = (Actor::named("ana"), Actor::named("cleo"));
    let caller = ana.calls_from(OPS);
    assert!(matches!(stage.desk().grants(&caller).await, Err(DeskError::NotAllowed { .. })));
    assert!(matches!(stage.desk().offer_pairing(&caller).await, Err(DeskError::NotAllowed { .. })));
    let revoked = stage.desk().revoke(&caller, &AccountId::new("sim"), "id-cleo").await;
    assert!(matches!(revoked, Err(DeskError::NotAllowed { .. })));
    let code = stage.desk().offer_pairing(&cleo.calls_from(OPS)).await.expect("an owner may");
    assert!(stage.asks(&ana, OPS, &format!("/pair {}", code.shown())).await.starts_with("Paired"));
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_follow_up_gives_no_code_and_a_guest_is_made_owner_by_none() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let code = code(&stage).await;
    let told = stage.asks(&ana, OPS, &format!("/followup in 2h /pair {}", code.shown())).await;
    assert_snapshot!(told, @"Not scheduled: /pair cannot be given by a follow-up.");
    let guest = Actor(Person { outsider: true, ..Person::new("id-guest", "guest") });
    let told = stage.asks(&guest, OPS, &format!("/pair {}", code.shown())).await;
    assert_snapshot!(told, @"Not paired: anonymous people and guests from outside cannot be owner. Nothing was changed.");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_rule_for_a_guild_holds_in_its_channels_and_what_was_scheduled_there_keeps_it() {
    let rule = Rule { guild: Some("g1".to_owned()), ..Rule::granting(Role::Operator) };
    let settings = move |settings: &mut Settings| settings.access = Access { rules: vec![rule] };
    let stage = Stage::builder().settings(settings).begin().await;
    let eve = Actor::named("eve");
    let place = |guild: Option<&str>| Place { guild: guild.map(str::to_owned), ..eve.at(OPS) };
    let says = async |place: Place, text: &str| {
        stage.platform.say(&eve.0, &place, text).expect("one can write there");
        stage.moment().await;
        stage.note(&eve).text
    };
    for (guild, role) in [(Some("g1"), "role operator"), (Some("g2"), "role none"), (None, "role none")] {
        let told = says(place(guild), "/whoami").await;
        assert!(told.contains(role), "{guild:?}: {told}");
    }
    let told = says(place(Some("g1")), "/followup in 2m /run report").await;
    assert!(told.contains("in 2m"), "{told}");
    assert!(says(place(Some("g2")), "/run report").await.starts_with("Not allowed"));
    stage.seconds(130).await;
    stage.puppets.next().ends("42");
    stage.ends().await;
}
