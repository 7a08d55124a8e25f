//! The manifests that cases start from, and the macros that turn cases into tests.

use crate::support;
use cloud_policy_testbed::TestNamespace;
use http::{Method, Request};
use kube::{Client, core::Status};
use serde_json::{Map, Value};

/// A manifest that the API server accepts.
#[derive(Clone, Copy)]
pub struct Base {
    plural: &'static str,
    namespaced: bool,
    text: &'static str,
}

const fn base(plural: &'static str, namespaced: bool, text: &'static str) -> Base {
    Base { plural, namespaced, text }
}

pub const NCLOUD: Base = base("policies", true, include_str!("manifests/ncloud-policy.yaml"));
pub const SPACEONE: Base = base("policies", true, include_str!("manifests/spaceone-policy.yaml"));
pub const NETWORK: Base = base("networkpolicies", true, include_str!("manifests/network-policy.yaml"));
pub const NCLOUD_CONNECTION: Base = base("connections", true, include_str!("manifests/ncloud-connection.yaml"));
pub const SPACEONE_CONNECTION: Base = base("connections", true, include_str!("manifests/spaceone-connection.yaml"));
pub const CLUSTER_CONNECTION: Base =
    base("clusterconnections", false, include_str!("manifests/cluster-connection.yaml"));

/// Fields and their new values; `Null` removes the field.
pub type Changes<'a> = &'a [(&'a str, Value)];

impl Base {
    /// Returns the manifest with some fields changed.
    pub fn with(self, changes: Changes<'_>) -> Value {
        changed(serde_saphyr::from_str(self.text).unwrap(), changes)
    }

    fn path(self, namespace: &str) -> String {
        let within = if self.namespaced { format!("/namespaces/{namespace}") } else { String::new() };
        format!("/apis/cloudpolicy.dev/v1alpha1{within}/{}", self.plural)
    }
}

/// The object as the API server would store it, or its refusal. Any other failure fails the test.
type Admitted = Result<Value, Box<Status>>;

async fn send(client: &Client, method: Method, path: &str, object: &Value, dry_run: &str) -> Admitted {
    let uri = format!("{path}?fieldValidation=Strict{dry_run}");
    let request = Request::builder().method(method).uri(uri).body(serde_json::to_vec(object).unwrap()).unwrap();
    client.request(request).await.map_err(|error| match error {
        kube::Error::Api(status) => status,
        other => panic!("no response from the API server: {other}"),
    })
}

const DRY_RUN: &str = "&dryRun=All";

/// Creates the manifest as a dry run.
pub async fn propose(base: Base, object: &Value) -> Admitted {
    let client = support::client().await;
    send(&client, Method::POST, &base.path("default"), object, DRY_RUN).await
}

/// Creates an object and changes it as a dry run.
async fn propose_change(base: Base, before: Changes<'_>, change: Changes<'_>) -> (Value, Admitted) {
    let client = support::client().await;
    let namespace = TestNamespace::create(&client, "admission").await.unwrap();
    let mut object = base.with(before);
    // The name is unique also for cluster-scoped objects.
    object["metadata"]["name"] = namespace.name().into();
    let path = base.path(namespace.name());
    let created = send(&client, Method::POST, &path, &object, "").await.unwrap();
    let wanted = changed(created, change);
    let own = format!("{path}/{}", namespace.name());
    let answer = send(&client, Method::PUT, &own, &wanted, DRY_RUN).await;
    let deletion = Request::delete(own).body(Vec::new()).unwrap();
    client.request::<Value>(deletion).await.unwrap();
    (wanted, answer)
}

/// Asserts that the manifest is accepted and stored unchanged.
pub async fn accepted(base: Base, changes: Changes<'_>) -> Value {
    let object = base.with(changes);
    let kept = propose(base, &object).await.unwrap_or_else(|refusal| panic!("refused: {}", refusal.message));
    assert_stored(&object["spec"], &kept["spec"]);
    let refused = crate::lint::check(&object).findings.into_iter().filter(|it| it.rule == "CP011");
    assert_eq!(refused.collect::<Vec<_>>(), [], "cloud-policy lint refuses what the API server accepts");
    kept
}

/// Asserts that the change is accepted and stored unchanged.
pub async fn change_accepted(base: Base, before: Changes<'_>, change: Changes<'_>) {
    let (wanted, answer) = propose_change(base, before, change).await;
    let kept = answer.unwrap_or_else(|refusal| panic!("refused: {}", refusal.message));
    assert_stored(&wanted["spec"], &kept["spec"]);
}

/// Asserts that the manifest is refused because of `field` only, with a message that contains `words`.
pub async fn rejected(base: Base, changes: Changes<'_>, field: &str, words: &str) {
    let refusal = propose(base, &base.with(changes)).await.expect_err("it was accepted");
    assert_refusal(&refusal, field, words);
}

/// Asserts that the change is refused because of `field` only, with a message that contains `words`.
pub async fn change_rejected(base: Base, before: Changes<'_>, change: Changes<'_>, field: &str, words: &str) {
    let (_, answer) = propose_change(base, before, change).await;
    assert_refusal(&answer.expect_err("it was accepted"), field, words);
}

fn assert_refusal(refusal: &Status, field: &str, words: &str) {
    let causes = refusal.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    // A cause without a field is a remark about the validation, such as that some rules were not evaluated.
    let named: Vec<_> = causes.iter().filter(|cause| cause.field != "<nil>").collect();
    let all = &refusal.message;
    if named.is_empty() {
        // The server finds an unknown field before validation, so there are no causes.
        assert!(all.contains(&format!("\"{field}\"")) && all.contains(words), "{all}");
        return;
    }
    assert!(named.iter().all(|cause| cause.field == field), "the refusal names other fields than {field}: {all}");
    assert!(named.iter().any(|cause| cause.message.contains(words)), "no message contains {words:?}: {all}");
}

/// Asserts that the stored object contains everything that was sent. The server may have added defaults.
fn assert_stored(sent: &Value, kept: &Value) {
    let same = match (sent, kept) {
        (Value::Object(sent), Value::Object(kept)) => {
            for (key, value) in sent {
                assert_stored(value, &kept.get(key).cloned().unwrap_or_default());
            }
            true
        }
        (Value::Array(sent), Value::Array(kept)) if sent.len() == kept.len() => {
            sent.iter().zip(kept).for_each(|(sent, kept)| assert_stored(sent, kept));
            true
        }
        _ => sent == kept,
    };
    assert!(same, "{sent} was sent, and {kept} was stored");
}

fn changed(mut object: Value, changes: Changes<'_>) -> Value {
    for (path, value) in changes {
        set(&mut object, path, value.clone());
    }
    object
}

/// Sets a field by its path, such as `spec.dns[0]`.
fn set(object: &mut Value, path: &str, value: Value) {
    let (parents, name) = match path.rsplit_once(['.', '[']) {
        Some((parents, name)) => (parents.split(['.', '[']).collect(), name),
        None => (Vec::new(), path),
    };
    let mut target = object;
    for step in parents {
        target = match step.strip_suffix(']') {
            Some(index) => &mut target[index.parse::<usize>().unwrap()],
            None => target.as_object_mut().unwrap().entry(step).or_insert_with(|| Map::new().into()),
        };
    }
    match (name.strip_suffix(']'), value) {
        (Some(index), value) => target[index.parse::<usize>().unwrap()] = value,
        (None, Value::Null) => drop(target.as_object_mut().unwrap().remove(name)),
        (None, value) => target[name] = value,
    }
}

/// Returns this many different tags.
pub fn numbered_tags(count: usize) -> Map<String, Value> {
    (0..count).map(|number| (format!("tag-{number}"), "value".into())).collect()
}

/// Returns a tag whose key has this many characters.
pub fn long_tag_key(length: usize) -> Map<String, Value> {
    Map::from_iter([("k".repeat(length), "value".into())])
}

/// Defines one test for each line: `name: BASE, "field" = value, ...;`.
macro_rules! accepts {
    ($($name:ident: $base:ident $(, $path:literal = $value:tt)*;)+) => {$(
        #[tokio::test]
        async fn $name() {
            $crate::admission::cases::accepted($crate::admission::cases::$base, &[$(($path, serde_json::json!($value))),*]).await;
        }
    )+};
}

/// Defines one test for each line: `name: BASE, "field" = value, ... => "named field", "words";`.
macro_rules! rejects {
    ($($name:ident: $base:ident $(, $path:literal = $value:tt)* => $field:literal, $words:literal;)+) => {$(
        #[tokio::test]
        async fn $name() {
            let changes = [$(($path, serde_json::json!($value))),*];
            $crate::admission::cases::rejected($crate::admission::cases::$base, &changes, $field, $words).await;
        }
    )+};
}

/// Defines one test for each line: `name: BASE, "field" = value, ... then "field" = value, ...;`.
macro_rules! accepts_change {
    ($($name:ident: $base:ident $(, $before:literal = $was:tt)* then $($path:literal = $value:tt),+;)+) => {$(
        #[tokio::test]
        async fn $name() {
            let before: &[(&str, serde_json::Value)] = &[$(($before, serde_json::json!($was))),*];
            let change = [$(($path, serde_json::json!($value))),+];
            $crate::admission::cases::change_accepted($crate::admission::cases::$base, before, &change).await;
        }
    )+};
}

/// Defines one test for each line: `name: BASE, "field" = value, ... then "field" = value, ... => "named field", "words";`.
macro_rules! rejects_change {
    ($($name:ident: $base:ident $(, $before:literal = $was:tt)* then $($path:literal = $value:tt),+ => $field:literal, $words:literal;)+) => {$(
        #[tokio::test]
        async fn $name() {
            let before: &[(&str, serde_json::Value)] = &[$(($before, serde_json::json!($was))),*];
            let change = [$(($path, serde_json::json!($value))),+];
            $crate::admission::cases::change_rejected($crate::admission::cases::$base, before, &change, $field, $words).await;
        }
    )+};
}

pub(super) use {accepts, accepts_change, rejects, rejects_change};
