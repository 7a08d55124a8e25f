//! Resolves host names to the addresses that the rules allow.
//!
//! Addresses are checked at each connect, because a name may resolve differently than before. An
//! address that is written in the URL is not resolved: [`EndpointRules::check`] checks it.

use crate::upstream::endpoint::EndpointRules;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// A resolver that drops the addresses that the rules forbid.
pub(super) struct Dialer(Arc<EndpointRules>);

impl Dialer {
    pub(super) fn new(rules: EndpointRules) -> Self {
        Self(Arc::new(rules))
    }
}

impl Resolve for Dialer {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let allowed = permitted(&rules, &host, found)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Returns the addresses of a host that are allowed.
fn permitted(
    rules: &EndpointRules,
    host: &str,
    found: impl Iterator<Item = SocketAddr>,
) -> Result<Vec<SocketAddr>, ForbiddenHost> {
    let allowed: Vec<SocketAddr> = found.filter(|address| rules.permits(address.ip())).collect();
    if allowed.is_empty() { Err(ForbiddenHost(host.to_owned())) } else { Ok(allowed) }
}

/// A host without an allowed address.
#[derive(Debug)]
pub(super) struct ForbiddenHost(String);

impl fmt::Display for ForbiddenHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host {} has only private or reserved addresses, which is not allowed", self.0)
    }
}

impl std::error::Error for ForbiddenHost {}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolve(host: &str, allow_private: bool) -> Result<usize, String> {
        let rules = EndpointRules { allow_private, ..EndpointRules::default() };
        let found = Dialer::new(rules).resolve(host.parse().unwrap()).await;
        found.map(Iterator::count).map_err(|error| error.to_string())
    }

    /// Returns the addresses that are allowed when a name resolves to these.
    fn allowed_of(allow_private: bool, addresses: &[&str]) -> Vec<String> {
        let rules = EndpointRules { allow_private, ..EndpointRules::default() };
        let found = addresses.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0));
        let allowed = permitted(&rules, "h.example", found).unwrap_or_default();
        allowed.into_iter().map(|address| address.ip().to_string()).collect()
    }

    #[test]
    fn dialer_drops_forbidden_addresses_of_a_name() {
        let mixed = ["10.0.0.1", "8.8.8.8", "::ffff:127.0.0.1", "169.254.169.254", "fd00:ec2::254", "2606:4700::1"];
        assert_eq!(allowed_of(false, &mixed), ["8.8.8.8", "2606:4700::1"]);
        assert_eq!(allowed_of(true, &mixed), ["10.0.0.1", "8.8.8.8", "::ffff:127.0.0.1", "2606:4700::1"]);
        let metadata = ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "fe80::1", "0.0.0.0"];
        assert_eq!(allowed_of(true, &metadata), [""; 0], "not even if private addresses are allowed");
        assert_eq!(allowed_of(false, &["127.0.0.1", "::1", "192.168.0.1"]), [""; 0]);
    }

    #[tokio::test]
    async fn dialer_resolves_a_private_name_only_when_allowed() {
        assert!(resolve("localhost", false).await.unwrap_err().contains("localhost"));
        assert!(resolve("localhost", true).await.unwrap() >= 1);
    }
}
