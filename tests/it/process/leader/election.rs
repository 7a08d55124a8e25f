//! A leader election whose candidates a test can observe.

use super::wire::{Mode, Wire};
use crate::support::{self, rbac};
use cloud_policy::controller::leader::{Elector, ElectorConfig, End, Leadership};
use cloud_policy_testbed::{ControlPlane, TestNamespace};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Short enough for a test, long enough for a busy machine.
pub const LEASE: Duration = Duration::from_secs(4);
pub const DEADLINE: Duration = Duration::from_secs(3);
pub const RETRY: Duration = Duration::from_millis(250);
/// Longer than any takeover may take.
pub const LIMIT: Duration = Duration::from_secs(20);
/// The only Lease that the role names.
pub const NAME: &str = "cloud-policy-operator";

/// Returns the shared control plane without the CRDs, because a Lease needs none of them.
fn control_plane() -> &'static ControlPlane {
    support::install_crypto();
    ControlPlane::shared().unwrap()
}

pub struct Election {
    namespace: TestNamespace,
    operator_client: Client,
    /// The Leases, with every right.
    pub leases: Api<Lease>,
}

/// One process in the election.
pub struct Candidate {
    pub leadership: Leadership,
    pub wire: Wire,
    pub shutdown: CancellationToken,
    pub end: JoinHandle<End>,
}

impl Election {
    pub async fn new() -> Self {
        let (client, operator_client) = (control_plane().client().unwrap(), rbac::client_of(control_plane()));
        let namespace = TestNamespace::create(&client, "leader").await.unwrap();
        rbac::grant_own(&client, &operator_client, namespace.name()).await;
        let leases = Api::namespaced(client, namespace.name());
        Self { namespace, operator_client, leases }
    }

    pub fn elector(&self, identity: &str) -> (Elector, Wire) {
        let wire = Wire::to(self.operator_client.clone());
        let config = ElectorConfig {
            lease_duration: LEASE,
            renew_deadline: DEADLINE,
            retry_period: RETRY,
            ..ElectorConfig::new(self.namespace.name(), NAME, identity)
        };
        (Elector::new(wire.client(), config).unwrap(), wire)
    }

    pub fn join(&self, identity: &str) -> Candidate {
        self.join_through(identity, Mode::Open)
    }

    pub fn join_through(&self, identity: &str, mode: Mode) -> Candidate {
        let (elector, wire) = self.elector(identity);
        wire.set(mode);
        let (leadership, shutdown) = (elector.leadership(), CancellationToken::new());
        let end = tokio::spawn(elector.run(shutdown.clone()));
        Candidate { leadership, wire, shutdown, end }
    }

    pub async fn lease(&self) -> LeaseSpec {
        self.leases.get(NAME).await.unwrap().spec.unwrap()
    }

    /// Creates a Lease as another process left it.
    pub async fn create_lease(&self, spec: LeaseSpec) {
        let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
        self.leases.create(&PostParams::default(), &Lease { metadata, spec: Some(spec) }).await.unwrap();
    }
}

impl Candidate {
    pub async fn leads(&self) {
        let acquired = timeout(LIMIT, self.leadership.acquired()).await.expect("the candidate leads in time");
        assert!(acquired && self.leadership.still_leads());
    }

    /// Asserts that the candidate leads for this time.
    pub async fn goes_on_for(&self, time: Duration) {
        let started = Instant::now();
        while started.elapsed() < time {
            assert!(self.leadership.still_leads(), "lost after {:?}", started.elapsed());
            sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Counts continuously how many candidates lead.
pub struct Count {
    stop: Arc<AtomicBool>,
    most: std::thread::JoinHandle<usize>,
}

impl Count {
    /// Starts counting on a thread of its own, which continues while a runtime is stopped.
    pub fn of(handles: &[&Leadership]) -> Self {
        let handles: Vec<Leadership> = handles.iter().map(|handle| (*handle).clone()).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let most = std::thread::spawn(move || {
            let mut most = 0;
            loop {
                let last = stopped.load(Ordering::SeqCst);
                most = most.max(handles.iter().filter(|handle| handle.still_leads()).count());
                if last {
                    return most;
                }
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        Self { stop, most }
    }

    /// Stops counting; returns the highest number of candidates that led at the same time.
    pub fn most(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        self.most.join().unwrap()
    }
}
