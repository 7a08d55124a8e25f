//! The flags of the forward proxy, and the variables with its credentials.

use super::cluster;
use crate::upstream::{DirectHost, ForwardProxy, ProxyCredentials};
use anyhow::{Context as _, anyhow, ensure};
use clap::Args as ClapArgs;
use url::Url;

/// The value of `--https-proxy` for the proxy that the environment names.
const FROM_ENVIRONMENT: &str = "env";

/// The variables with the credentials of the proxy. They are no flags, because everyone on the node can read arguments.
const USERNAME: &str = "CLOUD_POLICY_PROXY_USERNAME";
const PASSWORD: &str = "CLOUD_POLICY_PROXY_PASSWORD";

/// The flags of the forward proxy.
#[derive(Debug, ClapArgs)]
pub struct ProxyArgs {
    /// Forward proxy to upstreams, such as http://proxy.example.com:3128, or `env` for the one that the
    /// variables HTTPS_PROXY and NO_PROXY name. User and password are in CLOUD_POLICY_PROXY_USERNAME and
    /// CLOUD_POLICY_PROXY_PASSWORD. Requests to the Kubernetes API never use it.
    #[arg(long, env = "CLOUD_POLICY_HTTPS_PROXY")]
    https_proxy: Option<String>,

    /// Hosts that are reached without the proxy: a name, which includes the names below it, `.example.com` for only
    /// those below it, an address, a network such as `10.0.0.0/8`, or `*`.
    #[arg(long, env = "CLOUD_POLICY_NO_PROXY", value_delimiter = ',')]
    no_proxy: Vec<String>,
}

impl ProxyArgs {
    /// Returns the proxy, with the variables that `variable` returns.
    pub(super) fn proxy(&self, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Option<ForwardProxy>> {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let mut direct = self.no_proxy.clone();
        let (url, mut credentials) = match self.https_proxy.as_deref().map(str::trim) {
            None | Some("") => return Ok(None),
            Some(FROM_ENVIRONMENT) => {
                let mut names =
                    cluster::PROXY_VARIABLES.into_iter().filter(|name| !name.eq_ignore_ascii_case("http_proxy"));
                let Some((name, url)) = names.find_map(|name| Some((name, given(name)?))) else {
                    return Ok(None);
                };
                let list = given("NO_PROXY").or_else(|| given("no_proxy")).unwrap_or_default();
                direct.extend(list.split(',').map(str::to_owned));
                split(&url).with_context(|| format!("--https-proxy=env: {name}"))?
            }
            Some(url) => (url.to_owned(), None),
        };
        match (given(USERNAME), given(PASSWORD)) {
            (Some(username), Some(password)) => {
                credentials = Some(ProxyCredentials { username, password: password.into() });
            }
            (None, None) => {}
            _ => anyhow::bail!("{USERNAME} and {PASSWORD} belong together: set both or none"),
        }
        let direct = direct.iter().map(|host| host.trim()).filter(|host| !host.is_empty());
        let direct: Result<Vec<DirectHost>, String> = direct.map(str::parse).collect();
        let direct = direct.map_err(|why| anyhow!("--no-proxy: {why}"))?;
        ForwardProxy::new(&url, credentials, direct).map(Some).map_err(|why| anyhow!("--https-proxy: {why}"))
    }
}

/// Takes user and password out of the address of a proxy, where `HTTPS_PROXY` may have them.
fn split(url: &str) -> anyhow::Result<(String, Option<ProxyCredentials>)> {
    // Programs also accept an address without a scheme.
    let text = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let mut url: Url = text.parse().map_err(|_| anyhow!("is no URL"))?;
    let decoded = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
    let username = decoded(url.username());
    let password = decoded(url.password().unwrap_or_default());
    let changed = url.set_username("").and_then(|()| url.set_password(None));
    ensure!(changed.is_ok(), "has no host");
    let credentials = ProxyCredentials { username, password: password.into() };
    let has_user = !credentials.username.is_empty();
    Ok((url.to_string(), has_user.then_some(credentials)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use secrecy::ExposeSecret as _;
    use std::collections::BTreeMap;

    #[derive(Parser)]
    struct TestCli {
        #[command(flatten)]
        args: ProxyArgs,
    }

    fn proxy(flags: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<Option<ForwardProxy>> {
        let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
        let args = TestCli::parse_from([&["run"], flags].concat()).args;
        args.proxy(|name| variables.get(name).map(|value| (*value).to_owned()))
    }

    fn shown(flags: &[&str], variables: &[(&str, &str)]) -> String {
        format!("{:?}", proxy(flags, variables).unwrap())
    }

    #[test]
    fn no_proxy_is_used_unless_the_flag_names_one() {
        let standard = [("HTTPS_PROXY", "http://p:1")];
        assert!(proxy(&[], &standard).unwrap().is_none());
        assert!(proxy(&["--https-proxy="], &standard).unwrap().is_none(), "an empty variable is not set");
        assert!(shown(&["--https-proxy=http://q:2"], &standard).contains("http://q:2"));
    }

    #[test]
    fn environment_names_the_proxy_when_the_flag_says_so() {
        let shown = |variables: &[(&str, &str)]| shown(&["--https-proxy=env", "--no-proxy=b.example"], variables);
        let all = shown(&[("https_proxy", "http://me:p%40ss@p:1"), ("NO_PROXY", ".svc,10.0.0.0/8, ")]);
        for part in ["http://p:1", "credentials: true", "\"b.example\"", "\"svc\"", "10.0.0.0/8"] {
            assert!(all.contains(part), "{part}: {all}");
        }
        assert!(shown(&[("ALL_PROXY", "p:1")]).contains("http://p:1"), "an address without a scheme");
        assert_eq!(shown(&[("HTTP_PROXY", "http://p:1"), ("HTTPS_PROXY", "")]), "None");
        let (_, credentials) = split("http://me:p%40ss@p:1").unwrap();
        assert_eq!(credentials.unwrap().password.expose_secret(), "p@ss");
    }

    #[test]
    fn wrong_proxy_is_refused_by_the_name_of_its_flag() {
        for (flags, variables, part) in [
            (["--https-proxy=http://me:x@p:1", ""], [("", "")], "--https-proxy: the proxy must be"),
            (["--https-proxy=http://p:1", "--no-proxy=a b"], [("", "")], "--no-proxy: `a b`"),
            (["--https-proxy=http://p:1", ""], [(USERNAME, "me")], "belong together"),
            (["--https-proxy=env", ""], [("HTTPS_PROXY", "http://")], "--https-proxy=env: HTTPS_PROXY"),
        ] {
            let flags: Vec<&str> = flags.into_iter().filter(|flag| !flag.is_empty()).collect();
            let error = format!("{:#}", proxy(&flags, &variables).unwrap_err());
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
