//! Responses of upstreams: no response causes a panic, no failure counts as an absence, and a write with a
//! meaningless response counts neither as done nor as not done.

use super::specs::json;
use super::upstreams;
use crate::support::upstream::{create, network_policy, owner_tag, policy, refusal};
use cloud_policy::engine::{BoundExternal, ErrorKind, Written};
use cloud_policy_simulator::{Action, Fault, Faults, Operation};
use cloud_policy_testbed::holds_for;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json as value};
use std::collections::BTreeMap;

/// Regular responses of both upstreams. The generators spoil them.
const GOOD: &[&str] = &[
    r#"{"items":[{"policyId":"p","policyName":"n","policyDesc":"d"}],"totalItems":1,"isLast":true}"#,
    r#"{"policyId":"p","policyName":"n","permissions":[{"effect":"Allow","targets":[]}],"nrn":"nrn:x"}"#,
    r#"{"policyId":"p","validationResult":{"success":true,"details":[]}}"#,
    r#"{"success":false,"details":[{"type":"ERROR","code":"c","message":"m"}]}"#,
    r#"{"results":[{"policy_id":"p","network_policy_id":"n","name":"n"}],"total_count":1}"#,
    r#"{"policy_id":"p","network_policy_id":"n","name":"x","tags":{"cloudpolicy_owner":"a/b"},"permissions":["p"]}"#,
    r#"{"error":{"errorCode":"300","message":"Not Found"}}"#,
    r#"{"detail":{"code":"ERROR_UNKNOWN","message":"broken"}}"#,
    r#"[{"tagKey":"k","tagValue":"v"}]"#,
];

fn body() -> impl Strategy<Value = String> {
    let spoiled = (select(GOOD), any::<Index>(), json::value()).prop_map(|(text, at, with)| {
        let mut answer: Value = serde_json::from_str(text).unwrap();
        let mut places = Vec::new();
        pointers(&answer, "", &mut places);
        *answer.pointer_mut(at.get::<String>(&places)).unwrap() = with;
        answer.to_string()
    });
    let cut = (select(GOOD), any::<Index>()).prop_map(|(text, at)| text[..at.index(text.len())].to_owned());
    let odd = select(vec!["", " ", "null", "[]", "7", "1e999", "\"x\"", "<html></html>", "{\"a\":}", "\u{feff}{}"]);
    prop_oneof![
        6 => spoiled,
        2 => cut,
        2 => odd.prop_map(str::to_owned),
        1 => Just("[".repeat(100_000)),
        2 => json::value().prop_map(|any| any.to_string()),
        1 => any::<String>(),
    ]
}

fn pointers(value: &Value, path: &str, into: &mut Vec<String>) {
    into.push(path.to_owned());
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in inner {
        pointers(value, &format!("{path}/{key}"), into);
    }
}

fn status() -> impl Strategy<Value = u16> {
    prop_oneof![6 => Just(200), 4 => select(vec![201, 204, 400, 401, 403, 404, 409, 418, 422, 429, 500, 503, 599])]
}

/// Headers that the operator reads, and an ordinary one, with any values.
fn headers() -> impl Strategy<Value = BTreeMap<String, String>> {
    let name = select(vec!["retry-after", "date", "x-request-id", "x-ncp-trace-id", "content-type"]);
    let text = prop_oneof!["[ -~]{0,40}", "[0-9]{1,25}", Just("Sat, 21 Nov 2026 10:00:30 GMT".to_owned())];
    prop::collection::btree_map(name.prop_map(str::to_owned), text, 0..3)
}

fn answer() -> impl Strategy<Value = Action> {
    (status(), body(), headers()).prop_map(|(code, body, headers)| Action::Status { code, body, headers })
}

fn parts(action: &Action) -> (u16, Option<Value>) {
    let Action::Status { code, body, .. } = action else { panic!("a status") };
    (*code, serde_json::from_str(body).ok())
}

/// An upstream and an object in it.
struct Upstream<'a> {
    runtime: &'a tokio::runtime::Runtime,
    faults: &'a Faults,
    subject: &'a dyn BoundExternal,
    id: &'a str,
    secret: &'a str,
}

impl Upstream<'_> {
    fn respond_with<T>(&self, operation: Operation, answer: &Action, call: impl Future<Output = T>) -> T {
        self.faults.add(Fault::on(operation).forever().before(answer.clone()));
        let outcome = self.runtime.block_on(call);
        self.faults.clear();
        outcome
    }

    /// Asserts that the operator reports no absence of an existing object, unless the upstream itself says so.
    fn assert_no_false_absence(&self, answer: &Action, lists: &[Operation]) {
        let seen = self.respond_with(Operation::Get, answer, self.subject.observe(self.id));
        assert!(!matches!(seen, Ok(None)) || reports_absence(answer), "reported as absent after {answer:?}");
        for list in lists {
            let found = self.respond_with(*list, answer, self.subject.find());
            let empty = found.as_ref().is_ok_and(Vec::is_empty);
            assert!(!empty || is_empty_list(answer), "found nothing after {answer:?}");
        }
    }

    fn assert_no_false_result(&self, answer: &Action) {
        let (status, body) = parts(answer);
        let injected = self.faults.injected();
        let written = self.respond_with(Operation::Create, answer, self.subject.create());
        // After many failures the circuit breaker sends nothing, so the result is certain.
        if self.faults.injected() == injected {
            assert_eq!(written.unwrap_err().kind, ErrorKind::Unavailable);
            return;
        }
        match written {
            Ok(Written::Accepted { id, .. }) => {
                let named = body.is_some_and(|body| {
                    ["policyId", "policy_id", "network_policy_id"].iter().any(|key| body[*key] == value!(id))
                });
                assert!((200..300).contains(&status) && named, "counted as a success: {answer:?}");
            }
            Ok(Written::Refused(_)) => assert!(
                matches!(status, 200..=299 | 400 | 422) && reports_refusal(&body.unwrap_or_default()),
                "counted as a validation result: {answer:?}"
            ),
            Err(error) if (200..300).contains(&status) => {
                assert_eq!(error.kind, ErrorKind::OutcomeUnknown, "{answer:?}");
            }
            Err(error) if status >= 500 && !has_validation_code(&body.unwrap_or_default()) => {
                assert_eq!(error.kind, ErrorKind::OutcomeUnknown, "{answer:?}");
            }
            Ok(Written::Incomplete { error, .. }) | Err(error) => drop(refusal::<()>(Err(error), &[self.secret])),
        }
    }
}

/// Returns whether a response says that the object is absent. NAVER Cloud says it by a `404` and a list that
/// agrees, which never occurs here; `SpaceONE` says it by an error code.
fn reports_absence(answer: &Action) -> bool {
    let Action::Status { body, .. } = answer else { return false };
    body.contains("ERROR_NO_POLICY") || body.contains("ERROR_NOT_FOUND")
}

/// Returns whether a response is a complete list without the object.
fn is_empty_list(answer: &Action) -> bool {
    let (status, Some(body)) = parts(answer) else { return false };
    let list = body.get("items").or_else(|| body.get("results"));
    let empty = body == value!({});
    (200..300).contains(&status) && (empty || list.is_some_and(|list| list.is_array() || list.is_null()))
}

fn reports_refusal(body: &Value) -> bool {
    let verdict = body.get("validationResult").filter(|inner| inner.is_object()).unwrap_or(body);
    verdict["success"] == value!(false)
}

/// Returns whether the error code of the upstream's validation says that nothing was done, whatever the status
/// is.
fn has_validation_code(body: &Value) -> bool {
    body.to_string().contains("ERROR_")
}

#[test]
fn ncloud_response_is_never_misread() {
    let runtime = upstreams::runtime();
    let (ncloud, account) = runtime.block_on(upstreams::ncloud());
    let block = value!({ "policyName": "fuzzed", "permissions": [
        { "effect": "Allow", "targets": [{ "product": "Server", "actions": ["View*"], "resourceNrns": ["*"] }] },
    ]});
    let subject = policy(&account, "ncloud", &block, &owner_tag("uid"));
    let id = runtime.block_on(create(&*subject));
    let (secret, faults) = (ncloud.secret_key(), ncloud.faults());
    let upstream = Upstream { runtime: &runtime, faults, subject: &*subject, id: &id, secret: &secret };
    let deleter = subject.deleter();
    holds_for(300, answer(), |answer| {
        upstream.assert_no_false_absence(&answer, &[Operation::List]);
        upstream.assert_no_false_result(&answer);
        let _ = upstream.respond_with(Operation::Validate, &answer, subject.check());
        let _ = upstream.respond_with(Operation::TagsGet, &answer, subject.observe(&id));
        let _ = upstream.respond_with(Operation::Resources, &answer, deleter.used_by(&id, std::time::Instant::now()));
        let _ = upstream.respond_with(Operation::Delete, &answer, deleter.delete(&id));
        let _ = upstream.respond_with(Operation::List, &answer, account.probe());
        assert_eq!(ncloud.policies().len(), 1, "no request wrote anything");
    });
}

#[test]
fn spaceone_response_is_never_misread() {
    let runtime = upstreams::runtime();
    let (spaceone, account) = runtime.block_on(upstreams::spaceone());
    let block = value!({ "policyId": "fuzzed", "name": "n", "permissions": ["p"] });
    let one = policy(&account, "spaceone", &block, &owner_tag("uid"));
    let zone = &spaceone.zone_ids()[0];
    let block = value!({ "name": "n", "zoneId": zone, "data": { "k": 1 }, "pinnedKeys": ["name"] });
    let other = network_policy(&account, &block, &owner_tag("uid"));
    let (secret, faults) = (spaceone.token(), spaceone.faults());
    let ids = runtime.block_on(async { (create(&*one).await, create(&*other).await) });
    holds_for(200, answer(), |answer| {
        for (subject, id, lists) in [(&one, &ids.0, &[][..]), (&other, &ids.1, &[Operation::List][..])] {
            let upstream = Upstream { runtime: &runtime, faults, subject: &**subject, id, secret: &secret };
            upstream.assert_no_false_absence(&answer, lists);
            upstream.assert_no_false_result(&answer);
            let deleter = subject.deleter();
            let _ = upstream.respond_with(Operation::Delete, &answer, deleter.delete(id));
            let _ = upstream.respond_with(Operation::Get, &answer, subject.tag_owner(id));
            let _ = upstream.respond_with(Operation::Stat, &answer, account.probe());
        }
        assert_eq!((spaceone.policies().len(), spaceone.network_policies().len()), (1, 1), "nothing was written");
    });
}

/// Names are part of queries and ids are part of paths, and both are signed as they are sent. The simulated
/// gateway computes the signature again with code of its own.
#[test]
fn gateway_accepts_signature_of_any_name_and_id() {
    let runtime = upstreams::runtime();
    let (_ncloud, account) = runtime.block_on(upstreams::ncloud());
    let text = prop_oneof![super::specs::text::free(1..=60), "[ -~]{1,30}", any::<String>()];
    holds_for(200, text, |text| {
        let block = value!({ "policyName": text, "permissions": [] });
        let subject = policy(&account, "ncloud", &block, &owner_tag("uid"));
        let found = runtime.block_on(subject.find());
        assert_eq!(found.unwrap(), [], "{text:?}");
        if let Err(error) = runtime.block_on(subject.observe(&text)) {
            let refused = [ErrorKind::Rejected, ErrorKind::InvalidReference];
            assert!(refused.contains(&error.kind), "rejected without an invalid path: {text:?}: {error}");
        }
    });
}

/// A server may send back what it received, in any field that the operator shows.
#[test]
fn echoed_secret_is_never_shown() {
    let runtime = upstreams::runtime();
    let (ncloud, account) = runtime.block_on(upstreams::ncloud());
    let block = value!({ "policyName": "echoed", "permissions": [
        { "effect": "Allow", "targets": [{ "product": "Server", "actions": ["View*"], "resourceNrns": ["*"] }] },
    ]});
    let subject = policy(&account, "ncloud", &block, &owner_tag("uid"));
    let secret = ncloud.secret_key();
    let bodies = [
        value!({ "error": { "errorCode": secret, "message": secret } }),
        value!({ "policyId": "p", "validationResult": { "success": false, "details": [{ "code": secret, "message": secret }] } }),
        value!({ "policyId": "p" }),
    ];
    let operations = [Operation::Create, Operation::Validate, Operation::List];
    for (status, body, operation) in [200, 400, 500]
        .iter()
        .flat_map(|s| bodies.iter().map(move |b| (s, b)))
        .flat_map(|(s, b)| operations.map(|o| (*s, b, o)))
    {
        let headers = BTreeMap::from([("x-request-id".to_owned(), secret.clone())]);
        let answer = Action::Status { code: status, body: body.to_string(), headers };
        ncloud.faults().add(Fault::on(operation).forever().before(answer));
        let outcome = runtime.block_on(async {
            format!("{:?} {:?} {:?}", subject.create().await, subject.check().await, subject.find().await)
        });
        ncloud.faults().clear();
        assert!(!outcome.contains(&secret), "{operation:?} {status}: {outcome}");
        for policy in ncloud.policies() {
            ncloud.remove_policy(&policy.policy_id);
        }
    }
}
