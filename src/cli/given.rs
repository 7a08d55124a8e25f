//! Reads the credentials of connections from the environment. No message contains a value of a variable.

use crate::api::connection::{ApiStyle, ConnectionSpec};
use crate::plan::Given;
use crate::upstream::{Credentials, HostPattern};
use anyhow::Context as _;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::str::FromStr;
use url::Url;

/// The value of `--connection`: the name of the connection and the start of the names of its variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenName {
    name: String,
    prefix: String,
}

impl FromStr for GivenName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').and_then(|(name, source)| Some((name, source.strip_prefix("env:")?)));
        match parts {
            Some((name, prefix)) if !name.is_empty() && !prefix.is_empty() => {
                Ok(Self { name: name.to_owned(), prefix: prefix.to_owned() })
            }
            // The text may be a secret that was meant for another place.
            _ => Err("write NAME=env:PREFIX, such as ncloud=env:NCLOUD_".to_owned()),
        }
    }
}

/// Reads the variables of a connection.
pub fn read(given: &GivenName) -> anyhow::Result<Given> {
    let variables = Variables(&given.prefix, &|name| std::env::var(name).ok());
    variables.given(&given.name).with_context(|| format!("--connection {}", given.name))
}

/// Returns the host of the endpoint that the variables name.
pub fn host(given: &Given) -> Option<HostPattern> {
    let spec = given.endpoint.as_ref()?;
    let endpoint = spec.ncloud.as_ref().and_then(|it| it.endpoint.clone());
    let endpoint = endpoint.or_else(|| spec.spaceone.as_ref().map(|it| it.endpoint.clone()))?;
    let url = Url::parse(&endpoint).ok()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", url.host_str()?).parse().ok()
}

/// The variables with a prefix.
struct Variables<'a>(&'a str, &'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    /// Returns the name of a variable.
    fn name(&self, end: &str) -> String {
        format!("{}{end}", self.0)
    }

    fn get(&self, end: &str) -> Option<String> {
        self.1(&self.name(end)).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn given(&self, name: &str) -> anyhow::Result<Given> {
        let secret = |text: String| SecretString::from(text);
        let (access, secret_key, token) = (self.get("ACCESS_KEY"), self.get("SECRET_KEY"), self.get("TOKEN"));
        match (access, secret_key, token) {
            (Some(access_key), Some(secret_key), None) => {
                let credentials =
                    Credentials::Ncloud { access_key: secret(access_key), secret_key: secret(secret_key) };
                let public = json!({ "ncloud": { "zone": "Public", "credentialsSecretRef": { "name": name } } });
                let endpoint = self.get("ENDPOINT").map(
                    |endpoint| json!({ "ncloud": { "endpoint": endpoint, "credentialsSecretRef": { "name": name } } }),
                );
                Ok(Given {
                    name: name.to_owned(),
                    credentials,
                    endpoint: endpoint.map(spec).transpose()?,
                    otherwise: Some(spec(public)?),
                })
            }
            (None, None, Some(token)) => {
                let credentials = Credentials::Spaceone { token: secret(token) };
                let endpoint = self.get("ENDPOINT").map(|endpoint| self.spaceone(&endpoint, name)).transpose()?;
                Ok(Given { name: name.to_owned(), credentials, endpoint, otherwise: None })
            }
            _ => anyhow::bail!(
                "set either {} and {} (NAVER Cloud), or {} (SpaceONE)",
                self.name("ACCESS_KEY"),
                self.name("SECRET_KEY"),
                self.name("TOKEN")
            ),
        }
    }

    fn spaceone(&self, endpoint: &str, name: &str) -> anyhow::Result<ConnectionSpec> {
        let missing = || format!("{} is set, so set {}, too", self.name("ENDPOINT"), self.name("DOMAIN_ID"));
        let domain_id = self.get("DOMAIN_ID").with_context(missing)?;
        let style: ApiStyle = match self.get("API_STYLE") {
            Some(style) => serde_json::from_value(json!(style))
                .map_err(|_| anyhow::anyhow!("{} must be Rest, Verb or Console", self.name("API_STYLE")))?,
            None => ApiStyle::default(),
        };
        spec(json!({ "spaceone": {
            "endpoint": endpoint,
            "domainId": domain_id,
            "apiStyle": style,
            "repositoryId": self.get("REPOSITORY_ID"),
            "tokenSecretRef": { "name": name },
        }}))
    }
}

fn spec(value: Value) -> anyhow::Result<ConnectionSpec> {
    serde_json::from_value(value).context("cannot read the endpoint")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn given(variables: &[(&str, &str)]) -> anyhow::Result<Given> {
        let all: HashMap<String, String> = variables.iter().map(|(k, v)| (format!("P_{k}"), (*v).to_owned())).collect();
        Variables("P_", &|name| all.get(name).cloned()).given("c")
    }

    #[test]
    fn variables_decide_the_provider() {
        let ncloud = given(&[("ACCESS_KEY", "a"), ("SECRET_KEY", "s")]).unwrap();
        assert!(ncloud.endpoint.is_none() && ncloud.otherwise.is_some_and(|spec| spec.ncloud.is_some()));
        let spaceone = given(&[("TOKEN", "t"), ("ENDPOINT", "https://x:1/api"), ("DOMAIN_ID", "d")]).unwrap();
        assert_eq!(host(&spaceone), Some("x:1".parse().unwrap()));
        assert!(spaceone.endpoint.is_some_and(|spec| spec.spaceone.is_some()));
    }

    #[test]
    fn missing_variables_are_named_without_values() {
        for variables in
            [&[][..], &[("ACCESS_KEY", "canary")], &[("TOKEN", "canary"), ("ACCESS_KEY", "b"), ("SECRET_KEY", "c")]]
        {
            let error = format!("{:#}", given(variables).unwrap_err());
            assert!(
                error.contains("P_SECRET_KEY") && error.contains("P_TOKEN") && !error.contains("canary"),
                "{error}"
            );
        }
        let error = format!("{:#}", given(&[("TOKEN", "t"), ("ENDPOINT", "https://x")]).unwrap_err());
        assert!(error.contains("P_DOMAIN_ID"), "{error}");
    }

    #[test]
    fn connection_flag_has_a_name_and_a_source() {
        let parsed: GivenName = "ncloud=env:N_".parse().unwrap();
        assert_eq!((parsed.name.as_str(), parsed.prefix.as_str()), ("ncloud", "N_"));
        for wrong in ["ncloud", "ncloud=N_", "=env:N_", "ncloud=env:"] {
            assert!(wrong.parse::<GivenName>().is_err(), "{wrong}");
        }
    }
}
