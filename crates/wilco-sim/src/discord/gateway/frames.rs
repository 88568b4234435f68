//! How a payload becomes a frame: as text, or compressed in one of Discord's two ways.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compress, Compression, FlushCompress};
use tokio_tungstenite::tungstenite::Message;

/// What a connection asked for.
#[derive(Debug)]
pub(super) enum Packing {
    /// Text.
    Plain,
    /// `compress=zlib-stream` in the address: one stream over all payloads, each flushed.
    Stream(Box<Compress>),
    /// `compress: true` in IDENTIFY: each payload by itself.
    Each,
}

impl Packing {
    /// The stream of a new connection.
    pub(super) fn stream() -> Self {
        Self::Stream(Box::new(Compress::new(Compression::default(), true)))
    }

    /// The frame of a payload.
    pub(super) fn pack(&mut self, payload: &str) -> Message {
        match self {
            Self::Plain => Message::Text(payload.to_owned()),
            Self::Stream(stream) => Message::Binary(flush(stream, payload.as_bytes())),
            Self::Each => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                // Writing into memory cannot fail; were it to, the text is as good.
                let packed = encoder.write_all(payload.as_bytes()).and_then(|()| encoder.finish());
                packed.map_or_else(|_| Message::Text(payload.to_owned()), Message::Binary)
            }
        }
    }
}

/// Everything of the input, up to a flush that ends with `00 00 FF FF`.
fn flush(stream: &mut Compress, input: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(input.len() / 2 + 64);
    let start = stream.total_in();
    loop {
        let done = usize::try_from(stream.total_in() - start).unwrap_or(input.len());
        let before = packed.len();
        // The only error would be a state that this encoder never comes into.
        if stream.compress_vec(&input[done..], &mut packed, FlushCompress::Sync).is_err() {
            return packed;
        }
        let all_in = stream.total_in() - start == input.len() as u64;
        if all_in && packed.len() < packed.capacity() {
            return packed;
        }
        if packed.len() == packed.capacity() || packed.len() == before {
            packed.reserve(input.len() + 64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Decompress, FlushDecompress};

    #[test]
    fn a_stream_of_payloads_is_read_back_one_by_one() {
        let mut packing = Packing::stream();
        let mut reader = Decompress::new(true);
        for payload in ["{}".to_owned(), "x".repeat(100_000), String::new(), "ü".repeat(77)] {
            let Message::Binary(bytes) = packing.pack(&payload) else { panic!("a stream is binary") };
            assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]) || payload.is_empty());
            let mut text = Vec::with_capacity(payload.len() + 64);
            reader.decompress_vec(&bytes, &mut text, FlushDecompress::Sync).unwrap();
            assert_eq!(String::from_utf8(text).unwrap(), payload);
        }
    }
}
