//! The bodies of admin requests.

use std::time::Duration;

use jiff::Timestamp;
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use crate::faults::{Action, Fault, Matching, When};
use crate::journal::{Collection, Operation, System};

/// A fault in JSON: `{"system":"ncloud","operation":"Create","when":"after","action":"reset"}`.
///
/// `action` is `"pass"`, `"reset"`, `"html"`, `"empty"`, `"endlessBody"`, `"slowDrip"`, `"wrongType"`,
/// `{"timeout":millis}`, `{"late":millis}`, `{"redirect":url}` or `{"status":{"code","body","headers"}}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultSpec {
    /// The simulator whose requests match.
    pub system: System,
    /// The operation that matches.
    pub operation: Option<Operation>,
    /// The collection that matches.
    pub collection: Option<Collection>,
    /// A pattern for the method.
    pub method: Option<String>,
    /// A pattern for the request target.
    pub path: Option<String>,
    /// A pattern for the request body.
    pub body: Option<String>,
    /// The number of matching requests that pass first.
    #[serde(default)]
    pub skip: u32,
    /// The number of requests that get the fault; `null` means all.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// Whether the fault comes before or after the effect.
    #[serde(default = "before")]
    pub when: When,
    /// The answer that the client gets.
    #[serde(default = "pass")]
    pub action: Action,
    /// The delay in milliseconds.
    #[serde(default)]
    pub latency_millis: u64,
}

#[allow(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn once() -> Option<u32> {
    Some(1)
}

fn before() -> When {
    When::Before
}

fn pass() -> Action {
    Action::Pass
}

impl FaultSpec {
    pub(crate) fn fault(&self) -> Result<Fault, String> {
        let pattern = |text: &Option<String>| text.as_deref().map(Regex::new).transpose();
        let invalid = |error: regex::Error| error.to_string();
        let matching = Matching {
            operation: self.operation,
            collection: self.collection,
            method: pattern(&self.method).map_err(invalid)?,
            path: pattern(&self.path).map_err(invalid)?,
            body: pattern(&self.body).map_err(invalid)?,
        };
        let latency = Duration::from_millis(self.latency_millis);
        let Self { skip, times, when, ref action, .. } = *self;
        Ok(Fault { matching, skip, times, when, action: action.clone(), latency })
    }
}

/// A change that does not go through the API.
///
/// `{"system","collection","id","set":{..}}` merges into a stored object (RFC 7386, fields as in
/// `GET /state`). `{"system","collection","id","remove":true}` deletes it. `{"system","collection",
/// "add":{..}}` creates an object and returns its id. The default of `collection` is `Policy`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Edit {
    /// The simulator.
    pub system: System,
    /// The collection.
    #[serde(default = "policy")]
    pub collection: Collection,
    /// The id of the object.
    #[serde(default)]
    pub id: String,
    /// The fields to change.
    pub set: Option<Value>,
    /// Whether to delete the object.
    #[serde(default)]
    pub remove: bool,
    /// The object to create.
    pub add: Option<Value>,
}

fn policy() -> Collection {
    Collection::Policy
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SwitchesSpec {
    pub(crate) system: System,
    pub(crate) switches: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ClockSpec {
    pub(crate) advance_millis: Option<u64>,
    pub(crate) rewind_millis: Option<u64>,
    pub(crate) freeze_at: Option<Timestamp>,
}
