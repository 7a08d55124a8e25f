//! `Query`: filters, sorting and paging over stored documents.

use std::cmp::Ordering;

use jiff::Timestamp;
use regex::RegexBuilder;
use serde_json::{Map, Value, json};

use super::errors::{ApiError, Grpc};
use super::schema::python;

/// How a collection is searched.
pub(crate) struct Rules {
    /// Whether `eq` and `in` ignore case: the servers of 2020 do.
    pub(crate) fold_case: bool,
    /// Fields compared exactly even then.
    pub(crate) exact: &'static [&'static str],
    /// Fields that `keyword` looks into.
    pub(crate) keywords: &'static [&'static str],
    pub(crate) now: Timestamp,
}

/// Positions of the documents a query selects, in order, and how many matched before paging.
pub(crate) fn select(
    documents: &[Value],
    query: &Map<String, Value>,
    rules: &Rules,
) -> Result<(Vec<usize>, usize), ApiError> {
    let mut found = matching(documents, query, rules)?;
    sort(&mut found, documents, query);
    let total = found.len();
    if flag(query, "count_only") {
        return Ok((Vec::new(), total));
    }
    Ok((page(found, query), total))
}

/// Positions of the documents that the filters let through.
pub(crate) fn matching(documents: &[Value], query: &Map<String, Value>, rules: &Rules) -> Result<Vec<usize>, ApiError> {
    let all = conditions(query, "filter", rules)?;
    let mut any = conditions(query, "filter_or", rules)?;
    any.extend(keyword(query, rules)?);
    let passes = |document: &Value| {
        all.iter().all(|condition| condition.holds(document))
            && (any.is_empty() || any.iter().any(|condition| condition.holds(document)))
    };
    Ok((0..documents.len()).filter(|&at| passes(&documents[at])).collect())
}

/// The part of a result that `page` asks for. `start` counts items from one; no limit means everything.
pub(crate) fn page<T>(items: Vec<T>, query: &Map<String, Value>) -> Vec<T> {
    let number = |name: &str| query.get("page").and_then(|page| page.get(name)).and_then(Value::as_i64);
    let Some(limit) = number("limit").and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0) else {
        return items;
    };
    let start = number("start").unwrap_or(1).max(1);
    let skip = usize::try_from(start - 1).unwrap_or(usize::MAX);
    items.into_iter().skip(skip).take(limit).collect()
}

pub(crate) fn flag(query: &Map<String, Value>, name: &str) -> bool {
    query.get(name).and_then(Value::as_bool).unwrap_or_default()
}

fn sort(found: &mut [usize], documents: &[Value], query: &Map<String, Value>) {
    let sort = query.get("sort").and_then(Value::as_object);
    let key = |rule: &Map<String, Value>| Some((rule.get("key")?.as_str()?.to_owned(), flag(rule, "desc")));
    let single = sort.and_then(key);
    let several = sort.and_then(|sort| sort.get("keys")).and_then(Value::as_array);
    let several = several.into_iter().flatten().filter_map(|rule| key(rule.as_object()?));
    let mut rules: Vec<(String, bool)> = single.map_or_else(|| several.collect(), |rule| vec![rule]);
    if rules.is_empty() {
        rules.push(("name".to_owned(), false));
    }
    found.sort_by(|&one, &other| {
        rules.iter().fold(Ordering::Equal, |order, (key, descending)| {
            let step = compare(documents[one].pointer(&pointer(key)), documents[other].pointer(&pointer(key)));
            order.then(if *descending { step.reverse() } else { step })
        })
    });
}

fn pointer(key: &str) -> String {
    format!("/{}", key.replace('.', "/"))
}

/// Order of two values: absent, then numbers, then text, as far as sorting by one key needs it.
pub(crate) fn compare(one: Option<&Value>, other: Option<&Value>) -> Ordering {
    let rank = |value: Option<&Value>| match value {
        None | Some(Value::Null) => 0,
        Some(Value::Number(_)) => 1,
        Some(Value::String(_)) => 2,
        Some(_) => 3,
    };
    match (one, other) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => {
            a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Some(Value::String(a)), Some(Value::String(b))) => a.cmp(b),
        _ => rank(one).cmp(&rank(other)),
    }
}

fn conditions(query: &Map<String, Value>, field: &str, rules: &Rules) -> Result<Vec<Condition>, ApiError> {
    let list = query.get(field).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_object).map(|raw| Condition::of(raw, rules)).collect()
}

/// The alternatives that a keyword adds. The servers of 2020 take it whole, later ones word by word.
fn keyword(query: &Map<String, Value>, rules: &Rules) -> Result<Vec<Condition>, ApiError> {
    let Some(text) = query.get("keyword").and_then(Value::as_str) else { return Ok(Vec::new()) };
    let (operator, value) = if rules.fold_case {
        ("contain", json!(text))
    } else {
        ("contain_in", text.split(' ').filter(|word| !word.is_empty()).collect())
    };
    if value.as_array().is_some_and(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let raw = |key: &&str| {
        Map::from_iter(
            [("k", json!(key)), ("v", value.clone()), ("o", json!(operator))].map(|(k, v)| (k.to_owned(), v)),
        )
    };
    rules.keywords.iter().map(raw).map(|raw| Condition::of(&raw, rules)).collect()
}

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

/// One filter, checked.
struct Condition {
    path: Vec<String>,
    test: Test,
}

enum Test {
    Equal { values: Vec<Value>, fold: bool, negated: bool },
    Order { value: Value, accepts: fn(Ordering) -> bool },
    Moment { value: Timestamp, accepts: fn(Ordering) -> bool },
    Pattern { patterns: Vec<regex::Regex>, negated: bool },
    Exists(bool),
}

impl Condition {
    fn of(raw: &Map<String, Value>, rules: &Rules) -> Result<Self, ApiError> {
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
        let Some(key) = part("key", "k").and_then(|key| key.as_str().map(str::to_owned)) else {
            return Err(ApiError::database("Filter condition should have key, value and operator."));
        };
        let fold = rules.fold_case && !rules.exact.contains(&key.as_str());
        let test = Test::of(operator, value, fold, rules)?;
        Ok(Self { path: key.split('.').map(str::to_owned).collect(), test })
    }

    fn holds(&self, document: &Value) -> bool {
        let mut values = Vec::new();
        reach(document, &self.path, &mut values);
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
            Test::Pattern { patterns, negated } => {
                let hit = values
                    .iter()
                    .filter_map(|value| value.as_str())
                    .any(|text| patterns.iter().any(|pattern| pattern.is_match(text)));
                hit != *negated
            }
            Test::Exists(wanted) => values.is_empty() != *wanted,
        }
    }
}

/// Lists of values where one is expected, and the other way round, are refused.
fn check_arity(operator: &str, value: &Value, raw: &Map<String, Value>) -> Result<(), ApiError> {
    let condition = python(&Value::Object(raw.clone()));
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

impl Test {
    fn of(operator: &str, value: Value, fold: bool, rules: &Rules) -> Result<Self, ApiError> {
        let several = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let moment = operator.split_once('_').filter(|(kind, _)| matches!(*kind, "datetime" | "timediff"));
        if let Some((kind, order)) = moment {
            let text = value.as_str().unwrap_or_default();
            let read = if kind == "datetime" { text.parse().ok() } else { ago(text, rules.now) };
            let reason = || match kind {
                "datetime" => format!("The value of datetime_{} operator is required ISO 8601 format.", order),
                _ => format!("The value of timediff_{order} operator is invalid. (value = {text})"),
            };
            let value = read.ok_or_else(|| ApiError::database(&reason()))?;
            return Ok(Self::Moment { value, accepts: accepts(order) });
        }
        Ok(match operator {
            "eq" | "in" => Self::Equal { values: several(&value), fold, negated: false },
            "not" | "not_in" => Self::Equal { values: several(&value), fold: false, negated: true },
            "exists" => Self::Exists(value.as_bool().unwrap_or_default()),
            "contain" | "contain_in" => Self::Pattern { patterns: literals(&several(&value))?, negated: false },
            "not_contain" | "not_contain_in" => Self::Pattern { patterns: literals(&several(&value))?, negated: true },
            "regex" | "regex_in" => Self::Pattern { patterns: patterns(&several(&value))?, negated: false },
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

/// `now/d` style expressions reduced to what matters: a moment, or a moment ago as `now-3d`.
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

fn literals(values: &[Value]) -> Result<Vec<regex::Regex>, ApiError> {
    let escaped = values.iter().map(|value| json!(regex::escape(value.as_str().unwrap_or_default())));
    patterns(&escaped.collect::<Vec<_>>())
}

fn patterns(values: &[Value]) -> Result<Vec<regex::Regex>, ApiError> {
    let compile = |value: &Value| RegexBuilder::new(value.as_str().unwrap_or_default()).case_insensitive(true).build();
    values.iter().map(compile).collect::<Result<_, _>>().map_err(|error| ApiError::database(&error.to_string()))
}

/// The values a dotted path leads to; lists are searched element by element.
fn reach<'a>(value: &'a Value, path: &[String], into: &mut Vec<&'a Value>) {
    match (value, path) {
        (Value::Array(items), []) => {
            into.push(value);
            into.extend(items);
        }
        (_, []) => into.push(value),
        (Value::Object(fields), [head, rest @ ..]) => {
            if let Some(field) = fields.get(head) {
                reach(field, rest, into);
            }
        }
        (Value::Array(items), _) => items.iter().for_each(|item| reach(item, path, into)),
        _ => {}
    }
}

fn same(found: &Value, wanted: &Value, fold: bool) -> bool {
    match (found, wanted) {
        (Value::String(a), Value::String(b)) if fold => a.to_lowercase() == b.to_lowercase(),
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => found == wanted,
    }
}
