//! From what a run left behind to a result: its text, its files, or why there is none.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use wilco_core::job::{Context, Failure, Output};
use wilco_core::text::{self, Unit};

use super::run::{Ran, Why};
use super::spec::CommandSpec;
use super::{OUT, cannot_start};
use crate::kinds::{permanent, retryable, stopped};
use crate::launcher::Report;

/// How many files of the output folder are delivered, and how large each may be, in bytes.
const FILES: usize = 10;
const FILE_CAP: u64 = 25 << 20;
/// How many characters of stdout a result shows, and how many lines a failure.
const SHOWN_CHARS: usize = 3_500;
const FAILED_LINES: usize = 15;
/// The longest line of those, in characters.
const FAILED_LINE: usize = 300;
/// How much of a result file is the result, in bytes; half of it head, half of it tail.
const RESULT_CAP: u64 = wilco_core::wording::RESULT_CAP as u64;

/// What was found in the job's folder.
#[derive(Default)]
struct Found {
    /// What is delivered, by name.
    files: Vec<(String, PathBuf)>,
    /// How many could be delivered but are too many.
    further: usize,
    /// What is not, and why.
    notes: Vec<String>,
    /// The content of the result file.
    result: Option<String>,
}

/// Says how the job ended and hands its files over.
pub(super) async fn finish(ctx: &Context, spec: &CommandSpec, ran: Ran) -> Result<Output, Failure> {
    if let Some(Report::NotStarted { text }) = &ran.last {
        return Err(permanent("cannot start", text.as_str()));
    }
    let (folder, wanted) = (ctx.folder().to_owned(), spec.result_file.clone());
    let mut found =
        tokio::task::spawn_blocking(move || look(&folder, wanted.as_deref())).await.map_err(cannot_start)?;
    let verdict = verdict(&ran);
    let mut notes = std::mem::take(&mut found.notes);
    if let Some(why) = ran.capture.log_error() {
        notes.push(format!("The log is not whole: {why}."));
    }
    let (result, unshown) = match verdict {
        Ok(()) => {
            let log = ran.capture.log().map(|_| log_name(ctx));
            let (text, unshown) = success(spec, found.result.take(), &ran, log.as_deref(), &mut notes);
            (Ok(text), unshown)
        }
        Err(failure) => (Err(failure), true),
    };
    let log = ran.capture.log().filter(|_| unshown);
    // The log counts as a file, and it is promised: a file too many gives way to it.
    if log.is_some() && found.files.len() >= FILES {
        found.files.truncate(FILES - 1);
        found.further += 1;
    }
    match found.further {
        0 => {}
        1 => notes.push(format!("1 more file was not delivered: {FILES} is the limit.")),
        further => notes.push(format!("{further} more files were not delivered: {FILES} is the limit.")),
    }
    for (name, path) in found.files {
        ctx.attach(name, path);
    }
    if let Some(log) = log {
        ctx.attach(log_name(ctx), log);
    }
    let notes = notes.iter().map(|note| format!("\n{note}")).collect::<String>();
    match result {
        Ok(text) => Ok(Output::text(format!("{text}{notes}"))),
        Err(Failure::Permanent(cause)) => Err(permanent(cause.code, format!("{}{notes}", cause.text))),
        Err(Failure::Retryable(cause)) => Err(retryable(cause.code, format!("{}{notes}", cause.text))),
        Err(other @ (Failure::SessionExpired | Failure::NeedsCredit | Failure::NeedsKey)) => Err(other),
    }
}

/// What people see the log as.
fn log_name(ctx: &Context) -> String {
    format!("{}.log", ctx.short())
}

/// Whether the command succeeded.
fn verdict(ran: &Ran) -> Result<(), Failure> {
    if let Some(group) = ran.stuck {
        let group = group.map_or_else(|| "its launcher".to_owned(), |group| format!("process group {group}"));
        return Err(permanent(
            "still running",
            format!("{group} did not end after SIGKILL; look at it on the machine"),
        ));
    }
    let tail = last_lines(ran.capture.tail_all());
    match (&ran.why, &ran.last) {
        (Some(Why::Cancelled), _) => Err(stopped(tail)),
        (Some(Why::TooMuch), _) => Err(permanent("more than 10 MiB of output", tail)),
        (Some(Why::Question(why)), _) => Err(permanent("question", why.as_str())),
        (None, Some(Report::Exited { code: 0 })) => Ok(()),
        // It may go well the next time. Whether there is one is not for the command to say: what a person
        // has typed runs once, what a follow-up starts has the rule of retries that it was accepted with.
        (None, Some(Report::Exited { code })) => Err(retryable(format!("exit {code}"), tail)),
        (None, Some(Report::Signalled { signal })) => Err(retryable(format!("signal {signal}"), tail)),
        (None, Some(Report::NotStarted { text })) => Err(permanent("cannot start", text.as_str())),
        (None, Some(Report::Started { .. }) | None) => {
            let how = ran.launcher.map_or_else(String::new, |status| format!(" ({status})"));
            let text = format!(
                "the process that watched the command ended unexpectedly{how}, so the command was killed; run it again\n{tail}"
            );
            Err(retryable("launcher lost", text.trim_end()))
        }
    }
}

/// The text of a success, and whether there was output that it does not show. `log` is the log's name.
fn success(
    spec: &CommandSpec,
    result: Option<String>,
    ran: &Ran,
    log: Option<&str>,
    notes: &mut Vec<String>,
) -> (String, bool) {
    if let Some(text) = result {
        return (text, ran.capture.lines_beyond(0) > 0);
    }
    if let Some(file) = &spec.result_file {
        notes.push(format!("{file} was not written, so this is the end of the output."));
    }
    let shown = fitting(ran.capture.tail_out());
    let unshown = shown.cut || ran.capture.lines_beyond(shown.lines.len()) > 0;
    let block = shown.lines.join("\n");
    let block = block.trim_matches('\n');
    // A fence inside would end ours.
    let text = if block.trim().is_empty() {
        "It finished without a word on stdout.".to_owned()
    } else {
        notes.extend(shortened(&shown, ran.capture.lines_out(), ran.capture.lines_cut(), log));
        format!("```\n{}\n```", block.replace("```", "'''"))
    };
    (text, unshown)
}

/// Says of a result that it is not the whole output, and where that is. `lines` are all of stdout's,
/// `cut` those of the log that are not whole either.
fn shortened(shown: &Shown, lines: u64, cut: u64, log: Option<&str>) -> Option<String> {
    let all = count(lines);
    let what = match shown.lines.len() {
        1 if shown.cut && lines > 1 => format!("The beginning of the last of {all} lines"),
        _ if shown.cut => "The beginning of one long line".to_owned(),
        number if number as u64 >= lines => return None,
        1 => format!("The last of {all} lines"),
        number => format!("The last {number} of {all} lines"),
    };
    // Where the log could not be written, a note of its own says so.
    let place = log.map_or_else(String::new, |log| match cut {
        0 => format!(", all in {log}"),
        1 => format!(", all in {log}, where 1 line is cut at 16 KiB"),
        _ => format!(", all in {log}, where {} lines are cut at 16 KiB", count(cut)),
    });
    Some(format!("{what}{place}."))
}

/// A number for people: `3,000`.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

struct Shown {
    lines: Vec<String>,
    /// The one line that is shown is shortened.
    cut: bool,
}

/// As many of the last lines as a result shows.
fn fitting(tail: &VecDeque<String>) -> Shown {
    let mut shown = Shown { lines: Vec::new(), cut: false };
    let mut room = SHOWN_CHARS;
    for line in tail.iter().rev() {
        let clean = text::sanitise(line);
        let length = clean.chars().count() + 1;
        if length <= room {
            room -= length;
            shown.lines.push(clean.into_owned());
        } else {
            // A single line that is too long shows its beginning; the log has the rest.
            if shown.lines.is_empty() {
                shown.cut = true;
                shown.lines.push(text::cut(&clean, room, Unit::Chars).into_owned());
            }
            break;
        }
    }
    shown.lines.reverse();
    shown
}

/// The last lines that a failure shows.
fn last_lines(tail: &VecDeque<String>) -> String {
    let lines =
        tail.iter().map(|line| text::cut(text::sanitise(line).trim_end(), FAILED_LINE, Unit::Chars).into_owned());
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    lines.get(lines.len().saturating_sub(FAILED_LINES)..).unwrap_or_default().join("\n")
}

/// Looks for the result file and for what is to be delivered. Every process of the job is gone, so
/// nothing changes under our eyes.
fn look(folder: &Path, wanted: Option<&str>) -> Found {
    let (mut found, out) = (Found::default(), folder.join(OUT));
    let result_path =
        wanted.and_then(|wanted| [out.join(wanted), folder.join(wanted)].into_iter().find(|path| is_file(path)));
    let mut names: Vec<_> = match std::fs::read_dir(&out) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect(),
        Err(error) => {
            found.notes.push(format!("The output folder cannot be read: {error}."));
            Vec::new()
        }
    };
    names.sort();
    let mut paths: Vec<PathBuf> = names.iter().map(|name| out.join(name)).collect();
    if let (Some(path), Some(wanted)) = (&result_path, wanted) {
        match read_result(path) {
            Ok((text, whole)) => {
                found.result = Some(text);
                paths.retain(|other| other != path);
                if !whole {
                    paths.insert(0, path.clone());
                }
            }
            Err(error) => {
                found.notes.push(format!("{} cannot be read: {error}.", wilco_core::wording::one_line(wanted)))
            }
        }
    }
    for path in paths {
        let name =
            path.file_name().map(|name| wilco_core::wording::one_line(&name.to_string_lossy())).unwrap_or_default();
        match std::fs::symlink_metadata(&path) {
            Ok(meta) if !meta.is_file() => {
                found.notes.push(format!("{name} was not delivered: it is no regular file."))
            }
            Ok(meta) if meta.len() > FILE_CAP => {
                found.notes.push(format!(
                    "{name} was not delivered: it has {}, and 25 MiB is the limit.",
                    text::bytes(meta.len())
                ));
            }
            Ok(_) if found.files.len() >= FILES => found.further += 1,
            Ok(_) => found.files.push((name, path)),
            Err(error) => found.notes.push(format!("{name} was not delivered: {error}.")),
        }
    }
    // A folder full of what cannot be delivered must not become the message.
    let notes = found.notes.len();
    if notes > FILES {
        found.notes.truncate(FILES);
        found.notes.push(format!("{} more notes were left out.", notes - FILES));
    }
    found
}

fn is_file(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file())
}

/// The content of a result file, and whether it is the whole of it.
fn read_result(path: &Path) -> io::Result<(String, bool)> {
    let flags = rustix::fs::OFlags::NOFOLLOW.bits();
    let mut file = File::options().read(true).custom_flags(flags.cast_signed()).open(path)?;
    let size = file.metadata()?.len();
    if size <= RESULT_CAP {
        let mut bytes = Vec::new();
        file.take(RESULT_CAP).read_to_end(&mut bytes)?;
        return Ok((text::sanitise(&String::from_utf8_lossy(&bytes)).into_owned(), true));
    }
    // The mark between the two has to fit under the cap, too.
    let half = RESULT_CAP / 2 - 64;
    let head = part(&mut file, 0, half)?;
    let tail = part(&mut file, size - half, half)?;
    Ok((format!("{head}\n\n… {} left out …\n\n{tail}", text::bytes(size - 2 * half)), false))
}

fn part(file: &mut File, from: u64, length: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(text::sanitise(&String::from_utf8_lossy(&bytes)).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(lines: &[&str]) -> VecDeque<String> {
        lines.iter().map(|&line| line.to_owned()).collect()
    }

    #[test]
    fn a_result_shows_the_last_lines_that_fit() {
        let shown = fitting(&tail(&["one", "\u{1b}[31mtwo\u{1b}[0m"]));
        assert_eq!((shown.lines, shown.cut), (vec!["one".to_owned(), "two".to_owned()], false));
        let long = "x".repeat(2_000);
        let shown = fitting(&tail(&[&long, &long, "end"]));
        assert_eq!((shown.lines.len(), shown.cut), (2, false));
        let shown = fitting(&tail(&[&"y".repeat(9_000)]));
        assert!(shown.cut && shown.lines[0].chars().count() <= SHOWN_CHARS);
    }

    #[test]
    fn a_shortened_result_says_what_is_missing_and_where_it_is() {
        let shown = |number: usize, cut| Shown { lines: vec!["x".to_owned(); number], cut };
        let said = |number, cut, lines, long| shortened(&shown(number, cut), lines, long, Some("k7f2.log"));
        assert_eq!(said(40, false, 40, 0), None);
        assert_eq!(said(40, false, 3_000, 0).unwrap(), "The last 40 of 3,000 lines, all in k7f2.log.");
        assert_eq!(said(1, false, 1_234_567, 0).unwrap(), "The last of 1,234,567 lines, all in k7f2.log.");
        assert_eq!(said(1, true, 2, 0).unwrap(), "The beginning of the last of 2 lines, all in k7f2.log.");
        assert_eq!(
            said(1, true, 1, 1).unwrap(),
            "The beginning of one long line, all in k7f2.log, where 1 line is cut at 16 KiB."
        );
        assert_eq!(shortened(&shown(2, false), 3, 2, None).unwrap(), "The last 2 of 3 lines.");
    }

    #[test]
    fn a_failure_shows_its_last_fifteen_lines_without_blank_ones() {
        let lines: Vec<String> = (1..=40).map(|number| format!("line {number}")).collect();
        let mut tail: VecDeque<String> = lines.into();
        tail.push_back("  ".to_owned());
        let text = last_lines(&tail);
        assert_eq!(text.lines().count(), FAILED_LINES);
        assert!(text.starts_with("line 26\n") && text.ends_with("line 40"));
    }

    #[test]
    fn a_result_file_over_the_cap_keeps_head_and_tail_and_is_delivered_whole() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(OUT)).unwrap();
        let content = format!("first\n{}last\n", "middle\n".repeat(300_000));
        std::fs::write(folder.path().join("report.md"), content).unwrap();
        let found = look(folder.path(), Some("report.md"));
        let text = found.result.unwrap();
        assert!(text.len() as u64 <= RESULT_CAP && text.starts_with("first\n") && text.ends_with("last\n"));
        assert!(text.contains("left out"));
        assert_eq!(found.files[0].0, "report.md");
    }
}
