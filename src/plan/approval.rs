//! Tells which change needs an approval, with the hash that the operator shows for it.

use crate::api::ConnectionKey;
use crate::engine::access::Change as Access;
use crate::engine::access::guardrails::Grants;
use crate::engine::approval::Change;
use crate::engine::plan::{Acquire, Existing, Plan};
use crate::engine::{BoundExternal, Cause, UpstreamError};
use crate::manifests::Object;
use crate::upstream::{Account, registry};

/// Returns the hash of a planned change that grants more, or may; `None` if it needs no approval. A correction of drift
/// needs none as a rule.
pub(super) async fn of(
    object: &Object,
    connection: &ConnectionKey,
    external: &dyn BoundExternal,
    account: &Account,
    plan: &Plan,
) -> Result<Option<String>, UpstreamError> {
    let id = match plan {
        Plan::Create => None,
        Plan::Existing(Existing { acquire, observed, step, .. }) => match step.cause() {
            Some(cause) if cause != Cause::Drift || *acquire == Some(Acquire::Adopt) => Some(observed.id.as_str()),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    if external.grants() == Grants::Nothing {
        return Ok(None);
    }
    let weighed = match id {
        None => Some(external.weigh_new()),
        Some(id) => external.weigh(id).await?,
    };
    let Some(weighed) = weighed.filter(|it| !matches!(it.access, Access::Equal | Access::Narrower)) else {
        return Ok(None);
    };
    let location = registry::location(account, external.system());
    let change = Change {
        object: (&object.kind, &object.namespace, &object.name),
        connection: &connection.to_string(),
        endpoint: &location.endpoint,
        repository: location.repository.as_deref(),
        id,
        in_force: &weighed.in_force,
        wanted: &external.wanted(),
    };
    Ok(Some(change.hash()))
}

/// Tells what the hash is for.
pub(super) fn describe(hash: &str) -> String {
    format!("The connection requires an approval: a PolicyApproval with hash {hash}.")
}
