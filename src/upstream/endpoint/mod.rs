//! The endpoints that may be called: the operator checks scheme and host when it opens a connection, and
//! the address at each connect.
//!
//! Both checks are needed. The name is checked before its addresses are known, and a name may later
//! resolve to an address inside the cluster.

mod addresses;
mod host_pattern;

use crate::api::shared::CommonSpec;
use crate::engine::{ErrorKind, Problem, Result, UpstreamError};
use addresses::{Reach, reach};
use std::net::IpAddr;
use url::{Host, Url};

pub use host_pattern::HostPattern;

/// The endpoints that the administrator allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointRules {
    /// Whether `http://` is allowed besides `https://`.
    pub allow_http: bool,
    /// Whether loopback and private addresses are allowed. Link-local addresses, such as those of cloud
    /// metadata services, are never allowed.
    pub allow_private: bool,
    /// The allowed hosts. By default these are the three NAVER Cloud gateways.
    pub allowed_hosts: Vec<HostPattern>,
}

impl Default for EndpointRules {
    fn default() -> Self {
        let gateways =
            ["subaccount.apigw.ntruss.com", "subaccount.apigw.fin-ntruss.com", "subaccount.apigw.gov-ntruss.com"];
        Self {
            allow_http: false,
            allow_private: false,
            allowed_hosts: gateways.iter().map(|host| HostPattern::exact(host)).collect(),
        }
    }
}

impl EndpointRules {
    /// Checks an endpoint before anything is sent to it.
    pub fn check(&self, url: &Url) -> Result<()> {
        let refused =
            |message: String| Err(UpstreamError::new(ErrorKind::EndpointNotAllowed, "open connection", message));
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            "http" => {
                return refused("the endpoint must begin with https:// (the operator does not allow http)".into());
            }
            _ => return refused("the endpoint must begin with https://".into()),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("the endpoint must not contain a user or a password: put them into the Secret".into());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refused("the endpoint must be a base URL, without ? and #".into());
        }
        let Some(host) = url.host() else { return refused("the endpoint has no host".into()) };
        if !self.allowed_hosts.iter().any(|pattern| pattern.matches(&host)) {
            return refused(format!("host {host} is not on the operator's list of allowed hosts"));
        }
        if !self.allowed_hosts.iter().any(|pattern| pattern.matches(&host) && pattern.allows_port(&host, url.port())) {
            let port = url.port_or_known_default().unwrap_or_default();
            return refused(format!(
                "port {port} of host {host} is not on the operator's list of allowed hosts, which has no {host}:{port}"
            ));
        }
        match address(&host) {
            Some(ip) if !self.permits(ip) => {
                refused(format!("address {ip} is private or reserved, which is not allowed"))
            }
            _ => Ok(()),
        }
    }

    /// Reports whether the administrator allows this host by its whole name.
    #[must_use]
    pub fn names(&self, host: &Host<&str>) -> bool {
        self.allowed_hosts.iter().any(|pattern| pattern.is_exact() && pattern.matches(host))
    }

    /// Reports whether the address is allowed. It is checked at each connect.
    #[must_use]
    pub fn permits(&self, ip: IpAddr) -> bool {
        match reach(ip) {
            Reach::Public => true,
            Reach::Inside => self.allow_private,
            Reach::Never => false,
        }
    }
}

/// Reports whether an id can be one segment of a path: gateways decode and shorten paths in different ways.
#[must_use]
pub fn is_segment(id: &str) -> bool {
    let is_part = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '\\' | '?' | '#' | '%' | ';');
    !id.is_empty() && !id.chars().all(|c| c == '.') && id.chars().all(is_part)
}

/// Returns the problem of an `externalId` that cannot be the id of an upstream object.
#[must_use]
pub fn unusable_id(spec: &CommonSpec) -> Option<Problem> {
    let id = spec.external_id.as_ref().filter(|id| !is_segment(id))?;
    Some(Problem::quoting("spec.externalId", id, "cannot be the id of an upstream object: correct it, or remove it"))
}

/// Returns the URL of a path below a base URL. Ids come from users and upstreams, so an id that would
/// leave the path is an error, also if a gateway decodes the path before it reads it.
pub(crate) fn below(base: &Url, path: &[&str], operation: &'static str) -> Result<Url> {
    let invalid = |message: &str| UpstreamError::new(ErrorKind::InvalidReference, operation, message).unsent();
    if path.iter().any(|segment| matches!(*segment, "" | "." | "..") || segment.contains(['/', '\\'])) {
        return Err(invalid("the id is not valid for this upstream"));
    }
    let mut url = base.clone();
    url.path_segments_mut().map_err(|()| invalid("the endpoint is not a base URL"))?.pop_if_empty().extend(path);
    Ok(url)
}

/// Returns the address that stands in a URL instead of a name.
pub(crate) fn address(host: &Host<&str>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(ip) => Some(IpAddr::V4(*ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(*ip)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(hosts: &[&str]) -> EndpointRules {
        let allowed_hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
        EndpointRules { allowed_hosts, ..EndpointRules::default() }
    }

    fn check(rules: &EndpointRules, url: &str) -> std::result::Result<(), String> {
        rules.check(&url.parse().unwrap()).map_err(|error| {
            assert_eq!(error.kind, ErrorKind::EndpointNotAllowed);
            error.message
        })
    }

    #[test]
    fn only_ncloud_gateways_are_allowed_by_default() {
        let rules = EndpointRules::default();
        assert!(check(&rules, "https://subaccount.apigw.ntruss.com").is_ok());
        assert!(check(&rules, "https://SUBACCOUNT.apigw.gov-ntruss.com/").is_ok());
        assert!(check(&rules, "https://subaccount.apigw.ntruss.com.evil.example").is_err());
        assert!(check(&rules, "https://evil.example").unwrap_err().contains("evil.example"));
    }

    #[test]
    fn wildcard_matches_only_hosts_below_the_domain() {
        let rules = rules(&["*.spaceone.example"]);
        assert!(check(&rules, "https://a.spaceone.example/api").is_ok());
        assert!(check(&rules, "https://a.b.spaceone.example.").is_ok());
        for host in ["spaceone.example", "xspaceone.example", "a.spaceone.example.evil"] {
            assert!(check(&rules, &format!("https://{host}")).is_err(), "{host}");
        }
    }

    #[test]
    fn host_pattern_is_parsed_and_printed() {
        for text in
            ["*.example.com", "127.0.0.1", "[::1]", "host", "host:8443", "*.example.com:8443", "[::1]:1", "host:*"]
        {
            assert_eq!(text.parse::<HostPattern>().unwrap().to_string(), text);
        }
        for text in ["", "*", "*.*.x", "*.127.0.0.1", "a/b", "a:", "a:0", "a:65536", "a:b", "a:1:2", ":1", "::1"] {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn host_without_port_allows_only_the_default_port() {
        let rules = EndpointRules {
            allow_http: true,
            allow_private: true,
            ..rules(&[
                "h.example",
                "p.example:8443",
                "*.w.example:8443",
                "any.example:*",
                "127.0.0.1",
                "10.0.0.1",
                "both.example",
                "both.example:444",
            ])
        };
        for url in [
            "https://h.example",
            "https://h.example:443/path",
            "http://h.example:80",
            "https://p.example:8443",
            "https://a.w.example:8443",
            "https://any.example:22",
            "http://127.0.0.1:34567",
            "https://both.example:444",
        ] {
            assert_eq!(check(&rules, url), Ok(()), "{url}");
        }
        for url in [
            "https://h.example:22",
            "http://h.example:443",
            "https://h.example:80",
            "https://p.example",
            "https://10.0.0.1:6443",
            "https://both.example:445",
        ] {
            let refusal = check(&rules, url).unwrap_err();
            assert!(refusal.starts_with("port ") && refusal.contains("allowed hosts"), "{url}: {refusal}");
        }
    }

    #[test]
    fn endpoint_with_http_credentials_or_query_is_rejected() {
        let strict = rules(&["h.example"]);
        assert!(check(&strict, "http://h.example").unwrap_err().contains("https://"));
        assert!(check(&EndpointRules { allow_http: true, ..strict.clone() }, "http://h.example").is_ok());
        for url in [
            "https://u@h.example",
            "https://u:p@h.example",
            "https://h.example/?a",
            "https://h.example/#a",
            "ftp://h.example",
        ] {
            assert!(check(&strict, url).is_err(), "{url}");
        }
        assert!(!check(&strict, "https://user:s3cret@h.example").unwrap_err().contains("s3cret"));
    }

    #[test]
    fn address_in_the_url_is_checked_in_every_form() {
        let rules = rules(&["127.0.0.1", "[::1]", "[::ffff:7f00:1]"]);
        for url in
            ["https://127.0.0.1", "https://2130706433", "https://0x7f.1", "https://[::1]", "https://[::ffff:127.0.0.1]"]
        {
            assert!(check(&rules, url).unwrap_err().contains("private"), "{url}");
        }
        assert!(check(&EndpointRules { allow_private: true, ..rules }, "https://127.0.0.1:8443").is_ok());
    }

    #[test]
    fn id_becomes_one_segment_of_the_path() {
        let base: Url = "https://h.example/api/".parse().unwrap();
        assert_eq!(below(&base, &["v1", "a:b?c#d é"], "o").unwrap().path(), "/api/v1/a:b%3Fc%23d%20%C3%A9");
        for id in ["", ".", "..", "../../sub-accounts/1", "a/b", "a\\b"] {
            assert_eq!(below(&base, &["policies", id], "o").unwrap_err().kind, ErrorKind::InvalidReference, "{id}");
        }
    }

    #[test]
    fn id_that_gateways_may_change_is_no_segment() {
        for id in ["ec5a5dd0-1111-2222-3333-246e966ebeb4", "npolicy-1", "a.b", "a:b_c"] {
            assert!(is_segment(id), "{id}");
        }
        for id in ["", ".", "..", "...", "a/b", "../x", "%2e%2e", "a?b", "a#b", "a b", "a\\b", "é"] {
            assert!(!is_segment(id), "{id}");
        }
    }

    #[test]
    fn private_addresses_are_permitted_only_when_allowed() {
        let permits = |ip: &str, allow_private: bool| {
            EndpointRules { allow_private, ..EndpointRules::default() }.permits(ip.parse().unwrap())
        };
        assert!(permits("8.8.8.8", false));
        assert!(!permits("10.0.0.1", false) && permits("10.0.0.1", true));
        assert!(!permits("169.254.169.254", true));
    }
}
