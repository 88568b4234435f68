//! Where the page listens: the wished address, or the next free port after it.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::exit::{Ended, Exit};

/// How many ports after a taken one are tried.
const TRIES: u16 = 50;

/// Listens on an address, or on the next of 50 ports that is free, and on the same port of `::1` where the
/// address is 127.0.0.1, so that `localhost` finds the page whichever way a browser reads it.
///
/// # Errors
/// A sentence when no port is free or the system refuses, with exit code 69.
pub(crate) async fn listen(wished: SocketAddr) -> Result<(SocketAddr, Vec<TcpListener>), Ended> {
    let refused = |port: u16, error: &io::Error| {
        let ip = wished.ip();
        let tried = if port == wished.port() {
            format!("{wished}")
        } else {
            format!("{ip}, ports {} to {port}", wished.port())
        };
        let what = format!("the page cannot listen on {tried}: {error}. Choose another address with --web or web.bind");
        Ended::new(Exit::Unavailable, what)
    };
    let last = wished.port().saturating_add(if wished.port() == 0 { 0 } else { TRIES });
    let mut port = wished.port();
    let listener = loop {
        match TcpListener::bind(SocketAddr::new(wished.ip(), port)).await {
            Ok(listener) => break listener,
            Err(error) if error.kind() == ErrorKind::AddrInUse && port < last => port += 1,
            Err(error) => return Err(refused(port, &error)),
        }
    };
    let bound = listener.local_addr().map_err(|error| refused(port, &error))?;
    if bound.port() != wished.port() && wished.port() != 0 {
        tracing::info!(wished = %wished, bound = %bound, "web: the port is taken; this is the next free one");
    }
    let mut all = vec![listener];
    if bound.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
        match TcpListener::bind((Ipv6Addr::LOCALHOST, bound.port())).await {
            Ok(twin) => all.push(twin),
            Err(error) => tracing::debug!(%error, "web: not on ::1"),
        }
    }
    Ok((bound, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_followed_by_the_next_free_one() {
        let (first, held) = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        // A port at the end of the range has no successor; the system gives others.
        assert!((1024..u16::MAX).contains(&first.port()), "{first}");
        let (second, _more) = listen(first).await.unwrap();
        assert!(second.port() > first.port() && second.port() <= first.port().saturating_add(TRIES), "{second}");
        assert!(second.ip().is_loopback());
        drop(held);
    }

    #[tokio::test]
    async fn an_address_that_is_not_ours_is_refused_with_a_sentence() {
        let refused = listen("192.0.2.7:7733".parse().unwrap()).await.err().unwrap();
        assert_eq!(refused.exit, Exit::Unavailable);
        assert!(refused.sentence.contains("192.0.2.7:7733") && refused.sentence.contains("--web"), "{refused}");
    }
}
