//! The variables of a task file, such as `${{ var.team }}`.

use crate::manifests::Node;
use serde_json::{Map, Value};

/// The sections with variables.
const SECTIONS: [&str; 2] = ["var", "env"];

/// The variables of files. Those of later files replace those of earlier ones.
#[derive(Debug, Default)]
pub struct Variables(Map<String, Value>);

impl Variables {
    /// Adds the variables of a document.
    pub fn add(&mut self, document: &Node) {
        for section in SECTIONS {
            let Some(Value::Object(own)) = document.get(section).map(Node::to_json) else { continue };
            let all = self.0.entry(section).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(all) = all {
                all.extend(own);
            }
        }
    }

    /// Returns the value of an expression such as `var.team.name`.
    fn get(&self, expression: &str) -> Result<Value, String> {
        let mut names = expression.split('.');
        let section = names.next().and_then(|section| self.0.get(section));
        let found = section.and_then(|section| names.try_fold(section, |at, name| at.get(name)));
        let unknown = || format!("${{{{ {expression} }}}} is no variable of the files: write its value instead");
        found.cloned().ok_or_else(unknown)
    }
}

/// Replaces the variables in all texts of a value. A text that is one variable becomes its value, of whatever type.
pub fn expand(value: Value, variables: &Variables) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => expanded(&text, variables)?,
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| expand(item, variables)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let pairs = map.into_iter().map(|(key, value)| Ok((key, expand(value, variables)?)));
            Value::Object(pairs.collect::<Result<_, String>>()?)
        }
        other => other,
    })
}

fn expanded(text: &str, variables: &Variables) -> Result<Value, String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${{") {
        let Some((expression, behind)) = after.split_once("}}") else {
            return Err(format!("`${{{{` without `}}}}` in {text:?}: close it"));
        };
        let value = variables.get(expression.trim())?;
        if before.is_empty() && behind.is_empty() && out.is_empty() {
            return Ok(value);
        }
        out.push_str(before);
        match value {
            Value::String(value) => out.push_str(&value),
            value => out.push_str(&value.to_string()),
        }
        rest = behind;
    }
    out.push_str(rest);
    Ok(Value::String(out))
}
