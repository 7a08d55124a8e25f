//! The manifests that cases start from, and the macros that make a test of each case.

use crate::support;
use cloud_policy_testbed::TestNamespace;
use http::{Method, Request};
use kube::{Client, core::Status};
use serde_json::{Map, Value};

/// A manifest that is accepted as it stands.
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
    /// The manifest with some fields changed.
    pub fn with(self, changes: Changes<'_>) -> Value {
        changed(serde_saphyr::from_str(self.text).unwrap(), changes)
    }

    fn path(self, namespace: &str) -> String {
        let within = if self.namespaced { format!("/namespaces/{namespace}") } else { String::new() };
        format!("/apis/cloudpolicy.dev/v1alpha1{within}/{}", self.plural)
    }
}

/// `Err` is the API server's refusal; any other failure fails the test.
type Admitted = Result<Value, Box<Status>>;

async fn send(client: &Client, method: Method, path: &str, object: &Value, dry_run: &str) -> Admitted {
    let uri = format!("{path}?fieldValidation=Strict{dry_run}");
    let request = Request::builder().method(method).uri(uri).body(serde_json::to_vec(object).unwrap()).unwrap();
    client.request(request).await.map_err(|error| match error {
        kube::Error::Api(status) => status,
        other => panic!("the API server gave no answer: {other}"),
    })
}

const DRY_RUN: &str = "&dryRun=All";

/// Asks whether the manifest would be created.
pub async fn propose(base: Base, object: &Value) -> Admitted {
    let client = support::client().await;
    send(&client, Method::POST, &base.path("default"), object, DRY_RUN).await
}

/// Creates an object for real and asks whether a change of it would be taken.
async fn propose_change(base: Base, before: Changes<'_>, change: Changes<'_>) -> (Value, Admitted) {
    let client = support::client().await;
    let namespace = TestNamespace::create(&client, "admission").await.unwrap();
    let mut object = base.with(before);
    // Objects of the cluster have no namespace to be alone in.
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

/// The manifest is taken, and what it says is kept.
pub async fn accepted(base: Base, changes: Changes<'_>) -> Value {
    let object = base.with(changes);
    let kept = propose(base, &object).await.unwrap_or_else(|refusal| panic!("refused: {}", refusal.message));
    assert_kept(&object["spec"], &kept["spec"]);
    kept
}

/// The change is taken, and what it says is kept.
pub async fn change_accepted(base: Base, before: Changes<'_>, change: Changes<'_>) {
    let (wanted, answer) = propose_change(base, before, change).await;
    let kept = answer.unwrap_or_else(|refusal| panic!("refused: {}", refusal.message));
    assert_kept(&wanted["spec"], &kept["spec"]);
}

/// The manifest is refused for `field` alone, in words that contain `words`.
pub async fn rejected(base: Base, changes: Changes<'_>, field: &str, words: &str) {
    let refusal = propose(base, &base.with(changes)).await.expect_err("it was accepted");
    assert_blames(&refusal, field, words);
}

/// The change is refused for `field` alone, in words that contain `words`.
pub async fn change_rejected(base: Base, before: Changes<'_>, change: Changes<'_>, field: &str, words: &str) {
    let (_, answer) = propose_change(base, before, change).await;
    assert_blames(&answer.expect_err("it was accepted"), field, words);
}

fn assert_blames(refusal: &Status, field: &str, words: &str) {
    let causes = refusal.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    // The server's remarks on the check itself, such as that a fault kept rules from being checked.
    let blamed: Vec<_> = causes.iter().filter(|cause| cause.field != "<nil>").collect();
    let all = &refusal.message;
    if blamed.is_empty() {
        // An unknown field is found before validation, so there are no causes.
        assert!(all.contains(&format!("\"{field}\"")) && all.contains(words), "{all}");
        return;
    }
    assert!(blamed.iter().all(|cause| cause.field == field), "not only {field} is blamed: {all}");
    assert!(blamed.iter().any(|cause| cause.message.contains(words)), "nothing says {words:?}: {all}");
}

/// Everything that was sent is in what was kept; the server may have added defaults.
fn assert_kept(sent: &Value, kept: &Value) {
    let same = match (sent, kept) {
        (Value::Object(sent), Value::Object(kept)) => {
            for (key, value) in sent {
                assert_kept(value, &kept.get(key).cloned().unwrap_or_default());
            }
            true
        }
        (Value::Array(sent), Value::Array(kept)) if sent.len() == kept.len() => {
            sent.iter().zip(kept).for_each(|(sent, kept)| assert_kept(sent, kept));
            true
        }
        _ => sent == kept,
    };
    assert!(same, "{sent} was sent, and {kept} was kept");
}

fn changed(mut object: Value, changes: Changes<'_>) -> Value {
    for (path, value) in changes {
        set(&mut object, path, value.clone());
    }
    object
}

/// Sets a field that is named as the API server names it, such as `spec.dns[0]`.
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

/// This many different tags.
pub fn numbered_tags(count: usize) -> Map<String, Value> {
    (0..count).map(|number| (format!("tag-{number}"), "value".into())).collect()
}

/// One tag whose key has this many characters.
pub fn long_tag_key(length: usize) -> Map<String, Value> {
    Map::from_iter([("k".repeat(length), "value".into())])
}

/// One test a line: `name: BASE, "field" = value, ...;`.
macro_rules! accepts {
    ($($name:ident: $base:ident $(, $path:literal = $value:tt)*;)+) => {$(
        #[tokio::test]
        async fn $name() {
            $crate::admission::cases::accepted($crate::admission::cases::$base, &[$(($path, serde_json::json!($value))),*]).await;
        }
    )+};
}

/// One test a line: `name: BASE, "field" = value, ... => "blamed field", "words";`.
macro_rules! rejects {
    ($($name:ident: $base:ident $(, $path:literal = $value:tt)* => $field:literal, $words:literal;)+) => {$(
        #[tokio::test]
        async fn $name() {
            let changes = [$(($path, serde_json::json!($value))),*];
            $crate::admission::cases::rejected($crate::admission::cases::$base, &changes, $field, $words).await;
        }
    )+};
}

/// One test a line: `name: BASE, "field" = value, ... then "field" = value, ...;`.
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

/// One test a line: `name: BASE, "field" = value, ... then "field" = value, ... => "blamed field", "words";`.
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
