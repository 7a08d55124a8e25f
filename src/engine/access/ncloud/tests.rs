//! Cases by hand. The random ones are in [`super::fuzz`].

use super::{Permission, Request, Target};
use crate::api::policy::{NcloudEffect, NcloudPermission, NcloudTarget};
use crate::engine::access::step_limit::STEPS;
use crate::engine::access::{Change, Comparison, Finding, Undecided};
use serde_json::{Value, json};

fn compare_within(steps: usize, old: &[NcloudPermission], new: &[NcloudPermission]) -> Comparison<Request> {
    super::compare_within(steps, &permissions(old), &permissions(new))
}

pub(in crate::engine::access) fn permissions(all: &[NcloudPermission]) -> Vec<Permission<'_>> {
    fn target(target: &NcloudTarget) -> Target<'_> {
        Target { product: &target.product, actions: &target.actions, resources: &target.resource_nrns }
    }
    all.iter()
        .map(|permission| Permission {
            denies: permission.effect == NcloudEffect::Deny,
            targets: permission.targets.iter().map(target).collect(),
            condition: permission.condition.as_ref(),
        })
        .collect()
}

pub(super) fn compare(old: &[NcloudPermission], new: &[NcloudPermission]) -> Comparison<Request> {
    compare_within(STEPS, old, new)
}

fn read(permissions: &Value) -> Vec<NcloudPermission> {
    serde_json::from_value(permissions.clone()).unwrap()
}

fn found(old: &Value, new: &Value) -> Comparison<Request> {
    compare(&read(old), &read(new))
}

fn change(old: &Value, new: &Value) -> Change {
    let (there, back) = (found(old, new).change(), found(new, old).change());
    let mirrored = match there {
        Change::Wider => Change::Narrower,
        Change::Narrower => Change::Wider,
        Change::Equal | Change::Both | Change::Unknown => there,
    };
    assert_eq!(back, mirrored, "{old} and {new}");
    there
}

fn permission(effect: &str, actions: &[&str], nrns: &[&str]) -> Value {
    json!({"effect": effect, "targets": [{"product": "Server", "actions": actions, "resourceNrns": nrns}]})
}

fn allow(actions: &[&str]) -> Value {
    permission("Allow", actions, &["*"])
}

fn deny(actions: &[&str]) -> Value {
    permission("Deny", actions, &["*"])
}

fn on(nrn: &str) -> Value {
    json!([permission("Allow", &["*"], &[nrn])])
}

fn when(condition: Value) -> Value {
    let mut permission = allow(&["View*"]);
    permission["condition"] = condition;
    json!([permission])
}

#[test]
fn patterns_that_mean_the_same_are_equal() {
    let view = json!([allow(&["View*"])]);
    for same in [
        json!([allow(&["View/x", "View*", "View**"])]),
        json!([allow(&["View*"]), allow(&["View/get*"])]),
        json!([permission("Allow", &["View*"], &["nrn:*:Server:*::*"])]),
        json!([permission("Allow", &["View*"], &["nrn:PUB:Server:KR:1:Server/1", "**"])]),
        json!([allow(&["View*"]), allow(&["View*"])]),
    ] {
        assert_eq!(change(&view, &same), Change::Equal, "{same}");
    }
    assert_eq!(change(&json!([allow(&["View/*", "Vi*"])]), &json!([allow(&["Vi*"])])), Change::Equal);
    assert_eq!(change(&json!([allow(&["Vi*"])]), &json!([allow(&["View*", "Via*"])])), Change::Narrower);
    assert_eq!(change(&view, &json!([allow(&["view*"])])), Change::Both, "case matters");
}

#[test]
fn split_permissions_are_equal_only_as_a_whole() {
    let nrns = ["nrn:PUB:Server:KR:1:a", "nrn:PUB:Server:KR:1:b"];
    let both = json!([permission("Allow", &["View/a", "View/b"], &nrns)]);
    let by_nrn = json!([
        permission("Allow", &["View/a", "View/b"], &nrns[..1]),
        permission("Allow", &["View/a", "View/b"], &nrns[1..])
    ]);
    let corner = json!([permission("Allow", &["View/a"], &nrns), permission("Allow", &["View/b"], &nrns[..1])]);
    assert_eq!(change(&both, &by_nrn), Change::Equal);
    assert_eq!(change(&both, &corner), Change::Narrower);
}

#[test]
fn denial_counts_also_where_the_policy_allows_nothing() {
    let view = json!([allow(&["View*"])]);
    assert_eq!(change(&view, &json!([allow(&["View*"]), deny(&["Change*"])])), Change::Narrower);
    assert_eq!(change(&view, &json!([deny(&["Change*"])])), Change::Narrower);
    assert_eq!(change(&json!([allow(&["*"]), deny(&["*"])]), &json!([deny(&["*"])])), Change::Equal);
    assert_eq!(change(&json!([deny(&["*"])]), &json!([])), Change::Wider);
    let half = json!([allow(&["View*"]), deny(&["View/get*"])]);
    assert_eq!(change(&half, &json!([allow(&["View*"]), deny(&["View/getA*", "View/get*"])])), Change::Equal);
    assert_eq!(change(&half, &json!([allow(&["View*"]), deny(&["View/getA*"])])), Change::Wider);
}

#[test]
fn resource_patterns_are_compared_part_by_part() {
    assert_eq!(change(&on("*"), &on("nrn:PUB:Server:KR:*:*")), Change::Narrower);
    assert_eq!(change(&on("nrn:PUB:Server:KR:*:*"), &on("nrn:PUB:Server:KR:1:Server/1")), Change::Narrower);
    assert_eq!(change(&on("nrn:PUB:Server:*:1:*"), &on("nrn:PUB:Server:KR:*:*")), Change::Both);
    // Whether `*` takes colons too, or an empty member number stands for any, is not documented.
    assert_eq!(change(&on("nrn:PUB:*"), &on("nrn:PUB:Server:KR:1:Server/1")), Change::Unknown);
    assert_eq!(change(&on("nrn:PUB:Server:KR::*"), &on("nrn:PUB:Server:KR:1:*")), Change::Unknown);
    assert_eq!(change(&on("nrn:PUB:Server:KR::*"), &on("nrn:PUB:Server:KR::Server/1")), Change::Narrower);
    assert_eq!(change(&on("nrn:PUB:Server:?R:1:*"), &on("nrn:PUB:Server:KR:1:*")), Change::Unknown);
    assert_eq!(change(&on("*"), &on("nrn:PUB:*")), Change::Narrower);
}

#[test]
fn conditions_that_are_understood_are_compared() {
    let equals = |values: &[&str]| when(json!({"StringEquals": {"k": values}}));
    let other_than = |values: &[&str]| when(json!({"StringNotEquals": {"k": values}}));
    let like = |values: &[&str]| when(json!({"StringLike": {"k": values}}));
    let free = json!([allow(&["View*"])]);
    assert_eq!(change(&equals(&["a"]), &equals(&["b", "a"])), Change::Wider);
    assert_eq!(change(&other_than(&["a"]), &other_than(&["b", "a"])), Change::Narrower);
    assert_eq!(change(&equals(&["a"]), &free), Change::Wider);
    assert_eq!(change(&equals(&["a"]), &other_than(&["b"])), Change::Wider);
    let split = json!([equals(&["a"])[0], other_than(&["a"])[0]]);
    assert_eq!(change(&free, &split), Change::Unknown, "a request without the key");
    assert_eq!(change(&equals(&["a", "ab"]), &like(&["a*"])), Change::Wider);
    assert_eq!(change(&like(&["a*"]), &like(&["a*", "ab*"])), Change::Equal);
    let other_end = when(json!({"StringNotLike": {"k": ["*b"]}}));
    assert!(found(&other_end, &like(&["a*"])).may_widen(), "`ab` matches both patterns");
    let mut denied = equals(&["a"])[0].clone();
    denied["effect"] = json!("Deny");
    assert_eq!(change(&json!([denied]), &json!([deny(&["View*"])])), Change::Narrower);
}

#[test]
fn conditions_that_are_not_understood_are_equal_or_undecided() {
    let free = json!([allow(&["View*"])]);
    for condition in [
        json!({"DateLessThan": {"k": ["2027-01-01"]}}),
        json!({"Null": {"k": ["true"]}}),
        json!({"StringEqualsIfExists": {"k": ["a"]}}),
        json!({"StringEquals": {"k": ["${ncp:principalName}"]}}),
        json!({"StringLike": {"k": ["a?"]}}),
        json!({"StringEquals": {"k": []}}),
    ] {
        assert_eq!(change(&when(condition.clone()), &when(condition.clone())), Change::Equal);
        assert_eq!(change(&when(condition.clone()), &json!([])), Change::Unknown, "it may never hold");
        let both = json!([when(condition.clone())[0], allow(&["View/*"])]);
        assert_eq!(change(&free, &both), Change::Unknown, "it may always hold: {condition}");
        assert_eq!(change(&free, &json!([when(condition)[0], allow(&["View*"])])), Change::Equal);
    }
    let dated = when(json!({"DateLessThan": {"k": ["2027-01-01"]}}));
    assert_eq!(change(&dated, &json!([dated[0], allow(&["Change*"])])), Change::Wider, "another action is new");
}

#[test]
fn witness_names_a_request_that_people_can_read() {
    let shown = |old: Value, new: Value| match found(&old, &new).granted {
        Finding::Witness(request) => request.to_string(),
        other => panic!("{other:?}"),
    };
    let view = || json!([allow(&["View*"])]);
    assert_eq!(shown(json!([]), view()), "Server View/x on nrn:PUB:Server:KR:x:x");
    assert_eq!(shown(view(), json!([allow(&["*"])])), "Server Change/x on nrn:PUB:Server:KR:x:x");
    let alice = when(json!({"StringEquals": {"ncp:principalName": ["alice"]}}));
    assert_eq!(shown(json!([]), alice), "Server View/x on nrn:PUB:Server:KR:x:x with ncp:principalName=alice");
    assert_eq!(
        shown(on("nrn:PUB:Server:KR:1:a"), on("nrn:PUB:Server:KR:*:a")),
        "Server View/x on nrn:PUB:Server:KR:x:a"
    );
}

#[test]
fn product_that_may_be_a_pattern_is_undecided() {
    let all = json!([{"effect": "Allow", "targets": [{"product": "*", "actions": ["*"], "resourceNrns": ["*"]}]}]);
    assert_eq!(change(&all, &all), Change::Equal);
    assert_eq!(change(&all, &json!([allow(&["*"])])), Change::Unknown);
}

#[test]
fn hostile_policies_end_undecided_in_bounded_steps() {
    let names = |prefix: &str| (0..500).map(|i| format!("{prefix}*{i}*a*")).collect::<Vec<_>>();
    let target = |letter: &str| json!({"product": "Server", "actions": names(letter), "resourceNrns": names(letter)});
    let policy = |letter: &str| read(&json!([{"effect": "Allow", "targets": vec![target(letter); 3]}]));
    let found = compare_within(100_000, &policy("a*"), &policy("b*"));
    assert_eq!(found.granted, Finding::Undecided(Undecided::TooLarge));
    let conditions = |count: usize| {
        let keys = |i: usize| (0..9).map(|key| (format!("k{key}"), json!([format!("{i}"), "same"]))).collect::<Value>();
        let one = |i| when(json!({"StringEquals": keys(i)}))[0].clone();
        read(&json!((0..count).map(one).collect::<Vec<_>>()))
    };
    let found = compare_within(100_000, &conditions(40), &conditions(41));
    assert!(found.may_widen());
    let found = compare_within(100_000, &conditions(1), &conditions(600));
    assert!(found.may_widen());
}
