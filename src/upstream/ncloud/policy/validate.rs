//! The rules of NAVER Cloud policies that are checked before anything is sent. The upstream checks products,
//! actions, condition operators and keys.

use super::wire::OWNER;
use crate::api::policy::{NcloudPermission, NcloudPolicySpec};
use crate::engine::Problem;
use crate::engine::diff::child;

const DESCRIPTION_BYTES: usize = 300;
/// The upstream allows 20 tags; one is the owner tag.
const MAX_TAGS: usize = 19;

/// Returns every broken rule.
pub(super) fn of(spec: &NcloudPolicySpec) -> Vec<Problem> {
    let mut problems = Vec::new();
    name(&spec.policy_name, &mut problems);
    let bytes = spec.description.as_deref().unwrap_or_default().len();
    if bytes > DESCRIPTION_BYTES {
        let message = format!("must have at most {DESCRIPTION_BYTES} bytes of UTF-8 and has {bytes}: shorten it");
        problems.push(problem("spec.ncloud.description", message));
    }
    if spec.permissions.is_empty() {
        problems.push(problem("spec.ncloud.permissions", "must have at least one permission: add one"));
    }
    for (index, permission) in spec.permissions.iter().enumerate() {
        targets(permission, &format!("spec.ncloud.permissions[{index}].targets"), &mut problems);
    }
    tags(spec, &mut problems);
    problems
}

fn name(name: &str, problems: &mut Vec<Problem>) {
    let length = name.chars().count();
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !(3..=30).contains(&length) || !name.starts_with(char::is_alphabetic) || !name.chars().all(allowed) {
        let message = "must have 3 to 30 letters, digits, `.`, `_` or `-` and begin with a letter: choose another name";
        problems.push(Problem::quoting("spec.ncloud.policyName", name, message));
    }
}

fn targets(permission: &NcloudPermission, path: &str, problems: &mut Vec<Problem>) {
    if permission.targets.is_empty() {
        problems.push(problem(path, "must have at least one target: add one"));
    }
    for (index, target) in permission.targets.iter().enumerate() {
        if target.product.trim().is_empty() {
            let message = "must be a service code, such as `Server`";
            problems.push(Problem::quoting(format!("{path}[{index}].product"), &target.product, message));
        }
        for (list, field, example) in [
            (&target.actions, "actions", "must have at least one action, such as `View*`"),
            (&target.resource_nrns, "resourceNrns", "must have at least one resource: use `*` for all"),
        ] {
            if list.is_empty() {
                problems.push(problem(format!("{path}[{index}].{field}"), example));
            }
        }
    }
}

fn tags(spec: &NcloudPolicySpec, problems: &mut Vec<Problem>) {
    let Some(tags) = &spec.tags else { return };
    if tags.len() > MAX_TAGS {
        let message = format!("must have at most {MAX_TAGS} tags: the upstream allows 20, and one is the operator's");
        problems.push(problem("spec.ncloud.tags", message));
    }
    for (key, value) in tags {
        let path = child("spec.ncloud.tags", key);
        if key == OWNER {
            problems.push(problem(path, "is the operator's own tag: choose another key"));
        } else if !(1..=128).contains(&key.chars().count()) {
            problems.push(problem(path, "must have a key of 1 to 128 characters"));
        } else if !(1..=256).contains(&value.chars().count()) {
            problems.push(problem(path, "must have a value of 1 to 256 characters"));
        }
    }
}

fn problem(field: impl Into<String>, message: impl Into<String>) -> Problem {
    Problem { field: field.into(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn fields(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut spec = json!({
            "policyName": "server-viewer",
            "description": "d",
            "permissions": [{"effect": "Allow", "targets": [{"product": "Server", "actions": ["View*"], "resourceNrns": ["*"]}],
                "condition": {"NoSuchOperator": {"no:suchKey": []}}}],
            "tags": {"team": "a"},
        });
        change(&mut spec);
        of(&serde_json::from_value(spec).unwrap()).into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn valid_spec_passes_validation() {
        assert!(fields(|_| {}).is_empty());
        assert!(fields(|s| s["permissions"][0]["targets"][0]["product"] = json!("Unheard")).is_empty());
        assert!(fields(|s| s["policyName"] = json!("정책-1")).is_empty());
    }

    #[test]
    fn description_is_measured_in_bytes() {
        assert!(fields(|s| s["description"] = json!("가".repeat(100))).is_empty());
        assert_eq!(fields(|s| s["description"] = json!("가".repeat(101))), ["spec.ncloud.description"]);
    }

    #[test]
    fn every_broken_rule_names_its_field() {
        for name in ["ab", "1abc", "a b c", &"a".repeat(31)] {
            assert_eq!(fields(|s| s["policyName"] = json!(name)), ["spec.ncloud.policyName"], "{name}");
        }
        assert_eq!(fields(|s| s["permissions"] = json!([])), ["spec.ncloud.permissions"]);
        assert_eq!(fields(|s| s["permissions"][0]["targets"] = json!([])), ["spec.ncloud.permissions[0].targets"]);
        for (field, empty) in [("product", json!(" ")), ("actions", json!([])), ("resourceNrns", json!([]))] {
            let found = fields(|s| s["permissions"][0]["targets"][0][field] = empty);
            assert_eq!(found, [format!("spec.ncloud.permissions[0].targets[0].{field}")]);
        }
    }

    #[test]
    fn tags_keep_the_upstreams_limits_and_the_owner_key() {
        assert_eq!(fields(|s| s["tags"] = json!({"cloudpolicy-owner": "x"})), ["spec.ncloud.tags.cloudpolicy-owner"]);
        assert_eq!(fields(|s| s["tags"] = json!({"k": ""})), ["spec.ncloud.tags.k"]);
        assert_eq!(fields(|s| s["tags"] = json!({"": "v"})).len(), 1);
        let many = |n: usize| (0..n).map(|i| (format!("k{i}"), json!("v"))).collect::<serde_json::Map<_, _>>();
        assert!(fields(|s| s["tags"] = Value::Object(many(19))).is_empty());
        assert_eq!(fields(|s| s["tags"] = Value::Object(many(20))), ["spec.ncloud.tags"]);
    }
}
