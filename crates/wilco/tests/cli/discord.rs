//! Discord on the command line: setting it up, looking what is wrong, its commands, its first owner. What Discord
//! would say comes from a server of a few lines, which knows the routes that are asked and nothing else.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use crate::home::{Home, Ran, until};

/// What the bot's token is here.
const TOKEN: &str = "MTIz.test.token-of-a-test";
const BITS: u64 = 0x40_0001_8c00;

/// What the server answers with.
#[derive(Clone)]
struct World {
    /// The flags of the application.
    flags: u64,
    guilds: Value,
    /// What everybody may in the guild.
    everyone: u64,
    commands: Value,
    /// Answers everything with this instead.
    broken: Option<u16>,
    /// Method and path of what was asked.
    asked: Vec<String>,
}

type Shared = Arc<Mutex<World>>;

/// A Discord that knows one bot, one guild and one channel.
struct Api {
    world: Shared,
    address: SocketAddr,
}

impl Api {
    async fn start() -> Self {
        let world = World {
            flags: 0,
            guilds: json!([{ "id": "7", "name": "Harbour" }]),
            everyone: BITS,
            commands: json!([]),
            broken: None,
            asked: Vec::new(),
        };
        let world = Arc::new(Mutex::new(world));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&world));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { world, address }
    }

    fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        act(&mut self.world.lock().unwrap())
    }

    /// A folder whose bot speaks to this server.
    fn home(&self, more: &str) -> Home {
        let home = Home::with_config(&format!("[discord]\napi = 'http://{}/api/v10'\n{more}", self.address));
        home.env("DISCORD_BOT_TOKEN", TOKEN)
    }
}

async fn answer(State(world): State<Shared>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let mut world = world.lock().unwrap();
    let path = uri.path().strip_prefix("/api/v10").unwrap_or_default().to_owned();
    world.asked.push(format!("{method} {path}"));
    if let Some(status) = world.broken {
        return (StatusCode::from_u16(status).unwrap(), Json(json!({ "message": "broken", "code": 0 })))
            .into_response();
    }
    if headers.get("authorization").and_then(|value| value.to_str().ok()) != Some(&format!("Bot {TOKEN}")) {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "message": "401: Unauthorized", "code": 0 }))).into_response();
    }
    let application = json!({ "id": "5", "name": "Wilco", "flags": world.flags });
    let channel = json!({ "id": "70", "type": 0, "guild_id": "7", "permission_overwrites": [] });
    let guild = json!({ "id": "7", "name": "Harbour", "owner_id": "1",
                        "roles": [{ "id": "7", "name": "@everyone", "permissions": world.everyone.to_string() }] });
    let member = json!({ "user": { "id": "123", "username": "wilco" }, "roles": [] });
    let found = match (method.as_str(), path.as_str()) {
        ("GET", "/users/@me") => json!({ "id": "123", "username": "wilco", "bot": true }),
        ("GET", "/oauth2/applications/@me" | "/applications/@me") => application,
        ("GET", "/users/@me/guilds") => world.guilds.clone(),
        ("GET", "/channels/70") => channel,
        ("GET", "/guilds/7") => guild,
        ("GET", "/guilds/7/members/123") => member,
        ("GET", "/applications/5/commands") => world.commands.clone(),
        ("GET", "/applications/5/guilds/7/commands") => json!([]),
        ("PUT", "/applications/5/commands") => {
            let mut commands: Value = serde_json::from_slice(&body).unwrap();
            for (at, command) in commands.as_array_mut().unwrap().iter_mut().enumerate() {
                command["id"] = json!(format!("{}", 900 + at));
                command["application_id"] = json!("5");
            }
            world.commands = commands.clone();
            commands
        }
        _ => {
            let missing = Json(json!({ "message": "Unknown", "code": 10_003 }));
            return (StatusCode::NOT_FOUND, missing).into_response();
        }
    };
    Json(found).into_response()
}

/// The line of a check.
fn line<'a>(ran: &'a Ran, check: &str) -> &'a str {
    let found = ran.out.lines().find(|line| line.split_whitespace().nth(1) == Some(check));
    found.unwrap_or_else(|| panic!("no {check} in {ran:?}"))
}

#[tokio::test]
async fn setup_says_what_to_do_without_a_token_and_changes_nothing() {
    let home = Home::new();
    let ran = home.run(&["setup", "discord", "--write"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{ran:?}");
    assert!(ran.out.contains("https://discord.com/developers/applications") && ran.out.contains("DISCORD_BOT_TOKEN"));
    assert!(home.files().is_empty(), "{:?}", home.files());
    let json = home.run(&["setup", "discord", "--json"]).await;
    assert_eq!((json.code, &json.json()["connected"]), (1, &json!(false)));
}

#[tokio::test]
async fn setup_says_that_it_is_switched_off_where_it_is() {
    let home = Home::with_config("[discord]\nenabled = false\n").env("DISCORD_BOT_TOKEN", TOKEN);
    let ran = home.run(&["setup", "discord"]).await;
    assert!(ran.code == 1 && ran.out.contains("enabled = false") && !ran.out.contains("no token"), "{ran:?}");
    let json = home.run(&["setup", "discord", "--json"]).await.json();
    assert_eq!((&json["connected"], &json["enabled"]), (&json!(false), &json!(false)));
    let doctor = home.run(&["doctor"]).await;
    assert!(line(&doctor, "discord").contains("switched off"), "{doctor:?}");
}

#[tokio::test]
async fn setup_finds_out_what_it_can_and_writes_only_when_asked() {
    let api = Api::start().await;
    let home = Home::new()
        .env("DISCORD_BOT_TOKEN", TOKEN)
        .env("WILCO_DISCORD__API", format!("http://{}/api/v10", api.address));
    let ran = home.run(&["setup", "discord"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    let link = format!("client_id=5&scope=bot%20applications.commands&permissions={BITS}");
    for part in [
        "bot wilco (application 5)",
        &link,
        "It is in Harbour now",
        "No privileged intent is needed",
        "starts the bot and puts its commands into Discord's menu",
    ] {
        assert!(ran.out.contains(part), "{part} is missing in {ran:?}");
    }
    let by_hand = api.home("register_commands = false\n").run(&["setup", "discord"]).await;
    assert!(by_hand.out.contains("`wilco commands sync` puts the commands"), "{by_hand:?}");
    assert!(home.files().is_empty(), "a look creates nothing: {:?}", home.files());

    home.write("bot.toml", "# mine\n[quotas]\nperson_running = 3 # three\n");
    let ran = home.run(&["setup", "discord", "--write"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let written = std::fs::read_to_string(home.path("bot.toml")).unwrap();
    let section = "[discord]\ntoken = \"${DISCORD_BOT_TOKEN}\"\n";
    assert_eq!(written, format!("# mine\n[quotas]\nperson_running = 3 # three\n\n{section}"));
    assert!(!written.contains(TOKEN));
    assert_eq!(home.run(&["check"]).await.code, 0);
    let again = home.run(&["setup", "discord", "--write", "--json"]).await;
    assert_eq!(again.json()["written"]["added"], json!(false), "{again:?}");
    assert_eq!(std::fs::read_to_string(home.path("bot.toml")).unwrap(), written);
}

#[tokio::test]
async fn setup_names_the_intent_that_the_configuration_wants_and_the_portal_has_not() {
    let api = Api::start().await;
    let home = api.home("message_content = true\n");
    let ran = home.run(&["setup", "discord"]).await;
    assert!(ran.out.contains("Switch on Message Content Intent") && ran.out.contains("applications/5/bot"), "{ran:?}");
    api.with(|world| world.flags = 1 << 19);
    let ran = home.run(&["setup", "discord", "--json"]).await;
    assert_eq!(ran.json()["missing_intents"], json!([]), "{ran:?}");
}

#[tokio::test]
async fn a_wrong_token_is_told_from_a_discord_that_does_not_answer() {
    let api = Api::start().await;
    let home = api.home("token = '${OTHER}'\n").env("OTHER", "wrong");
    let ran = home.run(&["setup", "discord"]).await;
    assert!(
        ran.code == 1 && ran.err.contains("does not accept the token") && ran.err.contains("Reset Token"),
        "{ran:?}"
    );
    let ran = home.run(&["doctor"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(line(&ran, "discord.token").starts_with("error "), "{ran:?}");
    assert!(!ran.out.contains("wrong"), "{ran:?}");
    api.with(|world| world.broken = Some(503));
    let ran = home.run(&["setup", "discord"]).await;
    assert!(ran.code == 2 && ran.err.contains("nothing could be checked"), "{ran:?}");
    let ran = home.run(&["doctor"]).await;
    assert!(line(&ran, "discord.token").starts_with("unknown "), "{ran:?}");
}

#[tokio::test]
async fn the_commands_are_compared_and_registered_by_difference() {
    let api = Api::start().await;
    let home = api.home("");
    let ran = home.run(&["commands", "diff"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("+ /run") && ran.out.contains("+ /pair"), "{ran:?}");
    assert!(!home.files().contains(&"wilco.db".to_owned()), "a look creates no store");
    let ran = home.run(&["commands", "sync"]).await;
    assert!(ran.code == 0 && ran.out.ends_with("Registered; they are in step now.\n"), "{ran:?}");
    let ran = home.run(&["commands", "diff", "--json"]).await;
    assert_eq!((ran.code, &ran.json()["in_step"]), (0, &json!(true)), "{ran:?}");
    api.with(|world| world.asked.clear());
    assert_eq!(home.run(&["commands", "sync"]).await.code, 0);
    let writes = api.with(|world| world.asked.iter().filter(|asked| !asked.starts_with("GET")).count());
    assert_eq!(writes, 0, "what is in step is not written again");
    let none = Home::new().run(&["commands", "diff"]).await;
    assert!(none.code == 2 && none.err.contains("wilco setup discord"), "{none:?}");
}

#[tokio::test]
async fn the_doctor_says_of_each_check_what_is_wrong_and_what_to_do() {
    let api = Api::start().await;
    let home = api.home("[[access]]\naccount = 'discord'\nuser = '1'\ngrant = 'owner'\n");
    assert_eq!(home.run(&["commands", "sync"]).await.code, 0);
    let fine = home.run(&["doctor", "--channel", "70"]).await;
    assert_eq!((fine.code, fine.err.as_str()), (0, ""), "{fine:?}");
    for check in [
        "config",
        "store",
        "discord.token",
        "discord.application",
        "discord.intents",
        "discord.guilds",
        "discord.channel",
        "discord.commands",
        "discord.owner",
    ] {
        assert!(line(&fine, check).starts_with("ok "), "{check}: {fine:?}");
    }
    api.with(|world| {
        world.everyone = BITS & !(1 << 15) & !(1 << 11);
        world.commands.as_array_mut().unwrap().remove(0);
        world.guilds = json!([]);
    });
    let home = api.home("message_content = true\napplication_id = '6'\n");
    let ran = home.run(&["doctor", "--channel", "70"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    for (check, severity, says) in [
        ("discord.application", "error", "application_id is 6, but the token belongs to 5"),
        ("discord.intents", "error", "switch on Message Content Intent"),
        ("discord.guilds", "warning", "https://discord.com/oauth2/authorize"),
        ("discord.channel", "error", "lacks Send Messages, Attach Files"),
        ("discord.owner", "warning", "wilco access pair"),
    ] {
        let line = line(&ran, check);
        assert!(line.starts_with(severity) && line.contains(says) && line.contains("; fix: "), "{check}: {line}");
    }
    let json = home.run(&["doctor", "--channel", "70", "--json"]).await;
    let checks = json.json()["checks"].as_array().unwrap().clone();
    let intents = checks.iter().find(|check| check["check_id"] == "discord.intents").unwrap();
    assert!(
        intents["severity"] == "error" && intents["fix"].is_string() && intents["message"].is_string(),
        "{intents}"
    );
    let unseen = home.run(&["doctor", "--channel", "71"]).await;
    assert!(line(&unseen, "discord.channel").starts_with("error"), "{unseen:?}");
    assert!(!ran.out.contains(TOKEN) && !json.out.contains(TOKEN));
}

#[tokio::test]
async fn the_doctor_says_which_commands_are_not_in_step() {
    let api = Api::start().await;
    let ran = api.home("").run(&["doctor"]).await;
    let line = line(&ran, "discord.commands");
    assert!(line.starts_with("warning") && line.contains("+ /run") && line.contains("wilco commands sync"), "{line}");
}

#[tokio::test]
async fn the_doctor_looks_at_what_is_there_without_any_platform() {
    let home = Home::new();
    let ran = home.run(&["doctor"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{ran:?}");
    assert!(line(&ran, "discord").contains("wilco setup discord"), "{ran:?}");
    let store = line(&ran, "store");
    assert!(
        store.starts_with("warning") && store.contains("there is none yet") && store.contains("; fix: "),
        "{store}"
    );
    assert!(home.files().is_empty(), "a look creates nothing: {:?}", home.files());
    home.write("bot.toml", "[web]\nbnid = 1\n");
    let ran = home.run(&["doctor"]).await;
    assert!(ran.code == 1 && line(&ran, "config").contains("bot.toml:2:1: web.bnid"), "{ran:?}");
    home.write("bot.toml", "");
    std::fs::write(home.path("wilco.db"), "this is no database, and long enough to be looked at").unwrap();
    let ran = home.run(&["doctor"]).await;
    assert!(ran.code == 1 && line(&ran, "store").starts_with("error"), "{ran:?}");
}

/// What a folder holds, byte for byte.
fn bytes(home: &Home) -> Vec<(String, Vec<u8>)> {
    home.files().into_iter().map(|name| (name.clone(), std::fs::read(home.path(&name)).unwrap_or_default())).collect()
}

#[tokio::test]
async fn a_look_leaves_an_older_store_as_it_is_and_says_what_to_do() {
    let api = Api::start().await;
    let home = api.home("");
    let path = home.path("wilco.db");
    let older = &wilco_store::engine::MIGRATIONS[..1];
    let options = wilco_store::Options::default();
    let store = wilco_store::Store::open_with(&format!("sqlite:{}", path.display()), options, older).await.unwrap();
    store.close().await;
    let before = bytes(&home);
    let ran = home.run(&["doctor"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let found = line(&ran, "store");
    assert!(
        found.starts_with("warning") && found.contains("of version 0001") && found.contains("; fix: start"),
        "{found}"
    );
    assert!(line(&ran, "discord.token").starts_with("ok "), "the rest is looked at all the same: {ran:?}");
    assert_eq!(home.run(&["commands", "diff"]).await.code, 1);
    assert_eq!(home.run(&["setup", "discord"]).await.code, 0);
    assert!(bytes(&home) == before, "{:?}", home.files());
}

#[tokio::test]
async fn the_start_fills_the_menu_once_and_a_failure_stops_nothing() {
    let api = Api::start().await;
    let home = api.home("");
    let menu = async || {
        until("the menu", async || api.with(|world| (!world.commands.as_array().unwrap().is_empty()).then_some(())))
            .await
    };
    let bot = home.start_anywhere().await;
    menu().await;
    bot.kill().await;
    let puts = |api: &Api| api.with(|world| world.asked.iter().filter(|asked| asked.starts_with("PUT")).count());
    assert_eq!((puts(&api), home.run(&["commands", "diff"]).await.code), (1, 0));
    // In step: the next start asks, and writes nothing.
    api.with(|world| world.asked.clear());
    let bot = home.start_anywhere().await;
    until("the question", async || {
        api.with(|world| world.asked.iter().any(|asked| asked == "GET /applications/5/commands").then_some(()))
    })
    .await;
    bot.kill().await;
    assert_eq!(puts(&api), 0);
    // Refused: the bot is there all the same, and the log says what to do.
    api.with(|world| world.broken = Some(403));
    let bot = home.start_anywhere().await;
    until("the warning", async || home.log().contains("`wilco commands sync` tries it again").then_some(())).await;
    assert!(home.run(&["jobs", "list"]).await.code == 0);
    bot.kill().await;
}

#[tokio::test]
async fn who_switches_registering_off_registers_by_hand() {
    let api = Api::start().await;
    let home = api.home("register_commands = false\n");
    let bot = home.start_anywhere().await;
    // The gateway is asked for as the commands would be: at once.
    until("listening", async || api.with(|world| (!world.asked.is_empty()).then_some(()))).await;
    bot.kill().await;
    assert!(api.with(|world| !world.asked.iter().any(|asked| asked.contains("commands"))));
    let found = home.run(&["doctor"]).await;
    let found = line(&found, "discord.commands");
    assert!(found.ends_with("fix: `wilco commands sync`"), "{found}");
}

#[tokio::test]
async fn at_trace_level_nothing_that_travels_is_logged() {
    let api = Api::start().await;
    let home = api.home("").env("RUST_LOG", "trace");
    let bot = home.start_anywhere().await;
    until("the menu", async || api.with(|world| (!world.commands.as_array().unwrap().is_empty()).then_some(()))).await;
    bot.kill().await;
    let log = home.log();
    assert!(!log.contains(TOKEN), "the token is in the log");
    let mut deep = 0;
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if matches!(line["level"].as_str(), Some("TRACE" | "DEBUG")) {
            deep += 1;
            let target = line["target"].as_str().unwrap().split("::").next().unwrap();
            assert!(!["hyper", "hyper_util", "reqwest", "rustls", "tungstenite", "h2"].contains(&target), "{line}");
        }
    }
    assert!(deep > 0, "the level was reached");
}

#[tokio::test]
async fn the_greeting_says_what_is_connected_and_hides_the_code_where_it_is_kept() {
    let api = Api::start().await;
    let home = api.home("");
    let mut bot = home.start_anywhere().await;
    assert_eq!(bot.greeting[2], "discord: connecting; slack, telegram: not connected");
    assert_eq!(
        bot.says().await,
        "nobody may do anything on discord yet; `wilco access pair` shows a code for its first owner"
    );
    let shown = home.run(&["access", "pair", "--json"]).await.json();
    assert_eq!((shown["code"].as_str().map(str::len), &shown["seconds"]), (Some(14), &json!(900)), "{shown}");
    let code = shown["code"].as_str().unwrap().to_owned();
    bot.kill().await;
    let database = std::fs::read(home.path("wilco.db")).unwrap();
    let letters = code.replace('-', "");
    for kept in [code.as_bytes(), letters.as_bytes()] {
        assert!(!database.windows(kept.len()).any(|window| window == kept), "the code is in the store");
        assert!(!home.log().as_bytes().windows(kept.len()).any(|window| window == kept), "the code is in the log");
    }
    let refused = home.run(&["access", "pair"]).await;
    assert!(refused.code == 1 && refused.err.contains("no bot runs on this store now"), "{refused:?}");
}

#[tokio::test]
async fn rights_are_listed_and_only_what_was_given_by_a_code_is_revoked() {
    let home = Home::with_config("[[access]]\nguild = '7'\nrole = '8'\ngrant = 'operator'\n");
    let bot = home.start_anywhere().await;
    bot.kill().await;
    let ran = home.run(&["access", "list"]).await;
    assert!(ran.code == 0 && ran.out.contains("role 8, guild 7") && ran.out.contains("operator"), "{ran:?}");
    let json = home.run(&["access", "list", "--json"]).await.json();
    assert_eq!((&json["rules"][0]["guild"], &json["grants"]), (&json!("7"), &json!([])), "{json}");
    let refused = home.run(&["access", "revoke", "discord", "1"]).await;
    assert!(refused.code == 1 && refused.err.contains("nobody `1` on `discord`"), "{refused:?}");
}
