//! Selects the objects that one of several operators manages, by their labels.
//!
//! [`WatchSelector`] is a Kubernetes label selector, such as `shard=a,tier in (web,db),!draft`, read once from the command
//! line. The API server applies its text to watches and lists, and the operator applies it to the labels that it sees:
//! both decide alike. An empty selector selects everything.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{Expression, Selector, SelectorExt as _};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// The longest name of a label, and the longest value.
const MAX_LABEL: usize = 63;

/// The longest prefix of the key of a label.
const MAX_PREFIX: usize = 253;

/// A label selector.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchSelector(Selector);

impl WatchSelector {
    /// Returns whether every object matches.
    #[must_use]
    pub fn selects_all(&self) -> bool {
        self.0.selects_all()
    }

    /// Returns whether the labels of an object match.
    #[must_use]
    pub fn matches(&self, object: &ObjectMeta) -> bool {
        object.labels.as_ref().map_or_else(|| self.0.matches(&BTreeMap::new()), |labels| self.0.matches(labels))
    }

    /// Returns the selector for a watch.
    #[must_use]
    pub fn selector(&self) -> &Selector {
        &self.0
    }

    /// Returns a short name for the selector, which is the same for the same terms in any order.
    #[must_use]
    pub fn digest(&self) -> String {
        let digest = Sha256::digest(self.to_string().as_bytes());
        digest.iter().take(4).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}

impl fmt::Display for WatchSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for WatchSelector {
    type Err = InvalidSelector;

    /// Parses the syntax of `kubectl get --selector`. Sorts the terms.
    fn from_str(text: &str) -> Result<Self, InvalidSelector> {
        let mut selector = Selector::default();
        if !text.trim().is_empty() {
            let terms = terms(text).into_iter().map(expression).collect::<Result<BTreeSet<_>, _>>()?;
            selector.extend(terms);
        }
        Ok(Self(selector))
    }
}

/// A text that is no label selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSelector {
    /// A term has none of the known forms.
    #[error(
        "`{0}` is no term of a label selector: write key, !key, key=value, key!=value, key in (a,b) or key notin (a,b)"
    )]
    Term(String),
    /// The key of a label is malformed.
    #[error("`{0}` cannot be the key of a label")]
    Key(String),
    /// The value of a label is malformed.
    #[error("`{0}` cannot be the value of a label")]
    Value(String),
}

/// Splits a selector at the commas outside of parentheses.
fn terms(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let split = text.split(|letter| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        letter == ',' && depth == 0
    });
    split.map(str::trim).collect()
}

fn expression(term: &str) -> Result<Expression, InvalidSelector> {
    if let Some(name) = term.strip_prefix('!') {
        return Ok(Expression::DoesNotExist(key(name)?));
    }
    if let Some(list) = term.strip_suffix(')') {
        return of_set(term, list);
    }
    if let Some((name, other)) = term.split_once("!=") {
        return Ok(Expression::NotEqual(key(name)?, value(other)?));
    }
    if let Some((name, equal)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Ok(Expression::Equal(key(name)?, value(equal)?));
    }
    if term.is_empty() || term.contains(char::is_whitespace) || term.contains(['<', '>', '(']) {
        return Err(InvalidSelector::Term(term.to_owned()));
    }
    key(term).map(Expression::Exists)
}

/// Parses `key in (a,b` and `key notin (a,b`.
fn of_set(term: &str, list: &str) -> Result<Expression, InvalidSelector> {
    let invalid = || InvalidSelector::Term(term.to_owned());
    let (head, values) = list.split_once('(').ok_or_else(invalid)?;
    let mut words = head.split_whitespace();
    let (Some(name), Some(operator), None) = (words.next(), words.next(), words.next()) else { return Err(invalid()) };
    let values = values.split(',').map(value).collect::<Result<BTreeSet<_>, _>>()?;
    match operator {
        "in" => Ok(Expression::In(key(name)?, values)),
        "notin" => Ok(Expression::NotIn(key(name)?, values)),
        _ => Err(invalid()),
    }
}

/// Checks the key of a label: an optional prefix, which is a host name, and a name.
fn key(text: &str) -> Result<String, InvalidSelector> {
    let text = text.trim();
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let is_prefix = |prefix: &str| {
        let letters = |part: &str| part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        let is_part = |part: &str| is_bounded(part) && letters(part);
        prefix.len() <= MAX_PREFIX && prefix.split('.').all(is_part)
    };
    let valid = is_name(name) && prefix.is_none_or(is_prefix);
    if valid { Ok(text.to_owned()) } else { Err(InvalidSelector::Key(text.to_owned())) }
}

fn value(text: &str) -> Result<String, InvalidSelector> {
    let text = text.trim();
    if text.is_empty() || is_name(text) { Ok(text.to_owned()) } else { Err(InvalidSelector::Value(text.to_owned())) }
}

fn is_name(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= MAX_LABEL && is_bounded(text) && text.chars().all(is_letter)
}

/// Returns whether a text begins and ends with a letter or a digit.
fn is_bounded(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, String> {
        text.parse::<WatchSelector>().map(|selector| selector.to_string()).map_err(|error| error.to_string())
    }

    fn object(labels: &[(&str, &str)]) -> ObjectMeta {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        ObjectMeta { labels: Some(labels.collect()), ..ObjectMeta::default() }
    }

    #[test]
    fn selector_is_parsed_as_kubectl_does() {
        for (text, canonical) in [
            ("", ""),
            (" ", ""),
            ("shard", "shard"),
            ("!shard", "!shard"),
            ("shard = a", "shard=a"),
            ("shard==a", "shard=a"),
            ("shard=", "shard="),
            ("example.com/shard!=a", "example.com/shard!=a"),
            ("shard in (b, a)", "shard in (a,b)"),
            ("shard notin (a,)", "shard notin (,a)"),
            ("shard in(a),!draft,tier=web", "shard in (a),tier=web,!draft"),
        ] {
            assert_eq!(parsed(text).as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn wrong_selector_is_refused_with_its_term() {
        for (text, part) in [
            ("a=b,", "`` is no term"),
            ("a b", "`a b` is no term"),
            ("a>1", "`a>1` is no term"),
            ("a in b", "`a in b` is no term"),
            ("a of (b)", "`a of (b)` is no term"),
            ("a in (b", "`a in (b` is no term"),
            ("=b", "`` cannot be the key"),
            ("-a=b", "`-a` cannot be the key"),
            ("Example.com/a", "`Example.com/a` cannot be the key"),
            ("a=b c", "`b c` cannot be the value"),
            ("a=b=c", "`b=c` cannot be the value"),
            ("a in (b!)", "`b!` cannot be the value"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.starts_with(part), "{text}: {error}");
        }
        assert!(parsed(&format!("{}=b", "a".repeat(64))).is_err(), "a name is too long");
    }

    #[test]
    fn labels_match_as_on_the_api_server() {
        for (text, matching, other) in [
            ("shard=a", &[("shard", "a")][..], &[][..]),
            ("!shard", &[("team", "x")], &[("shard", "")]),
            ("shard!=a", &[], &[("shard", "a")]),
            ("shard notin (a,b)", &[], &[("shard", "b")]),
            ("shard in (a,b),tier", &[("shard", "b"), ("tier", "")], &[("shard", "b")]),
        ] {
            let selector: WatchSelector = text.parse().unwrap();
            assert!(selector.matches(&object(matching)) && !selector.matches(&object(other)), "{text}");
        }
        assert!(WatchSelector::default().matches(&ObjectMeta::default()));
        assert!("!shard".parse::<WatchSelector>().unwrap().matches(&ObjectMeta::default()));
    }

    #[test]
    fn digest_ignores_order_and_spaces() {
        let digest = |text: &str| text.parse::<WatchSelector>().unwrap().digest();
        assert_eq!(digest("a=b, c in (d,e)"), digest("c in (e, d),a==b"));
        assert_ne!(digest("a=b"), digest("a=c"));
        assert_eq!(digest("a=b").len(), 8);
    }
}
