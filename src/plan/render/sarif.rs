//! The output for code scanning: one result for each object that people should look at, at its line.

use super::{access, notes, text::failed, users};
use crate::engine::actions::Action;
use crate::plan::report::{Failure, Planned, Report};
use crate::sarif::{Result, Rule, log};
use serde_json::Value;

/// The rules.
const RULES: [Rule<'_>; 5] = [
    rule("CP001", "change", "The operator would change the upstream object."),
    rule("CP002", "widening", "After the change, some request has more access, or may have."),
    rule("CP003", "blocked", "The operator would write nothing until a person acts."),
    rule("CP004", "unknown", "The plan could not read or decide something."),
    rule("CP005", "warning", "The operator would warn."),
];

const fn rule<'a>(id: &'a str, name: &'a str, text: &'a str) -> Rule<'a> {
    Rule { id, name, text }
}

/// Returns the report as SARIF.
#[must_use]
pub fn sarif(report: &Report) -> Value {
    let objects = report.objects.iter().flat_map(results);
    let results: Vec<Result<'_>> = objects.chain(report.failures.iter().map(failure)).collect();
    log("cloud-policy plan", &RULES, &results)
}

fn results(planned: &Planned) -> Vec<Result<'_>> {
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
    let main = rule.map(|(rule, level)| result(rule, level, text(lines), at));
    let warnings = planned.warnings.iter().map(|warning| result(4, "warning", warning.clone(), (at.0, planned.line)));
    main.into_iter().chain(warnings).collect()
}

fn failure(failure: &Failure) -> Result<'_> {
    result(3, "error", failed(failure), (failure.file.as_deref(), failure.line))
}

fn result<'a>(
    rule: usize,
    level: &'a str,
    message: String,
    (file, line): (Option<&'a str>, Option<u64>),
) -> Result<'a> {
    Result { rule, level, message, file, line, column: None }
}
