//! Liveness: `/healthz` fails while a controller stands still, recovers with it, and does not fail because of an
//! upstream.

use crate::support::connection_helpers::connection_is;
use crate::support::rbac;
use crate::support::test_env::{Operator, SOON, TestEnv, ncloud_policy, network_policy};
use axum::http::{Request, Response};
use cloud_policy::api::{Connection, NetworkPolicy, Policy};
use cloud_policy::controller::Settings;
use cloud_policy::controller::clock::{Clock, SystemClock};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy::controller::state::heartbeats::Patience;
use cloud_policy::metrics::Metrics;
use cloud_policy::server::{self, Liveness, Readiness};
use cloud_policy_simulator::{Action, Fault};
use cloud_policy_testbed::wait_for;
use futures::StreamExt;
use http_body_util::{BodyStream, StreamBody};
use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use serde_json::json;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const NEVER: Duration = Duration::from_hours(1);

/// An operator with its HTTP server.
struct Probed {
    operator: Operator,
    address: String,
}

impl Probed {
    async fn start(env: &TestEnv, client: &Client, patience: Patience) -> Self {
        Self::start_on(&Handle::current(), env, client, Arc::new(SystemClock), patience).await
    }

    async fn start_on(
        threads: &Handle,
        env: &TestEnv,
        client: &Client,
        clock: Arc<dyn Clock>,
        patience: Patience,
    ) -> Self {
        let adjust = |settings: &mut Settings| {
            settings.reconcile_timeout = Duration::from_secs(1);
            settings.concurrency = 1;
        };
        let operator = {
            let _entered = threads.enter();
            Operator::start_with_patience(client, &[env.namespace()], clock, patience, adjust)
        };
        let heartbeats = Arc::clone(&operator.heartbeats);
        let liveness = Liveness::new(move || heartbeats.report(Timestamp::now()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let served =
            server::serve(listener, Metrics::new("test"), Readiness::default(), liveness, CancellationToken::new());
        tokio::spawn(served);
        Self { operator, address }
    }

    /// Returns the response of `/healthz`.
    async fn healthz(&self) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut socket = TcpStream::connect(&self.address).await.unwrap();
        socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn answers(&self, status: &str, words: &str) {
        wait_for(&format!("/healthz to answer {status} {words}"), SOON, || async {
            let answer = self.healthz().await;
            anyhow::ensure!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(words), "{answer}");
            Ok(())
        })
        .await
        .unwrap();
    }

    /// Returns how many reconciles ended so far.
    fn reconciles(&self) -> usize {
        let all = self.operator.metrics.encode().unwrap();
        let ended = all.lines().filter(|line| line.contains("_reconciles_total{"));
        ended.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
    }
}

/// A clock that blocks its callers while it is stopped.
#[derive(Default)]
struct StoppableClock {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl StoppableClock {
    fn stop(&self, stopped: bool) {
        *self.stopped.lock().unwrap() = stopped;
        self.changed.notify_all();
    }
}

/// Lets the clock run again, also when a test fails: a blocked thread would keep the runtime from ending.
struct Restart(Arc<StoppableClock>);

impl Drop for Restart {
    fn drop(&mut self) {
        self.0.stop(false);
    }
}

impl Clock for StoppableClock {
    fn now(&self) -> Timestamp {
        let stopped = self.stopped.lock().unwrap();
        drop(self.changed.wait_while(stopped, |stopped| *stopped).unwrap());
        SystemClock.now()
    }
}

#[tokio::test]
async fn healthz_fails_while_a_reconcile_blocks_its_thread() {
    let env = TestEnv::without_operator("blocked").await;
    let clock = Arc::new(StoppableClock::default());
    let _restart = Restart(Arc::clone(&clock));
    let patience = Patience { work: Duration::from_secs(5), watch: NEVER };
    // The operator has threads of its own: the one that blocks must not be the one that serves the test.
    let threads = Box::leak(Box::new(tokio::runtime::Runtime::new().unwrap()));
    let client = rbac::client().await;
    let probed = Probed::start_on(threads.handle(), &env, &client, clock.clone(), patience).await;
    connection_is(&env, "ncloud", "Authenticated").await;
    probed.answers("200 OK", "ok").await;
    clock.stop(true);
    probed.answers("503 Service Unavailable", "not ok: Connection: a reconcile does not end since 20").await;
    clock.stop(false);
    probed.answers("200 OK", "ok").await;
}

/// Returns the same client, whose watches are silent while `silent` is set: they stay open, and nothing arrives.
fn muted(inner: Client, silent: watch::Receiver<bool>) -> Client {
    let namespace = inner.default_namespace().to_owned();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (inner, silent) = (inner.clone(), silent.clone());
        async move {
            let watches = request.uri().query().is_some_and(|query| query.contains("watch=true"));
            let response: Response<Body> = inner.send(request).await?;
            let mute = move |body: Body| {
                StreamBody::new(BodyStream::new(body).then(move |frame| {
                    let mut silent = silent.clone();
                    async move {
                        if watches {
                            // The sender exists as long as the test.
                            let _ = silent.wait_for(|silent| !*silent).await;
                        }
                        frame
                    }
                }))
            };
            Ok::<_, kube::Error>(response.map(mute))
        }
    });
    Client::new(service, namespace)
}

/// Changes an object of each kind for ever, so that no watch is silent by itself.
async fn touch_all(env: &TestEnv) {
    for count in 0_u64.. {
        let change = json!({ "metadata": { "annotations": { "example.com/count": count.to_string() } } });
        env.patch::<Policy>("touched", change.clone()).await;
        env.patch::<NetworkPolicy>("touched", change.clone()).await;
        env.patch::<Connection>("ncloud", change).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn healthz_fails_while_watches_are_open_and_silent() {
    let env = TestEnv::without_operator("silent-watch").await;
    env.apply(ncloud_policy("touched")).await;
    env.apply(network_policy("touched", "zone-1")).await;
    let (silent, is_silent) = watch::channel(false);
    let client = muted(rbac::client().await, is_silent);
    let patience = Patience { work: NEVER, watch: Duration::from_secs(5) };
    let probed = Probed::start(&env, &client, patience).await;
    let story = async {
        env.ready::<Policy>("touched").await;
        probed.answers("200 OK", "ok").await;
        silent.send_replace(true);
        for kind in [Policy::KIND, NetworkPolicy::KIND, "Connection"] {
            let words = format!("not ok: {kind}: its watch is silent since 20");
            probed.answers("503 Service Unavailable", &words).await;
        }
        silent.send_replace(false);
        probed.answers("200 OK", "ok").await;
    };
    tokio::select! {
        () = story => {}
        () = touch_all(&env) => {}
    }
}

#[tokio::test]
async fn healthz_is_ok_while_upstream_is_silent_and_objects_wait() {
    let env = TestEnv::without_operator("silent-upstream").await;
    let patience = Patience { work: Duration::from_secs(5), watch: NEVER };
    let probed = Probed::start(&env, &rbac::client().await, patience).await;
    connection_is(&env, "ncloud", "Authenticated").await;
    env.ncloud.faults().add(Fault::any().before(Action::Timeout(NEVER)).forever());
    // With one permit, the last of them waits far longer than a controller may stand still.
    for number in 0..20 {
        env.apply(ncloud_policy(&format!("waits-{number}"))).await;
    }
    wait_for("many reconciles", SOON * 2, || async {
        let answer = probed.healthz().await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        anyhow::ensure!(probed.reconciles() > 40, "{} reconciles", probed.reconciles());
        Ok(())
    })
    .await
    .unwrap();
}
