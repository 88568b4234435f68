//! What is wrong with words that are no time.

use super::grammar::Words;
use super::lexicon::{number, unit};

/// Why a text does not begin with a time, and what may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Puzzle {
    /// The end of a sentence that begins with what was given.
    pub(super) why: String,
    /// Time words to propose. Not all of them have to be good.
    pub(super) ideas: Vec<String>,
}

/// Looks at a text that [`super::grammar::read`] does not take.
pub(super) fn puzzle(text: &str) -> Puzzle {
    let words = Words::of(text);
    let said = |why: &str, ideas: &[String]| Puzzle { why: why.to_owned(), ideas: ideas.to_vec() };
    let clocks = |end: usize| {
        let day = words.lower.get(..end).unwrap_or_default().join(" ");
        let nine = if day.starts_with(|c: char| c.is_ascii_digit()) { "09:00" } else { "9:00" };
        [format!("{day} {nine}"), format!("{day} 17:00")]
    };
    match words.get(0) {
        Some("in") => match words.get(1).and_then(number) {
            Some(count) if words.get(2).and_then(unit).is_none() => {
                said("has a number without a unit", &["m", "h", "d"].map(|unit| format!("in {count}{unit}")))
            }
            _ => said("is no length of time in minutes, hours, days or weeks", &[]),
        },
        Some("every") => match (words.days(1), words.span(1)) {
            (Some((_, end)), _) if words.clock(end).is_none() => said("has no time of day", &clocks(end)),
            (None, Some(_)) => said(
                "has both an interval and a time of day",
                &["every day 9:00".to_owned(), "every mon,thu 9:00".to_owned()],
            ),
            _ => said("is not a repeating time", &["every weekday 9:00".to_owned(), "every 30m".to_owned()]),
        },
        Some("cron") => said(
            "is not a cron rule of exactly five fields (minute, hour, day of month, month, weekday; no seconds)",
            &["cron 0 9 * * 1-5".to_owned(), "every weekday 9:00".to_owned()],
        ),
        Some(word) => match words.day(0) {
            Some((_, end)) if words.clock(end).is_none() => said("has no time of day", &clocks(end)),
            _ if looks_like_a_date(word) => said("is no date of the calendar", &[]),
            _ => match number(word) {
                Some(count) => said("has a number without a unit", &[format!("in {count}m"), format!("at {count}:00")]),
                None if word == "at" || word.contains(':') => {
                    said("has no time of day from 0:00 to 23:59", &["at 9:00".to_owned(), "at 17:00".to_owned()])
                }
                None => said("does not begin with a time", &[]),
            },
        },
        None => said("is empty", &[]),
    }
}

fn looks_like_a_date(word: &str) -> bool {
    let parts: Vec<Option<u64>> = word.split(['-', 't']).take(3).map(number).collect();
    parts.len() == 3 && parts.iter().all(Option::is_some)
}
