//! Generated objects, their policies, and what is upstream before and between.

use crate::support::manifests::{ncloud_policy, network_policy, spaceone_policy};
use crate::support::test_env::TestEnv;
use cloud_policy_simulator::ncloud::NewPolicy;
use cloud_policy_simulator::spaceone::{StoredNetworkPolicy, StoredPolicy};
use serde_json::{Value, json};

const ACTIONS: [&str; 5] = ["View*", "View/getServerInstanceList", "Change*", "Change/startServerInstances", "*"];
const NRNS: [&str; 3] = ["*", "nrn:PUB:Server:KR:1:Server/1", "nrn:PUB:Server:KR:*:*"];
const PERMISSIONS: [&str; 6] = [
    "inventory.*",
    "inventory.Server.*",
    "inventory.Server.list",
    "identity.User.list",
    "*.Server.get",
    "repository.Policy.?et",
];

/// The same numbers in each run.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    pub fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }

    pub fn some(&mut self, of: &[&str]) -> Vec<String> {
        let mut chosen: Vec<String> = of.iter().filter(|_| self.below(2) == 0).map(|it| (*it).to_owned()).collect();
        if chosen.is_empty() {
            chosen.push(self.one(of).to_owned());
        }
        chosen
    }
}

/// What is upstream under the name of an object before it is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Alike,
    Different,
    OfAnother,
    LeftBehind,
}

/// The collection of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ncloud,
    Spaceone,
    Network,
}

/// One object.
#[derive(Debug)]
pub struct Case {
    pub manifest: Value,
    kind: Kind,
    before: Before,
    changed: &'static str,
}

impl Case {
    /// Generates the cases of a round.
    pub fn all(dice: &mut Dice, round: usize, each: usize, zones: &[String]) -> Vec<Self> {
        let mut all = Vec::new();
        for at in 0..each {
            for (kind, letter) in [(Kind::Ncloud, "n"), (Kind::Spaceone, "s"), (Kind::Network, "w")] {
                let name = format!("{letter}-{round}-{at}");
                let mut manifest = match kind {
                    Kind::Ncloud => ncloud_policy(&name),
                    Kind::Spaceone => spaceone_policy(&name),
                    Kind::Network => network_policy(&name, &zones[0]),
                };
                policies(dice, &mut manifest["spec"]);
                edit(dice, kind, &mut manifest["spec"]);
                manifest["spec"]["interval"] = json!("24h");
                let before = [Before::Nothing, Before::Alike, Before::Different, Before::OfAnother, Before::LeftBehind];
                // Names of network policies are not unique, so none has one before it.
                let before = if kind == Kind::Network { Before::Nothing } else { before[dice.below(before.len())] };
                all.push(Self { manifest, kind, before, changed: "" });
            }
        }
        all
    }

    pub fn name(&self) -> &str {
        self.manifest["metadata"]["name"].as_str().unwrap()
    }

    /// Returns another object.
    pub fn other(&self) -> Value {
        let mut other = self.manifest.clone();
        other["metadata"]["name"] = json!("other");
        other
    }

    fn owner(&self, cluster: &str) -> Option<String> {
        match self.before {
            Before::Nothing | Before::Alike | Before::Different => None,
            Before::OfAnother => Some("elsewhere_uid".to_owned()),
            Before::LeftBehind => Some(format!("{cluster}_00000000-0000-0000-0000-000000000000")),
        }
    }

    /// Puts upstream what is there before the object.
    pub fn prepare(&self, env: &TestEnv, cluster: &str) {
        if self.before == Before::Nothing {
            return;
        }
        let (owner, differs) = (self.owner(cluster), self.before == Before::Different);
        match self.kind {
            Kind::Ncloud => {
                let block = &self.manifest["spec"]["ncloud"];
                let mut tags: std::collections::BTreeMap<String, String> =
                    serde_json::from_value(block["tags"].clone()).unwrap_or_default();
                tags.extend(owner.map(|owner| ("cloudpolicy-owner".to_owned(), owner)));
                let description =
                    if differs { Some("other".to_owned()) } else { block["description"].as_str().map(str::to_owned) };
                env.ncloud.add_policy(NewPolicy {
                    policy_name: self.name().to_owned(),
                    description,
                    permissions: serde_json::from_value(block["permissions"].clone()).unwrap(),
                    tags,
                });
            }
            Kind::Spaceone => {
                let block = &self.manifest["spec"]["spaceone"];
                let mut policy = StoredPolicy { policy_id: self.name().to_owned(), ..StoredPolicy::default() };
                policy.name = if differs { "other".to_owned() } else { block["name"].as_str().unwrap().to_owned() };
                policy.permissions = serde_json::from_value(block["permissions"].clone()).unwrap();
                policy.labels = block["labels"].as_array().cloned().unwrap_or_default();
                policy.tags = block["tags"].as_object().cloned().unwrap_or_default();
                if let Some(owner) = owner {
                    policy.tags.insert("cloudpolicy_owner".to_owned(), json!(owner));
                }
                env.spaceone.add_policy(policy);
            }
            Kind::Network => {}
        }
    }

    /// Changes the spec, the upstream object, or both.
    pub fn change(&mut self, dice: &mut Dice, env: &TestEnv) {
        let spec = dice.below(3) == 0;
        let upstream = dice.below(3);
        if spec {
            edit(dice, self.kind, &mut self.manifest["spec"]);
        }
        if dice.below(4) == 0 {
            let connection = self.manifest["spec"]["connectionRef"].clone();
            policies(dice, &mut self.manifest["spec"]);
            self.manifest["spec"]["connectionRef"] = connection;
        }
        self.changed = match (spec, upstream) {
            (_, 1) => "upstream edited",
            (_, 2) if dice.below(3) == 0 => "upstream deleted",
            (true, _) => "spec edited",
            (false, _) => "",
        };
        self.disturb(dice, env);
    }

    fn disturb(&self, dice: &mut Dice, env: &TestEnv) {
        let (deletes, edits) = (self.changed == "upstream deleted", self.changed == "upstream edited");
        match self.kind {
            Kind::Ncloud => {
                let Some(policy) = env.ncloud.policy_named(self.name()) else { return };
                if deletes {
                    env.ncloud.remove_policy(&policy.policy_id);
                } else if edits {
                    let (actions, what) = (dice.some(&ACTIONS), dice.below(3));
                    env.ncloud.edit_policy(&policy.policy_id, |policy| match what {
                        0 => policy.description = Some("drift".to_owned()),
                        1 => policy.permissions[0].targets[0].actions = actions,
                        _ => drop(policy.tags.insert("drift".to_owned(), "x".to_owned())),
                    });
                }
            }
            Kind::Spaceone if deletes => drop(env.spaceone.remove_policy(self.name())),
            Kind::Spaceone if edits => {
                let (permissions, what) = (dice.some(&PERMISSIONS), dice.below(3));
                env.spaceone.edit_policy(self.name(), |policy| match what {
                    0 => "drift".clone_into(&mut policy.name),
                    1 => policy.permissions = permissions,
                    _ => drop(policy.tags.insert("drift".to_owned(), json!(1))),
                });
            }
            Kind::Network if deletes || edits => {
                let all = env.spaceone.network_policies();
                let Some(own) = all.iter().find(|it| is_of(it, self.name())) else { return };
                if deletes {
                    env.spaceone.remove_network_policy(&own.network_policy_id);
                } else {
                    env.spaceone.edit_network_policy(&own.network_policy_id, |it| it.dns = vec!["10.9.9.9".to_owned()]);
                }
            }
            Kind::Spaceone | Kind::Network => {}
        }
    }

    /// Removes what may be left upstream.
    pub fn clear(&self, env: &TestEnv) {
        if let Some(policy) = env.ncloud.policy_named(self.name()) {
            env.ncloud.remove_policy(&policy.policy_id);
        }
        env.spaceone.remove_policy(self.name());
        for it in env.spaceone.network_policies().iter().filter(|it| is_of(it, self.name())) {
            env.spaceone.remove_network_policy(&it.network_policy_id);
        }
    }
}

/// Returns whether a stored network policy is that of a case. Its name begins with that of the object.
fn is_of(stored: &StoredNetworkPolicy, name: &str) -> bool {
    stored.name.split(' ').next() == Some(name)
}

/// Chooses the policies.
fn policies(dice: &mut Dice, spec: &mut Value) {
    spec["managementPolicy"] = json!(dice.one(&["Full", "Full", "Full", "CreateOnly", "Observe"]));
    spec["adoptionPolicy"] = json!(dice.one(&["Never", "IfIdentical", "Always"]));
    spec["driftPolicy"] = json!(dice.one(&["Correct", "Correct", "Report"]));
    spec["recreatePolicy"] = json!(dice.one(&["Never", "WhenRequired"]));
    spec["deletionPolicy"] = json!(dice.one(&["Delete", "Delete", "Orphan"]));
}

/// Changes the content.
fn edit(dice: &mut Dice, kind: Kind, spec: &mut Value) {
    let number = dice.below(1000);
    match kind {
        Kind::Ncloud => {
            let block = &mut spec["ncloud"];
            block["description"] = json!(format!("d{number}"));
            let target = &mut block["permissions"][0]["targets"][0];
            target["actions"] = json!(dice.some(&ACTIONS));
            target["resourceNrns"] = json!(dice.some(&NRNS));
            if dice.below(2) == 0 {
                block["tags"] = json!({ "team": dice.one(&["a", "b", "c"]), "size": format!("{number}") });
            }
        }
        Kind::Spaceone => {
            let block = &mut spec["spaceone"];
            block["name"] = json!(format!("Viewer {number}"));
            block["permissions"] = json!(dice.some(&PERMISSIONS));
            block["labels"] = json!(dice.some(&["x", "y"]));
            block["tags"] = json!({ "level": number });
        }
        Kind::Network => {
            let block = &mut spec["spaceone"];
            let own = block["name"].as_str().unwrap().split(' ').next().unwrap().to_owned();
            block["name"] = json!(format!("{own} {number}"));
            block["dns"] = json!([format!("10.0.{}.{}", number % 250, number % 200)]);
            if dice.below(2) == 0 {
                block["pinnedKeys"] = json!(dice.some(&["name", "dns"]));
            }
        }
    }
}
