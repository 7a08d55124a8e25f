//! The hosts and ports that the administrator allows.

use std::fmt;
use std::str::FromStr;
use url::Host;

/// One host, or every host below a domain, with the ports that may be called.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPattern {
    name: String,
    below: bool,
    port: Port,
}

/// The allowed ports. Other services may run on an allowed host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Port {
    /// The default port of the scheme.
    Default,
    /// This port.
    Number(u16),
    /// Every port.
    Any,
}

impl HostPattern {
    /// Matches exactly this host, at the default port.
    pub(super) fn exact(name: &str) -> Self {
        Self { name: name.to_ascii_lowercase(), below: false, port: Port::Default }
    }

    /// Reports whether the pattern is one host.
    pub(super) fn is_exact(&self) -> bool {
        !self.below
    }

    pub(super) fn matches(&self, host: &Host<&str>) -> bool {
        let host = host.to_string().to_ascii_lowercase();
        let host = host.trim_end_matches('.');
        if self.below {
            host.strip_suffix(self.name.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        } else {
            host == self.name
        }
    }

    /// Reports whether this port of a URL is allowed; `None` is the default port of its scheme.
    pub(super) fn allows_port(&self, host: &Host<&str>, port: Option<u16>) -> bool {
        match self.port {
            // Loopback is the host of the operator itself, where simulators and tests run at any port.
            Port::Default => port.is_none() || is_loopback(host),
            Port::Number(number) => port == Some(number),
            Port::Any => true,
        }
    }
}

impl FromStr for HostPattern {
    type Err = String;

    /// Parses `host`, or `*.domain` for every host below it, with `:port` or `:*` for every port. IPv6 addresses are in
    /// brackets.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, below) = text.trim().strip_prefix("*.").map_or((text.trim(), false), |rest| (rest, true));
        let invalid = || format!("`{text}` is neither a host nor *.domain, with or without :port");
        let (name, port) = match name.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            None => (name, Port::Default),
            Some((name, "*")) => (name, Port::Any),
            Some((name, port)) => {
                let number = port.parse().ok().filter(|number| *number > 0).ok_or_else(invalid)?;
                (name, Port::Number(number))
            }
        };
        let host = Host::parse(name).ok().filter(|_| !name.contains('*')).ok_or_else(invalid)?;
        if below && !matches!(host, Host::Domain(_)) {
            return Err(format!("`{text}`: * stands before a domain, not before an address"));
        }
        Ok(Self { name: host.to_string().trim_end_matches('.').to_owned(), below, port })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.name)?;
        match self.port {
            Port::Default => Ok(()),
            Port::Number(number) => write!(f, ":{number}"),
            Port::Any => write!(f, ":*"),
        }
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}
