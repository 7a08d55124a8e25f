//! Names of Kubernetes objects for upstream names of any script.
//!
//! A name that Kubernetes accepts stays as it is. Of any other name stay the letters and digits that Kubernetes accepts, and
//! a hash tells it from others that become alike. The name depends on nothing but the object itself, so it stays when others
//! come and go: a manifest that changed its name would delete the object of the old one.

use sha2::{Digest, Sha256};

/// The most characters of a name that stay in front of the hash.
const LONGEST_STEM: usize = 40;

/// How many digits a hash has.
const DIGITS: usize = 10;

/// The longest name that stays as it is: that of a label.
const LONGEST: usize = 63;

/// Returns the name of an object. `identity` tells it from all others of its kind; it is the name itself if only one object
/// can have it.
pub fn of(name: &str, identity: Option<&str>) -> String {
    match identity {
        None if is_valid(name) => name.to_owned(),
        identity => hashed(name, identity.unwrap_or(name)),
    }
}

/// Returns the name with the hash of an identity.
pub fn hashed(name: &str, identity: &str) -> String {
    let digest = Sha256::digest(identity.as_bytes());
    let hash = digest.iter().take(DIGITS / 2).fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    match stem(name) {
        stem if stem.is_empty() => format!("x-{hash}"),
        stem => format!("{stem}-{hash}"),
    }
}

/// Returns whether Kubernetes accepts the name wherever it may be used: as a label, too.
fn is_valid(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let ends = |byte: Option<&u8>| byte.is_some_and(|byte| *byte != b'-');
    let bytes = name.as_bytes();
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(inner) && ends(bytes.first()) && ends(bytes.last())
}

/// Returns the parts of a name that Kubernetes accepts, with one hyphen between them.
fn stem(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_ascii_lowercase() && !letter.is_ascii_digit());
    let joined = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    joined.chars().take(LONGEST_STEM).collect::<String>().trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_keep_what_kubernetes_accepts() {
        assert_eq!(of("server-viewer", None), "server-viewer");
        for (name, stem) in
            [("Server.Viewer_1", "server-viewer-1-"), ("서버 뷰어", "x-"), ("서버-view", "view-"), ("-a", "a-")]
        {
            let found = of(name, None);
            assert!(found.starts_with(stem) && found.len() == stem.len() + DIGITS, "{name}: {found}");
        }
        assert_ne!(of("서버", None), of("뷰어", None));
        assert_ne!(of("Viewer", None), of("viewer", None), "both may exist");
        assert_eq!(of("a", Some("id-1")), hashed("a", "id-1"));
        assert_ne!(of("a", Some("id-1")), of("a", Some("id-2")));
    }

    proptest! {
        #[test]
        fn any_name_becomes_a_valid_one(name in any::<String>()) {
            for found in [of(&name, None), of(&name, Some("id"))] {
                prop_assert!(is_valid(&found), "{found}");
            }
        }
    }
}
