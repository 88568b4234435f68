//! What a bot looks up: history, threads, conversations, people, groups.

use serde_json::{Value, json};

use super::{Call, Done, Reply, objects};
use crate::slack::error::Refusal;
use crate::slack::ids::Ts;
use crate::slack::state::{Moment, State};
use crate::slack::world::{Channel, Kind, Message, Team};

/// A page of a list whose cursor says where it begins.
fn page<T>(call: &Call, all: Vec<T>, otherwise: usize) -> Result<(Vec<T>, bool, String), Refusal> {
    let from: usize = match call.text("cursor") {
        "" => 0,
        cursor => cursor.strip_prefix("next:").and_then(|at| at.parse().ok()).ok_or("invalid_cursor")?,
    };
    let limit = call.number("limit", otherwise).max(1);
    let more = all.len() > from + limit;
    let cursor = if more { format!("next:{}", from + limit) } else { String::new() };
    Ok((all.into_iter().skip(from).take(limit).collect(), more, cursor))
}

impl State {
    /// The scope that a conversation of this kind needs.
    fn scoped(team: &Team, kind: Kind, what: &str) -> Result<(), Refusal> {
        let scope = format!("{}:{what}", kind.plural());
        if team.scopes.contains(&scope) {
            return Ok(());
        }
        let provided = team.scopes.iter().cloned().collect::<Vec<_>>().join(",");
        Err(Refusal::missing_scope(&[&scope], &provided))
    }

    /// Whether a message lies in the window that a call asks for.
    fn window(call: &Call) -> impl Fn(&Ts) -> bool + use<> {
        let oldest = Ts::bound(call.text("oldest")).unwrap_or_default();
        let latest = Ts::bound(call.text("latest")).unwrap_or(Ts(u64::MAX));
        let inclusive = call.flag("inclusive") == Some(true);
        move |ts| if inclusive { *ts >= oldest && *ts <= latest } else { *ts > oldest && *ts < latest }
    }

    pub(super) fn history(&mut self, call: &Call) -> Done {
        let (team, channel) = self.visible(call, "channel")?;
        Self::scoped(&team, channel.kind, "history")?;
        if !channel.members.contains(&team.bot_user) {
            return Err("not_in_channel".into());
        }
        let inside = Self::window(call);
        let shown = |message: &&Message| {
            let here = message.channel == channel.id && message.only_for.is_none() && inside(&message.ts);
            // A deleted message leaves a stone while answers stand under it.
            let stone = !message.stands() && self.world.replies(&channel.id, message.ts).next().is_some();
            here && (message.stands() || stone) && (!message.is_reply() || message.broadcast)
        };
        let all: Vec<&Message> = self.world.messages.values().rev().filter(shown).collect();
        let (messages, more, cursor) = page(call, all, 100)?;
        let metadata = call.flag("include_all_metadata") == Some(true);
        let messages: Vec<Value> =
            messages.into_iter().map(|one| objects::message(&self.world, &self.base, one, metadata)).collect();
        let mut body = json!({
            "ok": true, "messages": messages, "has_more": more, "pin_count": 0, "channel_actions_ts": null,
            "channel_actions_count": 0,
        });
        if more {
            body["response_metadata"] = json!({"next_cursor": cursor});
        }
        Ok(body.into())
    }

    pub(super) fn replies(&mut self, call: &Call) -> Done {
        let (team, channel) = self.visible(call, "channel")?;
        Self::scoped(&team, channel.kind, "history")?;
        if !channel.members.contains(&team.bot_user) {
            return Err("not_in_channel".into());
        }
        let ts = call.ts("ts").ok_or("thread_not_found")?;
        let named = self.world.messages.get(&ts).filter(|one| one.channel == channel.id && one.only_for.is_none());
        // A message that was deleted leaves its thread only while an answer stands there.
        let stands = |one: &&Message| one.stands() || self.world.replies(&channel.id, ts).next().is_some();
        let named = named.filter(stands).ok_or("thread_not_found")?;
        let inside = Self::window(call);
        let metadata = call.flag("include_all_metadata") == Some(true);
        let mut all: Vec<&Message> = vec![named];
        if !named.is_reply() {
            all.extend(self.world.replies(&channel.id, ts).filter(|one| inside(&one.ts)));
        }
        let (messages, more, cursor) = page(call, all, 1_000)?;
        let messages: Vec<Value> =
            messages.into_iter().map(|one| objects::message(&self.world, &self.base, one, metadata)).collect();
        let mut body = json!({"ok": true, "messages": messages, "has_more": more});
        if more {
            body["response_metadata"] = json!({"next_cursor": cursor});
        }
        Ok(Reply { body, message: Some(ts), channel: Some(channel.id) })
    }

    pub(super) fn info(&mut self, call: &Call) -> Done {
        let (team, channel) = self.visible(call, "channel")?;
        Self::scoped(&team, channel.kind, "read")?;
        let mut object = objects::channel(&self.world, &team, &channel);
        if call.flag("include_num_members") == Some(true) {
            object["num_members"] = json!(channel.members.len());
        }
        Ok(json!({"ok": true, "channel": object}).into())
    }

    pub(super) fn list(&mut self, call: &Call) -> Done {
        let team = self.team_of(call)?;
        self.list_of(call, &team, |one| self.world.reaches(&team, one))
    }

    /// The conversations of a person, or of the bot itself.
    pub(super) fn own_conversations(&mut self, call: &Call) -> Done {
        let team = self.team_of(call)?;
        let whose = if call.text("user").is_empty() { team.bot_user.as_str() } else { call.text("user") };
        self.list_of(call, &team, |one| self.world.reaches(&team, one) && one.members.contains(whose))
    }

    fn list_of(&self, call: &Call, team: &Team, shows: impl Fn(&Channel) -> bool) -> Done {
        let types = if call.text("types").is_empty() { "public_channel" } else { call.text("types") };
        let wanted: Vec<&str> = types.split(',').map(str::trim).collect();
        for named in &wanted {
            let kind = Kind::ALL.into_iter().find(|kind| kind.filter() == *named).ok_or("invalid_types")?;
            Self::scoped(team, kind, "read")?;
        }
        let archived = call.flag("exclude_archived") != Some(true);
        let channels = self
            .world
            .channels
            .values()
            .filter(|one| wanted.contains(&one.kind.filter()) && (archived || !one.archived) && shows(one));
        let all: Vec<Value> = channels.map(|one| objects::channel(&self.world, team, one)).collect();
        let (channels, _, cursor) = page(call, all, 100)?;
        Ok(json!({"ok": true, "channels": channels, "response_metadata": {"next_cursor": cursor}}).into())
    }

    pub(super) fn open_conversation(&mut self, call: &Call, now: Moment) -> Done {
        let team = self.team_of(call)?;
        let id = if call.text("channel").is_empty() {
            let users = call.list("users").filter(|users| !users.is_empty()).ok_or("users_list_not_supplied")?;
            let [person] = users.as_slice() else { return Err("method_not_supported_for_channel_type".into()) };
            Self::scoped(&team, Kind::Direct, "write")?;
            let person = person.as_str().unwrap_or_default();
            if self.world.users.get(person).is_none_or(|user| user.deleted) {
                return Err("user_not_found".into());
            }
            self.world.open_direct(&team.id, person, now.wall).ok_or("channel_not_found")?
        } else {
            let channel = self.visible(call, "channel")?.1;
            Self::scoped(&team, channel.kind, "write")?;
            channel.id
        };
        let already = !self.opened.insert(id.clone());
        let channel = self.world.channels.get(&id).ok_or("channel_not_found")?;
        let object = match call.flag("return_im") {
            Some(true) => objects::channel(&self.world, &team, channel),
            Some(false) | None => json!({"id": id}),
        };
        let mut body = json!({"ok": true, "channel": object});
        if already {
            body["no_op"] = json!(true);
            body["already_open"] = json!(true);
        }
        Ok(Reply { body, message: None, channel: Some(id) })
    }

    pub(super) fn join_channel(&mut self, call: &Call) -> Done {
        let (team, channel) = self.visible(call, "channel")?;
        if channel.kind != Kind::Public {
            return Err("method_not_supported_for_channel_type".into());
        }
        if channel.archived {
            return Err("is_archived".into());
        }
        if let Some(kept) = self.world.channels.get_mut(&channel.id) {
            kept.members.insert(team.bot_user.clone());
        }
        let channel = self.world.channels.get(&channel.id).ok_or("channel_not_found")?;
        Ok(json!({"ok": true, "channel": objects::channel(&self.world, &team, channel)}).into())
    }

    pub(super) fn user_info(&mut self, call: &Call) -> Done {
        let team = self.team_of(call)?;
        let user = self.world.users.get(call.text("user")).ok_or("user_not_found")?;
        // People of other workspaces are known only where a channel is shared. They are strangers while the app sees
        // no such channel.
        let of = |channel: &&Channel| channel.team == team.id || channel.shared.contains(&team.id);
        let met: Vec<&Channel> =
            self.world.channels.values().filter(of).filter(|channel| channel.members.contains(&user.id)).collect();
        if user.team != team.id && met.is_empty() {
            return Err("user_not_found".into());
        }
        let stranger = user.team != team.id && !met.iter().any(|channel| self.world.reaches(&team, channel));
        Ok(json!({"ok": true, "user": objects::user(user, stranger)}).into())
    }

    pub(super) fn bot_info(&mut self, call: &Call) -> Done {
        let team = self.team_of(call)?;
        let wanted = if call.text("bot").is_empty() { team.bot.as_str() } else { call.text("bot") };
        let of = self.world.teams.values().find(|one| one.bot == wanted).ok_or("bot_not_found")?;
        let bot = json!({
            "id": of.bot, "name": self.world.name(&of.bot_user), "deleted": false, "app_id": of.app,
            "user_id": of.bot_user, "updated": 0, "icons": {},
        });
        Ok(json!({"ok": true, "bot": bot}).into())
    }

    pub(super) fn members(&mut self, call: &Call) -> Done {
        let (team, channel) = self.visible(call, "channel")?;
        Self::scoped(&team, channel.kind, "read")?;
        let (members, _, cursor) = page(call, channel.members.iter().collect(), 100)?;
        let body = json!({"ok": true, "members": members, "response_metadata": {"next_cursor": cursor}});
        Ok(Reply { body, message: None, channel: Some(channel.id) })
    }

    pub(super) fn groups(&mut self, call: &Call) -> Done {
        let team = self.team_of(call)?;
        let users = call.flag("include_users") == Some(true);
        let groups = self.world.groups.values().filter(|group| group.team == team.id);
        let groups: Vec<Value> = groups.map(|group| objects::group(group, users)).collect();
        Ok(json!({"ok": true, "usergroups": groups}).into())
    }

    pub(super) fn group_users(&mut self, call: &Call) -> Done {
        let team = self.team_of(call)?;
        let group = self.world.groups.get(call.text("usergroup")).filter(|group| group.team == team.id);
        let group = group.ok_or("no_such_subteam")?;
        Ok(json!({"ok": true, "users": group.users}).into())
    }
}
