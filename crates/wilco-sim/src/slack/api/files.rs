//! The three steps of an upload: an address, the bytes, completion.

use serde_json::{Value, json};

use super::{Call, Done, Draft, Reply, objects};
use crate::slack::ids::Id;
use crate::slack::state::{Moment, State};
use crate::slack::world::File;

impl State {
    pub(super) fn begin_upload(&mut self, call: &Call, now: Moment) -> Done {
        let team = self.team_of(call)?;
        let (id, ticket) = (self.world.ids.next("F"), self.world.ids.word());
        let name = call.text("filename").to_owned();
        let file = File {
            id: id.clone(),
            team: team.id,
            title: name.clone(),
            name,
            announced: call.number("length", 0) as u64,
            bytes: None,
            complete: false,
            ticket: ticket.clone(),
            created: now.wall,
        };
        self.world.files.insert(id.clone(), file);
        Ok(json!({"ok": true, "upload_url": format!("{}/upload/v1/{ticket}", self.base), "file_id": id}).into())
    }

    pub(super) fn upload(&mut self, call: &Call) -> Done {
        let ticket = call.path.trim_start_matches("/upload/v1/");
        let file = self.world.files.values_mut().find(|file| file.ticket == ticket && !file.complete);
        let file = file.ok_or("file_not_found")?;
        let (announced, length) = (file.announced, call.body.len() as u64);
        file.bytes = Some(call.body.clone().into());
        if announced != length {
            self.deviates("upload", true, format!("{length} bytes where {announced} were announced"));
        }
        Ok(Value::from(format!("OK - {length}")).into())
    }

    pub(super) fn complete_upload(&mut self, call: &Call, now: Moment) -> Done {
        let team = self.team_of(call)?;
        let channel = if call.text("channel_id").is_empty() {
            None
        } else {
            let mut named = call.clone();
            named.args.insert("channel".to_owned(), json!(call.text("channel_id")));
            Some(self.writable(&named, now)?.1)
        };
        let wanted = call.list("files").cloned().unwrap_or_default();
        let mut done: Vec<Id> = Vec::new();
        for one in &wanted {
            let id = one["id"].as_str().unwrap_or_default();
            let known = self.world.files.get_mut(id).filter(|file| file.team == team.id && file.bytes.is_some());
            let file = known.ok_or("file_not_found")?;
            file.complete = true;
            if let Some(title) = one["title"].as_str() {
                title.clone_into(&mut file.title);
            }
            done.push(id.to_owned());
        }
        if done.is_empty() {
            return Err("invalid_arguments".into());
        }
        let mut message = None;
        if let Some(channel) = &channel {
            let thread = call.ts("thread_ts");
            let words = Draft::new(&channel.id, &team.bot_user, call.text("initial_comment"));
            message = Some(self.put(Draft { thread, files: done.clone(), ..words }, now));
        }
        let files = done.iter().filter_map(|id| self.world.files.get(id));
        let files: Vec<Value> = files.map(|file| objects::file(&self.base, file, &team.bot_user)).collect();
        let body = json!({"ok": true, "files": files});
        Ok(Reply { body, message, channel: channel.map(|channel| channel.id) })
    }
}
