//! The form of results for code scanning (SARIF 2.1.0): rules, and results at places in files.

use serde_json::{Value, json};

/// A rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What it says.
    pub text: &'a str,
}

/// A result.
#[derive(Debug, Clone)]
pub struct Result<'a> {
    /// The place of its rule among the rules.
    pub rule: usize,
    /// `error`, `warning` or `note`.
    pub level: &'a str,
    /// What it says.
    pub message: String,
    /// The file, if it has one. `-` stands for standard input, which is none.
    pub file: Option<&'a str>,
    /// The line, from 1.
    pub line: Option<u64>,
    /// The column, from 1.
    pub column: Option<u64>,
}

/// Returns the log of one run of a tool.
#[must_use]
pub fn log(tool: &str, rules: &[Rule<'_>], results: &[Result<'_>]) -> Value {
    let described =
        |rule: &Rule<'_>| json!({ "id": rule.id, "name": rule.name, "shortDescription": { "text": rule.text } });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": tool,
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(described).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results.iter().map(|it| result(it, rules)).collect::<Vec<_>>(),
        }],
    })
}

fn result(it: &Result<'_>, rules: &[Rule<'_>]) -> Value {
    let id = rules.get(it.rule).map(|rule| rule.id);
    let mut result =
        json!({ "ruleId": id, "ruleIndex": it.rule, "level": it.level, "message": { "text": it.message } });
    if let Some(file) = it.file.filter(|file| *file != "-") {
        let mut region = json!({ "startLine": it.line.unwrap_or(1).max(1) });
        if let Some(column) = it.column.filter(|column| *column > 0) {
            region["startColumn"] = column.into();
        }
        result["locations"] = json!([{ "physicalLocation": {
            "artifactLocation": { "uri": uri(file) },
            "region": region,
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
