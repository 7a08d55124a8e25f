//! The values in Secrets are shown nowhere else: not in the logs at any level, not in an object, event or
//! metric, and not in an error, whatever an upstream responds.

use crate::support::connection_helpers::connection_is;
use crate::support::rbac;
use crate::support::test_env::{Operator, TestEnv, ncloud_policy, network_policy, spaceone_policy};
use crate::support::test_log::TestLog;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cloud_policy::api::{Connection, NetworkPolicy, Policy};
use cloud_policy::controller::clock::{Clock, SystemClock};
use cloud_policy_simulator::{Action, Fault, Operation};
use http::{Request, Response};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::Client;
use kube::api::ListParams;
use kube::client::Body;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Returns every text of the operator that users can see in this environment.
async fn visible_texts(env: &TestEnv, log: &TestLog, operator: &Operator) -> BTreeMap<&'static str, String> {
    fn shown<T: serde::Serialize>(list: &[T]) -> String {
        serde_json::to_string(list).unwrap()
    }
    let all = ListParams::default();
    BTreeMap::from([
        ("log", log.text()),
        ("metrics", operator.metrics.encode().unwrap()),
        ("policies", shown(&env.api::<Policy>().list(&all).await.unwrap().items)),
        ("network policies", shown(&env.api::<NetworkPolicy>().list(&all).await.unwrap().items)),
        ("connections", shown(&env.api::<Connection>().list(&all).await.unwrap().items)),
        ("events", shown(&env.api::<Event>().list(&all).await.unwrap().items)),
    ])
}

/// Returns the texts with a secret, in plain text or as base64.
fn leaks(places: &BTreeMap<&'static str, String>, secrets: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (place, text) in places {
        for secret in secrets {
            let encoded = STANDARD.encode(secret);
            let seen = [secret.as_str(), encoded.trim_end_matches('=')].into_iter().find_map(|s| text.find(s));
            if let Some(at) = seen {
                let around = text.as_bytes()[at.saturating_sub(200)..].iter().take(260).copied().collect::<Vec<_>>();
                found.push(format!("{place}: {secret} in {}", String::from_utf8_lossy(&around)));
            }
        }
    }
    found
}

/// Returns wrong credentials that are in the Secrets for a while.
fn wrong_secrets() -> Vec<String> {
    ["CANARY0ACCESSKEY0ONE", "canary/secret+key/one", "canary.token.one", "CANARY-CERTIFICATE-ONE"]
        .map(str::to_owned)
        .to_vec()
}

/// Returns the responses of the upstreams: the credentials of the request, and meaningless ones.
fn answers(secrets: &[String]) -> Vec<Action> {
    let all = secrets.iter().flat_map(|secret| [secret.clone(), STANDARD.encode(secret)]).collect::<Vec<_>>().join(" ");
    let ncloud = json!({ "error": { "errorCode": all, "message": all, "details": all } }).to_string();
    let spaceone = json!({ "detail": { "code": format!("ERROR_{all}"), "message": all } }).to_string();
    let flat = json!({ "errorCode": 200, "message": format!("Bad Request: {all}"), "results": all }).to_string();
    let elsewhere = format!("http://127.0.0.1:1/?{}", secrets.join("&").replace(['+', '/'], ""));
    let mut answers = vec![Action::Html, Action::WrongType, Action::Empty, Action::Reset, Action::Redirect(elsewhere)];
    for code in [200, 400, 401, 403, 404, 409, 429, 500, 503] {
        answers.extend([&ncloud, &spaceone, &flat].map(|body| Action::status(code, body.clone())));
    }
    answers
}

/// A clock that panics once on request.
#[derive(Default)]
struct PanickingClock(AtomicBool);

impl Clock for PanickingClock {
    fn now(&self) -> Timestamp {
        assert!(!self.0.swap(false, Ordering::SeqCst), "the clock is broken");
        SystemClock.now()
    }
}

/// Returns a client that corrupts Secrets on request: kube's client would log a body that it cannot decode.
fn corrupting_client(server: &Client, corrupts: &Arc<AtomicBool>) -> Client {
    let (server, corrupts) = (server.clone(), Arc::clone(corrupts));
    let service = tower::service_fn(move |request| corrupt(server.clone(), request, corrupts.load(Ordering::SeqCst)));
    Client::new(service, "default")
}

async fn corrupt(server: Client, request: Request<Body>, corrupts: bool) -> kube::Result<Response<Body>> {
    let secret = request.uri().path().contains("/secrets/");
    let answer = server.send(request).await?;
    if !(corrupts && secret) {
        return Ok(answer);
    }
    let body = answer.into_body().collect_bytes().await?;
    let text = String::from_utf8_lossy(&body).replace("\"metadata\":{", "\"metadata\":7,\"was\":{");
    Ok(Response::new(Body::from(text.into_bytes())))
}

#[tokio::test]
async fn secret_is_never_shown_in_any_failure() {
    let (log, _logging) = TestLog::open("trace");
    let env = TestEnv::without_operator("canaries").await;
    let (clock, corrupts) = (Arc::new(PanickingClock::default()), Arc::new(AtomicBool::new(false)));
    let client = corrupting_client(&rbac::client().await, &corrupts);
    let operator = Operator::start_with_clock(&client, &[env.namespace()], clock.clone(), |settings| {
        settings.connection_interval = Duration::from_millis(300);
        settings.interval_divisor = 1500;
    });
    let ncloud = vec![env.ncloud.access_key(), env.ncloud.secret_key()];
    let spaceone = vec![env.spaceone.token()];
    populate(&env).await;
    respond_with_secrets(&env, &ncloud, &spaceone).await;
    wrong_credentials(&env).await;
    corrupts.store(true, Ordering::SeqCst);
    connection_is(&env, "ncloud", "Unreachable").await;
    corrupts.store(false, Ordering::SeqCst);
    clock.0.store(true, Ordering::SeqCst);
    let panicked = |line: &str| line.contains("panics_total{") && !line.ends_with(" 0");
    env.eventually("the panic", || operator.metrics.encode().unwrap().lines().any(panicked)).await;
    connection_is(&env, "ncloud", "Authenticated").await;
    let places = visible_texts(&env, &log, &operator).await;
    assert!(places["log"].contains("the clock is broken"), "the log has the panic");
    assert!(places["log"].contains("TRACE") && places["log"].len() > 100_000, "the log has every level");
    let secrets = [ncloud, spaceone, wrong_secrets()].concat();
    assert_eq!(leaks(&places, &secrets), Vec::<String>::new());
}

async fn populate(env: &TestEnv) {
    env.apply(ncloud_policy("tale-n")).await;
    env.apply(spaceone_policy("tale-p")).await;
    env.apply(network_policy("tale-w", &env.spaceone.zone_ids()[0])).await;
    env.ready::<Policy>("tale-n").await;
    env.ready::<Policy>("tale-p").await;
    env.ready::<NetworkPolicy>("tale-w").await;
}

/// Lets each upstream give each response to a read, to a probe and to a write. An upstream knows its own credentials.
async fn respond_with_secrets(env: &TestEnv, ncloud: &[String], spaceone: &[String]) {
    for (i, actions) in answers(ncloud).into_iter().zip(answers(spaceone)).enumerate() {
        let (ncloud, spaceone) = (env.ncloud.faults(), env.spaceone.faults());
        for (faults, action) in [(ncloud, actions.0), (spaceone, actions.1)] {
            faults.add(Fault::any().times(2).before(action.clone()));
            faults.add(Fault::on(Operation::Update).before(action));
        }
        let described = |text: String| json!({ "spec": { "ncloud": { "description": text } } });
        env.patch::<Policy>("tale-n", described(format!("try {i}"))).await;
        env.patch::<Policy>("tale-p", json!({ "spec": { "spaceone": { "name": format!("Try {i}") } } })).await;
        env.eventually("the faults to take effect", || ncloud.waiting().is_empty() && spaceone.waiting().is_empty())
            .await;
    }
}

/// Uses wrong credentials, credentials that are invalid in a header, and an invalid certificate.
async fn wrong_credentials(env: &TestEnv) {
    let wrong = wrong_secrets();
    env.secret("ncloud", &[("accessKey", &wrong[0]), ("secretKey", &wrong[1])]).await;
    env.secret("spaceone", &[("token", &wrong[2])]).await;
    connection_is(env, "ncloud", "FormerKeyInUse").await;
    connection_is(env, "spaceone", "FormerKeyInUse").await;
    let invalid = |text: &str| format!("{text}\u{7}\u{e9}");
    env.secret("ncloud", &[("accessKey", &invalid(&wrong[0])), ("secretKey", &invalid(&wrong[1]))]).await;
    env.secret("spaceone", &[("token", &invalid(&wrong[2]))]).await;
    env.until("ncloud", "told that no header can carry the key", |connection: &Connection| {
        let told = format!("{:?}", connection.status.clone().unwrap_or_default().conditions);
        anyhow::ensure!(told.contains("invalid characters"), "{told}");
        Ok(())
    })
    .await;
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----", wrong[3]);
    env.secret("authority", &[("ca.crt", &pem)]).await;
    let trusted = |name: Value| json!({ "spec": { "caBundleSecretRef": name } });
    env.patch::<Connection>("ncloud", trusted(json!({ "name": "authority" }))).await;
    connection_is(env, "ncloud", "InvalidSpec").await;
    env.patch::<Connection>("ncloud", trusted(Value::Null)).await;
    env.connect_ncloud("ncloud").await;
    connection_is(env, "ncloud", "Authenticated").await;
}

#[tokio::test]
async fn leak_search_finds_secret_in_every_text() {
    let (log, _logging) = TestLog::open("trace");
    let env = TestEnv::without_operator("found").await;
    let operator = Operator::start(&rbac::client().await, &[env.namespace()], |_| {});
    let canary = "canary/planted+by+hand".to_owned();
    let encoded = STANDARD.encode(&canary);
    let mut policy = ncloud_policy("tale-n");
    policy["spec"]["ncloud"]["description"] = json!(canary);
    env.apply(policy).await;
    let mut network = network_policy("tale-w", &env.spaceone.zone_ids()[0]);
    network["spec"]["spaceone"]["tags"] = json!({ "a": encoded });
    env.apply(network).await;
    env.patch::<Connection>("ncloud", json!({ "metadata": { "annotations": { "a": canary } } })).await;
    env.ready::<Policy>("tale-n").await;
    tracing::trace!(encoded, "planted");
    let about = json!({ "kind": "Policy", "name": "tale-n", "namespace": env.namespace() });
    let event: Event =
        serde_json::from_value(json!({ "metadata": { "name": "e" }, "involvedObject": about, "message": encoded }))
            .unwrap();
    env.api::<Event>().create(&kube::api::PostParams::default(), &event).await.unwrap();
    let mut places = visible_texts(&env, &log, &operator).await;
    places.entry("metrics").or_default().push_str(&canary);
    assert_eq!(leaks(&places, &[canary]).len(), places.len(), "one in each text");
}
