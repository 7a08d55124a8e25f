//! The simulator gives the same answers as the real SpaceONE servers.
//!
//! `tests/spaceone/recorded/*.json` has exchanges with unmodified servers in order. Placeholders replace
//! the values that change from run to run. The test sends the requests to one simulator in the same
//! order. It fails when a status or body differs, and lists all differences.

use std::collections::BTreeMap;
use std::path::Path;

use cloud_policy_simulator::spaceone::{Era, Front, Options, Spaceone};
use regex::Regex;
use serde_json::{Value, json};

use crate::client::send;

#[tokio::test]
async fn simulator_answers_like_the_rest_era_recording() {
    let server = Spaceone::start(Options { zones: 2, ..Options::default() }).await.unwrap();
    replay(&server, "rest.json");
}

#[tokio::test]
async fn simulator_answers_like_the_verb_era_recording() {
    let options = Options { era: Era::Verb, ..Options::default() };
    let server = Spaceone::start(options).await.unwrap();
    replay(&server, "verb.json");
}

fn replay(server: &Spaceone, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spaceone/recorded").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let recording: Value = serde_json::from_str(&text).unwrap();
    let exchanges = recording["exchanges"].as_array().unwrap();
    assert!(exchanges.len() > 100, "the recording has only {} exchanges", exchanges.len());
    let mut names = Names::of(server);
    let differences: Vec<String> =
        exchanges.iter().filter_map(|exchange| difference(server, exchange, &mut names)).collect();
    let (wrong, all) = (differences.len(), exchanges.len());
    assert!(differences.is_empty(), "{wrong} of {all} exchanges differ:\n{}", differences.join("\n"));
}

/// Returns the difference between the simulator's answer to a recorded request and the recorded answer.
fn difference(server: &Spaceone, exchange: &Value, names: &mut Names) -> Option<String> {
    let front = if exchange["front"] == "console" { Front::Console } else { Front::Transcoder };
    server.set_options(|switches| switches.front = front);
    let request = names.restore(&exchange["request"]);
    let text = |field: &str| request[field].as_str().unwrap_or_default().to_owned();
    let bearer = bearer(server, request["auth"].as_str());
    let headers: Vec<(&str, &str)> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    let body = match (&request["body"], request.get("raw")) {
        (_, Some(raw)) => raw.as_str().unwrap().to_owned(),
        (Value::Null, None) => String::new(),
        (body, None) => body.to_string(),
    };
    let answer = send(&server.url(), &text("method"), &text("path"), &headers, &body).expect("an answer");
    let body = serde_json::from_slice(&answer.body).unwrap_or_else(|_| json!(answer.text()));
    let answered = names.replace(&json!({"status": answer.status, "body": body}));
    if in_any_order(&answered) == in_any_order(&exchange["response"]) {
        return None;
    }
    let label = |field: &str| exchange[field].as_str().unwrap_or_default().to_owned();
    Some(format!(
        "- {} ({}): {}\n  asked    {}\n  recorded {}\n  answered {answered}",
        label("group"),
        label("front"),
        label("case"),
        exchange["request"],
        exchange["response"],
    ))
}

/// Sorts the update history. The server lists the keys of `data` in the order in which it iterated over
/// the request's JSON object, and that order has no meaning.
fn in_any_order(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let sorted = fields.iter().map(|(key, value)| match (key.as_str(), value) {
                ("update_history", Value::Array(updates)) => {
                    let mut updates = updates.clone();
                    updates.sort_by_key(|update| update["key"].as_str().map(str::to_owned));
                    (key.clone(), Value::Array(updates))
                }
                _ => (key.clone(), in_any_order(value)),
            });
            Value::Object(sorted.collect())
        }
        Value::Array(items) => items.iter().map(in_any_order).collect(),
        other => other.clone(),
    }
}

fn bearer(server: &Spaceone, auth: Option<&str>) -> Option<String> {
    let token = match auth? {
        "token" => server.token(),
        "expired_token" => server.expired_token(),
        "other_token" => server.other_token(),
        other => other.to_owned(),
    };
    Some(format!("Bearer {token}"))
}

/// Converts between this run's values and the placeholders of a recording.
struct Names {
    known: Vec<(String, String)>,
    /// The ids that the server chose, by placeholder.
    made: BTreeMap<String, String>,
    timestamp: Regex,
    made_id: Regex,
    placeholder: Regex,
}

impl Names {
    fn of(server: &Spaceone) -> Self {
        let mut known = vec![
            (server.domain_id(), "<domain_id>".to_owned()),
            (server.other_domain_id(), "<other_domain_id>".to_owned()),
            (server.repository_id(), "<repository_id>".to_owned()),
            (server.region_id(), "<region_id>".to_owned()),
        ];
        known.extend(server.zone_ids().into_iter().zip(["<zone_id>".to_owned(), "<zone_id_2>".to_owned()]));
        Self {
            known,
            made: BTreeMap::new(),
            timestamp: Regex::new(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?").unwrap(),
            made_id: Regex::new(r"\bnpolicy-[0-9a-f]{12}\b").unwrap(),
            placeholder: Regex::new(r"<npolicy-(\d+)>").unwrap(),
        }
    }

    /// Replaces the placeholders of a recorded request by this run's values. An id that no answer contained
    /// gets the id of an object that does not exist.
    fn restore(&mut self, value: &Value) -> Value {
        let mut text = value.to_string();
        for (value, name) in &self.known {
            text = text.replace(name, value);
        }
        let found: Vec<(String, u64)> = self
            .placeholder
            .captures_iter(&text)
            .map(|found| (found[0].to_owned(), found[1].parse().unwrap()))
            .collect();
        for (placeholder, number) in found {
            let unknown_id = || format!("npolicy-{:012x}", 0xffff_0000_0000 + number);
            let id = self.made.entry(placeholder.clone()).or_insert_with(unknown_id);
            text = text.replace(&placeholder, id);
        }
        serde_json::from_str(&text).unwrap()
    }

    /// Replaces this run's values in an answer by placeholders.
    fn replace(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => json!(self.replace_text(text)),
            Value::Array(items) => items.iter().map(|item| self.replace(item)).collect(),
            Value::Object(fields) => {
                let replaced = fields.iter().map(|(key, value)| match value {
                    Value::Number(_) if key == "updated_at" => (key.clone(), json!("<epoch>")),
                    value => (key.clone(), self.replace(value)),
                });
                Value::Object(replaced.collect())
            }
            other => other.clone(),
        }
    }

    fn replace_text(&mut self, text: &str) -> String {
        let mut text = self.timestamp.replace_all(text, "<timestamp>").into_owned();
        for (value, name) in &self.known {
            text = text.replace(value, name);
        }
        let ids: Vec<String> = self.made_id.find_iter(&text).map(|id| id.as_str().to_owned()).collect();
        for id in ids {
            let known = self.made.iter().find(|(_, known)| **known == id).map(|(placeholder, _)| placeholder.clone());
            let placeholder = known.unwrap_or_else(|| format!("<npolicy-{}>", self.made.len() + 1));
            self.made.insert(placeholder.clone(), id.clone());
            text = text.replace(&id, &placeholder);
        }
        text
    }
}
