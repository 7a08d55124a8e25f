//! Connections that lead elsewhere: another endpoint, account or domain. An object that is not at the new place was not
//! deleted, so the operator creates nothing there, says where the object is recorded, and waits for a human.

use crate::support::connection_helpers::connection_is;
use crate::support::test_env::{
    Kind, TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::{Connection, NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::Operation;
use cloud_policy_simulator::ncloud::{self, Ncloud};
use cloud_policy_simulator::spaceone::{self, Spaceone};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

/// Long enough for two intervals of every object and one check of every connection.
const A_WHILE: Duration = Duration::from_millis(2500);

async fn other_account() -> Ncloud {
    Ncloud::start(ncloud::Options { seed: 7, ..ncloud::Options::default() }).await.unwrap()
}

/// Makes a connection lead to this endpoint.
async fn lead_to(env: &TestEnv, connection: &str, url: &str) {
    let provider = if connection.starts_with("ncloud") { "ncloud" } else { "spaceone" };
    env.patch::<Connection>(connection, json!({ "spec": { provider: { "endpoint": url } } })).await;
}

fn message<K: Kind + Managed>(object: &K) -> String {
    condition(&common(object), "Ready").unwrap().message.clone()
}

fn with(mut object: Value, field: &str, value: &str) -> Value {
    object["spec"][field] = json!(value);
    object
}

async fn annotate(env: &TestEnv, name: &str, annotation: &str, value: &str) {
    env.patch::<Policy>(name, json!({ "metadata": { "annotations": { annotation: value } } })).await;
}

#[tokio::test]
async fn object_waits_when_connection_leads_to_other_account() {
    let mut env = TestEnv::new("moved").await;
    let other = other_account().await;
    env.apply(ncloud_policy("plain")).await;
    env.apply(with(ncloud_policy("reported"), "driftPolicy", "Report")).await;
    env.apply(with(ncloud_policy("created-only"), "managementPolicy", "CreateOnly")).await;
    env.apply(with(ncloud_policy("eager"), "adoptionPolicy", "Always")).await;
    let names = ["plain", "reported", "created-only", "eager"];
    let mut ids = Vec::new();
    for name in names {
        ids.push(upstream_id(&env.ready::<Policy>(name).await));
    }
    let (old, new) = (env.ncloud.url(), other.url());
    lead_to(&env, "ncloud", &new).await;
    for restart in [false, true] {
        for (name, id) in names.iter().zip(&ids) {
            let seen: Policy = env.reason(name, "AccountChanged").await;
            let told = message(&seen);
            assert!([&old, &new, id].iter().all(|word| told.contains(*word)), "{told}");
            let record = common(&seen).upstream.unwrap();
            assert_eq!((record.endpoint.as_str(), record.id.as_ref()), (old.as_str(), Some(id)));
        }
        let told = connection_is(&env, "ncloud", "AccountChanged").await;
        assert!(told.starts_with("4 of the objects"), "{told}");
        assert_eq!(env.get::<Connection>("ncloud").await.status.unwrap().recorded_elsewhere, Some(4));
        if !restart {
            env.crash();
            env.start(|_| {});
            sleep(A_WHILE).await;
        }
    }
    assert!(other.policies().is_empty() && other.journal().writes().is_empty());
    let events = env.events("plain").await;
    assert!(events.iter().all(|(_, note)| !note.contains("deleted")), "{events:?}");

    env.ncloud.journal().clear();
    lead_to(&env, "ncloud", &old).await;
    for (name, id) in names.iter().zip(&ids) {
        assert_eq!(upstream_id(&env.ready::<Policy>(name).await), *id);
    }
    connection_is(&env, "ncloud", "Authenticated").await;
    assert_eq!(env.get::<Connection>("ncloud").await.status.unwrap().recorded_elsewhere, None);
    assert!(env.ncloud.journal().writes().is_empty(), "it is the same object as before");
}

#[tokio::test]
async fn spaceone_objects_wait_when_connection_leads_elsewhere() {
    let env = TestEnv::new("moved-one").await;
    let other = Spaceone::start(spaceone::Options { seed: 7, ..spaceone::Options::default() }).await.unwrap();
    env.apply(spaceone_policy("rights")).await;
    env.apply(network_policy("net", &env.spaceone.zone_ids()[0])).await;
    let rights = upstream_id(&env.ready::<Policy>("rights").await);
    let net = upstream_id(&env.ready::<NetworkPolicy>("net").await);
    let old = env.get::<Connection>("spaceone").await;
    env.connect_spaceone("spaceone", &other.url(), "Rest", &other.domain_id(), &other.token()).await;
    let told = message(&env.reason::<Policy>("rights", "AccountChanged").await);
    assert!(told.contains(&env.spaceone.domain_id()) && told.contains(&other.domain_id()), "{told}");
    env.reason::<NetworkPolicy>("net", "AccountChanged").await;
    sleep(A_WHILE).await;
    assert!(other.journal().writes().is_empty());

    // The other domain of the same servers.
    let domain = env.spaceone.other_domain_id();
    env.connect_spaceone("spaceone", &env.spaceone.url(), "Rest", &domain, &env.spaceone.other_token()).await;
    connection_is(&env, "spaceone", "AccountChanged").await;
    env.reason::<Policy>("rights", "AccountChanged").await;
    env.reason::<NetworkPolicy>("net", "AccountChanged").await;
    sleep(A_WHILE).await;
    assert_eq!(env.spaceone.journal().effects(Operation::Create), 2);

    env.secret("spaceone", &[("token", &env.spaceone.token())]).await;
    env.connection("spaceone", serde_json::to_value(old.spec).unwrap()).await;
    assert_eq!(upstream_id(&env.ready::<Policy>("rights").await), rights);
    assert_eq!(upstream_id(&env.ready::<NetworkPolicy>("net").await), net);
    assert_eq!(env.spaceone.journal().effects(Operation::Create), 2);
}

#[tokio::test]
async fn other_account_is_noticed_behind_the_same_endpoint() {
    let mut env = TestEnv::new("moved-key").await;
    env.apply(ncloud_policy("kept")).await;
    let id = upstream_id(&env.ready::<Policy>("kept").await);
    let listen = env.ncloud.url().trim_start_matches("http://").parse().unwrap();
    // An account without any policy cannot even show its number.
    let empty = Ncloud::start(ncloud::Options { member_number: "77".to_owned(), ..ncloud::Options::default() });
    drop(std::mem::replace(&mut env.ncloud, empty.await.unwrap()));
    env.crash();
    let options = ncloud::Options {
        listen,
        member_number: "77".to_owned(),
        seed: 7,
        access_key: "OTHERACCESSKEY000001".to_owned(),
        ..ncloud::Options::default()
    };
    env.ncloud = Ncloud::start(options).await.unwrap();
    let (access, secret) = (env.ncloud.access_key(), env.ncloud.secret_key());
    env.secret("ncloud", &[("accessKey", &access), ("secretKey", &secret)]).await;
    env.start(|_| {});
    env.reason::<Policy>("kept", "AccountChanged").await;
    env.apply(ncloud_policy("new")).await;
    env.ready::<Policy>("new").await;
    sleep(A_WHILE).await;
    let told = message(&env.reason::<Policy>("kept", "AccountChanged").await);
    assert!(told.contains("#77, which is another account") && told.contains(&id), "{told}");
    assert_eq!(env.ncloud.policies().len(), 1);
}

#[tokio::test]
async fn policy_is_created_again_after_restart_in_empty_account() {
    let mut env = TestEnv::new("moved-not").await;
    env.apply(ncloud_policy("only")).await;
    let id = upstream_id(&env.ready::<Policy>("only").await);
    env.until("ncloud", "shown with its account", |connection: &Connection| {
        let account = connection.status.clone().unwrap_or_default().account;
        anyhow::ensure!(account.is_some(), "{account:?}");
        Ok(())
    })
    .await;
    env.crash();
    env.ncloud.remove_policy(&id);
    env.start(|_| {});
    env.eventually("the policy to be there again", || env.ncloud.policies().len() == 1).await;
    env.until("only", "recorded under another id", |object: &Policy| {
        let recorded = common(object).upstream.and_then(|upstream| upstream.id);
        anyhow::ensure!(recorded.as_ref().is_some_and(|recorded| *recorded != id), "{recorded:?}");
        Ok(())
    })
    .await;
    env.ready::<Policy>("only").await;
}

fn at_localhost<K: Managed + Kind>(object: &K) -> anyhow::Result<()> {
    let endpoint = common(object).upstream.unwrap().endpoint;
    anyhow::ensure!(endpoint.contains("localhost"), "{endpoint}");
    Ok(())
}

#[tokio::test]
async fn record_follows_upstream_to_another_address_silently() {
    let env = TestEnv::with("moved-name", |settings| {
        settings.endpoints.allowed_hosts.push("localhost".parse().unwrap());
    })
    .await;
    env.apply(ncloud_policy("same")).await;
    env.apply(spaceone_policy("same-one")).await;
    env.apply(network_policy("same-net", &env.spaceone.zone_ids()[0])).await;
    env.ready::<Policy>("same").await;
    env.ready::<Policy>("same-one").await;
    env.ready::<NetworkPolicy>("same-net").await;
    let (events, writes) = (env.events("same").await, env.spaceone.journal().writes().len());
    let (ncloud, spaceone) = (env.ncloud.url(), env.spaceone.url());
    lead_to(&env, "ncloud", &ncloud.replace("127.0.0.1", "localhost")).await;
    lead_to(&env, "spaceone", &spaceone.replace("127.0.0.1", "localhost")).await;
    env.until("same", "recorded there", at_localhost::<Policy>).await;
    env.until("same-one", "recorded there", at_localhost::<Policy>).await;
    env.until("same-net", "recorded there", at_localhost::<NetworkPolicy>).await;
    env.ready::<Policy>("same").await;
    assert_eq!(env.events("same").await, events);
    assert_eq!((env.ncloud.journal().writes().len(), env.spaceone.journal().writes().len()), (1, writes));
}

#[tokio::test]
async fn deletion_waits_when_connection_leads_elsewhere() {
    let env = TestEnv::new("moved-gone").await;
    let other = other_account().await;
    for name in ["deleted", "forced"] {
        env.apply(ncloud_policy(name)).await;
        env.ready::<Policy>(name).await;
    }
    let old = env.ncloud.url();
    lead_to(&env, "ncloud", &other.url()).await;
    for name in ["deleted", "forced"] {
        env.reason::<Policy>(name, "AccountChanged").await;
        env.delete::<Policy>(name).await;
    }
    sleep(A_WHILE).await;
    let told = message(&env.reason::<Policy>("deleted", "AccountChanged").await);
    assert!(told.contains(&old) && told.contains("cloudpolicy.dev/force-orphan=true"), "{told}");
    annotate(&env, "forced", "cloudpolicy.dev/force-orphan", "true").await;
    env.gone::<Policy>("forced").await;
    let events = env.events("forced").await;
    let (_, note) = events.iter().find(|(reason, _)| reason == "Orphaned").unwrap();
    assert!(note.contains(&old) && note.contains("Its owner tag stays: "), "{note}");
    assert_eq!(env.ncloud.policies().len(), 2);

    lead_to(&env, "ncloud", &old).await;
    env.gone::<Policy>("deleted").await;
    let left: Vec<String> = env.ncloud.policies().into_iter().map(|policy| policy.policy_name).collect();
    assert_eq!(left, ["forced"]);
    assert!(other.journal().writes().is_empty());
}

#[tokio::test]
async fn annotation_gives_up_the_recorded_object_once() {
    let env = TestEnv::new("moved-release").await;
    let other = other_account().await;
    env.apply(ncloud_policy("settler")).await;
    let id = upstream_id(&env.ready::<Policy>("settler").await);
    let old = env.ncloud.url();
    let place = format!("{old}#{}", ncloud::Options::default().member_number);
    lead_to(&env, "ncloud", &other.url()).await;
    let told = message(&env.reason::<Policy>("settler", "AccountChanged").await);
    assert!(told.contains(&format!("cloudpolicy.dev/release-upstream={place}:")), "{told}");
    annotate(&env, "settler", "cloudpolicy.dev/release-upstream", "https://elsewhere#1").await;
    sleep(A_WHILE).await;
    assert!(other.policies().is_empty(), "the annotation names another place");

    annotate(&env, "settler", "cloudpolicy.dev/release-upstream", &place).await;
    let settled = upstream_id(&env.ready::<Policy>("settler").await);
    assert_ne!(settled, id);
    assert_eq!((env.ncloud.policies().len(), other.policies().len()), (1, 1));
    let orphaned =
        |(reason, note): &(String, String)| reason == "Orphaned" && note.contains(&id) && note.contains(&old);
    assert_eq!(env.events("settler").await.iter().filter(|event| orphaned(event)).count(), 1);
    let counted = "cloud_policy_orphans_total{kind=\"Policy\",reason=\"account_changed\"} 1";
    assert!(env.metrics().contains(counted), "{}", env.metrics());

    lead_to(&env, "ncloud", &old).await;
    env.reason::<Policy>("settler", "AccountChanged").await;
    sleep(A_WHILE).await;
    assert_eq!(common(&env.get::<Policy>("settler").await).upstream.unwrap().id, Some(settled));
}
