//! Gates on the command line, beside a running bot and without one.

use async_trait::async_trait;
use serde_json::json;
use wilco_store::engine::{Change, Tx};
use wilco_store::{Options, Store, StoreError, args};

use crate::home::{Home, until};

/// What an agent job does that finds out that its session has ended; the program has no agents yet.
struct Closed;

#[async_trait]
impl Change for Closed {
    type Out = ();

    fn name(&self) -> &'static str {
        "closed"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        const CLOSE: &str = "INSERT INTO gates (backend, reason, closed_at, job, stamp) \
                             VALUES ('claude', 'session_expired', $1, 'k7f2', $2)";
        tx.run(CLOSE, args![1_800_000_000_000_i64, "another look"]).await.map(drop)
    }
}

async fn close(home: &Home) {
    let url = format!("sqlite:{}", home.path("wilco.db").display());
    let store = Store::open(&url, Options::default()).await.unwrap();
    store.write(Closed).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn h9_the_command_line_lists_and_opens_gates() {
    let home = Home::new();
    for words in [&["gate", "list"][..], &["gate", "open", "claude"]] {
        let ran = home.run(words).await;
        assert!(ran.code == 69 && ran.err.contains("there is no store at wilco.db"), "{ran:?}");
    }
    let bot = home.start_anywhere().await;
    let browser = bot.browser().await;
    assert_eq!(home.run(&["gate", "list"]).await.out, "no gate is closed\n");
    assert_eq!(home.run(&["gate", "list", "--json"]).await.json(), json!({ "gates": [] }));
    let absent = home.run(&["gate", "open", "claude"]).await;
    assert_eq!((absent.code, absent.out.as_str()), (1, ""), "{absent:?}");
    assert!(absent.err.contains("the gate of `claude` is not closed, nothing was changed"), "{absent:?}");

    close(&home).await;
    let gate =
        json!({ "backend": "claude", "reason": "session_expired", "closed": 1_800_000_000_000_i64, "job": "k7f2" });
    assert_eq!(home.run(&["gate", "list", "--json"]).await.json(), json!({ "gates": [gate] }));
    assert_eq!(browser.get("gates").await, json!({ "gates": [gate] }));
    assert_eq!(browser.get("health").await["health"]["gates"], json!([gate]));
    let listed = home.run(&["gate", "list"]).await.out;
    let row = listed.lines().nth(1).unwrap();
    assert!(row.starts_with("claude   session_expired  "), "{listed}");
    assert!(row.ends_with("k7f2  sign in to claude again, then `wilco gate open claude`"), "{listed}");
    let other = home.run(&["gate", "open", "codex"]).await;
    assert!(other.code == 1 && other.err.contains("Closed: `claude`"), "{other:?}");

    let opened = home.run(&["gate", "open", "claude"]).await;
    assert_eq!(opened.code, 0, "{opened:?}");
    assert!(opened.out.starts_with("Opened · claude · it was closed "), "{opened:?}");
    assert!(opened.out.ends_with("The running bot lets its jobs through within a second.\n"), "{opened:?}");
    assert_eq!(browser.get("gates").await, json!({ "gates": [] }));
    bot.kill().await;
    close(&home).await;
    let opened = home.run(&["gate", "open", "claude", "--json"]).await.json();
    assert_eq!(opened, json!({ "gate": gate }));
}

#[tokio::test]
async fn h9_a_running_bot_opens_a_gate_when_the_credentials_look_different_or_the_file_is_read_again() {
    let config = "[backends.claude]\nservice = 'claude'\ncredentials = 'credentials.json'\n";
    let home = Home::with_config(config);
    home.write("credentials.json", "a session");
    let bot = home.start_anywhere().await;
    let browser = bot.browser().await;
    let open = async |what: &str| {
        let no_gate = async || (browser.get("gates").await == json!({ "gates": [] })).then_some(());
        until(what, no_gate).await;
    };
    close(&home).await;
    open("the gate opened by the look of the file").await;
    assert!(home.log().contains("the credentials changed"), "{}", home.log());

    std::fs::remove_file(home.path("credentials.json")).unwrap();
    close(&home).await;
    home.write("bot.toml", &format!("{config}[quotas]\nperson_running = 3\n"));
    open("the gate opened by a new configuration").await;
    assert!(home.log().contains("the configuration was read again"), "{}", home.log());
    bot.kill().await;
}
