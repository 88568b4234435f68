//! What people read is what was stored: the text of every part, the bytes of every file, and all parts
//! together the whole result in its order.

use serde::Deserialize;
use wilco_core::receipt::Shape;
use wilco_core::{Body, Short, plan, text};

use super::Found;
use super::ground::Ground;
use crate::simulation::evidence::{ContractRow, Kept, ReceiptRow, WorkerRow};

/// How a worker ended, as far as it is shown.
#[derive(Deserialize)]
struct Stored {
    #[serde(default)]
    text: String,
}

/// The message that a receipt names shows what is stored for it, or somebody has removed it.
pub(super) fn the_message_shows_what_is_stored(
    ground: &Ground<'_>,
    worker: &WorkerRow,
    receipt: &ReceiptRow,
    what: &str,
    found: &mut Found,
) {
    let Some(id) = ground.named.get(receipt.id.as_str()) else {
        return found.add(1, format!("{what} is surfaced and its message is {:?}", receipt.message));
    };
    let Some(message) = ground.messages.get(id.as_str()) else {
        return found.add(1, format!("{what} is surfaced as {id}, which never stood anywhere"));
    };
    let showed_it = ground.showings_of(&receipt.id).iter().any(|showing| showing.message == id);
    if !showed_it {
        return found.add(1, format!("{what} is surfaced as {id}, and no call ever put it there"));
    }
    if message.deleted || worker.kept == 0 || ground.is_out_of_reach(id) || ground.outran_the_clock(id) {
        return;
    }
    let Some(body) = stored_body(ground, worker, receipt) else {
        return found.add(1, format!("{what} is surfaced and has no body that can be read"));
    };
    let shown = message.shown();
    if !shown.is_terminal() {
        return found.add(1, format!("{what} is surfaced, and {id} shows {:?}", shown.text));
    }
    if message.worker.as_ref().map(wilco_core::WorkerId::as_str) != Some(&worker.id) {
        found.add(1, format!("{what} is shown by {id}, which speaks of {:?}", message.worker));
    }
    if shown.text != body.text || shown.plain != body.plain {
        found.add(1, format!("{what} shows {:?} and not {:?}", shown.text, body.text));
    }
    let files = &ground.evidence.rows.files;
    let print = |path| files.get(path).map(|kept: &Kept| kept.hash.clone());
    let expected = body.file.as_ref().map(|file| (file.name.clone(), file.size, print(&file.path)));
    let seen = shown.file.as_ref().map(|file| (file.name.clone(), file.size, Some(file.hash.clone())));
    if expected != seen {
        found.add(1, format!("{what} shows the file {seen:?} and not {expected:?}"));
    }
}

/// The stored message in the shape in which it was accepted.
fn stored_body(ground: &Ground<'_>, worker: &WorkerRow, receipt: &ReceiptRow) -> Option<Body> {
    let body: Body = serde_json::from_str(receipt.body.as_deref()?).ok()?;
    let shape = Shape::from_name(&receipt.shape)?;
    Some(plan::reshape(&body, shape, &ground.facts.limits, &Short::new(worker.short.as_str())))
}

/// All parts of a result together are the stored text, each word once and in order. White space and the
/// marks of code blocks are the splitter's affair.
pub(super) fn the_whole_result_is_shown_in_order(
    ground: &Ground<'_>,
    worker: &WorkerRow,
    contracts: &[&ContractRow],
    found: &mut Found,
) {
    let Some(stored) = worker.ending.as_deref().filter(|_| worker.kept != 0) else { return };
    let Ok(stored) = serde_json::from_str::<Stored>(stored) else {
        return found.add(1, format!("the ending of {} cannot be read", worker.short));
    };
    let wanted = words(&text::sanitise(&stored.text));
    for contract in contracts {
        let mut pieces: Vec<&ReceiptRow> = ground.terminal(&contract.id).filter(|one| one.kind != "file").collect();
        // Content is part 0 of itself.
        pieces.sort_by_key(|one| one.part);
        if pieces.iter().any(|one| one.state != "surfaced" || one.message.is_none() || one.shape != "rich") {
            continue;
        }
        let messages: Vec<_> =
            pieces.iter().filter_map(|one| ground.messages.get(ground.named.get(one.id.as_str())?.as_str())).collect();
        let lost = |id: &str| ground.is_out_of_reach(id) || ground.outran_the_clock(id);
        if messages.len() != pieces.len() || messages.iter().any(|one| one.deleted || lost(&one.id)) {
            continue;
        }
        let shown: String = messages.iter().map(|message| words(below_header(&message.shown().text))).collect();
        let whole = messages.len() > 1 || !is_head(&messages[0].shown().text, &worker.short);
        if whole && shown != wanted {
            found.add(1, format!("{} shows {shown:?} and has {wanted:?}", worker.short));
        }
        if !whole {
            head_and_file(ground, worker, contract, &shown, &wanted, found);
        }
    }
}

/// A result that is too long for messages: its beginning stands in one, the whole of it in a file where the
/// platform takes files.
fn head_and_file(
    ground: &Ground<'_>,
    worker: &WorkerRow,
    contract: &ContractRow,
    shown: &str,
    wanted: &str,
    found: &mut Found,
) {
    let beginning: String = wanted.chars().take(100).collect();
    if !shown.starts_with(&beginning) {
        found.add(1, format!("{} begins with {beginning:?} and shows {shown:?}", worker.short));
    }
    let files: Vec<&ReceiptRow> = ground.terminal(&contract.id).filter(|one| one.kind == "file").collect();
    // A file that the platform refused in every shape says where the whole text is.
    if files.iter().any(|one| one.shape == "excerpt") {
        return;
    }
    let bodies = files.into_iter().filter_map(|one| serde_json::from_str::<Body>(one.body.as_deref()?).ok()?.file);
    let mut texts = bodies.filter_map(|file| ground.evidence.rows.files.get(&file.path)?.text.as_deref()).peekable();
    if texts.peek().is_some() && !texts.any(|text| words(text) == wanted) {
        found.add(1, format!("no file of {} holds its whole result", worker.short));
    }
}

/// Whether a message is only the head of a result and says where the whole of it is.
fn is_head(shown: &str, short: &str) -> bool {
    let last = shown.lines().last().unwrap_or_default();
    last == format!("whole text: `wilco jobs show {short}`") || (last.contains(" attached (") && last.ends_with(')'))
}

/// A text without white space and without the lines that open or close a code block.
fn words(text: &str) -> String {
    let fence = |line: &&str| !line.trim_start().starts_with("```") && !line.trim_start().starts_with("~~~");
    text.lines().filter(fence).flat_map(str::split_whitespace).collect()
}

/// What stands below the first blank line: every result and every part begins with a header.
fn below_header(shown: &str) -> &str {
    shown.split_once("\n\n").map_or("", |(_, below)| below)
}
