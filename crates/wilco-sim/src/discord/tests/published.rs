//! The tables against Discord's published description: every route, every field, who is required, what
//! may be null, and no measure that is wider than the published one.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::discord::routes::{Gives, ROUTES, Route, Takes};
use crate::discord::shape::{Field, Kind, Shape};

/// Where the description lies beside the repository; it is not part of it.
const DESCRIPTION: &str = "../../../shared/specs/discord/openapi.json";

struct Published {
    all: Value,
    wrong: Vec<String>,
    /// How many fields were looked at.
    fields: usize,
}

#[test]
fn the_tables_agree_with_the_published_description() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DESCRIPTION);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: needs ../shared");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is not there", path.display());
        return;
    };
    let mut published = Published { all: serde_json::from_str(&text).unwrap(), wrong: Vec::new(), fields: 0 };
    for route in ROUTES {
        published.route(route);
    }
    assert!(published.wrong.is_empty(), "{}", published.wrong.join("\n"));
    assert!(published.fields > 500, "only {} fields were looked at", published.fields);
}

#[test]
fn a_table_that_is_wrong_is_noticed() {
    let description = serde_json::json!({"components": {"schemas": {"Thing": {
        "properties": {
            "id": {"type": "string"}, "name": {"type": ["string", "null"], "maxLength": 5}, "size": {"type": "integer"},
        },
        "required": ["id"],
    }}}});
    use crate::discord::shape::{INT, may, need};
    static RIGHT: Shape = Shape {
        name: "Thing",
        fields: &[need("id", Kind::Id), may("name", Kind::Text(0, 5)).or_null(), may("size", INT)],
    };
    static WRONG: Shape =
        Shape { name: "Thing", fields: &[may("id", Kind::Bool), may("name", Kind::Text(0, 6)), may("colour", INT)] };
    static OTHER: Shape = Shape { name: "Other", fields: &[] };
    let found = |shape: &'static Shape| {
        let mut published = Published { all: description.clone(), wrong: Vec::new(), fields: 0 };
        let schema = serde_json::json!({"$ref": "#/components/schemas/Thing"});
        published.kind(&Kind::Object(shape), &schema, "thing", true);
        published.wrong
    };
    assert_eq!(found(&RIGHT), Vec::<String>::new());
    let wrong = found(&WRONG);
    for what in ["thing.id: required", "thing.id: boolean", "thing.name: null", "thing.name: 6", "colour", "thing.size"]
    {
        assert!(wrong.iter().any(|one| one.contains(what)), "{what}: {wrong:?}");
    }
    assert_eq!(found(&OTHER), ["thing: `Other` is none of [\"Thing\"]"]);
}

impl Published {
    fn fail(&mut self, at: &str, what: impl std::fmt::Display) {
        self.wrong.push(format!("{at}: {what}"));
    }

    fn route(&mut self, route: &Route) {
        let at = format!("{} {}", route.verb, route.path);
        let operation = self.all["paths"][route.path][route.verb.to_lowercase()].clone();
        if operation.is_null() {
            return self.fail(&at, "is not published");
        }
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let published: BTreeSet<&str> =
            parameters.iter().filter(|one| one["in"] == "query").filter_map(|one| one["name"].as_str()).collect();
        for field in route.query {
            if !published.contains(field.name) {
                self.fail(&at, format!("the query has no `{}`", field.name));
            }
        }
        let body = &operation["requestBody"]["content"];
        match route.takes {
            Takes::Nothing if operation["requestBody"]["required"] == true => self.fail(&at, "takes a body"),
            Takes::Nothing => {}
            Takes::Json(kind) => self.kind(&kind, &body["application/json"]["schema"].clone(), &at, true),
            Takes::Files(kind) => {
                if body["multipart/form-data"].is_null() {
                    self.fail(&at, "takes no form");
                }
                self.kind(&kind, &body["application/json"]["schema"].clone(), &at, true);
            }
        }
        let answers = &operation["responses"];
        match route.gives {
            Gives::Nothing if answers["204"].is_null() => self.fail(&at, "does not answer 204"),
            Gives::Nothing => {}
            Gives::Json(status, kind) => {
                let schema = answers[status.to_string()]["content"]["application/json"]["schema"].clone();
                if schema.is_null() {
                    return self.fail(&at, format!("does not answer {status}"));
                }
                self.kind(&kind, &schema, &format!("{at} answer"), false);
            }
        }
    }

    /// The schemas that a schema stands for, with the names of those that have one.
    fn leaves(&self, schema: &Value) -> Vec<(String, Value)> {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            let named = self.all["components"]["schemas"][name].clone();
            let mut inside = self.leaves(&named);
            inside.retain(|(inner, _)| !inner.is_empty());
            inside.insert(0, (name.to_owned(), named));
            return inside;
        }
        let mut leaves = vec![(String::new(), schema.clone())];
        for union in ["oneOf", "anyOf", "allOf"] {
            for one in schema[union].as_array().into_iter().flatten() {
                leaves.extend(self.leaves(one));
            }
        }
        leaves
    }

    /// The JSON types that may stand there.
    fn types(&self, schema: &Value) -> BTreeSet<String> {
        let mut types = BTreeSet::new();
        for (_, leaf) in self.leaves(schema) {
            match &leaf["type"] {
                Value::String(one) => {
                    types.insert(one.clone());
                }
                Value::Array(several) => types.extend(several.iter().filter_map(|one| one.as_str().map(str::to_owned))),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
            }
            // An object may be described by its fields alone; an enumeration by what may stand there.
            if leaf["properties"].is_object() {
                types.insert("object".to_owned());
            }
            for union in ["oneOf", "anyOf", "allOf"] {
                for one in leaf[union].as_array().into_iter().flatten().filter(|one| !one["$ref"].is_string()) {
                    types.extend(one["type"].as_str().map(str::to_owned));
                }
            }
        }
        types
    }

    fn kind(&mut self, kind: &Kind, schema: &Value, at: &str, of_request: bool) {
        let types = self.types(schema);
        let mut needs = |wanted: &[&str]| {
            if !wanted.iter().any(|one| types.contains(*one)) {
                self.wrong.push(format!("{at}: {} is none of {types:?}", wanted[0]));
            }
        };
        match kind {
            Kind::Any => {}
            Kind::Bool => needs(&["boolean"]),
            Kind::Int(..) => needs(&["integer"]),
            Kind::Number => needs(&["number", "integer"]),
            Kind::Id | Kind::Moment => needs(&["string"]),
            Kind::Bits => needs(&["integer", "string"]),
            Kind::Nonce => {
                needs(&["integer"]);
                needs(&["string"]);
            }
            Kind::Text(_, most) => {
                needs(&["string"]);
                self.measure(*most, schema, "maxLength", at, of_request);
            }
            Kind::List(of, most) => {
                needs(&["array"]);
                self.measure(*most, schema, "maxItems", at, of_request);
                let items = self.leaves(schema).into_iter().find_map(|(_, leaf)| leaf.get("items").cloned());
                self.kind(of, &items.unwrap_or_default(), &format!("{at}[]"), of_request);
            }
            Kind::Object(shape) => self.shape(shape, schema, at, of_request),
            Kind::ByType(shapes) => {
                for (_, shape) in *shapes {
                    self.shape(shape, schema, at, of_request);
                }
            }
        }
    }

    /// A measure of ours is not wider than the published one.
    fn measure(&mut self, ours: usize, schema: &Value, name: &str, at: &str, of_request: bool) {
        let published = self.leaves(schema).into_iter().find_map(|(_, leaf)| leaf[name].as_u64());
        let Some(published) = published.and_then(|number| usize::try_from(number).ok()) else { return };
        if of_request && ours != usize::MAX && ours > published {
            self.fail(at, format!("{ours} is more than {published}"));
        }
    }

    fn shape(&mut self, shape: &Shape, schema: &Value, at: &str, of_request: bool) {
        let leaves = self.leaves(schema);
        let Some((_, published)) = leaves.iter().find(|(name, _)| name == shape.name) else {
            let names: Vec<&String> = leaves.iter().map(|(name, _)| name).filter(|name| !name.is_empty()).collect();
            return self.fail(at, format!("`{}` is none of {names:?}", shape.name));
        };
        let properties = published["properties"].as_object().cloned().unwrap_or_default();
        let required: BTreeSet<&str> =
            published["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for field in shape.fields {
            self.field(field, &properties, &required, at, of_request);
        }
        for name in properties.keys() {
            let known = shape.fields.iter().any(|field| field.name == name);
            // What the fake never answers need not stand in its table, unless every answer has it.
            if !known && (of_request || required.contains(name.as_str())) {
                self.fail(&format!("{at}.{name}"), "is not in the table");
            }
        }
    }

    fn field(
        &mut self,
        field: &Field,
        properties: &serde_json::Map<String, Value>,
        required: &BTreeSet<&str>,
        at: &str,
        of_request: bool,
    ) {
        self.fields += 1;
        let at = format!("{at}.{}", field.name);
        let Some(published) = properties.get(field.name) else {
            return self.fail(&at, "is not published");
        };
        if field.required != required.contains(field.name) {
            self.fail(&at, "required on one side only");
        }
        if field.nullable != self.types(published).contains("null") {
            self.fail(&at, "null on one side only");
        }
        // Objects that contain themselves are looked at once.
        if at.split('.').count() < 12 {
            self.kind(&field.kind, published, &at, of_request);
        }
    }
}
