//! Buttons, and the mark by which a message is found again.
//!
//! A custom id holds what a press means and, behind a bar, the delivery key of the message that it was made for. The
//! state is in the store; nothing else travels.

use serenity::builder::{CreateActionRow, CreateButton};
use serenity::model::application::ButtonStyle;
use wilco_core::text::{Unit, cut, fingerprint};
use wilco_core::{Button, DeliveryKey, Press};

/// Buttons of a row, and rows of a message (Discord API, "Action Row").
const PER_ROW: usize = 5;
const ROWS: usize = 5;
/// The longest label (Discord API, "Button Object"), in characters.
const LABEL: usize = 80;
/// The longest nonce (Discord API, "Create Message").
const NONCE: usize = 25;
/// Stands between what a press means and the rest; neither a payload nor a key has one.
const BAR: char = '|';

/// What Discord recognises a repeated create by: the delivery key, which is exactly so long.
pub(crate) fn nonce(key: &DeliveryKey) -> String {
    let key = key.as_str();
    if key.len() <= NONCE && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        key.to_owned()
    } else {
        // A key that wilco did not make still gets a stable nonce.
        format!("{:016x}", fingerprint(key))
    }
}

/// The rows of buttons of a message; those that no message can carry are left out.
pub(crate) fn rows(buttons: &[Button], key: &DeliveryKey) -> Vec<CreateActionRow> {
    let key = nonce(key);
    let all: Vec<CreateButton> =
        buttons.iter().take(PER_ROW * ROWS).enumerate().map(|(at, one)| button(one, at, &key)).collect();
    all.chunks(PER_ROW).map(|row| CreateActionRow::Buttons(row.to_vec())).collect()
}

fn button(button: &Button, at: usize, key: &str) -> CreateButton {
    let label = cut(button.label.trim(), LABEL, Unit::Chars);
    let label = if label.is_empty() { "·".into() } else { label };
    // The position keeps the ids of one message apart when two buttons mean the same.
    let id = format!("{}{BAR}{key}{BAR}{at}", button.press.encode());
    CreateButton::new(id).label(label).style(style(&button.press))
}

fn style(press: &Press) -> ButtonStyle {
    match press {
        Press::Answer { .. } => ButtonStyle::Primary,
        Press::CancelStub { .. }
        | Press::Cancel { .. }
        | Press::Details { .. }
        | Press::RunAgain { .. }
        | Press::Followup { .. }
        | Press::StopHere => ButtonStyle::Secondary,
    }
}

/// What a press on a button with this custom id means; none for one that wilco did not make.
pub(crate) fn press(custom_id: &str) -> Option<Press> {
    Press::decode(custom_id.split(BAR).next()?)
}

/// Whether a message with these components was made for this key.
pub(crate) fn made_for(components: &[serde_json::Value], key: &DeliveryKey) -> bool {
    let key = nonce(key);
    let is = |id: &str| id.split(BAR).nth(1) == Some(key.as_str());
    let mut open: Vec<&serde_json::Value> = components.iter().collect();
    while let Some(component) = open.pop() {
        if component.get("custom_id").and_then(serde_json::Value::as_str).is_some_and(is) {
            return true;
        }
        open.extend(component.get("components").and_then(serde_json::Value::as_array).into_iter().flatten());
    }
    false
}

#[cfg(test)]
mod tests {
    use wilco_core::ReceiptId;
    use wilco_core::followup::FollowupAct;

    use super::*;

    const ID: &str = "ffffffffffffffffffffffffffffffff";

    fn ids(rows: &[CreateActionRow]) -> Vec<String> {
        let rows = serde_json::to_value(rows).unwrap();
        let buttons = rows.as_array().unwrap().iter().flat_map(|row| row["components"].as_array().unwrap());
        buttons.map(|button| button["custom_id"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn every_custom_id_fits_reads_back_and_names_its_message() {
        let key = DeliveryKey::from(&ReceiptId::new(ID));
        let presses = [
            Press::CancelStub { key: key.clone() },
            Press::Cancel { id: "k7f2".into() },
            Press::Details { id: "k7f2".into() },
            Press::RunAgain { id: "k7f2".into() },
            Press::Answer { question: ID.into(), choice: 11 },
            Press::Followup { act: FollowupAct::Resume, id: "f3k9".into() },
            Press::StopHere,
        ];
        let buttons: Vec<Button> = presses.iter().map(|press| Button::new("x", press.clone())).collect();
        let rows = rows(&buttons, &key);
        assert_eq!(rows.len(), 2, "five in a row");
        for (id, expected) in ids(&rows).iter().zip(presses) {
            assert!(id.len() <= 100, "{id}");
            assert_eq!(press(id), Some(expected));
        }
        let as_discord_has_it = serde_json::to_value(&rows).unwrap();
        let components = as_discord_has_it.as_array().unwrap();
        assert!(made_for(components, &key));
        assert!(!made_for(components, &DeliveryKey::from(&ReceiptId::new("0".repeat(32)))));
        assert!(!made_for(&[], &key));
    }

    #[test]
    fn two_buttons_that_mean_the_same_have_different_ids() {
        let twice = vec![Button::new("a", Press::StopHere), Button::new("b", Press::StopHere)];
        let ids = ids(&rows(&twice, &DeliveryKey::new("k")));
        assert_ne!(ids[0], ids[1]);
    }

    #[test]
    fn no_more_than_a_message_carries_and_no_empty_label() {
        let many = vec![Button::new("  ", Press::StopHere); 40];
        let rows = rows(&many, &DeliveryKey::new("k"));
        assert_eq!(ids(&rows).len(), 25);
        assert!(serde_json::to_string(&rows).unwrap().contains("\"label\":\"·\""));
    }

    #[test]
    fn a_nonce_is_the_key_where_it_fits() {
        let key = DeliveryKey::from(&ReceiptId::new(ID));
        assert_eq!(nonce(&key), key.as_str());
        for odd in ["k".repeat(300), "a|b".to_owned(), "a b".to_owned()] {
            let nonce = nonce(&DeliveryKey::new(odd));
            assert_eq!((nonce.len(), nonce.contains(BAR)), (16, false));
        }
        assert_ne!(nonce(&DeliveryKey::new("k".repeat(300))), nonce(&DeliveryKey::new("k".repeat(301))));
    }
}
