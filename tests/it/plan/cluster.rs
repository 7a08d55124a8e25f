//! `--against cluster`: the program reads a real API server, with the rights of a person.

use super::setup::{Ended, Setup, run};
use crate::support;
use crate::support::manifests::{ncloud_policy, spaceone_policy};
use crate::support::test_env::TestEnv;
use serde_json::{Value, json};

/// Plans the folder against the cluster and the simulators of an environment.
fn plan(env: &TestEnv, setup: &Setup, kubeconfig: &str, arguments: &[&str]) -> Ended {
    let variables = [
        ("KUBECONFIG", kubeconfig.to_owned()),
        ("N_ACCESS_KEY", env.ncloud.access_key()),
        ("N_SECRET_KEY", env.ncloud.secret_key()),
        ("N_ENDPOINT", env.ncloud.url()),
        ("S_TOKEN", env.spaceone.token()),
        ("S_ENDPOINT", env.spaceone.url()),
        ("S_DOMAIN_ID", env.spaceone.domain_id()),
    ];
    let flags = ["plan", "-f", ".", "-o", "json", "--against=cluster", "--connection=ncloud=env:N_"];
    let more = ["--connection=spaceone=env:S_", "--allow-http", "--allow-private-addresses", "-n", env.namespace()];
    run(setup.folder.path(), &[&flags[..], &more, arguments].concat(), &variables, "")
}

#[tokio::test]
async fn cluster_tells_own_objects_drift_and_deletions() {
    let env = TestEnv::with("plan-cluster", |settings| settings.cluster_id = Some("here".to_owned())).await;
    let setup = Setup::new().await;
    for name in ["same", "edited", "gone"] {
        env.apply(spaceone_policy(name)).await;
    }
    let mut reports = ncloud_policy("reports");
    reports["spec"]["driftPolicy"] = json!("Report");
    env.apply(reports.clone()).await;
    for name in ["same", "edited", "gone", "reports"] {
        env.reason::<cloud_policy::api::Policy>(name, "UpToDate").await;
    }
    let mut edited = spaceone_policy("edited");
    edited["spec"]["spaceone"]["permissions"] = json!(["inventory.Server.get"]);
    for object in [&spaceone_policy("same"), &edited, &reports] {
        setup.manifest(object);
    }
    let mut taken = spaceone_policy("taken");
    taken["spec"]["spaceone"]["policyId"] = json!("gone");
    setup.manifest(&taken);
    let kubeconfig = support::control_plane().await.kubeconfig().display().to_string();
    let id = env.ncloud.policy_named("reports").unwrap().policy_id;
    let mut operator = env;
    operator.stop().await;
    operator.ncloud.edit_policy(&id, |policy| policy.description = Some("drift".to_owned()));
    let ended = plan(&operator, &setup, &kubeconfig, &["--cluster-id=here"]);
    let told = |ended: &Ended, name: &str| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let object = ended.object(name);
        (text(&object["action"]), text(&object["reason"]))
    };
    for (name, action, reason) in [
        ("same", "nothing", ""),
        ("edited", "update", ""),
        ("reports", "nothing", "DriftReported"),
        ("taken", "blocked", "Conflict"),
    ] {
        assert_eq!(told(&ended, name), (action.to_owned(), reason.to_owned()), "{name}: {ended:?}");
    }
    assert_eq!((ended.code, ended.actions().len()), (3, 4), "nothing is deleted without --prune-scope: {ended:?}");
    let pruned = plan(&operator, &setup, &kubeconfig, &["--cluster-id=here", "--prune-scope=namespace"]);
    assert_eq!(told(&pruned, "gone").0, "delete", "{pruned:?}");
    assert!(pruned.object("gone")["file"].is_null(), "{pruned:?}");
    // Without --cluster-id it is the uid of kube-system, under which nothing was created.
    let other = plan(&operator, &setup, &kubeconfig, &[]);
    assert_eq!(told(&other, "edited"), ("blocked".to_owned(), "Conflict".to_owned()), "{other:?}");
}

#[tokio::test]
async fn cluster_that_cannot_be_read_is_an_error() {
    let env = TestEnv::without_operator("plan-cluster-error").await;
    let setup = Setup::new().await;
    setup.manifest(&spaceone_policy("a"));
    let ended = plan(&env, &setup, "/none", &[]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
    assert!(ended.err.contains("KUBECONFIG") || ended.err.contains("kubeconfig"), "{ended:?}");
    let text = std::fs::read_to_string(support::control_plane().await.kubeconfig()).unwrap();
    let mut config: Value = serde_saphyr::from_str(&text).unwrap();
    // Nothing listens on that port.
    config["clusters"][0]["cluster"]["server"] = json!("https://127.0.0.1:9");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config.to_string()).unwrap();
    let ended = plan(&env, &setup, &file.path().display().to_string(), &["--cluster-id=here"]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
    assert!(ended.err.contains("in the cluster"), "{ended:?}");
}
