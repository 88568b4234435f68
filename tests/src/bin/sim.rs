//! The simulator: lives drawn from seeds, lived again, counted and judged.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::Parser;
use wilco_sim::Profile;
use wilco_tests::simulation::ledger::Ledger;
use wilco_tests::simulation::{Breadth, Figures, Lived, Schedule, cells, commit, crew, report, run, run_traced};

/// Lives simulated lives and holds the promise against what they leave behind. Exit code 1 when it was broken.
#[derive(Parser)]
#[command(name = "sim")]
struct Cli {
    /// Lives this seed and prints its hash; the same seed gives the same hash.
    #[arg(long)]
    seed: Option<u64>,
    /// Lives the seeds from the first up to but not including the second.
    #[arg(long, value_parser = span)]
    seeds: Option<(u64, u64)>,
    /// Lives every crash point with every outcome, on every profile, after every kind of call.
    #[arg(long)]
    points: bool,
    /// With `--points`: as many cells as the checks live.
    #[arg(long)]
    fewer: bool,
    /// Lives a schedule as a report has printed it.
    #[arg(long)]
    schedule: Option<PathBuf>,
    /// Goes on for so many minutes, with the seeds from `--from` or from where `--ledger` was left.
    #[arg(long)]
    minutes: Option<u64>,
    /// The first seed of a long run.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// The book of a long run: made when it is missing, continued when it is there.
    #[arg(long)]
    ledger: Option<PathBuf>,
    /// How many lives at once.
    #[arg(long, default_value_t = crew::threads())]
    threads: usize,
    /// Lives each seed twice and compares the hashes.
    #[arg(long)]
    twice: bool,
    /// With `--seed`: writes everything that was hashed into this file, a line for each entry.
    #[arg(long)]
    story: Option<PathBuf>,
    /// Says only which seeds broke what, without shortening them.
    #[arg(long)]
    brief: bool,
    /// With `--seed`: prints the schedule and the channels.
    #[arg(long, short)]
    verbose: bool,
}

fn span(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text.split_once("..").ok_or("two numbers with `..` between them, such as 0..1000")?;
    let number = |text: &str| text.trim().replace('_', "").parse::<u64>().map_err(|error| format!("{text}: {error}"));
    let (from, to) = (number(from)?, number(to)?);
    if from < to { Ok((from, to)) } else { Err("the first number is the smaller one".to_owned()) }
}

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks to its terminal")]
fn main() -> ExitCode {
    let cli = Cli::parse();
    let sound = if let Some(seed) = cli.seed {
        one(&cli, "its seed", &Schedule::random(seed))
    } else if let Some(path) = &cli.schedule {
        let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
        match read.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string())) {
            Ok(schedule) => one(&cli, "this schedule", &schedule),
            Err(error) => {
                eprintln!("sim: {}: {error}", path.display());
                return ExitCode::from(2);
            }
        }
    } else if let Some((from, to)) = cli.seeds {
        many(&cli, from, to)
    } else if cli.points {
        points(&cli)
    } else if let Some(minutes) = cli.minutes {
        match long(&cli, Duration::from_secs(60 * minutes)) {
            Ok(sound) => sound,
            Err(error) => {
                eprintln!("sim: {error}");
                return ExitCode::from(2);
            }
        }
    } else {
        eprintln!("sim: nothing to do; say --seed N, --seeds A..B, --points or --minutes M (--help tells more)");
        return ExitCode::from(2);
    };
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks to its terminal")]
fn one(cli: &Cli, what: &str, schedule: &Schedule) -> bool {
    let lived = if cli.story.is_some() { run_traced(schedule) } else { run(schedule) };
    println!("seed {}: hash {:016x}; {}", schedule.seed, lived.hash, lived.figures);
    if cli.verbose {
        println!("{}\n{}", lived.explicit, lived.transcript);
    }
    if let Some(path) = &cli.story
        && let Err(error) = std::fs::write(path, &lived.story)
    {
        eprintln!("sim: {} could not be written: {error}", path.display());
    }
    judged(cli, what, schedule, &lived)
}

#[allow(clippy::print_stdout, reason = "a program speaks to its terminal")]
fn judged(cli: &Cli, what: &str, schedule: &Schedule, lived: &Lived) -> bool {
    if lived.violations.is_empty() {
        return true;
    }
    if cli.brief {
        lived.violations.iter().for_each(|violation| println!("{what}: {violation}"));
    } else {
        println!("{}", report(what, schedule, lived));
    }
    false
}

/// What several threads have lived together.
#[derive(Default)]
struct Sum {
    figures: Figures,
    broken: Vec<u64>,
}

#[allow(clippy::print_stdout, reason = "a program speaks to its terminal")]
fn many(cli: &Cli, from: u64, to: u64) -> bool {
    let begun = crew::now();
    let sum = Mutex::new(Sum::default());
    crew::each(from..to, cli.threads, |seed| lives(cli, seed, &sum));
    let sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("seeds {from}..{to} at commit {} in {:.1} s: {}", commit(), begun.elapsed().as_secs_f64(), sum.figures);
    println!("met: {}", sum.figures.encounters());
    println!("{} broken: {:?}", sum.broken.len(), sum.broken);
    sum.broken.is_empty()
}

#[allow(clippy::print_stdout, reason = "a program speaks to its terminal")]
fn lives(cli: &Cli, seed: u64, sum: &Mutex<Sum>) {
    let schedule = Schedule::random(seed);
    let lived = run(&schedule);
    let again = if cli.twice { run(&schedule).hash } else { lived.hash };
    let sound = judged(cli, &format!("seed {seed}"), &schedule, &lived);
    if again != lived.hash {
        println!("seed {seed} is not the same twice: {:016x} and {again:016x}", lived.hash);
    }
    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
    sum.figures.add(&lived.figures);
    if !sound || again != lived.hash {
        sum.broken.push(seed);
    }
}

#[allow(clippy::print_stdout, reason = "a program speaks to its terminal")]
fn points(cli: &Cli) -> bool {
    let begun = crew::now();
    let breadth = if cli.fewer { Breadth::One } else { Breadth::Every };
    let cells: Vec<_> = Profile::ALL.into_iter().flat_map(|profile| cells(profile, breadth)).collect();
    let count = cells.len();
    let sum = Mutex::new(Sum::default());
    crew::each(cells.into_iter(), cli.threads, |cell| {
        let lived = run(&cell.schedule);
        let sound = judged(cli, &cell.name(), &cell.schedule, &lived);
        let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
        sum.figures.add(&lived.figures);
        sum.broken.extend((!sound).then_some(0));
    });
    let sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{count} cells at commit {} in {:.1} s: {}", commit(), begun.elapsed().as_secs_f64(), sum.figures);
    println!("{} broken", sum.broken.len());
    sum.broken.is_empty()
}

/// Seeds in stretches, so that the book is never far behind.
const STRETCH: u64 = 500;

#[allow(clippy::print_stdout, reason = "a program speaks to its terminal")]
fn long(cli: &Cli, time: Duration) -> Result<bool, String> {
    let begun = crew::now();
    let commit = commit();
    let mut book = match &cli.ledger {
        Some(path) => Ledger::open(path, &commit, cli.from)?,
        None => Ledger { commit, from: cli.from, next: cli.from, ..Ledger::default() },
    };
    let before = book.seconds;
    while begun.elapsed() < time {
        let sum = Mutex::new(Sum::default());
        let to = book.next + STRETCH;
        crew::each(book.next..to, cli.threads, |seed| lives(cli, seed, &sum));
        let sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
        book.next = to;
        book.figures.add(&sum.figures);
        book.broken.extend(sum.broken);
        book.seconds = before + begun.elapsed().as_secs();
        if let Some(path) = &cli.ledger {
            book.save(path)?;
        }
        println!(
            "seeds {}..{} in {} s: {}; {} broken",
            book.from,
            book.next,
            book.seconds,
            book.figures,
            book.broken.len()
        );
    }
    Ok(book.broken.is_empty())
}
