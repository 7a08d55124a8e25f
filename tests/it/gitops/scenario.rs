//! Real objects in every phase of their lifecycle, evaluated by the real libraries.

use super::health_oracle::{Health, health_of};
use crate::support::installation::{Installation, Process, TENANT, operator_client};
use crate::support::manifests::{ncloud_policy, network_policy, spaceone_policy};
use cloud_policy_simulator::ncloud::{Assignee, PrincipalType};
use cloud_policy_simulator::{Action, Fault, Operation};
use cloud_policy_testbed::wait_for;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;
use std::time::Duration;

const LIMIT: Duration = Duration::from_mins(1);

/// One object of every kind and of every collection.
const OBJECTS: [(&str, &str); 5] = [
    ("Connection", "ncloud"),
    ("ClusterConnection", "spaceone"),
    ("Policy", "object-n"),
    ("Policy", "object-p"),
    ("NetworkPolicy", "object-w"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_follows_object_through_its_lifecycle() {
    let installation = Installation::new().await;
    installation.connect().await;
    populate(&installation).await;
    for (kind, name) in OBJECTS {
        let fresh = health(&installation, kind, name).await;
        assert_eq!(fresh.pair(), ("Progressing", "InProgress"), "{kind} {name}");
    }
    let long_grace =
        |settings: &mut cloud_policy::controller::Settings| settings.create_grace = Duration::from_mins(10);
    let process = Process::start(operator_client(&installation).await, long_grace).await;
    for (kind, name) in OBJECTS {
        becomes(&installation, (kind, name), ("Healthy", "Current"), &["UpToDate: ", "Authenticated: "]).await;
    }
    refused(&installation).await;
    suspended(&installation).await;
    creating(&installation).await;
    in_use(&installation).await;
    process.stop().await;
    edited(&installation).await;
}

async fn populate(installation: &Installation) {
    let shared = json!({ "kind": "ClusterConnection", "name": "spaceone" });
    let (mut policy, mut network) =
        (spaceone_policy("object-p"), network_policy("object-w", &installation.spaceone.zone_ids()[0]));
    policy["spec"]["connectionRef"] = shared.clone();
    network["spec"]["connectionRef"] = shared;
    for object in [ncloud_policy("object-n"), policy, network] {
        installation.apply(Some(TENANT), object).await;
    }
}

async fn refused(installation: &Installation) {
    let mut object = ncloud_policy("object-refused");
    object["spec"]["ncloud"]["permissions"][0]["targets"][0]["product"] = json!("NoSuchProduct");
    installation.apply(Some(TENANT), object).await;
    becomes(installation, ("Policy", "object-refused"), ("Degraded", "Failed"), &["ValidationFailed: "]).await;
}

async fn suspended(installation: &Installation) {
    let mut object = ncloud_policy("object-suspended");
    object["spec"]["suspend"] = json!(true);
    installation.apply(Some(TENANT), object).await;
    becomes(installation, ("Policy", "object-suspended"), ("Suspended", "InProgress"), &["Suspended: "]).await;
}

/// A create whose response was lost: the operator waits, and then continues.
async fn creating(installation: &Installation) {
    installation.ncloud.faults().add(Fault::on(Operation::Create).before(Action::Reset));
    installation.apply(Some(TENANT), ncloud_policy("object-slow")).await;
    let words = ["UpstreamUnavailable: ", "Creating: "];
    becomes(installation, ("Policy", "object-slow"), ("Progressing", "InProgress"), &words).await;
}

/// A deleted object that is still in use upstream.
async fn in_use(installation: &Installation) {
    let id = installation.ncloud.policy_named("object-n").unwrap().policy_id;
    let user = Assignee {
        resource_type: PrincipalType::SubAccount,
        resource_id: "sub-1".to_owned(),
        resource_name: "alice".to_owned(),
    };
    assert!(installation.ncloud.assign(&id, user));
    let policies = installation.objects("Policy");
    policies.delete("object-n", &DeleteParams::default()).await.unwrap();
    becomes(installation, ("Policy", "object-n"), ("Progressing", "Terminating"), &["Pending deletion"]).await;
    installation.reason("Policy", "object-n", "InUse").await;
    assert!(installation.ncloud.unassign(&id));
    installation.gone(&policies, "object-n").await;
}

/// An object whose newest spec is not reconciled yet.
async fn edited(installation: &Installation) {
    let edit = Patch::Merge(json!({ "spec": { "spaceone": { "name": "Another name" } } }));
    let policies = installation.objects("Policy");
    policies.patch("object-p", &PatchParams::default(), &edit).await.unwrap();
    let seen = health(installation, "Policy", "object-p").await;
    assert_eq!(seen.pair(), ("Progressing", "InProgress"));
}

/// Waits until an object has this health in Argo CD and in Flux, and the message of Argo CD begins with one of these words.
async fn becomes(installation: &Installation, object: (&str, &str), pair: (&str, &str), words: &[&str]) {
    let (kind, name) = object;
    wait_for(&format!("{kind} {name} to be {pair:?}"), LIMIT, || async {
        let seen = health(installation, kind, name).await;
        let worded = words.iter().any(|begin| seen.message.starts_with(begin));
        anyhow::ensure!(seen.pair() == pair && worded, "{seen:?}");
        Ok(())
    })
    .await
    .unwrap();
}

/// Computes the health of an object as the API server shows it now.
pub async fn health(installation: &Installation, kind: &str, name: &str) -> Health {
    let namespace = (kind != "ClusterConnection").then_some(TENANT);
    let object = installation.api("cloudpolicy.dev/v1alpha1", kind, namespace).get(name).await.unwrap();
    let object = serde_json::to_value(object).unwrap();
    health_of(&[object]).remove(0)
}
