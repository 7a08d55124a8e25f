//! Statements without effect, by the algebra of access, and those that not every account supports.

use super::rules::{ALLOW_DENIED, DENY_UNSURE, NO_EFFECT};
use super::wording::PERMISSIONS;
use crate::api::policy::{NcloudEffect, NcloudPermission};
use crate::engine::access::ncloud::{IdleCause, idle};
use crate::engine::finding::Finding;
use crate::upstream::ncloud::policy::access;

/// Checks all statements of a policy.
pub fn check(permissions: &[NcloudPermission], found: &mut Vec<Finding>) {
    for idle in idle(&access::permissions(permissions)) {
        let (number, single) = (idle.permission, permissions[idle.permission].targets.len() == 1);
        // A permission with several targets may have one that counts.
        let target = if single { String::new() } else { format!(".targets[{}]", idle.target) };
        let (rule, message) = match idle.cause {
            IdleCause::Denied => (&ALLOW_DENIED, "grants nothing: a Deny of this policy takes all of it away"),
            IdleCause::Covered => {
                (&NO_EFFECT, "has no effect: other statements of this policy mean the same. Remove it, or correct it")
            }
        };
        found.push(Finding::new(rule, format!("{PERMISSIONS}[{number}]{target}"), message));
    }
    let denials = permissions.iter().enumerate().filter(|(_, it)| it.effect == NcloudEffect::Deny);
    found.extend(denials.map(|(number, _)| {
        let message = "`Deny` is not supported in every account: check that yours does, or grant less instead";
        Finding::new(&DENY_UNSURE, format!("{PERMISSIONS}[{number}].effect"), message)
    }));
}
