//! The output for code scanning (SARIF 2.1.0): one result for each object that people should look at, at its line.

use super::{access, notes, text::failed, users};
use crate::engine::actions::Action;
use crate::plan::report::{Failure, Planned, Report};
use serde_json::{Value, json};

/// The rules: id, name, what it says.
const RULES: [(&str, &str, &str); 5] = [
    ("CP001", "change", "The operator would change the upstream object."),
    ("CP002", "widening", "After the change, some request has more access, or may have."),
    ("CP003", "blocked", "The operator would write nothing until a person acts."),
    ("CP004", "unknown", "The plan could not read or decide something."),
    ("CP005", "warning", "The operator would warn."),
];

/// Returns the report as SARIF.
#[must_use]
pub fn sarif(report: &Report) -> Value {
    let rules: Vec<Value> = RULES
        .iter()
        .map(|(id, name, text)| json!({ "id": id, "name": name, "shortDescription": { "text": text } }))
        .collect();
    let objects = report.objects.iter().flat_map(results);
    let failures = report.failures.iter().map(failure);
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "cloud-policy plan",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "results": objects.chain(failures).collect::<Vec<_>>(),
        }],
    })
}

fn results(planned: &Planned) -> Vec<Value> {
    let rule = match planned.action {
        Action::Blocked => Some((2, "error")),
        Action::Nothing => None,
        _ if planned.widens() => Some((1, "warning")),
        _ => Some((0, "note")),
    };
    let text = |lines: Vec<String>| format!("{} {}: {}", planned.action.label(), planned.title(), lines.join("; "));
    let mut lines = notes(planned);
    lines.extend(access(planned));
    lines.extend(planned.used_by.iter().map(users));
    lines.extend(planned.fields.iter().map(|field| format!("{} differs", field.path)));
    let at = (planned.file.as_deref(), planned.fields.iter().find_map(|field| field.line).or(planned.line));
    let main = rule.map(|(rule, level)| result(rule, level, &text(lines), at));
    let warnings = planned.warnings.iter().map(|warning| result(4, "warning", warning, (at.0, planned.line)));
    main.into_iter().chain(warnings).collect()
}

fn failure(failure: &Failure) -> Value {
    result(3, "error", &failed(failure), (failure.file.as_deref(), failure.line))
}

fn result(rule: usize, level: &str, message: &str, (file, line): (Option<&str>, Option<u64>)) -> Value {
    let (id, _, _) = RULES[rule];
    let mut result = json!({ "ruleId": id, "ruleIndex": rule, "level": level, "message": { "text": message } });
    // Standard input and the cluster have no file.
    if let Some(file) = file.filter(|file| *file != "-") {
        result["locations"] = json!([{ "physicalLocation": {
            "artifactLocation": { "uri": uri(file) },
            "region": { "startLine": line.unwrap_or(1).max(1) },
        }}]);
    }
    result
}

/// Returns a path as a relative reference.
fn uri(file: &str) -> String {
    let file = file.strip_prefix("./").unwrap_or(file);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    file.bytes().fold(String::new(), |text, byte| {
        if is_plain(byte) { text + &char::from(byte).to_string() } else { format!("{text}%{byte:02X}") }
    })
}
