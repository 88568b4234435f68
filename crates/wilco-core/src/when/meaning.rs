//! What words mean at a moment and in a zone.

use std::time::Duration;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::cron::Cron;
use super::grammar::{self, Spoken};
use super::local::{resolve, wall};
use super::puzzle::{Puzzle, puzzle};
use super::words::exact;
use super::{Bounds, Help, Rule, Schedule, UnknownZone, When, WhenError, Zone, moment};
use crate::{Timestamp, text, wording};

/// The longest words that a refusal repeats, in characters.
const SHOWN: usize = 60;

/// Reads time words; the whole string has to be one time.
///
/// `zone` is the person's; words that name one of their own win. Blanks and case do not matter.
///
/// # Errors
///
/// [`WhenError`] with the reason, the allowed range and two suggestions. They are accepted at `now`
/// in `zone` as long as the bounds leave room for any time at all.
pub fn parse(words: &str, now: Timestamp, zone: Zone, bounds: &Bounds) -> Result<When, WhenError> {
    read(words, now, zone, bounds).map_err(|trouble| trouble.explain(words, now, zone, bounds))
}

/// A reason without the help, so that suggestions can be tried without making suggestions.
enum Trouble {
    Puzzle(Puzzle),
    Past(String),
    TooSoon(Duration),
    TooFar(Duration),
    TooOften(Duration),
    Never(String),
    Zone { unknown: UnknownZone, time: String },
}

fn read(words: &str, now: Timestamp, person: Zone, bounds: &Bounds) -> Result<When, Trouble> {
    let words = words.trim();
    let Some(reading) = grammar::read(words) else { return Err(Trouble::Puzzle(puzzle(words))) };
    let (time, rest) = words.split_at_checked(reading.end).unwrap_or((words, ""));
    let unknown_zone = |unknown: UnknownZone, name: &str| {
        let time = time.strip_suffix(name).unwrap_or(time).trim_end().to_owned();
        Trouble::Zone { unknown, time }
    };
    let zone = match (reading.zone, rest.trim()) {
        (Some(Ok(zone)), "") => zone,
        (None, "") => person,
        (Some(Err(unknown)), _) => {
            let name = time.split_whitespace().next_back().unwrap_or_default();
            return Err(unknown_zone(unknown, name));
        }
        // Nothing else can follow here, so a last word can only be meant as a zone, and names
        // without a slash such as `Japan` are no riddle.
        (None, last) if last.split_whitespace().count() == 1 => match Zone::parse(last) {
            Ok(zone) => zone,
            Err(unknown) => return Err(unknown_zone(unknown, "")),
        },
        (_, _) => {
            let why = "goes on behind its time".to_owned();
            return Err(Trouble::Puzzle(Puzzle { why, ideas: vec![time.to_owned()] }));
        }
    };
    settle(reading.spoken, now, zone, bounds)
}

/// The schedule of what was said.
fn settle(spoken: Spoken, now: Timestamp, zone: Zone, bounds: &Bounds) -> Result<When, Trouble> {
    // A clock that stands outside the known years leaves no time that could be meant.
    let here = wall(now, zone).ok_or(Trouble::TooFar(Duration::MAX))?;
    let today = here.date();
    let on = |date: Option<NaiveDate>, time: NaiveTime| {
        let at = date.and_then(|date| resolve(date.and_time(time), zone));
        at.ok_or(Trouble::TooFar(Duration::MAX))
    };
    let days = |count: u64| today.checked_add_days(Days::new(count));
    let passed = |at: Timestamp| at <= now;
    let named = |at: Timestamp| if passed(at) { Err(Trouble::Past(moment(at, zone))) } else { Ok(at) };

    let mut rolled = false;
    let at = match spoken {
        Spoken::In(ahead) => {
            within(ahead, bounds)?;
            now.plus(ahead)
        }
        Spoken::DaysAhead(count, time) => named(on(days(count), time)?)?,
        Spoken::Clock(time) => {
            let at = on(Some(today), time)?;
            rolled = passed(at);
            if rolled { on(days(1), time)? } else { at }
        }
        Spoken::Today(time) => named(on(Some(today), time)?)?,
        Spoken::Tomorrow(time) => on(days(1), time)?,
        Spoken::On { weekday, next, time } => {
            let ahead = u64::from(weekday.days_since(today.weekday()));
            let at = on(days(ahead), time)?;
            // Today's counts as long as it is ahead, but nobody says "next friday" on a Friday and means today.
            if ahead == 0 && (next || passed(at)) { on(days(7), time)? } else { at }
        }
        Spoken::Date(date, _) if date.year() < 1 => return Err(Trouble::Past(date.to_string())),
        Spoken::Date(date, time) => named(on(Some(date), time)?)?,
        Spoken::Every(every) => return interval(every, now, zone, bounds),
        Spoken::Days { days, time } => {
            let expression = format!("{} {} * * {}", time.minute(), time.hour(), days.field());
            let words = format!("every {} {}:{:02}", days.words(), time.hour(), time.minute());
            return repeating(expression, words, now, zone, bounds);
        }
        Spoken::Cron(expression) => {
            let words = format!("cron {expression}");
            return repeating(expression, words, now, zone, bounds);
        }
    };
    within(at.since(now), bounds)?;
    Ok(When { schedule: Schedule { zone, rule: Rule::Once { at } }, first: at, rolled })
}

fn within(ahead: Duration, bounds: &Bounds) -> Result<(), Trouble> {
    if ahead < bounds.min {
        Err(Trouble::TooSoon(ahead))
    } else if ahead > bounds.max {
        Err(Trouble::TooFar(ahead))
    } else {
        Ok(())
    }
}

fn interval(every: Duration, now: Timestamp, zone: Zone, bounds: &Bounds) -> Result<When, Trouble> {
    // A person who sets the bound to nothing still gets no interval of nothing.
    if every < bounds.min_every.max(Duration::from_secs(1)) {
        return Err(Trouble::TooOften(every));
    }
    if every > bounds.max {
        return Err(Trouble::TooFar(every));
    }
    let schedule = Schedule { zone, rule: Rule::Every { every, from: now } };
    let first = schedule.next_after(now).ok_or(Trouble::TooFar(every))?;
    Ok(When { schedule, first, rolled: false })
}

fn repeating(expression: String, words: String, now: Timestamp, zone: Zone, bounds: &Bounds) -> Result<When, Trouble> {
    let never = || Trouble::Never(expression.clone());
    let rule = Cron::read(&expression).ok_or_else(never)?;
    let first = rule.next_after(now, zone).ok_or_else(never)?;
    let today = wall(now, zone).ok_or_else(never)?.date();
    // Rounded up: a bound of 90 s asks for 2 minutes.
    let wanted = u32::try_from(bounds.min_every.as_secs().div_ceil(60)).unwrap_or(u32::MAX);
    if let Some(minutes) = rule.nearer_than(wanted, today) {
        return Err(Trouble::TooOften(Duration::from_secs(60 * u64::from(minutes))));
    }
    Ok(When { schedule: Schedule { zone, rule: Rule::Cron { expression, words } }, first, rolled: false })
}

impl Trouble {
    /// What a person may have meant instead, likeliest first. Not all of it has to be possible.
    fn ideas(&self, words: &str, now: Timestamp, zone: Zone, bounds: &Bounds) -> Vec<String> {
        let own = |ideas: &[&str]| ideas.iter().map(|idea| (*idea).to_owned()).collect::<Vec<_>>();
        match self {
            Self::Puzzle(puzzle) => puzzle.ideas.clone(),
            Self::Past(_) => {
                let mut ideas = next_years(words, now, zone);
                if let Some(time) = words.split_whitespace().find(|word| word.contains(':') && word.len() <= 8) {
                    ideas.push(format!("tomorrow {time}"));
                }
                ideas
            }
            Self::TooSoon(_) => vec![format!("in {}", exact(bounds.min)), "in 5m".to_owned()],
            Self::TooFar(_) => vec![format!("in {}", exact(bounds.max)), "in 30d".to_owned()],
            Self::TooOften(_) => vec![format!("every {}", exact(bounds.min_every)), "every hour".to_owned()],
            Self::Never(_) => own(&["cron 0 9 * * 1-5", "every weekday 9:00"]),
            Self::Zone { unknown, time } => unknown.nearest.iter().map(|zone| format!("{time} {zone}")).collect(),
        }
    }

    /// The refusal with its two suggestions: every idea is tried first.
    fn explain(self, words: &str, now: Timestamp, zone: Zone, bounds: &Bounds) -> WhenError {
        let always =
            ["in 2h", "tomorrow 9:00", "every weekday 9:00", "every day 9:00", "every hour"].map(str::to_owned);
        // What is left when the bounds are unusual.
        let edges = [
            format!("in {}", exact(bounds.min)),
            format!("in {}", exact(bounds.max)),
            format!("every {}", exact(bounds.min_every)),
            format!("every {}", exact(bounds.max)),
        ];
        let mut good: Vec<String> = Vec::new();
        for idea in self.ideas(words, now, zone, bounds).into_iter().chain(always).chain(edges) {
            if good.len() < 2 && !good.contains(&idea) && read(&idea, now, zone, bounds).is_ok() {
                good.push(idea);
            }
        }
        let mut good = good.into_iter();
        let mut next = |otherwise: &str| good.next().unwrap_or_else(|| otherwise.to_owned());
        let suggestions = [next("in 2h"), next("tomorrow 9:00")];
        let help = Box::new(Help { bounds: *bounds, suggestions });
        match self {
            Self::Puzzle(Puzzle { why, .. }) => WhenError::NotUnderstood { given: given(words), why, help },
            Self::Past(at) => WhenError::Past { at, help },
            Self::TooSoon(ahead) => WhenError::TooSoon { ahead, help },
            Self::TooFar(ahead) => WhenError::TooFar { ahead, help },
            Self::TooOften(apart) => WhenError::TooOften { apart, help },
            Self::Never(expression) => WhenError::Never { expression, help },
            Self::Zone { unknown, .. } => WhenError::UnknownZone { zone: unknown, help },
        }
    }
}

/// The same day and time of a past date in this year and the next.
fn next_years(words: &str, now: Timestamp, zone: Zone) -> Vec<String> {
    let Some(Spoken::Date(date, time)) = grammar::read(words).map(|reading| reading.spoken) else { return Vec::new() };
    let Some(here) = wall(now, zone) else { return Vec::new() };
    let written = |wall: NaiveDateTime| wall.format("%Y-%m-%d %H:%M").to_string();
    [here.year(), here.year() + 1]
        .into_iter()
        .filter_map(|year| date.with_year(year))
        .map(|date| written(date.and_time(time)))
        .collect()
}

/// Given words as a sentence can repeat them.
fn given(words: &str) -> String {
    text::cut(&wording::one_line(words).replace('`', "'"), SHOWN, text::Unit::Chars).into_owned()
}
