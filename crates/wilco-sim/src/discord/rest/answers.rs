//! Answers to interactions, by their token.

use serde_json::{Value, json};

use super::{Call, Draft, Outcome, Reply};
use crate::discord::error::{self, Refusal};
use crate::discord::ids::{Id, text};
use crate::discord::interactions::{Act, Interaction};
use crate::discord::routes::Op;
use crate::discord::rules;
use crate::discord::state::{Moment, State};
use crate::discord::world::Version;

/// Only the person sees it.
const EPHEMERAL: u64 = 1 << 6;

impl State {
    pub(super) fn callback(&mut self, call: &Call, now: Moment) -> Outcome {
        let interaction = self.to_answer(call, now)?;
        let kind = call.body["type"].as_u64().unwrap_or(0);
        let fits = match interaction.act {
            Act::Command => matches!(kind, 4 | 5),
            Act::Press => matches!(kind, 4..=7),
            Act::Autocomplete => kind == 8,
        };
        if !fits {
            let sentence = "Value of field \"type\" does not fit this interaction.".to_owned();
            return Err(Refusal::form(&[(
                "type".to_owned(),
                "INTERACTION_APPLICATION_COMMAND_CALLBACK_INVALID",
                sentence,
            )]));
        }
        let data = &call.body["data"];
        let mut choices = None;
        let original = match kind {
            4 => {
                rules::message(data, &call.files)?;
                let version = self.first_version(data, &call.files, now, interaction.channel)?;
                Some(self.put_answer(&interaction, version, data, false, now))
            }
            5 => {
                let blank = thinking(now);
                Some(self.put_answer(&interaction, blank, data, true, now))
            }
            6 => interaction.source,
            7 => {
                let source = interaction.source.ok_or(error::UNKNOWN_MESSAGE)?;
                if !data.is_null() {
                    rules::message(data, &call.files)?;
                    self.change_to(source, data, &call.files, now)?;
                }
                Some(source)
            }
            _ => {
                choices = Some(suggestions(data)?);
                None
            }
        };
        if let Some(kept) = self.interactions.get_mut(&interaction.id) {
            kept.answered = Some(kind);
            kept.took = Some(now.monotonic.saturating_sub(interaction.at));
            kept.original = original;
            kept.choices = choices;
        }
        if !call.flag("with_response") {
            return Ok(Reply { message: original, ..Reply::nothing() });
        }
        let mut about = json!({"id": interaction.id.to_string(), "type": interaction.act.number()});
        let mut body = json!({});
        if let Some(message) = original.and_then(|id| self.world.messages.get(&id)) {
            about["response_message_id"] = text(message.id);
            about["response_message_loading"] = json!(message.loading);
            about["response_message_ephemeral"] = json!(message.only_for.is_some());
            body["resource"] = json!({"type": kind, "message": self.show(message.id).body});
        }
        body["interaction"] = about;
        Ok(Reply { body: Some(body), message: original })
    }

    fn put_answer(&mut self, to: &Interaction, version: Version, data: &Value, loading: bool, now: Moment) -> Id {
        let private = data["flags"].as_u64().unwrap_or(0) & EPHEMERAL != 0;
        let draft = Draft {
            channel: to.channel,
            author: self.world.bot,
            kind: if to.act == Act::Command { 20 } else { 0 },
            nonce: None,
            reference: None,
            only_for: private.then_some(to.person),
            loading,
            interaction: Some(to.id),
            version,
        };
        self.put(draft, now)
    }

    pub(super) fn follow_up(&mut self, call: &Call, now: Moment) -> Outcome {
        let interaction = self.by_token(call, now)?;
        rules::message(&call.body, &call.files)?;
        let waits = interaction.original.and_then(|id| self.world.messages.get(&id)).filter(|one| one.loading);
        let message = match waits.map(|message| message.id) {
            // The first message after a deferral is what the deferral was for.
            Some(original) => {
                self.change(original, call, now)?;
                original
            }
            None => {
                let version = self.first_version(&call.body, &call.files, now, interaction.channel)?;
                self.put_answer(&interaction, version, &call.body, false, now)
            }
        };
        Ok(self.show(message))
    }

    /// The message that a call by token means.
    fn answer_of(&self, call: &Call, now: Moment) -> Result<Id, Refusal> {
        let interaction = self.by_token(call, now)?;
        let further = [Op::GetFollowUp, Op::EditFollowUp, Op::DeleteFollowUp].contains(&call.op);
        let wanted = if further { Some(call.id(2)) } else { interaction.original };
        let found = wanted.and_then(|id| self.world.messages.get(&id)).filter(|message| message.stands());
        let ours = found.filter(|one| one.interaction == Some(interaction.id) || Some(one.id) == interaction.original);
        Ok(ours.ok_or(error::UNKNOWN_MESSAGE)?.id)
    }

    pub(super) fn get_answer(&self, call: &Call, now: Moment) -> Outcome {
        Ok(self.show(self.answer_of(call, now)?))
    }

    pub(super) fn edit_answer(&mut self, call: &Call, now: Moment) -> Outcome {
        let message = self.answer_of(call, now)?;
        rules::message(&call.body, &call.files)?;
        self.change(message, call, now)?;
        Ok(self.show(message))
    }

    pub(super) fn delete_answer(&mut self, call: &Call, now: Moment) -> Outcome {
        let message = self.answer_of(call, now)?;
        self.remove(message, now);
        Ok(Reply { message: Some(message), ..Reply::nothing() })
    }
}

/// What a deferral shows: nothing yet.
fn thinking(now: Moment) -> Version {
    Version {
        at: now.wall,
        content: String::new(),
        components: Vec::new(),
        embeds: Vec::new(),
        attachments: Vec::new(),
        flags: 0,
        kind: None,
        mentions: Vec::new(),
        everyone: false,
    }
}

/// Suggestions: at most 25, each with a name and a value.
fn suggestions(data: &Value) -> Result<Value, Refusal> {
    let list = data["choices"].as_array().cloned().unwrap_or_default();
    let mut wrong = Vec::new();
    if list.len() > 25 {
        wrong.push(("data.choices".to_owned(), "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.".to_owned()));
    }
    for (at, choice) in list.iter().enumerate() {
        for (name, value) in [("name", &choice["name"]), ("value", &choice["value"])] {
            let length = value.as_str().map(|text| text.chars().count());
            let fits =
                length.is_some_and(|length| (1..=100).contains(&length)) || (name == "value" && value.is_number());
            if !fits {
                let sentence = "Must be between 1 and 100 in length.".to_owned();
                wrong.push((format!("data.choices.{at}.{name}"), "BASE_TYPE_BAD_LENGTH", sentence));
            }
        }
    }
    if wrong.is_empty() { Ok(Value::Array(list)) } else { Err(Refusal::form(&wrong)) }
}
