//! Registering by difference, against a Discord that keeps commands and nothing else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use wilco_core::Shelf;
use wilco_core::random::Dice;
use wilco_sim::clock::HandClock;

use super::*;
use crate::discord::Discord;
use crate::options::{Options, Secret};
use wilco_sim::MemoryShelf;

/// What stands where (`""` is globally), what is refused, and what was asked besides reading.
#[derive(Default)]
struct World {
    commands: BTreeMap<String, Vec<Value>>,
    refuses: BTreeMap<String, (u16, i64)>,
    writes: Vec<String>,
    reads: Vec<String>,
    ids: u64,
}

impl World {
    fn keep(&mut self, guild: &str, command: &Value) -> Value {
        self.ids += 1;
        let all = self.commands.entry(guild.to_owned()).or_default();
        let mut kept = command.clone();
        let same = |one: &&mut Value| one["name"] == command["name"] && one["type"] == command["type"];
        match all.iter_mut().find(same) {
            Some(there) => {
                kept["id"] = there["id"].clone();
                *there = kept.clone();
            }
            None => {
                kept["id"] = json!(self.ids.to_string());
                all.push(kept.clone());
            }
        }
        kept
    }
}

type Shared = Arc<Mutex<World>>;

async fn answer(State(world): State<Shared>, method: Method, uri: Uri, body: Bytes) -> Response {
    let mut world = world.lock().unwrap();
    let path = uri.path().strip_prefix("/api/v10").unwrap().to_owned();
    if let Some((status, code)) = world.refuses.get(&path) {
        let body = Json(json!({ "message": "no", "code": code }));
        return (StatusCode::from_u16(*status).unwrap(), body).into_response();
    }
    if method == Method::GET { &mut world.reads } else { &mut world.writes }.push(format!("{method} {path}"));
    if path == "/users/@me/guilds" {
        return Json(json!([{ "id": "7", "name": "Harbour" }, { "id": "8", "name": "Pier" }])).into_response();
    }
    let path = path.strip_prefix("/applications/5/").expect("nothing else is asked for").to_owned();
    let guild = path.strip_prefix("guilds/").and_then(|rest| rest.split('/').next()).unwrap_or_default().to_owned();
    let id = path.split("commands/").nth(1).map(str::to_owned);
    match (method, id) {
        (Method::GET, None) => Json(world.commands.get(&guild).cloned().unwrap_or_default()).into_response(),
        (Method::PUT, None) => {
            world.commands.remove(&guild);
            let all: Vec<Value> = serde_json::from_slice(&body).unwrap();
            let kept: Vec<Value> = all.iter().map(|command| world.keep(&guild, command)).collect();
            Json(kept).into_response()
        }
        (Method::POST, None) => {
            let command: Value = serde_json::from_slice(&body).unwrap();
            Json(world.keep(&guild, &command)).into_response()
        }
        (Method::DELETE, Some(id)) => {
            world.commands.get_mut(&guild).unwrap().retain(|command| command["id"] != json!(id));
            StatusCode::NO_CONTENT.into_response()
        }
        other => panic!("{other:?} {path}"),
    }
}

struct Stand {
    world: Shared,
    address: String,
    shelf: Arc<MemoryShelf>,
}

impl Stand {
    async fn new() -> Self {
        let world = Shared::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/api/v10", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(answer).with_state(Arc::clone(&world));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { world, address, shelf: Arc::default() }
    }

    fn bot(&self, guild: Option<u64>) -> Arc<Discord> {
        let options = Options {
            api: self.address.clone(),
            application: Some(5),
            guild,
            ..Options::new("discord", Secret::new("t"))
        };
        let shelf = Arc::clone(&self.shelf) as Arc<dyn Shelf>;
        Discord::new(options, shelf, HandClock::new(), Arc::new(Dice::seeded(1))).unwrap()
    }

    fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        act(&mut self.world.lock().unwrap())
    }

    fn writes(&self) -> Vec<String> {
        self.with(|world| std::mem::take(&mut world.writes))
    }

    fn names(&self, guild: &str) -> Vec<String> {
        let of = |command: &Value| command["name"].as_str().unwrap().to_owned();
        self.with(|world| world.commands.get(guild).into_iter().flatten().map(of).collect())
    }
}

fn foreign() -> Value {
    json!({ "type": 1, "name": "weather", "description": "of another program", "name_localizations": { "de": "wetter" } })
}

#[tokio::test]
async fn a_start_registers_once_and_sends_nothing_when_nothing_differs() {
    let stand = Stand::new().await;
    register_at_start(&stand.bot(None)).await;
    assert_eq!(stand.writes(), ["PUT /applications/5/commands"]);
    assert_eq!(stand.names("").len(), table::render(true).len());
    let kept = stand.shelf.rows("");
    stand.with(|world| world.reads.clear());
    register_at_start(&stand.bot(None)).await;
    assert_eq!(stand.writes(), Vec::<String>::new());
    assert_eq!(stand.with(|world| world.reads.clone()), ["GET /applications/5/commands"], "one question is enough");
    assert_eq!(stand.shelf.rows(""), kept);
}

#[tokio::test]
async fn what_another_program_registered_stays_as_it_is() {
    let stand = Stand::new().await;
    stand.with(|world| world.keep("", &foreign()));
    let bot = stand.bot(None);
    let found = diff(&bot).await.unwrap();
    assert_eq!((found.foreign.as_slice(), found.removed.len()), (["/weather".to_owned()].as_slice(), 0));
    assert!(found.to_string().contains("\n  = /weather, registered by another program"), "{found}");
    sync(&bot).await.unwrap();
    let writes = stand.writes();
    assert!(!writes.is_empty() && writes.iter().all(|write| write == "POST /applications/5/commands"), "{writes:?}");
    let kept = stand.with(|world| world.commands[""][0].clone());
    assert_eq!(kept["name_localizations"], foreign()["name_localizations"], "letter for letter");
    let after = diff(&bot).await.unwrap();
    assert!(after.is_empty() && after.to_string().starts_with("The commands globally are in step."), "{after}");
    // Of a change one command is written, and of nothing nothing.
    stand.with(|world| world.commands.get_mut("").unwrap()[1]["description"] = json!("older words"));
    assert_eq!(sync(&bot).await.unwrap().changed.len(), 1);
    assert_eq!(stand.writes(), ["POST /applications/5/commands"]);
    sync(&bot).await.unwrap();
    assert_eq!(stand.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn what_wilco_registered_itself_and_has_no_more_goes() {
    let stand = Stand::new().await;
    let bot = stand.bot(None);
    sync(&bot).await.unwrap();
    stand.writes();
    // As after an update that has one command less, beside a command of another program.
    stand.with(|world| {
        world.keep("", &foreign());
        world.keep("", &json!({ "type": 1, "name": "ancient", "description": "x" }));
    });
    let row = stand.shelf.get("commands:registered").await.unwrap().unwrap();
    stand
        .shelf
        .put("commands:registered", &row.replacen("[1,\"cancel\"]", "[1,\"ancient\"],[1,\"cancel\"]", 1))
        .await
        .unwrap();
    let found = sync(&bot).await.unwrap();
    assert_eq!((found.removed.as_slice(), found.foreign.len()), (["/ancient".to_owned()].as_slice(), 1), "{found}");
    let writes = stand.writes();
    assert!(writes.len() == 1 && writes[0].starts_with("DELETE /applications/5/commands/"), "{writes:?}");
    let names = stand.names("");
    assert!(names.contains(&"weather".to_owned()) && !names.contains(&"ancient".to_owned()), "{names:?}");
}

#[tokio::test]
async fn commands_move_with_the_setting_and_stand_nowhere_twice() {
    let stand = Stand::new().await;
    sync(&stand.bot(Some(7))).await.unwrap();
    stand.with(|world| world.keep("7", &foreign()));
    stand.writes();
    let moved = stand.bot(None);
    let found = diff(&moved).await.unwrap();
    assert_eq!(found.doubled[0].0, Where::Guild(7));
    register_at_start(&moved).await;
    assert_eq!(stand.names("7"), ["weather"], "ours went, the other one stays");
    assert_eq!(stand.names("").len(), table::render(true).len());
    stand.with(|world| {
        let alone = world.commands.get_mut("7").unwrap();
        alone.clear();
    });
    sync(&stand.bot(Some(7))).await.unwrap();
    assert_eq!(stand.names(""), Vec::<String>::new());
    assert_eq!(stand.names("7").len(), table::render(false).len());
}

#[tokio::test]
async fn only_a_guild_without_the_bot_is_passed_over() {
    let stand = Stand::new().await;
    sync(&stand.bot(Some(8))).await.unwrap();
    let bot = stand.bot(None);
    let path = "/applications/5/guilds/8/commands".to_owned();
    for (status, code) in [(403, 50_013), (400, 50_035), (404, 10_002), (403, 20_012)] {
        stand.with(|world| world.refuses.insert(path.clone(), (status, code)));
        let refused = sync(&bot).await.unwrap_err().to_string();
        assert!(refused.contains("in guild 8") && refused.contains(&code.to_string()), "{refused}");
        let kept = stand.shelf.get("commands:registered").await.unwrap().unwrap();
        assert!(kept.contains("[8,"), "what was registered there is not forgotten: {kept}");
    }
    for (status, code) in [(404, 10_004), (403, 50_001)] {
        stand.with(|world| world.refuses.insert(path.clone(), (status, code)));
        assert!(sync(&bot).await.unwrap().doubled.is_empty(), "{code}");
    }
    let kept = stand.shelf.get("commands:registered").await.unwrap().unwrap();
    assert!(!kept.contains("[8,"), "{kept}");
}

#[tokio::test]
async fn a_failure_at_the_start_changes_nothing_and_ends_nothing() {
    let stand = Stand::new().await;
    stand.with(|world| world.refuses.insert("/applications/5/commands".to_owned(), (403, 50_001)));
    register_at_start(&stand.bot(None)).await;
    assert_eq!(stand.writes(), Vec::<String>::new());
    stand.shelf.refuse(true);
    register_at_start(&stand.bot(None)).await;
    assert_eq!(stand.writes(), Vec::<String>::new(), "what cannot be remembered is not written");
}
