//! What wilco and a launcher say to each other: orders in, reports out, each one line of JSON.

use serde::{Deserialize, Serialize};

/// What wilco wants from a launcher. The end of the orders, without a word, means [`Order::Kill`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Text for the command's standard input.
    Input(String),
    /// SIGTERM to every process of the job.
    Terminate,
    /// SIGKILL to every process of the job, until none is left.
    Kill,
}

/// What a launcher tells wilco. Exactly one of the last three comes, as its last word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The command runs.
    Started {
        /// Its process id, which is also the id of its process group.
        pid: i32,
    },
    /// The command ended by itself, and no process of the job is left.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// A signal ended the command, and no process of the job is left.
    Signalled {
        /// The signal's number.
        signal: i32,
    },
    /// The command could not be started.
    NotStarted {
        /// Why, as a sentence.
        text: String,
    },
}

/// A report or an order as one line of JSON.
pub(super) fn line(value: &impl Serialize) -> Vec<u8> {
    // Neither type can fail to serialise; an empty line would be skipped by the other side.
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}

/// An order as the launcher reads it.
pub(crate) fn order_line(order: &Order) -> Vec<u8> {
    line(order)
}

/// Takes the whole lines out of a buffer; a line that cannot be read is an error.
pub(super) fn take_orders(buffer: &mut Vec<u8>) -> Result<Vec<Order>, serde_json::Error> {
    let Some(end) = buffer.iter().rposition(|&byte| byte == b'\n') else {
        return Ok(Vec::new());
    };
    let whole: Vec<u8> = buffer.drain(..=end).collect();
    whole.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(serde_json::from_slice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_survive_any_cut_of_the_stream() {
        let orders = [Order::Input("two\nlines \"and quotes\"\n".into()), Order::Terminate, Order::Kill];
        let stream: Vec<u8> = orders.iter().flat_map(line).collect();
        for size in 1..stream.len() {
            let (mut buffer, mut seen) = (Vec::new(), Vec::new());
            for chunk in stream.chunks(size) {
                buffer.extend_from_slice(chunk);
                seen.extend(take_orders(&mut buffer).unwrap());
            }
            assert_eq!(seen, orders, "in pieces of {size}");
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn a_line_that_is_no_order_is_an_error() {
        assert!(take_orders(&mut b"hello\n".to_vec()).is_err());
    }
}
