//! The `reqwest` client: no redirects, no proxies of the environment, no own retries, no unbounded wait.

use super::dialer::Dialer;
use super::failure::deepest;
use super::settings::HttpSettings;
use crate::engine::{ErrorKind, Result, UpstreamError};
use crate::upstream::endpoint::EndpointRules;
use reqwest::{Certificate, Client, redirect};
use std::time::Duration;

/// Builds a client that trusts this CA bundle, if there is one, instead of the system's.
pub(super) fn client(settings: &HttpSettings, rules: &EndpointRules, ca_bundle: Option<&[u8]>) -> Result<Client> {
    let builder = Client::builder()
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.request_timeout)
        // Shorter than servers keep idle connections: the outcome of a write on a connection that the
        // server is closing would be unknown.
        .pool_idle_timeout(Duration::from_secs(10))
        .user_agent(&settings.user_agent)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        // A variable that is meant for other programs must not change where signed requests go.
        .no_proxy()
        .dns_resolver(Dialer::new(rules.clone(), settings.proxy.clone()));
    let builder = match &settings.proxy {
        Some(proxy) => builder.proxy(proxy.setting()),
        None => builder,
    };
    let builder = match ca_bundle {
        Some(pem) => builder.tls_certs_only(certificates(pem)?),
        None => builder,
    };
    builder.build().map_err(|error| {
        let problem = if ca_bundle.is_some() { "the CA bundle cannot be used" } else { "cannot make an HTTP client" };
        let message = format!("{problem}: {}", deepest(&error));
        UpstreamError::new(ErrorKind::InvalidReference, "open connection", message)
    })
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate>> {
    let found = Certificate::from_pem_bundle(pem).unwrap_or_default();
    if found.is_empty() {
        let message = "caBundleSecretRef: ca.crt contains no PEM certificate";
        return Err(UpstreamError::new(ErrorKind::InvalidReference, "open connection", message));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_rejects_ca_bundle_without_certificates() {
        // Fails if another test has installed the provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----"] {
            let error = client(&HttpSettings::default(), &EndpointRules::default(), Some(pem.as_bytes())).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidReference);
            assert!(error.message.contains("ca.crt") || error.message.contains("CA bundle"), "{error}");
        }
    }
}
