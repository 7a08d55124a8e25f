//! Judges the addresses of hosts that a forward proxy connects to.
//!
//! The proxy resolves names itself, in its own network, so the operator never sees the address to which it connects.
//! Before a request the operator resolves the name too: one forbidden address refuses the host, because the operator
//! cannot choose which one the proxy takes. Pods behind a proxy often cannot resolve names of the internet. Such a name
//! passes only if the list of allowed hosts contains it exactly. Of a wildcard a tenant may choose the name, and it could
//! lead to an address inside the network of the proxy.

use super::dialer::ForbiddenHost;
use super::proxy::ForwardProxy;
use crate::upstream::endpoint::EndpointRules;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::lookup_host;
use tokio::time::timeout;
use url::{Host, Url};

/// How long a verdict is used again.
const FRESH: Duration = Duration::from_mins(1);
/// How long the operator waits for a name server: behind a proxy it may drop requests.
const LOOKUP: Duration = Duration::from_secs(2);

type Verdict = Result<(), ForbiddenHost>;

/// The verdicts on the hosts of one account.
pub(super) struct ProxiedHosts {
    rules: EndpointRules,
    proxy: Option<ForwardProxy>,
    verdicts: Mutex<HashMap<String, (Instant, Verdict)>>,
}

impl ProxiedHosts {
    pub fn new(rules: EndpointRules, proxy: Option<ForwardProxy>) -> Self {
        Self { rules, proxy, verdicts: Mutex::default() }
    }

    /// Judges the host of a URL, unless the dialer does. The dialer lets the name of the proxy pass.
    pub async fn check(&self, url: &Url) -> Verdict {
        let (Some(proxy), Some(Host::Domain(name))) = (&self.proxy, url.host()) else { return Ok(()) };
        if !proxy.serves(url) && !proxy.is_host(name) {
            return Ok(());
        }
        let known = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some((_, verdict)) = known.filter(|(judged, _)| judged.elapsed() < FRESH) {
            return verdict;
        }
        let found = timeout(LOOKUP, lookup_host((name, 0))).await.ok().and_then(Result::ok);
        let found = found.map(|found| found.map(|address| address.ip()).collect::<Vec<_>>());
        let verdict = judge(&self.rules, name, found.as_deref().filter(|found| !found.is_empty()));
        let judged = (Instant::now(), verdict.clone());
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), judged);
        verdict
    }
}

/// Judges a host by the addresses that its name resolves to; `None` if the operator cannot resolve it.
fn judge(rules: &EndpointRules, name: &str, found: Option<&[IpAddr]>) -> Verdict {
    match found {
        Some(found) if found.iter().all(|ip| rules.permits(*ip)) => Ok(()),
        Some(_) => Err(ForbiddenHost::new(name, "has a private or reserved address, which is not allowed")),
        None if rules.names(&Host::Domain(name)) => Ok(()),
        None => Err(ForbiddenHost::new(
            name,
            "cannot be resolved here, so that its address cannot be judged before the proxy connects to it: allow it by its whole name instead of *",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(hosts: &[&str]) -> EndpointRules {
        let allowed_hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
        EndpointRules { allowed_hosts, ..EndpointRules::default() }
    }

    fn verdict(rules: &EndpointRules, found: Option<&[&str]>) -> Result<(), String> {
        let found = found.map(|found| found.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<_>>());
        judge(rules, "a.example", found.as_deref()).map_err(|error| error.to_string())
    }

    #[test]
    fn host_with_one_forbidden_address_is_refused() {
        let exact = rules(&["a.example"]);
        assert_eq!(verdict(&exact, Some(&["8.8.8.8", "2606:4700::1"])), Ok(()));
        for forbidden in ["10.0.0.1", "127.0.0.1", "169.254.169.254", "fd00::1"] {
            assert!(verdict(&exact, Some(&["8.8.8.8", forbidden])).unwrap_err().contains("a.example"), "{forbidden}");
        }
        let private = EndpointRules { allow_private: true, ..exact };
        assert_eq!(verdict(&private, Some(&["10.0.0.1"])), Ok(()));
        assert!(verdict(&private, Some(&["169.254.169.254"])).is_err());
    }

    #[test]
    fn unresolved_host_is_refused_unless_named_exactly() {
        assert_eq!(verdict(&rules(&["a.example", "*.example"]), None), Ok(()));
        assert!(verdict(&rules(&["*.example"]), None).unwrap_err().contains("whole name instead of *"));
    }

    #[tokio::test]
    async fn only_hosts_behind_the_proxy_are_judged() {
        let proxy = ForwardProxy::new("http://localhost:1", None, vec!["direct.invalid".parse().unwrap()]).unwrap();
        let hosts = ProxiedHosts::new(rules(&["*.invalid", "named.invalid", "localhost"]), Some(proxy));
        let check = async |url: &str| hosts.check(&url.parse().unwrap()).await.is_ok();
        assert!(!check("https://behind.invalid").await, "the name does not exist");
        assert!(!check("https://behind.invalid").await, "the verdict is remembered");
        assert!(check("https://named.invalid").await, "a verdict is for one host");
        assert!(check("https://direct.invalid").await, "the dialer judges it");
        assert!(!check("https://localhost").await, "the dialer does not judge the name of the proxy");
        // Reached directly, and the dialer lets the name of the proxy pass.
        let proxy = ForwardProxy::new("http://localhost:1", None, vec!["localhost".parse().unwrap()]).unwrap();
        let hosts = ProxiedHosts::new(rules(&["localhost"]), Some(proxy));
        assert!(hosts.check(&"https://localhost".parse().unwrap()).await.is_err());
        let none = ProxiedHosts::new(rules(&["*.invalid"]), None);
        assert!(none.check(&"https://behind.invalid".parse().unwrap()).await.is_ok());
    }
}
