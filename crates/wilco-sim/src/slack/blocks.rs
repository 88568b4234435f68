//! Block Kit, as far as messages of a bot go: what may stand in a block, and what a person reads there.
//!
//! The measures are those of Slack's reference ("Block Kit"), and of bolt-js #2509 for the whole of a message.

use std::collections::BTreeSet;

use serde_json::Value;

use super::shape::Kind::{Any, Bool, ByType, Int, Object, Text, Word};
use super::shape::{self, Kind, Shape, TEXT, Wrong, list, may, need};

/// The most blocks of a message.
pub const MOST_BLOCKS: usize = 50;
/// The longest text of a section, in characters.
pub const LONGEST_SECTION: usize = 3_000;
/// The longest text of all blocks together, in characters.
pub const LONGEST_WHOLE: usize = 13_200;

const WORDS: &[&str] = &["plain_text", "mrkdwn"];
const BLOCK_ID: Kind = Text(255);

macro_rules! shape {
    ($($name:ident { $($field:expr),* $(,)? })*) => {
        $(static $name: Shape = Shape { name: "", fields: &[$($field),*] };)*
    };
}

shape! {
    SECTION_TEXT {
        need("type", Word(WORDS)), need("text", Text(LONGEST_SECTION)), may("emoji", Bool), may("verbatim", Bool),
    }
    FIELD_TEXT { need("type", Word(WORDS)), need("text", Text(2_000)), may("emoji", Bool), may("verbatim", Bool) }
    HEADER_TEXT { need("type", Word(&["plain_text"])), need("text", Text(150)), may("emoji", Bool) }
    BUTTON_TEXT { need("type", Word(&["plain_text"])), need("text", Text(75)), may("emoji", Bool) }
    CONFIRM {
        may("title", Any), may("text", Any), may("confirm", Any), may("deny", Any), may("style", TEXT),
    }
    BUTTON {
        need("type", TEXT), need("text", Object(&BUTTON_TEXT)), may("action_id", Text(255)), may("url", Text(3_000)),
        may("value", Text(2_000)), may("style", Word(&["primary", "danger"])), may("confirm", Object(&CONFIRM)),
        may("accessibility_label", Text(75)),
    }
    CONTEXT_TEXT { need("type", TEXT), need("text", TEXT), may("emoji", Bool), may("verbatim", Bool) }
    IMAGE_ELEMENT { need("type", TEXT), may("image_url", Text(3_000)), need("alt_text", Text(2_000)), may("slack_file", Any) }
    SECTION {
        need("type", TEXT), may("text", Object(&SECTION_TEXT)), may("block_id", BLOCK_ID),
        may("fields", Kind::List(&Object(&FIELD_TEXT), 10)), may("accessory", ByType(&[("button", &BUTTON)])),
        may("expand", Bool),
    }
    HEADER { need("type", TEXT), need("text", Object(&HEADER_TEXT)), may("block_id", BLOCK_ID) }
    DIVIDER { need("type", TEXT), may("block_id", BLOCK_ID) }
    CONTEXT {
        need("type", TEXT), may("block_id", BLOCK_ID),
        need("elements", Kind::List(
            &ByType(&[("mrkdwn", &CONTEXT_TEXT), ("plain_text", &CONTEXT_TEXT), ("image", &IMAGE_ELEMENT)]), 10,
        )),
    }
    ACTIONS {
        need("type", TEXT), may("block_id", BLOCK_ID), need("elements", Kind::List(&ByType(&[("button", &BUTTON)]), 25)),
    }
    MARKDOWN { need("type", TEXT), may("block_id", BLOCK_ID), need("text", Text(12_000)) }
    IMAGE {
        need("type", TEXT), may("block_id", BLOCK_ID), may("image_url", Text(3_000)), need("alt_text", Text(2_000)),
        may("title", Any), may("slack_file", Any),
    }
    RICH_TEXT { need("type", TEXT), may("block_id", BLOCK_ID), need("elements", list(&Any)) }
    METADATA_ { need("event_type", Text(255)), need("event_payload", Any) }
}

/// One block of a message.
pub(super) const BLOCK: Kind = ByType(&[
    ("section", &SECTION),
    ("header", &HEADER),
    ("divider", &DIVIDER),
    ("context", &CONTEXT),
    ("actions", &ACTIONS),
    ("markdown", &MARKDOWN),
    ("image", &IMAGE),
    ("rich_text", &RICH_TEXT),
]);

/// The metadata of a message.
pub(super) const METADATA: Kind = Object(&METADATA_);

/// How long text may take, kept beside the tables so that tests can look.
pub(super) const LIMIT: Kind = Int(1, 999);

/// Everything that is wrong with a message's blocks.
pub(super) fn judge(blocks: &[Value]) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let mut fail = |path: String, sentence: &str| {
        wrong.push(Wrong { path, sentence: sentence.to_owned(), refused: true });
    };
    let mut ids = BTreeSet::new();
    for (at, block) in blocks.iter().enumerate() {
        let path = format!("/blocks/{at}");
        if let Some(id) = block["block_id"].as_str().filter(|id| !id.is_empty())
            && !ids.insert(id)
        {
            fail(format!("{path}/block_id"), "`block_id` already exists");
        }
        if block["type"] == "section" && block["text"].is_null() && block["fields"].is_null() {
            fail(path.clone(), "missing required field: text or fields");
        }
        if let Some(text) = block["text"]["text"].as_str().or_else(|| block["text"].as_str())
            && text.is_empty()
        {
            fail(format!("{path}/text"), "must be more than 0 characters");
        }
        if matches!(block["type"].as_str(), Some("actions" | "context"))
            && block["elements"].as_array().is_some_and(Vec::is_empty)
        {
            fail(format!("{path}/elements"), "must have at least 1 item");
        }
        let mut actions = BTreeSet::new();
        for button in buttons(std::slice::from_ref(block)) {
            if let Some(id) = button["action_id"].as_str().filter(|id| !id.is_empty())
                && !actions.insert(id)
            {
                fail(format!("{path}/elements"), "`action_id` already exists");
            }
            if button["text"]["text"].as_str().is_some_and(str::is_empty) {
                fail(format!("{path}/elements"), "must be more than 0 characters");
            }
        }
    }
    if blocks.len() > MOST_BLOCKS {
        fail("/blocks".to_owned(), "no more than 50 items allowed");
    }
    for (at, block) in blocks.iter().enumerate() {
        shape::check(&BLOCK, block, &format!("/blocks/{at}"), &mut wrong);
    }
    wrong
}

/// How many characters the texts of all blocks have.
pub(super) fn length(blocks: &[Value]) -> usize {
    fn of(value: &Value) -> usize {
        match value {
            Value::Object(object) => {
                let own = object.get("text").and_then(Value::as_str).map_or(0, |text| text.chars().count());
                own + object.values().map(of).sum::<usize>()
            }
            Value::Array(all) => all.iter().map(of).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        }
    }
    blocks.iter().map(of).sum()
}

/// Every button.
pub(super) fn buttons(blocks: &[Value]) -> Vec<&Value> {
    let of = |block| -> Vec<&Value> {
        let block: &Value = block;
        let elements = block["elements"].as_array().into_iter().flatten();
        elements.chain(std::iter::once(&block["accessory"])).filter(|one| one["type"] == "button").collect()
    };
    blocks.iter().flat_map(of).collect()
}

/// What a person reads in the blocks, buttons left out.
pub(super) fn words(blocks: &[Value]) -> String {
    let mut lines = Vec::new();
    for block in blocks {
        match block["type"].as_str().unwrap_or_default() {
            "section" => {
                lines.extend(block["text"]["text"].as_str().map(str::to_owned));
                let fields = block["fields"].as_array().into_iter().flatten();
                lines.extend(fields.filter_map(|one| one["text"].as_str().map(str::to_owned)));
            }
            "header" => lines.extend(block["text"]["text"].as_str().map(str::to_owned)),
            "markdown" => lines.extend(block["text"].as_str().map(str::to_owned)),
            "divider" => lines.push("───".to_owned()),
            "context" => {
                let parts = block["elements"].as_array().into_iter().flatten();
                let parts: Vec<&str> =
                    parts.filter_map(|one| one["text"].as_str().or_else(|| one["alt_text"].as_str())).collect();
                lines.push(parts.join(" "));
            }
            "image" => lines.extend(block["alt_text"].as_str().map(|text| format!("(image {text})"))),
            "rich_text" => lines.push(rich(&block["elements"])),
            _ => {}
        }
    }
    lines.join("\n")
}

fn rich(value: &Value) -> String {
    match value {
        Value::Array(all) => all.iter().map(rich).collect(),
        Value::Object(object) => match (object.get("text"), object.get("elements")) {
            (Some(Value::String(text)), _) => text.clone(),
            (_, Some(inside)) => rich(inside),
            (_, None) => object.get("user_id").and_then(Value::as_str).map_or(String::new(), |id| format!("<@{id}>")),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => String::new(),
    }
}

/// Gives every block an id and every button an action id, as Slack does where they are left out.
pub(super) fn complete(blocks: &mut [Value], mut word: impl FnMut() -> String) {
    for block in blocks {
        if block["block_id"].as_str().is_none_or(str::is_empty) {
            block["block_id"] = Value::from(&word()[..5]);
        }
        for button in block["elements"].as_array_mut().into_iter().flatten().filter(|one| one["type"] == "button") {
            if button["action_id"].as_str().is_none_or(str::is_empty) {
                button["action_id"] = Value::from(&word()[..5]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn section(text: &str) -> Value {
        json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
    }

    #[test]
    fn ordinary_blocks_are_right_and_read_as_people_read_them() {
        let blocks = [
            json!({"type": "header", "text": {"type": "plain_text", "text": "Title"}}),
            section("*Working* · k7f2"),
            json!({"type": "divider"}),
            json!({"type": "context", "elements": [{"type": "mrkdwn", "text": "a"}, {"type": "plain_text", "text": "b"}]}),
            json!({"type": "actions", "elements": [{
                "type": "button", "text": {"type": "plain_text", "text": "Cancel"}, "action_id": "a", "style": "danger",
            }]}),
        ];
        assert_eq!(judge(&blocks), vec![]);
        assert_eq!(words(&blocks), "Title\n*Working* · k7f2\n───\na b");
        assert_eq!(buttons(&blocks).len(), 1);
    }

    #[test]
    fn what_slack_refuses_is_refused_at_its_place() {
        let button = json!({"type": "button", "text": {"type": "plain_text", "text": "x"}, "action_id": "a"});
        let mrkdwn = json!({"type": "button", "text": {"type": "mrkdwn", "text": "x"}});
        for (blocks, path) in [
            (vec![section(&"x".repeat(3_001))], "/blocks/0/text/text"),
            (vec![section("")], "/blocks/0/text"),
            (vec![json!({"type": "section"})], "/blocks/0"),
            (vec![json!({"type": "select"})], "/blocks/0/type"),
            (
                vec![json!({"type": "divider", "block_id": "a"}), json!({"type": "divider", "block_id": "a"})],
                "/blocks/1/block_id",
            ),
            (vec![json!({"type": "actions", "elements": [button.clone(), button]})], "/blocks/0/elements"),
            (vec![json!({"type": "actions", "elements": [mrkdwn]})], "/blocks/0/elements/0/text/type"),
            (vec![json!({"type": "actions", "elements": []})], "/blocks/0/elements"),
            (vec![json!({"type": "divider"}); 51], "/blocks"),
        ] {
            let wrong = judge(&blocks);
            assert_eq!(wrong.first().map(|one| one.path.as_str()), Some(path), "{blocks:?} {wrong:?}");
        }
        assert_eq!(length(&vec![section(&"x".repeat(2_000)); 7]), 14_000);
    }
}
