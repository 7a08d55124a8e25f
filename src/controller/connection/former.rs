//! Checks a connection with the key in its Secret. While the operator cannot use that key and the former one still
//! works, the former one stays in use.

use super::context::{Context, InUse};
use super::credentials;
use super::probe::{self, Check};
use crate::api::{ConnectionKey, ConnectionSpec, Reason};
use crate::controller::kinds::connection::ConnectionResource;
use crate::controller::state::accounts::Readiness;
use crate::engine::ErrorKind;
use std::sync::Arc;

/// Opens an account if spec or Secret changed, and probes it either way. If it fails and the former key still
/// works, that one stays in use.
pub(super) async fn check<K: ConnectionResource>(ctx: &Context<K>, key: &ConnectionKey, object: &K) -> Check {
    // A connection that was made again under the same name is another one.
    let uid = object.uid().unwrap_or_default();
    let spec = format!("{uid} {}", access_of(object.spec()));
    let keys = match credentials::read(&ctx.shared, key, object.spec()).await {
        Ok(keys) => keys,
        Err(missing) if missing.malformed => return keep(ctx, key, &spec, probe::unusable(missing)).await,
        Err(missing) => {
            if missing.reason != Reason::Unreachable {
                ctx.forget_in_use(key);
            }
            return probe::unusable(missing);
        }
    };
    let check = probe::check_keys(ctx, key, object, &spec, keys).await;
    match &check.readiness {
        Readiness::Ready(account) => {
            let (account, version) = (Arc::clone(account), check.version.clone().unwrap_or_default());
            ctx.record_in_use(key, InUse { account, spec, version });
            check
        }
        Readiness::NotReady { .. } => keep(ctx, key, &spec, check).await,
    }
}

/// Returns the part of a spec that an account is opened from, as JSON. Guardrails bound objects, not the account.
fn access_of(spec: &ConnectionSpec) -> String {
    let spec = ConnectionSpec { guardrails: None, ..spec.clone() };
    serde_json::to_string(&spec).unwrap_or_default()
}

/// Returns the result of a check with the former key, or else `failed`, the result of the check with the new one.
///
/// The former key counts only for the same spec: with another endpoint it belongs to another upstream. A Secret
/// that does not exist any more keeps nothing in use, because its deletion may mean to stop the operator.
async fn keep<K: ConnectionResource>(ctx: &Context<K>, key: &ConnectionKey, spec: &str, failed: Check) -> Check {
    let former = ctx.in_use(key).filter(|former| former.spec == spec);
    let Some(former) = former.filter(|former| failed.version.as_ref() != Some(&former.version)) else { return failed };
    let usage = match former.account.probe().await {
        Ok(usage) => Some(usage),
        Err(error) if error.kind == ErrorKind::RateLimited && !former.account.is_tripped() => None,
        Err(_) => return failed,
    };
    let message = format!(
        "The former key stays in use, from version {} of the Secret, because the operator cannot use the present one: {}",
        former.version, failed.message
    );
    let check = probe::accepted(former.account, usage, former.version);
    let (fell_back, retry_after) = (!failed.stalled, failed.retry_after);
    Check { message, ready_reason: Reason::FormerKeyInUse, fell_back, retry_after, ..check }
}
