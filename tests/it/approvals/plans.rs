//! `cloud-policy plan` prints the hash that the operator shows, so an approval can be part of the same pull request.

use super::{approval, pending, required};
use crate::plan::setup::{Ended, run};
use crate::support::test_env::{TestEnv, ncloud_policy, spaceone_policy};
use cloud_policy::api::Policy;
use serde_json::{Value, json};
use std::fs;

/// Plans these objects and the connections, without any cluster.
fn plan(env: &TestEnv, objects: &[Value]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let connection = |name: &str, spec: Value| {
        json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1",
            "kind": "Connection",
            "metadata": { "name": name },
            "spec": spec,
        })
    };
    let secret = json!({ "name": "any" });
    let (ncloud, spaceone) = (env.ncloud.url(), env.spaceone.url());
    let mut all = vec![
        connection(
            "ncloud",
            json!({
                "ncloud": { "endpoint": ncloud, "credentialsSecretRef": secret },
                "approval": { "widening": "Required" },
            }),
        ),
        connection(
            "spaceone",
            json!({
                "spaceone": { "endpoint": spaceone, "domainId": env.spaceone.domain_id(), "tokenSecretRef": secret },
                "approval": { "widening": "Required" },
            }),
        ),
    ];
    all.extend_from_slice(objects);
    for (n, object) in all.iter().enumerate() {
        fs::write(folder.path().join(format!("{n}.yaml")), object.to_string()).unwrap();
    }
    let variables = [
        ("N_ACCESS_KEY", env.ncloud.access_key()),
        ("N_SECRET_KEY", env.ncloud.secret_key()),
        ("N_ENDPOINT", ncloud),
        ("S_TOKEN", env.spaceone.token()),
        ("S_ENDPOINT", spaceone),
        ("S_DOMAIN_ID", env.spaceone.domain_id()),
    ];
    let flags = ["plan", "-f", ".", "-o", "json", "--cluster-id=here", "--connection=ncloud=env:N_"];
    let more = ["--connection=spaceone=env:S_", "--allow-http", "--allow-private-addresses", "-n", env.namespace()];
    run(folder.path(), &[&flags[..], &more].concat(), &variables, "")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planned_hash_equals_shown_hash() {
    let env = TestEnv::with("approve-plan", |settings| settings.cluster_id = Some("here".to_owned())).await;
    required(&env, "ncloud").await;
    required(&env, "spaceone").await;
    let mut objects = [ncloud_policy("new-n"), spaceone_policy("new-s")];
    for round in ["create", "widen"] {
        let ended = plan(&env, &objects);
        for object in &objects {
            let name = object["metadata"]["name"].as_str().unwrap();
            let planned = ended.object(name)["approval"].as_str().unwrap_or_else(|| panic!("{ended:?}")).to_owned();
            env.apply(object.clone()).await;
            assert_eq!(pending(&env, name).await, planned, "{round} of {name}");
            env.apply(approval(&format!("{round}-{name}"), name, &planned)).await;
            env.ready::<Policy>(name).await;
        }
        let ended = plan(&env, &objects);
        assert!(ended.json()["objects"].as_array().unwrap().iter().all(|it| it["approval"].is_null()), "{ended:?}");
        objects[0]["spec"]["ncloud"]["permissions"][0]["targets"][0]["actions"] = json!(["View*", "Change*"]);
        objects[1]["spec"]["spaceone"]["permissions"] = json!(["inventory.*"]);
    }
}
