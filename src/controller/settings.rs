//! The settings of the operator. The command line reads them once.

pub mod selector;

use crate::api::status::AttachedTo;
use crate::upstream::{EndpointRules, HttpSettings};
use selector::WatchSelector;
use std::collections::BTreeSet;
use std::time::Duration;

/// The namespaces in which the operator may read the Secrets of `Connection`s.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TenantConnections {
    /// No namespace: only `ClusterConnection`s work.
    #[default]
    None,
    /// These namespaces.
    Namespaces(BTreeSet<String>),
    /// All namespaces.
    All,
}

impl TenantConnections {
    /// Returns whether the operator may read Secrets in this namespace.
    #[must_use]
    pub fn allow(&self, namespace: &str) -> bool {
        match self {
            Self::None => false,
            Self::Namespaces(names) => names.contains(namespace),
            Self::All => true,
        }
    }
}

/// What status tells about the users of upstream objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ShownUsers {
    /// Nothing, and the operator does not read them.
    #[default]
    Nothing,
    /// How many there are.
    Count,
    /// The names of some, too.
    Names,
}

impl ShownUsers {
    /// Takes away what status must not tell.
    pub fn redact(self, known: &mut Option<AttachedTo>) {
        match (self, known) {
            (Self::Nothing, known) => *known = None,
            (Self::Count, Some(known)) => known.sample.clear(),
            (Self::Count, None) | (Self::Names, _) => {}
        }
    }
}

/// The protections against duplicates, leaks and writes to the wrong object. All are on, and no flag or
/// environment variable can turn one off. Only tests do, to show that the fault sweeps detect it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each protection is independent of the others")]
pub struct Safeguards {
    /// Records a pending create, recreation or adoption in status before the request is sent.
    pub intent: bool,
    /// Looks for objects with our owner tag before anything is created.
    pub owner_lookup: bool,
    /// Tests `uid` and `resourceVersion` in the patches of finalizers.
    pub uid_test: bool,
    /// Checks before every upstream write that this process still leads.
    pub fence: bool,
    /// Ignores a list that is older than the last write of the object, or than half of the object's interval.
    pub fresh_snapshots: bool,
    /// Looks for the users of an upstream object before it is deleted and after it is gone.
    pub user_lookup: bool,
    /// Looks again when the upstream does not show an accepted write yet, before anything counts as drift, as not
    /// applied or as not deleted.
    pub lagging_reads: bool,
    /// Records an update that takes permissions away before it is written.
    pub narrowing_record: bool,
    /// Confirms by a list that a recorded object is gone, where a get is no proof.
    pub absence_by_list: bool,
    /// Puts back at once a finalizer that another writer took from an object with something upstream.
    pub lost_finalizer: bool,
    /// Puts back what another writer took from the record in status: the upstream object, and the create in flight.
    pub lost_record: bool,
    /// Looks upstream before an object without a record is let go or created, also for what an earlier process may
    /// have created and the upstream may show late.
    pub search_unrecorded: bool,
    /// Takes an object without an owner tag for that of a create in flight only if this process sent the create.
    pub create_proof: bool,
    /// Corrects without end what may grant more than the spec, instead of conceding it in a drift fight.
    pub correct_widening: bool,
    /// Removes the owner tag of an upstream object that is released on purpose.
    pub release_tag: bool,
    /// Looks for an object of this name that a lost Kubernetes object left, before another one is created.
    pub leftover_lookup: bool,
    /// Searches once more after the grace for what a create made that the upstream refused, before the object goes or another
    /// create is sent.
    pub hidden_refusals: bool,
    /// Reads the guardrails of the connection again right before a write that may grant something.
    pub fresh_guardrails: bool,
    /// Stops before a write that grants more until it is approved, where the connection requires that.
    pub approval: bool,
    /// Creates and deletes nothing while the connection leads to another place than the one that status records.
    pub location: bool,
}

impl Default for Safeguards {
    fn default() -> Self {
        Self {
            intent: true,
            owner_lookup: true,
            uid_test: true,
            fence: true,
            fresh_snapshots: true,
            user_lookup: true,
            lagging_reads: true,
            narrowing_record: true,
            absence_by_list: true,
            lost_finalizer: true,
            lost_record: true,
            search_unrecorded: true,
            create_proof: true,
            correct_widening: true,
            location: true,
            release_tag: true,
            leftover_lookup: true,
            hidden_refusals: true,
            fresh_guardrails: true,
            approval: true,
        }
    }
}

/// All settings of the operator.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The operator's own namespace, which contains the Lease and the Secrets of `ClusterConnection`s.
    pub namespace: String,
    /// The namespaces that the operator watches; all when empty. An operator with rights in single namespaces
    /// only needs a `cluster_id`, and must not set `cluster_connections`.
    pub scope: BTreeSet<String>,
    /// Selects the objects that this operator manages, beside operators with other selectors. All operators use all
    /// connections; the one whose selector matches a connection writes its status and its finalizer.
    pub selector: WatchSelector,
    /// Whether the operator watches `ClusterConnection`s.
    pub cluster_connections: bool,
    /// The namespaces in which the operator may read the Secrets of `Connection`s.
    pub tenant_connections: TenantConnections,
    /// The endpoints that the operator may call.
    pub endpoints: EndpointRules,
    /// The timeouts and limits of upstream requests.
    pub http: HttpSettings,
    /// Identifies this cluster in owner tags. Without it the operator uses the uid of the namespace `kube-system`.
    pub cluster_id: Option<String>,
    /// How long a create request whose response was lost may still take effect.
    pub create_grace: Duration,
    /// How long the operator waits before it looks again at a write whose response was lost, or that the upstream does
    /// not show yet. Each further wait is twice as long.
    pub first_look: Duration,
    /// How often the operator probes connections and reads their Secrets.
    pub connection_interval: Duration,
    /// How often the operator retries an object that waits for a human.
    pub slow_retry: Duration,
    /// The first and the longest wait between retries.
    pub backoff: (Duration, Duration),
    /// How long a deleted object in a terminating namespace waits for its connection before the operator orphans its
    /// upstream object.
    pub orphan_after: Duration,
    /// About how many bytes the cached objects may take, small objects apart.
    pub object_memory: usize,
    /// How many upstream objects of one connection the operator deletes within `delete_window`. Further deletions
    /// are blocked until a human confirms them. 0 means no limit.
    pub delete_limit: u32,
    /// The period over which the operator counts deletions.
    pub delete_window: Duration,
    /// How many objects of one connection the operator reconciles at once.
    pub concurrency: u16,
    /// The timeout of one reconcile.
    pub reconcile_timeout: Duration,
    /// Divides the intervals of objects: 1 in production. Tests use more, to run an hour in seconds.
    pub interval_divisor: u32,
    /// What status tells about the users of upstream objects.
    pub shown_users: ShownUsers,
    /// The environment variable that names a proxy, which the operator does not use.
    pub ignored_proxy: Option<&'static str>,
    /// The protections, which are always on outside of tests.
    pub safeguards: Safeguards,
}

impl Settings {
    /// Returns the defaults for an operator that runs in this namespace.
    pub fn new(namespace: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            scope: BTreeSet::new(),
            selector: WatchSelector::default(),
            cluster_connections: true,
            tenant_connections: TenantConnections::default(),
            endpoints: EndpointRules::default(),
            http: HttpSettings::default(),
            cluster_id: None,
            create_grace: Duration::from_secs(30),
            first_look: Duration::from_secs(1),
            connection_interval: Duration::from_mins(1),
            slow_retry: Duration::from_mins(10),
            backoff: (Duration::from_secs(1), Duration::from_mins(5)),
            orphan_after: Duration::from_mins(10),
            object_memory: 64 << 20,
            delete_limit: 50,
            delete_window: Duration::from_mins(10),
            concurrency: 8,
            reconcile_timeout: Duration::from_mins(2),
            interval_divisor: 1,
            shown_users: ShownUsers::default(),
            ignored_proxy: None,
            safeguards: Safeguards::default(),
        }
    }

    /// Returns whether the operator watches the objects of the whole cluster, so that an object which it does not see does
    /// not exist.
    #[must_use]
    pub fn watches_all(&self) -> bool {
        self.scope.is_empty() && self.selector.selects_all()
    }
}
