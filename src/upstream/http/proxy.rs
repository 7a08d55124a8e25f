//! The forward proxy through which the operator reaches upstreams, if the administrator names one.
//!
//! Requests to `https` endpoints go through a tunnel (`CONNECT`), so the proxy sees the host and no content, unless it
//! intercepts TLS with a certificate that the connection trusts. The proxy resolves the name and connects, where the
//! dialer cannot judge addresses: `proxied_host` judges them before.

use super::direct_host::DirectHost;
use crate::upstream::endpoint::{EndpointRules, address};
use secrecy::{ExposeSecret as _, SecretString};
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use url::Url;

/// User and password for the proxy.
#[derive(Clone)]
pub struct ProxyCredentials {
    /// The user.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

/// A forward proxy, its credentials, and the hosts that are reached without it.
#[derive(Clone)]
pub struct ForwardProxy {
    url: Url,
    credentials: Option<ProxyCredentials>,
    direct: Arc<[DirectHost]>,
}

impl ForwardProxy {
    /// Checks the address of a proxy, such as `http://proxy.example.com:3128`. It must not contain credentials.
    pub fn new(url: &str, credentials: Option<ProxyCredentials>, direct: Vec<DirectHost>) -> Result<Self, String> {
        let invalid = |why: &str| format!("the proxy must be an address such as http://proxy.example.com:3128: {why}");
        let url: Url = url.trim().parse().map_err(|_| invalid("it is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("it must begin with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("put user and password into a Secret"));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("it must end after the port"));
        }
        if url.host().as_ref().and_then(address).is_some_and(|ip| !inside().permits(ip)) {
            return Err(invalid("link-local and metadata addresses are refused"));
        }
        Ok(Self { url, credentials, direct: direct.into() })
    }

    /// Reports whether a request to this URL goes through the proxy.
    pub(super) fn serves(&self, url: &Url) -> bool {
        let Some(host) = url.host() else { return false };
        url.scheme() == "https" && !self.direct.iter().any(|direct| direct.matches(&host))
    }

    /// Reports whether this host is the proxy itself.
    pub(super) fn is_host(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.');
        self.url.host_str().is_some_and(|host| host.trim_end_matches('.').eq_ignore_ascii_case(name))
    }

    /// Returns the setting of the HTTP client.
    pub(super) fn setting(&self) -> reqwest::Proxy {
        let this = self.clone();
        let setting = reqwest::Proxy::custom(move |url| this.serves(url).then(|| this.url.clone()));
        match &self.credentials {
            Some(ProxyCredentials { username, password }) => setting.basic_auth(username, password.expose_secret()),
            None => setting,
        }
    }

    /// Returns why the proxy did not lead to the host, and what to do; `None` for an error behind the tunnel.
    pub(super) fn refusal(&self, error: &reqwest::Error) -> Option<String> {
        let (tunnel, cause) = tunnel_error(error)?;
        let host = error.url().map_or_else(|| "the upstream".to_owned(), host_and_port);
        let proxy = format!("the proxy {}", self.url.as_str().trim_end_matches('/'));
        Some(if tunnel.contains("authorization required") {
            let remedy = match self.credentials {
                Some(_) => "refuses the user and the password (407): correct them in the Secret of the proxy",
                None => {
                    "asks for a user and a password (407): put them into a Secret (in the chart operator.proxySecretName)"
                }
            };
            format!("{proxy} {remedy}")
        } else if tunnel.contains("unsuccessful") {
            format!(
                "{proxy} does not connect to {host} (401: it refuses the user and the password; 403: its rules forbid it; 5xx: it cannot reach it): allow {host} in the proxy, or reach it directly with --no-proxy"
            )
        } else {
            format!("there is no tunnel through {proxy} to {host}: {cause}")
        })
    }
}

impl fmt::Debug for ForwardProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForwardProxy")
            .field("url", &self.url.as_str())
            .field("credentials", &self.credentials.is_some())
            .field("direct", &self.direct)
            .finish()
    }
}

/// Returns the rules for the address of the proxy itself, which the administrator names: private addresses are allowed,
/// and metadata services are not.
pub(super) fn inside() -> EndpointRules {
    EndpointRules { allow_private: true, ..EndpointRules::default() }
}

fn host_and_port(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

/// Returns the text of the error of a tunnel, which has no public type, and that of its innermost cause.
fn tunnel_error(error: &reqwest::Error) -> Option<(String, String)> {
    let (mut tunnel, mut text) = (None, String::new());
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = next {
        text = cause.to_string();
        tunnel = tunnel.or_else(|| Some(text.clone()).filter(|text| text.starts_with("tunnel error: ")));
        next = cause.source();
    }
    tunnel.map(|tunnel| (tunnel, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    fn proxy(direct: &[&str]) -> ForwardProxy {
        let direct = direct.iter().map(|host| host.parse().unwrap()).collect();
        ForwardProxy::new("http://proxy.example:3128", None, direct).unwrap()
    }

    fn serves(proxy: &ForwardProxy, url: &str) -> bool {
        proxy.serves(&url.parse().unwrap())
    }

    #[test]
    fn proxy_serves_every_https_host_but_direct_ones() {
        let proxy = proxy(&["internal.example", ".below.example", "10.0.0.0/8", "fd00::/8", "192.168.0.1"]);
        for url in ["https://a.example", "https://below.example", "https://xinternal.example", "https://11.0.0.1"] {
            assert!(serves(&proxy, url), "{url}");
        }
        for url in [
            "https://internal.example",
            "https://A.Internal.example./api",
            "https://x.below.example",
            "https://10.1.2.3:8443",
            "https://[fd00::1]",
            "https://192.168.0.1",
            "http://a.example",
        ] {
            assert!(!serves(&proxy, url), "{url}");
        }
        assert!(!serves(&self::proxy(&["*"]), "https://a.example"));
    }

    #[test]
    fn proxy_address_must_be_bare_and_no_metadata_service() {
        for (url, why) in [
            ("proxy:3128", "begin with http"),
            ("socks5://proxy:1080", "begin with http"),
            ("http://me:secret@proxy:3128", "into a Secret"),
            ("http://proxy:3128/path", "end after the port"),
            ("http://169.254.169.254:80", "metadata"),
            ("http://", "no URL"),
        ] {
            let error = ForwardProxy::new(url, None, Vec::new()).unwrap_err();
            assert!(error.contains(why) && !error.contains("secret@"), "{url}: {error}");
        }
        assert!(ForwardProxy::new("https://10.0.0.1:3129/", None, Vec::new()).is_ok(), "a private proxy is usual");
    }

    /// Returns what is said about a proxy that answers with this status.
    async fn refusal(status: &str, credentials: Option<ProxyCredentials>) -> String {
        // Fails if another test has installed the provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        });
        let proxy = ForwardProxy::new(&url, credentials, Vec::new()).unwrap();
        let client = reqwest::Client::builder().no_proxy().proxy(proxy.setting()).build().unwrap();
        let error = client.get("https://a.example:8443/x").send().await.unwrap_err();
        let message = proxy.refusal(&error).unwrap();
        assert!(message.contains(&format!("the proxy {url} ")), "{message}");
        message
    }

    #[tokio::test]
    async fn refusal_names_status_and_remedy() {
        let credentials = || ProxyCredentials { username: "me".to_owned(), password: "hunter2".to_owned().into() };
        assert!(refusal("407 No", None).await.contains("(407): put them into a Secret"));
        assert!(refusal("407 No", Some(credentials())).await.contains("refuses the user and the password (407)"));
        for status in ["403 Forbidden", "502 Bad Gateway"] {
            assert!(refusal(status, None).await.contains("does not connect to a.example:8443 (401"), "{status}");
        }
        let unreachable = ForwardProxy::new("http://127.0.0.1:1", None, Vec::new()).unwrap();
        let client = reqwest::Client::builder().no_proxy().proxy(unreachable.setting()).build().unwrap();
        let error = client.get("https://a.example").send().await.unwrap_err();
        assert!(unreachable.refusal(&error).unwrap().contains("no tunnel through the proxy http://127.0.0.1:1"));
    }

    #[test]
    fn debug_output_has_no_credentials() {
        let credentials = ProxyCredentials { username: "me".to_owned(), password: "hunter2".to_owned().into() };
        let proxy = ForwardProxy::new("http://p:1", Some(credentials), Vec::new()).unwrap();
        let text = format!("{proxy:?} {:?}", proxy.setting());
        assert!(text.contains("http://p:1") && !text.contains("hunter2") && !text.contains("aHVudGVyMg"), "{text}");
    }
}
