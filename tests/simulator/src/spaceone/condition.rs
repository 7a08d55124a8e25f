//! One filter of a query: the path to the values, and the test of a value.

use std::cmp::Ordering;

use jiff::Timestamp;
use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value, json};

use super::errors::{ApiError, Grpc};
use super::messages::FILTER;
use super::python::{declared, repr};
use super::query::{Rules, compare, resolve};

const OPERATORS_2020: &[&str] = &[
    "lt",
    "lte",
    "gt",
    "gte",
    "eq",
    "not",
    "exists",
    "match",
    "contain",
    "not_contain",
    "regex",
    "in",
    "not_in",
    "contain_in",
    "not_contain_in",
    "regex_in",
    "datetime_gt",
    "datetime_lt",
    "datetime_gte",
    "datetime_lte",
    "timediff_gt",
    "timediff_lt",
    "timediff_gte",
    "timediff_lte",
];
const OPERATORS_1_11: &[&str] = &[
    "lt",
    "lte",
    "gt",
    "gte",
    "eq",
    "not",
    "exists",
    "contain",
    "not_contain",
    "in",
    "not_in",
    "contain_in",
    "not_contain_in",
    "match",
    "regex",
    "regex_in",
    "datetime_gt",
    "datetime_lt",
    "datetime_gte",
    "datetime_lte",
    "timediff_gt",
    "timediff_lt",
    "timediff_gte",
    "timediff_lte",
];

/// A validated filter.
pub(crate) struct Condition {
    path: Vec<String>,
    test: Test,
}

enum Test {
    Equal {
        values: Vec<Value>,
        fold: bool,
        negated: bool,
    },
    Order {
        value: Value,
        accepts: fn(Ordering) -> bool,
    },
    Moment {
        value: Timestamp,
        accepts: fn(Ordering) -> bool,
    },
    /// At least one pattern is found.
    Pattern(Vec<Regex>),
    /// At least one pattern is not found: the servers join the alternatives of a negated list by "or".
    MissingPattern(Vec<Regex>),
    Exists(bool),
}

impl Condition {
    pub(crate) fn of(raw: &Map<String, Value>, rules: &Rules) -> Result<Self, ApiError> {
        let part = |long: &str, short: &str| raw.get(long).or_else(|| raw.get(short)).cloned();
        let operator = part("operator", "o").unwrap_or_default();
        let operators = if rules.fold_case { OPERATORS_2020 } else { OPERATORS_1_11 };
        let Some(operator) = operators.iter().copied().find(|known| operator == *known) else {
            let known: Vec<_> = operators.iter().map(|name| format!("'{name}'")).collect();
            let reason = format!("Filter operator is not supported. (operator = dict_keys([{}]))", known.join(", "));
            return Err(ApiError::database(&reason));
        };
        let value = part("value", "v").unwrap_or_default();
        check_arity(operator, &value, raw)?;
        if !rules.fold_case {
            check_type(operator, &value, raw)?;
        }
        let Some(key) = part("key", "k").and_then(|key| key.as_str().map(str::to_owned)) else {
            return Err(ApiError::database("Filter condition should have key, value and operator."));
        };
        resolve(rules.fields, &key)?;
        let fold = rules.fold_case && !rules.exact.contains(&key.as_str());
        let test = Test::of(operator, value, fold, rules)?;
        Ok(Self { path: key.split('.').map(str::to_owned).collect(), test })
    }

    pub(crate) fn matches(&self, document: &Value) -> bool {
        let mut values = Vec::new();
        collect_values(document, &self.path, &mut values);
        match &self.test {
            Test::Equal { values: wanted, fold, negated } => {
                let hit = wanted.iter().any(|wanted| {
                    (wanted.is_null() && values.is_empty()) || values.iter().any(|value| same(value, wanted, *fold))
                });
                hit != *negated
            }
            Test::Order { value, accepts } => values.iter().any(|found| {
                std::mem::discriminant(*found) == std::mem::discriminant(value)
                    && accepts(compare(Some(found), Some(value)))
            }),
            Test::Moment { value, accepts } => values.iter().any(|found| {
                found
                    .as_str()
                    .and_then(|text| text.parse::<Timestamp>().ok())
                    .is_some_and(|found| accepts(found.cmp(value)))
            }),
            Test::Pattern(patterns) => patterns.iter().any(|pattern| found_in(pattern, &values)),
            Test::MissingPattern(patterns) => patterns.iter().any(|pattern| !found_in(pattern, &values)),
            Test::Exists(wanted) => values.is_empty() != *wanted,
        }
    }
}

/// Rejects a list where the operator takes one value, and one value where it takes a list.
fn check_arity(operator: &str, value: &Value, raw: &Map<String, Value>) -> Result<(), ApiError> {
    let condition = declared(&FILTER, raw);
    let several = matches!(operator, "in" | "not_in" | "contain_in" | "not_contain_in" | "regex_in");
    if several && !value.is_array() {
        let message = format!("The value of '{operator} operator' must be a list type. ({condition})");
        return Err(ApiError::new("ERROR_OPERATOR_LIST_VALUE_TYPE", Grpc::InvalidArgument, message));
    }
    if !several && value.is_array() {
        let message = format!("The value of '{operator} operator' does not support list type. ({condition})");
        return Err(ApiError::new("ERROR_OPERATOR_VALUE_TYPE", Grpc::InvalidArgument, message));
    }
    Ok(())
}

/// Checks the value type of `exists` and `match`, as later servers do.
fn check_type(operator: &str, value: &Value, raw: &Map<String, Value>) -> Result<(), ApiError> {
    let (code, expected) = match operator {
        "exists" if !value.is_boolean() => ("ERROR_OPERATOR_BOOLEAN_TYPE", "a boolean"),
        "match" if !value.is_object() => ("ERROR_OPERATOR_DICT_VALUE_TYPE", "a dictionary"),
        _ => return Ok(()),
    };
    let key = raw.get("key").or_else(|| raw.get("k")).cloned().unwrap_or_default();
    let condition = format!("{{'key': {}, 'value': {}, 'operator': '{operator}'}}", repr(&key), repr(value));
    let message = format!("The value of '{operator} operator' must be {expected} type. ({condition})");
    Err(ApiError::new(code, Grpc::InvalidArgument, message))
}

impl Test {
    fn of(operator: &str, value: Value, fold: bool, rules: &Rules) -> Result<Self, ApiError> {
        let several = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let moment = operator.split_once('_').filter(|(kind, _)| matches!(*kind, "datetime" | "timediff"));
        if let Some((kind, order)) = moment {
            let text = value.as_str().unwrap_or_default();
            let read = if kind == "datetime" { text.parse().ok() } else { ago(text, rules.now) };
            let reason = || match kind {
                "datetime" => format!("The value of datetime_{order} operator is required ISO 8601 format."),
                _ => format!("The value of timediff_{order} operator is invalid. (value = {text})"),
            };
            let value = read.ok_or_else(|| ApiError::database(&reason()))?;
            return Ok(Self::Moment { value, accepts: accepts(order) });
        }
        Ok(match operator {
            "eq" | "in" => Self::Equal { values: several(&value), fold, negated: false },
            "not" | "not_in" => Self::Equal { values: several(&value), fold: false, negated: true },
            "exists" => Self::Exists(value.as_bool().unwrap_or(true)),
            "contain" | "contain_in" => Self::Pattern(literals(&several(&value))?),
            "not_contain_in" if rules.fold_case => {
                return Err(ApiError::database("Cannot resolve field \"not_icontains\""));
            }
            "not_contain" | "not_contain_in" => Self::MissingPattern(literals(&several(&value))?),
            "regex" | "regex_in" => Self::Pattern(patterns(&several(&value))?),
            "match" => Self::Equal { values: vec![value], fold: false, negated: false },
            order => Self::Order { value, accepts: accepts(order) },
        })
    }
}

fn accepts(order: &str) -> fn(Ordering) -> bool {
    match order {
        "lt" => Ordering::is_lt,
        "lte" => Ordering::is_le,
        "gt" => Ordering::is_gt,
        _ => Ordering::is_ge,
    }
}

/// Parses a time relative to `now`: `now`, or an offset such as `now-3d`. Other expressions are not simulated.
fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    let rest = text.strip_prefix("now")?;
    if rest.is_empty() {
        return Some(now);
    }
    let (sign, rest) = rest.split_at_checked(1)?;
    let (count, unit) = rest.split_at_checked(rest.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    let span = jiff::SignedDuration::from_secs(count.parse::<i64>().ok()?.checked_mul(seconds)?);
    match sign {
        "-" => now.checked_sub(span).ok(),
        "+" => now.checked_add(span).ok(),
        _ => None,
    }
}

fn literals(values: &[Value]) -> Result<Vec<Regex>, ApiError> {
    let escaped = values.iter().map(|value| json!(regex::escape(value.as_str().unwrap_or_default())));
    patterns(&escaped.collect::<Vec<_>>())
}

fn patterns(values: &[Value]) -> Result<Vec<Regex>, ApiError> {
    let compile = |value: &Value| RegexBuilder::new(value.as_str().unwrap_or_default()).case_insensitive(true).build();
    values.iter().map(compile).collect::<Result<_, _>>().map_err(|error| ApiError::database(&error.to_string()))
}

/// Collects the values at a dotted path. Lists are searched element by element.
fn collect_values<'a>(value: &'a Value, path: &[String], into: &mut Vec<&'a Value>) {
    match (value, path) {
        (Value::Array(items), []) => {
            into.push(value);
            into.extend(items);
        }
        (_, []) => into.push(value),
        (Value::Object(fields), [head, rest @ ..]) => {
            if let Some(field) = fields.get(head) {
                collect_values(field, rest, into);
            }
        }
        (Value::Array(items), _) => items.iter().for_each(|item| collect_values(item, path, into)),
        _ => {}
    }
}

fn found_in(pattern: &Regex, values: &[&Value]) -> bool {
    values.iter().filter_map(|value| value.as_str()).any(|text| pattern.is_match(text))
}

fn same(found: &Value, wanted: &Value, fold: bool) -> bool {
    match (found, wanted) {
        (Value::String(a), Value::String(b)) if fold => a.to_lowercase() == b.to_lowercase(),
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => found == wanted,
    }
}
