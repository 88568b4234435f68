//! `wilco access list|revoke|pair`.

use serde_json::json;
use wilco_core::access::{Grant, Rule};
use wilco_core::desk::{Caller, Desk};
use wilco_core::pairing;
use wilco_core::text::duration;
use wilco_core::{AccountId, wording};
use wilco_slack::COMMAND;

use super::{Counter, refused};
use crate::bot::Extras;
use crate::cli::{Access, Column, Table, terminal_width};
use crate::config::Config;
use crate::config::slack::SLACK;
use crate::exit::{Ended, Exit};
use crate::{out, wiring};

/// Answers a command about rights.
pub(crate) async fn access(config: &Config, extras: Extras, wanted: Access, json: bool) -> anyhow::Result<()> {
    let rules: Vec<Rule> = config.settings.access.rules.iter().chain(&extras.access).cloned().collect();
    let counter = Counter::open(config, extras).await?;
    let answered = answer(&counter, &rules, wanted, json).await;
    counter.close().await;
    answered
}

async fn answer(counter: &Counter, rules: &[Rule], wanted: Access, json: bool) -> anyhow::Result<()> {
    match wanted {
        Access::List => {
            let grants = counter.desk.grants(&Caller::Host).await.map_err(refused)?;
            if json {
                out::json(&json!({ "rules": rules, "grants": grants }))?
            } else {
                out::answer(&list(counter, rules, &grants))?
            }
        }
        Access::Revoke { account, person } => {
            let grant = counter.desk.revoke(&Caller::Host, &AccountId::new(account), &person).await.map_err(refused)?;
            if json { out::json(&json!({ "grant": grant }))? } else { out::answer(&revoked(counter, &grant))? }
        }
        Access::Pair => {
            // A code ends with the process that serves it, so without one nobody could give it.
            if !wiring::is_served(&counter.database) {
                let sentence = "no bot runs on this store now, so nobody could give a code; no code was made. Start \
                                `wilco` first";
                return Err(Ended::new(Exit::Failed, sentence).coded("not_running").into());
            }
            let code = counter.desk.offer_pairing(&Caller::Host).await.map_err(refused)?;
            let seconds = pairing::LIVES.as_secs();
            if json {
                out::json(&json!({ "code": code.shown(), "seconds": seconds }))?
            } else {
                let span = duration(pairing::LIVES);
                let on_slack = counter.accounts.iter().any(|account| account.platform() == SLACK);
                let slack =
                    if on_slack { format!("\n  {COMMAND} pair {}   (on Slack)", code.shown()) } else { String::new() };
                out::answer(&format!(
                    "Say where you want to be owner, within {span}:\n\n  /pair {}{slack}\n\nIt works once. A code that was shown before is not taken any more.\n",
                    code.shown()
                ))?
            }
        }
    }
    Ok(())
}

fn list(counter: &Counter, rules: &[Rule], grants: &[Grant]) -> String {
    if rules.is_empty() && grants.is_empty() {
        return "nobody may do anything, but the local people on the page; `wilco access pair` makes a first owner\n"
            .to_owned();
    }
    let mut table =
        Table::new([Column::fixed("account"), Column::text("who"), Column::fixed("may"), Column::text("since")]);
    for rule in rules {
        let account = rule.account.as_deref().unwrap_or("every");
        table.row([account, &who(rule), rule.grant.name(), "a rule of the configuration"]);
    }
    for grant in grants {
        let who = format!("{} ({})", grant.person, wording::one_line(&grant.name));
        let since = format!("paired {}", counter.ago(grant.since));
        table.row([grant.account.as_str(), &who, grant.role.name(), &since]);
    }
    table.render(terminal_width())
}

fn who(rule: &Rule) -> String {
    let conditions = [("user", &rule.user), ("role", &rule.role), ("channel", &rule.channel), ("guild", &rule.guild)];
    let given = conditions.iter().filter_map(|(name, value)| value.as_ref().map(|value| format!("{name} {value}")));
    given.collect::<Vec<_>>().join(", ")
}

fn revoked(counter: &Counter, grant: &Grant) -> String {
    let when = match wiring::is_served(&counter.database) {
        true => "The running bot knows it within a second.",
        false => "No bot runs on this store now.",
    };
    let (name, person) = (wording::one_line(&grant.name), &grant.person);
    format!("Revoked · {name} ({person}) is not {} on {} any more\n{when}\n", grant.role.name(), grant.account)
}
