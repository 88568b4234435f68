//! What an argument or an answer has to look like, in as few words as a table needs, and the check against it.

use serde_json::{Map, Value};

use super::ids::Ts;

/// What kind of value stands in a field.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`; in a form also `1` and `0`.
    Bool,
    /// A whole number between the two, both included.
    Int(i64, i64),
    /// A text of at most so many characters.
    Text(usize),
    /// An id that begins with one of these letters.
    Id(&'static str),
    /// A message's time stamp.
    Ts,
    /// A bound of a window: a time stamp or seconds.
    Bound,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A value that the fake keeps or passes on without looking into it.
    Any,
    /// An object with fields of its own.
    Object(&'static Shape),
    /// A list of one kind, of at most so many entries.
    List(&'static Kind, usize),
    /// An object whose field `type` says which one it is.
    ByType(&'static [(&'static str, &'static Shape)]),
}

/// One field of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What stands in it.
    pub kind: Kind,
    /// Whether it has to be there.
    pub required: bool,
}

/// An object.
#[derive(Debug)]
pub struct Shape {
    /// Its name in Slack's published description; empty where that has none.
    pub name: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

/// A field that has to be there.
pub(super) const fn need(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: true }
}

/// A field that may be left out.
pub(super) const fn may(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false }
}

/// A text of any length.
pub(super) const TEXT: Kind = Kind::Text(usize::MAX);
/// Any whole number that JavaScript holds exactly.
pub(super) const INT: Kind = Kind::Int(-(1 << 53), 1 << 53);

/// A list without a bound worth checking.
pub(super) const fn list(of: &'static Kind) -> Kind {
    Kind::List(of, usize::MAX)
}

/// One thing that is not as the table says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where, as a JSON pointer.
    pub path: String,
    /// What is wrong, as Slack says it.
    pub sentence: String,
    /// Whether Slack refuses the request for it; an argument that it does not know it ignores.
    pub refused: bool,
}

impl Wrong {
    /// The line of `response_metadata.messages`.
    pub(super) fn line(&self) -> String {
        format!("[ERROR] {} [json-pointer:{}]", self.sentence, self.path)
    }
}

/// Checks a value against a kind, and notes everything that is wrong.
pub fn check(kind: &Kind, value: &Value, path: &str, wrong: &mut Vec<Wrong>) {
    let mut fail = |sentence: String| wrong.push(Wrong { path: path.to_owned(), sentence, refused: true });
    match kind {
        Kind::Bool if !value.is_boolean() => fail("must be a boolean".to_owned()),
        Kind::Bool | Kind::Any => {}
        Kind::Int(least, most) => match value.as_i64() {
            None => fail("must be an integer".to_owned()),
            Some(number) if number < *least => fail(format!("must be greater than {}", least - 1)),
            Some(number) if number > *most => fail(format!("must be less than {}", most + 1)),
            Some(_) => {}
        },
        Kind::Text(most) => match value.as_str() {
            None => fail("must be a string".to_owned()),
            Some(text) if text.chars().count() > *most => fail(format!("must be less than {} characters", most + 1)),
            Some(_) => {}
        },
        Kind::Id(letters) => {
            let text = value.as_str().unwrap_or_default();
            let fits = text.chars().next().is_some_and(|first| letters.contains(first));
            if !fits || !text.bytes().all(|one| one.is_ascii_uppercase() || one.is_ascii_digit()) {
                fail(format!("must be an id that begins with one of {letters}"));
            }
        }
        Kind::Ts => {
            if value.as_str().and_then(Ts::read).is_none() {
                fail("must be a timestamp".to_owned());
            }
        }
        Kind::Bound => {
            if value.as_str().and_then(Ts::bound).is_none() {
                fail("must be a timestamp or seconds".to_owned());
            }
        }
        Kind::Word(words) => {
            if !value.as_str().is_some_and(|text| words.contains(&text)) {
                fail(format!("must be one of {}", words.join(", ")));
            }
        }
        Kind::Object(shape) => check_object(shape, value, path, wrong),
        Kind::List(of, most) => match value.as_array() {
            None => fail("must be an array".to_owned()),
            Some(all) => {
                if all.len() > *most {
                    fail(format!("no more than {most} items allowed"));
                }
                for (at, one) in all.iter().enumerate() {
                    check(of, one, &format!("{path}/{at}"), wrong);
                }
            }
        },
        Kind::ByType(shapes) => {
            let named = value["type"].as_str();
            match named.and_then(|wanted| shapes.iter().find(|(name, _)| *name == wanted)) {
                Some((_, shape)) => check_object(shape, value, path, wrong),
                None => {
                    let sentence = format!("unsupported type: {}", named.unwrap_or("none"));
                    wrong.push(Wrong { path: format!("{path}/type"), sentence, refused: true });
                }
            }
        }
    }
}

fn check_object(shape: &Shape, value: &Value, path: &str, wrong: &mut Vec<Wrong>) {
    match value.as_object() {
        Some(object) => check_fields(shape.fields, object, path, true, wrong),
        None => wrong.push(Wrong { path: path.to_owned(), sentence: "must be an object".to_owned(), refused: true }),
    }
}

/// Checks the fields of an object. Inside blocks and metadata Slack refuses what it does not know; an argument of a
/// method that it does not know it ignores.
pub fn check_fields(fields: &[Field], object: &Map<String, Value>, path: &str, strict: bool, wrong: &mut Vec<Wrong>) {
    for (name, value) in object {
        let path = format!("{path}/{name}");
        match fields.iter().find(|field| field.name == name) {
            None => wrong.push(Wrong { path, sentence: format!("no such field: {name}"), refused: strict }),
            Some(field) => check(&field.kind, value, &path, wrong),
        }
    }
    for field in fields.iter().filter(|field| field.required && !object.contains_key(field.name)) {
        let sentence = format!("missing required field: {}", field.name);
        wrong.push(Wrong { path: path.to_owned(), sentence, refused: true });
    }
}

/// Arguments of a form, where every value is a text, as the values that the table names. What cannot be read stays a
/// text, and the check says so.
pub fn read_form(fields: &[Field], form: &[(String, String)]) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, text) in form {
        let kind = fields.iter().find(|field| field.name == name).map(|field| &field.kind);
        let plain = || Value::from(text.as_str());
        let value = match kind {
            Some(Kind::Bool) => match text.as_str() {
                "true" | "1" => Value::Bool(true),
                "false" | "0" => Value::Bool(false),
                _ => plain(),
            },
            Some(Kind::Int(..)) => text.parse::<i64>().map_or_else(|_| plain(), Value::from),
            Some(Kind::List(Kind::Id(_), _)) if !text.trim_start().starts_with('[') => {
                text.split(',').map(str::trim).filter(|one| !one.is_empty()).collect()
            }
            Some(Kind::Any | Kind::Object(_) | Kind::List(..) | Kind::ByType(_)) => {
                serde_json::from_str(text).unwrap_or_else(|_| plain())
            }
            Some(Kind::Text(_) | Kind::Id(_) | Kind::Ts | Kind::Bound | Kind::Word(_)) | None => plain(),
        };
        object.insert(name.clone(), value);
    }
    object
}

/// The same for JSON, where lists of ids may be a text with commas and nested values a text of JSON.
pub fn read_json(fields: &[Field], object: Map<String, Value>) -> Map<String, Value> {
    let of = |(name, value): (String, Value)| match value {
        Value::Null => None,
        Value::String(text) => {
            let pair = [(name.clone(), text.clone())];
            let kind = fields.iter().find(|field| field.name == name).map(|field| &field.kind);
            let nested = matches!(kind, Some(Kind::Object(_) | Kind::List(..) | Kind::ByType(_) | Kind::Int(..)));
            let read = if nested { read_form(fields, &pair).remove(&name) } else { None };
            Some((name, read.unwrap_or(Value::String(text))))
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Some((name, value)),
    };
    object.into_iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    static INNER: Shape = Shape { name: "", fields: &[need("type", TEXT), may("label", Kind::Text(3))] };
    static FIELDS: [Field; 6] = [
        need("channel", Kind::Id("CD")),
        may("ts", Kind::Ts),
        may("rows", Kind::List(&Kind::ByType(&[("row", &INNER)]), 2)),
        may("users", Kind::List(&Kind::Id("U"), 8)),
        may("flag", Kind::Bool),
        may("limit", Kind::Int(1, 5)),
    ];

    fn found(value: &Value) -> Vec<(String, bool)> {
        let mut wrong = Vec::new();
        check_fields(&FIELDS, value.as_object().unwrap(), "", false, &mut wrong);
        wrong.into_iter().map(|one| (one.path, one.refused)).collect()
    }

    #[test]
    fn every_kind_of_mistake_has_its_place() {
        assert_eq!(found(&json!({"channel": "C1", "ts": "1.000000", "rows": [{"type": "row"}], "limit": 5})), vec![]);
        for (value, path, refused) in [
            (json!({}), "", true),
            (json!({"channel": "X1"}), "/channel", true),
            (json!({"channel": "c1"}), "/channel", true),
            (json!({"channel": "C1", "other": 1}), "/other", false),
            (json!({"channel": "C1", "ts": "1"}), "/ts", true),
            (json!({"channel": "C1", "flag": "yes"}), "/flag", true),
            (json!({"channel": "C1", "limit": 6}), "/limit", true),
            (json!({"channel": "C1", "rows": 7}), "/rows", true),
            (json!({"channel": "C1", "rows": [{"type": "col"}]}), "/rows/0/type", true),
            (json!({"channel": "C1", "rows": [{"type": "row", "label": "long"}]}), "/rows/0/label", true),
            (json!({"channel": "C1", "rows": [{"type": "row", "colour": 1}]}), "/rows/0/colour", true),
        ] {
            assert_eq!(found(&value), vec![(path.to_owned(), refused)], "{value}");
        }
    }

    #[test]
    fn a_form_becomes_the_values_of_the_table() {
        let pairs = [("flag", "1"), ("limit", "3"), ("users", "U1,U2"), ("rows", r#"[{"type":"row"}]"#), ("ts", "x")];
        let form: Vec<(String, String)> = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let wanted = json!({"flag": true, "limit": 3, "users": ["U1", "U2"], "rows": [{"type": "row"}], "ts": "x"});
        assert_eq!(Value::Object(read_form(&FIELDS, &form)), wanted);
        let object = json!({"users": "U1,U2", "ts": null, "rows": "[]"}).as_object().unwrap().clone();
        assert_eq!(Value::Object(read_json(&FIELDS, object)), json!({"users": ["U1", "U2"], "rows": []}));
    }
}
