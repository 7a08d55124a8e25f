//! What the operator was told, read once by the command line.

use crate::upstream::{EndpointRules, HttpSettings};
use std::collections::BTreeSet;
use std::time::Duration;

/// In which namespaces `Connection`s may read their Secrets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TenantConnections {
    /// In none: only `ClusterConnection`s work.
    #[default]
    None,
    /// In these.
    Namespaces(BTreeSet<String>),
    /// In all.
    All,
}

impl TenantConnections {
    /// Whether the operator was given permission to read Secrets there.
    #[must_use]
    pub fn allow(&self, namespace: &str) -> bool {
        match self {
            Self::None => false,
            Self::Namespaces(names) => names.contains(namespace),
            Self::All => true,
        }
    }
}

/// The protections against doubles, leaks and mistaken identity. All are on; no flag and no
/// variable reaches them: only tests turn one off, to show that the fault sweeps notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each protection stands for itself")]
pub struct Safeguards {
    /// The intent in status before a create is sent.
    pub intent: bool,
    /// Looking for objects with our stamp before anything is created.
    pub owner_lookup: bool,
    /// The tests on uid and `resourceVersion` in the patches of finalizers.
    pub uid_test: bool,
    /// Asking whether this process still leads before every upstream write.
    pub fence: bool,
    /// Never deciding upon a list that is older than the own last write, or much older than the
    /// object's interval.
    pub fresh_snapshots: bool,
}

impl Default for Safeguards {
    fn default() -> Self {
        Self { intent: true, owner_lookup: true, uid_test: true, fence: true, fresh_snapshots: true }
    }
}

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The operator's own namespace: the Secrets of `ClusterConnection`s and the Lease.
    pub namespace: String,
    /// The namespaces whose objects are looked after; all when empty. With rights there alone the
    /// operator needs a `cluster_id` and no `cluster_connections`.
    pub scope: BTreeSet<String>,
    /// Whether `ClusterConnection`s are looked after.
    pub cluster_connections: bool,
    /// Where `Connection`s may read Secrets.
    pub tenant_connections: TenantConnections,
    /// Which endpoints may be called.
    pub endpoints: EndpointRules,
    /// Timeouts and limits of upstream calls.
    pub http: HttpSettings,
    /// Identifies this cluster in stamps; the uid of `kube-system` without it.
    pub cluster_id: Option<String>,
    /// How long a create whose answer was lost may still land.
    pub create_grace: Duration,
    /// How often connections are probed and Secrets re-read.
    pub connection_interval: Duration,
    /// How seldom an object is retried that waits for a human.
    pub slow_retry: Duration,
    /// First and longest distance between retries.
    pub backoff: (Duration, Duration),
    /// How long a deleted object in a terminating namespace waits for its connection.
    pub orphan_after: Duration,
    /// How many upstream objects of one connection may be deleted within `delete_window`; more are
    /// held until a human confirms. 0 holds none.
    pub delete_limit: u32,
    /// Over which time deletions are counted.
    pub delete_window: Duration,
    /// How many objects of one connection are reconciled at once.
    pub concurrency: u16,
    /// When a reconcile is given up.
    pub reconcile_timeout: Duration,
    /// How fast object intervals run: 1 in production; tests press an hour into seconds.
    pub interval_divisor: u32,
    /// Protections: always on outside of tests.
    pub safeguards: Safeguards,
}

impl Settings {
    /// The defaults, for an operator that runs in this namespace.
    pub fn new(namespace: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            scope: BTreeSet::new(),
            cluster_connections: true,
            tenant_connections: TenantConnections::default(),
            endpoints: EndpointRules::default(),
            http: HttpSettings::default(),
            cluster_id: None,
            create_grace: Duration::from_secs(30),
            connection_interval: Duration::from_mins(1),
            slow_retry: Duration::from_mins(10),
            backoff: (Duration::from_secs(1), Duration::from_mins(5)),
            orphan_after: Duration::from_mins(10),
            delete_limit: 50,
            delete_window: Duration::from_mins(10),
            concurrency: 8,
            reconcile_timeout: Duration::from_mins(2),
            interval_divisor: 1,
            safeguards: Safeguards::default(),
        }
    }
}
