//! The bound is tightened at each step of a create and of an update that widens, while the operator's own watch of the connection shows nothing of it.

use super::{loose, set, tight};
use crate::support::connection_helpers::connection_is;
use crate::support::rbac;
use crate::support::test_env::{Operator, TestEnv, common, condition, ncloud_policy};
use cloud_policy::api::Policy;
use cloud_policy::controller::settings::Safeguards;
use cloud_policy_simulator::{Decision, Operation};
use http::Request;
use kube::Client;
use kube::client::Body;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// The most steps of a create: look up, connection, finalizer, intent, validation, creation, status and more.
const MOST_STEPS: usize = 30;

/// Counts the steps of the operator, and stops at one of them until the bound is tightened.
#[derive(Clone)]
struct Gate {
    /// How many steps are left until the one that waits; 0 if none does.
    left: Arc<AtomicUsize>,
    reached: mpsc::UnboundedSender<(String, oneshot::Sender<()>)>,
}

impl Gate {
    /// Returns a step, which may have to wait.
    fn step(&self, name: String) -> impl Future<Output = ()> + Send + use<> {
        let is_here = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) == Ok(1);
        let reached = self.reached.clone();
        async move {
            if is_here {
                let (release, released) = oneshot::channel();
                reached.send((name, release)).unwrap();
                drop(released.await);
            }
        }
    }

    /// Returns a client whose requests about policies and connections are steps, and whose watches of connections are
    /// silent.
    fn client(&self, server: Client) -> Client {
        let gate = self.clone();
        let forward = move |request: Request<Body>| {
            let (gate, server) = (gate.clone(), server.clone());
            async move {
                let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
                let watches = query.contains("watch=true");
                if watches && path.ends_with("/connections") {
                    std::future::pending::<()>().await;
                }
                let is_step =
                    path.contains("/policies/") || path.contains("/connections/") && request.method() == "GET";
                if is_step && !watches {
                    gate.step(format!("{} {path}", request.method())).await;
                }
                server.send(request).await
            }
        };
        Client::new(tower::service_fn(forward), "default")
    }
}

/// What happens to an object while the bound is tightened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Story {
    Create,
    /// An update that grants more.
    Widen,
}

impl Story {
    fn operation(self) -> Operation {
        match self {
            Self::Create => Operation::Create,
            Self::Widen => Operation::Update,
        }
    }

    /// Prepares the object.
    async fn begin(self, env: &TestEnv, name: &str) {
        if self == Self::Widen {
            let mut object = ncloud_policy(name);
            object["spec"]["ncloud"]["permissions"][0]["targets"][0]["actions"] = json!(["View*"]);
            env.apply(object).await;
            env.ready::<Policy>(name).await;
        }
    }
}

/// Waits until the operator has judged the newest spec.
async fn judged(env: &TestEnv, name: &str) {
    env.until(name, "judged", |policy: &Policy| {
        let seen = common(policy);
        let reason = condition(&seen, "Ready").map(|ready| ready.reason.clone()).unwrap_or_default();
        let is_current = policy.metadata.generation == Some(seen.observed_generation);
        anyhow::ensure!(is_current && ["UpToDate", "GuardrailDenied"].contains(&reason.as_str()), "{reason}");
        Ok(())
    })
    .await;
}

/// Tells the story, once for each step at which the bound is tightened. Returns what was written beyond it, and the names
/// of the steps.
async fn tighten_at_each_step(name: &str, story: Story, safeguards: Safeguards) -> (Vec<String>, Vec<String>) {
    let env = TestEnv::without_operator(name).await;
    let (reached, mut steps) = mpsc::unbounded_channel();
    let gate = Gate { left: Arc::default(), reached };
    set(&env, "ncloud", &loose()).await;
    let client = gate.client(rbac::client().await);
    let operator = Operator::start(&client, &[env.namespace()], |settings| {
        settings.safeguards = safeguards;
        settings.connection_interval = Duration::from_mins(10);
    });
    connection_is(&env, "ncloud", "Authenticated").await;
    env.ncloud.faults().decide_with({
        let gate = gate.clone();
        move |request| Some(Decision::DelayAnswer(Box::pin(gate.step(format!("{:?}", request.operation)))))
    });
    let (beyond, seen) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    for step in 1..MOST_STEPS {
        let object = format!("step-{step}");
        story.begin(&env, &object).await;
        gate.left.store(step, Ordering::SeqCst);
        env.apply(ncloud_policy(&object)).await;
        let judged = judged(&env, &object);
        tokio::pin!(judged);
        let (at, release) = tokio::select! {
            reached = steps.recv() => reached.unwrap(),
            () = &mut judged => break,
        };
        set(&env, "ncloud", &tight()).await;
        let before = env.ncloud.journal().effects(story.operation());
        release.send(()).unwrap();
        judged.await;
        if env.ncloud.journal().effects(story.operation()) > before {
            beyond.lock().unwrap().push(format!("written after the bound was tightened at {at}"));
        }
        seen.lock().unwrap().push(at);
        gate.left.store(0, Ordering::SeqCst);
        set(&env, "ncloud", &loose()).await;
        env.delete::<Policy>(&object).await;
        env.gone::<Policy>(&object).await;
    }
    drop(operator);
    (beyond.into_inner().unwrap(), seen.into_inner().unwrap())
}

#[tokio::test]
async fn bound_tightened_at_any_step_of_a_create_holds() {
    let (beyond, steps) = tighten_at_each_step("guard-steps", Story::Create, Safeguards::default()).await;
    println!("{steps:#?}");
    assert_eq!(beyond, Vec::<String>::new());
    let is_met = |part: &str| steps.iter().any(|step| step.contains(part));
    for part in ["Validate", "Create", "/status", "/connections/ncloud", "PATCH"] {
        assert!(is_met(part), "no step is {part}: {steps:#?}");
    }
    assert!(steps.len() >= 8, "{steps:#?}");
}

#[tokio::test]
async fn bound_tightened_at_any_step_of_an_update_holds() {
    let (beyond, steps) = tighten_at_each_step("guard-widen", Story::Widen, Safeguards::default()).await;
    println!("{steps:#?}");
    assert_eq!(beyond, Vec::<String>::new());
    for part in ["Get", "Update", "/connections/ncloud"] {
        assert!(steps.iter().any(|step| step.contains(part)), "no step is {part}: {steps:#?}");
    }
}

#[tokio::test]
async fn oracle_tells_stale_bound_without_the_fresh_read() {
    let without = Safeguards { fresh_guardrails: false, ..Safeguards::default() };
    for (name, story) in [("guard-stale", Story::Create), ("guard-stale-widen", Story::Widen)] {
        let (beyond, _) = tighten_at_each_step(name, story, without).await;
        assert!(!beyond.is_empty(), "{name}: the oracle is silent without the safeguard");
    }
}
