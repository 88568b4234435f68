//! A private answer as Discord shows it: one message, and further ones where it is long.

use serde_json::{Value, json};
use wilco_core::text::{Split, Unit, head, split};
use wilco_core::{Button, DeliveryKey, Press, Reply};

use crate::components;
use crate::discord::TEXT;
use crate::render::render;

/// Only the person who asked sees it (Discord API, "Message Flags", `EPHEMERAL`).
pub(super) const EPHEMERAL: u64 = 1 << 6;
/// No previews of links (Discord API, "Message Flags", `SUPPRESS_EMBEDS`).
const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// Rows of buttons that one message carries (Discord API, "Action Row").
const ROWS: usize = 5;
/// How many messages one answer may become.
const MESSAGES: usize = 4;
/// How many parts a text is split into before all but the first messages are left out.
const LOOKED_AT: usize = 40;

/// Who is to see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Whoever gave the command: the answer to an interaction.
    Privately,
    /// Whoever is in the conversation to which it is posted.
    There,
}

/// The messages that show an answer, at least one. `key` tells its buttons apart from those of others.
pub(crate) fn bodies(reply: &Reply, key: &str, shown: Shown) -> Vec<Value> {
    let mut all: Vec<(String, Vec<Value>)> = vec![(String::new(), Vec::new())];
    let mut number = 0;
    let mut row = |buttons: &[Button]| {
        number += 1;
        serde_json::to_value(components::rows(buttons, &DeliveryKey::new(format!("{key}r{number}")))).ok()
    };
    let mut put = |text: &str, rows: Vec<Value>| {
        for (at, part) in parts(text).into_iter().enumerate() {
            let rows = if at == 0 { rows.as_slice() } else { &[] };
            let fits = all.last().is_some_and(|(so_far, taken)| {
                let both = so_far.chars().count() + 1 + part.chars().count();
                both <= TEXT && taken.len() + rows.len() <= ROWS
            });
            if !fits {
                all.push((String::new(), Vec::new()));
            }
            if let Some((so_far, taken)) = all.last_mut() {
                if !so_far.is_empty() && !part.is_empty() {
                    so_far.push('\n');
                }
                so_far.push_str(&part);
                taken.extend_from_slice(rows);
            }
        }
    };
    let as_list = |rows: Option<Value>| rows.and_then(|rows| rows.as_array().cloned()).unwrap_or_default();
    put(&reply.text, as_list(row(&reply.buttons)));
    for entry in &reply.rows {
        let named: Vec<Button> = entry.buttons.iter().map(named).collect();
        put(&entry.text, as_list(row(&named)));
    }
    if all.len() > MESSAGES {
        all.truncate(MESSAGES);
        if let Some((text, _)) = all.last_mut() {
            *text = format!("{}\n…", head(text, TEXT - 2, Unit::Chars));
        }
    }
    all.into_iter().map(|(text, rows)| body(&text, &rows, shown)).collect()
}

/// The text as it is shown, in parts that each fit. It is divided before it is rendered, so that no part ends inside of
/// what belongs together.
fn parts(text: &str) -> Vec<String> {
    for room in [TEXT, TEXT * 3 / 4, TEXT / 2] {
        let Split::Parts(parts) = split(text, room, Unit::Chars, LOOKED_AT) else { break };
        let rendered: Vec<String> = parts.iter().map(|part| render(part, false)).collect();
        if rendered.iter().all(|part| part.chars().count() <= TEXT) {
            return rendered;
        }
    }
    // What grows more than that by its escapes is mostly signs; its beginning is shown.
    vec![render(&head(text, TEXT / 4, Unit::Chars), false)]
}

/// A button of a list entry, with the id of what it is about: the rows of buttons stand below all of the text.
fn named(button: &Button) -> Button {
    let id = match &button.press {
        Press::Cancel { id } | Press::Details { id } | Press::RunAgain { id } | Press::Followup { id, .. } => id,
        Press::CancelStub { .. } | Press::Answer { .. } | Press::StopHere => return button.clone(),
    };
    if button.label.contains(id.as_str()) {
        return button.clone();
    }
    Button { label: format!("{} {id}", button.label), press: button.press.clone() }
}

fn body(text: &str, rows: &[Value], shown: Shown) -> Value {
    // A message has to show something.
    let text = if text.is_empty() { "·" } else { text };
    let flags = match shown {
        Shown::Privately => SUPPRESS_EMBEDS | EPHEMERAL,
        Shown::There => SUPPRESS_EMBEDS,
    };
    json!({ "content": text, "components": rows, "flags": flags, "allowed_mentions": { "parse": [] } })
}

#[cfg(test)]
mod tests {
    use wilco_core::followup::FollowupAct;
    use wilco_core::inbound::ReplyRow;
    use wilco_core::wording;

    use super::*;

    #[test]
    fn an_answer_is_private_pings_nobody_and_shows_no_preview() {
        let all = bodies(&Reply::text("hello"), "7", Shown::Privately);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0]["content"], "hello");
        assert_eq!(all[0]["flags"], 68);
        assert_eq!(all[0]["allowed_mentions"], json!({ "parse": [] }));
        assert_eq!(bodies(&Reply::text("hello"), "7", Shown::There)[0]["flags"], 4);
    }

    #[test]
    fn a_list_has_a_row_of_buttons_for_each_entry_and_no_id_twice() {
        let act = |act, label: &str, id: &str| Button::new(label, Press::Followup { act, id: id.to_owned() });
        let entry = |id: &str| ReplyRow {
            text: format!("`{id}` tomorrow"),
            buttons: vec![act(FollowupAct::Cancel, "Cancel", id), act(FollowupAct::Run, "Run now", id)],
        };
        let rows = (0..8).map(|n| entry(&format!("f{n}k9"))).collect();
        let all = bodies(&Reply { rows, ..Reply::text("Scheduled here") }, "7", Shown::Privately);
        assert_eq!(all.len(), 2, "five rows in the first message, three in the next");
        assert_eq!(all[0]["components"].as_array().unwrap().len(), 5);
        assert_eq!(all[1]["components"].as_array().unwrap().len(), 3);
        assert_eq!(all[0]["components"][0]["components"][0]["label"], "Cancel f0k9");
        assert!(
            all[0]["content"].as_str().unwrap().contains("f4k9")
                && all[1]["content"].as_str().unwrap().contains("f5k9")
        );
        let text = serde_json::to_string(&all).unwrap();
        let mut ids: Vec<&str> = text.match_indices("custom_id\":\"").map(|(at, _)| &text[at..at + 60]).collect();
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }

    #[test]
    fn a_long_answer_becomes_several_messages_and_never_one_that_is_too_long() {
        let workers: Vec<(String, String)> =
            (0..200).map(|n| (format!("worker{n}"), "does something long and useful".to_owned())).collect();
        let all = bodies(&wording::help(&workers), "7", Shown::Privately);
        assert_eq!(all.len(), MESSAGES, "as much as there is room for");
        assert!(all[MESSAGES - 1]["content"].as_str().unwrap().ends_with("\n…"), "and it says that there is more");
        let few = &workers[..40];
        let some = bodies(&wording::help(few), "7", Shown::Privately);
        assert!((2..MESSAGES).contains(&some.len()) && !some[1]["content"].as_str().unwrap().ends_with('…'));
        assert!(all.iter().all(|one| (1..=TEXT).contains(&one["content"].as_str().unwrap().chars().count())));
        assert_eq!(bodies(&Reply::text(""), "7", Shown::Privately)[0]["content"], "·");
    }
}
