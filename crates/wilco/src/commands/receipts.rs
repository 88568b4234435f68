//! `wilco receipts list|show|retry`.

use serde_json::json;
use wilco_core::ReceiptId;
use wilco_core::desk::{Caller, Desk, DeskError, Limit, ReceiptFilter, ReceiptView};
use wilco_core::receipt::ReceiptState;

use super::{Counter, limit, refused, show};
use crate::bot::Extras;
use crate::cli::{Column, Receipts, Table, terminal_width};
use crate::config::Config;
use crate::exit::{Ended, Exit};
use crate::{out, wiring};

/// The shortest beginning of a receipt's id that is looked for.
const SHORTEST: usize = 6;

/// Answers a command about receipts.
pub(crate) async fn receipts(config: &Config, extras: Extras, wanted: Receipts, json: bool) -> anyhow::Result<()> {
    let filter = match &wanted {
        Receipts::List { failed, limit: wish } => {
            ReceiptFilter { state: failed.then_some(ReceiptState::Failed), limit: limit(*wish)? }
        }
        Receipts::Show { .. } | Receipts::Retry { .. } => ReceiptFilter::default(),
    };
    let counter = Counter::open(config, extras).await?;
    let answered = answer(&counter, wanted, &filter, json).await;
    counter.close().await;
    answered
}

async fn answer(counter: &Counter, wanted: Receipts, filter: &ReceiptFilter, json: bool) -> anyhow::Result<()> {
    match wanted {
        Receipts::List { .. } => {
            let receipts = counter.desk.receipts(&Caller::Host, filter).await.map_err(refused)?;
            // The same shapes as in /api/v1/receipts.
            if json { out::json(&json!({ "receipts": receipts }))? } else { out::answer(&list(counter, &receipts))? }
        }
        Receipts::Show { id } => {
            let receipt = find(counter, &id).await?;
            if json {
                out::json(&json!({ "receipt": receipt }))?
            } else {
                out::answer(&show::receipt(counter, &receipt))?
            }
        }
        Receipts::Retry { id } => {
            let receipt = counter.desk.retry(&Caller::Host, &ReceiptId::new(id)).await.map_err(refused)?;
            if json { out::json(&json!({ "receipt": receipt }))? } else { out::answer(&again(counter, &receipt))? }
        }
    }
    Ok(())
}

/// Looks a receipt up by its id or a unique beginning of it, among the newest of each state.
async fn find(counter: &Counter, id: &str) -> anyhow::Result<ReceiptView> {
    let wanted = id.to_ascii_lowercase();
    let mut found: Vec<ReceiptView> = Vec::new();
    let every = std::iter::once(None).chain(ReceiptState::ALL.map(Some));
    for state in every.filter(|_| wanted.len() >= SHORTEST) {
        let filter = ReceiptFilter { state, limit: Limit::new(i64::from(Limit::CAP)).map_err(refused)? };
        for receipt in counter.desk.receipts(&Caller::Host, &filter).await.map_err(refused)? {
            if receipt.id.as_str() == wanted {
                return Ok(receipt);
            }
            if receipt.id.as_str().starts_with(&wanted) && !found.iter().any(|known| known.id == receipt.id) {
                found.push(receipt);
            }
        }
    }
    match found.len() {
        0 => Err(refused(DeskError::NotFound(id.to_owned())).into()),
        1 => Ok(found.remove(0)),
        _ => {
            let ids: String = found.iter().map(|receipt| format!("\n  {}", receipt.id)).collect();
            Err(Ended::new(Exit::Failed, format!("`{id}` fits several receipts; give more of the id:{ids}"))
                .coded("ambiguous")
                .into())
        }
    }
}

fn list(counter: &Counter, receipts: &[ReceiptView]) -> String {
    if receipts.is_empty() {
        return "no receipts\n".to_owned();
    }
    let mut table = Table::new([
        Column::fixed("id"),
        Column::fixed("job"),
        Column::fixed("kind"),
        Column::fixed("state"),
        Column::text("where"),
        Column::fixed("made"),
        Column::fixed("attempts"),
        Column::text("what happened"),
    ]);
    for receipt in receipts {
        let why = receipt.reason.as_deref().or(receipt.last_error.as_deref()).unwrap_or_default();
        table.row([
            receipt.id.as_str(),
            receipt.short.as_str(),
            receipt.kind.name(),
            receipt.state.name(),
            &receipt.address.to_string(),
            &counter.ago(receipt.created),
            &receipt.attempts.to_string(),
            why,
        ]);
    }
    table.render(terminal_width())
}

fn again(counter: &Counter, receipt: &ReceiptView) -> String {
    let when = match wiring::is_served(&counter.database) {
        true => "The running bot sends it within seconds.",
        false => "No bot runs on this store now; it is sent when the bot starts.",
    };
    let (kind, short, address) = (receipt.kind.name(), &receipt.short, &receipt.address);
    format!("Sends again · {kind} of {short} · {address}\n{when}\n")
}
