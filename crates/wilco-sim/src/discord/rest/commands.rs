//! Application commands, of all guilds or of one.

use serde_json::{Value, json};

use super::{Call, Outcome, Reply};
use crate::discord::error::{self, Refusal};
use crate::discord::ids::{self, Id, text};
use crate::discord::rules;
use crate::discord::state::{Moment, State};

impl State {
    /// Whose commands a call means, and the place of the command's id in the path.
    fn scope(&self, call: &Call) -> Result<(Option<Id>, usize), Refusal> {
        use crate::discord::routes::Op;
        if call.id(0) != self.world.bot {
            return Err(error::MISSING_ACCESS.into());
        }
        let of_guild = [
            Op::GetGuildCommands,
            Op::SetGuildCommands,
            Op::CreateGuildCommand,
            Op::GetGuildCommand,
            Op::EditGuildCommand,
            Op::DeleteGuildCommand,
        ];
        if !of_guild.contains(&call.op) {
            return Ok((None, 1));
        }
        if !self.world.has_bot(call.id(1)) {
            return Err(error::MISSING_ACCESS.into());
        }
        Ok((Some(call.id(1)), 2))
    }

    pub(super) fn list_commands(&self, call: &Call) -> Outcome {
        let (scope, _) = self.scope(call)?;
        let all = self.commands.get(&scope).map(|commands| commands.values().cloned().collect::<Vec<_>>());
        Ok(Reply::json(Value::Array(all.unwrap_or_default())))
    }

    pub(super) fn set_commands(&mut self, call: &Call, now: Moment) -> Outcome {
        let (scope, _) = self.scope(call)?;
        let list = call.body.as_array().cloned().unwrap_or_default();
        rules::commands(&list)?;
        let before = self.commands.remove(&scope).unwrap_or_default();
        let mut after = std::collections::BTreeMap::new();
        for one in &list {
            let same = before.values().find(|earlier| is_same(earlier, one));
            let command = self.command(one, same, scope, now);
            after.insert(ids::read(&command["id"]).unwrap_or(0), command);
        }
        let shown = after.values().cloned().collect();
        self.commands.insert(scope, after);
        Ok(Reply::json(Value::Array(shown)))
    }

    pub(super) fn create_command(&mut self, call: &Call, now: Moment) -> Outcome {
        let (scope, _) = self.scope(call)?;
        rules::command(&call.body)?;
        let before = self.commands.entry(scope).or_default().clone();
        let same = before.values().find(|earlier| is_same(earlier, &call.body));
        if same.is_none() && before.len() >= crate::discord::requests::COMMANDS {
            return Err(error::TOO_MANY_COMMANDS.into());
        }
        let command = self.command(&call.body, same, scope, now);
        let id = ids::read(&command["id"]).unwrap_or(0);
        self.commands.entry(scope).or_default().insert(id, command.clone());
        Ok(Reply::json(command))
    }

    pub(super) fn get_command(&self, call: &Call) -> Outcome {
        let (scope, at) = self.scope(call)?;
        let command = self.commands.get(&scope).and_then(|all| all.get(&call.id(at)));
        Ok(Reply::json(command.ok_or(error::UNKNOWN_COMMAND)?.clone()))
    }

    pub(super) fn edit_command(&mut self, call: &Call, now: Moment) -> Outcome {
        let (scope, at) = self.scope(call)?;
        let before = self.commands.get(&scope).and_then(|all| all.get(&call.id(at)));
        let before = before.ok_or(error::UNKNOWN_COMMAND)?.clone();
        let mut wanted = before.clone();
        for (name, value) in call.body.as_object().into_iter().flatten() {
            wanted[name] = value.clone();
        }
        rules::command(&wanted)?;
        let command = self.command(&wanted, Some(&before), scope, now);
        self.commands.entry(scope).or_default().insert(call.id(at), command.clone());
        Ok(Reply::json(command))
    }

    pub(super) fn delete_command(&mut self, call: &Call) -> Outcome {
        let (scope, at) = self.scope(call)?;
        let gone = self.commands.get_mut(&scope).and_then(|all| all.remove(&call.id(at)));
        gone.ok_or(error::UNKNOWN_COMMAND)?;
        Ok(Reply::nothing())
    }

    /// A command as Discord keeps it. Its id stays when it takes the place of an earlier one; its
    /// version changes only with what it says.
    fn command(&mut self, wanted: &Value, earlier: Option<&Value>, scope: Option<Id>, now: Moment) -> Value {
        let or = |name: &str, otherwise: Value| match wanted.get(name) {
            Some(value) if !value.is_null() => value.clone(),
            Some(_) | None => otherwise,
        };
        let mut command = json!({
            "application_id": self.world.bot.to_string(), "type": or("type", json!(1)), "name": wanted["name"],
            "name_localizations": or("name_localizations", Value::Null), "description": or("description", json!("")),
            "description_localizations": or("description_localizations", Value::Null),
            "default_member_permissions": permissions(&wanted["default_member_permissions"]), "nsfw": false,
            "integration_types": or("integration_types", json!([0])), "contexts": or("contexts", Value::Null),
        });
        if let Some(guild) = scope {
            command["guild_id"] = text(guild);
        } else {
            command["dm_permission"] = or("dm_permission", json!(true));
        }
        let options: Vec<Value> =
            wanted["options"].as_array().map(|all| all.iter().map(tidy).collect()).unwrap_or_default();
        if !options.is_empty() {
            command["options"] = Value::Array(options);
        }
        let fresh = text(self.world.ids.next(now.wall));
        let same = earlier.is_some_and(|earlier| {
            let mut earlier = earlier.clone();
            for name in ["id", "version"] {
                earlier.as_object_mut().and_then(|object| object.remove(name));
            }
            earlier == command
        });
        command["version"] = earlier.filter(|_| same).map_or(fresh.clone(), |earlier| earlier["version"].clone());
        command["id"] = earlier.map_or(fresh, |earlier| earlier["id"].clone());
        command
    }
}

fn is_same(earlier: &Value, wanted: &Value) -> bool {
    earlier["name"] == wanted["name"] && earlier["type"].as_u64() == Some(wanted["type"].as_u64().unwrap_or(1))
}

fn permissions(wanted: &Value) -> Value {
    match wanted.as_u64() {
        Some(number) => json!(number.to_string()),
        None => wanted.clone(),
    }
}

/// An option as Discord gives it back: what is false or nothing is left out.
fn tidy(option: &Value) -> Value {
    let kept = option.as_object().into_iter().flatten().filter(|(_, value)| {
        !value.is_null() && **value != json!(false) && value.as_array().is_none_or(|list| !list.is_empty())
    });
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}
