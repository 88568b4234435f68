//! Registering commands, by difference.

use serde_json::json;
use wilco_discord::commands::{self, Where};
use wilco_sim::discord::{Fault, Op, Rule};

use super::stage::{Stage, process};

#[tokio::test]
async fn commands_are_registered_once_and_then_left_alone() {
    let stage = Stage::new().await;
    let first = commands::sync(&stage.discord).await.unwrap();
    assert!(first.added.contains(&"/run".to_owned()) && first.changed.is_empty(), "{first}");
    assert_eq!((stage.calls(Op::SetCommands), stage.calls(Op::SetGuildCommands)), (1, 0));
    let registered = stage.fake.commands(None);
    assert!(registered.iter().any(|one| one["name"] == "run" && one["options"][0]["autocomplete"] == json!(true)));
    assert!(commands::diff(&stage.discord).await.unwrap().is_empty());
    assert!(commands::sync(&stage.discord).await.unwrap().is_empty());
    assert_eq!(stage.calls(Op::SetCommands), 1, "nothing differs, so nothing is written");
    stage.no_deviations();
}

#[tokio::test]
async fn commands_are_in_one_guild_or_everywhere_and_never_in_both() {
    let mut stage = Stage::new().await;
    commands::sync(&stage.discord).await.unwrap();
    stage.options.guild = Some(stage.guild);
    stage.discord = process(&stage.options, &stage.shelf, &stage.clock);
    let seen = commands::diff(&stage.discord).await.unwrap();
    assert_eq!(seen.place, Where::Guild(stage.guild));
    assert_eq!(seen.doubled.len(), 1, "{seen}");
    assert!(stage.fake.commands(Some(stage.guild)).is_empty(), "looking changes nothing");
    commands::sync(&stage.discord).await.unwrap();
    assert!(stage.fake.commands(None).is_empty() && !stage.fake.commands(Some(stage.guild)).is_empty());
    assert!(commands::diff(&stage.discord).await.unwrap().is_empty());
    // And back again.
    stage.options.guild = None;
    stage.discord = process(&stage.options, &stage.shelf, &stage.clock);
    commands::sync(&stage.discord).await.unwrap();
    assert!(!stage.fake.commands(None).is_empty() && stage.fake.commands(Some(stage.guild)).is_empty());
    assert!(commands::sync(&stage.discord).await.unwrap().is_empty());
    stage.no_deviations();
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let stage = Stage::new().await;
    stage.fake.fault(
        Rule::new(Fault::Refused { status: 403, code: 50001, message: "Missing Access".into() }).on(Op::SetCommands),
    );
    let error = commands::sync(&stage.discord).await.unwrap_err().to_string();
    assert!(error.contains("applications.commands") && error.contains("50001"), "{error}");
    stage.fake.revoke(true);
    let error = commands::diff(&stage.discord).await.unwrap_err().to_string();
    assert!(error.contains("DISCORD_BOT_TOKEN"), "{error}");
}
