//! Commands in a form in which those that mean the same are equal. Discord adds defaults, ids and versions to what it
//! was given, so what is registered never equals what was sent.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What tells one command from another: two of different types may have the same name.
pub(crate) type Name = (u64, String);

/// Commands by their names.
pub(crate) type Commands = BTreeMap<Name, Value>;

/// What of a command counts, with the value that stands when it is left out (Discord API, "Application Command
/// Structure" and "Application Command Option Structure"). Ids and versions do not; nor do translations, of which
/// wilco has none, so that a foreign one is no reason to write.
const COUNTS: &[(&str, Absent)] = &[
    ("type", Absent::None),
    ("name", Absent::None),
    ("description", Absent::Text),
    ("options", Absent::List),
    ("default_member_permissions", Absent::None),
    ("nsfw", Absent::False),
];
/// Only of commands that hold everywhere.
const COUNTS_GLOBALLY: &[&str] = &["contexts", "integration_types"];
const COUNTS_OF_OPTION: &[(&str, Absent)] = &[
    ("type", Absent::None),
    ("name", Absent::None),
    ("description", Absent::Text),
    ("required", Absent::False),
    ("autocomplete", Absent::False),
    ("choices", Absent::List),
    ("options", Absent::List),
    ("channel_types", Absent::List),
    ("min_value", Absent::None),
    ("max_value", Absent::None),
    ("min_length", Absent::None),
    ("max_length", Absent::None),
];

/// What it means that a field is left out.
#[derive(Clone, Copy)]
enum Absent {
    None,
    False,
    Text,
    List,
}

impl Absent {
    fn is(self, value: &Value) -> bool {
        value.is_null()
            || match self {
                Self::None => false,
                Self::False => value == &Value::Bool(false),
                Self::Text => value.as_str() == Some(""),
                Self::List => value.as_array().is_some_and(Vec::is_empty),
            }
    }
}

/// All commands of one place in this form.
pub(crate) fn all(commands: &[Value], global: bool) -> Commands {
    commands.iter().map(|command| (name(command), one(command, global))).collect()
}

/// What tells a command from another.
pub(crate) fn name(command: &Value) -> Name {
    let kind = command.get("type").and_then(Value::as_u64).unwrap_or(1);
    (kind, command.get("name").and_then(Value::as_str).unwrap_or_default().to_owned())
}

fn one(command: &Value, global: bool) -> Value {
    let mut kept = keep(command, COUNTS);
    kept.entry("type").or_insert_with(|| Value::from(1.0));
    if global {
        for field in COUNTS_GLOBALLY {
            if let Some(list) = command.get(*field).and_then(Value::as_array) {
                let mut list: Vec<u64> = list.iter().filter_map(Value::as_u64).collect();
                list.sort_unstable();
                kept.insert((*field).to_owned(), Value::from(list));
            }
        }
    }
    options(&mut kept);
    Value::Object(kept)
}

fn options(kept: &mut Map<String, Value>) {
    let Some(Value::Array(list)) = kept.get_mut("options") else { return };
    for option in list {
        let mut inner = keep(option, COUNTS_OF_OPTION);
        options(&mut inner);
        *option = Value::Object(inner);
    }
}

fn keep(from: &Value, counts: &[(&str, Absent)]) -> Map<String, Value> {
    let of = |(name, default): &(&str, Absent)| {
        let value = from.get(*name).filter(|value| !default.is(value))?;
        // A whole number may come back as one with a point.
        let value = match value.as_f64().filter(|number| number.fract() == 0.0) {
            Some(number) => Value::from(number),
            None => value.clone(),
        };
        Some(((*name).to_owned(), value))
    };
    counts.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::commands::table;

    /// A command as Discord gives it back.
    fn as_registered(command: &Value, at: usize) -> Value {
        let mut back = command.clone();
        let fields = back.as_object_mut().unwrap();
        fields.insert("id".into(), json!(format!("{}", 1_000 + at)));
        fields.insert("application_id".into(), json!("5"));
        fields.insert("version".into(), json!("77"));
        fields.insert("default_member_permissions".into(), Value::Null);
        fields.insert("nsfw".into(), json!(false));
        fields.insert("dm_permission".into(), json!(true));
        fields.insert("name_localizations".into(), Value::Null);
        fields.entry("description").or_insert_with(|| json!(""));
        if fields.get("options").and_then(Value::as_array).is_some_and(Vec::is_empty) {
            fields.remove("options");
        }
        for option in fields.get_mut("options").and_then(Value::as_array_mut).into_iter().flatten() {
            let option = option.as_object_mut().unwrap();
            if option["required"] == false {
                option.remove("required");
            }
            option.insert("name_localizations".into(), Value::Null);
            if option.contains_key("min_value") {
                option.insert("min_value".into(), json!(1.0));
            }
        }
        back
    }

    #[test]
    fn what_discord_adds_is_no_difference() {
        for global in [true, false] {
            let own = table::render(global);
            let mut back: Vec<Value> = own.iter().enumerate().map(|(at, one)| as_registered(one, at)).collect();
            if global {
                back[0]["contexts"] = json!([1, 0]);
            } else {
                back[0]["contexts"] = Value::Null;
                back[0]["integration_types"] = json!([0]);
            }
            back.reverse();
            assert_eq!(all(&own, global), all(&back, global));
        }
    }

    #[test]
    fn what_counts_is_a_difference() {
        let own = table::render(true);
        let run = own.iter().position(|one| one["name"] == "run").unwrap();
        let changes: &[(&str, Value)] = &[
            ("/description", json!("start it")),
            ("/options/0/required", json!(false)),
            ("/options/0/autocomplete", json!(false)),
            ("/options/1/max_length", json!(100)),
            ("/contexts", json!([0, 1, 2])),
            ("/options", json!([])),
        ];
        for (path, value) in changes {
            let mut other = own.clone();
            *other[run].pointer_mut(path).unwrap() = value.clone();
            assert_ne!(all(&own, true), all(&other, true), "{path}");
        }
        let mut nsfw = own.clone();
        nsfw[run]["nsfw"] = json!(true);
        assert_ne!(all(&own, true), all(&nsfw, true));
    }

    #[test]
    fn two_kinds_of_one_name_are_two_commands() {
        let both = [json!({ "name": "cancel", "type": 1 }), json!({ "name": "cancel", "type": 3 })];
        assert_eq!(all(&both, true).len(), 2);
        assert_eq!(name(&json!({ "name": "x" })), (1, "x".to_owned()));
    }
}
