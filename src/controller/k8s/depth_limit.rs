//! Keeps one object's depth from hiding all others.
//!
//! The API server stores free-form JSON thousands of levels deep. The reader of this process stops
//! at 128, and with it stops the whole list or watch that the object is in: one tenant's object
//! would blind the operator to everybody's. So all answers of the API server pass through here, and
//! what lies deeper than [`DEEPEST`] is read as `null`. That loses nothing: the rules of the
//! free-form fields refuse far less deep values, by name, before anything is written.

use axum::body::Bytes;
use axum::http::Request;
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;

/// Levels of an answer that are read. A list adds two to the depth of its objects, a watch one.
const DEEPEST: usize = 100;

/// The same client, whose answers are never too deep to be read.
pub fn client(inner: Client) -> Client {
    let namespace = inner.default_namespace().to_owned();
    let service = tower::service_fn(move |request: Request<Body>| {
        let inner = inner.clone();
        async move {
            let response = inner.send(request).await?;
            let mut cut = Cut::default();
            let shallow = |body: Body| body.map_frame(move |frame| frame.map_data(|bytes| cut.pass(bytes)));
            Ok::<_, kube::Error>(response.map(shallow))
        }
    });
    Client::new(service, namespace)
}

/// Where in its JSON a stream of bytes is.
#[derive(Debug, Default)]
struct Cut {
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Cut {
    /// The bytes without what is too deep. What is no JSON passes as it is.
    fn pass(&mut self, bytes: Bytes) -> Bytes {
        let mut kept: Option<Vec<u8>> = None;
        for (at, byte) in bytes.iter().enumerate() {
            let instead: &[u8] = match self.step(*byte) {
                Step::Keep => std::slice::from_ref(byte),
                Step::Drop => &[],
                Step::Null => b"null",
            };
            match &mut kept {
                Some(kept) => kept.extend_from_slice(instead),
                None if instead == [*byte] => {}
                None => kept = Some([&bytes[..at], instead].concat()),
            }
        }
        kept.map_or(bytes, Bytes::from)
    }

    fn step(&mut self, byte: u8) -> Step {
        let inside = self.depth > DEEPEST;
        let kept = if inside { Step::Drop } else { Step::Keep };
        if self.in_text {
            self.in_text = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return kept;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth == DEEPEST + 1 {
                    return Step::Null;
                }
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        kept
    }
}

/// What becomes of a byte.
enum Step {
    Keep,
    Drop,
    Null,
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_policy_testbed::holds_for;
    use proptest::prelude::*;
    use serde_json::Value;

    fn passed(text: &str, pieces: usize) -> String {
        let mut cut = Cut::default();
        let chunks = text.as_bytes().chunks(pieces.max(1));
        let kept: Vec<u8> = chunks.flat_map(|chunk| cut.pass(Bytes::copy_from_slice(chunk))).collect();
        String::from_utf8(kept).unwrap()
    }

    #[test]
    fn whatever_is_not_too_deep_passes_unchanged_however_it_is_cut_into_pieces() {
        holds_for(500, (any::<String>(), 1usize..9), |(text, pieces)| {
            let json = serde_json::json!({ "a": [text, { &text: "]}\"\\" }], "b": 1.5 }).to_string();
            assert_eq!(passed(&json, pieces), json);
            let shallow: String = text.replace(['{', '['], "");
            assert_eq!(passed(&shallow, pieces), shallow);
        });
    }

    #[test]
    fn what_is_too_deep_reads_as_null_and_its_neighbours_as_they_are() {
        for (open, close) in [("[", "]"), ("{\"k]\\\"\":", "}")] {
            for levels in [DEEPEST - 1, DEEPEST, 5_000] {
                let deep = format!("{}1{}", open.repeat(levels), close.repeat(levels));
                let events = format!("{{\"deep\":{deep},\"next\":[\"x\"]}}\n{{\"then\":1}}");
                let read = passed(&events, 7);
                let (first, second) = read.split_once('\n').unwrap();
                let first: Value = serde_json::from_str(first).unwrap();
                assert_eq!(first["next"][0], "x", "{levels}");
                assert_eq!(first.to_string().contains("null"), levels > DEEPEST - 1, "{levels}");
                assert_eq!(second, "{\"then\":1}");
            }
        }
    }
}
