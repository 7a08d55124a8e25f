//! The canonical form of networks and addresses: `10.0.0.1` is `10.0.0.1/32`, `2001:DB8::/32` is
//! `2001:db8::/32`, and host bits are an error.

use crate::api::network_policy::RoutingTable;
use ipnet::IpNet;
use serde::Serialize;
use std::net::IpAddr;

/// Parses a network without host bits, or a single address.
pub(super) fn network(text: &str) -> Option<IpNet> {
    match text.parse::<IpNet>() {
        Ok(network) => Some(network).filter(|network| network.trunc() == *network),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    }
}

/// Returns the canonical form of an address; any other text unchanged.
pub(super) fn address(text: &str) -> String {
    text.parse::<IpAddr>().map_or_else(|_| text.to_owned(), |address| address.to_string())
}

/// A route in canonical form, for comparison as a set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Route {
    cidr: String,
    destination: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    interface: String,
}

impl Route {
    /// Returns whether some address belongs to the networks of both routes; `true` if a network is not readable.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let (Some(a), Some(b)) = (network(&self.cidr), network(&other.cidr)) else { return true };
        a.contains(&b) || b.contains(&a)
    }
}

impl From<&RoutingTable> for Route {
    fn from(route: &RoutingTable) -> Self {
        Self {
            cidr: network(&route.cidr).map_or_else(|| route.cidr.clone(), |network| network.to_string()),
            destination: address(&route.destination),
            interface: route.interface.clone().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_one_form_and_no_host_bits() {
        let canonical = |text| network(text).map(|network| network.to_string());
        assert_eq!(canonical("10.0.0.0/16").as_deref(), Some("10.0.0.0/16"));
        assert_eq!(canonical("10.0.0.1").as_deref(), Some("10.0.0.1/32"));
        assert_eq!(canonical("2001:DB8:0:0::/32").as_deref(), Some("2001:db8::/32"));
        assert_eq!(canonical("::1").as_deref(), Some("::1/128"));
        for broken in ["10.0.0.1/16", "10.0.0.0/33", "10.0.0", "", "nonsense/8"] {
            assert_eq!(canonical(broken), None, "{broken}");
        }
    }

    #[test]
    fn addresses_have_one_form() {
        assert_eq!(address("2001:DB8::0001"), "2001:db8::1");
        assert_eq!(address("10.0.0.1"), "10.0.0.1");
        assert_eq!(address("igw-1"), "igw-1");
    }
}
