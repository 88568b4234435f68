//! What people write: mentions of the bot, replies to it and direct messages. One message is taken at a time, in the
//! order in which they were written.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serenity::all::{ChannelId, GuildId, UserId};
use serenity::http::{LightMethod, Route};
use tracing::{debug, info, warn};
use wilco_core::command::{self, Command, Parsed};
use wilco_core::{Accepted, Inbound, Inbox, Reply, What, wording};

use crate::direct::NoDirect;
use crate::discord::Discord;
use crate::gateway::Spot;
use crate::interactions::{Shown, bodies, shows_something};
use crate::payload::{Channel, ChannelKind, Member, Message};
use crate::permissions::Permissions;
use crate::place;
use crate::rest::{Answer, Call, Kind, Lane};
use crate::snowflake::Snowflake;

/// Ordinary messages and replies (Discord API, "Message Types"): everything else says that something happened.
const WRITTEN: [u64; 2] = [0, 19];
/// How long a message waits for a store that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first pause; it doubles.
const PAUSE: Duration = Duration::from_millis(500);

/// A message that was written, in core's words.
struct Understood {
    inbound: Inbound,
    /// The answer, where nothing is handed in.
    refusal: Option<Reply>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was for the bot, and is done with.
    Meant,
    /// It was for others.
    ForOthers,
}

/// Nobody knows, although it was asked for patiently.
struct Unknown;

impl Discord {
    /// Takes one message: hands it in when it is meant for the bot, and says what is to be said.
    pub(crate) async fn take_message(self: &Arc<Self>, inbox: &Arc<dyn Inbox>, message: &Message) -> Taken {
        let Some(text) = self.addressed(message) else { return Taken::ForOthers };
        let Some(spot) = self.spot_of_message(message).await else {
            warn!(message = %message.id, "discord: the channel of a message is not there any more; it is left out");
            return Taken::Meant;
        };
        let understood = self.understand_message(message, &spot, &text).await;
        let reply = match understood.refusal {
            Some(refusal) => Some(refusal),
            None => said(self.offer_patiently(inbox, &understood.inbound).await),
        };
        if let Some(reply) = reply {
            // The next message does not wait for an answer that has to wait for Discord.
            let (discord, message) = (Arc::clone(self), message.clone());
            self.ears.tasks.spawn(async move { discord.tell(&message, &spot, &reply).await });
        }
        Taken::Meant
    }

    /// What is said to the bot; none when the message is for others.
    pub(crate) fn addressed(&self, message: &Message) -> Option<String> {
        let author = &message.author;
        if author.bot || author.system || message.webhook_id.is_some() || !WRITTEN.contains(&message.kind) {
            return None;
        }
        let directory = self.ears.directory();
        let me = directory.me();
        let own_role = |role: &&Snowflake| directory.is_own_role(message.guild_id, **role);
        let role = message.mention_roles.iter().find(own_role).copied();
        let mentioned = message.mentions.iter().any(|user| user.id == me) || role.is_some();
        let replied = message.referenced_message.as_ref().is_some_and(|other| other.author.id == me);
        // Without the intent the text of a reply that pings nobody does not arrive, so there is nothing to read.
        let readable = mentioned || message.guild_id.is_none() || !message.content.is_empty();
        let direct = message.guild_id.is_none();
        if !(direct || mentioned || replied) || !readable {
            return None;
        }
        Some(without_mention(&message.content, me, role).to_owned())
    }

    async fn spot_of_message(&self, message: &Message) -> Option<Spot> {
        let Some(guild) = message.guild_id else {
            self.know_direct(message.author.id, message.channel_id).await;
            let direct = Channel { id: message.channel_id, number: 1, ..Channel::default() };
            return Some(self.ears.directory().spot_of(&direct));
        };
        self.spot_in_guild(guild, message.channel_id).await
    }

    /// What is known of a channel, asked for where no event has told of it: an old thread, for example. None when there
    /// is no such channel any more. One of which Discord says nothing for a minute counts as one that few can read.
    async fn spot_in_guild(&self, guild: Snowflake, channel: Snowflake) -> Option<Spot> {
        let mut next = Some(channel);
        // A thread, and then the channel around it.
        for _ in 0..2 {
            let Some(wanted) = next.filter(|wanted| !self.ears.directory().has(*wanted)) else { break };
            if self.ears.directory().spot(wanted).is_none() {
                let route = || Route::Channel { channel_id: ChannelId::new(wanted.0.max(1)) };
                match self.ask_patiently::<Channel>(route).await {
                    Ok(Some(asked)) => {
                        self.ears.directory().learn(Channel { guild_id: asked.guild_id.or(Some(guild)), ..asked });
                    }
                    Ok(None) => break,
                    Err(Unknown) => {
                        let unnamed = Channel { id: channel, guild_id: Some(guild), ..Channel::default() };
                        let directory = self.ears.directory();
                        return directory.spot(channel).or_else(|| Some(directory.spot_of(&unnamed)));
                    }
                }
            }
            next = self.ears.directory().spot(wanted).and_then(|spot| spot.parent);
        }
        self.ears.directory().spot(channel)
    }

    async fn understand_message(&self, message: &Message, spot: &Spot, text: &str) -> Understood {
        let mut refusal = None;
        let what = match command::parse(text) {
            Parsed::Command(command) => What::Command(command),
            Parsed::Text(text) if text.is_empty() => What::Command(Command::Help),
            Parsed::Text(text) => What::Said(text),
            Parsed::Usage(spec) => {
                refusal = Some(wording::usage(spec));
                What::Said(text.to_owned())
            }
            Parsed::Unknown { verb, nearest } => {
                refusal = Some(wording::unknown_command(&verb, nearest));
                What::Said(text.to_owned())
            }
        };
        let member = match (spot.guild, &message.member) {
            // Only the gateway tells the roles; a message that was read later comes without.
            (Some(guild), None) => {
                let (guild_id, user_id) = (GuildId::new(guild.0.max(1)), UserId::new(message.author.id.0.max(1)));
                match self.ask_patiently::<Member>(|| Route::GuildMember { guild_id, user_id }).await {
                    Ok(member) => member,
                    Err(Unknown) => {
                        // Whoever has rights by a role is not refused because nobody could look.
                        let why = "Discord did not tell which roles you have";
                        refusal = refusal.or_else(|| Some(wording::not_stored(why)));
                        None
                    }
                }
            }
            (Some(_), Some(member)) => Some(member.clone()),
            (None, _) => None,
        };
        let permissions =
            member.as_ref().and_then(|member| self.ears.directory().allowed(spot, message.author.id, &member.roles));
        if refusal.is_none() && shows_something(&what) {
            let missing = self.ears.directory().own(spot).map(|own| own.missing_to_speak(spot.kind));
            refusal = missing.filter(|missing| !missing.is_empty()).map(|missing| wording::cannot_speak_here(&missing));
        }
        let direct =
            if spot.guild.is_some() && refusal.is_none() { self.direct_soon(message.author.id).await } else { None };
        let account = &self.options.account;
        let inbound = Inbound {
            account: account.clone(),
            event: message.id.to_string(),
            place: place::place(account, spot, direct.map(|channel| place::direct_address(account, channel))),
            person: place::person(&message.author, member.as_ref(), permissions),
            what,
            at: message.id.made(),
        };
        Understood { inbound, refusal }
    }

    /// Asks for something that is only looked at, for as long as a message waits. None when it is not there, or not to
    /// be seen by the bot.
    async fn ask_patiently<T: DeserializeOwned>(
        &self,
        route: impl Fn() -> Route<'static>,
    ) -> Result<Option<T>, Unknown> {
        let end = self.clock.monotonic() + PATIENCE;
        let mut pause = PAUSE;
        loop {
            let wait = match self.rest.call(Call::get(route(), Vec::new())).await {
                Answer::Done { body, .. } => match serde_json::from_slice(&body) {
                    Ok(read) => return Ok(Some(read)),
                    Err(why) => {
                        // Half an answer, or that of something in between.
                        debug!(%why, "discord: an answer does not read");
                        pause
                    }
                },
                Answer::Refused(refusal) if refusal.json && matches!(refusal.status, 403 | 404) => {
                    debug!(status = refusal.status, code = ?refusal.code, "discord: a look-up was refused");
                    return Ok(None);
                }
                Answer::Refused(refusal) => refusal.retry_after.unwrap_or(pause),
                Answer::Held { delay, .. } => delay,
                Answer::NotSent(_) | Answer::Unknown(_) => pause,
            };
            let next = self.clock.monotonic() + wait;
            if next > end {
                return Err(Unknown);
            }
            self.clock.sleep_until(next).await;
            pause *= 2;
        }
    }

    /// Hands an event in. The platform does not deliver it again, so a store that is busy is waited for.
    async fn offer_patiently(&self, inbox: &Arc<dyn Inbox>, inbound: &Inbound) -> Accepted {
        let end = self.clock.monotonic() + PATIENCE;
        let mut pause = PAUSE;
        loop {
            match inbox.offer(vec![inbound.clone()]).await.into_iter().next().unwrap_or(Accepted::Busy) {
                Accepted::Busy if self.clock.monotonic() + pause < end => {
                    self.clock.sleep_until(self.clock.monotonic() + pause).await;
                    pause *= 2;
                }
                taken @ (Accepted::Stored { .. }
                | Accepted::Duplicate { .. }
                | Accepted::Busy
                | Accepted::Refused(_)
                | Accepted::Answered(_)) => return taken,
            }
        }
    }

    /// Says something to whoever wrote a message: in the direct message with them, since there is no private note
    /// for messages.
    async fn tell(&self, message: &Message, spot: &Spot, reply: &Reply) {
        let end = self.clock.monotonic() + PATIENCE;
        if spot.kind == ChannelKind::Direct {
            self.say_in(spot.id, message, reply, None, end).await;
            return;
        }
        let told = match self.direct_until(message.author.id, end).await {
            Ok(channel) => self.say_in(channel, message, reply, None, end).await,
            Err(told) => told,
        };
        let may_speak =
            self.ears.directory().own(spot).is_none_or(|own: Permissions| own.missing_to_speak(spot.kind).is_empty());
        if told == Told::TakesNone && may_speak {
            self.say_in(spot.id, message, &wording::private_answer_refused(), Some(message.id), end).await;
        }
    }

    async fn direct_until(&self, person: Snowflake, end: Duration) -> Result<Snowflake, Told> {
        let mut pause = PAUSE;
        loop {
            let wait = match self.direct(person).await {
                Ok(channel) => return Ok(channel),
                Err(NoDirect::Refused { code }) => return Err(Told::refused(code)),
                Err(NoDirect::Later(wait)) => wait.unwrap_or(pause),
            };
            if !self.waits_within(wait, end).await {
                warn!("discord: an answer was not sent, because Discord opened no direct message for a minute");
                return Err(Told::No);
            }
            pause *= 2;
        }
    }

    /// Waits; false when the end comes first.
    async fn waits_within(&self, wait: Duration, end: Duration) -> bool {
        let next = self.clock.monotonic() + wait;
        if next > end {
            return false;
        }
        self.clock.sleep_until(next).await;
        true
    }

    /// Posts an answer that no receipt stands for. The nonce holds a repetition back.
    async fn say_in(
        &self,
        channel: Snowflake,
        message: &Message,
        reply: &Reply,
        to: Option<Snowflake>,
        end: Duration,
    ) -> Told {
        let channel_id = ChannelId::new(channel.0.max(1));
        for (at, mut body) in bodies(reply, &message.id.to_string(), Shown::There).into_iter().enumerate() {
            body["nonce"] = Value::from(format!("{}a{at}", message.id));
            body["enforce_nonce"] = Value::from(true);
            if let Some(to) = to {
                body["message_reference"] = serde_json::json!({ "message_id": to, "fail_if_not_exists": false });
            }
            let mut pause = PAUSE;
            loop {
                let route = Route::ChannelMessages { channel_id };
                let Ok(call) = Call::json(LightMethod::Post, route, &body, Lane::Normal) else { return Told::No };
                let wait = match self.rest.call(call.of_kind(Kind::Create)).await {
                    Answer::Done { .. } => break,
                    Answer::Refused(refusal) if refusal.status == 429 || refusal.status >= 500 => {
                        refusal.retry_after.unwrap_or(pause)
                    }
                    Answer::Refused(refusal) => {
                        info!(status = refusal.status, code = ?refusal.code, "discord: an answer could not be shown");
                        return Told::refused(refusal.code);
                    }
                    Answer::Held { delay, .. } => delay,
                    // By its nonce a repetition is recognised for as long as is waited here.
                    Answer::NotSent(_) | Answer::Unknown(_) => pause,
                };
                if !self.waits_within(wait, end).await {
                    warn!(message = %message.id, "discord: an answer was not sent, because nothing could be for a minute");
                    return Told::No;
                }
                pause *= 2;
            }
        }
        Told::Yes
    }
}

/// Whether an answer was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Yes,
    /// The person takes no direct messages from the bot.
    TakesNone,
    No,
}

impl Told {
    /// 50007 and 50278: the person, or a server that both are in, takes none (Discord API, "JSON Error Codes").
    fn refused(code: Option<i64>) -> Self {
        if matches!(code, Some(50_007 | 50_278)) { Self::TakesNone } else { Self::No }
    }
}

/// What whoever wrote is told. A job that was accepted shows itself, and what came twice was answered the first time.
fn said(taken: Accepted) -> Option<Reply> {
    match taken {
        Accepted::Stored { reply, .. } => reply,
        Accepted::Duplicate { .. } => None,
        Accepted::Busy => Some(wording::not_stored("the store is busy")),
        Accepted::Refused(reply) | Accepted::Answered(reply) => Some(reply),
    }
}

/// The text without the mention of the bot at its beginning.
fn without_mention(text: &str, me: Snowflake, role: Option<Snowflake>) -> &str {
    let text = text.trim();
    let ways = [Some(format!("<@{me}>")), Some(format!("<@!{me}>")), role.map(|role| format!("<@&{role}>"))];
    ways.iter().flatten().find_map(|way| text.strip_prefix(way.as_str())).unwrap_or(text).trim()
}
