//! Environment variables: the operator trusts the certificate authority that they name, and ignores proxies.
//!
//! The API server of the tests serves as an upstream with a certificate of a private authority. It has no policies: its
//! response shows that the operator reached and trusted it.

use crate::docs::markdown::Page;
use crate::support;
use crate::support::connection_helpers::connection_is;
use crate::support::test_env::TestEnv;
use cloud_policy_testbed::Launch;
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

#[tokio::test]
async fn documented_variable_makes_operator_trust_private_authority() {
    let (directory, authority) = authority().await;
    let refused = message_with("distrusting", &directory, &[], "Unreachable").await;
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    let answered = message_with("trusting", &directory, &[(&variable_on_the_page(), &authority)], "Unauthorized").await;
    assert!(answered.contains("system:anonymous"), "{answered}");
}

#[tokio::test]
async fn proxy_variable_is_ignored() {
    let (directory, authority) = authority().await;
    let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"];
    let proxies = names.map(|name| (name, "http://127.0.0.1:1"));
    let variables = [&proxies[..], &[("SSL_CERT_FILE", authority.as_str())]].concat();
    let answered = message_with("proxied", &directory, &variables, "Unauthorized").await;
    assert!(answered.contains("system:anonymous"), "{answered}");
    for name in names {
        let unreachable = message_with("proxied-alone", &directory, &[(name, "not a url")], "Unreachable").await;
        assert!(unreachable.contains(&format!("{name} is set, and the operator uses no proxy")), "{unreachable}");
    }
}

/// Writes the authority of the API server to a file; returns the folder and the path.
pub async fn authority() -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let view = "go-template={{index .clusters 0 \"cluster\" \"certificate-authority-data\" | base64decode}}";
    let control_plane = support::control_plane().await;
    let pem = control_plane.run_kubectl(&["config", "view", "--raw", "--flatten", "-o", view]).unwrap();
    let file = directory.path().join("ca.crt");
    fs::write(&file, pem).unwrap();
    (directory, file.display().to_string())
}

/// Starts the operator with these variables, waits until a connection to the API server has this reason, and returns
/// the message.
async fn message_with(name: &str, directory: &TempDir, variables: &[(&str, &str)], reason: &str) -> String {
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

/// Returns the variable that the page of the chart documents for a private authority.
fn variable_on_the_page() -> String {
    let fences = Page::read("charts/cloud-policy-operator/README.md").fences;
    let values = fences.iter().find(|fence| fence.body.contains("company-ca")).expect("values with an authority");
    let values: Value = serde_saphyr::from_str(&values.body).unwrap();
    values["operator"]["extraEnv"][0]["name"].as_str().unwrap().to_owned()
}
