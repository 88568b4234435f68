//! Reads one layer against the table of keys and collects everything that is wrong with it.

use std::collections::BTreeMap;
use std::time::Duration;

use wilco_core::text::nearest;

use super::forms;
use super::problem::{Origin, Problem};
use super::schema::{self, Key, Kind};
use super::tree::{Entry, Node, Raw};
use crate::logs::{mask_url, redact};

/// A checked value.
// No `Debug`: values hold what came from variables. A setting shows how it was written.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    Number(u32),
    /// None is `"off"`.
    Span(Option<Duration>),
    Choice(&'static str),
    Flag(bool),
    /// None is `"auto"`.
    Auto(Option<bool>),
    Text(String),
    Texts(Vec<String>),
    Tables(Vec<Item>),
}

/// One table of a list.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) at: Origin,
    pub(super) fields: BTreeMap<String, Setting>,
}

/// A value with where it came from and how it may be shown.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) at: Origin,
    /// As it was written: variables are not replaced here, and what looks like a token is masked.
    pub(super) shown: String,
    pub(super) reload: bool,
}

impl std::fmt::Debug for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.shown, self.at)
    }
}

// Two layers that say the same are the same: a line that moved is no change.
impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Setting {}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

impl Eq for Item {}

/// What one layer sets, or several laid over one another.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    /// By the key with its sections.
    pub(super) settings: BTreeMap<String, Setting>,
    /// The worker kinds that it names, also when it sets nothing in them.
    pub(super) workers: BTreeMap<String, Origin>,
    /// The backend accounts that it names, likewise.
    pub(super) backends: BTreeMap<String, Origin>,
    /// Where it has a section about Discord, also an empty one.
    pub(super) discord: Option<Origin>,
    /// Where it has a section about Slack that is not only there for the ones below it.
    pub(super) slack: Option<Origin>,
    /// The named connections to Slack, likewise.
    pub(super) slacks: BTreeMap<String, Origin>,
}

impl Layer {
    /// Lays another one over this.
    pub(super) fn over(&mut self, later: Self) {
        self.settings.extend(later.settings);
        for (name, at) in later.workers {
            self.workers.entry(name).or_insert(at);
        }
        for (name, at) in later.backends {
            self.backends.entry(name).or_insert(at);
        }
        self.discord = self.discord.take().or(later.discord);
        self.slack = self.slack.take().or(later.slack);
        for (name, at) in later.slacks {
            self.slacks.entry(name).or_insert(at);
        }
    }

    /// How the value of a key is shown, if it is set.
    pub(super) fn shown(&self, path: &str) -> Option<&str> {
        self.settings.get(path).map(|setting| setting.shown.as_str())
    }
}

/// Reads layers one after the other.
#[derive(Default)]
pub(super) struct Reader<'a> {
    /// Where `${NAME}` is looked up; none leaves texts as they are.
    pub(super) variables: Option<&'a BTreeMap<String, String>>,
    /// What to name as the default of a key.
    pub(super) defaults: Option<&'a Layer>,
    /// What was read.
    pub(super) layer: Layer,
    /// What is wrong.
    pub(super) problems: Vec<Problem>,
    /// What deserves a warning.
    pub(super) warnings: Vec<Problem>,
}

impl Reader<'_> {
    /// Reads a whole document.
    pub(super) fn document(&mut self, entries: &[Entry]) {
        let mut settings = BTreeMap::new();
        self.section(entries, "", "", &mut settings);
        self.layer.settings.extend(settings);
    }

    fn section(&mut self, entries: &[Entry], pattern: &str, path: &str, into: &mut BTreeMap<String, Setting>) {
        for entry in entries {
            let here = join(path, &entry.name);
            if pattern.is_empty() && entry.name == "discord" {
                self.layer.discord.get_or_insert_with(|| entry.at.clone());
            }
            if pattern.is_empty() && entry.name == "slack" && is_its_own(entry) {
                self.layer.slack.get_or_insert_with(|| entry.at.clone());
            }
            let named = match pattern {
                "workers" => Some(("no worker kind can have this name", &mut self.layer.workers)),
                "backends" => Some(("no backend can have this name", &mut self.layer.backends)),
                // Keys of its own stand beside the names, so a name is what is a section and no key.
                "slack" if is_named(entry) => {
                    Some(("no connection to Slack can have this name", &mut self.layer.slacks))
                }
                _ => None,
            };
            let place = if let Some((what, known)) = named {
                if !forms::is_name(&entry.name) {
                    let mut problem = Problem::new(entry.at.clone(), here, what);
                    problem.allowed = Some(forms::Text::ArgName.allowed().to_owned());
                    self.problems.push(problem);
                    continue;
                }
                known.insert(entry.name.clone(), entry.at.clone());
                format!("{pattern}.<name>")
            } else {
                join(pattern, &entry.name)
            };
            if let Some(key) = schema::key(&place) {
                if let Some(setting) = self.leaf(key, &here, &entry.node) {
                    into.insert(here, setting);
                }
            } else if schema::names_in(&place).is_empty() {
                self.unknown(entry, pattern, here);
            } else if let Raw::Table(inner) = &entry.node.raw {
                self.section(inner, &place, &here, into);
            } else {
                let what = format!("this is a section, not {}; write [{here}]", entry.node.raw.is());
                self.problems.push(Problem::new(entry.node.at.clone(), here, what));
            }
        }
    }

    fn unknown(&mut self, entry: &Entry, pattern: &str, here: String) {
        let names = schema::names_in(pattern);
        let near = nearest(&entry.name, names.iter().copied().filter(|name| !name.starts_with('<')));
        let what = match (near, schema::homes_of(&entry.name).as_slice()) {
            (None, [home, ..]) => format!("there is no such key here; it belongs to [{home}]"),
            // In TOML everything below a heading is in that section, so the end of the file is the wrong place.
            (_, []) if schema::key(&entry.name).is_some() => {
                "there is no such key here; it stands at the top of the file, above the first section".to_owned()
            }
            (Some(_) | None, _) => "there is no such key".to_owned(),
        };
        self.problems.push(Problem::new(entry.at.clone(), here, what).nearest(near));
    }

    fn leaf(&mut self, key: &'static Key, path: &str, node: &Node) -> Option<Setting> {
        let found = match (&key.kind, &node.raw) {
            (Kind::Number { min, max, .. }, Raw::Whole(number)) => match u32::try_from(*number) {
                Ok(value) if (*min..=*max).contains(&value) => Ok((Value::Number(value), value.to_string())),
                Ok(_) | Err(_) => Err(format!("{number} is out of range")),
            },
            (Kind::Span { min, max, off }, Raw::Text(text)) => match (text.as_str(), forms::duration(text)) {
                ("off", _) if *off => Ok((Value::Span(None), quoted(text))),
                (_, Some(span)) if (*min..=*max).contains(&span) => Ok((Value::Span(Some(span)), quoted(text))),
                (_, Some(_)) => Err(format!("{} is out of range", quoted(text))),
                (_, None) => Err(format!("{} is no duration", quoted(text))),
            },
            (Kind::Choice(words), Raw::Text(text)) => match words.iter().find(|word| *word == text) {
                Some(word) => Ok((Value::Choice(word), quoted(word))),
                None => return self.no_choice(key, path, node, text, words),
            },
            (Kind::Flag, Raw::Flag(flag)) => Ok((Value::Flag(*flag), flag.to_string())),
            (Kind::Auto, Raw::Flag(flag)) => Ok((Value::Auto(Some(*flag)), flag.to_string())),
            (Kind::Auto, Raw::Text(text)) if text == "auto" => Ok((Value::Auto(None), quoted(text))),
            (Kind::Text(form), Raw::Text(_)) => {
                self.text(*form, path, node).map(|(text, shown)| (Value::Text(text), shown))
            }
            (Kind::Texts { form, min, max }, Raw::List(list)) => {
                return self.texts(key, (*form, *min, *max), path, node, list);
            }
            (Kind::Tables { max }, Raw::List(list)) => return self.tables(key, *max, path, node, list),
            (kind, raw) => Err(wrong_type(kind, raw)),
        };
        match found {
            Ok((value, shown)) => Some(Setting { value, at: node.at.clone(), shown, reload: key.reload }),
            Err(what) => self.wrong(key, path, &node.at, what, None),
        }
    }

    fn wrong(&mut self, key: &Key, path: &str, at: &Origin, what: String, near: Option<&str>) -> Option<Setting> {
        // A text that already says what is missing has been reported with its own place.
        if what.is_empty() {
            return None;
        }
        let default = match key.absent {
            "" => self.defaults.and_then(|layer| layer.shown(key.path)).map(str::to_owned),
            "required" => None,
            from if from.starts_with("defaults.") => {
                let value = self.defaults.and_then(|layer| layer.shown(from)).unwrap_or_default();
                Some(format!("that of {from}, {value} unless set"))
            }
            words => Some(words.to_owned()),
        };
        let mut problem = Problem::new(at.clone(), path, what).nearest(near);
        problem.allowed = Some(key.kind.allowed());
        problem.default = default;
        self.problems.push(problem);
        None
    }

    fn no_choice(&mut self, key: &Key, path: &str, node: &Node, text: &str, words: &[&str]) -> Option<Setting> {
        let near = nearest(text, words.iter().copied());
        self.wrong(key, path, &node.at, format!("{} is not one of the choices", quoted(text)), near)
    }

    /// Replaces variables and checks the form. An empty error has been reported already.
    fn text(&mut self, form: forms::Text, path: &str, node: &Node) -> Result<(String, String), String> {
        let Raw::Text(written) = &node.raw else {
            return Err(format!("this is {}; it has to be a text in quotes", node.raw.is()));
        };
        let shown = if form.is_secret() { masked(written, self.variables) } else { quoted(written) };
        let text = match self.variables {
            None => written.clone(),
            Some(variables) => {
                let literal = form.is_secret() && shown == MASKED;
                if (literal || redact(written) != written.as_str()) && matches!(node.at, Origin::File { .. }) {
                    let what = "this looks like a secret; keep it in the environment and write ${NAME} here";
                    self.warnings.push(Problem::new(node.at.clone(), path, what));
                }
                match replace(written, variables) {
                    Ok(text) => text,
                    Err(what) => {
                        self.problems.push(Problem::new(node.at.clone(), path, what));
                        return Err(String::new());
                    }
                }
            }
        };
        form.check(&text).map_err(|what| format!("{shown}: {what}"))?;
        Ok((text, shown))
    }

    fn texts(
        &mut self,
        key: &Key,
        (form, min, max): (forms::Text, usize, usize),
        path: &str,
        node: &Node,
        list: &[Node],
    ) -> Option<Setting> {
        if list.len() < min || list.len() > max {
            return self.wrong(key, path, &node.at, format!("the list has {} texts", list.len()), None);
        }
        let (mut all, mut shown) = (Vec::new(), Vec::new());
        for (index, item) in list.iter().enumerate() {
            match self.text(form, path, item) {
                Ok((text, display)) => {
                    all.push(text);
                    shown.push(display);
                }
                Err(what) if what.is_empty() => {}
                Err(what) => {
                    self.wrong(key, path, &item.at, format!("number {} of the list: {what}", index + 1), None);
                }
            }
        }
        let shown = format!("[{}]", shown.join(", "));
        Some(Setting { value: Value::Texts(all), at: node.at.clone(), shown, reload: key.reload })
    }

    fn tables(&mut self, key: &Key, max: usize, path: &str, node: &Node, list: &[Node]) -> Option<Setting> {
        if list.len() > max {
            return self.wrong(key, path, &node.at, format!("the list has {} tables", list.len()), None);
        }
        let (mut items, mut shown) = (Vec::new(), Vec::new());
        let pattern = format!("{}[]", key.path);
        for (index, item) in list.iter().enumerate() {
            let Raw::Table(inner) = &item.raw else {
                let what = format!("number {} of the list is {}; it has to be a table", index + 1, item.raw.is());
                self.wrong(key, path, &item.at, what, None);
                continue;
            };
            let mut read = BTreeMap::new();
            let here = format!("{path}[{}]", index + 1);
            self.section(inner, &pattern, &here, &mut read);
            let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
            let fields: BTreeMap<String, Setting> =
                read.into_iter().map(|(path, setting)| (last(&path), setting)).collect();
            let pairs: Vec<String> = fields.iter().map(|(name, field)| format!("{name} = {}", field.shown)).collect();
            shown.push(format!("{{ {} }}", pairs.join(", ")));
            items.push(Item { at: item.at.clone(), fields });
        }
        let shown = format!("[{}]", shown.join(", "));
        Some(Setting { value: Value::Tables(items), at: node.at.clone(), shown, reload: key.reload })
    }
}

/// Whether an entry of `[slack]` is a named connection.
fn is_named(entry: &Entry) -> bool {
    matches!(entry.node.raw, Raw::Table(_)) && schema::key(&join("slack", &entry.name)).is_none()
}

/// Whether `[slack]` is a connection itself. `[slack.ops]` alone makes a section above it that nobody has written; its
/// name then stands in the same line.
fn is_its_own(entry: &Entry) -> bool {
    match &entry.node.raw {
        Raw::Table(inner) => {
            let line = |origin: &Origin| match origin {
                Origin::File { line, .. } => Some(*line),
                Origin::Default | Origin::Env(_) | Origin::Flag(_) => None,
            };
            let is_written = line(&entry.at).is_some() && inner.iter().all(|one| line(&one.at) != line(&entry.at));
            is_written || inner.is_empty() || !inner.iter().all(is_named)
        }
        Raw::Text(_) | Raw::Whole(_) | Raw::Fraction | Raw::Flag(_) | Raw::Moment | Raw::List(_) => false,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A text as a person may see it: in quotes, without secrets, not too long.
fn quoted(text: &str) -> String {
    let safe = mask_url(&redact(text)).into_owned();
    let cut = wilco_core::text::cut(&safe, 200, wilco_core::text::Unit::Chars);
    format!("\"{}\"", cut.escape_debug())
}

/// What is shown of a secret.
const MASKED: &str = "\"[secret]\"";

/// A secret is shown only where it is nothing but the name of a variable.
fn masked(text: &str, variables: Option<&BTreeMap<String, String>>) -> String {
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    match name {
        Some(name) if variables.is_some() && forms::is_env_name(name) => quoted(text),
        Some(_) | None => MASKED.to_owned(),
    }
}

fn wrong_type(kind: &Kind, raw: &Raw) -> String {
    let wanted = match (kind, raw) {
        (Kind::Number { .. }, Raw::Text(_)) => "a whole number without quotes",
        (Kind::Number { .. }, _) => "a whole number",
        (Kind::Span { .. }, _) => "a duration in quotes, such as \"90s\"",
        (Kind::Choice(_) | Kind::Text(_), _) => "a text in quotes",
        (Kind::Flag, _) => "true or false",
        (Kind::Auto, _) => "\"auto\", true or false",
        (Kind::Texts { .. }, _) => "a list of texts, such as [\"./report.sh\"]",
        (Kind::Tables { .. }, _) => "a list of tables",
    };
    format!("this is {}; it has to be {wanted}", raw.is())
}

/// Replaces `${NAME}` by the variable; `$${NAME}` stays as `${NAME}`, and any other dollar sign as it is.
fn replace(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = (rest.get(..at).unwrap_or_default(), rest.get(at + 2..).unwrap_or_default());
        if let Some(escaped) = before.strip_suffix('$') {
            out.push_str(escaped);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            return Err("a `${` is not closed; write $${ for the two characters themselves".to_owned());
        };
        if !forms::is_env_name(name) {
            return Err(
                "between `${` and `}` has to be the name of a variable; write $${ for the characters".to_owned()
            );
        }
        let value = variables.get(name);
        out.push_str(value.ok_or_else(|| format!("the environment variable {name} is not set"))?);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_and_missing_ones_are_named() {
        let variables = BTreeMap::from([("A".to_owned(), "1".to_owned()), ("B_2".to_owned(), "${A}".to_owned())]);
        let table = [
            ("plain $ text", Ok("plain $ text")),
            ("${A}", Ok("1")),
            ("x${A}y${B_2}z", Ok("x1y${A}z")),
            ("$${A}", Ok("${A}")),
            ("[a]{2}$", Ok("[a]{2}$")),
            ("${C}", Err("C is not set")),
            ("${", Err("not closed")),
            ("${A B}", Err("has to be the name")),
        ];
        for (text, expected) in table {
            match (replace(text, &variables), expected) {
                (Ok(got), Ok(wanted)) => assert_eq!(got, wanted, "{text}"),
                (Err(got), Err(wanted)) => assert!(got.contains(wanted), "{text}: {got}"),
                (got, wanted) => panic!("{text}: {got:?}, wanted {wanted:?}"),
            }
        }
    }
}
