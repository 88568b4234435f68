//! The list of rules that every fault script keeps: the first line that fits and has nothing left to skip decides.

use crate::draw::Draw;
use crate::faults::{self, Chaos};

/// A line of a fault script, as far as the list goes.
pub(crate) trait Line {
    /// What goes wrong.
    type Fault: Clone;

    /// How many fitting moments pass first, and how many are spoiled after that.
    fn counters(&mut self) -> (&mut u32, &mut u32);

    /// What goes wrong.
    fn fault(&self) -> Self::Fault;
}

/// What the lines say of one moment. A line that skips lets the next ones speak about the same moment; one that is used
/// up goes; `u32::MAX` lasts.
pub(crate) fn decide<L: Line>(lines: &mut Vec<L>, fits: impl Fn(&L) -> bool) -> Option<L::Fault> {
    let mut decided = None;
    for line in lines.iter_mut() {
        if !fits(line) {
            continue;
        }
        let (skip, times) = line.counters();
        if *skip > 0 {
            *skip -= 1;
            continue;
        }
        *times = if *times == u32::MAX { u32::MAX } else { times.saturating_sub(1) };
        decided = Some(line.fault());
        break;
    }
    lines.retain_mut(|line| *line.counters().1 > 0);
    decided
}

/// What chance says of one call: one draw, whatever comes of it, so that a rule does not reshuffle a seeded run.
pub(crate) fn chance<'a>(chaos: &'a Chaos, draw: &mut Draw) -> Option<&'a faults::Fault> {
    let mut dice = u16::try_from(draw.below(1_000)).unwrap_or(0);
    let hit = chaos.per_mille.iter().find(|(rate, _)| {
        let hit = dice < *rate;
        dice = dice.saturating_sub(*rate);
        hit
    });
    hit.map(|(_, fault)| fault)
}
