//! Users copy `deploy/samples`: a real API server admits every file.

use crate::support;
use cloud_policy_testbed::repository;
use std::collections::BTreeSet;
use std::fs;

const FOLDER: &str = "deploy/samples";

/// Every object of the samples, with the names that kubectl prints.
const OBJECTS: [&str; 9] = [
    "namespace/team-a",
    "secret/ncloud-credentials",
    "secret/spaceone-token",
    "connection.cloudpolicy.dev/ncloud",
    "connection.cloudpolicy.dev/spaceone",
    "networkpolicy.cloudpolicy.dev/seoul-backbone",
    "policy.cloudpolicy.dev/inventory-viewer",
    "policy.cloudpolicy.dev/server-viewer",
    "policy.cloudpolicy.dev/unknown-product",
];

#[tokio::test]
async fn sample_is_accepted_by_api_server() {
    let control_plane = support::control_plane().await;
    let folder = repository().join(FOLDER);
    let (samples, namespace) = (folder.display().to_string(), folder.join("namespace.yaml").display().to_string());
    // A dry run makes no namespace, and the other objects need theirs.
    control_plane.run_kubectl(&["apply", "-f", &namespace]).unwrap();
    let judged = control_plane.run_kubectl(&["apply", "--dry-run=server", "--validate=strict", "-k", &samples]);
    control_plane.run_kubectl(&["delete", "--wait=false", "-f", &namespace]).unwrap();
    let judged = judged.unwrap();
    let seen: BTreeSet<&str> = judged.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(seen, BTreeSet::from(OBJECTS), "{judged}");
}

#[test]
fn kustomization_lists_every_sample() {
    let folder = repository().join(FOLDER);
    let kustomization = fs::read_to_string(folder.join("kustomization.yaml")).unwrap();
    let listed: BTreeSet<String> =
        kustomization.lines().filter_map(|line| line.strip_prefix("  - ")).map(str::to_owned).collect();
    let mut there: BTreeSet<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(there.remove("kustomization.yaml"));
    assert_eq!(listed, there);
}

#[test]
fn sample_secret_has_placeholder_credentials() {
    let folder = repository().join(FOLDER);
    let secrets = ["ncloud-connection.yaml", "spaceone-connection.yaml"];
    let text = secrets.map(|file| fs::read_to_string(folder.join(file)).unwrap()).concat();
    let data =
        text.lines().filter(|line| ["  accessKey: ", "  secretKey: ", "  token: "].iter().any(|k| line.starts_with(k)));
    let values: Vec<&str> = data.filter_map(|line| line.split(": ").nth(1)).collect();
    assert_eq!(values.len(), 3, "{text}");
    for value in values {
        assert!(value.starts_with("FAKE-") && value.ends_with("-REPLACE-ME"), "{value}");
    }
}
