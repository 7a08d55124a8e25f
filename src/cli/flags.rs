//! The flags of `cloud-policy run`, and their conversion to settings.

use super::proxy::ProxyArgs;
use crate::controller::Settings;
use crate::controller::settings::selector::WatchSelector;
use crate::controller::settings::{ShownUsers, TenantConnections};
use crate::telemetry;
use crate::upstream::{EndpointRules, HostPattern, HttpSettings};
use clap::{Args as ClapArgs, ValueEnum};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

/// Flags of `cloud-policy run`. When a flag is repeated, the last value wins, so that an argument at the end of a
/// Deployment's arguments overrides an earlier one. Values of lists add up.
#[derive(Debug, ClapArgs)]
#[command(args_override_self = true)]
pub struct Args {
    /// Namespace of the operator. It contains the Secrets of ClusterConnections and the leader Lease.
    #[arg(long, env = "POD_NAMESPACE", default_value = "cloud-policy-system")]
    pub(super) namespace: String,

    /// Name of this replica in the Lease and in events.
    #[arg(long, env = "POD_NAME", default_value = "cloud-policy-operator")]
    pub(super) instance: String,

    /// Namespaces to watch instead of all. The operator then needs only permissions in these
    /// namespaces and its own. ClusterConnections cannot be used, and --cluster-id is required.
    #[arg(long, env = "CLOUD_POLICY_WATCH_NAMESPACES", value_delimiter = ',')]
    pub(super) watch_namespaces: Vec<String>,

    /// Label selector of the policies and network policies to manage, such as `shard=a` or `!shard`. It
    /// splits them between several operators. Each object must match exactly one of them.
    #[arg(long, env = "CLOUD_POLICY_WATCH_SELECTOR", default_value = "", hide_default_value = true)]
    pub(super) watch_selector: WatchSelector,

    /// Name of the leader Lease. Without it `cloud-policy-operator`, and with --watch-selector a name that
    /// is derived from the selector.
    #[arg(long, env = "CLOUD_POLICY_LEASE_NAME")]
    pub(super) lease_name: Option<String>,

    /// Namespaces in which Connections may read their Secrets, or `*` for all. The operator needs
    /// `get` on Secrets there. If it is not set, only ClusterConnections work, or, with
    /// --watch-namespaces, the Connections in all watched namespaces.
    #[arg(long, env = "CLOUD_POLICY_TENANT_NAMESPACES", value_delimiter = ',')]
    pub(super) tenant_namespaces: Vec<String>,

    /// Hosts that connections may use: an exact name, or `*.example.com` for all hosts below it. Without
    /// `:port` only the default port of the scheme is allowed. The NAVER Cloud gateways are always allowed.
    #[arg(long, env = "CLOUD_POLICY_ALLOWED_HOSTS", value_delimiter = ',')]
    pub(super) allowed_hosts: Vec<HostPattern>,

    /// Allow endpoints on loopback and private addresses. Link-local and metadata addresses are always refused.
    #[arg(long, env = "CLOUD_POLICY_ALLOW_PRIVATE_ADDRESSES")]
    pub(super) allow_private_addresses: bool,

    /// Allow endpoints without TLS. Credentials are then sent unencrypted.
    #[arg(long, env = "CLOUD_POLICY_ALLOW_HTTP")]
    pub(super) allow_http: bool,

    /// The forward proxy.
    #[command(flatten)]
    pub(super) proxy: ProxyArgs,

    /// Identifies this cluster in the owner tags of upstream objects. If it is not set, the operator
    /// uses the uid of the namespace kube-system. If it changes, the operator no longer recognizes
    /// its objects.
    #[arg(long, env = "CLOUD_POLICY_CLUSTER_ID")]
    pub(super) cluster_id: Option<String>,

    /// Time during which a create request whose response was lost may still take effect, in seconds.
    #[arg(long, env = "CLOUD_POLICY_CREATE_GRACE_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(super) create_grace_seconds: u64,

    /// Interval at which connections are probed and their Secrets are read again, in seconds.
    #[arg(long, env = "CLOUD_POLICY_CONNECTION_INTERVAL_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) connection_interval_seconds: u64,

    /// About how much memory the cached objects may take, in MiB. An object above 8 KiB that has no
    /// room is refused.
    #[arg(long, env = "CLOUD_POLICY_OBJECT_MEMORY_MIB", default_value_t = 64, value_parser = clap::value_parser!(u16).range(16..=4096))]
    pub(super) object_memory_mib: u16,

    /// Maximum number of upstream objects of one connection that are deleted within the window, in one
    /// namespace or in several together. The
    /// operator blocks the deletion of more objects until a user confirms it. 0 disables the limit.
    #[arg(long, env = "CLOUD_POLICY_DELETE_LIMIT", default_value_t = 50)]
    pub(super) delete_limit: u32,

    /// Window in which deletions are counted, in seconds.
    #[arg(long, env = "CLOUD_POLICY_DELETE_WINDOW_SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub(super) delete_window_seconds: u64,

    /// Maximum number of objects of one connection that are reconciled at the same time.
    #[arg(long, env = "CLOUD_POLICY_CONCURRENCY", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) concurrency: u16,

    /// What status tells about the holders of policies: nothing (`off`), their number (`count`), or the names of some, too
    /// (`names`). Names are personal data.
    #[arg(long = "holders", env = "CLOUD_POLICY_HOLDERS", value_enum, default_value_t = ShownUsersArg::Count)]
    pub(super) shown_users: ShownUsersArg,

    /// Elect a leader through a Lease. Required with more than one replica.
    #[arg(long, env = "CLOUD_POLICY_LEADER_ELECT", default_value_t = true, action = clap::ArgAction::Set)]
    pub(super) leader_elect: bool,

    /// Address on which the operator serves /healthz, /readyz and /metrics.
    #[arg(long, env = "CLOUD_POLICY_LISTEN", default_value = "0.0.0.0:8080")]
    pub(super) listen: SocketAddr,

    /// Format of the log.
    #[arg(long, env = "CLOUD_POLICY_LOG_FORMAT", value_enum, default_value_t = telemetry::Format::Text)]
    pub(super) log_format: telemetry::Format,

    /// Filter of the log, in the syntax of tracing's EnvFilter.
    #[arg(long, env = "CLOUD_POLICY_LOG_FILTER", default_value = telemetry::DEFAULT_FILTER)]
    pub(super) log_filter: String,

    /// Send traces to this collector by OTLP over HTTP, such as http://collector:4318. A binary
    /// without the feature `otel` ignores it with a warning.
    #[arg(long, env = "CLOUD_POLICY_OTLP_ENDPOINT")]
    pub(super) otlp_endpoint: Option<url::Url>,
}

/// What status tells about the users of upstream objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ShownUsersArg {
    /// Nothing, and the operator does not read them.
    Off,
    /// Their number.
    Count,
    /// The names of some, too.
    Names,
}

impl From<ShownUsersArg> for ShownUsers {
    fn from(given: ShownUsersArg) -> Self {
        match given {
            ShownUsersArg::Off => Self::Nothing,
            ShownUsersArg::Count => Self::Count,
            ShownUsersArg::Names => Self::Names,
        }
    }
}

impl Args {
    /// Converts the flags to settings. Returns an error that names the flag if a required flag is missing.
    pub(super) fn settings(&self) -> anyhow::Result<Settings> {
        let mut endpoints = EndpointRules {
            allow_http: self.allow_http,
            allow_private: self.allow_private_addresses,
            ..EndpointRules::default()
        };
        endpoints.allowed_hosts.extend(self.allowed_hosts.iter().cloned());
        let scope = names(&self.watch_namespaces);
        // Charts set an empty variable to leave it unset.
        let cluster_id = self.cluster_id.clone().filter(|id| !id.is_empty());
        anyhow::ensure!(scope.is_empty() || cluster_id.is_some(), NEEDS_CLUSTER_ID);
        let proxy = self.proxy.proxy(|name| std::env::var(name).ok())?;
        anyhow::ensure!(proxy.is_none() || !self.allow_http, PROXY_NEEDS_TLS);
        Ok(Settings {
            http: HttpSettings { proxy, ..HttpSettings::default() },
            cluster_connections: scope.is_empty(),
            tenant_connections: self.tenant_connections(&scope),
            scope,
            selector: self.watch_selector.clone(),
            endpoints,
            cluster_id,
            create_grace: Duration::from_secs(self.create_grace_seconds),
            connection_interval: Duration::from_secs(self.connection_interval_seconds),
            object_memory: usize::from(self.object_memory_mib) << 20,
            delete_limit: self.delete_limit,
            delete_window: Duration::from_secs(self.delete_window_seconds),
            concurrency: self.concurrency,
            shown_users: self.shown_users.into(),
            ..Settings::new(&self.namespace)
        })
    }

    /// Returns the name of the Lease: operators with different selectors lead at the same time.
    pub(super) fn lease_name(&self) -> String {
        let given = self.lease_name.clone().filter(|name| !name.is_empty());
        let derived = || match &self.watch_selector {
            all if all.selects_all() => LEASE.to_owned(),
            selector => format!("{LEASE}-{}", selector.digest()),
        };
        given.unwrap_or_else(derived)
    }

    fn tenant_connections(&self, scope: &BTreeSet<String>) -> TenantConnections {
        let named = names(&self.tenant_namespaces);
        if named.contains("*") {
            return TenantConnections::All;
        }
        match (named.is_empty(), scope.is_empty()) {
            (false, _) => TenantConnections::Namespaces(named),
            (true, false) => TenantConnections::Namespaces(scope.clone()),
            (true, true) => TenantConnections::None,
        }
    }
}

/// The name of the Lease of an operator without a selector.
const LEASE: &str = "cloud-policy-operator";

/// The error without `--cluster-id`: permissions in single namespaces do not include the namespace `kube-system`.
const NEEDS_CLUSTER_ID: &str = "--watch-namespaces needs --cluster-id: with permissions in single namespaces the operator cannot read the uid of kube-system. \
     `kubectl get namespace kube-system -o jsonpath={.metadata.uid}` prints it. Never change it";

/// The error of a proxy together with endpoints without TLS.
const PROXY_NEEDS_TLS: &str =
    "--https-proxy and --allow-http exclude each other: without TLS a proxy would see the credentials";

fn names(given: &[String]) -> BTreeSet<String> {
    given.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct TestCli {
        #[command(flatten)]
        args: Args,
    }

    fn settings(flags: &[&str]) -> anyhow::Result<Settings> {
        TestCli::parse_from([&["run"], flags].concat()).args.settings()
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn defaults_watch_all_namespaces_and_allow_no_tenant() {
        let settings = settings(&[]).unwrap();
        assert!(settings.scope.is_empty() && settings.cluster_connections);
        assert_eq!(settings.tenant_connections, TenantConnections::None);
    }

    #[test]
    fn watched_namespaces_are_tenants_by_default() {
        let settings = settings(&["--watch-namespaces=a, b,", "--cluster-id=here"]).unwrap();
        assert_eq!(settings.scope, set(&["a", "b"]));
        assert!(!settings.cluster_connections);
        assert_eq!(settings.tenant_connections, TenantConnections::Namespaces(set(&["a", "b"])));
    }

    #[test]
    fn tenant_namespaces_may_be_fewer_than_watched_namespaces() {
        let settings = settings(&["--watch-namespaces=a,b", "--cluster-id=x", "--tenant-namespaces=a"]).unwrap();
        assert_eq!(settings.tenant_connections, TenantConnections::Namespaces(set(&["a"])));
    }

    #[test]
    fn watched_namespaces_require_a_cluster_id() {
        for flags in [&["--watch-namespaces=a"][..], &["--watch-namespaces=a", "--cluster-id="]] {
            let error = settings(flags).unwrap_err().to_string();
            assert!(error.starts_with("--watch-namespaces needs --cluster-id"), "{error}");
        }
        assert!(settings(&["--watch-namespaces="]).unwrap().scope.is_empty(), "an empty variable is not set");
    }

    #[test]
    fn operators_with_different_selectors_have_different_leases() {
        let lease = |flags: &[&str]| TestCli::parse_from([&["run"], flags].concat()).args.lease_name();
        let (all, a, b) = (lease(&[]), lease(&["--watch-selector=shard=a"]), lease(&["--watch-selector=shard=b"]));
        assert_eq!([&all, &lease(&["--watch-selector="])], ["cloud-policy-operator"; 2]);
        assert!(a != b && a.starts_with("cloud-policy-operator-") && b.starts_with("cloud-policy-operator-"));
        assert_eq!(a, lease(&["--watch-selector= shard==a"]), "the same selector");
        assert_eq!(lease(&["--watch-selector=shard=a", "--lease-name=mine"]), "mine");
        assert_eq!(lease(&["--lease-name="]), all, "an empty variable is not set");
    }

    #[test]
    fn wrong_selector_is_refused_by_the_name_of_the_flag() {
        let error = TestCli::try_parse_from(["run", "--watch-selector=shard in a"]).err().unwrap().to_string();
        assert!(error.contains("--watch-selector") && error.contains("`shard in a` is no term"), "{error}");
        let settings = settings(&["--watch-selector=!shard,tier in (a,b)"]).unwrap();
        assert_eq!(settings.selector.to_string(), "tier in (a,b),!shard");
    }

    #[test]
    fn repeated_flag_overrides_and_repeated_list_adds_up() {
        let flags = ["run", "--log-format=text", "--allow-http", "--leader-elect=true", "--tenant-namespaces=a"];
        let again = ["--log-format=json", "--allow-http", "--leader-elect=false", "--tenant-namespaces=b"];
        let args = TestCli::parse_from(flags.into_iter().chain(again)).args;
        assert!(args.log_format == telemetry::Format::Json && args.allow_http && !args.leader_elect);
        assert_eq!(args.settings().unwrap().tenant_connections, TenantConnections::Namespaces(set(&["a", "b"])));
    }

    #[test]
    fn star_allows_all_tenants() {
        let settings = settings(&["--tenant-namespaces=a,*"]).unwrap();
        assert_eq!(settings.tenant_connections, TenantConnections::All);
    }
}
