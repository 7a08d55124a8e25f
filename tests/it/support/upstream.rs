//! Helpers of the suites of the upstream clients: accounts that may call loopback, and specs in the form that users
//! write.

use crate::support::install_crypto;
use cloud_policy::api::{ConnectionSpec, NetworkPolicySpec, PolicySpec};
use cloud_policy::engine::{BoundExternal, Observation, OwnerTag, Result, UpstreamError, Written};
use cloud_policy::upstream::registry;
use cloud_policy::upstream::{Account, Credentials, EndpointRules, HttpSettings, Priority, RequestLog};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Returns endpoint rules that allow only loopback.
pub fn allow_loopback() -> EndpointRules {
    EndpointRules { allow_http: true, allow_private: true, allowed_hosts: vec!["127.0.0.1".parse().unwrap()] }
}

/// Returns the default settings with shorter timeouts.
pub fn short_timeouts() -> HttpSettings {
    HttpSettings {
        request_timeout: Duration::from_secs(3),
        body_limit: 1 << 20,
        read_backoff: Duration::from_millis(10),
        ..HttpSettings::default()
    }
}

/// The logged requests of an account: system, operation, code.
#[derive(Default)]
pub struct Log(Mutex<Vec<(&'static str, &'static str, String)>>);

impl Log {
    pub fn lines(&self) -> Vec<(&'static str, &'static str, String)> {
        self.0.lock().unwrap().clone()
    }
}

impl RequestLog for Log {
    fn request(&self, system: &'static str, operation: &'static str, code: &str, _: Duration) {
        self.0.lock().unwrap().push((system, operation, code.to_owned()));
    }
}

/// Opens an account for a connection, which is given as JSON without its Secret. The default rate is the highest that
/// users may set.
pub fn account(mut connection: Value, credentials: Credentials, settings: &HttpSettings) -> (Arc<Account>, Arc<Log>) {
    install_crypto();
    if connection["rateLimit"].is_null() {
        connection["rateLimit"] = json!({ "requestsPerSecond": 100, "burst": 200 });
    }
    let spec: ConnectionSpec = serde_json::from_value(connection).unwrap();
    let log = Arc::new(Log::default());
    let account = Account::open(&spec, credentials, None, &allow_loopback(), settings, log.clone()).unwrap();
    (Arc::new(account), log)
}

/// Returns the owner tag of an object of this cluster.
pub fn owner_tag(uid: &str) -> OwnerTag {
    OwnerTag::new("cluster", uid)
}

/// Returns a `Policy` with this upstream block, bound to the account.
pub fn policy(account: &Arc<Account>, upstream: &str, block: &Value, tag: &OwnerTag) -> Box<dyn BoundExternal> {
    let spec = json!({ "connectionRef": { "name": "c" }, upstream: block });
    let spec: PolicySpec = serde_json::from_value(spec).unwrap();
    registry::bind(account, &spec, tag, Priority::Change).unwrap()
}

/// Returns a `NetworkPolicy` with this block, bound to the account.
pub fn network_policy(account: &Arc<Account>, block: &Value, tag: &OwnerTag) -> Box<dyn BoundExternal> {
    let spec = json!({ "connectionRef": { "name": "c" }, "spaceone": block });
    let spec: NetworkPolicySpec = serde_json::from_value(spec).unwrap();
    registry::bind(account, &spec, tag, Priority::Change).unwrap()
}

/// Creates the object; returns its id.
pub async fn create(subject: &dyn BoundExternal) -> String {
    accepted(subject.create().await)
}

/// Returns the id in the response of an accepted write.
pub fn accepted<S: std::fmt::Debug>(written: Result<Written<S>>) -> String {
    match written.unwrap() {
        Written::Accepted { id, .. } => id,
        Written::Refused(verdict) => panic!("refused: {verdict:?}"),
        Written::Incomplete { id, error } => panic!("{id} is incomplete: {error}"),
    }
}

/// Reads the object, which must exist.
pub async fn observation(subject: &dyn BoundExternal, id: &str) -> Observation {
    subject.observe(id).await.unwrap().expect("the object is there")
}

/// Updates the object to what is wanted and asserts that nothing is left to do.
pub async fn converge(subject: &dyn BoundExternal, id: &str) {
    let before = observation(subject, id).await.diff;
    assert!(!before.is_empty(), "there is something to do");
    assert!(!before.needs_recreate(), "{}", before.summary());
    accepted(subject.update(id, &before).await);
    let after = observation(subject, id).await.diff;
    assert!(after.is_empty(), "left after an update of {}: {}", before.summary(), after.summary());
}

/// Returns the error, which must not contain any of these secrets.
pub fn refusal<T: std::fmt::Debug>(outcome: Result<T>, secrets: &[&str]) -> UpstreamError {
    let error = outcome.unwrap_err();
    for secret in secrets {
        assert!(!format!("{error} {error:?}").contains(secret), "{error:?} shows a secret");
    }
    assert!(error.message.chars().count() <= 300 && !error.message.contains('\n'), "{error}");
    error
}

/// Returns a name that no other test uses.
pub fn unique(prefix: &str) -> String {
    format!("{prefix}-{}", &uuid::Uuid::new_v4().simple().to_string()[..12])
}
