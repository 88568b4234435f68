//! Invariant 12: no secret appears in a line of the log, in a row, in a message or in a private note.

use super::Found;
use super::ground::Ground;

/// No canary stands anywhere.
pub(super) fn no_secret_leaks(ground: &Ground<'_>, found: &mut Found) {
    for (number, line) in ground.facts.lines.iter().enumerate() {
        for text in ground.facts.unlogged.iter().filter(|text| line.contains(text.as_str())) {
            found.add(12, format!("line {number} of the log holds {text:?}, which only a channel may read: {line}"));
        }
    }
    let canaries = &ground.facts.canaries;
    if canaries.is_empty() {
        return;
    }
    let mut look = |place: &dyn Fn() -> String, text: &str| {
        for (number, canary) in canaries.iter().enumerate() {
            if text.contains(canary.as_str()) {
                // The secret itself is not repeated here, either.
                found.add(12, format!("canary {number} stands in {}", place()));
            }
        }
    };
    for (number, line) in ground.facts.lines.iter().enumerate() {
        look(&|| format!("line {number} of the log"), line);
    }
    ground.evidence.rows.texts(|table, column, text| look(&|| format!("{table}.{column}"), text));
    for message in &ground.evidence.snapshot.messages {
        // What a person has typed themselves is not the bot's to hide.
        if message.author != wilco_sim::Author::Bot {
            continue;
        }
        for version in &message.versions {
            let place = || format!("message {}", message.id);
            look(&place, &version.text);
            for button in &version.buttons {
                look(&place, &button.label);
                look(&place, &button.press.encode());
            }
            if let Some(file) = &version.file {
                look(&place, &file.name);
            }
        }
    }
    for note in &ground.evidence.snapshot.notes {
        let place = || format!("a note for {}", note.person);
        look(&place, &note.text);
        let buttons = note.buttons.iter().chain(note.rows.iter().flat_map(|row| &row.buttons));
        for button in buttons {
            look(&place, &button.label);
        }
        for row in &note.rows {
            look(&place, &row.text);
        }
    }
}
