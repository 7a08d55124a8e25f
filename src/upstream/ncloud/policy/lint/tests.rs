//! Products, actions, resources, conditions and statements, beyond the examples of the rules.

use super::*;
use crate::engine::nearest::nearest;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn found(permissions: &Value) -> Vec<(&'static str, String)> {
    let spec = serde_json::from_value(json!({ "policyName": "abc", "permissions": permissions })).unwrap();
    of(&spec, Catalogue::embedded()).into_iter().map(|it| (it.rule.id, it.message)).collect()
}

fn ids(permissions: &Value) -> Vec<&'static str> {
    found(permissions).into_iter().map(|(id, _)| id).collect()
}

fn statement(product: &str, action: &str, nrn: &str) -> Value {
    json!([{ "effect": "Allow", "targets": [{ "product": product, "actions": [action], "resourceNrns": [nrn] }] }])
}

/// Returns every text that one edit makes of a text: a letter left out, replaced, added, or swapped with the next one.
fn edits(text: &str, letters: &[char]) -> BTreeSet<String> {
    let own: Vec<char> = text.chars().collect();
    let mut all = BTreeSet::new();
    for at in 0..=own.len() {
        let (before, after) = own.split_at(at);
        let joined = |middle: &[char], rest: &[char]| before.iter().chain(middle).chain(rest).collect::<String>();
        for letter in letters {
            all.insert(joined(&[*letter], after));
            if let [_, rest @ ..] = after {
                all.insert(joined(&[*letter], rest));
            }
        }
        if let [first, rest @ ..] = after {
            all.insert(joined(&[], rest));
            if let [second, rest @ ..] = rest {
                all.insert(joined(&[*second, *first], rest));
            }
        }
    }
    all.remove(text);
    all
}

#[test]
fn every_single_edit_of_a_product_is_corrected() {
    let catalogue = Catalogue::embedded();
    let codes: BTreeSet<&str> = catalogue.products.keys().map(String::as_str).collect();
    let (mut right, mut ambiguous) = (0, BTreeSet::new());
    for code in &codes {
        for edit in edits(code, &['a', '7']).iter().filter(|edit| !codes.contains(edit.as_str())) {
            match nearest(edit, codes.iter().copied()) {
                Some(near) if near == *code => right += 1,
                // One edit may lead to another code as well, or be nearer to it.
                other => {
                    let letters: Vec<char> = edit.chars().collect();
                    let near = |name: &str| edits(name, &letters).iter().any(|it| it.eq_ignore_ascii_case(edit));
                    let rival =
                        codes.iter().any(|rival| rival != code && (near(rival) || rival.eq_ignore_ascii_case(edit)));
                    assert!(rival, "{edit}, an edit of {code}, is taken for {other:?}");
                    ambiguous.insert(edit.clone());
                }
            }
        }
    }
    assert!(right > 3000 && ambiguous.len() < right / 100, "{right} right, ambiguous {ambiguous:?}");
}

#[test]
fn product_of_other_case_is_corrected() {
    let told = found(&statement("server", "View*", "*"));
    assert_eq!(told, [("CP101", "`server` is not in the catalogue: did you mean `Server`?".to_owned())]);
    let told = found(&statement("QuantumBank", "View*", "*"));
    assert_eq!(told, [("CP101", "`QuantumBank` is not in the catalogue: compare it with the console".to_owned())]);
    assert_eq!(ids(&statement("*", "*", "*")), [""; 0]);
}

#[test]
fn documented_forms_of_actions_pass() {
    for action in ["*", "View*", "Change*", "View/getVPCList", "Change/createVPC2"] {
        assert_eq!(ids(&statement("VPC", action, "*")), [""; 0], "{action}");
    }
    for (action, near) in [
        ("view*", "did you mean `View*`?"),
        ("Veiw/getVPCList", "did you mean `View/getVPCList`?"),
        ("view/getVPCList", "did you mean `View/getVPCList`?"),
        ("Change/", "did you mean `Change*`?"),
        ("getVPCList", "use `View/<name>`"),
        ("View/get*", "use `View/<name>`"),
        ("View", "did you mean `View*`?"),
        ("VPC:View*", "use `View/<name>`"),
    ] {
        let told = found(&statement("VPC", action, "*"));
        assert!(told.len() == 1 && told[0].0 == "CP102" && told[0].1.contains(near), "{action}: {told:?}");
    }
}

#[test]
fn unit_that_no_zone_grants_is_reported() {
    // The whole product in one zone, View* and Change* in another one.
    assert_eq!(ids(&statement("AutoScaling", "View*", "*")), [""; 0]);
    let told = found(&statement("AutoScaling", "View/getX", "*"));
    assert!(told.len() == 1 && told[0].0 == "CP103" && told[0].1.contains("only by `View*` and `Change*`"), "{told:?}");
    let told = found(&statement("CloudHadoop", "View*", "*"));
    assert!(told.len() == 1 && told[0].0 == "CP103" && told[0].1.contains("as a whole: write `*`"), "{told:?}");
    assert_eq!(ids(&statement("NAS", "View/getX", "*")), [""; 0]);
    assert_eq!(ids(&statement("VPCServer", "View/getX", "*")), [""; 0], "not known");
}

#[test]
fn resource_is_compared_with_product_and_types() {
    for nrn in [
        "*",
        "nrn:PUB:Server:KR:2942:Server/7449",
        "nrn:*:Server:*::*",
        "nrn:PUB:*:KR:2942:Server/7449",
        "nrn:PUB:Server:KR:2942:*/7449",
        "nrn:PUB:Server::2942:Server/a:b",
    ] {
        assert_eq!(ids(&statement("Server", "View*", nrn)), [""; 0], "{nrn}");
    }
    for (nrn, id, near) in [
        ("nrn:PUB:VPCServer:KR:2942:Server/7449", "CP107", "is a resource of VPCServer"),
        ("nrn:PUB:Server:KR:2942", "CP110", "six parts"),
        ("arn:aws:iam::123:user/x", "CP110", "six parts"),
        ("nrn:PUB:Server:KR:2942:Sever/7449", "CP111", "did you mean `Server`?"),
        ("nrn:PUB:Server:KR:2942:Bucket/7449", "CP111", "Server has "),
    ] {
        let told = found(&statement("Server", "View*", nrn));
        assert!(told.len() == 1 && told[0].0 == id && told[0].1.contains(near), "{nrn}: {told:?}");
    }
}

#[test]
fn condition_keys_with_names_of_users_are_known() {
    let with = |operator: &str, key: &str| {
        let mut all = statement("Server", "View*", "*");
        all[0]["condition"] = json!({ operator: { key: ["x"] } });
        found(&all)
    };
    for (operator, key) in [
        ("StringEquals", "ncp:principalName"),
        ("StringLikeIfExists", "ncp:principalId"),
        ("Null", "ncp:resourceTag/team"),
        ("StringEquals", "ncp:requestTag/팀"),
    ] {
        assert_eq!(with(operator, key), [], "{operator} {key}");
    }
    for (operator, key, id, near) in [
        ("StringEquals", "ncp:resourceTag/", "CP108", "write a name behind it"),
        ("StringEquals", "aws:SourceIp", "CP108", "compare it with the documentation"),
        ("StringEquals", "ncp:principalname", "CP108", "did you mean `ncp:principalName`?"),
        ("StringEqual", "ncp:principalName", "CP109", "did you mean `StringEquals`?"),
        ("DateLessThan", "ncp:principalName", "CP109", "compare it with the documentation"),
    ] {
        let told = with(operator, key);
        assert!(told.len() == 1 && told[0].0 == id && told[0].1.contains(near), "{operator} {key}: {told:?}");
    }
}

#[test]
fn one_of_several_targets_without_effect_is_named() {
    let target = |action: &str| json!({ "product": "Server", "actions": [action], "resourceNrns": ["*"] });
    let spec = json!({ "policyName": "abc", "permissions": [
        { "effect": "Allow", "targets": [target("View*"), target("View/getServerInstanceList")] },
    ]});
    let found = of(&serde_json::from_value(spec).unwrap(), Catalogue::embedded());
    let idle: Vec<_> = found.iter().filter(|it| it.rule.id == "CP104").map(|it| it.field.as_str()).collect();
    assert_eq!(idle, ["spec.ncloud.permissions[0].targets[1]"]);
}
