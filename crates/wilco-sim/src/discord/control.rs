//! The control over HTTP: for a test in another process, or in another language.
//!
//! `POST /control` takes one order as JSON, such as
//! `{"order": "say", "person": "ana", "channel": "general", "text": "hello"}`, and answers
//! `{"id": "…"}`. Persons and channels are named by id or by name. What can be looked at is below it:
//! `/control/transcript`, `/control/snapshot`, `/control/log?after=0`, `/control/deviations` and
//! `/control/counts`.

use axum::Json;
use axum::extract::{Query, State as Handle};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::FakeDiscord;
use super::gateway::script::{GatewayFault, GatewayRule};
use super::ids::Id;
use super::script::Rule;
use super::state::{Deviation, Logged};
use super::transcript::Shown;
use crate::PersonError;

/// What a person does, or what happens to the platform.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// [`FakeDiscord::say_to`].
    Say {
        /// Who.
        person: String,
        /// Where.
        channel: String,
        /// What.
        text: String,
        /// The message that it answers.
        #[serde(default)]
        reply_to: Option<String>,
    },
    /// [`FakeDiscord::rewrite`].
    Rewrite {
        /// Who.
        person: String,
        /// Which message.
        message: String,
        /// The new text.
        text: String,
    },
    /// [`FakeDiscord::delete`].
    Delete {
        /// Which message.
        message: String,
    },
    /// [`FakeDiscord::slash`].
    Slash {
        /// Who.
        person: String,
        /// Where.
        channel: String,
        /// Which command.
        command: String,
        /// Its options by name.
        #[serde(default)]
        options: Map<String, Value>,
    },
    /// [`FakeDiscord::type_in`].
    TypeIn {
        /// Who.
        person: String,
        /// Where.
        channel: String,
        /// Which command.
        command: String,
        /// Which option.
        option: String,
        /// What stands there so far.
        text: String,
    },
    /// [`FakeDiscord::message_command`].
    MessageCommand {
        /// Who.
        person: String,
        /// Which message.
        message: String,
        /// Which command.
        command: String,
    },
    /// [`FakeDiscord::press`].
    Press {
        /// Who.
        person: String,
        /// Which message.
        message: String,
        /// The button's label or custom id.
        button: String,
    },
    /// [`FakeDiscord::react`].
    React {
        /// Who.
        person: String,
        /// Which message.
        message: String,
        /// Which emoji.
        emoji: String,
    },
    /// [`FakeDiscord::start_thread`].
    StartThread {
        /// Who.
        person: String,
        /// In which channel.
        channel: String,
        /// Under which message.
        #[serde(default)]
        under: Option<String>,
        /// Its name.
        name: String,
        /// Whether only those who take part see it.
        #[serde(default)]
        private: bool,
    },
    /// [`FakeDiscord::archive`].
    Archive {
        /// Which thread.
        channel: String,
        /// Away, or back again.
        archived: bool,
    },
    /// [`FakeDiscord::lock`].
    Lock {
        /// Which thread.
        channel: String,
        /// Locked, or not any more.
        locked: bool,
    },
    /// [`FakeDiscord::delete_channel`].
    DeleteChannel {
        /// Which channel or thread.
        channel: String,
    },
    /// [`FakeDiscord::add_person`], who joins every guild.
    AddPerson {
        /// The name.
        name: String,
    },
    /// [`FakeDiscord::add_channel`], in the first guild.
    AddChannel {
        /// The name.
        name: String,
    },
    /// [`FakeDiscord::deny_bot`].
    DenyBot {
        /// Where.
        channel: String,
        /// Which permissions, as a bit set.
        permissions: u64,
    },
    /// [`FakeDiscord::kick_bot`], from the first guild.
    KickBot,
    /// [`FakeDiscord::invite_bot`], into the first guild.
    InviteBot,
    /// [`FakeDiscord::takes_direct_messages`].
    TakesDirectMessages {
        /// Who.
        person: String,
        /// Whether they do.
        takes: bool,
    },
    /// [`FakeDiscord::revoke`].
    Revoke {
        /// Whether the token is refused from now on.
        revoked: bool,
    },
    /// [`FakeDiscord::fault`].
    Fault {
        /// The line.
        rule: Rule,
    },
    /// [`FakeDiscord::gateway_fault`].
    GatewayFault {
        /// The line.
        rule: GatewayRule,
    },
    /// [`FakeDiscord::gateway_now`].
    GatewayNow {
        /// What happens to every connection.
        fault: GatewayFault,
    },
    /// [`FakeDiscord::calm`].
    Calm,
    /// [`FakeDiscord::interaction`]: what became of it.
    Interaction {
        /// Which.
        id: String,
    },
}

/// What came of an order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The message, channel, person or interaction that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Value>,
}

impl From<Id> for Done {
    fn from(id: Id) -> Self {
        Self { id: Some(id.to_string()), about: None }
    }
}

type Result<T> = std::result::Result<T, PersonError>;

impl FakeDiscord {
    /// Does what an order says.
    ///
    /// # Errors
    /// When there is no such person, channel or message, or the person could not do that.
    pub fn obey(&self, order: Order) -> Result<Done> {
        Ok(match order {
            Order::Say { person, channel, text, reply_to } => {
                let to = reply_to.map(|id| number(&id)).transpose()?;
                self.say_to(self.who(&person)?, self.place(&channel)?, &text, to)?.into()
            }
            Order::Rewrite { person, message, text } => {
                self.rewrite(self.who(&person)?, number(&message)?, &text)?;
                Done::default()
            }
            Order::Delete { message } => {
                self.delete(number(&message)?);
                Done::default()
            }
            Order::Slash { person, channel, command, options } => {
                let options: Vec<(&str, Value)> =
                    options.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
                self.slash(self.who(&person)?, self.place(&channel)?, &command, &options)?.into()
            }
            Order::TypeIn { person, channel, command, option, text } => {
                self.type_in(self.who(&person)?, self.place(&channel)?, &command, &option, &text)?.into()
            }
            Order::MessageCommand { person, message, command } => {
                self.message_command(self.who(&person)?, number(&message)?, &command)?.into()
            }
            Order::Press { person, message, button } => {
                self.press(self.who(&person)?, number(&message)?, &button)?.into()
            }
            Order::React { person, message, emoji } => {
                self.react(self.who(&person)?, number(&message)?, &emoji);
                Done::default()
            }
            Order::StartThread { person, channel, under, name, private } => {
                let under = under.map(|id| number(&id)).transpose()?;
                self.start_thread(self.who(&person)?, self.place(&channel)?, under, &name, private)?.into()
            }
            Order::Archive { channel, archived } => {
                self.archive(self.place(&channel)?, archived);
                Done::default()
            }
            Order::Lock { channel, locked } => {
                self.lock(self.place(&channel)?, locked);
                Done::default()
            }
            Order::DeleteChannel { channel } => {
                self.delete_channel(self.place(&channel)?);
                Done::default()
            }
            Order::AddPerson { name } => {
                let person = self.add_person(&name);
                for guild in self.world().guilds.into_keys() {
                    self.join(guild, person);
                }
                person.into()
            }
            Order::AddChannel { name } => self.add_channel(self.first_guild()?, &name).into(),
            Order::DenyBot { channel, permissions } => {
                self.deny_bot(self.place(&channel)?, permissions);
                Done::default()
            }
            Order::KickBot => {
                self.kick_bot(self.first_guild()?);
                Done::default()
            }
            Order::InviteBot => {
                self.invite_bot(self.first_guild()?);
                Done::default()
            }
            Order::TakesDirectMessages { person, takes } => {
                self.takes_direct_messages(self.who(&person)?, takes);
                Done::default()
            }
            Order::Revoke { revoked } => {
                self.revoke(revoked);
                Done::default()
            }
            Order::Fault { rule } => {
                self.fault(rule);
                Done::default()
            }
            Order::GatewayFault { rule } => {
                self.gateway_fault(rule);
                Done::default()
            }
            Order::GatewayNow { fault } => Done { about: Some(json!(self.gateway_now(&fault))), id: None },
            Order::Calm => {
                self.calm();
                Done::default()
            }
            Order::Interaction { id } => self.told(number(&id)?)?,
        })
    }

    fn told(&self, id: Id) -> Result<Done> {
        let Some(kept) = self.interaction(id) else { return Err(PersonError("there is no such interaction".into())) };
        let about = json!({
            "answered": kept.answered, "took_ms": kept.took.map(|took| took.as_millis()),
            "message": kept.original.map(|id| id.to_string()), "choices": kept.choices,
        });
        Ok(Done { id: None, about: Some(about) })
    }

    fn first_guild(&self) -> Result<Id> {
        let world = self.world();
        world.guilds.keys().next().copied().ok_or_else(|| PersonError("there is no guild".into()))
    }

    fn who(&self, person: &str) -> Result<Id> {
        let found = person.parse().ok().or_else(|| self.person_named(person));
        found.ok_or_else(|| PersonError(format!("there is no person `{person}`")))
    }

    fn place(&self, channel: &str) -> Result<Id> {
        let direct = || channel.strip_prefix('@').and_then(|name| self.person_named(name)).map(|who| self.direct(who));
        let found = channel.parse().ok().or_else(|| self.channel_named(channel)).or_else(direct);
        found.ok_or_else(|| PersonError(format!("there is no channel `{channel}`")))
    }
}

fn number(text: &str) -> Result<Id> {
    text.parse().map_err(|_| PersonError(format!("`{text}` is no id")))
}

pub(super) async fn order(
    Handle(discord): Handle<FakeDiscord>,
    Json(order): Json<Order>,
) -> std::result::Result<Json<Done>, (StatusCode, String)> {
    discord.obey(order).map(Json).map_err(|error| (StatusCode::CONFLICT, error.to_string()))
}

#[derive(Deserialize)]
pub(super) struct Where {
    #[serde(default)]
    channel: Option<String>,
}

pub(super) async fn transcript(
    Handle(discord): Handle<FakeDiscord>,
    Query(place): Query<Where>,
) -> std::result::Result<String, (StatusCode, String)> {
    match place.channel {
        None => Ok(discord.whole_transcript()),
        Some(channel) => match discord.place(&channel) {
            Ok(id) => Ok(discord.transcript(id)),
            Err(error) => Err((StatusCode::NOT_FOUND, error.to_string())),
        },
    }
}

pub(super) async fn snapshot(Handle(discord): Handle<FakeDiscord>) -> Json<Vec<Shown>> {
    Json(discord.snapshot())
}

#[derive(Deserialize)]
pub(super) struct After {
    #[serde(default)]
    after: u64,
}

pub(super) async fn log(Handle(discord): Handle<FakeDiscord>, Query(query): Query<After>) -> Json<Vec<Logged>> {
    Json(discord.log().into_iter().filter(|entry| entry.seq > query.after).collect())
}

pub(super) async fn deviations(Handle(discord): Handle<FakeDiscord>) -> Json<Vec<Deviation>> {
    Json(discord.deviations())
}

pub(super) async fn counts(Handle(discord): Handle<FakeDiscord>) -> Json<Value> {
    let (invalid_now, invalid_ever) = discord.invalid_requests();
    Json(json!({
        "gateway": discord.gateway_counts(), "closes": discord.closes(), "listening": discord.listening(),
        "invalid_now": invalid_now, "invalid_ever": invalid_ever, "calls": discord.log().len(),
        "deviations": discord.deviations().len(),
    }))
}
