//! The way to the API server: the service account of the pod in a cluster, and the kubeconfig elsewhere.
//!
//! kube-rs takes a proxy from the environment if the kubeconfig names none. The operator uses none from there: a
//! variable that is meant for other programs must not change which server it talks to.

use anyhow::Context as _;
use axum::http::header::USER_AGENT;
use axum::http::{HeaderValue, Uri};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// The variables by which programs are usually told to use a proxy.
pub(super) const PROXY_VARIABLES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"];

/// Stands for a proxy that the kubeconfig does not name, so that kube-rs does not look for one in the environment.
const NO_PROXY: &str = "http://no-proxy.invalid";

/// Returns the first variable that names a proxy. The operator ignores it.
pub(super) fn ignored_proxy_variable() -> Option<&'static str> {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    PROXY_VARIABLES.into_iter().find(is_set)
}

/// Creates a client with the service account of the pod in a cluster, and with the kubeconfig elsewhere. In a
/// cluster it ignores any kubeconfig in the container.
pub(super) async fn client() -> anyhow::Result<Client> {
    let mut config = if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        Config::incluster().context("cannot use the service account of this pod")?
    } else {
        let kubeconfig = Kubeconfig::read().context("no kubeconfig: set KUBECONFIG")?;
        config(kubeconfig).await.context("cannot use the kubeconfig")?
    };
    if let Some(proxy) = &config.proxy_url {
        anyhow::bail!(
            "the kubeconfig names the proxy-url {proxy}, and cloud-policy cannot use a proxy: remove proxy-url"
        );
    }
    let agent = concat!("cloud-policy-operator/", env!("CARGO_PKG_VERSION"));
    config.headers.push((USER_AGENT, HeaderValue::from_static(agent)));
    Client::try_from(config).context("cannot set up the Kubernetes client")
}

/// Reads the current context of a kubeconfig. Only a proxy that it names is in the result.
async fn config(mut kubeconfig: Kubeconfig) -> anyhow::Result<Config> {
    for cluster in kubeconfig.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        if cluster.proxy_url.as_ref().is_none_or(String::is_empty) {
            cluster.proxy_url = Some(NO_PROXY.to_owned());
        }
    }
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.proxy_url = config.proxy_url.filter(|proxy| *proxy != Uri::from_static(NO_PROXY));
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn proxy_of(line: &str) -> Option<String> {
        let yaml = format!(
            "current-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{}}}}]\nclusters:\n- name: c\n  cluster: {{server: 'https://127.0.0.1:1'{line}}}\n"
        );
        config(Kubeconfig::from_yaml(&yaml).unwrap()).await.unwrap().proxy_url.map(|proxy| proxy.to_string())
    }

    #[tokio::test]
    async fn proxy_comes_only_from_the_kubeconfig() {
        assert_eq!(proxy_of("").await, None);
        assert_eq!(proxy_of(", proxy-url: ''").await, None);
        assert_eq!(proxy_of(", proxy-url: 'http://proxy:3128'").await.as_deref(), Some("http://proxy:3128/"));
    }
}
