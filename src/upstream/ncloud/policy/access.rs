//! Compares what permissions grant, with the algebra of the engine.

use crate::api::policy::{NcloudEffect, NcloudPermission, NcloudTarget};
use crate::engine::access::Comparison;
use crate::engine::access::ncloud::{Permission, Request, Target, compare as compare_access};

/// Returns what `have` grants beyond `want`, and the reverse.
pub(super) fn compare(want: &[NcloudPermission], have: &[NcloudPermission]) -> Comparison<Request> {
    compare_access(&permissions(want), &permissions(have))
}

/// Returns permissions as the algebra reads them.
pub(super) fn permissions(permissions: &[NcloudPermission]) -> Vec<Permission<'_>> {
    permissions.iter().map(permission).collect()
}

fn permission(permission: &NcloudPermission) -> Permission<'_> {
    let NcloudPermission { effect, targets, condition } = permission;
    Permission {
        denies: *effect == NcloudEffect::Deny,
        targets: targets.iter().map(target).collect(),
        condition: condition.as_ref(),
    }
}

fn target(target: &NcloudTarget) -> Target<'_> {
    let NcloudTarget { product, actions, resource_nrns } = target;
    Target { product, actions, resources: resource_nrns }
}
