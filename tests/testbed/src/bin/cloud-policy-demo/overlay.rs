//! A kustomize overlay of `deploy/samples` for the servers of the demo. It patches endpoints,
//! credentials, domain and zone, and nothing else.

use crate::upstreams::Upstreams;
use anyhow::Context;
use cloud_policy_testbed::repository;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Creates the folder and writes the overlay into it.
pub fn write(folder: &Path, upstreams: &Upstreams) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let samples = repository().join("deploy/samples").canonicalize().context("there is no deploy/samples")?;
    let base = relative(&folder.canonicalize()?, &samples);
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [base],
        "patches": patches(upstreams)?,
    });
    fs::write(folder.join("kustomization.yaml"), serde_saphyr::to_string(&kustomization)?)?;
    Ok(())
}

fn patches(upstreams: &Upstreams) -> anyhow::Result<Vec<Value>> {
    let Upstreams { ncloud, access_key, secret_key, admin: _, spaceone } = upstreams;
    [
        patch(
            "v1",
            "Secret",
            "ncloud-credentials",
            &json!({ "stringData": { "accessKey": access_key, "secretKey": secret_key } }),
        ),
        patch("v1", "Secret", "spaceone-token", &json!({ "stringData": { "token": spaceone.token } })),
        // `null` removes the field: a connection has either a zone or an endpoint.
        ours("Connection", "ncloud", &json!({ "ncloud": { "zone": null, "endpoint": ncloud } })),
        ours(
            "Connection",
            "spaceone",
            &json!({ "spaceone": { "endpoint": spaceone.url, "domainId": spaceone.domain_id } }),
        ),
        ours("NetworkPolicy", "seoul-backbone", &json!({ "spaceone": { "zoneId": spaceone.zone_id } })),
    ]
    .into_iter()
    .collect()
}

fn ours(kind: &str, name: &str, spec: &Value) -> anyhow::Result<Value> {
    patch("cloudpolicy.dev/v1alpha1", kind, name, &json!({ "spec": spec }))
}

/// Returns a merge patch. kustomize finds its object by kind and name.
fn patch(api_version: &str, kind: &str, name: &str, content: &Value) -> anyhow::Result<Value> {
    let mut object =
        json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name, "namespace": "team-a" } });
    for (key, value) in content.as_object().into_iter().flatten() {
        object[key] = value.clone();
    }
    Ok(json!({ "patch": serde_saphyr::to_string(&object)? }))
}

/// Returns a relative path, because kustomize accepts no absolute path for a base.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| Path::new(".."));
    let down = to.components().skip(shared).map(|part| Path::new(part.as_os_str()));
    up.chain(down).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_path_leads_from_overlay_to_base() {
        let path = |from: &str, to: &str| relative(Path::new(from), Path::new(to));
        assert_eq!(path("/tmp/x/overlay", "/home/me/samples"), Path::new("../../../home/me/samples"));
        assert_eq!(path("/r/.demo/overlay", "/r/deploy/samples"), Path::new("../../deploy/samples"));
    }
}
