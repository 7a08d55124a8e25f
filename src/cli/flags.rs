//! The flags of `cloud-policy run`, and what they come to.

use crate::controller::Settings;
use crate::controller::settings::TenantConnections;
use crate::telemetry;
use crate::upstream::{EndpointRules, HostPattern};
use clap::Args as ClapArgs;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

/// Flags of `cloud-policy run`. The last one wins when one is given twice, so that what is added at the end of a
/// Deployment's arguments overrides what stands there; lists add up.
#[derive(Debug, ClapArgs)]
#[command(args_override_self = true)]
pub struct Args {
    /// Namespace of the operator: the Secrets of ClusterConnections and the leader Lease lie here.
    #[arg(long, env = "POD_NAMESPACE", default_value = "cloud-policy-system")]
    pub(super) namespace: String,

    /// Name of this replica, for the Lease and for events.
    #[arg(long, env = "POD_NAME", default_value = "cloud-policy-operator")]
    pub(super) instance: String,

    /// Namespaces to look after instead of all: rights in these are enough then, and none in the
    /// cluster. ClusterConnections cannot be used, and --cluster-id must be given.
    #[arg(long, env = "CLOUD_POLICY_WATCH_NAMESPACES", value_delimiter = ',')]
    pub(super) watch_namespaces: Vec<String>,

    /// Namespaces in which Connections may read their Secrets, or `*` for all. The operator needs
    /// `get` on Secrets there. Without it only ClusterConnections work; with --watch-namespaces it
    /// is these namespaces unless told otherwise.
    #[arg(long, env = "CLOUD_POLICY_TENANT_NAMESPACES", value_delimiter = ',')]
    pub(super) tenant_namespaces: Vec<String>,

    /// Hosts that connections may name: exact, or `*.example.com` for every host below. The NAVER
    /// Cloud gateways are always allowed.
    #[arg(long, env = "CLOUD_POLICY_ALLOWED_HOSTS", value_delimiter = ',')]
    pub(super) allowed_hosts: Vec<HostPattern>,

    /// Allow endpoints on loopback and private addresses. Link-local and metadata addresses stay refused.
    #[arg(long, env = "CLOUD_POLICY_ALLOW_PRIVATE_ADDRESSES")]
    pub(super) allow_private_addresses: bool,

    /// Allow endpoints without TLS. Credentials then travel in the clear.
    #[arg(long, env = "CLOUD_POLICY_ALLOW_HTTP")]
    pub(super) allow_http: bool,

    /// Identifies this cluster in the stamps on upstream objects; the uid of kube-system without it.
    #[arg(long, env = "CLOUD_POLICY_CLUSTER_ID")]
    pub(super) cluster_id: Option<String>,

    /// How long a create call whose answer was lost may still land, in seconds.
    #[arg(long, env = "CLOUD_POLICY_CREATE_GRACE_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(super) create_grace_seconds: u64,

    /// How often connections are probed and their Secrets re-read, in seconds.
    #[arg(long, env = "CLOUD_POLICY_CONNECTION_INTERVAL_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) connection_interval_seconds: u64,

    /// How many upstream objects of one connection may be deleted within the window; more are held
    /// until a human confirms. 0 holds none.
    #[arg(long, env = "CLOUD_POLICY_DELETE_LIMIT", default_value_t = 50)]
    pub(super) delete_limit: u32,

    /// The window in which deletions are counted, in seconds.
    #[arg(long, env = "CLOUD_POLICY_DELETE_WINDOW_SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub(super) delete_window_seconds: u64,

    /// How many objects of one connection are reconciled at once.
    #[arg(long, env = "CLOUD_POLICY_CONCURRENCY", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) concurrency: u16,

    /// Elect a leader through a Lease. Needed with more than one replica.
    #[arg(long, env = "CLOUD_POLICY_LEADER_ELECT", default_value_t = true, action = clap::ArgAction::Set)]
    pub(super) leader_elect: bool,

    /// Where /healthz, /readyz and /metrics are served.
    #[arg(long, env = "CLOUD_POLICY_LISTEN", default_value = "0.0.0.0:8080")]
    pub(super) listen: SocketAddr,

    /// How logs are written.
    #[arg(long, env = "CLOUD_POLICY_LOG_FORMAT", value_enum, default_value_t = telemetry::Format::Text)]
    pub(super) log_format: telemetry::Format,

    /// Which logs are written, in the syntax of tracing's EnvFilter.
    #[arg(long, env = "CLOUD_POLICY_LOG_FILTER", default_value = telemetry::DEFAULT_FILTER)]
    pub(super) log_filter: String,

    /// Send traces to this collector, by OTLP over HTTP, such as http://collector:4318. Only in
    /// binaries with the feature `otel`.
    #[cfg(feature = "otel")]
    #[arg(long, env = "CLOUD_POLICY_OTLP_ENDPOINT")]
    pub(super) otlp_endpoint: Option<url::Url>,
}

impl Args {
    /// The settings that they come to; the error names the flag that is missing.
    pub(super) fn settings(&self) -> anyhow::Result<Settings> {
        let mut endpoints = EndpointRules {
            allow_http: self.allow_http,
            allow_private: self.allow_private_addresses,
            ..EndpointRules::default()
        };
        endpoints.allowed_hosts.extend(self.allowed_hosts.iter().cloned());
        let scope = names(&self.watch_namespaces);
        // An empty variable is none, as charts write it.
        let cluster_id = self.cluster_id.clone().filter(|id| !id.is_empty());
        anyhow::ensure!(scope.is_empty() || cluster_id.is_some(), NEEDS_CLUSTER_ID);
        Ok(Settings {
            cluster_connections: scope.is_empty(),
            tenant_connections: self.tenant_connections(&scope),
            scope,
            endpoints,
            cluster_id,
            create_grace: Duration::from_secs(self.create_grace_seconds),
            connection_interval: Duration::from_secs(self.connection_interval_seconds),
            delete_limit: self.delete_limit,
            delete_window: Duration::from_secs(self.delete_window_seconds),
            concurrency: self.concurrency,
            ..Settings::new(&self.namespace)
        })
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

/// The rights in single namespaces do not reach what identifies the cluster otherwise.
const NEEDS_CLUSTER_ID: &str = "--watch-namespaces needs --cluster-id: with rights in single namespaces the uid of kube-system cannot be read. \
     `kubectl get namespace kube-system -o jsonpath={.metadata.uid}` prints it; it must never change";

fn names(given: &[String]) -> BTreeSet<String> {
    given.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn settings(flags: &[&str]) -> anyhow::Result<Settings> {
        Line::parse_from([&["run"], flags].concat()).args.settings()
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn without_flags_all_namespaces_are_watched_and_no_secret_of_a_tenant_is_read() {
        let settings = settings(&[]).unwrap();
        assert!(settings.scope.is_empty() && settings.cluster_connections);
        assert_eq!(settings.tenant_connections, TenantConnections::None);
    }

    #[test]
    fn watched_namespaces_are_all_that_there_is_and_their_connections_read_their_secrets() {
        let settings = settings(&["--watch-namespaces=a, b,", "--cluster-id=here"]).unwrap();
        assert_eq!(settings.scope, set(&["a", "b"]));
        assert!(!settings.cluster_connections);
        assert_eq!(settings.tenant_connections, TenantConnections::Namespaces(set(&["a", "b"])));
    }

    #[test]
    fn of_the_watched_namespaces_some_may_be_named_whose_secrets_are_read() {
        let settings = settings(&["--watch-namespaces=a,b", "--cluster-id=x", "--tenant-namespaces=a"]).unwrap();
        assert_eq!(settings.tenant_connections, TenantConnections::Namespaces(set(&["a"])));
    }

    #[test]
    fn watched_namespaces_need_an_id_for_the_cluster() {
        for flags in [&["--watch-namespaces=a"][..], &["--watch-namespaces=a", "--cluster-id="]] {
            let error = settings(flags).unwrap_err().to_string();
            assert!(error.starts_with("--watch-namespaces needs --cluster-id"), "{error}");
        }
        assert!(settings(&["--watch-namespaces="]).unwrap().scope.is_empty(), "an empty variable is none");
    }

    #[test]
    fn a_flag_that_is_given_again_wins_and_lists_add_up() {
        let flags = ["run", "--log-format=text", "--allow-http", "--leader-elect=true", "--tenant-namespaces=a"];
        let again = ["--log-format=json", "--allow-http", "--leader-elect=false", "--tenant-namespaces=b"];
        let args = Line::parse_from(flags.into_iter().chain(again)).args;
        assert!(args.log_format == telemetry::Format::Json && args.allow_http && !args.leader_elect);
        assert_eq!(args.settings().unwrap().tenant_connections, TenantConnections::Namespaces(set(&["a", "b"])));
    }

    #[test]
    fn a_star_among_the_tenants_stands_for_all() {
        let settings = settings(&["--tenant-namespaces=a,*"]).unwrap();
        assert_eq!(settings.tenant_connections, TenantConnections::All);
    }
}
