//! What people ask of the app: commands, buttons and shortcuts.

use std::collections::BTreeMap;

use super::FakeSlack;
use super::ids::{Id, Ts};
use super::interactions::{Act, Begun};
use super::markup::{self, Names};
use super::people::{cannot, place};
use super::socket::Carries;
use super::world::Team;
use crate::PersonError;

impl FakeSlack {
    /// A person types a slash command, such as `/wilco` with the text `run demo`. Returns its trigger id.
    ///
    /// There is none inside threads. The command belongs to the workspace of the channel.
    ///
    /// # Errors
    /// When the person is not there, no app has such a command, or the person is of another workspace.
    pub fn slash(&self, person: &str, channel: &str, command: &str, text: &str) -> Result<Id, PersonError> {
        self.with(|state, now| {
            let place = place(state, person, channel)?;
            let team = state.world.users.get(person).map(|user| user.team.clone()).unwrap_or_default();
            // People use the commands of their own workspace, in shared channels as well.
            let known = state.world.teams.get(&team).is_some_and(|team| team.commands.contains(command));
            if !known || (place.team != team && !place.shared.contains(&team)) {
                return cannot(format!("{command} is not a valid command"));
            }
            let said = format!("{command} {text}").trim_end().to_owned();
            let escapes = state.world.teams.get(&team).is_some_and(|team| team.escapes_commands);
            let names = if escapes { Names::Both } else { Names::Typed };
            let text = &markup::typed(&state.world, &place, text, names);
            let begun = Begun { act: Act::Command, team: &team, channel, person, said, source: None };
            let one = state.begin(begun, now);
            let payload = state.command_payload(&one, command, text);
            state.deliver(&team, Carries::Command, payload, Some(one.id.clone()), now);
            Ok(one.id)
        })
    }

    /// A person types a slash command into the field of a thread, where there are none.
    ///
    /// # Errors
    /// Always, as Slack's client says it; when the person or the channel is not there, as for [`FakeSlack::slash`].
    pub fn slash_in_thread(&self, person: &str, channel: &str, command: &str) -> Result<Id, PersonError> {
        self.look(|state, _| {
            place(state, person, channel)?;
            cannot(format!("{command} is not supported in threads. Sorry!"))
        })
    }

    /// A person presses a button, named by its words or its action id. Returns the trigger id.
    ///
    /// # Errors
    /// When there is no such button, or the person does not see the message.
    pub fn press(&self, person: &str, message: Ts, button: &str) -> Result<Id, PersonError> {
        self.with(|state, now| {
            let Some(kept) = state.world.messages.get(&message).filter(|one| one.stands()).cloned() else {
                return cannot("there is no such message");
            };
            place(state, person, &kept.channel)?;
            if kept.only_for.as_ref().is_some_and(|only| only != person) {
                return cannot("the person does not see that message");
            }
            let named = |one: &&&serde_json::Value| {
                one["text"]["text"].as_str().is_some_and(|words| markup::unescaped(words) == button)
                    || one["action_id"] == button
                    || one["value"] == button
            };
            let all = kept.buttons();
            let Some(found) = all.iter().find(named).copied().cloned() else {
                let words: Vec<&str> = all.iter().filter_map(|one| one["text"]["text"].as_str()).collect();
                return cannot(format!("there is no button `{button}`, only {words:?}"));
            };
            let Some(team) = state.world.team_of_bot(&kept.author) else {
                return cannot("no app wrote that message");
            };
            if !team.interactivity {
                return cannot("This app is not configured to handle interactive responses.");
            }
            let team = team.id.clone();
            let holds = |block: &&serde_json::Value| {
                super::blocks::buttons(std::slice::from_ref(*block)).iter().any(|one| **one == found)
            };
            let block = kept.shown().blocks.iter().find(holds).and_then(|block| block["block_id"].as_str());
            let (block, channel) = (block.unwrap_or_default().to_owned(), kept.channel.clone());
            let begun = Begun {
                act: Act::Press,
                team: &team,
                channel: &channel,
                person,
                said: button.to_owned(),
                source: Some(message),
            };
            let one = state.begin(begun, now);
            let at = state.world.ids.ts(now.wall);
            let payload = state.press_payload(&one, &found, &block, at);
            state.deliver(&team, Carries::Interactive, payload, Some(one.id.clone()), now);
            Ok(one.id)
        })
    }

    /// A person chooses a shortcut from the menu of a message, by its name or callback id. Returns the trigger id.
    ///
    /// # Errors
    /// When the app of the person's workspace has no such shortcut, or there is no such message.
    pub fn shortcut(&self, person: &str, message: Ts, name: &str) -> Result<Id, PersonError> {
        self.with(|state, now| {
            let Some(kept) = state.world.messages.get(&message).filter(|one| one.stands()) else {
                return cannot("there is no such message");
            };
            let channel = kept.channel.clone();
            place(state, person, &channel)?;
            let team = state.world.users.get(person).and_then(|user| state.world.teams.get(&user.team));
            let Some((team, callback)) = team.and_then(|team| chosen(team, &team.shortcuts, name)) else {
                return cannot(format!("there is no shortcut `{name}`"));
            };
            let begun = Begun {
                act: Act::Shortcut,
                team: &team,
                channel: &channel,
                person,
                said: name.to_owned(),
                source: Some(message),
            };
            let one = state.begin(begun, now);
            let at = state.world.ids.ts(now.wall);
            let payload = state.shortcut_payload(&one, &callback, at);
            state.deliver(&team, Carries::Interactive, payload, Some(one.id.clone()), now);
            Ok(one.id)
        })
    }

    /// A person chooses a shortcut that belongs to no message, by its name or callback id. Returns the trigger id. There
    /// is no channel and no address to answer to.
    ///
    /// # Errors
    /// When there is no such person, or the app of their workspace has no such shortcut.
    pub fn global_shortcut(&self, person: &str, name: &str) -> Result<Id, PersonError> {
        self.with(|state, now| {
            let team = state.world.users.get(person).and_then(|user| state.world.teams.get(&user.team));
            let Some((team, callback)) = team.and_then(|team| chosen(team, &team.global_shortcuts, name)) else {
                return cannot(format!("there is no shortcut `{name}`"));
            };
            let said = name.to_owned();
            let begun = Begun { act: Act::Global, team: &team, channel: "", person, said, source: None };
            let one = state.begin(begun, now);
            let at = state.world.ids.ts(now.wall);
            let payload = state.global_payload(&one, &callback, at);
            state.deliver(&team, Carries::Interactive, payload, Some(one.id.clone()), now);
            Ok(one.id)
        })
    }
}

/// The shortcut of a name or callback id, and the workspace.
fn chosen(team: &Team, all: &BTreeMap<String, String>, name: &str) -> Option<(Id, Id)> {
    let hit = all.iter().find(|(shown, callback)| *shown == name || *callback == name);
    hit.map(|(_, callback)| (team.id.clone(), callback.clone()))
}
