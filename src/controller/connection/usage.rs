//! Who uses a connection, and who of them holds up its deletion.

use crate::api::ConnectionKey;
use crate::api::connection::AllowedNamespaces;
use crate::controller::state::accounts;
use crate::controller::state::dependents::User;

/// How many of them a message names.
const NAMED: usize = 3;

/// Why a deleted connection stays, and what to do; `None` when nobody holds it. An object that may not
/// use it has no say, unless something of it is left upstream.
pub(super) fn held(users: &[User], key: &ConnectionKey, allowed: &AllowedNamespaces) -> Option<String> {
    let holds = |user: &&User| user.recorded || accounts::allows(allowed, key, &user.namespace);
    let used_by: Vec<&User> = users.iter().filter(holds).collect();
    if used_by.is_empty() {
        return None;
    }
    let mut names: Vec<String> =
        used_by.iter().take(NAMED).map(|user| format!("{} {}/{}", user.kind, user.namespace, user.name)).collect();
    let more = used_by.len().saturating_sub(NAMED);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    Some(format!("Deletion waits for what uses this connection: {}. Delete that first.", names.join(", ")))
}
