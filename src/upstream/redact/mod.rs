//! Redacts the upstream's texts for status, events and logs: one short line without the secrets that a
//! careless or hostile server may echo.
//!
//! A server may also show a part of a secret, such as a token that is cut. So each run of [`RUN`] letters that is in
//! a secret is hidden, in any case, reversed, and in the encodings in which a server may echo a request.

mod runs;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use runs::Runs;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use url::form_urlencoded::byte_serialize;

/// The maximum length of a text in characters.
const MAX_LENGTH: usize = 300;
/// The maximum length of a text that is searched for secrets. What is behind it is never shown.
const MAX_SEARCHED: usize = 8 * 1024;
/// Shorter secrets are not removed, because they may be parts of ordinary words.
const MIN_SECRET: usize = 6;
/// How many letters of a secret are hidden when they occur together.
const RUN: usize = 8;

/// Removes secrets from texts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Redactor(Arc<Runs>);

impl Redactor {
    /// Hides these secrets, in each encoding in which a server may echo a request or its headers.
    pub(crate) fn hiding(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let mut runs = Runs::default();
        for secret in secrets.into_iter().filter(|secret| secret.expose_secret().len() >= MIN_SECRET) {
            for (encoded, run) in encodings(secret.expose_secret()) {
                runs.add(encoded.expose_secret(), run);
            }
        }
        Self(Arc::new(runs))
    }

    /// Returns one line of at most 300 characters, without invisible characters and secrets.
    pub(crate) fn clean(&self, text: &str) -> String {
        let visible = text.chars().take(MAX_SEARCHED).filter(|c| c.is_whitespace() || !is_invisible(*c));
        // Before the whitespace changes and after: a secret may contain a space, and may be split over two lines.
        let line = self.0.hide(&visible.collect::<String>());
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = self.0.hide(&line);
        if line.chars().count() <= MAX_LENGTH {
            return line;
        }
        line.chars().take(MAX_LENGTH - 1).chain(['…']).collect()
    }
}

/// Returns the secret and its encodings, each with the length of the runs that are hidden.
fn encodings(plain: &str) -> Vec<(SecretString, usize)> {
    let escaped: String = byte_serialize(plain.as_bytes()).collect();
    let reversed: String = plain.chars().rev().collect();
    let hex = plain.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let mut encodings = vec![(plain.into(), RUN), (escaped.into(), RUN), (reversed.into(), RUN), (hex.into(), 2 * RUN)];
    for before in 0..3 {
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            // The secret may be a part of what was encoded, at any offset. The first and the last letters depend on what
            // is around it.
            let encoded = engine.encode([&vec![0; before], plain.as_bytes()].concat());
            let end = (before + plain.len()) * 8 / 6;
            let begin = (before * 8).div_ceil(6);
            let inner = encoded.get(begin..end.min(encoded.len())).unwrap_or_default();
            encodings.push((inner.into(), RUN));
        }
    }
    encodings
}

/// Reports whether it is a control character, has no width, or changes the direction of text.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.eyJhdWQiOiJkb21haW4tMSJ9.pS8c2lnbmF0dXJlLW9mLXRva2Vu";

    #[test]
    fn message_becomes_one_short_line() {
        let redactor = Redactor::default();
        assert_eq!(redactor.clean(" a\r\n\tb\u{1b}[31m \u{202e}c "), "a b[31m c");
        let long = redactor.clean(&"가".repeat(400));
        assert_eq!(long.chars().count(), MAX_LENGTH);
        assert!(long.ends_with('…'));
        assert_eq!(redactor.clean(&"x".repeat(MAX_LENGTH)).len(), MAX_LENGTH);
    }

    #[test]
    fn secret_is_hidden_in_every_encoding() {
        let redactor = Redactor::hiding(["t0ken-t0ken".into(), "".into(), "ab".into()]);
        assert_eq!(redactor.clean("bad t0ken-t0ken, about"), "bad [hidden], about");
        assert!(!format!("{redactor:?}").contains("t0ken"));
        let redactor = Redactor::hiding(["s3cret/with+signs?".into()]);
        for spelling in ["s3cret%2Fwith%2Bsigns%3F", "czNjcmV0L3dpdGgrc2lnbnM", "czNjcmV0L3dpdGgrc2lnbnM_"] {
            let shown = redactor.clean(&format!("GET /?key={spelling}&a"));
            assert!(shown.starts_with("GET /?key=[hidden]") && shown.len() < 24, "{shown}");
        }
        assert_eq!(Redactor::hiding(["s3cret".into()]).clean("a s3cret, s3cre, S3CRET"), "a [hidden], s3cre, [hidden]");
    }

    /// Returns the longest part of the token that a text shows, in any case, in letters.
    fn shown(text: &str) -> usize {
        let (text, token) = (text.to_ascii_lowercase(), TOKEN.to_ascii_lowercase());
        let runs = (0..token.len()).flat_map(|begin| (begin + 1..=token.len()).map(move |end| (begin, end)));
        runs.filter(|(begin, end)| text.contains(&token[*begin..*end]))
            .map(|(begin, end)| end - begin)
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn part_of_a_secret_is_hidden() {
        let redactor = Redactor::hiding([TOKEN.into()]);
        let reversed: String = TOKEN.chars().rev().collect();
        let hex = TOKEN.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"));
        let spaced: String = TOKEN.chars().flat_map(|c| [c, '\u{200b}']).collect();
        for text in [
            &TOKEN[..8],
            &TOKEN[..TOKEN.len() - 3],
            &TOKEN[5..40],
            &TOKEN.to_ascii_uppercase(),
            &TOKEN[..60].to_ascii_lowercase(),
            &reversed,
            &hex,
            &spaced,
            &STANDARD_NO_PAD.encode(format!("x{TOKEN}")),
            &URL_SAFE_NO_PAD.encode(format!("user:{TOKEN}:y")),
        ] {
            let clean = redactor.clean(&format!("invalid token {text}... try again"));
            assert!(
                clean.contains("[hidden]") && clean.starts_with("invalid token ") && clean.ends_with("... try again"),
                "{clean}"
            );
            assert!(clean.len() < 50, "{text}: {clean}");
            assert!(shown(&clean) < RUN, "{clean}");
        }
        let harmless = "the token is not valid for domain-1: eyJhbGc";
        assert_eq!(redactor.clean(harmless), harmless, "shorter parts are ordinary words");
    }

    #[test]
    fn invisible_characters_are_removed() {
        for c in ['\u{61c}', '\u{200b}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{e0041}', '\u{ad}', '\u{202e}', '\u{7}']
        {
            assert_eq!(Redactor::default().clean(&format!("a{c}b")), "ab", "{c:?}");
        }
    }
}
