//! Traces, as a collector receives them from a running operator: a span for each reconcile, with its upstream
//! requests as children, and no secret.

use crate::support;
use crate::support::test_env::{SOON, TestEnv, ncloud_policy};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use cloud_policy::api::Policy;
use cloud_policy_simulator::{Action, Fault, Operation};
use cloud_policy_testbed::{Child, Launch, repository};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::net::TcpListener;

type Bodies = Arc<Mutex<Vec<Bytes>>>;

/// A collector on loopback that stores the requests.
struct Collector {
    endpoint: String,
    bodies: Bodies,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let bodies = Bodies::default();
        let take = async |State(bodies): State<Bodies>, body: Bytes| bodies.lock().unwrap().push(body);
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&bodies));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, bodies }
    }

    fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let bodies = self.bodies.lock().unwrap();
        bodies.iter().map(|body| ExportTraceServiceRequest::decode(body.clone()).unwrap()).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let scopes = self.requests().into_iter().flat_map(|request| request.resource_spans);
        scopes.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

/// Returns the attributes, which are all strings.
fn texts(attributes: &[KeyValue]) -> BTreeMap<&str, &str> {
    let pairs = attributes.iter().map(|pair| match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => (pair.key.as_str(), text.as_str()),
        other => panic!("{}: {other:?}", pair.key),
    });
    pairs.collect()
}

/// Starts the binary for the namespace of a test environment.
async fn operator(env: &TestEnv, directory: &TempDir, collector: &str) -> Child {
    let control_plane = support::control_plane().await;
    let namespace = env.namespace();
    Launch::new("operator", env!("CARGO_BIN_EXE_cloud-policy"), directory.path())
        .args([
            "run",
            "--leader-elect=false",
            "--listen=127.0.0.1:0",
            "--cluster-id=traced",
            "--create-grace-seconds=1",
        ])
        .args(["--allow-http", "--allow-private-addresses", "--allowed-hosts=127.0.0.1"])
        .args([format!("--namespace={namespace}"), format!("--watch-namespaces={namespace}")])
        .arg(format!("--otlp-endpoint={collector}"))
        .env("KUBECONFIG", control_plane.kubeconfig())
        // Milliseconds between two batches.
        .env("OTEL_BSP_SCHEDULE_DELAY", "100")
        .spawn()
        .unwrap()
}

async fn end(mut operator: Child) -> String {
    operator.signal("TERM").unwrap();
    tokio::task::spawn_blocking(move || {
        let status = operator.wait(SOON).unwrap();
        assert!(status.success(), "{status}: {}", operator.log_tail());
        operator.log().unwrap()
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconcile_span_has_upstream_requests_as_children() {
    let (env, directory) = (TestEnv::without_operator("traced").await, tempfile::tempdir().unwrap());
    let collector = Collector::start().await;
    env.ncloud.faults().add(Fault::on(Operation::Create).before(Action::status(503, "")));
    let operator = operator(&env, &directory, &collector.endpoint).await;
    env.apply(ncloud_policy("traced")).await;
    env.ready::<Policy>("traced").await;
    env.delete::<Policy>("traced").await;
    env.gone::<Policy>("traced").await;
    end(operator).await;

    let spans = collector.spans();
    for (operation, code, failed) in [
        ("create policy", "503", true),
        ("create policy", "200", false),
        ("get policy", "200", false),
        ("delete policy", "200", false),
    ] {
        let (request, parent) = request(&spans, operation, code);
        assert_eq!(request.trace_id, parent.trace_id);
        let status = request.status.as_ref().map(|status| status.code).unwrap_or_default();
        assert_eq!(status == 2, failed, "{operation} {code}: {status}");
        let told = texts(&parent.attributes);
        assert_eq!(parent.name, "reconcile Policy");
        let of = ["kind", "namespace", "object"].map(|key| told[key]);
        assert_eq!(of, ["Policy", env.namespace(), "traced"], "{told:?}");
        assert!(told.contains_key("result"), "{told:?}");
    }
    assert!(spans.iter().any(|span| span.name == "reconcile Connection"), "connections have spans");
    assert_resource(&collector);
    assert_attributes(&env, &collector);
}

/// Returns the span of a request with this code, and the span of its reconcile.
fn request<'s>(spans: &'s [Span], operation: &str, code: &str) -> (&'s Span, &'s Span) {
    let found = spans.iter().find(|span| {
        let told = texts(&span.attributes);
        span.name == operation && told.get("code") == Some(&code) && told.get("system") == Some(&"ncloud/policy")
    });
    let found = found.unwrap_or_else(|| panic!("{operation} {code} in {spans:#?}"));
    let parent = spans.iter().find(|span| span.span_id == found.parent_span_id).expect("the span of its reconcile");
    (found, parent)
}

fn assert_resource(collector: &Collector) {
    for resource in collector.requests().into_iter().flat_map(|request| request.resource_spans) {
        let about = resource.resource.unwrap().attributes;
        let told = texts(&about);
        assert_eq!(told["service.name"], "cloud-policy-operator");
        assert_eq!(told["service.instance.id"], "cloud-policy-operator", "the default of --instance");
        assert_eq!(told["service.version"], env!("CARGO_PKG_VERSION"));
    }
}

/// Asserts that no attribute has credentials or content: only these attributes are sent.
fn assert_attributes(env: &TestEnv, collector: &Collector) {
    let known = ["kind", "namespace", "object", "result", "system", "operation", "priority", "code", "request"];
    for span in collector.spans() {
        let told = texts(&span.attributes);
        let own: Vec<_> = told.keys().filter(|key| !["level", "target"].contains(key)).collect();
        assert!(own.iter().all(|key| known.contains(key)), "{own:?}");
        assert!(span.events.is_empty() && span.links.is_empty(), "{span:?}");
    }
    let bodies = collector.bodies.lock().unwrap();
    let sent: Vec<String> = bodies.iter().map(|body| String::from_utf8_lossy(body).into_owned()).collect();
    for secret in [env.ncloud.access_key(), env.ncloud.secret_key(), env.spaceone.token()] {
        assert!(sent.iter().all(|body| !body.contains(&secret)), "a secret is sent");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreachable_collector_is_logged_once_and_blocks_nothing() {
    let (env, directory) = (TestEnv::without_operator("untraced").await, tempfile::tempdir().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let operator = operator(&env, &directory, &nowhere).await;
    env.apply(ncloud_policy("untraced")).await;
    env.ready::<Policy>("untraced").await;
    let log = end(operator).await;
    assert_eq!(log.matches("the collector does not accept traces").count(), 1, "{log}");
}

#[test]
fn default_build_has_no_opentelemetry() {
    let tree = |more: &[&str]| {
        let arguments = ["tree", "--locked", "--offline", "--edges=normal", "--prefix=none"];
        let output = Command::new(env!("CARGO")).args(arguments).args(more).current_dir(repository()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(tree(&["--features=otel"]).contains("opentelemetry-otlp"), "the feature enables traces");
    assert!(!tree(&[]).contains("opentelemetry"));
}
