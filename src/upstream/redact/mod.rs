//! Redacts the upstream's texts for status, events and logs: one short line without the secrets that a
//! careless or hostile server may echo.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use std::cmp::Reverse;
use url::form_urlencoded::byte_serialize;

/// The maximum length of a text in characters.
const MAX_LENGTH: usize = 300;
/// Shorter secrets are not removed, because they may be parts of ordinary words.
const MIN_SECRET: usize = 6;

/// Removes secrets from texts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Redactor(Vec<SecretString>);

impl Redactor {
    /// Hides these secrets, in each encoding in which a server may echo a request or its headers.
    pub(crate) fn hiding(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let secrets = secrets.into_iter().filter(|secret| secret.expose_secret().len() >= MIN_SECRET);
        let mut secrets: Vec<_> = secrets.flat_map(|secret| encodings(&secret)).collect();
        // Longest first: a secret may be the beginning of another.
        secrets.sort_by_key(|secret| Reverse(secret.expose_secret().len()));
        Self(secrets)
    }

    /// Returns one line of at most 300 characters, without control characters and secrets.
    pub(crate) fn clean(&self, text: &str) -> String {
        let printable = |c: char| if c.is_whitespace() || is_invisible(c) { ' ' } else { c };
        let line = self.hide(text).chars().map(printable).collect::<String>();
        let line = line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        // Again: a secret that contains a space may have been split over two lines.
        let line = self.hide(&line);
        if line.chars().count() <= MAX_LENGTH {
            return line;
        }
        line.chars().take(MAX_LENGTH - 1).chain(['…']).collect()
    }

    fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose_secret(), "[hidden]"))
    }
}

/// Returns the secret, its URL encoding, and its base64 encodings in both alphabets.
fn encodings(secret: &SecretString) -> [SecretString; 4] {
    let plain = secret.expose_secret();
    let escaped: String = byte_serialize(plain.as_bytes()).collect();
    [secret.clone(), escaped.into(), STANDARD_NO_PAD.encode(plain).into(), URL_SAFE_NO_PAD.encode(plain).into()]
}

/// Reports whether it is a control character, or one that changes the direction of text.
fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_becomes_one_short_line() {
        let redactor = Redactor::default();
        assert_eq!(redactor.clean(" a\r\n\tb\u{1b}[31m \u{202e}c "), "a b [31m c");
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
        for spelling in ["s3cret%2Fwith%2Bsigns%3F", "czNjcmV0L3dpdGgrc2lnbnM/", "czNjcmV0L3dpdGgrc2lnbnM_"] {
            assert_eq!(redactor.clean(&format!("GET /?key={spelling}&a")), "GET /?key=[hidden]&a");
        }
    }
}
