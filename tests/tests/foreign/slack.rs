//! @slack/bolt and slack_sdk against the fake Slack.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use wilco_sim::clock::MachineClock;
use wilco_sim::slack::{FakeSlack, Op, Settings};

use super::{Client, folder};

/// What a script says when it has done everything.
const STEPS: [&str; 21] = [
    "log-in",
    "command",
    "plain-ack",
    "mention",
    "button",
    "replace",
    "ephemeral",
    "shortcut",
    "edit",
    "delete",
    "thread",
    "file",
    "people",
    "direct",
    "status",
    "refusals",
    "pace",
    "refresh",
    "redelivery",
    "history",
    "log-out",
];

/// What people see afterwards.
const SHOWN: &str = "\
# general
only ana sees | Heard
only ana sees | Only you see this
bot | Weekly is done
only ana sees | Note 2
only ana sees | Note 3
only ana sees | Note 4
ana | @wilco what about <this> & that?
      :thumbsup:
  bot | It is fine, @ana
  only ana sees | Looked
bot | bo said yes
bot | ana pressed Go
only ana sees | — deleted —
bot | Second
  ana | Good
  bot | We talk here
bot | — deleted —
bot | Here it is, with it
      (file report.txt, 8 B)
ana | Said after you came back
ana | Said twice

# ops
bot | And more
      (file more.txt, 5 B)
bot | Line 1
bot | Line 2
bot | Line 3
bot | Line 4
bot | Line 5
bot | Line 6

# @ana
bot | Between us
ana | Just us
";

/// What the scripts ask for and do not get, in order. Limits are apart: a client that is told to wait waits.
const REFUSED: [(Op, &str); 5] = [
    (Op::Respond, "used_url"),
    (Op::Update, "message_not_found"),
    (Op::PostMessage, "is_archived"),
    (Op::PostMessage, "channel_not_found"),
    (Op::AuthTest, "invalid_auth"),
];

fn bolt() -> Client {
    Client {
        name: "@slack/bolt",
        folder: folder("slack-bolt"),
        installed: "node_modules/@slack/bolt/package.json",
        needs: "npm ci in tests/foreign/slack-bolt",
        command: ["node", "script.mjs"],
        habits: &[],
    }
}

fn slack_sdk() -> Client {
    Client {
        name: "slack_sdk",
        folder: folder("slack-sdk"),
        installed: ".venv/bin/python",
        needs: "a .venv with requirements.txt in tests/foreign/slack-sdk",
        command: [".venv/bin/python", "script.py"],
        habits: &[],
    }
}

/// A workspace with two persons and two channels, as the program `wilco-sim slack` has it. Returns it with its id.
fn workshop() -> (FakeSlack, String) {
    let fake = FakeSlack::new(Settings::default(), Arc::new(MachineClock::start()));
    let team = fake.add_team("Workshop");
    for name in ["ana", "bo"] {
        fake.add_person(&team, name);
    }
    fake.add_channel(&team, "general");
    fake.add_channel(&team, "ops");
    // As many messages in a while as Slack takes, but in bursts, so that most steps need not wait.
    fake.limit(Op::PostMessage, 5, Duration::from_secs(5));
    (fake, team)
}

async fn completes_the_script(client: &Client) {
    if !client.is_there() {
        return;
    }
    let (fake, team) = workshop();
    let api = fake.spawn().await.unwrap();
    let settings = [
        ("SLACK_API", api),
        ("SLACK_BOT_TOKEN", fake.token(&team)),
        ("SLACK_APP_TOKEN", fake.app_token(&team)),
        ("SLACK_CONTROL", format!("{}/control", fake.base())),
    ];
    let said = client.run(&settings).await;
    assert_eq!(said, STEPS.map(|step| format!("ok {step}")));
    assert_eq!(fake.whole_transcript(), SHOWN);

    // None of the fake's own answers deviates, and the client's requests do only in what is known of it.
    let deviations = fake.deviations();
    let of_the_fake: Vec<_> = deviations.iter().filter(|one| !one.of_request).collect();
    assert!(of_the_fake.is_empty(), "{of_the_fake:#?}");
    let habits: BTreeSet<&str> = deviations.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(habits, client.habits.iter().copied().collect(), "{deviations:#?}");

    let log = fake.log();
    let errors = log.iter().filter_map(|call| call.op.zip(call.error.as_deref()));
    let refused: Vec<_> = errors.filter(|(_, error)| *error != "ratelimited").collect();
    assert_eq!(refused, REFUSED);
    // Who is told to wait comes back in time: a second refusal of the same message would say that it did not wait.
    assert!(log.iter().any(|call| call.status == 429), "the script overran no limit");

    let counts = fake.socket_counts();
    assert!(counts.connections >= 3 && counts.disconnects >= 2 && counts.lost == 0, "{counts:?}");
    assert!(counts.redelivered > 0 && counts.pongs > 0, "{counts:?}");
    assert_eq!(fake.unacknowledged(), 0, "everything that was sent was acknowledged");
    fake.until(|fake| fake.listening() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bolt_completes_its_script_against_the_fake_slack() {
    completes_the_script(&bolt()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slack_sdk_completes_its_script_against_the_fake_slack() {
    completes_the_script(&slack_sdk()).await;
}
