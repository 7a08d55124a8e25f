//! The hosts that the operator reaches without the forward proxy, as programs read `NO_PROXY`.

use crate::upstream::endpoint::address;
use ipnet::IpNet;
use std::net::IpAddr;
use std::str::FromStr;
use url::Host;

/// Hosts that the operator reaches without the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectHost {
    /// Every host.
    All,
    /// This name and every name below it, or only those below it.
    Name {
        /// The name in lower case.
        name: String,
        /// Whether the name itself does not belong to it.
        below: bool,
    },
    /// Addresses that stand in the endpoint.
    Network(IpNet),
}

impl DirectHost {
    pub(super) fn matches(&self, host: &Host<&str>) -> bool {
        match (self, address(host)) {
            (Self::All, _) => true,
            (Self::Network(network), Some(ip)) => network.contains(&ip),
            (Self::Name { name, below }, None) => {
                let host = host.to_string().trim_end_matches('.').to_ascii_lowercase();
                match host.strip_suffix(name.as_str()) {
                    Some("") => !below,
                    Some(rest) => rest.ends_with('.'),
                    None => false,
                }
            }
            (Self::Network(_), None) | (Self::Name { .. }, Some(_)) => false,
        }
    }
}

impl FromStr for DirectHost {
    type Err = String;

    /// Parses a host, which includes the hosts below it, `.domain` or `*.domain` for only these, an address, a network
    /// such as `10.0.0.0/8`, or `*`, as programs read `NO_PROXY`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text == "*" {
            return Ok(Self::All);
        }
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if let Some(network) = bare.parse().ok().or_else(|| bare.parse::<IpAddr>().ok().map(IpNet::from)) {
            return Ok(Self::Network(network));
        }
        let domain = text.strip_prefix("*.").or_else(|| text.strip_prefix('.'));
        let name = domain.unwrap_or(text).trim_end_matches('.').to_ascii_lowercase();
        let is_name = !name.is_empty()
            && !name.contains(['*', ':', '/', '@'])
            && matches!(Host::parse(&name), Ok(Host::Domain(_)));
        if is_name {
            Ok(Self::Name { name, below: domain.is_some() })
        } else {
            Err(format!("`{text}` is no host, domain, address or network, such as .example.com or 10.0.0.0/8"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direct_host_that_is_no_host_is_refused() {
        for text in ["", "a b", "a*", "*.*.x", "10.0.0.0/33", "a:80", "http://a"] {
            assert!(text.parse::<DirectHost>().is_err(), "{text}");
        }
    }
}
