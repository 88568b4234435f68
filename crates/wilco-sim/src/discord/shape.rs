//! What a JSON value has to look like, in as few words as a table needs, and the check against it.

use serde_json::Value;

use super::ids;

/// What kind of value stands in a field.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number between the two, both included.
    Int(i64, i64),
    /// Any number.
    Number,
    /// A text of so many characters, least and most.
    Text(usize, usize),
    /// An id.
    Id,
    /// A moment (RFC 3339).
    Moment,
    /// A number, or a text of at most 25 characters.
    Nonce,
    /// A number or a decimal text, as bit sets of permissions travel.
    Bits,
    /// An object or a value that the fake keeps or passes on without looking into it.
    Any,
    /// An object with fields of its own.
    Object(&'static Shape),
    /// A list of one kind, of at most so many entries.
    List(&'static Kind, usize),
    /// An object whose field `type` says which one it is.
    ByType(&'static [(u64, &'static Shape)]),
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
    /// Whether it may be `null`.
    pub nullable: bool,
}

/// An object under the name that it has in Discord's published description.
#[derive(Debug)]
pub struct Shape {
    /// The name; empty where the description gives none.
    pub name: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

/// A field that has to be there.
pub(super) const fn need(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: true, nullable: false }
}

/// A field that may be left out.
pub(super) const fn may(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false, nullable: false }
}

impl Field {
    /// The same, and it may be `null`.
    pub(super) const fn or_null(self) -> Self {
        Self { nullable: true, ..self }
    }
}

/// A text of any length.
pub(super) const TEXT: Kind = Kind::Text(0, usize::MAX);
/// Any whole number that JavaScript holds exactly.
pub(super) const INT: Kind = Kind::Int(-(1 << 53), 1 << 53);
/// A list without a bound worth checking.
pub(super) const fn list(of: &'static Kind) -> Kind {
    Kind::List(of, usize::MAX)
}

/// One thing that is not as the table says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where: field names and numbers, with dots.
    pub path: String,
    /// Discord's name for such an error.
    pub name: &'static str,
    /// What is wrong, in a sentence.
    pub sentence: String,
    /// Whether Discord refuses the request for it; a field that it does not know it ignores.
    pub refused: bool,
}

/// Checks a value against a kind, and notes everything that is wrong.
pub fn check(kind: &Kind, value: &Value, path: &str, wrong: &mut Vec<Wrong>) {
    let mut fail = |name, sentence: String| wrong.push(Wrong { path: path.to_owned(), name, sentence, refused: true });
    match kind {
        Kind::Bool if !value.is_boolean() => fail("BOOLEAN_TYPE_CONVERT", "Must be either true or false.".into()),
        Kind::Number if !value.is_number() => fail("FLOAT_TYPE_COERCE", format!("Value \"{value}\" is not float.")),
        Kind::Bool | Kind::Number | Kind::Any => {}
        Kind::Int(least, most) => match value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok())) {
            None => fail("NUMBER_TYPE_COERCE", format!("Value \"{value}\" is not int.")),
            Some(number) if number < *least => {
                fail("NUMBER_TYPE_MIN", format!("int value should be greater than or equal to {least}."));
            }
            Some(number) if number > *most => {
                fail("NUMBER_TYPE_MAX", format!("int value should be less than or equal to {most}."));
            }
            Some(_) => {}
        },
        Kind::Text(least, most) => match value.as_str().map(|text| text.chars().count()) {
            None => fail("STRING_TYPE_CONVERT", format!("Could not interpret \"{value}\" as string.")),
            Some(length) if length > *most => {
                fail("BASE_TYPE_MAX_LENGTH", format!("Must be {most} or fewer in length."));
            }
            Some(0) if *least > 0 => fail("BASE_TYPE_REQUIRED", "This field is required".into()),
            Some(length) if length < *least => {
                fail("BASE_TYPE_BAD_LENGTH", format!("Must be between {least} and {most} in length."));
            }
            Some(_) => {}
        },
        Kind::Id => {
            if ids::read(value).is_none() {
                fail("NUMBER_TYPE_COERCE", format!("Value {value} is not snowflake."));
            }
        }
        Kind::Moment => {
            let text = value.as_str().unwrap_or_default();
            if text.len() < 20 || !text.contains('T') {
                fail("DATE_TIME_TYPE_PARSE", format!("Could not parse {value}. Should be ISO8601."));
            }
        }
        Kind::Nonce => {
            let fits = value.as_str().map_or(value.is_i64() || value.is_u64(), |text| text.chars().count() <= 25);
            if !fits {
                fail("BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.".into());
            }
        }
        Kind::Bits => {
            let read = value.as_str().map_or(value.is_u64(), |text| text.parse::<u64>().is_ok());
            if !read {
                fail("NUMBER_TYPE_COERCE", format!("Value {value} is not int."));
            }
        }
        Kind::Object(shape) => check_object(shape, value, path, wrong),
        Kind::List(of, most) => match value.as_array() {
            None => fail("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType".into()),
            Some(all) => {
                if all.len() > *most {
                    fail("BASE_TYPE_MAX_LENGTH", format!("Must be {most} or fewer in length."));
                }
                for (at, one) in all.iter().enumerate() {
                    check(of, one, &under(path, &at.to_string()), wrong);
                }
            }
        },
        Kind::ByType(shapes) => {
            let found = value["type"].as_u64().and_then(|wanted| shapes.iter().find(|(number, _)| *number == wanted));
            match found {
                Some((_, shape)) => check_object(shape, value, path, wrong),
                None => {
                    let path = under(path, "type");
                    let known: Vec<String> = shapes.iter().map(|(number, _)| number.to_string()).collect();
                    let sentence = format!("Value of field \"type\" must be one of ({}).", known.join(", "));
                    wrong.push(Wrong { path, name: "UNION_TYPE_CHOICES", sentence, refused: true });
                }
            }
        }
    }
}

fn check_object(shape: &Shape, value: &Value, path: &str, wrong: &mut Vec<Wrong>) {
    let Some(object) = value.as_object() else {
        let sentence = "Only dictionaries may be used in a DictType".to_owned();
        wrong.push(Wrong { path: path.to_owned(), name: "DICT_TYPE_CONVERT", sentence, refused: true });
        return;
    };
    for (name, value) in object {
        let path = under(path, name);
        match shape.fields.iter().find(|field| field.name == name) {
            None => {
                let sentence = format!("{} has no field `{name}`", shape.name);
                wrong.push(Wrong { path, name: "UNKNOWN_FIELD", sentence, refused: false });
            }
            Some(field) if value.is_null() => {
                if !field.nullable {
                    let sentence = "This field may not be null".to_owned();
                    wrong.push(Wrong { path, name: "BASE_TYPE_REQUIRED", sentence, refused: true });
                }
            }
            Some(field) => check(&field.kind, value, &path, wrong),
        }
    }
    for field in shape.fields.iter().filter(|field| field.required && !object.contains_key(field.name)) {
        let path = under(path, field.name);
        let sentence = "This field is required".to_owned();
        wrong.push(Wrong { path, name: "BASE_TYPE_REQUIRED", sentence, refused: true });
    }
}

fn under(path: &str, part: &str) -> String {
    if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") }
}

/// Checks the query of an address. Values are texts there, so numbers and booleans are read from them.
pub fn check_query(fields: &[Field], query: &[(String, String)], wrong: &mut Vec<Wrong>) {
    for (name, text) in query {
        match fields.iter().find(|field| field.name == name) {
            None => wrong.push(Wrong {
                path: name.clone(),
                name: "UNKNOWN_FIELD",
                sentence: format!("the query has no field `{name}`"),
                refused: false,
            }),
            Some(Field { kind: Kind::Bool, .. }) => {
                let known = ["true", "false", "True", "False", "1", "0"];
                if !known.contains(&text.as_str()) {
                    let sentence = "Must be either true or false.".to_owned();
                    wrong.push(Wrong { path: name.clone(), name: "BOOLEAN_TYPE_CONVERT", sentence, refused: true });
                }
            }
            Some(field) => check(&field.kind, &Value::from(text.as_str()), name, wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    static INNER: Shape = Shape { name: "Inner", fields: &[need("type", INT), may("label", Kind::Text(1, 3))] };
    static OUTER: Shape = Shape {
        name: "Outer",
        fields: &[
            need("id", Kind::Id),
            may("name", Kind::Text(1, 5)).or_null(),
            may("rows", Kind::List(&Kind::ByType(&[(1, &INNER)]), 2)),
            may("nonce", Kind::Nonce),
        ],
    };

    fn found(value: Value) -> Vec<(String, &'static str)> {
        let mut wrong = Vec::new();
        check(&Kind::Object(&OUTER), &value, "", &mut wrong);
        wrong.into_iter().map(|one| (one.path, one.name)).collect()
    }

    #[test]
    fn what_fits_is_not_wrong() {
        assert_eq!(found(json!({"id": "5", "name": null, "rows": [{"type": 1}], "nonce": "x"})), vec![]);
        assert_eq!(found(json!({"id": 5, "name": "abcde", "nonce": 7})), vec![]);
    }

    #[test]
    fn every_kind_of_mistake_has_its_place_and_its_name() {
        for (value, path, name) in [
            (json!({}), "id", "BASE_TYPE_REQUIRED"),
            (json!({"id": null}), "id", "BASE_TYPE_REQUIRED"),
            (json!({"id": "x"}), "id", "NUMBER_TYPE_COERCE"),
            (json!({"id": "5", "name": "abcdef"}), "name", "BASE_TYPE_MAX_LENGTH"),
            (json!({"id": "5", "name": ""}), "name", "BASE_TYPE_REQUIRED"),
            (json!({"id": "5", "name": 7}), "name", "STRING_TYPE_CONVERT"),
            (json!({"id": "5", "other": 7}), "other", "UNKNOWN_FIELD"),
            (json!({"id": "5", "rows": 7}), "rows", "LIST_TYPE_CONVERT"),
            (json!({"id": "5", "rows": [{"type": 1}, {"type": 1}, {"type": 1}]}), "rows", "BASE_TYPE_MAX_LENGTH"),
            (json!({"id": "5", "rows": [{"type": 2}]}), "rows.0.type", "UNION_TYPE_CHOICES"),
            (json!({"id": "5", "rows": [{"type": 1, "label": "long"}]}), "rows.0.label", "BASE_TYPE_MAX_LENGTH"),
            (json!({"id": "5", "nonce": "x".repeat(26)}), "nonce", "BASE_TYPE_MAX_LENGTH"),
            (json!([]), "", "DICT_TYPE_CONVERT"),
        ] {
            assert_eq!(found(value), vec![(path.to_owned(), name)]);
        }
    }
}
