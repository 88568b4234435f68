//! Tables for people: aligned columns that fit the terminal.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;
use wilco_core::text::{sanitise, tail_lines};

/// Between two columns.
const GAP: &str = "  ";
/// No column becomes narrower than this, so that an id stays readable.
const NARROWEST: usize = 8;

/// A column's heading and what happens to it on a narrow terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    title: &'static str,
    gives: bool,
}

impl Column {
    /// A column that keeps its width, such as ids and states.
    pub const fn fixed(title: &'static str) -> Self {
        Self { title, gives: false }
    }

    /// A column that is shortened when the terminal is too narrow, such as free text.
    pub const fn text(title: &'static str) -> Self {
        Self { title, gives: true }
    }
}

/// Rows under headings.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self { columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row. Missing cells are empty, further ones are dropped; each becomes one harmless line.
    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let mut cells = cells.into_iter();
        let row = self.columns.iter().map(|_| cells.next().map_or_else(String::new, |cell| one_line(cell.as_ref())));
        self.rows.push(row.collect());
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text, every line ended by a newline. `width` is that of the terminal in columns; none, as for
    /// a pipe, shortens nothing.
    pub fn render(&self, width: Option<usize>) -> String {
        let widths = self.widths(width);
        let heading: Vec<String> = self.columns.iter().map(|column| column.title.to_uppercase()).collect();
        let mut out = String::new();
        for row in std::iter::once(&heading).chain(&self.rows) {
            let cells = row.iter().zip(&widths).map(|(cell, width)| {
                let cell = fit(cell, *width);
                let missing = width.saturating_sub(cell.width());
                format!("{cell}{}", " ".repeat(missing))
            });
            let line = cells.collect::<Vec<_>>().join(GAP);
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    fn widths(&self, limit: Option<usize>) -> Vec<usize> {
        let widest = |(index, column): (usize, &Column)| {
            let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.width());
            cells.chain([column.title.width()]).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = self.columns.iter().enumerate().map(widest).collect();
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        let mut over = limit.map_or(0, |limit| (widths.iter().sum::<usize>() + gaps).saturating_sub(limit));
        // The widest gives first, one column at a time, so that short texts stay whole.
        while over > 0 {
            let giving =
                widths.iter_mut().zip(&self.columns).filter(|(width, column)| column.gives && **width > NARROWEST);
            let Some((width, _)) = giving.max_by_key(|(width, _)| **width) else { break };
            *width -= 1;
            over -= 1;
        }
        widths
    }
}

/// The width of the terminal that standard output is, in columns; none when it is none.
pub fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

fn one_line(cell: &str) -> String {
    sanitise(cell).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A cell cut between graphemes, because a terminal shows nothing smaller.
fn fit(cell: &str, width: usize) -> Cow<'_, str> {
    if cell.width() <= width {
        return Cow::Borrowed(cell);
    }
    Cow::Owned(tail_lines(cell, 1, width).concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new([Column::fixed("id"), Column::text("what"), Column::fixed("state")]);
        table.row(["k7f2", "a short text", "running"]);
        table.row(["m3p9", "中文 and a text that is rather long for a narrow terminal", "done"]);
        table
    }

    #[test]
    fn columns_are_aligned_whatever_their_letters() {
        let text = sample().render(None);
        let columns: Vec<usize> = text
            .lines()
            .map(|line| {
                let at = line.rfind("  ").unwrap() + 2;
                line[..at].width()
            })
            .collect();
        assert!(columns.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
        assert!(text.starts_with("ID    WHAT "), "{text}");
    }

    #[test]
    fn a_narrow_terminal_shortens_texts_and_never_ids() {
        for width in 30..70 {
            let text = sample().render(Some(width));
            assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
            assert!(text.contains("m3p9") && text.contains("running"), "{width}:\n{text}");
        }
        assert!(sample().render(Some(40)).contains('…'));
        assert!(sample().render(Some(1)).contains("k7f2"), "ids stay whole even where they do not fit");
    }

    #[test]
    fn cells_are_one_harmless_line() {
        let mut table = Table::new([Column::text("what")]);
        assert!(table.is_empty());
        table.row(["a\u{1b}[31m b\nc\u{202e}d"]);
        let text = table.render(None);
        assert_eq!(text, "WHAT\na b cd\n");
    }

    #[test]
    fn rows_have_as_many_cells_as_there_are_columns() {
        let mut table = Table::new([Column::fixed("a"), Column::fixed("b")]);
        table.row(["1"]);
        table.row(["1", "2", "3"]);
        assert_eq!(table.render(None), "A  B\n1\n1  2\n");
    }
}
