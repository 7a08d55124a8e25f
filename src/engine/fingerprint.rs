//! The hash of a desired document, which tells a changed spec from drift.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Returns the hash of a desired document. Status records it, so it must not change between versions.
#[must_use]
pub fn fingerprint(wanted: &Value) -> String {
    let digest = Sha256::digest(wanted.to_string().as_bytes());
    digest.iter().take(12).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fingerprint_is_the_one_that_status_records() {
        assert_eq!(fingerprint(&json!({"a": 1})), "015abd7f5cc57a2dd94b7590");
        assert_ne!(fingerprint(&json!({"a": 1})), fingerprint(&json!({"a": 2})));
    }
}
