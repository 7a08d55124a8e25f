//! Generated accounts of both simulators: names of several scripts, repeated and unordered lists, conditions, denials,
//! objects of other owners, and objects that no spec can describe.

use crate::plan::agrees::cases::Dice;
use cloud_policy_simulator::ncloud::{Ncloud, NewPolicy};
use cloud_policy_simulator::spaceone::{Spaceone, StoredNetworkPolicy, StoredPolicy};
use serde_json::{Map, Value, json};

const NAMES: [&str; 6] = ["team-a-viewer", "서버-뷰어", "Server.View_", "テスト정책", "on", "한글.a-"];
const ACTIONS: [&str; 5] = ["View*", "View/getServerInstanceList", "Change*", "Change/startServerInstances", "*"];
const NRNS: [&str; 4] = ["*", "nrn:PUB:Server:KR:1:Server/1", "nrn:PUB:Server:KR:*:*", "nrn:*:Server:*::*"];
const PERMISSIONS: [&str; 6] = ["inventory.*", "inventory.Server.list", "*", "identity.User.?et", "*.Server.get", "on"];
const TEXTS: [&str; 8] = ["", "plain", "서버 읽기: #1", "yes", "0x1F", "a\nb\t\"c\"", " lead", "1e3"];

/// Fills the simulators.
pub fn fill(dice: &mut Dice, ncloud: &Ncloud, spaceone: &Spaceone, each: usize) {
    for at in 0..each {
        ncloud.add_policy(policy(dice, at));
        spaceone.add_policy(repository_policy(dice, at));
        spaceone.add_network_policy(network_policy(dice, &spaceone.zone_ids()));
    }
}

/// Returns the owner tag of one object in five.
fn owner(dice: &mut Dice) -> Option<String> {
    (dice.below(5) == 0).then(|| "elsewhere_0000".to_owned())
}

fn repeated(dice: &mut Dice, of: &[&str]) -> Vec<String> {
    let mut all = dice.some(of);
    all.reverse();
    let again = all[dice.below(all.len())].clone();
    all.extend((dice.below(2) == 0).then_some(again));
    all
}

fn policy(dice: &mut Dice, at: usize) -> NewPolicy {
    let mut targets = Vec::new();
    for product in dice.some(&["VPC", "Server", "Monitoring"]) {
        targets.push(json!({
            "product": product, "actions": repeated(dice, &ACTIONS), "resourceNrns": repeated(dice, &NRNS),
        }));
    }
    let mut permissions = vec![json!({ "effect": "Allow", "targets": targets })];
    if dice.below(3) == 0 {
        permissions.push(json!({ "effect": "Deny", "targets": [targets[0]] }));
    }
    if dice.below(2) == 0 {
        let values = repeated(dice, &["b", "서", "*", "null"]);
        permissions[0]["condition"] =
            json!({ "StringEquals": { "ncp:principalName": values }, "Null": { "k": ["true"] } });
    }
    let mut policy = NewPolicy {
        policy_name: format!("{}{at}", dice.one(&NAMES)),
        description: Some(dice.one(&TEXTS).to_owned()).filter(|_| dice.below(3) > 0),
        permissions: serde_json::from_value(Value::from(permissions)).unwrap(),
        ..NewPolicy::default()
    };
    for key in dice.some(&["team", "한글", "on"]) {
        policy.tags.insert(key, dice.one(&TEXTS[1..]).to_owned());
    }
    policy.tags.extend(owner(dice).map(|owner| ("cloudpolicy-owner".to_owned(), owner)));
    match dice.below(12) {
        // A spec can describe neither.
        0 => policy.description = Some("가".repeat(101)),
        1 => policy.tags.extend((0..20).map(|number| (format!("k{number}"), "v".to_owned()))),
        _ => {}
    }
    policy
}

/// Returns tags of any form.
fn tags(dice: &mut Dice) -> Map<String, Value> {
    let mut tags = Map::new();
    for key in dice.some(&["owner", "한글", "no", "~"]) {
        let text = dice.one(&TEXTS).to_owned();
        let value = [json!(text), json!(dice.below(9)), json!(1.5), json!([text, null]), json!({ "a": { "b": text } })];
        tags.insert(key, value[dice.below(value.len())].clone());
    }
    tags
}

fn repository_policy(dice: &mut Dice, at: usize) -> StoredPolicy {
    let id = if dice.below(12) == 0 { format!("Viewer_{at}") } else { format!("viewer-{at}") };
    let mut policy = StoredPolicy { policy_id: id, name: dice.one(&TEXTS[1..]).to_owned(), ..StoredPolicy::default() };
    policy.permissions = repeated(dice, &PERMISSIONS);
    if dice.below(2) == 0 {
        policy.labels = repeated(dice, &["b", "a", "한글"]).into_iter().map(Value::from).collect();
        policy.tags = tags(dice);
    }
    if dice.below(4) == 0 {
        "project-0123456789ab".clone_into(&mut policy.project_id);
    }
    if dice.below(10) == 0 {
        "DISABLED".clone_into(&mut policy.state);
    }
    policy.tags.extend(owner(dice).map(|owner| ("cloudpolicy_owner".to_owned(), json!(owner))));
    policy
}

fn network_policy(dice: &mut Dice, zones: &[String]) -> StoredNetworkPolicy {
    let text = |dice: &mut Dice| dice.one(&["a", "on", "가"]).to_owned();
    let route = |cidr: &str| json!({ "cidr": cidr, "destination": "10.0.0.1", "interface": "eth0" });
    let routes = repeated(dice, &["10.1.0.0/16", "10.0.0.0/16", "2001:db8::/32"]);
    let dns = dice.some(&["10.0.0.2", "2001:DB8::2", "10.0.0.1"]);
    let mut value = json!({
        // Names are not unique.
        "name": format!("net {}", text(dice)),
        "zone_id": zones[dice.below(zones.len())],
        "routing_tables": routes.iter().map(|cidr| route(cidr)).collect::<Vec<_>>(),
        "dns": dns,
        "tags": tags(dice),
    });
    if dice.below(2) == 0 {
        value["data"] = json!({ "by-hand": { "a": text(dice) }, "collected": [1] });
        value["update_history"] = json!([{ "key": "data.by-hand", "updated_at": 1 }]);
    }
    if dice.below(2) == 0 {
        value["reference"] = json!({ "resource_id": "vpc-1", "external_link": "https://example.com/?a=1&b=#c" });
        value["metadata"] = if dice.below(4) == 0 { json!({ "breaks": 1 }) } else { json!({ "note": "text" }) };
    }
    if dice.below(3) == 0 {
        value["pinned_keys"] = json!(dice.some(&["name", "dns", "tags"]));
    }
    let mut policy = stored(value);
    policy.tags.extend(owner(dice).map(|owner| ("cloudpolicy_owner".to_owned(), json!(owner))));
    policy
}

fn stored(value: Value) -> StoredNetworkPolicy {
    serde_json::from_value(value).unwrap()
}
