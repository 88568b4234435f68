//! The whole way from a token to a finished job, as `docs/discord.md` describes it, over a Discord of our own.

use std::sync::Arc;

use serde_json::{Value, json};
use wilco::SystemClock;
use wilco_sim::discord::{FakeDiscord, Id, Settings, Shown};

use crate::home::{Home, until};

/// Uses a slash command and answers what only that person reads.
async fn asks(fake: &FakeDiscord, person: Id, channel: Id, command: &str, options: &[(&str, Value)]) -> String {
    let asked = fake.slash(person, channel, command, options).unwrap();
    until(&format!("the answer to /{command}"), async || {
        let original = fake.interaction(asked)?.original?;
        fake.snapshot().into_iter().find(|message| message.id == original && !message.loading).map(|note| note.text)
    })
    .await
}

/// Waits until the bot says something in public.
async fn says(fake: &FakeDiscord, what: &str, fits: impl Fn(&Shown) -> bool) -> Shown {
    let public = |message: &Shown| message.by_bot && message.only_for.is_none() && fits(message);
    until(what, async || fake.snapshot().into_iter().find(public)).await
}

#[tokio::test]
async fn from_a_token_to_an_owner_and_a_finished_job() {
    let fake = FakeDiscord::new(Settings::default(), Arc::new(SystemClock::new()));
    let ana = fake.add_person("ana");
    let guild = fake.add_guild("Workshop", ana);
    let ops = fake.add_channel(guild, "ops");
    let api = fake.spawn().await.unwrap();

    let home = Home::new().env("DISCORD_BOT_TOKEN", fake.token());
    home.write("bot.toml", &format!("[discord]\napi = '{api}'\n"));
    let setup = home.run(&["setup", "discord"]).await;
    assert!(setup.code == 0 && setup.out.contains("It is in Workshop now"), "{setup:?}");

    let bot = home.start_anywhere().await;
    assert_eq!(bot.greeting[2], "discord: connecting; slack, telegram: not connected");
    until("a session", async || (fake.listening() > 0).then_some(())).await;
    let menu = async || home.run(&["commands", "diff"]).await;
    until("the commands in the menu", async || (menu().await.code == 0).then_some(())).await;
    let demo = [("worker", json!("demo"))];
    assert_eq!(asks(&fake, ana, ops, "run", &demo).await, "Not allowed: run needs role operator. You: no role");

    let code = home.run(&["access", "pair", "--json"]).await.json()["code"].as_str().unwrap().to_owned();
    let paired = asks(&fake, ana, ops, "pair", &[("code", json!(code))]).await;
    assert!(paired.starts_with("Paired · you are owner on discord now"), "{paired}");
    let doctor = home.run(&["doctor", "--channel", &ops.to_string()]).await;
    assert_eq!(doctor.code, 0, "{doctor:?}");

    let accepted = asks(&fake, ana, ops, "run", &demo).await;
    assert!(accepted.starts_with("Accepted · "), "{accepted}");
    let working = says(&fake, "progress", |message| message.text.starts_with("Working")).await;
    let ping = says(&fake, "the ping", |message| message.text.starts_with("@ana done: demo")).await;
    assert_eq!(ping.notifies, ["ana"]);
    let result = says(&fake, "the result", |message| message.text.starts_with("Done · ")).await;
    assert_eq!((result.id, ping.reply_to), (working.id, Some(result.id)), "one message, and the ping answers it");
    assert_eq!(fake.snapshot().iter().filter(|message| message.by_bot && message.only_for.is_none()).count(), 2);
    assert_eq!(fake.deviations(), []);
    bot.kill().await;
    assert!(!home.log().contains(&fake.token()), "the token is in the log");
}
