//! The forward proxy in the chart: flags, credentials and egress.

use super::helm::{Helm, object};
use super::place;
use crate::docs::markdown::Page;
use serde_json::{Value, json};

/// Renders the values of the proxy with these arguments.
async fn rendered(helm: &Helm, arguments: &str) -> Vec<Value> {
    let values = place("ci/proxied-values.yaml");
    helm.template(&format!("proxied --values '{}' {arguments}", values.display())).await.unwrap()
}

/// Returns the egress rules behind DNS and the API server.
fn egress(objects: &[Value]) -> Vec<Value> {
    let policy = object(objects, "NetworkPolicy", "proxied-cloud-policy-operator");
    policy["spec"]["egress"].as_array().unwrap()[2..].to_vec()
}

fn to_port(port: u16) -> Value {
    json!([{ "port": port, "protocol": "TCP" }])
}

#[tokio::test]
async fn credentials_of_the_proxy_come_from_the_secret() {
    for helm in Helm::both() {
        let objects = rendered(&helm, "").await;
        let deployment = object(&objects, "Deployment", "proxied-cloud-policy-operator");
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        for (variable, key) in
            [("CLOUD_POLICY_PROXY_USERNAME", "username"), ("CLOUD_POLICY_PROXY_PASSWORD", "password")]
        {
            let from = json!({ "name": variable, "valueFrom": { "secretKeyRef": { "name": "proxy", "key": key } } });
            assert!(container["env"].as_array().unwrap().contains(&from), "{variable}");
        }
        let arguments = container["args"].as_array().unwrap();
        for flag in ["--https-proxy=http://proxy.example.com:3128", "--no-proxy=.internal.example.com,10.0.0.0/8"] {
            assert!(arguments.contains(&json!(flag)), "{flag}");
        }
    }
}

#[tokio::test]
async fn network_policy_lets_only_proxy_and_direct_hosts_through() {
    for helm in Helm::both() {
        let peers = json!([{ "ipBlock": { "cidr": "192.0.2.1/32" } }]);
        let proxy = json!({ "ports": to_port(3128), "to": peers });
        assert_eq!(egress(&rendered(&helm, "").await), [proxy.clone(), json!({ "ports": to_port(443) })]);
        assert_eq!(egress(&rendered(&helm, "--set-json operator.noProxy=[]").await), [proxy]);
        for (url, port) in
            [("https://proxy.example.com", 443), ("http://proxy.example.com/", 80), ("http://[fd00::1]:8080", 8080)]
        {
            let objects = rendered(&helm, &format!("--set operator.httpsProxy={url}")).await;
            assert_eq!(egress(&objects)[0]["ports"], to_port(port), "{url}");
        }
        let objects = rendered(&helm, "--set operator.httpsProxy=env").await;
        assert_eq!(egress(&objects), [json!({ "ports": to_port(443) })], "the chart does not know the proxy");
    }
}

#[test]
fn values_on_the_page_are_those_of_the_tests() {
    let fences = Page::read("docs/tasks/proxy.md").fences;
    let shown = fences.iter().find(|fence| fence.language.starts_with("yaml")).expect("values");
    let tested = std::fs::read_to_string(place("ci/proxied-values.yaml")).unwrap();
    let [shown, tested]: [Value; 2] = [&shown.body, &tested].map(|text| serde_saphyr::from_str(text).unwrap());
    assert_eq!(shown, tested);
}
