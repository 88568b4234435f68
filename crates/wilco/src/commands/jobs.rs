//! `wilco jobs list|show|cancel`.

use serde_json::json;
use wilco_core::desk::{Caller, CancelResult, Desk, JobFilter, JobView};
use wilco_core::wording::state_words;

use super::{Counter, limit, refused, show};
use crate::bot::Extras;
use crate::cli::{Column, Jobs, Table, terminal_width};
use crate::config::Config;
use crate::exit::Exit;
use crate::{out, wiring};

/// Answers a command about jobs.
pub(crate) async fn jobs(config: &Config, extras: Extras, wanted: Jobs, json: bool) -> anyhow::Result<Exit> {
    // What was typed is looked at before the store is opened.
    let filter = match &wanted {
        Jobs::List { open, limit: wish } => JobFilter { address: None, open_only: *open, limit: limit(*wish)? },
        Jobs::Show { limit: wish, .. } => JobFilter { limit: limit(*wish)?, ..JobFilter::default() },
        Jobs::Cancel { .. } => JobFilter::default(),
    };
    let counter = Counter::open(config, extras).await?;
    let answered = answer(&counter, wanted, &filter, json).await;
    counter.close().await;
    answered
}

async fn answer(counter: &Counter, wanted: Jobs, filter: &JobFilter, json: bool) -> anyhow::Result<Exit> {
    let desk = &counter.desk;
    match wanted {
        Jobs::List { .. } => {
            let jobs = desk.jobs(&Caller::Host, filter).await.map_err(refused)?;
            // The same shape as GET /api/v1/workers.
            if json { out::json(&json!({ "workers": jobs }))? } else { out::answer(&list(counter, &jobs))? }
        }
        Jobs::Show { id, .. } => {
            let found = desk.inspect(&Caller::Host, &id, filter.limit).await.map_err(refused)?;
            if json { out::json(&found)? } else { out::answer(&show::inspection(counter, &found))? }
        }
        Jobs::Cancel { id, reason } => {
            let result = desk.cancel(&Caller::Host, &id, reason.as_deref()).await.map_err(refused)?;
            if json {
                out::json(&result)?
            } else {
                out::answer(&cancelled(counter, &result))?
            }
            return Ok(success(&result));
        }
    }
    Ok(Exit::Fine)
}

fn list(counter: &Counter, jobs: &[JobView]) -> String {
    if jobs.is_empty() {
        return "no jobs\n".to_owned();
    }
    let mut table = Table::new([
        Column::fixed("id"),
        Column::text("kind"),
        Column::fixed("state"),
        Column::text("by"),
        Column::text("where"),
        Column::fixed("accepted"),
        Column::text("progress"),
    ]);
    for job in jobs {
        table.row([
            job.short.as_str(),
            &job.kind,
            job.state.name(),
            &job.by,
            &job.address.to_string(),
            &counter.ago(job.created),
            &job.progress,
        ]);
    }
    table.render(terminal_width())
}

/// A job that will not be cancelled any more is no success (requirement C3). One that somebody else is cancelling
/// already ends as it was wanted.
fn success(result: &CancelResult) -> Exit {
    match result {
        CancelResult::Cancelling { .. } | CancelResult::Cancelled { .. } | CancelResult::AlreadyCancelling { .. } => {
            Exit::Fine
        }
        CancelResult::AlreadyCompleted { .. } => Exit::Failed,
    }
}

/// What a cancel did. The first word is the state, as in every message.
fn cancelled(counter: &Counter, result: &CancelResult) -> String {
    let clean = |text: &str| wilco_core::wording::one_line(text);
    match result {
        CancelResult::Cancelling { short, reason, .. } if wiring::is_served(&counter.database) => {
            format!("Cancelling · {short} · {}\nThe running bot stops it within seconds.\n", clean(reason))
        }
        CancelResult::Cancelling { short, reason, .. } => format!(
            "Cancelling · {short} · {}\nNo bot runs on this store now. The cancel is stored: the job ends as cancelled, and \
             its channel says so, when the bot starts.\n",
            clean(reason)
        ),
        CancelResult::Cancelled { short, reason } => format!("Cancelled · {short} · {}\n", clean(reason)),
        CancelResult::AlreadyCancelling { short, by, reason } => {
            format!("Cancelling · {short} · {} asked before: {}\n", clean(by), clean(reason))
        }
        CancelResult::AlreadyCompleted { short, state } => {
            format!("Already completed · {short} · {}. Nothing was changed.\n", state_words(*state))
        }
    }
}
