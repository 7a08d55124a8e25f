//! Deletion of `SpaceONE` policies that roles hold. A role keeps the permissions of a policy that was deleted, so the
//! operator asks for the roles first.

use super::from_status::blocked;
use crate::ownership::hidden_refusals::is_refused;
use crate::ownership::lost_finalizers::only_triggers;
use crate::security::tenants::write_status;
use crate::support;
use crate::support::spaceone_contract::ContractClient;
use crate::support::test_env::{TestEnv, spaceone_policy};
use cloud_policy::api::Policy;
use cloud_policy::controller::Settings;
use cloud_policy_simulator::spaceone::{RoleAccess, RolePolicy, StoredPolicy, StoredRole};
use cloud_policy_simulator::{Action, Collection, Fault, Lag, Operation};
use cloud_policy_testbed::{Era, Spaceone};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use std::time::Duration;

fn role(name: &str, policies: Vec<RolePolicy>) -> StoredRole {
    StoredRole { name: name.to_owned(), policies, ..StoredRole::default() }
}

async fn with_policy(name: &str) -> TestEnv {
    let env = TestEnv::new(name).await;
    env.apply(spaceone_policy(name)).await;
    env.ready::<Policy>(name).await;
    env
}

async fn confirm(env: &TestEnv, name: &str) {
    let annotations = json!({ "cloudpolicy.dev/confirm-delete": "true" });
    env.patch::<Policy>(name, json!({ "metadata": { "annotations": annotations } })).await;
}

#[tokio::test]
async fn policy_deletion_is_blocked_while_role_holds_policy() {
    let env = with_policy("role-held").await;
    let namesake = env.spaceone.add_role(role("namesake", vec![RolePolicy::custom("role-held")]));
    let id = env.spaceone.add_role(role("Auditors", vec![RolePolicy::managed("role-held")]));
    env.delete::<Policy>("role-held").await;
    let message = blocked::<Policy>(&env, "role-held", "InUse").await;
    assert!(message.contains(&format!("role Auditors ({id})")) && !message.contains(&namesake), "{message}");
    assert_eq!(env.spaceone.policies().len(), 1);
    assert!(env.spaceone.edit_role(&id, |role| role.policies.clear()));
    env.gone::<Policy>("role-held").await;
    assert!(env.spaceone.policies().is_empty());
}

/// The filter of the identity service does not find such a role.
#[tokio::test]
async fn policy_deletion_sees_roles_of_older_releases() {
    let env = with_policy("role-old").await;
    let old = StoredRole { is_old: true, ..role("Old", vec![RolePolicy::managed("role-old")]) };
    let id = env.spaceone.add_role(old);
    env.delete::<Policy>("role-old").await;
    let message = blocked::<Policy>(&env, "role-old", "InUse").await;
    assert!(message.contains(&id), "{message}");
}

#[tokio::test]
async fn policy_deletion_is_blocked_while_roles_are_unknown() {
    for (name, access) in [("role-denied", RoleAccess::Denied), ("role-absent", RoleAccess::Absent)] {
        let env = with_policy(name).await;
        env.spaceone.set_options(|switches| switches.roles = access);
        env.delete::<Policy>(name).await;
        let message = blocked::<Policy>(&env, name, "UsersUnknown").await;
        assert!(message.contains("identity.Role.list") && message.contains("confirm-delete=true"), "{message}");
        assert_eq!(env.spaceone.policies().len(), 1);
        confirm(&env, name).await;
        env.gone::<Policy>(name).await;
        assert!(env.spaceone.policies().is_empty());
        let events = env.events(name).await;
        let told =
            |(reason, note): &(String, String)| reason == "UsersUnchecked" && note.contains("keeps its permissions");
        assert!(events.iter().any(told), "{events:?}");
    }
}

#[tokio::test]
async fn policy_deletion_continues_once_roles_can_be_listed() {
    let env = with_policy("role-permitted").await;
    env.spaceone.set_options(|switches| switches.roles = RoleAccess::Denied);
    env.delete::<Policy>("role-permitted").await;
    blocked::<Policy>(&env, "role-permitted", "UsersUnknown").await;
    env.spaceone.set_options(|switches| switches.roles = RoleAccess::Listed);
    env.gone::<Policy>("role-permitted").await;
    assert!(env.spaceone.policies().is_empty());
}

/// Another writer deleted the policy: the role keeps its copy.
#[tokio::test]
async fn deletion_names_roles_that_hold_a_deleted_policy() {
    let env = TestEnv::new("role-copy").await;
    let mut object = spaceone_policy("role-copy");
    object["spec"]["driftPolicy"] = json!("Report");
    env.apply(object).await;
    env.ready::<Policy>("role-copy").await;
    let id = env.spaceone.add_role(role("Auditors", vec![RolePolicy::managed("role-copy")]));
    assert!(env.spaceone.remove_policy("role-copy"));
    env.delete::<Policy>("role-copy").await;
    let message = blocked::<Policy>(&env, "role-copy", "InUse").await;
    assert!(message.contains(&id) && message.contains("keeps its permissions"), "{message}");
    assert!(env.spaceone.remove_role(&id));
    env.gone::<Policy>("role-copy").await;
}

/// Status does not name the policy, and the spec does.
#[tokio::test]
async fn deletion_names_roles_when_record_and_policy_are_lost() {
    let mut env = TestEnv::with("role-wiped", only_triggers).await;
    for name in ["role-wiped", "role-stripped"] {
        env.apply(spaceone_policy(name)).await;
        env.ready::<Policy>(name).await;
    }
    let held = ["role-wiped", "role-stripped"].map(RolePolicy::managed).to_vec();
    let id = env.spaceone.add_role(role("Auditors", held));
    env.stop().await;
    let stripped = json!({ "metadata": { "annotations": null } });
    env.patch::<Policy>("role-stripped", stripped).await;
    for name in ["role-wiped", "role-stripped"] {
        assert!(env.spaceone.remove_policy(name));
        write_status::<Policy>(&env, name, Value::Null).await;
        env.delete::<Policy>(name).await;
    }
    env.start(|settings| {
        only_triggers(settings);
        settings.slow_retry = Duration::from_secs(2);
    });
    for name in ["role-wiped", "role-stripped"] {
        let message = blocked::<Policy>(&env, name, "InUse").await;
        assert!(message.contains(&id) && message.contains("keeps its permissions"), "{message}");
    }
    assert!(env.spaceone.remove_role(&id));
    env.gone::<Policy>("role-wiped").await;
    env.gone::<Policy>("role-stripped").await;
}

/// The refused create took effect, and another writer deleted its policy before a search showed it.
#[tokio::test]
async fn deletion_names_roles_when_refused_create_took_effect() {
    let patient = |settings: &mut Settings| {
        only_triggers(settings);
        settings.create_grace = Duration::from_secs(3);
    };
    let env = TestEnv::with("role-refusal", patient).await;
    let lag = Lag { reads: Duration::from_secs(2), lists: Duration::from_secs(2), deletions: Duration::ZERO };
    env.spaceone.set_options(|switches| switches.lag = lag);
    let refused = Fault::on(Operation::Create).of(Collection::Policy).after(Action::status(400, "{}"));
    env.spaceone.faults().add(refused.times(2));
    let names = ["role-early", "role-renamed"];
    for name in names {
        env.apply(spaceone_policy(name)).await;
        is_refused::<Policy>(&env, name).await;
    }
    let id = env.spaceone.add_role(role("Auditors", names.map(RolePolicy::managed).to_vec()));
    for name in names {
        assert!(env.spaceone.remove_policy(name));
    }
    let renamed = json!({ "spec": { "suspend": true, "spaceone": { "policyId": "role-else" } } });
    env.patch::<Policy>("role-renamed", renamed).await;
    for name in names {
        env.delete::<Policy>(name).await;
    }
    for name in names {
        let message = blocked::<Policy>(&env, name, "InUse").await;
        assert!(message.contains(&id) && message.contains("keeps its permissions"), "{message}");
    }
}

/// Nothing of the object was ever upstream, so there is nothing to revoke.
#[tokio::test]
async fn deletion_needs_no_roles_when_nothing_was_created() {
    let patient = |settings: &mut Settings| {
        only_triggers(settings);
        settings.create_grace = Duration::from_secs(2);
    };
    let mut env = TestEnv::with("role-never", patient).await;
    env.spaceone.set_options(|switches| switches.roles = RoleAccess::Denied);
    let refused = Fault::on(Operation::Create).of(Collection::Policy).before(Action::status(400, "{}"));
    env.spaceone.faults().add(refused.forever());
    let names = ["role-never", "role-early", "role-restart"];
    for name in names {
        env.apply(spaceone_policy(name)).await;
        is_refused::<Policy>(&env, name).await;
        if name == "role-early" {
            env.delete::<Policy>(name).await;
            env.gone::<Policy>(name).await;
        }
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    env.delete::<Policy>("role-never").await;
    env.gone::<Policy>("role-never").await;
    env.crash();
    env.delete::<Policy>("role-restart").await;
    env.start(patient);
    env.gone::<Policy>("role-restart").await;
    for name in names {
        let events = env.events(name).await;
        assert!(!events.iter().any(|(reason, _)| reason == "UsersUnchecked"), "{events:?}");
    }
}

/// A role may keep what a policy granted that exists, or existed.
#[tokio::test]
async fn deletion_waits_for_roles_when_a_policy_existed() {
    let env = TestEnv::with("role-was", |settings| {
        only_triggers(settings);
        settings.create_grace = Duration::from_secs(3);
    })
    .await;
    env.spaceone.set_options(|switches| switches.roles = RoleAccess::Denied);
    let mut object = spaceone_policy("role-was");
    object["spec"]["driftPolicy"] = json!("Report");
    env.apply(object).await;
    env.ready::<Policy>("role-was").await;
    assert!(env.spaceone.remove_policy("role-was"));
    let lag = Lag { reads: Duration::from_secs(2), lists: Duration::from_secs(2), deletions: Duration::ZERO };
    env.spaceone.set_options(|switches| switches.lag = lag);
    let refused = Fault::on(Operation::Create).of(Collection::Policy).after(Action::status(400, "{}"));
    env.spaceone.faults().add(refused);
    env.apply(spaceone_policy("role-hidden")).await;
    env.eventually("the create", || !env.spaceone.policies().is_empty()).await;
    for name in ["role-was", "role-hidden"] {
        env.delete::<Policy>(name).await;
        blocked::<Policy>(&env, name, "UsersUnknown").await;
    }
    assert_eq!(env.spaceone.policies().len(), 1);
}

/// Neither status nor the spec names the policy: this process remembers it.
#[tokio::test]
async fn deletion_names_roles_when_status_and_name_are_changed() {
    let env = TestEnv::with("role-moved", only_triggers).await;
    env.apply(spaceone_policy("role-moved")).await;
    env.ready::<Policy>("role-moved").await;
    let id = env.spaceone.add_role(role("Auditors", vec![RolePolicy::managed("role-moved")]));
    env.patch::<Policy>("role-moved", json!({ "spec": { "suspend": true } })).await;
    env.reason::<Policy>("role-moved", "Suspended").await;
    assert!(env.spaceone.remove_policy("role-moved"));
    let renamed = Patch::Merge(json!({ "spec": { "spaceone": { "policyId": "role-else" } } }));
    // The operator puts the record back, so the change must be faster.
    let mut is_renamed = false;
    while !is_renamed {
        write_status::<Policy>(&env, "role-moved", Value::Null).await;
        is_renamed = env.api::<Policy>().patch("role-moved", &PatchParams::default(), &renamed).await.is_ok();
    }
    env.delete::<Policy>("role-moved").await;
    let message = blocked::<Policy>(&env, "role-moved", "InUse").await;
    assert!(message.contains(&id) && message.contains("keeps its permissions"), "{message}");
}

/// What only status or the annotation names may be an object of another tenant.
#[tokio::test]
async fn deletion_names_no_roles_that_hold_what_is_forged() {
    let mut env = TestEnv::with("role-forged", only_triggers).await;
    for name in ["role-status", "role-place", "role-refused"] {
        if name == "role-refused" {
            let foreign = StoredPolicy { policy_id: name.to_owned(), ..StoredPolicy::default() };
            env.spaceone.add_policy(foreign);
            env.apply(spaceone_policy(name)).await;
            env.reason::<Policy>(name, "Conflict").await;
        } else {
            env.apply(spaceone_policy(name)).await;
            env.ready::<Policy>(name).await;
        }
    }
    let held = ["role-other", "role-refused"].map(RolePolicy::managed).to_vec();
    env.spaceone.add_role(role("Auditors", held));
    env.stop().await;
    let other = json!({ "upstream": { "id": "role-other", "key": "role-other" } });
    write_status::<Policy>(&env, "role-status", other).await;
    let forged = |object: &Policy| {
        let annotation = object.metadata.annotations.as_ref().unwrap()["cloudpolicy.dev/recorded-upstream"].clone();
        json!({ "cloudpolicy.dev/recorded-upstream": annotation.replace("role-place", "role-other") })
    };
    let annotations = forged(&env.get::<Policy>("role-place").await);
    env.patch::<Policy>("role-place", json!({ "metadata": { "annotations": annotations } })).await;
    // Another finalizer keeps the object that was never created.
    let held = json!({ "metadata": { "finalizers": ["example.com/audit"] } });
    env.patch::<Policy>("role-refused", held).await;
    for name in ["role-status", "role-place", "role-refused"] {
        env.delete::<Policy>(name).await;
    }
    env.start(only_triggers);
    env.gone::<Policy>("role-status").await;
    env.gone::<Policy>("role-place").await;
    let message = blocked::<Policy>(&env, "role-refused", "Deleting").await;
    assert!(message.contains("The finalizers of others hold this object"), "{message}");
}

#[tokio::test]
async fn policy_deletion_waits_for_role_on_real_servers() {
    support::install_crypto();
    let servers = tokio::task::spawn_blocking(|| Spaceone::shared(Era::Rest)).await.unwrap().unwrap();
    let contract = ContractClient::of_real_servers(servers);
    let env = TestEnv::new("role-real").await;
    env.connect_spaceone("real", &contract.base, "Rest", &contract.domain, &contract.token).await;
    let id = format!("held-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    let mut object = spaceone_policy(&id);
    object["spec"]["connectionRef"]["name"] = json!("real");
    env.apply(object).await;
    env.ready::<Policy>(&id).await;
    let role = contract.create_role(&format!("role-{id}"), &id).await;
    env.delete::<Policy>(&id).await;
    let message = blocked::<Policy>(&env, &id, "InUse").await;
    assert!(message.contains(&role), "{message}");
    contract.delete_role(&role).await;
    env.gone::<Policy>(&id).await;
}
