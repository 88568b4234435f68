//! The control over HTTP: for a test in another process, or in another language.
//!
//! `POST /control` takes one order as JSON, such as
//! `{"order": "say", "person": "ana", "channel": "general", "text": "hello"}`, and answers `{"id": "…"}`. Persons and
//! channels are named by id or by name, direct messages as `@ana`. What can be looked at is below it:
//! `/control/transcript`, `/control/snapshot`, `/control/log?after=0`, `/control/deviations` and `/control/counts`.

use axum::Json;
use axum::extract::{Query, State as Handle};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::FakeSlack;
use super::ids::{Id, Ts};
use super::script::Rule;
use super::socket::script::{SocketFault, SocketRule};
use super::state::{Deviation, Logged};
use super::transcript::Shown;
use crate::PersonError;

/// What a person does, or what happens to the platform.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are the arguments of the functions that each order names")]
pub enum Order {
    /// [`FakeSlack::say`], or with `under` [`FakeSlack::reply`].
    Say {
        person: String,
        channel: String,
        text: String,
        #[serde(default)]
        under: Option<Ts>,
    },
    /// [`FakeSlack::rewrite`].
    Rewrite { person: String, message: Ts, text: String },
    /// [`FakeSlack::delete`].
    Delete { message: Ts },
    /// [`FakeSlack::upload`], of a text file.
    Upload { person: String, channel: String, text: String, name: String, content: String },
    /// [`FakeSlack::say_as_integration`].
    Integration { channel: String, name: String, text: String },
    /// [`FakeSlack::slash`], or with `under` [`FakeSlack::slash_in_thread`].
    Slash {
        person: String,
        channel: String,
        command: String,
        #[serde(default)]
        text: String,
        #[serde(default)]
        under: Option<Ts>,
    },
    /// [`FakeSlack::press`].
    Press { person: String, message: Ts, button: String },
    /// [`FakeSlack::shortcut`].
    Shortcut { person: String, message: Ts, name: String },
    /// [`FakeSlack::global_shortcut`].
    GlobalShortcut { person: String, name: String },
    /// [`FakeSlack::react`].
    React { person: String, message: Ts, name: String },
    /// [`FakeSlack::archive`].
    Archive { channel: String, archived: bool },
    /// [`FakeSlack::delete_channel`].
    DeleteChannel { channel: String },
    /// [`FakeSlack::add_person`], into the first workspace and all its channels.
    AddPerson { name: String },
    /// [`FakeSlack::add_channel`], in the first workspace.
    AddChannel { name: String },
    /// [`FakeSlack::install`], in the first workspace.
    Install { manifest: Value },
    /// [`FakeSlack::add_group`], in the first workspace.
    AddGroup { handle: String, users: Vec<String> },
    /// [`FakeSlack::leave`], of the bot of the first workspace.
    KickBot { channel: String },
    /// [`FakeSlack::join`], of the bot of the first workspace.
    InviteBot { channel: String },
    /// [`FakeSlack::refuse_in`].
    RefuseIn {
        channel: String,
        #[serde(default)]
        error: Option<String>,
    },
    /// [`FakeSlack::refuse_tokens`], of the first workspace.
    RefuseTokens {
        #[serde(default)]
        error: Option<String>,
    },
    /// [`FakeSlack::socket_mode`], of the first workspace.
    SocketMode { on: bool },
    /// [`Team::shortcuts`](super::Team::shortcuts) of the first workspace get one more.
    AddShortcut { name: String, callback: String },
    /// [`Team::global_shortcuts`](super::Team::global_shortcuts) of the first workspace get one more.
    AddGlobalShortcut { name: String, callback: String },
    /// [`FakeSlack::fault`].
    Fault { rule: Rule },
    /// [`FakeSlack::socket_fault`].
    SocketFault { rule: SocketRule },
    /// [`FakeSlack::socket_now`].
    SocketNow { fault: SocketFault },
    /// [`FakeSlack::calm`].
    Calm,
    /// [`FakeSlack::interaction`]: what became of it.
    Interaction { id: String },
}

/// What came of an order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The message, channel, person or trigger that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Value>,
}

impl Done {
    fn made(id: impl ToString) -> Self {
        Self { id: Some(id.to_string()), about: None }
    }
}

type Result<T> = std::result::Result<T, PersonError>;

impl FakeSlack {
    /// Does what an order says.
    ///
    /// # Errors
    /// When there is no such person, channel or message, or the person could not do that.
    pub fn obey(&self, order: Order) -> Result<Done> {
        Ok(match order {
            Order::Say { person, channel, text, under } => {
                let (person, channel) = (self.who(&person)?, self.place(&channel)?);
                Done::made(match under {
                    Some(under) => self.reply(&person, &channel, under, &text)?,
                    None => self.say(&person, &channel, &text)?,
                })
            }
            Order::Rewrite { person, message, text } => {
                self.rewrite(&self.who(&person)?, message, &text)?;
                Done::default()
            }
            Order::Delete { message } => {
                self.delete(message);
                Done::default()
            }
            Order::Upload { person, channel, text, name, content } => {
                let (person, channel) = (self.who(&person)?, self.place(&channel)?);
                Done::made(self.upload(&person, &channel, &text, &name, content.as_bytes())?)
            }
            Order::Integration { channel, name, text } => {
                Done::made(self.say_as_integration(&self.place(&channel)?, &name, &text)?)
            }
            Order::Slash { person, channel, command, text, under } => {
                let (person, channel) = (self.who(&person)?, self.place(&channel)?);
                Done::made(match under {
                    Some(_) => self.slash_in_thread(&person, &channel, &command)?,
                    None => self.slash(&person, &channel, &command, &text)?,
                })
            }
            Order::GlobalShortcut { person, name } => Done::made(self.global_shortcut(&self.who(&person)?, &name)?),
            Order::Press { person, message, button } => {
                Done::made(self.press(&self.who(&person)?, message, &button)?)
            }
            Order::Shortcut { person, message, name } => {
                Done::made(self.shortcut(&self.who(&person)?, message, &name)?)
            }
            Order::React { person, message, name } => {
                self.react(&self.who(&person)?, message, &name);
                Done::default()
            }
            Order::Archive { channel, archived } => {
                self.archive(&self.place(&channel)?, archived);
                Done::default()
            }
            Order::DeleteChannel { channel } => {
                self.delete_channel(&self.place(&channel)?);
                Done::default()
            }
            Order::AddPerson { name } => {
                let team = self.first()?;
                let person = self.add_person(&team, &name);
                for channel in self.world().channels.into_values().filter(|channel| channel.team == team) {
                    if channel.kind != super::Kind::Direct {
                        self.join(&channel.id, &person);
                    }
                }
                Done::made(person)
            }
            Order::AddChannel { name } => Done::made(self.add_channel(&self.first()?, &name)),
            Order::Install { manifest } => {
                self.install(&self.first()?, &manifest)?;
                Done::default()
            }
            Order::AddGroup { handle, users } => {
                let users = users.iter().map(|user| self.who(user)).collect::<Result<Vec<Id>>>()?;
                let users: Vec<&str> = users.iter().map(String::as_str).collect();
                Done::made(self.add_group(&self.first()?, &handle, &users))
            }
            Order::KickBot { channel } => {
                self.leave(&self.place(&channel)?, &self.bot(&self.first()?));
                Done::default()
            }
            Order::InviteBot { channel } => {
                self.join(&self.place(&channel)?, &self.bot(&self.first()?));
                Done::default()
            }
            Order::RefuseIn { channel, error } => {
                self.refuse_in(&self.place(&channel)?, error.as_deref());
                Done::default()
            }
            Order::RefuseTokens { error } => {
                self.refuse_tokens(&self.first()?, error.as_deref());
                Done::default()
            }
            Order::SocketMode { on } => {
                self.socket_mode(&self.first()?, on);
                Done::default()
            }
            Order::AddShortcut { name, callback } => {
                self.change_team(&self.first()?, |team| drop(team.shortcuts.insert(name, callback)));
                Done::default()
            }
            Order::AddGlobalShortcut { name, callback } => {
                self.change_team(&self.first()?, |team| drop(team.global_shortcuts.insert(name, callback)));
                Done::default()
            }
            Order::Fault { rule } => {
                self.fault(rule);
                Done::default()
            }
            Order::SocketFault { rule } => {
                self.socket_fault(rule);
                Done::default()
            }
            Order::SocketNow { fault } => Done { about: Some(json!(self.socket_now(&fault))), id: None },
            Order::Calm => {
                self.calm();
                Done::default()
            }
            Order::Interaction { id } => {
                let Some(kept) = self.interaction(&id) else {
                    return Err(PersonError("there is no such interaction".into()));
                };
                let took = kept.took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
                Done { id: None, about: Some(json!({"took_ms": took, "failed": kept.failed, "uses": kept.uses})) }
            }
        })
    }

    fn first(&self) -> Result<Id> {
        let world = self.world();
        world.teams.keys().next().cloned().ok_or_else(|| PersonError("there is no workspace".into()))
    }

    fn who(&self, person: &str) -> Result<Id> {
        let known = self.state().world.users.contains_key(person).then(|| person.to_owned());
        let found = known.or_else(|| self.person_named(person));
        found.ok_or_else(|| PersonError(format!("there is no person `{person}`")))
    }

    fn place(&self, channel: &str) -> Result<Id> {
        let known = self.state().world.channels.contains_key(channel).then(|| channel.to_owned());
        let direct =
            || channel.strip_prefix('@').and_then(|name| self.person_named(name)).and_then(|who| self.direct(&who));
        let found = known.or_else(|| self.channel_named(channel)).or_else(direct);
        found.ok_or_else(|| PersonError(format!("there is no channel `{channel}`")))
    }
}

pub(super) async fn order(
    Handle(slack): Handle<FakeSlack>,
    Json(order): Json<Order>,
) -> std::result::Result<Json<Done>, (StatusCode, String)> {
    slack.obey(order).map(Json).map_err(|error| (StatusCode::CONFLICT, error.to_string()))
}

#[derive(Deserialize)]
pub(super) struct Where {
    #[serde(default)]
    channel: Option<String>,
}

pub(super) async fn transcript(
    Handle(slack): Handle<FakeSlack>,
    Query(place): Query<Where>,
) -> std::result::Result<String, (StatusCode, String)> {
    match place.channel {
        None => Ok(slack.whole_transcript()),
        Some(channel) => match slack.place(&channel) {
            Ok(id) => Ok(slack.transcript(&id)),
            Err(error) => Err((StatusCode::NOT_FOUND, error.to_string())),
        },
    }
}

pub(super) async fn snapshot(Handle(slack): Handle<FakeSlack>) -> Json<Vec<Shown>> {
    Json(slack.snapshot())
}

#[derive(Deserialize)]
pub(super) struct After {
    #[serde(default)]
    after: u64,
}

pub(super) async fn log(Handle(slack): Handle<FakeSlack>, Query(query): Query<After>) -> Json<Vec<Logged>> {
    Json(slack.log().into_iter().filter(|entry| entry.seq > query.after).collect())
}

pub(super) async fn deviations(Handle(slack): Handle<FakeSlack>) -> Json<Vec<Deviation>> {
    Json(slack.deviations())
}

pub(super) async fn counts(Handle(slack): Handle<FakeSlack>) -> Json<Value> {
    Json(json!({
        "socket": slack.socket_counts(), "listening": slack.listening(), "unacknowledged": slack.unacknowledged(),
        "calls": slack.log().len(), "deviations": slack.deviations().len(),
    }))
}
