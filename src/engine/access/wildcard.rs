//! How wide the patterns of a policy are, for people who review it.
//!
//! Only the patterns of what is allowed count. A denial or a condition may take away a part of it, and a review must not
//! rely on that.

use super::glob;
use super::guardrails::Grants;
use super::ncloud::{self, Target};

/// The widest pattern of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wildcard {
    /// Every action and every resource is named.
    None,
    /// Some actions or resources are a pattern, such as `View*`.
    Some,
    /// All actions on all resources of a product, or of a service of `SpaceONE`.
    Product,
    /// All actions on all resources of all products.
    All,
}

impl Wildcard {
    /// Returns its value in reports.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Some => "some",
            Self::Product => "product",
            Self::All => "all",
        }
    }
}

/// The characters that begin a pattern of Python's `fnmatch`.
const META: [char; 3] = ['*', '?', '['];

/// Returns the widest pattern; `None` for an object that grants no access.
#[must_use]
pub fn widest(grants: &Grants<'_>) -> Option<Wildcard> {
    match grants {
        Grants::Nothing => None,
        Grants::Ncloud(permissions) => {
            let allowed = permissions.iter().filter(|permission| !permission.denies);
            Some(allowed.flat_map(|it| &it.targets).map(of_target).max().unwrap_or(Wildcard::None))
        }
        Grants::Spaceone(permissions) => {
            Some(permissions.iter().map(|it| of_permission(it)).max().unwrap_or(Wildcard::None))
        }
    }
}

fn of_target(target: &Target<'_>) -> Wildcard {
    let has =
        |start: &str| target.actions.iter().any(|action| [format!("{start}*"), format!("{start}/*")].contains(action));
    // The two verbs of the catalogue together are all actions.
    let all_actions = target.actions.iter().any(|action| glob::is_everything(action)) || (has("View") && has("Change"));
    let all_resources = target.resources.iter().any(|nrn| ncloud::means_all(nrn, target.product));
    let mut patterns = target.actions.iter().chain(target.resources).map(String::as_str).chain([target.product]);
    match (all_actions && all_resources, glob::is_everything(target.product)) {
        (true, true) => Wildcard::All,
        (true, false) => Wildcard::Product,
        (false, _) if patterns.any(|pattern| pattern.contains('*')) => Wildcard::Some,
        (false, _) => Wildcard::None,
    }
}

fn of_permission(permission: &str) -> Wildcard {
    let is_all = |text: &str| text.contains('*') && text.chars().all(|letter| ['*', '.'].contains(&letter));
    let is_service = match permission.split_once('.') {
        Some((_, rest)) => is_all(rest),
        // A star also matches dots.
        None => permission.ends_with('*'),
    };
    match permission {
        all if is_all(all) => Wildcard::All,
        _ if is_service => Wildcard::Product,
        pattern if pattern.contains(META) => Wildcard::Some,
        _ => Wildcard::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::access::ncloud::Permission;

    #[test]
    fn widest_permission_of_spaceone_decides() {
        for (permissions, expected) in [
            (&[][..], Wildcard::None),
            (&["inventory.Server.list"], Wildcard::None),
            (&["inventory.Server.list", "identity.User.?et"], Wildcard::Some),
            (&["*.Server.get"], Wildcard::Some),
            (&["inventory.Server.*"], Wildcard::Some),
            (&["inventory.*"], Wildcard::Product),
            (&["inventory.*.*"], Wildcard::Product),
            (&["inv*"], Wildcard::Product),
            (&["inventory.*", "*"], Wildcard::All),
            (&["*.*.*"], Wildcard::All),
        ] {
            let permissions: Vec<String> = permissions.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(widest(&Grants::Spaceone(&permissions)), Some(expected), "{permissions:?}");
        }
        assert_eq!(widest(&Grants::Nothing), None);
    }

    #[test]
    fn widest_target_of_ncloud_decides() {
        let of = |denies: bool, product: &str, actions: &[&str], resources: &[&str]| {
            let own = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
            let (actions, resources) = (own(actions), own(resources));
            let targets = vec![Target { product, actions: &actions, resources: &resources }];
            widest(&Grants::Ncloud(vec![Permission { denies, targets, condition: None }])).unwrap()
        };
        let one = "nrn:PUB:Server:KR:1:Server/1";
        assert_eq!(of(false, "Server", &["View/getServerInstanceList"], &[one]), Wildcard::None);
        assert_eq!(of(false, "Server", &["View/getServerInstanceList"], &["*"]), Wildcard::Some);
        assert_eq!(of(false, "Server", &["View*"], &["*"]), Wildcard::Some);
        assert_eq!(of(false, "Server", &["*"], &[one]), Wildcard::Some);
        assert_eq!(of(false, "Server", &["*"], &["*"]), Wildcard::Product);
        assert_eq!(of(false, "Server", &["*"], &["nrn:*:Server:*::*"]), Wildcard::Product);
        assert_eq!(of(false, "Server", &["View*", "Change/*"], &["*"]), Wildcard::Product);
        assert_eq!(of(false, "*", &["*"], &["*"]), Wildcard::All);
        assert_eq!(of(true, "*", &["*"], &["*"]), Wildcard::None, "a denial grants nothing");
    }
}
