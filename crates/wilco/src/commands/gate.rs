//! `wilco gate list|open`.

use serde_json::json;
use wilco_core::desk::{Caller, Desk};
use wilco_core::gate::ClosedGate;
use wilco_core::{BackendId, wording};

use super::{Counter, refused};
use crate::bot::Extras;
use crate::cli::{Column, Gate, Table, terminal_width};
use crate::config::Config;
use crate::{out, wiring};

/// Answers a command about gates.
pub(crate) async fn gate(config: &Config, extras: Extras, wanted: Gate, json: bool) -> anyhow::Result<()> {
    let counter = Counter::open(config, extras).await?;
    let answered = answer(&counter, wanted, json).await;
    counter.close().await;
    answered
}

async fn answer(counter: &Counter, wanted: Gate, json: bool) -> anyhow::Result<()> {
    match wanted {
        Gate::List => {
            let gates = counter.desk.gates().await.map_err(refused)?;
            // The same shapes as in /api/v1/gates.
            if json { out::json(&json!({ "gates": gates }))? } else { out::answer(&list(counter, &gates))? }
        }
        Gate::Open { backend } => {
            let gate = counter.desk.open_gate(&Caller::Host, &BackendId::new(backend)).await.map_err(refused)?;
            if json { out::json(&json!({ "gate": gate }))? } else { out::answer(&opened(counter, &gate))? }
        }
    }
    Ok(())
}

fn list(counter: &Counter, gates: &[ClosedGate]) -> String {
    if gates.is_empty() {
        return "no gate is closed\n".to_owned();
    }
    let mut table = Table::new([
        Column::fixed("backend"),
        Column::fixed("reason"),
        Column::fixed("closed"),
        Column::fixed("job"),
        Column::text("what to do"),
    ]);
    for gate in gates {
        table.row([
            gate.backend.as_str(),
            gate.reason.name(),
            &counter.ago(gate.closed),
            gate.job.as_str(),
            &wording::gate_line_for_host(gate),
        ]);
    }
    table.render(terminal_width())
}

fn opened(counter: &Counter, gate: &ClosedGate) -> String {
    let when = match wiring::is_served(&counter.database) {
        true => "The running bot lets its jobs through within a second.",
        false => "No bot runs on this store now; its jobs go through when the bot starts.",
    };
    format!("Opened · {} · it was closed {}\n{when}\n", gate.backend, counter.ago(gate.closed))
}
