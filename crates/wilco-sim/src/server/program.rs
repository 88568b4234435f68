//! What the programs of the fake platforms have in common: their arguments and their end.

use std::future::Future;
use std::io;

/// Reads `--port N` and `--until-eof`.
pub(crate) fn read(args: impl IntoIterator<Item = String>) -> Result<(u16, bool), String> {
    let (mut port, mut until_eof) = (0, false);
    let mut args = args.into_iter();
    while let Some(name) = args.next() {
        match name.as_str() {
            "--until-eof" => until_eof = true,
            "--port" => {
                let value = args.next().unwrap_or_default();
                port = value.parse().map_err(|_| format!("--port takes a number from 0 to 65535, not {value:?}"))?;
            }
            _ => return Err(format!("unknown argument {name:?}; known are --port and --until-eof")),
        }
    }
    Ok((port, until_eof))
}

/// Serves for ever, or until standard input closes.
pub(crate) async fn until(served: impl Future<Output = io::Result<()>>, until_eof: bool) -> io::Result<()> {
    if !until_eof {
        return served.await;
    }
    let mut sink = tokio::io::sink();
    let mut input = tokio::io::stdin();
    tokio::select! {
        served = served => served,
        ended = tokio::io::copy(&mut input, &mut sink) => ended.map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_and_others_named() {
        let parse = |line: &str| read(line.split_whitespace().map(str::to_owned));
        assert_eq!(parse(""), Ok((0, false)));
        assert_eq!(parse("--port 7 --until-eof"), Ok((7, true)));
        assert!(parse("--port x").unwrap_err().contains("0 to 65535"));
        assert!(parse("--prot 7").unwrap_err().contains("known are"));
    }
}
