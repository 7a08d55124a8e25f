//! Resolves host names to the addresses that the rules allow.
//!
//! Addresses are checked at each connect, because a name may resolve differently than before. An
//! address that is written in the URL is not resolved: [`EndpointRules::check`] checks it. The forward proxy may have a
//! private address, because only the administrator names it.

use super::proxy::{self, ForwardProxy};
use crate::upstream::endpoint::EndpointRules;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// A resolver that drops the addresses that the rules forbid.
pub(super) struct Dialer {
    rules: Arc<EndpointRules>,
    proxy: Option<ForwardProxy>,
}

impl Dialer {
    pub(super) fn new(rules: EndpointRules, proxy: Option<ForwardProxy>) -> Self {
        Self { rules: Arc::new(rules), proxy }
    }
}

impl Resolve for Dialer {
    fn resolve(&self, name: Name) -> Resolving {
        let is_proxy = self.proxy.as_ref().is_some_and(|proxy| proxy.is_host(name.as_str()));
        let rules = if is_proxy { Arc::new(proxy::inside()) } else { Arc::clone(&self.rules) };
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
    let why = "has only private or reserved addresses, which is not allowed";
    if allowed.is_empty() { Err(ForbiddenHost::new(host, why)) } else { Ok(allowed) }
}

/// A host that may not be called because of its addresses.
#[derive(Debug, Clone)]
pub(super) struct ForbiddenHost {
    host: String,
    why: &'static str,
}

impl ForbiddenHost {
    pub(super) fn new(host: &str, why: &'static str) -> Self {
        Self { host: host.to_owned(), why }
    }
}

impl fmt::Display for ForbiddenHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host {} {}", self.host, self.why)
    }
}

impl std::error::Error for ForbiddenHost {}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolve(host: &str, allow_private: bool) -> Result<usize, String> {
        let rules = EndpointRules { allow_private, ..EndpointRules::default() };
        let found = Dialer::new(rules, None).resolve(host.parse().unwrap()).await;
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
    async fn dialer_resolves_the_private_name_of_the_proxy() {
        let proxy = ForwardProxy::new("http://localhost:3128", None, Vec::new()).unwrap();
        let dialer = Dialer::new(EndpointRules::default(), Some(proxy));
        assert!(dialer.resolve("localhost".parse().unwrap()).await.is_ok());
    }

    #[tokio::test]
    async fn dialer_resolves_a_private_name_only_when_allowed() {
        assert!(resolve("localhost", false).await.unwrap_err().contains("localhost"));
        assert!(resolve("localhost", true).await.unwrap() >= 1);
    }
}
