//! What the environment of the operator has to say about upstreams: whom to trust, and nothing about the way there.
//!
//! The API server of the tests stands for an upstream that only an authority of one's own vouches for. It knows no policies:
//! that the operator has its answer shows that it was reached and is trusted.

use crate::docs::markdown::Page;
use crate::support;
use crate::support::connection_helpers::connection_is;
use crate::support::test_env::TestEnv;
use cloud_policy_testbed::Launch;
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_when_the_variable_on_the_page_of_the_chart_names_it() {
    let (directory, authority) = authority().await;
    let refused = said("distrusting", &directory, &[], "Unreachable").await;
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    let answered = said("trusting", &directory, &[(&variable_on_the_page(), &authority)], "Unauthorized").await;
    assert!(answered.contains("system:anonymous"), "{answered}");
}

#[tokio::test]
async fn no_proxy_that_the_environment_names_is_used() {
    let (directory, authority) = authority().await;
    let proxy = ("ALL_PROXY", "http://127.0.0.1:1");
    let answered = said("proxied", &directory, &[proxy, ("SSL_CERT_FILE", &authority)], "Unauthorized").await;
    assert!(answered.contains("system:anonymous"), "{answered}");
}

/// A file with the authority of the API server, and the folder that it is in.
async fn authority() -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let view = "go-template={{index .clusters 0 \"cluster\" \"certificate-authority-data\" | base64decode}}";
    let control_plane = support::control_plane().await;
    let pem = control_plane.run_kubectl(&["config", "view", "--raw", "--flatten", "-o", view]).unwrap();
    let file = directory.path().join("ca.crt");
    fs::write(&file, pem).unwrap();
    (directory, file.display().to_string())
}

/// What the operator, with these variables, says of a connection to the API server once it has this reason.
async fn said(name: &str, directory: &TempDir, variables: &[(&str, &str)], reason: &str) -> String {
    let (env, control_plane) = (TestEnv::without_operator(name).await, support::control_plane().await);
    let namespace = env.namespace();
    let operator = Launch::new(name, env!("CARGO_BIN_EXE_cloud-policy"), directory.path())
        .args(["run", "--leader-elect=false", "--listen=127.0.0.1:0", "--cluster-id=here"])
        .args(["--allow-private-addresses", "--allowed-hosts=127.0.0.1,localhost"])
        .args([format!("--namespace={namespace}"), format!("--watch-namespaces={namespace}")])
        .env("KUBECONFIG", control_plane.kubeconfig());
    let operator = variables.iter().fold(operator, |operator, (name, value)| operator.env(name, value));
    let _operator = operator.spawn().unwrap();
    let endpoint = control_plane.config().cluster_url.to_string();
    let spec = json!({ "ncloud": { "endpoint": endpoint, "credentialsSecretRef": { "name": "ncloud" } } });
    env.connection("own", spec).await;
    connection_is(&env, "own", reason).await
}

/// The variable in the values that the page shows for this.
fn variable_on_the_page() -> String {
    let fences = Page::read("charts/cloud-policy-operator/README.md").fences;
    let values = fences.iter().find(|fence| fence.body.contains("company-ca")).expect("values with an authority");
    let values: Value = serde_saphyr::from_str(&values.body).unwrap();
    values["operator"]["extraEnv"][0]["name"].as_str().unwrap().to_owned()
}
