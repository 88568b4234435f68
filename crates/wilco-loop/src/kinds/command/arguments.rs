//! From what a person typed to whole, checked arguments.

use regex::Regex;
use wilco_core::text;

use super::quote;
use super::spec::{ArgSpec, CommandSpec};

/// How many values a `rest` argument takes.
const MAX_REST: usize = 100;

/// A command's arguments with their patterns compiled.
pub(super) struct Arguments {
    worker: String,
    all: Vec<(ArgSpec, Option<Regex>)>,
    /// Whether a value may begin with a dash.
    dashes: bool,
}

impl Arguments {
    /// Compiles the patterns; the error is a sentence.
    pub(super) fn new(spec: &CommandSpec) -> Result<Self, String> {
        let compiled = |arg: &ArgSpec| match &arg.pattern {
            None => Ok((arg.clone(), None)),
            Some(pattern) => whole(pattern)
                .map(|regex| (arg.clone(), Some(regex)))
                .map_err(|why| format!("worker `{}`: the pattern of `{}` cannot be read: {why}", spec.name, arg.name)),
        };
        let all = spec.args.iter().map(compiled).collect::<Result<_, _>>()?;
        Ok(Self { worker: spec.name.clone(), all, dashes: spec.separator.is_some() })
    }

    /// The values in their order. The error is a sentence for the person who typed them.
    pub(super) fn read(&self, typed: &str) -> Result<Vec<String>, String> {
        let values = wilco_core::command::words(typed).map_err(|why| format!("{why}; {}", self.usage()))?;
        let takes_rest = self.all.last().is_some_and(|(arg, _)| arg.rest);
        let most = if takes_rest { self.all.len() - 1 + MAX_REST } else { self.all.len() };
        if values.len() > most {
            return Err(format!("{} is more than `{}` takes; {}", count(values.len()), self.worker, self.usage()));
        }
        if let Some((missing, _)) = self.all.get(values.len()).filter(|(arg, _)| !arg.optional) {
            return Err(format!("`{}` is missing; {}", missing.name, self.usage()));
        }
        // `cycle` cannot run on: there are more values than arguments only behind a `rest`.
        let specs = self.all.iter().chain(self.all.last().into_iter().cycle());
        values.iter().zip(specs).try_for_each(|(value, (arg, pattern))| self.check(value, arg, pattern.as_ref()))?;
        Ok(values)
    }

    fn check(&self, value: &str, arg: &ArgSpec, pattern: Option<&Regex>) -> Result<(), String> {
        let (name, given) = (&arg.name, quote(value));
        let length = value.chars().count();
        if length > arg.max_chars {
            return Err(format!("`{name}` takes at most {} characters; {given} has {length}", arg.max_chars));
        }
        if value.chars().any(char::is_control) || text::sanitise(value) != value {
            return Err(format!("`{name}` takes no control or invisible characters; {given} has some"));
        }
        if !self.dashes && value.starts_with('-') {
            return Err(format!("`{name}` must not begin with a dash; you gave {given}"));
        }
        match (pattern, &arg.pattern) {
            (Some(regex), Some(source)) if !regex.is_match(value) => {
                Err(format!("`{name}` has to match the pattern `{source}` as a whole; you gave {given}"))
            }
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }

    fn usage(&self) -> String {
        let usage: Vec<String> = self.all.iter().map(|(arg, _)| arg.usage()).collect();
        format!("usage: `{}`", format!("/run {} {}", self.worker, usage.join(" ")).trim_end())
    }
}

fn count(values: usize) -> String {
    if values == 1 { "1 argument".to_owned() } else { format!("{values} arguments") }
}

/// The pattern for a whole value. It has to stand on its own first, so that an unbalanced one
/// cannot close the group that is put round it.
fn whole(pattern: &str) -> Result<Regex, String> {
    let words = |error: regex::Error| error.to_string().lines().last().unwrap_or_default().trim().to_owned();
    Regex::new(pattern).map_err(words)?;
    Regex::new(&format!(r"\A(?:{pattern})\z")).map_err(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(change: impl FnOnce(&mut CommandSpec)) -> Arguments {
        let mut spec = CommandSpec::new("report", ["./report.sh"]);
        spec.args = vec![
            ArgSpec { pattern: Some("north|northwest|[a-z]{2}".into()), ..ArgSpec::new("region") },
            ArgSpec { optional: true, max_chars: 7, ..ArgSpec::new("month") },
        ];
        change(&mut spec);
        Arguments::new(&spec).unwrap()
    }

    #[test]
    fn values_are_whole_and_shell_words_mean_nothing() {
        let free = arguments(|spec| spec.args = vec![ArgSpec { rest: true, optional: true, ..ArgSpec::new("text") }]);
        assert_eq!(free.read("").unwrap(), Vec::<String>::new());
        assert_eq!(free.read("; rm -rf '$(id) `x`' --all").unwrap(), [";", "rm", "-rf", "$(id) `x`", "--all"]);
        assert_eq!(arguments(|_| ()).read("northwest 2026-11").unwrap(), ["northwest", "2026-11"]);
    }

    #[test]
    fn each_refusal_names_the_argument_and_what_was_given() {
        let table = [
            ("", "`region` is missing; usage: `/run report <region> [month]`"),
            ("no 1 2", "3 arguments is more than `report` takes"),
            (
                "northern",
                "`region` has to match the pattern `north|northwest|[a-z]{2}` as a whole; you gave `northern`",
            ),
            ("'no\n'", "`region` takes no control or invisible characters; `no` has some"),
            ("\"n\u{202e}o\"", "`region` takes no control or invisible characters; `no` has some"),
            ("no 2026-11-20", "`month` takes at most 7 characters; `2026-11-20` has 10"),
            ("'open", "the quote ' is not closed; usage"),
        ];
        for (typed, expected) in table {
            let error = arguments(|_| ()).read(typed).unwrap_err();
            assert!(error.contains(expected), "{typed:?}: {error}");
        }
        let long = arguments(|_| ()).read(&"x".repeat(10 << 20)).unwrap_err();
        assert!(long.len() < 300, "what was given is cut");
    }

    #[test]
    fn without_a_separator_no_value_can_be_an_option() {
        let bare = arguments(|spec| (spec.separator, spec.args[0].pattern) = (None, None));
        assert!(bare.read("--output=/etc/passwd").unwrap_err().contains("must not begin with a dash"));
        assert!(bare.read("no").is_ok());
    }

    #[test]
    fn each_value_of_the_rest_is_checked() {
        let rest = arguments(|spec| {
            spec.args[1] = ArgSpec { pattern: Some("[0-9]+".into()), rest: true, ..ArgSpec::new("year") }
        });
        assert!(rest.read("no").unwrap_err().contains("`year` is missing"));
        assert_eq!(rest.read("no 1 2 3").unwrap().len(), 4);
        assert!(rest.read("no 1 2 x").unwrap_err().contains("you gave `x`"));
        assert!(rest.read(&format!("no{}", " 1".repeat(101))).unwrap_err().contains("102 arguments"));
    }
}
