//! Who uses a connection, and who of them holds up its deletion.

use crate::api::connection::AllowedNamespaces;
use crate::controller::connections::{self, ConnectionKey};
use crate::controller::managed::Managed;

/// How many of them a message names.
const NAMED: usize = 3;

/// An object that names a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    kind: &'static str,
    namespace: String,
    name: String,
    /// Whether something upstream is recorded that only this connection reaches.
    recorded: bool,
}

impl User {
    /// The object as a user of its connection.
    pub fn of<K: Managed>(object: &K) -> Self {
        Self {
            kind: K::KIND,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            recorded: object.report().common.upstream.is_some(),
        }
    }
}

/// Why a deleted connection stays, and what to do; `None` when nobody holds it. An object that may not
/// use it has no say, unless something of it is left upstream.
pub(super) fn held(users: &[User], key: &ConnectionKey, allowed: &AllowedNamespaces) -> Option<String> {
    let holds = |user: &&User| user.recorded || connections::allows(allowed, key, &user.namespace);
    let holders: Vec<&User> = users.iter().filter(holds).collect();
    if holders.is_empty() {
        return None;
    }
    let mut names: Vec<String> =
        holders.iter().take(NAMED).map(|user| format!("{} {}/{}", user.kind, user.namespace, user.name)).collect();
    let more = holders.len().saturating_sub(NAMED);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    Some(format!("Deletion waits for what uses this connection: {}. Delete that first.", names.join(", ")))
}
