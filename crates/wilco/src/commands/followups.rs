//! `wilco followups list|show|add|cancel|run|pause|resume`.

use serde_json::json;
use wilco_core::desk::{
    Caller, Desk, DeskError, FollowupDone, FollowupFilter, FollowupSet, FollowupView, FollowupWish,
};
use wilco_core::followup::{FollowupAct, FollowupState};
use wilco_core::{when, wording};

use super::{Counter, limit, place, refused, show};
use crate::bot::Extras;
use crate::cli::{Add, Column, Followups, Table, terminal_width};
use crate::config::Config;
use crate::exit::{Ended, Exit};
use crate::{out, wiring};

/// Answers a command about follow-ups.
pub(crate) async fn followups(config: &Config, extras: Extras, wanted: Followups, json: bool) -> anyhow::Result<Exit> {
    // What was typed is looked at before the store is opened.
    let filter = match &wanted {
        Followups::List { all, limit: wish } => FollowupFilter { address: None, all: *all, limit: limit(*wish)? },
        Followups::Show { limit: wish, .. } => FollowupFilter { limit: limit(*wish)?, ..FollowupFilter::default() },
        Followups::Add(_)
        | Followups::Cancel { .. }
        | Followups::Run { .. }
        | Followups::Pause { .. }
        | Followups::Resume { .. } => FollowupFilter::default(),
    };
    let counter = match &wanted {
        // What shall happen is checked against the workers that there are.
        Followups::Add(_) => Counter::open_with_kinds(config, extras).await?,
        Followups::List { .. }
        | Followups::Show { .. }
        | Followups::Cancel { .. }
        | Followups::Run { .. }
        | Followups::Pause { .. }
        | Followups::Resume { .. } => Counter::open(config, extras).await?,
    };
    let answered = answer(&counter, wanted, &filter, json).await;
    counter.close().await;
    answered
}

async fn answer(counter: &Counter, wanted: Followups, filter: &FollowupFilter, json: bool) -> anyhow::Result<Exit> {
    let desk = &counter.desk;
    let (id, act) = match wanted {
        Followups::List { .. } => {
            let followups = desk.followups(&Caller::Host, filter).await.map_err(refused)?;
            // The same shapes as in /api/v1/followups.
            if json {
                out::json(&json!({ "followups": followups }))?
            } else {
                out::answer(&list(counter, &followups))?
            }
            return Ok(Exit::Fine);
        }
        Followups::Show { id, .. } => {
            let found = desk.followup(&Caller::Host, &id, filter.limit).await.map_err(unfound)?;
            if json {
                out::json(&found)?
            } else {
                out::answer(&show::followup(counter, &found))?
            }
            return Ok(Exit::Fine);
        }
        Followups::Add(add) => {
            let set = schedule(counter, &add).await?;
            if json {
                out::json(&set)?
            } else {
                out::answer(&scheduled(counter, &set))?
            }
            return Ok(Exit::Fine);
        }
        Followups::Cancel { id } => (id, FollowupAct::Cancel),
        Followups::Run { id } => (id, FollowupAct::Run),
        Followups::Pause { id } => (id, FollowupAct::Pause),
        Followups::Resume { id } => (id, FollowupAct::Resume),
    };
    let done = desk.change(&Caller::Host, &id, act).await.map_err(unfound)?;
    if json {
        out::json(&done)?
    } else {
        out::answer(&changed(counter, &done))?
    }
    Ok(success(&done))
}

/// A follow-up that is not there is said to be none, and no job.
fn unfound(error: DeskError) -> Ended {
    match error {
        DeskError::NotFound(name) => {
            Ended::new(Exit::Failed, format!("there is no follow-up `{name}`")).coded("not_found")
        }
        other @ (DeskError::Ambiguous { .. }
        | DeskError::AmbiguousFollowup { .. }
        | DeskError::NotAllowed { .. }
        | DeskError::BadInput(_)
        | DeskError::Refused(_)
        | DeskError::Store(_)) => refused(other),
    }
}

/// Scheduled in the person's own name, so that what they may do is what it may do.
async fn schedule(counter: &Counter, add: &Add) -> anyhow::Result<FollowupSet> {
    let (account, person, place) = place::of(counter, add).await?;
    let caller = Caller::Person { account, person, address: Some(place.address.clone()), guild: place.guild.clone() };
    let wish = FollowupWish {
        when: add.when.clone(),
        text: add.text.clone().unwrap_or_default(),
        worker: add.worker.clone(),
        reason: add.reason.clone(),
        key: add.key.clone(),
        delete_after_run: add.delete_after_run,
    };
    let event = format!("cli-{}", counter.dice.uuid(counter.clock.now()));
    Ok(counter.desk.schedule(&caller, &place, &event, &wish).await.map_err(refused)?)
}

/// The confirmation of the chat, and whose and where it is.
fn scheduled(counter: &Counter, set: &FollowupSet) -> String {
    let view = &set.followup;
    let confirmed = wording::followup_set(set, counter.clock.now()).text;
    let mut text = format!("{confirmed}\nfor {} in {}\n", wording::one_line(&view.by), view.address);
    if !wiring::is_served(&counter.database) {
        text.push_str("No bot runs on this store now. It is stored, and fires while one runs.\n");
    }
    text
}

fn list(counter: &Counter, followups: &[FollowupView]) -> String {
    if followups.is_empty() {
        return "no follow-ups\n".to_owned();
    }
    let mut table = Table::new([
        Column::fixed("id"),
        Column::fixed("state"),
        Column::text("next"),
        Column::text("rule"),
        Column::text("what"),
        Column::text("by"),
        Column::text("where"),
        Column::text("last time"),
    ]);
    for view in followups {
        let last = view.last.as_ref().map(|last| format!("{}, due {}", last.state.name(), counter.ago(last.due)));
        table.row([
            view.short.as_str(),
            view.state.name(),
            &next(counter, view),
            &view.rule,
            &view.task.as_typed(),
            &view.by,
            &view.address.to_string(),
            &last.unwrap_or_default(),
        ]);
    }
    table.render(terminal_width())
}

/// When it is due next, with zone and distance.
pub(super) fn next(counter: &Counter, view: &FollowupView) -> String {
    match (view.state, view.next) {
        (FollowupState::Pending, Some(next)) => when::describe(next, counter.clock.now(), view.schedule.zone),
        (FollowupState::Pending, None) => match &view.gate {
            Some(backend) => format!("waits for the gate of {backend}"),
            None => "running now".to_owned(),
        },
        (FollowupState::Paused | FollowupState::Ended | FollowupState::Cancelled, _) => String::new(),
    }
}

/// What did not change anything is no success.
fn success(done: &FollowupDone) -> Exit {
    match done {
        FollowupDone::Cancelled { .. }
        | FollowupDone::Paused { .. }
        | FollowupDone::Resumed { .. }
        | FollowupDone::Waits { .. }
        | FollowupDone::Runs { .. } => Exit::Fine,
        FollowupDone::Unchanged { .. } => Exit::Failed,
    }
}

/// What an act did, in the words of the chat.
fn changed(counter: &Counter, done: &FollowupDone) -> String {
    let mut text = format!("{}\n", wording::followup_done(done, counter.clock.now()).text);
    let fires = matches!(done, FollowupDone::Runs { .. } | FollowupDone::Resumed { .. });
    if fires && !wiring::is_served(&counter.database) {
        text.push_str("No bot runs on this store now; it fires while one runs.\n");
    }
    text
}
