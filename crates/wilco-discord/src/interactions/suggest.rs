//! What is offered while somebody types. It promises nothing and changes nothing, and an empty list is always right.

use std::time::Duration;

use serde_json::{Value, json};
use wilco_core::desk::{Caller, Desk, DeskError, FollowupFilter, FollowupView, JobFilter, JobView, Limit};
use wilco_core::text::{Unit, cut};
use wilco_core::wording::{FOLLOWUPS_SHOWN, one_line, short_text};

use crate::commands::table::{self, Offers};
use crate::discord::Discord;
use crate::payload::{Interaction, User};
use crate::place;
use crate::time::within;

/// The most that Discord takes (Discord API, "Autocomplete").
const CHOICES: usize = 25;
/// The longest name and value of a choice, in characters (Discord API, "Application Command Option Choice").
const LONGEST: usize = 100;
/// How long the lists may take: an answer that comes too late is worth nothing.
const PATIENCE: Duration = Duration::from_millis(2_000);
/// How many jobs and follow-ups are looked through.
const LOOKED_THROUGH: i64 = 200;

impl Discord {
    /// The choices for what somebody is typing; none when nothing is known in time.
    pub(super) async fn suggest(&self, event: &Interaction, since: Duration) -> Vec<Value> {
        let (Some(data), Some(desk)) = (event.data.as_ref(), self.ears.desk.get()) else { return Vec::new() };
        let Some(typing) = data.options.iter().find(|option| option.focused) else { return Vec::new() };
        let Some(offers) = table::offers(&data.name, &typing.name) else { return Vec::new() };
        let typed = typing.value.as_str().map_or_else(|| typing.value.to_string(), str::to_owned);
        let caller = self.caller(event);
        let left = (since + PATIENCE).saturating_sub(self.clock.monotonic());
        let found = within(&*self.clock, left, choices(&**desk, &caller, offers, &typed)).await;
        found.and_then(Result::ok).unwrap_or_default()
    }

    fn caller(&self, event: &Interaction) -> Caller {
        let nobody = User::default();
        let user = event.member.as_ref().and_then(|member| member.user.as_ref()).or(event.user.as_ref());
        let permissions = event.member.as_ref().and_then(|member| member.permissions);
        let spot = self.spot_of(event);
        let place = place::place(&self.options.account, &spot, None);
        Caller::Person {
            account: self.options.account.clone(),
            person: place::person(user.unwrap_or(&nobody), event.member.as_ref(), permissions),
            address: Some(place.address),
            guild: place.guild,
        }
    }
}

async fn choices(desk: &dyn Desk, caller: &Caller, offers: Offers, typed: &str) -> Result<Vec<Value>, DeskError> {
    // What is there to run is nobody's business who may do nothing here.
    if desk.role(caller).is_none() {
        return Ok(Vec::new());
    }
    let mut all = match offers {
        Offers::Workers => {
            desk.kinds().iter().map(|(name, about)| choice(&format!("{name} · {about}"), name)).collect()
        }
        Offers::Jobs => jobs(desk, caller, false).await?,
        Offers::OpenJobs => jobs(desk, caller, true).await?,
        Offers::OpenJobsAndFollowups => {
            let mut all = jobs(desk, caller, true).await?;
            let pending = followups(desk, caller).await?;
            all.extend(pending.iter().filter(|one| one.may_change).map(|one| choice(&line(one), one.short.as_str())));
            all
        }
        // A page is found by what stands on it.
        Offers::Pages => pages(&followups(desk, caller).await?),
    };
    let typed = typed.trim().to_lowercase();
    let shown = |choice: &Value| choice["name"].as_str().unwrap_or_default().to_lowercase();
    all.retain(|choice| shown(choice).contains(&typed));
    // What begins with it stands before what contains it somewhere; apart from that the order stays.
    all.sort_by_key(|choice| !shown(choice).starts_with(&typed));
    all.truncate(CHOICES);
    Ok(all)
}

async fn jobs(desk: &dyn Desk, caller: &Caller, open_only: bool) -> Result<Vec<Value>, DeskError> {
    let filter = JobFilter { address: None, open_only, limit: Limit::new(LOOKED_THROUGH)? };
    let of = |job: &JobView| {
        let parts = [
            job.short.as_str(),
            &job.kind,
            job.state.name(),
            &one_line(&job.input),
            &format!("by {}", one_line(&job.by)),
        ];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        choice(&parts.join(" · "), job.short.as_str())
    };
    Ok(desk.jobs(caller, &filter).await?.iter().map(of).collect())
}

async fn followups(desk: &dyn Desk, caller: &Caller) -> Result<Vec<FollowupView>, DeskError> {
    let Caller::Person { address, .. } = caller else { return Ok(Vec::new()) };
    let filter = FollowupFilter { address: address.clone(), all: false, limit: Limit::new(LOOKED_THROUGH)? };
    desk.followups(caller, &filter).await
}

fn line(one: &FollowupView) -> String {
    format!("{} · {} · {}", one.short, one_line(&one.rule), short_text(&one.task))
}

fn pages(list: &[FollowupView]) -> Vec<Value> {
    let page = |(at, chunk): (usize, &[FollowupView])| {
        let number = at + 1;
        let on_it: Vec<String> = chunk.iter().map(|one| format!("{} {}", one.short, short_text(&one.task))).collect();
        json!({ "name": fitting(&format!("{number} · {}", on_it.join(", "))), "value": number })
    };
    list.chunks(FOLLOWUPS_SHOWN).enumerate().map(page).collect()
}

fn choice(name: &str, value: &str) -> Value {
    json!({ "name": fitting(&one_line(name)), "value": fitting(value) })
}

fn fitting(text: &str) -> String {
    cut(text, LONGEST, Unit::Chars).into_owned()
}
