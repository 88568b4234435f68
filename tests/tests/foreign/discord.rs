//! discord.js and discord.py against the fake Discord.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use wilco_sim::clock::MachineClock;
use wilco_sim::discord::{Deviation, FakeDiscord, Op, Settings};

use super::{Client, folder};

/// What a script says when it has done everything.
const STEPS: [&str; 18] = [
    "log-in",
    "command",
    "suggest",
    "defer",
    "answer",
    "menu",
    "button",
    "edit",
    "delete",
    "reply",
    "file",
    "thread",
    "direct",
    "pace",
    "resume",
    "reconnect",
    "history",
    "log-out",
];

/// What people see afterwards.
const SHOWN: &str = "\
# general
bot | Weekly is done
only ana sees | Only you see this
only ana sees | — deleted —
bot | Daily is done
ana | What about this?
only ana sees | — deleted —
bot | bo said yes
      [Yes]
bot | ana pressed Go
bot | Second
bot | — deleted —
bot | ↳ It is fine, @ana
bot | See example.org
bot | Here it is, reworded
      (file more.txt, 5 B)
bot | By itself
ana | Said while you were away
ana | Said while you went

# general / About the report
bot | We talk here
ana | Good

# general / By itself
bot | Nobody is here

# @ana
bot | Between us
ana | Just us

# ops
bot | Line 1
bot | Line 2
bot | Line 3
bot | Line 4
bot | Line 5
bot | Line 6
";

fn discord_js() -> Client {
    Client {
        name: "discord.js",
        folder: folder("discord-js"),
        installed: "node_modules/discord.js/package.json",
        needs: "npm ci in tests/foreign/discord-js",
        command: ["node", "script.mjs"],
        habits: &["enforce_nonce", "tts", "type"],
    }
}

fn discord_py() -> Client {
    Client {
        name: "discord.py",
        folder: folder("discord-py"),
        installed: ".venv/bin/python",
        needs: "a .venv with requirements.txt in tests/foreign/discord-py",
        command: [".venv/bin/python", "script.py"],
        habits: &[
            // What is called by the token of an interaction goes out under the name of its HTTP library.
            "User-Agent is not of the form `DiscordBot (url, version)`",
            "content_type",
            "nsfw",
            "proxy_url",
            "size",
            "spoiler",
            "tts",
            "url",
        ],
    }
}

/// A guild with two persons and two channels, as the program `wilco-sim discord` has it.
fn workshop() -> FakeDiscord {
    let fake = FakeDiscord::new(Settings::default(), Arc::new(MachineClock::start()));
    let (ana, bo) = (fake.add_person("ana"), fake.add_person("bo"));
    let guild = fake.add_guild("Workshop", ana);
    fake.join(guild, bo);
    fake.add_channel(guild, "general");
    fake.add_channel(guild, "ops");
    // As many at once as Discord takes, but the wait for the next ones is shorter.
    fake.limit(Op::CreateMessage, 5, Duration::from_secs(1));
    fake
}

/// The name of a field that a call does not have, or the whole sentence.
fn habit(deviation: &Deviation) -> &str {
    let named = deviation.what.split_once("has no field `").and_then(|(_, rest)| rest.strip_suffix('`'));
    named.unwrap_or(&deviation.what)
}

async fn completes_the_script(client: &Client) {
    if !client.is_there() {
        return;
    }
    let fake = workshop();
    let api = fake.spawn().await.unwrap();
    let settings = [
        ("DISCORD_API", api),
        ("DISCORD_TOKEN", fake.token()),
        ("DISCORD_CONTROL", format!("{}/control", fake.base())),
    ];
    let said = client.run(&settings).await;
    assert_eq!(said, STEPS.map(|step| format!("ok {step}")));
    assert_eq!(fake.whole_transcript(), SHOWN);

    // None of the fake's own answers deviates, and the client's requests do only in what is known of it.
    let deviations = fake.deviations();
    let of_the_fake: Vec<_> = deviations.iter().filter(|one| !one.of_request).collect();
    assert!(of_the_fake.is_empty(), "{of_the_fake:#?}");
    let habits: BTreeSet<&str> = deviations.iter().map(habit).collect();
    assert_eq!(habits, client.habits.iter().copied().collect(), "{deviations:#?}");

    // The one call that asks for what is not there any more is the only one that was refused; in particular no
    // bucket was overrun, so the headers say what the client has to know.
    let refused: Vec<_> =
        fake.log().into_iter().filter(|call| call.status >= 400).map(|call| (call.op, call.code)).collect();
    assert_eq!(refused, [(Some(Op::GetMessage), Some(10_008))]);

    let counts = fake.gateway_counts();
    assert_eq!((counts.identifies, counts.resumes, counts.resumed), (1, 2, 2), "{counts:?}");
    assert!(counts.replayed > 0, "nothing was said while the connection was gone: {counts:?}");
    assert_eq!(fake.closes(), [0_u16; 0], "the fake found nothing to close a connection for");
    fake.until(|fake| fake.listening() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn discord_js_completes_its_script_against_the_fake_discord() {
    completes_the_script(&discord_js()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn discord_py_completes_its_script_against_the_fake_discord() {
    completes_the_script(&discord_py()).await;
}
