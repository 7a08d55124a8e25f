//! Real objects in every phase of their life, judged by the real libraries.

use super::health_oracle::{Verdict, verdicts};
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
    ("Policy", "story-n"),
    ("Policy", "story-p"),
    ("NetworkPolicy", "story-w"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_cd_and_flux_understand_real_objects_from_the_first_moment_to_the_last() {
    let installation = Installation::new().await;
    installation.connect().await;
    populate(&installation).await;
    for (kind, name) in OBJECTS {
        let fresh = verdict(&installation, kind, name).await;
        assert_eq!(fresh.pair(), ("Progressing", "InProgress"), "{kind} {name}");
    }
    let long = |settings: &mut cloud_policy::controller::Settings| settings.create_grace = Duration::from_mins(10);
    let process = Process::start(operator_client(&installation).await, long).await;
    for (kind, name) in OBJECTS {
        becomes(&installation, (kind, name), ("Healthy", "Current"), &["UpToDate: ", "Authenticated: "]).await;
    }
    refused(&installation).await;
    suspended(&installation).await;
    under_way(&installation).await;
    held(&installation).await;
    process.stop().await;
    edited(&installation).await;
}

async fn populate(installation: &Installation) {
    let shared = json!({ "kind": "ClusterConnection", "name": "spaceone" });
    let (mut policy, mut network) =
        (spaceone_policy("story-p"), network_policy("story-w", &installation.spaceone.zone_ids()[0]));
    policy["spec"]["connectionRef"] = shared.clone();
    network["spec"]["connectionRef"] = shared;
    for object in [ncloud_policy("story-n"), policy, network] {
        installation.apply(Some(TENANT), object).await;
    }
}

async fn refused(installation: &Installation) {
    let mut object = ncloud_policy("story-refused");
    object["spec"]["ncloud"]["permissions"][0]["targets"][0]["product"] = json!("NoSuchProduct");
    installation.apply(Some(TENANT), object).await;
    becomes(installation, ("Policy", "story-refused"), ("Degraded", "Failed"), &["ValidationFailed: "]).await;
}

async fn suspended(installation: &Installation) {
    let mut object = ncloud_policy("story-suspended");
    object["spec"]["suspend"] = json!(true);
    installation.apply(Some(TENANT), object).await;
    becomes(installation, ("Policy", "story-suspended"), ("Suspended", "InProgress"), &["Suspended: "]).await;
}

/// A create whose answer was lost: the operator waits, and then goes on by itself.
async fn under_way(installation: &Installation) {
    installation.ncloud.faults().add(Fault::on(Operation::Create).before(Action::Reset));
    installation.apply(Some(TENANT), ncloud_policy("story-slow")).await;
    let words = ["UpstreamUnavailable: ", "Creating: "];
    becomes(installation, ("Policy", "story-slow"), ("Progressing", "InProgress"), &words).await;
}

/// An object that is deleted and still used upstream.
async fn held(installation: &Installation) {
    let id = installation.ncloud.policy_named("story-n").unwrap().policy_id;
    let holder = Assignee {
        resource_type: PrincipalType::SubAccount,
        resource_id: "sub-1".to_owned(),
        resource_name: "alice".to_owned(),
    };
    assert!(installation.ncloud.assign(&id, holder));
    let policies = installation.objects("Policy");
    policies.delete("story-n", &DeleteParams::default()).await.unwrap();
    becomes(installation, ("Policy", "story-n"), ("Progressing", "Terminating"), &["Pending deletion"]).await;
    installation.reason("Policy", "story-n", "InUse").await;
    assert!(installation.ncloud.unassign(&id));
    installation.gone(&policies, "story-n").await;
}

/// An object whose newest spec nobody has looked at.
async fn edited(installation: &Installation) {
    let edit = Patch::Merge(json!({ "spec": { "spaceone": { "name": "Another name" } } }));
    let policies = installation.objects("Policy");
    policies.patch("story-p", &PatchParams::default(), &edit).await.unwrap();
    let said = verdict(installation, "Policy", "story-p").await;
    assert_eq!(said.pair(), ("Progressing", "InProgress"));
}

/// Waits until both judges say this, Argo CD in one of these words.
async fn becomes(installation: &Installation, object: (&str, &str), pair: (&str, &str), words: &[&str]) {
    let (kind, name) = object;
    wait_for(&format!("{kind} {name} to be {pair:?}"), LIMIT, || async {
        let said = verdict(installation, kind, name).await;
        let worded = words.iter().any(|begin| said.message.starts_with(begin));
        anyhow::ensure!(said.pair() == pair && worded, "{said:?}");
        Ok(())
    })
    .await
    .unwrap();
}

/// The verdicts on an object as the API server shows it now.
pub async fn verdict(installation: &Installation, kind: &str, name: &str) -> Verdict {
    let namespace = (kind != "ClusterConnection").then_some(TENANT);
    let object = installation.api("cloudpolicy.dev/v1alpha1", kind, namespace).get(name).await.unwrap();
    let object = serde_json::to_value(object).unwrap();
    verdicts(&[object]).remove(0)
}
