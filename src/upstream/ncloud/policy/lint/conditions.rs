//! Operators and keys of conditions beside the catalogue.

use super::rules::{UNKNOWN_KEY, UNKNOWN_OPERATOR};
use super::wording::{hint, quoting};
use crate::engine::access::ncloud::Condition;
use crate::engine::diff::child;
use crate::engine::finding::Finding;
use crate::engine::nearest::nearest;
use crate::upstream::catalogue::Catalogue;

/// The end of an operator that also holds for requests without the key.
const IF_EXISTS: &str = "IfExists";

/// Checks a condition at a path.
pub fn check(condition: Option<&Condition>, path: &str, catalogue: &Catalogue, found: &mut Vec<Finding>) {
    for (operator, keys) in condition.into_iter().flatten() {
        let path = child(path, operator);
        if !catalogue.condition_operators.contains(operator.strip_suffix(IF_EXISTS).unwrap_or(operator)) {
            let near = nearest(operator, catalogue.condition_operators.iter().map(String::as_str));
            let message = format!("is not in the catalogue: {}", hint(near, "compare it with the documentation"));
            found.push(quoting(&UNKNOWN_OPERATOR, path.clone(), operator, &message));
        }
        let unknown = keys.keys().filter(|key| !is_known(key, catalogue));
        found.extend(unknown.map(|key| {
            let names = catalogue.condition_keys.iter().chain(&catalogue.condition_key_prefixes);
            let near = nearest(key, names.map(String::as_str));
            let near = if near == Some(key) {
                "write a name behind it".to_owned()
            } else {
                hint(near, "compare it with the documentation")
            };
            let message = format!("is not in the catalogue: {near}");
            quoting(&UNKNOWN_KEY, child(&path, key), key, &message)
        }));
    }
}

fn is_known(key: &str, catalogue: &Catalogue) -> bool {
    let begins = |prefix: &String| key.strip_prefix(prefix.as_str()).is_some_and(|name| !name.is_empty());
    catalogue.condition_keys.contains(key) || catalogue.condition_key_prefixes.iter().any(begins)
}
