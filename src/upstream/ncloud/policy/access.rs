//! Compares what permissions grant: whether one list surely grants no more than another.
//!
//! A permission that allows grants its targets; one that denies takes them from all permissions. So a list
//! grants no more than another if the other allows each of its allowed targets, and if it denies each target
//! that the other denies. A condition only restricts a permission, and two conditions are compared as equal or
//! not. Whatever cannot be proven counts as granting more. A complete algebra of access can replace
//! [`grants_at_most`]; its callers rely only on the proof.

use super::canonical::{Condition, Permission, Target, covers_resource};
use crate::api::policy::NcloudEffect;
use crate::upstream::patterns::covers;
use std::cell::Cell;

/// How many patterns one comparison compares. A larger one is not decided.
const MOST_PATTERNS: usize = 200_000;

/// Returns whether `inner` surely grant no more than `outer`.
pub(super) fn grants_at_most(inner: &[Permission], outer: &[Permission]) -> bool {
    Comparison::default().grants_at_most(inner, outer)
}

/// One comparison, which ends undecided when it has compared too many patterns.
#[derive(Default)]
struct Comparison {
    compared: Cell<usize>,
}

impl Comparison {
    fn grants_at_most(&self, inner: &[Permission], outer: &[Permission]) -> bool {
        self.all_within(inner, outer, NcloudEffect::Allow) && self.all_within(outer, inner, NcloudEffect::Deny)
    }

    /// Returns whether each target of `inner` with this effect is within the targets of `outer` with this effect.
    fn all_within(&self, inner: &[Permission], outer: &[Permission], effect: NcloudEffect) -> bool {
        inner.iter().filter(|permission| permission.effect == effect).all(|permission| {
            let around = |other: &&Permission| {
                other.effect == effect && restricts_no_more(&other.condition, &permission.condition)
            };
            let around: Vec<&Target> = outer.iter().filter(around).flat_map(|other| &other.targets).collect();
            permission.targets.iter().all(|target| self.is_within(target, &around))
        })
    }

    /// Returns whether each action on each resource of a target is within one of the others.
    fn is_within(&self, target: &Target, others: &[&Target]) -> bool {
        let others: Vec<&&Target> = others.iter().filter(|other| other.product == target.product).collect();
        target.actions.iter().all(|action| {
            let able: Vec<_> = others.iter().filter(|other| self.any(&other.actions, action, covers)).collect();
            let reached = |nrn: &String| able.iter().any(|other| self.any(&other.resource_nrns, nrn, covers_resource));
            target.resource_nrns.iter().all(reached)
        })
    }

    fn any<'a, I>(&self, patterns: I, other: &str, covers: fn(&str, &str) -> bool) -> bool
    where
        I: IntoIterator<Item = &'a String>,
    {
        patterns.into_iter().any(|pattern| self.may_compare() && covers(pattern, other))
    }

    /// Counts one pattern more. Returns whether it may still be compared.
    fn may_compare(&self) -> bool {
        let allowed = self.compared.get() < MOST_PATTERNS;
        self.compared.set(self.compared.get() + usize::from(allowed));
        allowed
    }
}

/// Returns whether a permission with the condition `outer` applies at least where one with `inner` does.
fn restricts_no_more(outer: &Condition, inner: &Condition) -> bool {
    outer.is_empty() || outer == inner
}

#[cfg(test)]
mod tests {
    use super::super::canonical::canonical;
    use super::*;
    use serde_json::{Value, json};

    fn at_most(inner: &Value, outer: &Value) -> bool {
        let read = |value: &Value| canonical(&serde_json::from_value::<Vec<_>>(value.clone()).unwrap());
        grants_at_most(&read(inner), &read(outer))
    }

    fn permission(effect: &str, actions: &[&str], nrns: &[&str]) -> Value {
        json!({"effect": effect, "targets": [{"product": "Server", "actions": actions, "resourceNrns": nrns}]})
    }

    fn when(mut permission: Value, key: &str) -> Value {
        permission["condition"] = json!({"StringEquals": {key: ["v"]}});
        permission
    }

    fn view() -> Value {
        permission("Allow", &["View*"], &["*"])
    }

    #[test]
    fn allow_that_is_covered_grants_no_more() {
        let want = json!([view(), permission("Allow", &["Change/a"], &["nrn:PUB:Server:KR:*:*"])]);
        for narrower in [
            json!([]),
            json!([permission("Allow", &["View/x", "View/y*"], &["nrn:PUB:Server:KR:1:Server/1"])]),
            json!([when(view(), "k")]),
            json!([permission("Allow", &["Change/a", "View/x"], &["nrn:PUB:Server:KR:1:Server/1"])]),
            json!([view(), permission("Deny", &["*"], &["*"])]),
        ] {
            assert!(at_most(&narrower, &want), "{narrower}");
        }
    }

    #[test]
    fn allow_that_is_not_covered_grants_more() {
        let want = json!([when(view(), "k"), permission("Allow", &["Change/a"], &["nrn:PUB:Server:KR:1:Server/1"])]);
        let mut other = view();
        other["targets"][0]["product"] = json!("IAM");
        for wider in [
            json!([view()]),
            json!([when(view(), "other")]),
            json!([when(other, "k")]),
            json!([when(permission("Allow", &["*"], &["*"]), "k")]),
            json!([permission("Allow", &["Change/a"], &["nrn:PUB:Server:KR:*:*"])]),
            json!([permission("Allow", &["Change/a", "View/x"], &["nrn:PUB:Server:KR:1:Server/1"])]),
        ] {
            assert!(!at_most(&wider, &want), "{wider}");
        }
    }

    #[test]
    fn deny_that_is_smaller_or_gone_grants_more() {
        let deny = |actions: &[&str], nrns: &[&str]| permission("Deny", actions, nrns);
        let want = json!([view(), when(deny(&["View/x*"], &["nrn:PUB:Server:KR:*:*"]), "k")]);
        for equal_or_narrower in [deny(&["*"], &["*"]), when(deny(&["View/*"], &["nrn:PUB:Server:KR:*:*"]), "k")] {
            assert!(at_most(&json!([view(), equal_or_narrower]), &want), "{equal_or_narrower}");
        }
        assert!(!at_most(&json!([view()]), &want));
        for wider in [
            when(deny(&["View/xy"], &["*"]), "k"),
            when(deny(&["*"], &["*"]), "other"),
            when(deny(&["*"], &["nrn:PUB:Server:KR:1:*"]), "k"),
        ] {
            assert!(!at_most(&json!([view(), wider]), &want), "{wider}");
        }
    }

    #[test]
    fn large_comparison_ends_undecided_at_its_limit() {
        let names = |prefix: &str| (0..20).map(|i| format!("{prefix}{i}")).collect::<Vec<_>>();
        let target =
            |i: usize| json!({"product": "Server", "actions": names("a"), "resourceNrns": names(&format!("n{i}:"))});
        let allow = json!([{"effect": "Allow", "targets": (0..20).map(target).collect::<Vec<_>>()}]);
        let large = canonical(&serde_json::from_value::<Vec<_>>(allow).unwrap());
        let comparison = Comparison::default();
        assert!(!comparison.grants_at_most(&large, &large), "equal, and too large to decide");
        assert_eq!(comparison.compared.get(), MOST_PATTERNS);
    }
}
