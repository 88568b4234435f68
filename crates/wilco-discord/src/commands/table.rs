//! Core's table of commands, as Discord registers them and as it hands them in.

use serde_json::{Value, json};
use wilco_core::command::{self, Command, Parsed, Spec, TABLE};
use wilco_core::pairing::PairingCode;

use crate::payload::Given;

/// The name of the entry in the menu of a message (Discord API, "Application Commands", message commands).
pub(crate) const CANCEL_THIS: &str = "Cancel this job";

/// The longest text that an option may have, in characters (Discord API, "Application Command Option").
const LONGEST: u32 = 6_000;

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Text,
    /// A whole number from 1.
    Number,
    Flag,
}

impl Takes {
    /// Discord API, "Application Command Option Type".
    fn number(self) -> u64 {
        match self {
            Self::Text => 3,
            Self::Number => 4,
            Self::Flag => 5,
        }
    }
}

/// What is offered while somebody types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offers {
    /// The worker kinds.
    Workers,
    /// Jobs that run or wait, and follow-ups that are pending.
    OpenJobsAndFollowups,
    /// Jobs that run or wait.
    OpenJobs,
    /// Jobs, those that have ended too.
    Jobs,
    /// The pages of the list, each with the follow-ups that stand on it.
    Pages,
}

struct Opt {
    name: &'static str,
    about: &'static str,
    takes: Takes,
    required: bool,
    offers: Option<Offers>,
}

const fn text(name: &'static str, about: &'static str) -> Opt {
    Opt { name, about, takes: Takes::Text, required: false, offers: None }
}

const fn required(option: Opt) -> Opt {
    Opt { required: true, ..option }
}

const fn offering(option: Opt, offers: Offers) -> Opt {
    Opt { offers: Some(offers), ..option }
}

/// The one option of a command that this table does not know more of: what is typed after the verb.
const ARGUMENTS: &str = "arguments";

const RUN: &[Opt] = &[
    offering(required(text("worker", "which worker")), Offers::Workers),
    text("text", "what it is to do, or its arguments"),
];
const STATUS: &[Opt] = &[offering(text("job", "a job's id; without it, how the bot is"), Offers::Jobs)];
const CANCEL: &[Opt] = &[
    offering(text("job", "a job's or follow-up's id; without it the only job here"), Offers::OpenJobsAndFollowups),
    text("reason", "why; shown to everybody who sees the job"),
    Opt { takes: Takes::Flag, ..text("followups", "call off what is scheduled in its place, too") },
];
const WATCH: &[Opt] = &[offering(required(text("job", "a job's id")), Offers::OpenJobs)];
const FOLLOWUP: &[Opt] = &[
    required(text("when", "such as: in 2h, tomorrow 9:00, every weekday 9:00")),
    required(text("text", "what to say then, or a command such as /run report")),
    text("key", "a later one of yours with the same key takes its place"),
];
const FOLLOWUPS: &[Opt] =
    &[offering(Opt { takes: Takes::Number, ..text("page", "which part of a long list") }, Offers::Pages)];
const PAIR: &[Opt] = &[required(text("code", "the code that the terminal shows"))];
const TIMEZONE: &[Opt] = &[
    text("zone", "such as Europe/Berlin; without it, what holds now"),
    Opt { takes: Takes::Flag, ..text("here", "set it for everybody in this channel") },
];

/// The options of a verb. None means that its arguments are one line, which core reads as it does everywhere.
fn options(spec: &Spec) -> Option<&'static [Opt]> {
    Some(match spec.verb {
        "run" => RUN,
        "status" => STATUS,
        "cancel" => CANCEL,
        "watch" => WATCH,
        "followup" => FOLLOWUP,
        "followups" => FOLLOWUPS,
        "timezone" => TIMEZONE,
        "pair" => PAIR,
        // The word after it stands for the place in which it is typed; a command of Discord's has that anyway.
        "stop" => &[],
        _ if spec.args.is_empty() => &[],
        _ => return None,
    })
}

/// Every command in the form in which it is registered. `global` ones say where they may be used; of those of one
/// guild Discord takes no such word (Discord API, "Create Guild Application Command").
pub(crate) fn render(global: bool) -> Vec<Value> {
    let named = TABLE.iter().flat_map(|spec| {
        let alias = spec.alias.map(|alias| slash(alias, spec));
        std::iter::once(slash(spec.verb, spec)).chain(alias)
    });
    let mut all: Vec<Value> = named.chain(std::iter::once(json!({ "type": 3, "name": CANCEL_THIS }))).collect();
    if global {
        for command in &mut all {
            // In guilds and in the bot's own direct messages; installed to guilds.
            command["contexts"] = json!([0, 1]);
            command["integration_types"] = json!([0]);
        }
    }
    all
}

fn slash(name: &str, spec: &Spec) -> Value {
    let options: Vec<Value> = match options(spec) {
        Some(options) => options.iter().map(option).collect(),
        None => {
            let required = spec.args.starts_with('<');
            vec![json!({
                "type": Takes::Text.number(), "name": ARGUMENTS, "description": spec.args,
                "required": required, "max_length": LONGEST,
            })]
        }
    };
    json!({ "type": 1, "name": name, "description": spec.about, "options": options })
}

fn option(option: &Opt) -> Value {
    let mut value = json!({
        "type": option.takes.number(), "name": option.name, "description": option.about, "required": option.required,
    });
    match option.takes {
        Takes::Text => value["max_length"] = json!(LONGEST),
        Takes::Number => value["min_value"] = json!(1),
        Takes::Flag => {}
    }
    if option.offers.is_some() {
        value["autocomplete"] = json!(true);
    }
    value
}

fn spec(name: &str) -> Option<&'static Spec> {
    TABLE.iter().find(|spec| spec.verb == name || spec.alias == Some(name))
}

/// What is offered for an option of a command.
pub(crate) fn offers(name: &str, option: &str) -> Option<Offers> {
    options(spec(name)?)?.iter().find(|known| known.name == option)?.offers
}

/// What was given, in core's words. A command that was registered by another version is told apart like a typed one.
pub(crate) fn read(name: &str, given: &[Given]) -> Parsed {
    let Some(spec) = spec(name) else {
        let nearest = wilco_core::text::nearest(name, TABLE.iter().map(|spec| spec.verb));
        return Parsed::Unknown { verb: name.to_owned(), nearest };
    };
    let of = |name: &str| given.iter().find(|one| one.name == name).map(|one| &one.value);
    let text = |name: &str| {
        let text = of(name).and_then(Value::as_str).map(str::trim);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let flag = |name: &str| of(name).and_then(Value::as_bool).unwrap_or(false);
    let command = match spec.verb {
        "run" => text("worker").map(|worker| Command::Run { worker, text: text("text").unwrap_or_default() }),
        "jobs" => Some(Command::Jobs),
        "status" => Some(Command::Status { job: text("job") }),
        "cancel" => Some(Command::Cancel { job: text("job"), reason: text("reason"), followups: flag("followups") }),
        "watch" => text("job").map(|job| Command::Watch { job }),
        "followup" => text("when").zip(text("text")).map(|(when, text_)| Command::Followup {
            when,
            text: text_,
            key: text("key"),
        }),
        "followups" => {
            let page = of("page").and_then(Value::as_u64).and_then(|page| u32::try_from(page).ok());
            Some(Command::Followups { page: page.unwrap_or(1).max(1) })
        }
        "stop" => Some(Command::Stop),
        "timezone" => Some(Command::Timezone { zone: text("zone"), here: flag("here") }),
        "pair" => text("code").map(|code| Command::Pair { code: PairingCode::typed(&code) }),
        "whoami" => Some(Command::Whoami),
        "help" => Some(Command::Help),
        verb => return command::parse(&format!("/{verb} {}", text(ARGUMENTS).unwrap_or_default())),
    };
    command.map_or(Parsed::Usage(spec), Parsed::Command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(options: &[(&str, Value)]) -> Vec<Given> {
        let one = |(name, value): &(&str, Value)| Given {
            name: (*name).to_owned(),
            value: value.clone(),
            ..Given::default()
        };
        options.iter().map(one).collect()
    }

    #[test]
    fn every_line_of_the_table_is_registered_within_discords_measures() {
        let all = render(true);
        for spec in TABLE {
            for name in std::iter::once(spec.verb).chain(spec.alias) {
                let one = all.iter().find(|one| one["name"] == name && one["type"] == 1);
                let one = one.unwrap_or_else(|| panic!("/{name} is not registered"));
                assert!((1..=100).contains(&one["description"].as_str().unwrap().chars().count()), "{one}");
                let options = one["options"].as_array().unwrap();
                assert!(options.len() <= 25);
                let mut optional = false;
                for option in options {
                    let name = option["name"].as_str().unwrap();
                    assert!(name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_lowercase()), "{option}");
                    assert!((1..=100).contains(&option["description"].as_str().unwrap().chars().count()), "{option}");
                    assert!(!(optional && option["required"] == true), "required ones stand first: {one}");
                    optional |= option["required"] == false;
                }
            }
        }
        assert!(all.iter().any(|one| one["type"] == 3 && one["name"] == CANCEL_THIS));
        assert!(all.iter().all(|one| one["contexts"] == json!([0, 1])));
        assert!(render(false).iter().all(|one| one.get("contexts").is_none()));
    }

    #[test]
    fn every_registered_command_is_read_as_the_one_of_its_line() {
        for command in render(false).iter().filter(|one| one["type"] == 1) {
            let name = command["name"].as_str().unwrap();
            let options: Vec<(&str, Value)> = command["options"].as_array().unwrap().iter().map(example).collect();
            let parsed = read(name, &given(&options));
            let Parsed::Command(read) = parsed else { panic!("/{name} with everything given: {parsed:?}") };
            assert_eq!(read.spec(), spec(name).unwrap());
        }
    }

    fn example(option: &Value) -> (&str, Value) {
        let value = match option["type"].as_u64() {
            Some(4) => json!(2),
            Some(5) => json!(true),
            _ => json!("1234"),
        };
        (option["name"].as_str().unwrap(), value)
    }

    #[test]
    fn options_become_the_fields_of_the_command() {
        let run = read("run", &given(&[("worker", json!("report")), ("text", json!(" a  b "))]));
        assert_eq!(run, Parsed::Command(Command::Run { worker: "report".into(), text: "a  b".into() }));
        let cancel = read("cancel", &given(&[("followups", json!(true)), ("job", json!(" "))]));
        assert_eq!(cancel, Parsed::Command(Command::Cancel { job: None, reason: None, followups: true }));
        let when = [("when", json!("in 2h")), ("text", json!("/run report")), ("key", json!("r"))];
        let followup =
            Command::Followup { when: "in 2h".into(), text: "/run report".into(), key: Some("r".to_owned()) };
        assert_eq!(read("followup", &given(&when)), Parsed::Command(followup.clone()));
        assert_eq!(read("remind", &given(&when)), Parsed::Command(followup), "the alias");
        assert_eq!(read("followups", &given(&[("page", json!(3))])), Parsed::Command(Command::Followups { page: 3 }));
        assert_eq!(read("stop", &[]), Parsed::Command(Command::Stop));
        let zone = Command::Timezone { zone: Some("Europe/Berlin".into()), here: true };
        let options = given(&[("zone", json!("Europe/Berlin")), ("here", json!(true))]);
        assert_eq!(read("timezone", &options), Parsed::Command(zone));
    }

    #[test]
    fn what_another_version_registered_is_answered_and_not_guessed() {
        assert!(matches!(read("run", &[]), Parsed::Usage(spec) if spec.verb == "run"));
        assert_eq!(read("stats", &[]), Parsed::Unknown { verb: "stats".into(), nearest: Some("status") });
    }

    #[test]
    fn names_are_offered_where_there_are_names() {
        assert_eq!(offers("run", "worker"), Some(Offers::Workers));
        assert_eq!(offers("cancel", "job"), Some(Offers::OpenJobsAndFollowups));
        assert_eq!(offers("status", "job"), Some(Offers::Jobs));
        assert_eq!(offers("watch", "job"), Some(Offers::OpenJobs));
        assert_eq!(offers("followups", "page"), Some(Offers::Pages));
        assert_eq!((offers("run", "text"), offers("nothing", "job")), (None, None));
    }
}
