//! What `cloud-policy lint` says about policies of SpaceONE, beyond what the operator refuses.

use crate::api::policy::SpaceonePolicySpec;
use crate::engine::access::spaceone::{IdleCause, idle};
use crate::engine::finding::Level::Warning;
use crate::engine::finding::{Finding, Rule};

/// The longest id of a policy that SpaceONE's identity service stores in a role.
const LONGEST_IN_ROLE: usize = 40;

static OPEN_NAME: Rule = Rule {
    id: "CP120",
    name: "wildcard-beyond-name",
    level: Warning,
    text: "SpaceONE matches permissions as patterns of Python's `fnmatch`, in which `*` is any text, dots included. So `inventory*` also grants everything of a service `inventory_v2`, and `inventory.Server*` everything of a resource `ServerGroup`.",
    bad: include_str!("examples/CP120.bad.yaml"),
    good: include_str!("examples/CP120.good.yaml"),
};
static MATCHES_NOTHING: Rule = Rule {
    id: "CP121",
    name: "permission-without-request",
    level: Warning,
    text: "A permission matches no request: SpaceONE compares it with `service.Resource.verb`, three names with two dots. SpaceONE accepts and ignores it.",
    bad: include_str!("examples/CP121.bad.yaml"),
    good: include_str!("examples/CP121.good.yaml"),
};
static COVERED: Rule = Rule {
    id: "CP122",
    name: "permission-without-effect",
    level: Warning,
    text: "Other permissions of the policy match everything that this one matches, so the policy means the same without it.",
    bad: include_str!("examples/CP122.bad.yaml"),
    good: include_str!("examples/CP122.good.yaml"),
};
static LONG_ID: Rule = Rule {
    id: "CP123",
    name: "id-too-long-for-a-role",
    level: Warning,
    text: "The repository service of SpaceONE stores ids of up to 48 characters, and the roles of its identity service only 40. No role can name a policy with a longer id, and the id cannot be changed later.",
    bad: include_str!("examples/CP123.bad.yaml"),
    good: include_str!("examples/CP123.good.yaml"),
};

/// The rules.
pub(super) static RULES: [&Rule; 4] = [&OPEN_NAME, &MATCHES_NOTHING, &COVERED, &LONG_ID];

/// Returns what breaks a rule.
pub(super) fn of(spec: &SpaceonePolicySpec) -> Vec<Finding> {
    let mut found = Vec::new();
    let length = spec.policy_id.chars().count();
    if length > LONGEST_IN_ROLE {
        let message =
            format!("has {length} characters, and a role can name ids of at most {LONGEST_IN_ROLE}: shorten it");
        found.push(Finding::new(&LONG_ID, "spec.spaceone.policyId", message));
    }
    let path = |at: usize| format!("spec.spaceone.permissions[{at}]");
    for (at, permission) in spec.permissions.iter().enumerate() {
        if let Some(closed) = closed(permission) {
            let message = format!("also matches names that only begin so: write `{closed}`");
            found.push(quoting(&OPEN_NAME, path(at), permission, &message));
        }
    }
    found.extend(idle(&spec.permissions).into_iter().map(|(at, cause)| {
        let (rule, message) = match cause {
            IdleCause::MatchesNothing => {
                (&MATCHES_NOTHING, "matches no request: write service.Resource.verb, or end it with `.*`")
            }
            IdleCause::Covered => {
                (&COVERED, "has no effect: other permissions match all of it. Remove it, or correct it")
            }
        };
        quoting(rule, path(at), &spec.permissions[at], message)
    }));
    found
}

fn quoting(rule: &'static Rule, field: String, value: &str, message: &str) -> Finding {
    let problem = crate::engine::Problem::quoting(field, value, message);
    Finding::new(rule, problem.field, problem.message)
}

/// Returns the permission with whole names of service and resource; `None` if it has them, or a wildcard of another form.
fn closed(permission: &str) -> Option<String> {
    let parts: Vec<&str> = permission.split('.').collect();
    let is_open = |part: &&str| {
        let name = part.strip_suffix('*').unwrap_or_default();
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    };
    let open = parts.iter().take(2).position(is_open)?;
    let closed = |(at, part): (usize, &str)| if at == open { part.trim_end_matches('*') } else { part }.to_owned();
    let text = parts.iter().copied().enumerate().map(closed).collect::<Vec<_>>().join(".");
    Some(if open + 1 == parts.len() { text + ".*" } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(id: &str, permissions: &[&str]) -> SpaceonePolicySpec {
        let spec = serde_json::json!({ "policyId": id, "name": "n", "permissions": permissions });
        serde_json::from_value(spec).unwrap()
    }

    fn found(permissions: &[&str]) -> Vec<(&'static str, String)> {
        of(&spec("a", permissions)).into_iter().map(|it| (it.rule.id, it.message)).collect()
    }

    #[test]
    fn open_names_of_service_and_resource_are_closed() {
        for (permission, whole) in [
            ("inventory*", "inventory.*"),
            ("inventory.Server*", "inventory.Server.*"),
            ("inventory*.Server.list", "inventory.Server.list"),
            ("inventory.Server*.list", "inventory.Server.list"),
            ("cost_analysis*", "cost_analysis.*"),
        ] {
            let message = format!("`{permission}` also matches names that only begin so: write `{whole}`");
            assert_eq!(found(&[permission]), [("CP120", message)]);
            assert_eq!(found(&[whole]), [], "{whole}");
        }
    }

    #[test]
    fn whole_names_and_deliberate_patterns_pass() {
        for permission in
            ["*", "inventory.*", "*.Server.list", "inventory.*.get", "inventory.Server.get*", "inv[ae]n*.*"]
        {
            assert_eq!(found(&[permission]), [], "{permission}");
        }
    }

    #[test]
    fn id_fits_into_a_role() {
        assert_eq!(of(&spec(&"a".repeat(40), &["a.*"])), []);
        let long = of(&spec(&"a".repeat(41), &["a.*"]));
        assert_eq!((long[0].rule.id, long.len()), ("CP123", 1));
    }
}
