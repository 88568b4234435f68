//! Bytes cut into lines, with a bound on each.

/// The longest line that is kept, in bytes.
pub(super) const LINE_CAP: usize = 16 << 10;
/// What stands for the part of a line that was dropped.
const MARK: &str = " … (the rest of this line was dropped: more than 16 KiB)";

/// Collects bytes into lines. A carriage return ends a line, too, because progress bars end theirs
/// so. At most one line is held, and never more of it than [`LINE_CAP`].
#[derive(Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    /// More came than may be kept.
    overlong: bool,
    /// How many lines that happened to.
    cut: u64,
    /// The last byte was a carriage return: a newline right behind it ends nothing more.
    after_return: bool,
}

impl Lines {
    /// Takes bytes in and gives out each line that they complete.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut emit: impl FnMut(String)) {
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (part, rest) = bytes.split_at(end);
            let (ending, rest) = rest.split_at(1);
            let pair = std::mem::replace(&mut self.after_return, ending == b"\r") && part.is_empty() && ending == b"\n";
            if !pair {
                self.keep(part);
                emit(self.take());
            }
            bytes = rest;
        }
        if !bytes.is_empty() {
            self.after_return = false;
            self.keep(bytes);
        }
    }

    /// The last line, when the output did not end with its end.
    pub(super) fn finish(&mut self) -> Option<String> {
        (!self.line.is_empty()).then(|| self.take())
    }

    /// How many lines were cut.
    pub(super) fn cut(&self) -> u64 {
        self.cut
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE_CAP - self.line.len();
        self.overlong |= bytes.len() > room;
        self.line.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    fn take(&mut self) -> String {
        let mut text = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        if std::mem::take(&mut self.overlong) {
            text.push_str(MARK);
            self.cut += 1;
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8], size: usize) -> Vec<String> {
        let (mut lines, mut all) = (Lines::default(), Vec::new());
        for chunk in bytes.chunks(size) {
            lines.push(chunk, |line| all.push(line));
            assert!(lines.line.len() <= LINE_CAP);
        }
        all.extend(lines.finish());
        all
    }

    #[test]
    fn any_cut_of_the_stream_gives_the_same_lines() {
        let bytes = "one\r\ntwo\n\n10 %\r20 %\r\nü\u{fffd}\nlast".as_bytes();
        for size in 1..=bytes.len() {
            assert_eq!(
                lines(bytes, size),
                ["one", "two", "", "10 %", "20 %", "ü\u{fffd}", "last"],
                "in pieces of {size}"
            );
        }
        assert_eq!(lines(b"a\xff\xfeb\n", 3), ["a\u{fffd}\u{fffd}b"]);
    }

    #[test]
    fn a_line_of_ten_mebibytes_is_cut_with_a_mark_and_never_held() {
        let mut bytes = vec![b'x'; 10 << 20];
        bytes.extend_from_slice(b"\nnext\n");
        let all = lines(&bytes, 64 << 10);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].len(), LINE_CAP + MARK.len());
        assert!(all[0].ends_with(MARK));
        assert_eq!(all[1], "next");
        assert_eq!(lines(&bytes[..LINE_CAP], 1000)[0].len(), LINE_CAP, "a line of exactly the cap is whole");
    }
}
