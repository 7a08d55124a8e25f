//! Creates that the upstream accepted, and that status could not record at once: the operator keeps the id and tells
//! nothing untrue.

use crate::support::rbac;
use crate::support::test_env::{Operator, TestEnv, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::Settings;
use cloud_policy_simulator::{Decision, Journal, Lag, Operation};
use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn patient(settings: &mut Settings) {
    settings.interval_divisor = 1;
    settings.create_grace = Duration::from_secs(2);
}

/// Makes lists show a new object much later than the grace. A read by id shows it at once.
fn slow_lists(env: &TestEnv) {
    let lag = Lag { lists: Duration::from_secs(8), ..Lag::default() };
    env.ncloud.set_options(|options| options.switches.lag = lag);
    env.spaceone.set_options(|switches| switches.lag = lag);
}

/// Holds the answer to each create back for a while.
fn slow_creates(env: &TestEnv) {
    for faults in [env.ncloud.faults(), env.spaceone.faults()] {
        faults.decide_with(|request| {
            let later = || Decision::DelayAnswer(Box::pin(tokio::time::sleep(Duration::from_millis(800))));
            (request.operation == Operation::Create).then(later)
        });
    }
}

async fn apply_three(env: &TestEnv) {
    for object in [ncloud_policy("one"), spaceone_policy("two"), network_policy("net", &env.spaceone.zone_ids()[0])] {
        env.apply(object).await;
    }
}

/// Waits until all three objects are ready, each created by one request, and none with an untrue event.
async fn three_created_once(env: &TestEnv) {
    env.ready::<Policy>("one").await;
    env.ready::<Policy>("two").await;
    env.ready::<NetworkPolicy>("net").await;
    assert_eq!(env.ncloud.journal().count(Operation::Create), 1);
    assert_eq!(env.spaceone.journal().count(Operation::Create), 2);
    only_true_events(env).await;
}

async fn only_true_events(env: &TestEnv) {
    for name in ["one", "two", "net"] {
        let events = env.events(name).await;
        let untrue = |(reason, _): &(String, String)| ["Recovered", "Restored"].contains(&reason.as_str());
        assert!(!events.iter().any(untrue), "{events:?}");
        assert_eq!(events.iter().filter(|(reason, _)| reason == "Created").count(), 1, "{events:?}");
    }
}

#[tokio::test]
async fn create_is_recorded_when_object_changes_meanwhile() {
    let env = TestEnv::with("accepted-label", patient).await;
    slow_lists(&env);
    slow_creates(&env);
    apply_three(&env).await;
    env.eventually("the creates to be under way", || {
        env.ncloud.journal().effects(Operation::Create) == 1 && env.spaceone.journal().effects(Operation::Create) == 2
    })
    .await;
    let label = json!({ "metadata": { "labels": { "team": "a" }, "annotations": { "example.com/note": "b" } } });
    env.patch::<Policy>("one", label.clone()).await;
    env.patch::<Policy>("two", label.clone()).await;
    env.patch::<NetworkPolicy>("net", label).await;
    three_created_once(&env).await;
}

/// An API server that fails some writes of status once a create took effect upstream.
#[derive(Clone)]
struct Unsteady {
    server: Client,
    upstreams: [Journal; 2],
    /// How many writes fail from now on.
    left: Arc<AtomicUsize>,
    /// Whether a write that fails takes effect.
    takes_effect: bool,
}

impl Unsteady {
    fn client(&self) -> Client {
        let unsteady = self.clone();
        Client::new(tower::service_fn(move |request| unsteady.clone().forward(request)), "default")
    }

    fn fails(&self, request: &Request<Body>) -> bool {
        let path = request.uri().path();
        let is_status = request.method() == Method::PATCH && path.ends_with("/status") && path.contains("policies/");
        let created = self.upstreams.iter().any(|upstream| upstream.effects(Operation::Create) > 0);
        let fewer = |left: usize| left.checked_sub(1);
        is_status && created && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok()
    }

    async fn forward(self, request: Request<Body>) -> kube::Result<Response<Body>> {
        if !self.fails(&request) {
            return self.server.send(request).await;
        }
        if self.takes_effect {
            self.server.send(request).await?;
        }
        let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 504, "message": "no" });
        Ok(Response::builder().status(504).body(Body::from(status.to_string().into_bytes())).unwrap())
    }
}

/// How many status writes the API server fails.
const FAILURES: usize = 8;

#[tokio::test]
async fn create_is_recorded_when_api_server_fails_for_a_while() {
    for takes_effect in [false, true] {
        let env = TestEnv::without_operator("accepted-outage").await;
        slow_lists(&env);
        let unsteady = Unsteady {
            server: rbac::client().await,
            upstreams: [env.ncloud.journal().clone(), env.spaceone.journal().clone()],
            left: Arc::new(AtomicUsize::new(FAILURES)),
            takes_effect,
        };
        let operator = Operator::start(&unsteady.client(), &[env.namespace()], patient);
        apply_three(&env).await;
        three_created_once(&env).await;
        assert!(unsteady.left.load(Ordering::SeqCst) < FAILURES, "the API server failed");
        env.reconcile_now::<Policy>("one").await;
        env.reconcile_now::<Policy>("two").await;
        env.reconcile_now::<NetworkPolicy>("net").await;
        only_true_events(&env).await;
        operator.stop().await;
    }
}
