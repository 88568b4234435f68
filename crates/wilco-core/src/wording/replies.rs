//! Private answers: only the person who spoke sees them. A refusal says what happened, that nothing
//! was changed, and what to do.

use super::*;
use crate::access::Role;
use crate::command::{Spec, TABLE};
use crate::desk::JobView;
use crate::settings::Admission;

/// There is no such command.
pub fn unknown_command(verb: &str, nearest: Option<&str>) -> Reply {
    let verb = one_line(verb).replace('`', "'");
    Reply::text(match nearest {
        Some(nearest) => format!("There is no command `{verb}`. Did you mean /{nearest}? /help lists the commands."),
        None => format!("There is no command `{verb}`. /help lists the commands."),
    })
}

/// The arguments do not fit.
pub fn usage(spec: &Spec) -> Reply {
    Reply::text(format!("Not understood, nothing was started. It goes like this: `{}`", spec.usage()))
}

/// Ordinary text, and nobody here to talk to.
pub fn no_agent() -> Reply {
    Reply::text("Nothing was started: this bot runs jobs and does not chat. /help lists what it runs and the commands.")
}

/// There is no such worker kind.
pub fn unknown_worker(name: &str, nearest: Option<&str>, all: &[String]) -> Reply {
    let name = one_line(name);
    let hint = nearest.map(|nearest| format!(" Did you mean `{nearest}`?")).unwrap_or_default();
    Reply::text(format!("There is no worker `{name}`, nothing was started.{hint} Workers: {}.", all.join(", ")))
}

/// The input does not suit the worker.
pub fn bad_input(kind: &str, why: &str) -> Reply {
    Reply::text(format!("Not started · {kind}: {why}"))
}

/// The person's role does not allow it.
pub fn not_allowed(what: &str, needs: Role, has: Option<Role>) -> Reply {
    Reply::text(format!("Not allowed: {what} needs role {}. You: {}", needs.name(), has.map_or("no role", Role::name)))
}

/// Reading is allowed, stopping is not.
pub fn not_yours(short: &Short, has: Option<Role>) -> Reply {
    Reply::text(format!(
        "Not allowed: {short} can be cancelled by who started it, a moderator or role owner. You: {}",
        has.map_or("no role", Role::name)
    ))
}

/// Reading is allowed, answering is not.
pub fn not_yours_to_answer(short: &Short, has: Option<Role>) -> Reply {
    Reply::text(format!(
        "Not allowed: {short} takes an answer from who started it, a moderator or role owner. You: {}",
        has.map_or("no role", Role::name)
    ))
}

/// No job of that name, or none that this person may see: the two are not told apart.
pub fn not_found(name: &str) -> Reply {
    Reply::text(format!("There is no job `{}` here. /jobs lists those that you can see.", one_line(name)))
}

/// More than one job fits: they are offered, never guessed.
pub fn which_one(candidates: &[JobView], verb: &str) -> Reply {
    let press = |id: String| match verb {
        "cancel" => Press::Cancel { id },
        _ => Press::Details { id },
    };
    let buttons = candidates
        .iter()
        .take(5)
        .map(|job| Button::new(format!("{} · {}", job.short, job.kind), press(job.short.to_string())))
        .collect();
    let ids = candidates.iter().map(|job| format!("`{}`", job.short)).collect::<Vec<_>>().join(", ");
    Reply::text(format!("Which one? {} jobs fit: {ids}. Nothing was changed.", candidates.len())).with_buttons(buttons)
}

/// No job runs here.
pub fn nothing_to_cancel() -> Reply {
    Reply::text("No job runs here, so there is nothing to cancel. /jobs lists the recent ones.")
}

/// Why a job was not taken; none when it was.
pub fn not_admitted(admission: Admission) -> Option<Reply> {
    let text = match admission {
        Admission::Starts | Admission::Waits { .. } => return None,
        Admission::TooSoon { wait } => format!(
            "Not started: your last job was given a moment ago. Try again in {:.1} s.",
            wait.as_secs_f64().max(0.1)
        ),
        Admission::PersonFull { limit } => {
            format!("Not started: {limit} of your jobs are waiting already. /jobs shows them; cancel one or wait.")
        }
        Admission::ChannelFull { limit } => {
            format!("Not started: {limit} jobs are open in this channel. Wait for one to end, or ask elsewhere.")
        }
    };
    Some(Reply::text(text))
}

/// The store does not take anything now.
pub fn not_stored(why: &str) -> Reply {
    Reply::text(format!(
        "Not accepted: {why}. Nothing was started and nothing was lost; give it again when that is mended."
    ))
}

/// The store does not take anything now, and says itself what that means and what to do.
pub fn not_stored_as(told: &str) -> Reply {
    Reply::text(format!("Not accepted: {}.", told.trim_end_matches('.')))
}

/// *Heard*, before the store has answered.
pub fn heard() -> Reply {
    Reply::text("Heard, storing…")
}

/// *Heard*, where not even that could be kept: a process that dies now knows nothing of it, but may have stored what was
/// asked for before it died. So silence means neither, and whoever gave it is told where to look.
pub fn heard_unkept() -> Reply {
    Reply::text(
        "Heard, storing… If nothing more is said here, the bot was interrupted: /jobs shows it if it was accepted; if not, \
         give it again.",
    )
}

/// Accepted, on a platform where whoever gives a command is always answered.
pub fn accepted(worker: Option<&Short>) -> Reply {
    Reply::text(match worker {
        Some(short) => format!("Accepted · {short} · it is shown here in a moment"),
        None => "Accepted.".to_owned(),
    })
}

/// The same was given before.
pub fn accepted_before(worker: Option<&Short>) -> Reply {
    Reply::text(match worker {
        Some(short) => format!("Accepted already · {short}. Nothing was started a second time."),
        None => "Accepted already. Nothing was done a second time.".to_owned(),
    })
}

/// *Heard* was said, and then the bot stopped or the store never answered: whether it was accepted is not known here.
pub fn heard_and_lost() -> Reply {
    Reply::text(
        "The bot was interrupted before it could say whether this was accepted. /jobs shows it if it was; if not, give \
         it again.",
    )
}

/// The bot cannot speak where it was asked to show something.
pub fn cannot_speak_here(missing: &[&str]) -> Reply {
    let (permission, it) = if missing.len() == 1 { ("permission", "it") } else { ("permissions", "them") };
    Reply::text(format!(
        "Not accepted: the bot could show nothing in that channel, because it lacks the {permission} {}. Nothing was \
         started; ask whoever manages the channel to grant {it}, or give the command elsewhere.",
        missing.iter().map(|name| format!("\u{201c}{name}\u{201d}")).collect::<Vec<_>>().join(" and ")
    ))
}

/// The bot cannot show anything where it was asked to, for a reason that has a remedy of its own. Neither sentence ends
/// with a point.
pub fn cannot_show_here(why: &str, todo: &str) -> Reply {
    let mut todo = todo.chars();
    let first = todo.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    Reply::text(format!(
        "Not accepted: the bot could show nothing here, because {why}. Nothing was started. {first}{}.",
        todo.as_str()
    ))
}

/// In a channel, after an answer for one person could not be given in private.
pub fn private_answer_refused() -> Reply {
    Reply::text(
        "There is an answer for you, but you take no direct messages from this bot. Give the command with a slash: only \
         you see what it answers.",
    )
}

/// The bot is about to stop.
pub fn draining() -> Reply {
    Reply::text("Not accepted: the bot is about to restart. Nothing was started; give it again in a moment.")
}

/// A cancel was stored.
pub fn cancel_stored(short: &Short, by: &str, reason: &str) -> Reply {
    Reply::text(format!("Cancelling · {short} · asked by {}\nreason: {}", harmless(by), harmless(reason)))
}

/// A waiting job was cancelled at once.
pub fn cancelled_at_once(short: &Short, reason: &str) -> Reply {
    Reply::text(format!("Cancelled · {short} · it was not running\nreason: {}", harmless(reason)))
}

/// A cancel came twice.
pub fn already_cancelling(short: &Short, by: &str, reason: &str) -> Reply {
    Reply::text(format!("Already cancelling · {short} · asked by {}\nreason: {}", harmless(by), harmless(reason)))
}

/// The job had ended before.
pub fn already_completed(short: &Short, state: WorkerState) -> Reply {
    Reply::text(format!("Already completed · {short} · {}. Nothing was changed.", state_words(state)))
        .with_buttons(vec![Button::new("Details", Press::Details { id: short.to_string() })])
}

/// A watch was stored.
pub fn watching(short: &Short) -> Reply {
    Reply::text(format!("Watching · {short} · its progress and result appear here, too"))
}

/// It is shown there already.
pub fn watched_already(short: &Short) -> Reply {
    Reply::text(format!("{short} is shown here already."))
}

/// An answer was stored.
pub fn answered(short: &Short, choice: &str) -> Reply {
    Reply::text(format!("Answered · {short} · {}", one_line(choice)))
}

/// Somebody was faster, or pressed twice.
pub fn answered_before(short: &Short, choice: &str, by: &str) -> Reply {
    Reply::text(format!("Answered already · {short} · {} by {}. Nothing was changed.", one_line(choice), harmless(by)))
}

/// The question's job has ended.
pub fn question_expired(short: &Short, at: Timestamp) -> Reply {
    Reply::text(format!("This question expired at {}: {short} has ended. Nothing was changed.", at.clock_time()))
        .with_buttons(vec![Button::new("Ask again", Press::RunAgain { id: short.to_string() })])
}

/// A button that this bot does not know.
pub fn unknown_button() -> Reply {
    Reply::text(
        "This button belongs to a job that is not kept any more. Nothing was changed; /jobs lists the recent ones.",
    )
}

/// A message that shows no job was to be cancelled.
pub fn not_a_job() -> Reply {
    Reply::text("That message shows no job of this bot. Nothing was changed; /jobs lists the recent ones.")
}

/// Who somebody is.
pub fn whoami(person: &Person, account: &str, role: Option<Role>) -> Reply {
    let may = match role {
        None => "nothing until an access rule names you; ask the bot's owner",
        Some(Role::Viewer) => "read the jobs of the channels that you are in",
        Some(Role::Operator) => "start jobs, and cancel your own",
        Some(Role::Owner) => "start, read and cancel every job",
    };
    Reply::text(format!(
        "{} · id `{}` on {account} · role {}\nYou may {may}.",
        harmless(&person.name),
        one_line(&person.id).replace('`', "'"),
        role.map_or("none", Role::name)
    ))
}

/// The commands, and what there is to run.
pub fn help(workers: &[(String, String)]) -> Reply {
    let line = |spec: &Spec| match spec.alias {
        Some(alias) => format!("`{}` {} (also /{alias})", spec.usage(), spec.about),
        None => format!("`{}` {}", spec.usage(), spec.about),
    };
    let mut text = TABLE.iter().map(line).collect::<Vec<_>>().join("\n");
    text.push_str("\n\nWorkers:");
    for (name, about) in workers {
        text.push_str(&format!("\n`/run {name}` {about}"));
    }
    Reply::text(text)
}

/// Running and recent jobs here, each with its buttons.
pub fn jobs(list: &[JobView], now: Timestamp) -> Reply {
    if list.is_empty() {
        return Reply::text("No jobs here yet. /run starts one, /help lists what there is to run.");
    }
    let mut buttons = Vec::new();
    let mut lines = Vec::new();
    for job in list {
        let elapsed = job.ended.unwrap_or(now).since(job.started.unwrap_or(job.created));
        lines.push(format!(
            "`{}` {} · {} · {} · by {}",
            job.short,
            job.kind,
            state_words(job.state),
            text::duration(elapsed),
            harmless(&job.by)
        ));
        let id = job.short.to_string();
        if !job.state.is_terminal() {
            buttons.push(Button::new(format!("Cancel {}", job.short), Press::Cancel { id: id.clone() }));
        }
        buttons.push(Button::new(format!("Details {}", job.short), Press::Details { id }));
    }
    buttons.truncate(10);
    Reply::text(lines.join("\n")).with_buttons(buttons)
}

/// How the bot is; `plain` is how many messages of an account were shown as plain text.
pub fn health(
    running: u32,
    queued: u32,
    undelivered: u32,
    oldest: Option<Duration>,
    paused: &[(String, String)],
    plain: &[(String, u64)],
) -> Reply {
    let mut text = format!("Running {running} · queued {queued} · waiting to be delivered {undelivered}");
    if let Some(oldest) = oldest {
        text.push_str(&format!(" · oldest {}", text::duration(oldest)));
    }
    for (account, why) in paused {
        text.push_str(&format!("\nPaused · {account} · {}", one_line(why)));
    }
    for (account, count) in plain.iter().filter(|(_, count)| *count > 0) {
        let messages = if *count == 1 { "1 message was".to_owned() } else { format!("{count} messages were") };
        text.push_str(&format!("\nPlain · {account} · {messages} shown as plain text since the bot was started"));
    }
    Reply::text(text)
}

/// One job's timeline.
pub fn timeline(job: &JobView, lines: &[String], now: Timestamp) -> Reply {
    let elapsed = job.ended.unwrap_or(now).since(job.started.unwrap_or(job.created));
    let mut text = format!("{} · {} · {} · {}", state_words(job.state), job.kind, job.short, text::duration(elapsed));
    for line in lines {
        text.push('\n');
        text.push_str(line);
    }
    let buttons = if job.state.is_terminal() {
        vec![Button::new("Run again", Press::RunAgain { id: job.short.to_string() })]
    } else {
        vec![Button::new("Cancel", Press::Cancel { id: job.short.to_string() })]
    };
    Reply::text(text).with_buttons(buttons)
}
