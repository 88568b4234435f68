//! What an interaction means, in core's words.

use serde_json::Value;
use wilco_core::command::{Command, Parsed};
use wilco_core::followup::FollowupAct;
use wilco_core::{Inbound, Press, Reply, What, wording};

use super::COMPONENT;
use crate::commands::table;
use crate::components;
use crate::discord::Discord;
use crate::gateway::Spot;
use crate::payload::{Channel, Data, Interaction, Message, User};
use crate::place;
use crate::snowflake::Snowflake;

/// A command of a message's menu (Discord API, "Application Command Types").
const OF_MESSAGE: u64 = 3;

/// What is to be done with an interaction.
pub(crate) enum Understood {
    /// It is answered at once; nothing is handed in.
    Say(Reply),
    /// It goes to the inbox.
    Hand(Box<Inbound>),
}

impl Discord {
    /// Reads an interaction. Nothing is asked of Discord but, for what starts something, the channel of the person's
    /// direct message, and that for less than a second and once in a person's life.
    pub(super) async fn understand(&self, event: &Interaction) -> Understood {
        let nobody = User::default();
        let user = event.member.as_ref().and_then(|member| member.user.as_ref()).or(event.user.as_ref());
        let user = user.unwrap_or(&nobody);
        let spot = self.spot_of(event);
        let what = match self.what(event, &spot) {
            Ok(what) => what,
            Err(reply) => return Understood::Say(reply),
        };
        let shows = shows_something(&what);
        if shows && let Some(refusal) = cannot_speak(event, &spot) {
            return Understood::Say(refusal);
        }
        let direct = match (spot.guild, shows) {
            (Some(_), true) => self.direct_soon(user.id).await,
            (Some(_), false) | (None, _) => None,
        };
        let account = &self.options.account;
        let permissions = event.member.as_ref().and_then(|member| member.permissions);
        Understood::Hand(Box::new(Inbound {
            account: account.clone(),
            event: event.id.to_string(),
            place: place::place(account, &spot, direct.map(|channel| place::direct_address(account, channel))),
            person: place::person(user, event.member.as_ref(), permissions),
            what,
            at: event.id.made(),
        }))
    }

    /// Where it happened. The interaction tells the kind and the parent itself; who reads along is known of the guild.
    pub(super) fn spot_of(&self, event: &Interaction) -> Spot {
        let unnamed = Channel { id: event.channel_id.unwrap_or_default(), ..Channel::default() };
        let channel = event.channel.clone().unwrap_or(unnamed);
        let channel = Channel { guild_id: channel.guild_id.or(event.guild_id), ..channel };
        let directory = self.ears.directory();
        match event.channel {
            Some(_) => directory.spot_of(&channel),
            None => directory.spot(channel.id).unwrap_or_else(|| directory.spot_of(&channel)),
        }
    }

    fn what(&self, event: &Interaction, spot: &Spot) -> Result<What, Reply> {
        let none = Data::default();
        let data = event.data.as_ref().unwrap_or(&none);
        if event.kind == COMPONENT {
            let press = components::press(&data.custom_id).ok_or_else(wording::unknown_button)?;
            // A private note is no message of the channel: nothing can be continued or edited there.
            let shown = event.message.as_ref().filter(|message| !message.is_ephemeral());
            let message = shown.map(|message| place::message(&self.options.account, spot, message.id));
            return Ok(What::Press { press, message });
        }
        if data.kind == OF_MESSAGE {
            return self.of_message(data, spot);
        }
        match table::read(&data.name, &data.options) {
            Parsed::Command(command) => Ok(What::Command(command)),
            Parsed::Usage(spec) => Err(wording::usage(spec)),
            Parsed::Unknown { verb, nearest } => Err(wording::unknown_command(&verb, nearest)),
            Parsed::Text(text) => Ok(What::Said(text)),
        }
    }

    /// A command from the menu of a message: the job is the one whose buttons the message has.
    fn of_message(&self, data: &Data, spot: &Spot) -> Result<What, Reply> {
        if data.name != table::CANCEL_THIS {
            return Err(wording::unknown_command(&data.name, None));
        }
        let target = data.target_id.unwrap_or_default();
        let message = data.resolved.messages.get(&target.to_string()).ok_or_else(wording::not_a_job)?;
        let me = self.ears.directory().me();
        let press = of_own_message(message, me).ok_or_else(wording::not_a_job)?;
        Ok(What::Press { press, message: Some(place::message(&self.options.account, spot, target)) })
    }
}

/// What cancels the job that a message shows; none when it is no message of the bot's that shows one.
fn of_own_message(message: &Message, me: Snowflake) -> Option<Press> {
    if message.author.id != me {
        return None;
    }
    let mut named = None;
    for press in presses(&message.components) {
        match press {
            press @ (Press::Cancel { .. } | Press::CancelStub { .. }) => return Some(press),
            Press::Details { id } | Press::RunAgain { id } => named = Some(Press::Cancel { id }),
            Press::Answer { .. } | Press::Followup { .. } | Press::StopHere => {}
        }
    }
    named
}

fn presses(components: &[Value]) -> Vec<Press> {
    let inner = |component: &Value| {
        let own = component.get("custom_id").and_then(Value::as_str).and_then(components::press);
        let nested = component.get("components").and_then(Value::as_array);
        own.into_iter().chain(nested.into_iter().flat_map(|nested| presses(nested))).collect::<Vec<_>>()
    };
    components.iter().flat_map(inner).collect()
}

/// Whether it makes something appear in the channel, now or later.
pub(crate) fn shows_something(what: &What) -> bool {
    match what {
        What::Command(command) => {
            matches!(command, Command::Run { .. } | Command::Followup { .. } | Command::Watch { .. })
        }
        What::Press { press, .. } => match press {
            Press::RunAgain { .. } => true,
            Press::Followup { act, .. } => *act == FollowupAct::Run,
            Press::CancelStub { .. }
            | Press::Cancel { .. }
            | Press::Details { .. }
            | Press::Answer { .. }
            | Press::StopHere => false,
        },
        What::Said(_) => true,
    }
}

/// The refusal where the bot may not see or speak: a job that could not be shown is not begun.
fn cannot_speak(event: &Interaction, spot: &Spot) -> Option<Reply> {
    event.guild_id?;
    let missing = event.app_permissions?.missing_to_speak(spot.kind);
    (!missing.is_empty()).then(|| wording::cannot_speak_here(&missing))
}
