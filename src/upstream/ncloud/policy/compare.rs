//! Compares permissions by meaning, so that equivalent permissions show no difference.
//!
//! Order and repetition of permissions, targets, actions, resources and condition values have no effect.
//! The resource `*` equals `nrn:*:<product>:*::*`, which the upstream returns for it. A pattern covers the
//! narrower entries of its list. Permissions that grant the same show no difference at all, however they are
//! written ([`super::access`]).

use super::access;
use super::canonical::{Permission, Target, canonical};
use crate::api::policy::NcloudPermission;
use crate::engine::access::Change;
use crate::engine::{Diff, FieldDiff, Remedy};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Adds the differences of permissions: field by field if a permission has a likely counterpart. Marks them if
/// the observed permissions may grant more.
pub(super) fn compare(diff: &mut Diff, path: &str, want: &[NcloudPermission], have: &[NcloudPermission]) {
    let mut differences = Diff::default();
    Sets { want: &canonical(want), have: &canonical(have) }.compare(&mut differences, path);
    if differences.is_empty() {
        return;
    }
    let access = access::compare(want, have);
    if access.change() == Change::Equal {
        return;
    }
    diff.access = access.change();
    if access.may_widen() {
        differences.mark_widening(path);
        diff.witness = access.witness();
    }
    diff.fields.append(&mut differences.fields);
}

/// A member of a set that can also be compared field by field.
trait Member: Serialize {
    fn same(&self, other: &Self) -> bool;
    /// Returns a score: the higher, the more likely the other is the same member with a change.
    fn similarity(&self, other: &Self) -> usize;
    fn compare(&self, other: &Self, diff: &mut Diff, path: &str);
}

impl Member for Target {
    fn same(&self, other: &Self) -> bool {
        self == other
    }

    fn similarity(&self, other: &Self) -> usize {
        usize::from(self.product == other.product)
    }

    fn compare(&self, other: &Self, diff: &mut Diff, path: &str) {
        let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>();
        diff.compare(&format!("{path}.product"), &self.product, &other.product, Remedy::Update);
        let (want, have) = (list(&self.actions), list(&other.actions));
        diff.compare_sets(&format!("{path}.actions"), &want, &have, Remedy::Update);
        let (want, have) = (list(&self.resource_nrns), list(&other.resource_nrns));
        diff.compare_sets(&format!("{path}.resourceNrns"), &want, &have, Remedy::Update);
    }
}

impl Member for Permission {
    fn same(&self, other: &Self) -> bool {
        let set =
            |targets: &'_ [Target]| targets.iter().map(|target| json!(target).to_string()).collect::<BTreeSet<_>>();
        self.effect == other.effect && self.condition == other.condition && set(&self.targets) == set(&other.targets)
    }

    fn similarity(&self, other: &Self) -> usize {
        let known = |target: &&Target| other.targets.iter().any(|theirs| theirs.product == target.product);
        let shared = self.targets.iter().filter(known).count();
        2 * shared + usize::from(self.effect == other.effect) + usize::from(self.condition == other.condition)
    }

    fn compare(&self, other: &Self, diff: &mut Diff, path: &str) {
        diff.compare(&format!("{path}.effect"), &self.effect, &other.effect, Remedy::Update);
        Sets { want: &self.targets, have: &other.targets }.compare(diff, &format!("{path}.targets"));
        diff.compare(&format!("{path}.condition"), &self.condition, &other.condition, Remedy::Update);
    }
}

/// Two lists that are compared as sets.
struct Sets<'a, T> {
    want: &'a [T],
    have: &'a [T],
}

impl<T: Member> Sets<'_, T> {
    /// Compares members without an equal with the most similar one of the other list. A member without
    /// a partner is one difference: under its index if it is only desired, under the list if it is only
    /// observed.
    fn compare(&self, diff: &mut Diff, path: &str) {
        let Self { want, have } = self;
        let missing = want.iter().enumerate().filter(|(_, w)| !have.iter().any(|h| w.same(h)));
        let mut extra: Vec<&T> = have.iter().filter(|h| !want.iter().any(|w| w.same(h))).collect();
        for (index, wanted) in missing {
            let path = format!("{path}[{index}]");
            // `max_by_key` returns the last of several maxima; reversed, that is the first.
            match (0..extra.len()).rev().max_by_key(|&at| wanted.similarity(extra[at])) {
                Some(at) => wanted.compare(extra.remove(at), diff, &path),
                None => add(diff, path, json!(wanted), Value::Null),
            }
        }
        for left in extra {
            add(diff, path.to_owned(), Value::Null, json!(left));
        }
    }
}

fn add(diff: &mut Diff, path: String, desired: Value, observed: Value) {
    diff.fields.push(FieldDiff { path, desired, observed, remedy: Remedy::Update, widens: false });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(want: &Value, have: &Value) -> Diff {
        let read = |value: &Value| serde_json::from_value::<Vec<NcloudPermission>>(value.clone()).unwrap();
        let mut diff = Diff::default();
        compare(&mut diff, "p", &read(want), &read(have));
        diff
    }

    fn target(product: &str, actions: &[&str], nrns: &[&str]) -> Value {
        json!({"product": product, "actions": actions, "resourceNrns": nrns})
    }

    fn allow(targets: &[Value]) -> Value {
        json!({"effect": "Allow", "targets": targets})
    }

    #[test]
    fn wildcard_equals_its_form_in_responses() {
        let want = json!([allow(&[target("Server", &["View*"], &["*"])])]);
        assert!(diff(&want, &json!([allow(&[target("Server", &["View*"], &["nrn:*:Server:*::*"])])])).is_empty());
        let other = json!([allow(&[target("Server", &["View*"], &["nrn:*:VPC:*::*"])])]);
        assert_eq!(diff(&want, &other).summary(), "p[0].targets[0].resourceNrns");
    }

    #[test]
    fn wildcard_covers_other_entries() {
        let want = json!([allow(&[target("Server", &["*", "View*"], &["nrn:PUB:Server:KR:1:Server/1", "*"])])]);
        assert!(diff(&want, &json!([allow(&[target("Server", &["*"], &["nrn:*:Server:*::*"])])])).is_empty());
    }

    #[test]
    fn redundant_patterns_show_no_difference() {
        let one = |actions: &[&str], nrns: &[&str]| json!([allow(&[target("Server", actions, nrns)])]);
        let nrn = "nrn:PUB:Server:KR:*:*";
        let want = one(&["View*"], &[nrn]);
        for same in [
            one(&["View*", "View/x", "View/get*"], &[nrn, "nrn:PUB:Server:KR:1:Server/1"]),
            one(&["View**"], &[nrn]),
            json!([allow(&[target("Server", &["View*"], &[nrn]), target("Server", &["View/x"], &[nrn])])]),
            json!([allow(&[target("Server", &["View*"], &[nrn])]), allow(&[target("Server", &["View/x"], &[nrn])])]),
        ] {
            assert!(diff(&want, &same).is_empty(), "{same}");
            assert!(diff(&same, &want).is_empty(), "{same}");
        }
        let more = diff(&want, &one(&["View*", "Change/x"], &[nrn]));
        assert_eq!((more.summary().as_str(), more.widens()), ("p[0].targets[0].actions", true));
        let less = diff(&one(&["View*", "Change/x"], &[nrn]), &want);
        assert_eq!((less.summary().as_str(), less.widens()), ("p[0].targets[0].actions", false));
    }

    #[test]
    fn permissions_are_compared_as_a_whole() {
        let (a, b) = ("nrn:PUB:Server:KR:1:a", "nrn:PUB:Server:KR:1:b");
        let on = |nrns: &[&str]| allow(&[target("Server", &["View/a", "View/b"], nrns)]);
        assert!(diff(&json!([on(&[a, b])]), &json!([on(&[a]), on(&[b])])).is_empty(), "split");
        let when = |values: Value| {
            let mut permission = on(&[a]);
            permission["condition"] = json!({"StringEquals": {"ncp:principalName": values}});
            json!([permission])
        };
        let wider = diff(&when(json!(["x"])), &when(json!(["x", "y"])));
        assert!(wider.widens(), "one more user");
        assert_eq!(wider.witness.unwrap(), format!("Server View/a on {a} with ncp:principalName=y"));
        assert!(!diff(&when(json!(["x", "y"])), &when(json!(["x"]))).widens(), "one user less");
    }

    #[test]
    fn order_and_repetition_are_ignored_at_any_level() {
        let (a, b) = (target("Server", &["View/a", "View/b"], &["n1", "n2"]), target("VPC", &["View*"], &["*"]));
        let b_again = target("VPC", &["View*", "View*"], &["*"]);
        let a_turned = target("Server", &["View/b", "View/a"], &["n2", "n1", "n2"]);
        let when =
            |values: Value| json!({"effect": "Deny", "targets": [a], "condition": {"StringEquals": {"k": values}}});
        let want = json!([allow(&[a.clone(), b.clone()]), when(json!(["x", "y"]))]);
        let have = json!([when(json!(["y", "x", "x"])), allow(&[b_again, a_turned, b]), when(json!(["x", "y"]))]);
        assert!(diff(&want, &have).is_empty());
    }

    #[test]
    fn empty_condition_equals_no_condition() {
        let targets = [target("Server", &["View*"], &["*"])];
        let with = |condition: Value| json!([{"effect": "Allow", "targets": targets, "condition": condition}]);
        let without = json!([{"effect": "Allow", "targets": targets}]);
        for empty in [json!(null), json!({}), json!({"StringEquals": {}}), json!({"StringEquals": {"k": []}})] {
            assert!(diff(&without, &with(empty)).is_empty());
        }
        let path = diff(&without, &with(json!({"StringEquals": {"k": ["v"]}}))).summary();
        assert!(path.starts_with("p[0].condition"), "{path}");
    }

    #[test]
    fn changed_action_is_reported_at_its_target() {
        let want = json!([allow(&[target("Server", &["View/a"], &["*"]), target("VPC", &["View*"], &["*"])])]);
        let have = json!([allow(&[target("VPC", &["View*"], &["*"]), target("Server", &["View/b"], &["*"])])]);
        let diff = diff(&want, &have);
        assert_eq!(diff.summary(), "p[0].targets[0].actions");
        assert_eq!((&diff.fields[0].desired, &diff.fields[0].observed), (&json!(["View/a"]), &json!(["View/b"])));
    }

    #[test]
    fn missing_and_extra_permissions_are_distinguished() {
        let (a, b) = (allow(&[target("Server", &["*"], &["*"])]), allow(&[target("VPC", &["*"], &["*"])]));
        let missing = diff(&json!([a, b]), &json!([a]));
        assert_eq!((missing.summary().as_str(), &missing.fields[0].observed), ("p[1]", &Value::Null));
        let extra = diff(&json!([a]), &json!([b, a]));
        assert_eq!((extra.summary().as_str(), &extra.fields[0].desired), ("p", &Value::Null));
        assert_eq!(extra.fields[0].observed["targets"][0]["product"], "VPC");
    }

    #[test]
    fn changed_effect_is_a_difference() {
        let with = |effect: &str| json!([{"effect": effect, "targets": [target("Server", &["*"], &["*"])]}]);
        assert_eq!(diff(&with("Deny"), &with("Allow")).summary(), "p[0].effect");
    }
}
