//! Keeps one deeply nested object from hiding all others.
//!
//! The API server stores free-form JSON that is thousands of levels deep. The JSON reader of this process fails
//! at 128 levels, and the whole list or watch that contains the object fails with it: the object of one tenant
//! would hide the objects of all others. So all responses of the API server pass through here, and values below
//! `MAX_DEPTH` are read as `null`. Nothing is lost: before the operator writes, validation rejects free-form
//! fields of a far smaller depth, by name.

use crate::engine::json_text::JsonScanner;
use axum::body::Bytes;
use axum::http::Request;
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;

/// How many levels of a response are read. A list adds two levels to those of its objects, a watch adds one.
const MAX_DEPTH: usize = 100;

/// Returns the same client with the depth of its responses limited.
pub fn client(inner: Client) -> Client {
    let namespace = inner.default_namespace().to_owned();
    let service = tower::service_fn(move |request: Request<Body>| {
        let inner = inner.clone();
        async move {
            let response = inner.send(request).await?;
            let mut limiter = DepthLimiter::default();
            let cut = |body: Body| body.map_frame(move |frame| frame.map_data(|bytes| limiter.limit(bytes)));
            Ok::<_, kube::Error>(response.map(cut))
        }
    });
    Client::new(service, namespace)
}

/// Limits the depth of the JSON in a stream of bytes. Remembers its position between two chunks.
#[derive(Debug, Default)]
struct DepthLimiter {
    depth: usize,
    scanner: JsonScanner,
}

impl DepthLimiter {
    /// Returns the bytes with each value that is too deep replaced by `null`. Bytes that are not JSON stay as they are.
    fn limit(&mut self, bytes: Bytes) -> Bytes {
        let mut kept: Option<Vec<u8>> = None;
        for (at, byte) in bytes.iter().enumerate() {
            let replacement: &[u8] = match self.step(*byte) {
                Step::Keep => std::slice::from_ref(byte),
                Step::Drop => &[],
                Step::Null => b"null",
            };
            match &mut kept {
                Some(kept) => kept.extend_from_slice(replacement),
                None if replacement == [*byte] => {}
                None => kept = Some([&bytes[..at], replacement].concat()),
            }
        }
        kept.map_or(bytes, Bytes::from)
    }

    fn step(&mut self, byte: u8) -> Step {
        let step = if self.depth > MAX_DEPTH { Step::Drop } else { Step::Keep };
        match self.scanner.step(byte) {
            Some(b'{' | b'[') => {
                self.depth += 1;
                if self.depth == MAX_DEPTH + 1 {
                    return Step::Null;
                }
            }
            Some(b'}' | b']') => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        step
    }
}

/// The decision of the limiter about one byte.
enum Step {
    /// Keeps it.
    Keep,
    /// Drops it: it belongs to a value that is too deep.
    Drop,
    /// Puts `null` in its place: it opens a value that is too deep.
    Null,
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_policy_testbed::holds_for;
    use proptest::prelude::*;
    use serde_json::Value;

    fn limited(text: &str, chunk_size: usize) -> String {
        let mut limiter = DepthLimiter::default();
        let chunks = text.as_bytes().chunks(chunk_size);
        let kept: Vec<u8> = chunks.flat_map(|chunk| limiter.limit(Bytes::copy_from_slice(chunk))).collect();
        String::from_utf8(kept).unwrap()
    }

    #[test]
    fn limiter_keeps_shallow_text_for_any_chunk_size() {
        holds_for(500, (any::<String>(), 1usize..9), |(text, chunk_size)| {
            let json = serde_json::json!({ "a": [text, { &text: "]}\"\\" }], "b": 1.5 }).to_string();
            assert_eq!(limited(&json, chunk_size), json);
            let shallow: String = text.replace(['{', '['], "");
            assert_eq!(limited(&shallow, chunk_size), shallow);
        });
    }

    #[test]
    fn limiter_replaces_only_deep_values_by_null() {
        for (open, close) in [("[", "]"), ("{\"k]\\\"\":", "}")] {
            for levels in [MAX_DEPTH - 1, MAX_DEPTH, 5_000] {
                let deep = format!("{}1{}", open.repeat(levels), close.repeat(levels));
                let events = format!("{{\"deep\":{deep},\"next\":[\"x\"]}}\n{{\"then\":1}}");
                let output = limited(&events, 7);
                let (first, second) = output.split_once('\n').unwrap();
                let first: Value = serde_json::from_str(first).unwrap();
                assert_eq!(first["next"][0], "x", "{levels}");
                assert_eq!(first.to_string().contains("null"), levels > MAX_DEPTH - 1, "{levels}");
                assert_eq!(second, "{\"then\":1}");
            }
        }
    }
}
