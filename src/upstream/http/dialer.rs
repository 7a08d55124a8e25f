//! Resolves names to the addresses that may be dialled.
//!
//! Judged here, at the moment of dialling, because a name that was judged earlier may resolve
//! differently now. Addresses written in the URL never come here: [`EndpointRules::check`] judges
//! them.

use crate::upstream::EndpointRules;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// A resolver that leaves out what the rules forbid.
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
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let allowed: Vec<SocketAddr> = found.into_iter().filter(|address| rules.permits(address.ip())).collect();
            if allowed.is_empty() {
                return Err(Undialled(host).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// A host without an address that may be dialled.
#[derive(Debug)]
pub(super) struct Undialled(String);

impl fmt::Display for Undialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host {} has only private or reserved addresses, which is not allowed", self.0)
    }
}

impl std::error::Error for Undialled {}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolve(host: &str, allow_private: bool) -> Result<usize, String> {
        let rules = EndpointRules { allow_private, ..EndpointRules::default() };
        let found = Dialer::new(rules).resolve(host.parse().unwrap()).await;
        found.map(Iterator::count).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_dialled_only_when_allowed() {
        assert!(resolve("localhost", false).await.unwrap_err().contains("localhost"));
        assert!(resolve("localhost", true).await.unwrap() >= 1);
    }
}
