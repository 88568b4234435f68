//! Asks for a secret: on a terminal without showing what is typed.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

/// How often somebody may try.
const TRIES: u32 = 3;
/// A line beyond this length is no token.
const LONGEST: u64 = 4 << 10;

/// Asks until the answer can be what it should be, three times at most. None when nothing was answered.
///
/// # Errors
/// When standard input cannot be read, somebody interrupts the question, or the last try was as wrong as the others: what
/// was wrong with it.
pub(super) fn secret(what: &str, check: fn(&str) -> Result<(), String>) -> io::Result<Option<String>> {
    let mut wrong = String::new();
    for _ in 0..TRIES {
        let mut err = io::stderr();
        // Where standard error is closed, the question is not seen, and the answer counts all the same.
        drop(write!(err, "{what}: ").and_then(|()| err.flush()));
        let line = line()?;
        let answer = line.trim();
        if answer.is_empty() {
            return Ok(None);
        }
        match check(answer) {
            Ok(()) => return Ok(Some(answer.to_owned())),
            Err(why) => {
                drop(writeln!(err, "  {why}"));
                wrong = why;
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, wrong))
}

fn line() -> io::Result<String> {
    let stdin = io::stdin();
    let hidden = if stdin.is_terminal() { Hidden::begin().ok() } else { None };
    let interrupts: Vec<u8> = hidden.iter().flat_map(|hidden| hidden.interrupts).collect();
    let read = typed(stdin.lock().take(LONGEST), &interrupts);
    if hidden.is_some() {
        drop(writeln!(io::stderr()));
    }
    read
}

/// Reads one line, which one of these characters ends as well: whoever types it does not want to answer.
fn typed(from: impl BufRead, interrupts: &[u8]) -> io::Result<String> {
    let mut line = Vec::new();
    for byte in from.bytes() {
        match byte? {
            b'\n' => break,
            byte if interrupts.contains(&byte) => return Err(io::Error::other("the question was interrupted")),
            byte => line.push(byte),
        }
    }
    String::from_utf8(line).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "this is no text"))
}

/// As long as it lives, the terminal does not show what is typed, and sends no signals for what is typed: one that ended
/// the process would leave the terminal silent.
struct Hidden {
    before: Termios,
    /// The characters that would have sent a signal which ends the process.
    interrupts: [u8; 2],
}

impl Hidden {
    fn begin() -> rustix::io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        let interrupts = [SpecialCodeIndex::VINTR, SpecialCodeIndex::VQUIT].map(|code| before.special_codes[code]);
        // They arrive at once, without the end of the line.
        for (end, code) in [SpecialCodeIndex::VEOL, SpecialCodeIndex::VEOL2].into_iter().zip(interrupts) {
            silent.special_codes[end] = code;
        }
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        // Zero stands for none (termios(3), `_POSIX_VDISABLE` of Linux), and no token holds one.
        Ok(Self { before, interrupts })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Err(error) = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before) {
            // A terminal that is gone has nothing to show.
            tracing::debug!(%error, "the terminal was not put back");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_answer_and_an_interrupt_is_none() {
        let mut two: &[u8] = b"xoxb-1\nxapp-1";
        assert_eq!(typed(&mut two, &[3]).unwrap(), "xoxb-1");
        assert_eq!(typed(&mut two, &[3]).unwrap(), "xapp-1", "the next answer stays for the next question");
        for (text, key) in [(&b"\x03"[..], 3), (&b"xoxb-\x1cmore\n"[..], 0x1c)] {
            let error = typed(text, &[3, 0x1c]).unwrap_err();
            assert_eq!(error.to_string(), "the question was interrupted", "{key}");
        }
        assert_eq!(typed(&b"\x03\n"[..], &[]).unwrap(), "\x03", "only a terminal interrupts");
        assert!(typed(&b"\xff\n"[..], &[]).is_err());
    }
}
