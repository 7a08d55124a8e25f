//! Flags that name the credentials of connections, and the hosts that get them.

use super::given;
use crate::api::connection::RateLimit;
use crate::plan::Given;
use crate::plan::connections::Limits;
use crate::upstream::{EndpointRules, HostPattern, HttpSettings};
use clap::Args as ClapArgs;

/// Flags that name the credentials of connections, and the hosts that get them.
#[derive(Debug, ClapArgs)]
pub struct AccountArgs {
    /// Credentials of a connection, such as `ncloud=env:NCLOUD_`: the connection with this name uses the variables
    /// NCLOUD_ACCESS_KEY and NCLOUD_SECRET_KEY, or NCLOUD_TOKEN for SpaceONE. NCLOUD_ENDPOINT (and NCLOUD_DOMAIN_ID,
    /// NCLOUD_API_STYLE and NCLOUD_REPOSITORY_ID) replace the endpoint of its manifest. Can be repeated.
    #[arg(long = "connection", value_name = "NAME=env:PREFIX")]
    connections: Vec<String>,

    /// Hosts that get credentials besides those of the gateways of NAVER Cloud and of the variables that end in ENDPOINT:
    /// manifests may name others, and not everyone who writes a manifest may see the credentials.
    #[arg(long, env = "CLOUD_POLICY_ALLOWED_HOSTS", value_delimiter = ',')]
    allowed_hosts: Vec<HostPattern>,

    /// Allow endpoints on loopback and private addresses.
    #[arg(long, env = "CLOUD_POLICY_ALLOW_PRIVATE_ADDRESSES")]
    allow_private_addresses: bool,

    /// Allow endpoints without TLS. Credentials are then sent unencrypted.
    #[arg(long, env = "CLOUD_POLICY_ALLOW_HTTP")]
    allow_http: bool,

    /// Requests per second of each connection, instead of those of its manifest.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    requests_per_second: Option<u16>,
}

impl AccountArgs {
    /// Reads the variables of all connections.
    pub fn given(&self) -> anyhow::Result<Vec<Given>> {
        // Not parsed by clap, which would quote it: it may be a secret that was meant for another place.
        let named = |text: &String| text.parse().map_err(|error| anyhow::anyhow!("--connection: {error}"));
        self.connections.iter().map(|text| given::read(&named(text)?)).collect()
    }

    /// Returns how accounts are opened.
    pub fn limits(&self, given: &[Given]) -> Limits {
        let mut rules = EndpointRules {
            allow_http: self.allow_http,
            allow_private: self.allow_private_addresses,
            ..EndpointRules::default()
        };
        rules.allowed_hosts.extend(self.allowed_hosts.iter().cloned());
        rules.allowed_hosts.extend(given.iter().filter_map(given::host));
        let rate = self
            .requests_per_second
            .map(|rate| RateLimit { requests_per_second: i32::from(rate), burst: 2 * i32::from(rate) });
        Limits { rules, http: HttpSettings::default(), rate }
    }
}
