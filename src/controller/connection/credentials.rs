//! Reads the Secrets of a connection, each with a `get` by name. The operator never lists Secrets here.

use crate::api::ConnectionKey;
use crate::api::Reason;
use crate::api::connection::ConnectionSpec;
use crate::controller::context::Shared;
use crate::upstream::Credentials;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use secrecy::SecretString;

/// The key of the CA bundle in its Secret.
const CA_KEY: &str = "ca.crt";

/// The contents of the Secrets that a connection needs.
pub struct Keys {
    /// The credentials for the upstream.
    pub credentials: Credentials,
    /// The CA certificates to trust, as PEM.
    pub ca_bundle: Option<Vec<u8>>,
    /// Identifies the versions of the Secrets: it changes when one of them changes.
    pub version: String,
}

/// Why the Secrets cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The reason of the condition.
    pub reason: Reason,
    /// The message of the condition: the problem, and what to do.
    pub message: String,
    /// Whether the Secret exists and its content is unusable.
    pub malformed: bool,
}

impl Missing {
    fn new(reason: Reason, message: String) -> Self {
        Self { reason, message, malformed: false }
    }
}

/// Reads the Secrets that `spec` names.
pub async fn read(shared: &Shared, key: &ConnectionKey, spec: &ConnectionSpec) -> Result<Keys, Missing> {
    let namespace = key.namespace.as_deref().unwrap_or(&shared.settings.namespace);
    if key.namespace.is_some() && !shared.settings.tenant_connections.allow(namespace) {
        return Err(not_permitted(namespace));
    }
    let (credentials, mut version) = match (&spec.ncloud, &spec.spaceone) {
        (Some(ncloud), _) => {
            let secret = get(shared, namespace, &ncloud.credentials_secret_ref.name).await?;
            let credentials = Credentials::Ncloud {
                access_key: text(&secret, namespace, "accessKey")?,
                secret_key: text(&secret, namespace, "secretKey")?,
            };
            (credentials, version_of(&secret))
        }
        (None, Some(spaceone)) => {
            let secret = get(shared, namespace, &spaceone.token_secret_ref.name).await?;
            let credentials =
                Credentials::Spaceone { token: text(&secret, namespace, &spaceone.token_secret_ref.key)? };
            (credentials, version_of(&secret))
        }
        (None, None) => {
            let message = "Set spec.ncloud or spec.spaceone.".to_owned();
            return Err(Missing::new(Reason::InvalidSpec, message));
        }
    };
    let mut ca_bundle = None;
    if let Some(reference) = &spec.ca_bundle_secret_ref {
        let secret = get(shared, namespace, &reference.name).await?;
        ca_bundle = Some(bytes(&secret, namespace, CA_KEY)?.to_vec());
        version = format!("{version},{}", version_of(&secret));
    }
    Ok(Keys { credentials, ca_bundle, version })
}

async fn get(shared: &Shared, namespace: &str, name: &str) -> Result<Secret, Missing> {
    let api: Api<Secret> = Api::namespaced(shared.client.clone(), namespace);
    match api.get_opt(name).await {
        Ok(Some(secret)) => Ok(secret),
        Ok(None) => Err(Missing::new(
            Reason::SecretNotFound,
            format!(
                "Secret {namespace}/{name} does not exist. Create it. The operator reads it at the next check of the connection."
            ),
        )),
        Err(kube::Error::Api(status)) if status.code == 403 => Err(not_permitted(namespace)),
        Err(error) => {
            tracing::warn!(namespace, name, %error, "cannot read the secret");
            let message = format!("The operator could not read Secret {namespace}/{name}. It retries.");
            Err(Missing::new(Reason::Unreachable, message))
        }
    }
}

fn not_permitted(namespace: &str) -> Missing {
    Missing::new(
        Reason::SecretsNotPermitted,
        format!(
            "The operator may not read Secrets in namespace {namespace}. Use a ClusterConnection, or have the administrator add the namespace to --tenant-namespaces and grant `get` on its Secrets."
        ),
    )
}

fn bytes<'a>(secret: &'a Secret, namespace: &str, key: &str) -> Result<&'a [u8], Missing> {
    let found = secret.data.as_ref().and_then(|data| data.get(key)).map(|value| value.0.as_slice());
    found.filter(|value| !value.is_empty()).ok_or_else(|| Missing {
        malformed: true,
        reason: Reason::SecretNotFound,
        message: format!(
            "Secret {namespace}/{} has no key {key}. Add it.",
            secret.metadata.name.as_deref().unwrap_or_default()
        ),
    })
}

fn text(secret: &Secret, namespace: &str, key: &str) -> Result<SecretString, Missing> {
    let value = bytes(secret, namespace, key)?;
    // `echo` and editors add a newline at the end. No key of these upstreams contains one.
    match std::str::from_utf8(value).map(str::trim) {
        Ok(text) if !text.is_empty() => Ok(SecretString::from(text.to_owned())),
        _ => Err(Missing {
            malformed: true,
            reason: Reason::SecretNotFound,
            message: format!(
                "Key {key} of Secret {namespace}/{} is empty or not text. Correct it.",
                secret.metadata.name.as_deref().unwrap_or_default()
            ),
        }),
    }
}

fn version_of(secret: &Secret) -> String {
    secret.metadata.resource_version.clone().unwrap_or_default()
}
