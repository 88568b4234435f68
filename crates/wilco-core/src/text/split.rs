//! One text in several messages, or the beginning of it in one.

use std::borrow::Cow;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use super::fence::{Fence, looks_like_fence};
use super::unit::{Unit, within_reach};

/// What stands for a grapheme cluster that no message can hold.
const REPLACEMENT: &str = "\u{FFFD}";

/// The answer of [`split`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Split {
    /// The text in order, one message each: at least one, at most as many as were allowed.
    Parts(Vec<String>),
    /// It takes more parts than were allowed, or the limit cannot hold any of it.
    TooLong,
}

/// Splits `text` into at most `max_parts` parts, each at most `limit` of `unit` long (M9, R16).
///
/// A part ends at the end of a paragraph or code block, or else of a line, or else of a word, as long
/// as this leaves it at least half full; or else between two grapheme clusters. A line of code is
/// broken only if no part can hold it. Only white space at these places is lost. A code block that is open at the end of a part is closed there, and opened
/// again, with the same info string, in the next. A fence whose marker takes about a quarter of the
/// limit is ordinary text, and an info string that takes about half of it is not repeated. A grapheme
/// cluster that is larger than a part becomes U+FFFD.
///
/// Text that fits is one part, unchanged but for the closing of its last code block.
#[must_use]
pub fn split(text: &str, limit: usize, unit: Unit, max_parts: usize) -> Split {
    let splitter = Splitter::new(limit, unit);
    if max_parts == 0 {
        return Split::TooLong;
    }
    if let Some(whole) = splitter.whole(text) {
        return Split::Parts(vec![whole]);
    }
    let Some(pieces) = splitter.pieces(text, max_parts) else {
        return Split::TooLong;
    };
    let mut parts: Vec<String> = pieces.iter().map(|piece| splitter.render(piece)).collect();
    if parts.is_empty() {
        // More white space than a message can hold is still nothing to read.
        parts.push(String::new());
    }
    Split::Parts(parts)
}

/// The beginning of `text`, at most `limit` of `unit` long, with its code blocks closed.
///
/// It ends at the end of a line if this leaves it at least half full, or else of a word, or else
/// between two grapheme clusters. There is no mark for what is left out: the caller says where the
/// whole text is. Empty if the limit cannot hold any of it.
#[must_use]
pub fn head(text: &str, limit: usize, unit: Unit) -> String {
    let splitter = Splitter::new(limit, unit);
    if let Some(whole) = splitter.whole(text) {
        return whole;
    }
    let mut rest = text_without_blank_lines(text);
    let piece = splitter.next(&mut rest, None, Prefer::Lines);
    piece.map(|piece| splitter.render(&piece)).unwrap_or_default()
}

/// Which boundary is the best place to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prefer {
    Blocks,
    Lines,
}

/// A part before it is written out.
struct Piece<'a> {
    /// The fence that the part before had to close.
    reopened: Option<Fence<'a>>,
    body: Cow<'a, str>,
    /// The fence that is open at the end of the body.
    open: Option<Fence<'a>>,
    /// Bytes of the rest that this piece takes.
    taken: usize,
}

/// A place where a piece may end.
#[derive(Clone, Copy)]
struct End<'a> {
    /// Bytes of the rest before it.
    at: usize,
    /// The same in the unit of the platform.
    used: usize,
    /// The fence that a reader of the piece finds open there.
    open: Option<Fence<'a>>,
}

/// The ends found in the lines that fit whole, and the line that did not.
struct Lines<'a> {
    block: Option<End<'a>>,
    line: Option<End<'a>>,
    /// Behind an opening fence: correct, but an empty code block. The last resort.
    opening: Option<End<'a>>,
    /// Where the first line begins that does not fit; none if everything fits.
    overflow: Option<End<'a>>,
    /// The fence open behind everything that was looked at.
    open: Option<Fence<'a>>,
}

struct Splitter {
    limit: usize,
    unit: Unit,
    /// The longest marker that is still taken for a fence, so that opening and closing it again
    /// never takes more than half of a part.
    max_marker: usize,
}

impl Splitter {
    fn new(limit: usize, unit: Unit) -> Self {
        Self { limit, unit, max_marker: (limit / 4).saturating_sub(1) }
    }

    /// The text in one part, if it fits.
    fn whole(&self, text: &str) -> Option<String> {
        if !self.unit.fits(text, self.limit) {
            return None;
        }
        let open = Fence::open_at_end(text, self.max_marker);
        let piece = Piece { reopened: None, body: Cow::Borrowed(text), open, taken: text.len() };
        Some(self.render(&piece)).filter(|part| self.unit.fits(part, self.limit))
    }

    /// All pieces, or none if there are too many or the limit is too small.
    fn pieces<'a>(&self, text: &'a str, max_parts: usize) -> Option<Vec<Piece<'a>>> {
        let mut rest = text_without_blank_lines(text.trim_end());
        let mut open = None;
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            if pieces.len() == max_parts {
                return None;
            }
            let piece = self.next(&mut rest, open, Prefer::Blocks)?;
            open = piece.open;
            pieces.push(piece);
        }
        Some(pieces)
    }

    /// Takes the next piece with something to see off `rest`, which is not empty.
    fn next<'a>(&self, rest: &mut &'a str, open: Option<Fence<'a>>, prefer: Prefer) -> Option<Piece<'a>> {
        loop {
            let piece = self.piece(rest, open, prefer)?;
            *rest = skip_boundary(rest.get(piece.taken..).unwrap_or_default());
            // A long indentation can fill a whole piece.
            if !piece.body.is_empty() || rest.is_empty() {
                return Some(piece);
            }
        }
    }

    /// The next piece of `rest`, which is not empty, when `reopened` was left open before it.
    fn piece<'a>(&self, rest: &'a str, reopened: Option<Fence<'a>>, prefer: Prefer) -> Option<Piece<'a>> {
        let room = self.limit - reopened.map_or(0, |fence| self.unit.len(&self.opening(fence))).min(self.limit);
        let near = within_reach(rest, room);
        let lines = self.lines(near, rest.len(), room, reopened);
        let Some(overflow) = lines.overflow else {
            let body = Cow::Borrowed(rest.trim_end());
            return Some(Piece { reopened, body, open: lines.open, taken: rest.len() });
        };
        match self.best_end(near, room, &lines, overflow, prefer) {
            Some(end) => {
                let body = near.get(..end.at).unwrap_or_default().trim_end();
                Some(Piece { reopened, body: Cow::Borrowed(body), open: end.open, taken: end.at })
            }
            None => {
                // Not even the first grapheme cluster fits.
                let closing = reopened.map_or(0, closing_len);
                let fits = self.unit.len(REPLACEMENT) + closing <= room;
                let taken = rest.graphemes(true).next().map_or(rest.len(), str::len);
                let body = Cow::Borrowed(REPLACEMENT);
                fits.then_some(Piece { reopened, body, open: reopened, taken })
            }
        }
    }

    /// Walks the lines of `near`, the beginning of a rest of `len` bytes, as far as they fit.
    fn lines<'a>(&self, near: &'a str, len: usize, room: usize, reopened: Option<Fence<'a>>) -> Lines<'a> {
        let mut found = Lines { block: None, line: None, opening: None, overflow: None, open: reopened };
        let (mut start, mut used) = (0, 0);
        for line in near.split('\n') {
            let before = found.open;
            let after = Fence::after(before, line, self.max_marker);
            let blank = line.trim().is_empty();
            if before.is_none() && (blank || after.is_some()) {
                found.block = found.line.or(found.block);
            }
            let end = End { at: start + line.len(), used: used + self.unit.len(line), open: after };
            if end.used + after.map_or(0, closing_len) > room {
                found.overflow = Some(End { at: start, used, open: before });
                return found;
            }
            found.open = after;
            if before.is_none() && after.is_some() {
                found.opening = Some(end);
            } else if !blank && end.at < len {
                found.line = Some(end);
                if before.is_some() && after.is_none() {
                    found.block = Some(end);
                }
            }
            (start, used) = (end.at + 1, end.used + 1);
        }
        found
    }

    /// Chooses where the piece ends. `overflow` is where the line begins that does not fit.
    fn best_end<'a>(
        &self,
        near: &'a str,
        room: usize,
        lines: &Lines<'a>,
        overflow: End<'a>,
        prefer: Prefer,
    ) -> Option<End<'a>> {
        let half_full = |end: &End<'_>| end.used >= room / 2;
        let block = lines.block.filter(|_| prefer == Prefer::Blocks);
        if let Some(end) = block.filter(half_full).or(lines.line.filter(half_full)) {
            return Some(end);
        }
        let line = near.get(overflow.at..).unwrap_or_default();
        let line = line.split_once('\n').map_or(line, |(line, _)| line);
        // Half a fence would be another fence, and half a line of code other code. They are broken
        // only where they are longer than a part.
        let unbroken = overflow.open.is_some() || looks_like_fence(line);
        if let Some(end) = lines.line.filter(|_| unbroken) {
            return Some(end);
        }
        let (word, grapheme) = self.ends_within(line, room, overflow);
        word.filter(half_full).or(grapheme).or(lines.line).or(lines.opening)
    }

    /// The last end of a word and the last end of a grapheme cluster in `line` that still fit.
    fn ends_within<'a>(&self, line: &'a str, room: usize, start: End<'a>) -> (Option<End<'a>>, Option<End<'a>>) {
        // What a beginning of this line may open is known only afterwards: room is kept for any.
        let fence = if looks_like_fence(line) { self.max_marker + 1 } else { 0 };
        let reserve = start.open.map_or(0, closing_len).max(fence);
        let end_at = |at: usize, used: usize| End {
            at: start.at + at,
            used,
            open: Fence::after(start.open, line.get(..at).unwrap_or_default(), self.max_marker),
        };
        // Positions first; the fence that is open there is worked out for the two winners only.
        let (mut word, mut safe, mut any) = (None, None, None);
        let (mut used, mut after_space) = (start.used, true);
        for (at, grapheme) in line.grapheme_indices(true) {
            if used + reserve > room {
                break;
            }
            let space = grapheme.chars().all(char::is_whitespace);
            // At the start of a line an inline run of backticks would become a fence. The run of
            // white space is looked through once, at its beginning.
            let breakable = (!space || !after_space) && at > 0 && !looks_like_fence(line.get(at..).unwrap_or_default());
            if at > 0 {
                any = Some((at, used));
            }
            if breakable {
                safe = any;
                word = if space { any } else { word };
            }
            used += self.unit.len(grapheme);
            after_space = space;
        }
        let resolve = |place: Option<(usize, usize)>| place.map(|(at, used)| end_at(at, used));
        (resolve(word), resolve(safe.or(any)))
    }

    /// The line that opens a code block again.
    fn opening(&self, fence: Fence<'_>) -> String {
        let affordable = self.unit.len(fence.info) + 2 * closing_len(fence) <= self.limit / 2;
        let info = if affordable { fence.info } else { "" };
        format!("{}{info}\n", fence.marker)
    }

    /// The text of a part.
    fn render(&self, piece: &Piece<'_>) -> String {
        let mut part = piece.reopened.map(|fence| self.opening(fence)).unwrap_or_default();
        part.push_str(&piece.body);
        if let Some(fence) = piece.open {
            if !part.ends_with('\n') {
                part.push('\n');
            }
            part.push_str(fence.marker);
        }
        part
    }
}

/// What closing a code block takes, in any unit: a line break and the marker.
fn closing_len(fence: Fence<'_>) -> usize {
    1 + fence.marker.len()
}

/// `text` from its first line that is not blank, with the indentation of that line.
fn text_without_blank_lines(text: &str) -> &str {
    let blank = text.len() - text.trim_start().len();
    let line_start = text.get(..blank).and_then(|blank| blank.rfind('\n'));
    line_start.and_then(|newline| text.get(newline + 1..)).unwrap_or(text)
}

/// `rest` without the white space at the boundary that it begins with. The indentation of a new line
/// stays.
fn skip_boundary(rest: &str) -> &str {
    let trimmed = rest.trim_start();
    let blank = rest.len() - trimmed.len();
    let from_line = text_without_blank_lines(rest);
    if from_line.len() < rest.len() {
        return from_line;
    }
    // A mark may sit on the last space; then both stay.
    let mut cursor = GraphemeCursor::new(blank, rest.len(), true);
    if cursor.is_boundary(rest, 0).unwrap_or(true) {
        return trimmed;
    }
    let space = rest.get(..blank).and_then(|blank| blank.chars().next_back());
    rest.get(blank - space.map_or(0, char::len_utf8)..).unwrap_or(trimmed)
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
