//! The checks when an account is opened, and the collection that an object is bound to.

use crate::support::install_crypto;
use crate::support::upstream::{Log, allow_loopback, owner_tag, refusal, short_timeouts};
use cloud_policy::api::{ConnectionSpec, NetworkPolicySpec, PolicySpec};
use cloud_policy::engine::{ErrorKind, Result};
use cloud_policy::upstream::registry::{bind, deleter};
use cloud_policy::upstream::{Account, Credentials, EndpointRules, Priority};
use serde_json::{Value, json};
use std::any::Any;
use std::sync::Arc;

fn keys() -> Credentials {
    Credentials::Ncloud { access_key: "ACCESSKEY".into(), secret_key: "SECRETKEY".into() }
}

fn token() -> Credentials {
    Credentials::Spaceone { token: "SOMETOKEN".into() }
}

fn open(spec: Value, credentials: Credentials, ca: Option<&[u8]>, rules: &EndpointRules) -> Result<Account> {
    install_crypto();
    let spec: ConnectionSpec = serde_json::from_value(spec).unwrap();
    Account::open(&spec, credentials, ca, rules, &short_timeouts(), Arc::new(Log::default()))
}

fn ncloud(mut inner: Value) -> Value {
    inner["credentialsSecretRef"] = json!({ "name": "s" });
    json!({ "ncloud": inner })
}

fn spaceone(endpoint: &str) -> Value {
    json!({ "spaceone": { "endpoint": endpoint, "domainId": "domain-1", "tokenSecretRef": { "name": "s" } } })
}

#[test]
fn zone_selects_endpoint_that_is_allowed_by_default() {
    for (zone, endpoint) in [
        ("Public", "https://subaccount.apigw.ntruss.com"),
        ("Financial", "https://subaccount.apigw.fin-ntruss.com"),
        ("Government", "https://subaccount.apigw.gov-ntruss.com"),
    ] {
        let account = open(ncloud(json!({ "zone": zone })), keys(), None, &EndpointRules::default()).unwrap();
        assert_eq!(account.endpoint(), endpoint);
    }
}

#[test]
fn endpoint_is_shown_without_trailing_slash() {
    let account = open(spaceone("http://127.0.0.1:1/api/"), token(), None, &allow_loopback()).unwrap();
    assert_eq!(account.endpoint(), "http://127.0.0.1:1/api");
}

#[test]
fn account_rejects_forbidden_endpoint() {
    for endpoint in ["https://spaceone.example.com", "http://127.0.0.1:1", "https://127.0.0.1:1"] {
        let error = refusal(open(spaceone(endpoint), token(), None, &EndpointRules::default()), &["SOMETOKEN"]);
        assert_eq!(error.kind, ErrorKind::EndpointNotAllowed, "{endpoint}");
    }
}

#[test]
fn account_distinguishes_invalid_specs_and_secrets() {
    let rules = allow_loopback();
    let here = "http://127.0.0.1:1";
    let empty = || Credentials::Spaceone { token: " \n".into() };
    for (spec, credentials, kind, says) in [
        (spaceone(here), keys(), ErrorKind::InvalidReference, "credentials"),
        (ncloud(json!({ "endpoint": here })), token(), ErrorKind::InvalidReference, "credentials"),
        (ncloud(json!({})), keys(), ErrorKind::InvalidReference, "zone"),
        (json!({}), keys(), ErrorKind::InvalidReference, "spec.ncloud"),
        (spaceone("nonsense"), token(), ErrorKind::InvalidReference, "URL"),
        (spaceone(here), empty(), ErrorKind::Unauthorized, "token"),
    ] {
        let error = refusal(open(spec, credentials, None, &rules), &["SECRETKEY", "SOMETOKEN"]);
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(says), "{error}");
    }
    let error = refusal(open(spaceone(here), token(), Some(b"no certificate"), &rules), &[]);
    assert!(error.kind == ErrorKind::InvalidReference && error.message.contains("ca.crt"), "{error}");
}

#[test]
fn debug_output_shows_no_secret() {
    let account = open(spaceone("http://127.0.0.1:1"), token(), None, &allow_loopback()).unwrap();
    let shown = format!("{account:?} {:?} {:?}", keys(), token());
    assert!(["ACCESSKEY", "SECRETKEY", "SOMETOKEN"].iter().all(|secret| !shown.contains(secret)), "{shown}");
}

#[test]
fn object_binds_only_to_collection_of_its_connection() {
    let nc =
        Arc::new(open(ncloud(json!({ "endpoint": "http://127.0.0.1:1" })), keys(), None, &allow_loopback()).unwrap());
    let so = Arc::new(open(spaceone("http://127.0.0.1:1"), token(), None, &allow_loopback()).unwrap());
    let spec = |block: Value| {
        let mut spec = json!({ "connectionRef": { "name": "c" } });
        spec.as_object_mut().unwrap().extend(block.as_object().unwrap().clone());
        spec
    };
    let (name, policy) = ("policyName", json!({ "policyId": "p", "name": "n", "permissions": ["a.*"] }));
    let of_ncloud: PolicySpec =
        serde_json::from_value(spec(json!({ "ncloud": { name: "abc", "permissions": [] } }))).unwrap();
    let of_spaceone: PolicySpec = serde_json::from_value(spec(json!({ "spaceone": policy }))).unwrap();
    let of_neither: PolicySpec = serde_json::from_value(spec(json!({}))).unwrap();
    let network: NetworkPolicySpec =
        serde_json::from_value(spec(json!({ "spaceone": { "name": "n", "zoneId": "zone-1" } }))).unwrap();
    let tag = owner_tag("uid-1");
    for (account, wanted, expected) in [
        (&nc, &of_ncloud as &dyn Any, Ok(("ncloud/policy", "abc"))),
        (&so, &of_spaceone, Ok(("spaceone/policy", "p"))),
        (&so, &network, Ok(("spaceone/networkpolicy", "n"))),
        (&so, &of_ncloud, Err("spec.connectionRef")),
        (&nc, &of_spaceone, Err("spec.connectionRef")),
        (&nc, &network, Err("spec.connectionRef")),
        (&nc, &of_neither, Err("spec")),
    ] {
        match (bind(account, wanted, &tag, Priority::Change), expected) {
            (Ok(subject), Ok((system, key))) => assert_eq!((subject.system(), subject.key().as_str()), (system, key)),
            (Err(problem), Err(field)) => {
                assert_eq!(problem.field, field);
                let both = problem.message.contains("NAVER Cloud") && problem.message.contains("SpaceONE");
                assert!(both || field == "spec", "{}", problem.message);
            }
            (bound, expected) => panic!("{:?} and {expected:?}", bound.map(|subject| subject.system())),
        }
    }
    for (account, systems) in [(&nc, [true, false, false]), (&so, [false, true, true])] {
        let names = ["ncloud/policy", "spaceone/policy", "spaceone/networkpolicy"];
        assert_eq!(names.map(|system| deleter(account, system, &tag, Priority::Change).is_some()), systems);
        assert!(deleter(account, "unheard/of", &tag, Priority::Change).is_none());
    }
}
