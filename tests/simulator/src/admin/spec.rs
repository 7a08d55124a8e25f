//! What admin requests say.

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
    /// Whose requests.
    pub system: System,
    /// What they ask.
    pub operation: Option<Operation>,
    /// Of which collection.
    pub collection: Option<Collection>,
    /// Pattern for the method.
    pub method: Option<String>,
    /// Pattern for the request target.
    pub path: Option<String>,
    /// Pattern for the request body.
    pub body: Option<String>,
    /// Matching requests that pass first.
    #[serde(default)]
    pub skip: u32,
    /// Requests struck; `null` is all.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// Before or after the effect.
    #[serde(default = "before")]
    pub when: When,
    /// What the client sees.
    #[serde(default = "pass")]
    pub action: Action,
    /// Wait, in milliseconds.
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

/// A change behind the API's back.
///
/// `{"system","collection","id","set":{..}}` merges into a stored object (RFC 7386, fields as in
/// `GET /state`); `{"system","collection","id","remove":true}` deletes it; `{"system","collection",
/// "add":{..}}` makes one and answers its id. `collection` is `Policy` unless given.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Edit {
    /// Where.
    pub system: System,
    /// In which collection.
    #[serde(default = "policy")]
    pub collection: Collection,
    /// Which object.
    #[serde(default)]
    pub id: String,
    /// Fields to change.
    pub set: Option<Value>,
    /// Whether to delete it.
    #[serde(default)]
    pub remove: bool,
    /// An object to make.
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
