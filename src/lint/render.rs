//! The outputs of a lint for people and for code scanning. Each is a pure function of the report.

use super::report::{Found, Report, Summary};
use super::rules;
use crate::sarif::{self, Result, Rule};
use serde_json::Value;

/// Returns the report for a terminal: a line for each finding, as compilers print them, and a summary.
#[must_use]
pub fn text(report: &Report) -> String {
    let lines: String = report.findings.iter().map(line).collect();
    let Summary { errors, warnings, allowed, objects, ignored } = &report.summary;
    let count =
        |number: &usize, what: &str| if *number == 1 { format!("1 {what}") } else { format!("{number} {what}s") };
    let mut summary =
        vec![count(errors, "error"), format!("{} in {}", count(warnings, "warning"), count(objects, "object"))];
    let of_others = if *ignored == 1 { "document of another API" } else { "documents of other APIs" };
    let others = [(allowed, "allowed by comments"), (ignored, of_others)];
    summary.extend(others.iter().filter(|(number, _)| **number > 0).map(|(number, what)| format!("{number} {what}")));
    format!("{lines}{}\nCatalogue: {}\n", summary.join(", "), report.catalogue)
}

fn line(found: &Found) -> String {
    let Found { file, line, column, level, rule, name, object: _, field, message, document: _ } = found;
    let field = field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
    format!("{file}:{line}:{column}: {level} {rule} {name}: {field}{message}\n")
}

/// Returns the report for code scanning (SARIF 2.1.0).
#[must_use]
pub fn sarif(report: &Report) -> Value {
    let all = rules::all();
    let rules: Vec<Rule<'_>> = all.iter().map(|rule| Rule { id: rule.id, name: rule.name, text: rule.text }).collect();
    let results = report.findings.iter().map(|found| {
        let parts = found.object.iter().chain(&found.field).chain([&found.message]);
        Result {
            rule: all.iter().position(|rule| rule.id == found.rule).unwrap_or_default(),
            level: found.level,
            message: parts.map(String::as_str).collect::<Vec<_>>().join(": "),
            file: Some(&found.file),
            line: Some(found.line),
            column: Some(found.column),
        }
    });
    let results: Vec<Result<'_>> = results.collect();
    sarif::log("cloud-policy lint", &rules, &results)
}
