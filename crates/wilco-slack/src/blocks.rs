//! Block Kit: texts, buttons, and the mark by which a message is found again.
//!
//! The mark is the delivery key. It travels in the metadata of a message and in the ids of its blocks, because a
//! workspace may refuse the former. An action id holds what a press means and, behind a bar, the same mark; the state
//! is in the store, and nothing else travels.

use serde_json::{Value, json};
use wilco_core::text::{Unit, cut, fingerprint};
use wilco_core::{Button, DeliveryKey, Press};

/// The longest text of a section (Slack, "Section block": 3,000 characters).
pub(crate) const SECTION: usize = 3_000;
/// Sections of a message. All blocks together take about 13,200 characters.
pub(crate) const SECTIONS: usize = 4;
/// Buttons of one row ("Actions block": 25 elements), and what of them people still find.
const BUTTONS: usize = 25;
/// The longest label ("Button element": 75 characters).
const LABEL: usize = 75;
/// The longest key that travels as it is; an id of a block or an action holds 255 characters.
const KEY: usize = 64;
/// Stands between what a press means and the rest; neither a payload nor a mark has one.
const BAR: char = '|';
/// The kind of our metadata.
const EVENT: &str = "wilco_delivery";

/// How Slack counts is not documented. Of the two ways that there are, this one never counts less.
pub(crate) const UNIT: Unit = Unit::Utf16;

/// A text of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// mrkdwn, rendered.
    Marked(String),
    /// Text as it stands.
    Plain(String),
}

impl Part {
    /// The text as it travels.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Marked(text) | Self::Plain(text) => text,
        }
    }

    fn object(&self) -> Value {
        match self {
            Self::Marked(text) => json!({"type": "mrkdwn", "text": text, "verbatim": true}),
            Self::Plain(text) => json!({"type": "plain_text", "text": text, "emoji": false}),
        }
    }
}

/// The key as it travels.
pub(crate) fn mark(key: &DeliveryKey) -> String {
    let key = key.as_str();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !key.is_empty() && key.len() <= KEY && key.bytes().all(fits) {
        key.to_owned()
    } else {
        // A key that wilco did not make still gets a stable mark.
        format!("{:016x}", fingerprint(key))
    }
}

/// The metadata that carries a key (Slack, "Message metadata").
pub(crate) fn metadata(key: &DeliveryKey) -> Value {
    json!({"event_type": EVENT, "event_payload": {"k": mark(key)}})
}

/// The blocks of a message: its texts, then its buttons.
pub(crate) fn blocks(parts: &[Part], buttons: &[Button], key: &DeliveryKey) -> Value {
    let mark = mark(key);
    let mut blocks: Vec<Value> = parts.iter().enumerate().map(|(at, part)| section(part, &mark, at)).collect();
    if let Some(row) = row(buttons, &mark, blocks.len()) {
        blocks.push(row);
    }
    Value::Array(blocks)
}

/// A section with a mark in its id. The position keeps the ids of one message apart, as Slack asks.
pub(crate) fn section(part: &Part, mark: &str, at: usize) -> Value {
    json!({"type": "section", "block_id": format!("w{BAR}{mark}{BAR}{at}"), "text": part.object()})
}

/// A row of buttons; none where there are none.
pub(crate) fn row(buttons: &[Button], mark: &str, at: usize) -> Option<Value> {
    if buttons.is_empty() {
        return None;
    }
    let elements: Vec<Value> =
        buttons.iter().take(BUTTONS).enumerate().map(|(nth, one)| button(one, mark, at, nth)).collect();
    Some(json!({"type": "actions", "block_id": format!("w{BAR}{mark}{BAR}{at}"), "elements": elements}))
}

fn button(button: &Button, mark: &str, at: usize, nth: usize) -> Value {
    let label = cut(button.label.trim(), LABEL, UNIT);
    let label = if label.is_empty() { "·".into() } else { label };
    // The position keeps the ids of one message apart when two buttons mean the same.
    let id = format!("{}{BAR}{mark}{BAR}{at}.{nth}", button.press.encode());
    let mut element = json!({
        "type": "button",
        "action_id": id,
        "text": {"type": "plain_text", "text": label, "emoji": false},
    });
    if let (Some(style), Some(element)) = (style(&button.press), element.as_object_mut()) {
        element.insert("style".to_owned(), Value::from(style));
    }
    element
}

fn style(press: &Press) -> Option<&'static str> {
    match press {
        Press::Answer { .. } => Some("primary"),
        Press::CancelStub { .. }
        | Press::Cancel { .. }
        | Press::Details { .. }
        | Press::RunAgain { .. }
        | Press::Followup { .. }
        | Press::StopHere => None,
    }
}

/// What a press on a button with this action id means; none for one that wilco did not make.
pub(crate) fn press(action_id: &str) -> Option<Press> {
    Press::decode(action_id.split(BAR).next()?)
}

/// Whether a message of the history was made for this key: by its metadata, or by the ids of its blocks.
pub(crate) fn made_for(message: &Value, key: &DeliveryKey) -> bool {
    let mark = mark(key);
    let payload = message.pointer("/metadata/event_payload/k").and_then(Value::as_str);
    let kind = message.pointer("/metadata/event_type").and_then(Value::as_str);
    if kind == Some(EVENT) && payload == Some(mark.as_str()) {
        return true;
    }
    let blocks = message.get("blocks").and_then(Value::as_array).into_iter().flatten();
    let mut ids = blocks.filter_map(|block| block.get("block_id").and_then(Value::as_str));
    ids.any(|id| {
        let mut parts = id.split(BAR);
        parts.next() == Some("w") && parts.next() == Some(mark.as_str())
    })
}

#[cfg(test)]
mod tests {
    use wilco_core::ReceiptId;
    use wilco_core::followup::FollowupAct;

    use super::*;

    const ID: &str = "ffffffffffffffffffffffffffffffff";

    fn key() -> DeliveryKey {
        DeliveryKey::from(&ReceiptId::new(ID))
    }

    fn ids(blocks: &Value) -> Vec<String> {
        let rows = blocks.as_array().unwrap().iter().filter_map(|block| block["elements"].as_array());
        rows.flatten().map(|button| button["action_id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn every_action_id_fits_and_reads_back() {
        let presses = [
            Press::CancelStub { key: key() },
            Press::Cancel { id: "k7f2".into() },
            Press::Details { id: "k7f2".into() },
            Press::RunAgain { id: "k7f2".into() },
            Press::Answer { question: ID.into(), choice: 11 },
            Press::Followup { act: FollowupAct::Resume, id: "f3k9".into() },
            Press::StopHere,
        ];
        let buttons: Vec<Button> = presses.iter().map(|press| Button::new("x", press.clone())).collect();
        let ids = ids(&blocks(&[], &buttons, &key()));
        assert_eq!(ids.len(), presses.len());
        for (id, expected) in ids.iter().zip(presses) {
            assert!(id.len() <= 255, "{id}");
            assert_eq!(press(id), Some(expected));
        }
        for foreign in ["", "approve", "z:1|k|0", "c:", "|k|0"] {
            assert_eq!(press(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_message_is_known_by_its_metadata_or_its_blocks() {
        let other = DeliveryKey::from(&ReceiptId::new("0".repeat(32)));
        let by_metadata = json!({"metadata": metadata(&key()), "blocks": []});
        let by_text = json!({"blocks": blocks(&[Part::Plain("x".into())], &[], &key())});
        let by_buttons = json!({"blocks": blocks(&[], &[Button::new("x", Press::StopHere)], &key())});
        for message in [by_metadata, by_text, by_buttons] {
            assert!(made_for(&message, &key()), "{message}");
            assert!(!made_for(&message, &other), "{message}");
        }
        let foreign = json!({"metadata": {"event_type": "other", "event_payload": {"k": mark(&key())}}});
        assert!(!made_for(&foreign, &key()));
        for odd in [json!({}), json!(null), json!({"blocks": "x"}), json!({"blocks": [{"block_id": 7}, 3]})] {
            assert!(!made_for(&odd, &key()), "{odd}");
        }
    }

    #[test]
    fn ids_of_one_message_differ() {
        let twice = vec![Button::new("a", Press::StopHere), Button::new("b", Press::StopHere)];
        let made = blocks(&[Part::Marked("a".into()), Part::Plain("b".into())], &twice, &key());
        let mut all = ids(&made);
        all.extend(made.as_array().unwrap().iter().map(|block| block["block_id"].as_str().unwrap().to_owned()));
        assert!(all.iter().all(|id| id.len() <= 255));
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!((all.len(), count), (5, 5));
    }

    #[test]
    fn no_more_than_a_message_carries_and_no_empty_label() {
        let many = vec![Button::new("  ", Press::StopHere); 40];
        let made = blocks(&[], &many, &key());
        assert_eq!(ids(&made).len(), BUTTONS);
        assert_eq!(made[0]["elements"][0]["text"]["text"], json!("·"));
        let long = vec![Button::new("l".repeat(200), Press::StopHere)];
        let made = blocks(&[], &long, &key());
        assert_eq!(made[0]["elements"][0]["text"]["text"].as_str().unwrap().chars().count(), LABEL);
        assert_eq!(blocks(&[], &[], &key()), json!([]));
    }

    #[test]
    fn texts_are_verbatim_or_have_no_markup() {
        let made = blocks(&[Part::Marked("*a*".into()), Part::Plain("*b*".into())], &[], &key());
        assert_eq!(made[0]["text"], json!({"type": "mrkdwn", "text": "*a*", "verbatim": true}));
        assert_eq!(made[1]["text"], json!({"type": "plain_text", "text": "*b*", "emoji": false}));
    }

    #[test]
    fn a_mark_is_the_key_where_it_fits() {
        assert_eq!(mark(&key()), key().as_str());
        for odd in ["k".repeat(300), "a|b".to_owned(), "a b".to_owned(), String::new()] {
            let mark = mark(&DeliveryKey::new(odd));
            assert_eq!((mark.len(), mark.contains(BAR)), (16, false));
        }
    }
}
