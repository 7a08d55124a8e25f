//! The bodies that faults send: an HTML page, wrong types, endless streams.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::time::Instant;

use crate::server::Body;

/// A page like those that gateways and portals put in front of an API.
pub(crate) const HTML: &str =
    "<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>";

/// The fields that clients read, each with a wrong type.
pub(crate) const WRONG_TYPES: &str = r#"{"policyId":42,"policyName":["a"],"description":{"a":1},"policyDesc":7,"validationResult":"yes","success":"no","details":1,"items":"none","totalItems":"many","page":{},"permissions":true,"policy_id":{"a":1},"network_policy_id":[1],"name":12,"results":7,"total_count":"x","tags":"t","labels":3,"repository_id":{},"zone_id":9,"routing_tables":"r","dns":{"a":"b"}}"#;

/// The time after which a stream ends even when the client stays connected.
const LIMIT: Duration = Duration::from_mins(1);

/// Returns a JSON array without an end, as fast as the client reads it.
pub(crate) fn endless() -> Body {
    let chunk = Bytes::from("0,".repeat(8 * 1024));
    let first = stream::iter([Bytes::from_static(b"[")]);
    body(first.chain(stream::repeat(chunk)), Duration::ZERO)
}

/// Returns a gzip stream of repeated zeros: 128 kilobytes of "repeat the last 258 bytes".
pub(crate) fn bomb() -> Vec<u8> {
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    // A block with the fixed codes (011, first bit first), a literal `0`, then repeatedly the code of
    // length 258 (11000101) at distance 1 (00000). That code has 13 bits, so from the third byte on the
    // stream repeats every 13 bytes.
    let begin = [1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0];
    let again = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
    let bits: Vec<u8> = begin.into_iter().chain(again.into_iter().cycle()).take(8 * 15).collect();
    let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit);
    let bytes: Vec<u8> = bits.chunks(8).map(byte).collect();
    let (first, period) = bytes.split_at(2);
    HEADER.iter().chain(first).chain(period.iter().cycle().take(128 << 10)).copied().collect()
}

/// Returns a gzip stream of these bytes, in blocks that are stored and not compressed.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut stream = HEADER.to_vec();
    for block in bytes.chunks(usize::from(u16::MAX)) {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stream.push(0);
        stream.extend(length.to_le_bytes().into_iter().chain((!length).to_le_bytes()));
        stream.extend(block);
    }
    // An empty last block.
    stream.extend([1, 0, 0, 0xff, 0xff]);
    stream.extend(crc32(bytes).to_le_bytes());
    stream.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    stream
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, _| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), step))
}

/// Returns white space, one byte at a time.
pub(crate) fn drip() -> Body {
    body(stream::repeat(Bytes::from_static(b" ")), Duration::from_millis(100))
}

fn body(chunks: impl Stream<Item = Bytes> + Send + Sync + 'static, pause: Duration) -> Body {
    let end = Instant::now() + LIMIT;
    let frames = chunks
        .then(move |chunk| async move {
            tokio::time::sleep(pause).await;
            chunk
        })
        .take_while(move |_| std::future::ready(Instant::now() < end))
        .map(|chunk| Ok::<_, Infallible>(Frame::data(chunk)));
    BodyExt::boxed(StreamBody::new(frames))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_checksum_is_that_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
