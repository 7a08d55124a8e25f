//! Finds out which objects use a connection and block its deletion.

use crate::api::ConnectionKey;
use crate::api::connection::AllowedNamespaces;
use crate::controller::state::accounts;
use crate::controller::state::dependents::Dependent;

/// How many objects a message names.
const NAMED: usize = 3;

/// Whether objects use a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Use {
    /// No object uses it.
    Free,
    /// Objects use it; the message names them and says what to do.
    Blocked(String),
    /// The caches are not complete.
    Unknown,
}

/// Returns whether these dependents block the deletion of the connection. An object that may not use the
/// connection does not, unless status records an upstream object.
pub(super) fn of(dependents: Option<&[Dependent]>, key: &ConnectionKey, allowed: &AllowedNamespaces) -> Use {
    let Some(dependents) = dependents else { return Use::Unknown };
    let blocks = |dependent: &&Dependent| dependent.recorded || accounts::allows(allowed, key, &dependent.namespace);
    let blocking: Vec<&Dependent> = dependents.iter().filter(blocks).collect();
    if blocking.is_empty() {
        return Use::Free;
    }
    let name = |dependent: &&Dependent| format!("{} {}/{}", dependent.kind, dependent.namespace, dependent.name);
    let mut names: Vec<String> = blocking.iter().take(NAMED).map(name).collect();
    let more = blocking.len().saturating_sub(NAMED);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    Use::Blocked(message(&names.join(", ")))
}

/// Returns the message that names the objects which block the deletion.
pub(super) fn message(objects: &str) -> String {
    format!("Deletion waits for the objects that use this connection: {objects}. Delete them first.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependent(namespace: &str, recorded: bool) -> Dependent {
        Dependent { kind: "Policy", namespace: namespace.to_owned(), name: "a".to_owned(), recorded, moved: false }
    }

    fn cluster() -> (ConnectionKey, AllowedNamespaces) {
        let allowed = AllowedNamespaces { names: Some(vec!["team".to_owned()]), ..AllowedNamespaces::default() };
        (ConnectionKey { namespace: None, name: "c".to_owned() }, allowed)
    }

    #[test]
    fn unlisted_object_blocks_deletion_only_when_recorded() {
        let (key, allowed) = cluster();
        assert_eq!(of(Some(&[dependent("other", false)]), &key, &allowed), Use::Free);
        assert!(matches!(of(Some(&[dependent("other", true)]), &key, &allowed), Use::Blocked(_)));
        assert!(matches!(of(Some(&[dependent("team", false)]), &key, &allowed), Use::Blocked(_)));
    }

    #[test]
    fn use_is_unknown_until_the_caches_are_complete() {
        let (key, allowed) = cluster();
        assert_eq!(of(None, &key, &allowed), Use::Unknown);
        assert_eq!(of(Some(&[]), &key, &allowed), Use::Free);
    }

    #[test]
    fn message_names_three_objects_and_counts_the_rest() {
        let (key, allowed) = cluster();
        let many = vec![dependent("team", false); 5];
        let Use::Blocked(message) = of(Some(&many), &key, &allowed) else { panic!("in use") };
        assert!(message.contains("Policy team/a, Policy team/a, Policy team/a, 2 more."), "{message}");
    }
}
