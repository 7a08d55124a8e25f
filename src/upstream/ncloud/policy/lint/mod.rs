//! What `cloud-policy lint` says about policies of NAVER Cloud, beyond what the operator refuses.
//!
//! | module | contents |
//! | --- | --- |
//! | `rules` | the rules, with examples |
//! | `products` | products, actions and resources, beside the catalogue |
//! | `conditions` | operators and keys of conditions, beside the catalogue |
//! | `wording` | the path and the words that they share |
//! | `statements` | statements without effect, by the algebra of access |

mod conditions;
mod products;
mod rules;
mod statements;
mod wording;

use crate::api::policy::NcloudPolicySpec;
use crate::engine::finding::Finding;
use crate::upstream::catalogue::Catalogue;

pub(super) use rules::RULES;

use wording::PERMISSIONS;

/// Returns what breaks a rule.
pub(super) fn of(spec: &NcloudPolicySpec, catalogue: &Catalogue) -> Vec<Finding> {
    let mut found = Vec::new();
    for (number, permission) in spec.permissions.iter().enumerate() {
        let path = format!("{PERMISSIONS}[{number}]");
        for (at, target) in permission.targets.iter().enumerate() {
            products::check(target, &format!("{path}.targets[{at}]"), catalogue, &mut found);
        }
        conditions::check(permission.condition.as_ref(), &format!("{path}.condition"), catalogue, &mut found);
    }
    statements::check(&spec.permissions, &mut found);
    found
}

#[cfg(test)]
mod tests;
