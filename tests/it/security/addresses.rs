//! Addresses that are never called, in any spelling: an account with such an endpoint cannot be opened, or its
//! name is refused when it is resolved.

use crate::support;
use crate::support::upstream::{Log, allow_loopback};
use cloud_policy::api::ConnectionSpec;
use cloud_policy::engine::{ErrorKind, UpstreamError};
use cloud_policy::upstream::{Account, Credentials, EndpointRules, HttpSettings};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Opens an account with this endpoint. Nothing is sent.
fn open(endpoint: &str, rules: &EndpointRules) -> Result<Account, UpstreamError> {
    support::install_crypto();
    let spec = json!({ "ncloud": { "endpoint": endpoint, "credentialsSecretRef": { "name": "s" } } });
    let spec: ConnectionSpec = serde_json::from_value(spec).unwrap();
    let keys = Credentials::Ncloud { access_key: "ACCESSKEY".into(), secret_key: "SECRETKEY".into() };
    Account::open(&spec, keys, None, rules, &HttpSettings::default(), Arc::new(Log::default()))
}

/// Returns rules that allow these hosts, as an administrator might by mistake.
fn rules_with_hosts(hosts: &[&str]) -> EndpointRules {
    let allowed_hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
    EndpointRules { allowed_hosts, ..allow_loopback() }
}

fn refused(endpoint: &str, rules: &EndpointRules) {
    let error = open(endpoint, rules).err().unwrap_or_else(|| panic!("{endpoint} may be called"));
    let expected = [ErrorKind::EndpointNotAllowed, ErrorKind::InvalidReference];
    assert!(expected.contains(&error.kind), "{endpoint}: {error}");
}

#[test]
fn metadata_address_is_refused_when_private_is_allowed() {
    let hosts = [
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "192.0.0.192",
        "0.0.0.0",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "[::169.254.169.254]",
        "[64:ff9b::169.254.169.254]",
        "[2002:a9fe:a9fe::]",
        "[fe80::a9fe:a9fe]",
        "[::]",
    ];
    let rules = rules_with_hosts(&hosts);
    assert!(rules.allow_private);
    for host in hosts {
        refused(&format!("http://{host}/latest/meta-data"), &rules);
    }
    // Decimal, hexadecimal, octal, short, with a trailing dot, in wide and circled digits.
    for spelling in [
        "2852039166",
        "0xa9fea9fe",
        "0xa9.0xfe.0xa9.0xfe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "169.16689662",
        "169.254.169.254.",
        "169。254。169。254",
        "１６９.２５４.１６９.２５４",
        "①⑥⑨.②⑤④.①⑥⑨.②⑤④",
        "[0:0:0:0:0:ffff:a9fe:a9fe]",
        "[fd00:0ec2:0000::0254]",
    ] {
        refused(&format!("http://{spelling}/"), &rules);
    }
}

#[tokio::test]
async fn loopback_address_is_refused_in_every_spelling() {
    let victim = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = victim.local_addr().unwrap().port();
    let hosts = ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "127.9.9.9"];
    let rules = EndpointRules { allow_private: false, ..rules_with_hosts(&hosts) };
    for spelling in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "１２７.０.０.１",
        "127.9.9.9",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
    ] {
        refused(&format!("http://{spelling}:{port}/"), &rules);
    }
    // The address of a name is known only when the operator connects.
    for name in ["localhost", "LOCALHOST"] {
        let account = open(&format!("http://{name}:{port}/"), &rules).unwrap();
        let error = account.probe().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::EndpointNotAllowed, "{name}: {error}");
    }
    let called = tokio::time::timeout(Duration::from_millis(100), victim.accept()).await;
    assert!(called.is_err(), "the listener was called");
}

#[test]
fn lookalike_of_allowed_host_is_refused() {
    let rules = EndpointRules { allow_private: true, allow_http: true, ..EndpointRules::default() };
    let gateway = "subaccount.apigw.ntruss.com";
    for endpoint in [
        format!("https://{gateway}@127.0.0.1/"),
        format!("https://{gateway}:443@127.0.0.1/"),
        format!("https://user@{gateway}/"),
        format!("https://:password@{gateway}/"),
        format!("https://127.0.0.1\\@{gateway}/"),
        format!("https://127.0.0.1/?{gateway}"),
        format!("https://127.0.0.1/#{gateway}"),
        format!("https://{gateway}.evil.example/"),
        format!("https://evil-{gateway}/"),
        format!("https://{gateway}%2eevil.example/"),
        format!("https://{gateway}%00.evil.example/"),
        format!("https://{gateway}..evil.example/"),
        "https://subaccοunt.apigw.ntruss.com/".to_owned(),
        "https://ntruss.com/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1:70/".to_owned(),
        "unix:///var/run/docker.sock".to_owned(),
        "//127.0.0.1/".to_owned(),
        "https://".to_owned(),
    ] {
        refused(&endpoint, &rules);
    }
}
