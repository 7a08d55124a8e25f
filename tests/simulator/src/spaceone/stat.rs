//! `StatisticsQuery`: one aggregate in 2020, a list of stages later.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::errors::ApiError;
use super::messages::GROUP_FIELD;
use super::python::declared;
use super::query::{Rules, compare, flag, matching, page};
use super::schema::doubles;

type Fields = Map<String, Value>;

/// The operators of a group, in the order in which the servers list them.
const OPERATORS: &[&str] = &["count", "sum", "average", "max", "min", "size", "add_to_set", "merge_objects"];

/// Answers a query of 2020: one object with unwind, group and count, then sort, then limit or page.
pub(crate) fn single(documents: &[Value], query: &Fields, rules: &Rules) -> Result<Value, ApiError> {
    let rows = filtered(documents, query, rules)?;
    let Some(aggregate) = query.get("aggregate").and_then(Value::as_object).filter(|a| !a.is_empty()) else {
        return distinct(&rows, query);
    };
    if !aggregate.contains_key("group") && !aggregate.contains_key("count") {
        return Err(ApiError::nested(&ApiError::required("aggregate.group or aggregate.count")));
    }
    let mut rows = rows;
    for unwind in aggregate.get("unwind").and_then(Value::as_array).into_iter().flatten() {
        rows = unwound(rows, unwind);
    }
    if let Some(group) = aggregate.get("group").and_then(Value::as_object) {
        rows = grouped(&rows, group)?;
    }
    if let Some(count) = aggregate.get("count") {
        rows = counted(&rows, count)?;
    }
    if let Some((name, descending)) = sort_rule(query.get("sort"), "name") {
        sort(&mut rows, &name, descending);
    }
    Ok(answer(rows, query))
}

/// Answers a query of 1.6 and later: a list of stages, each of one kind.
pub(crate) fn staged(documents: &[Value], query: &Fields, rules: &Rules) -> Result<Value, ApiError> {
    let mut rows = filtered(documents, query, rules)?;
    let stages = query.get("aggregate").and_then(Value::as_array).filter(|stages| !stages.is_empty());
    let Some(stages) = stages else { return distinct(&rows, query) };
    for stage in stages.iter().filter_map(Value::as_object) {
        rows = staged_step(rows, stage)?;
    }
    Ok(answer(rows, query))
}

fn staged_step(mut rows: Vec<Value>, stage: &Fields) -> Result<Vec<Value>, ApiError> {
    let number = |name: &str| stage.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    if let Some(unwind) = stage.get("unwind") {
        return Ok(unwound(rows, unwind));
    }
    if let Some(group) = stage.get("group").and_then(Value::as_object) {
        return grouped(&rows, group);
    }
    if let Some(count) = stage.get("count") {
        return counted(&rows, count);
    }
    if let Some((key, descending)) = sort_rule(stage.get("sort"), "key") {
        sort(&mut rows, &key, descending);
    } else if let Some(limit) = number("limit") {
        rows.truncate(limit);
    } else if let Some(skip) = number("skip") {
        rows.drain(..skip.min(rows.len()));
    }
    Ok(rows)
}

fn filtered(documents: &[Value], query: &Fields, rules: &Rules) -> Result<Vec<Value>, ApiError> {
    if !query.contains_key("aggregate") && !query.contains_key("distinct") {
        return Err(ApiError::required("aggregate"));
    }
    Ok(matching(documents, query, rules)?.into_iter().map(|at| documents[at].clone()).collect())
}

/// Returns the distinct values of a field in ascending order. The servers print them in no defined order.
fn distinct(rows: &[Value], query: &Fields) -> Result<Value, ApiError> {
    let Some(field) = query.get("distinct").and_then(Value::as_str) else {
        return Err(ApiError::required("aggregate"));
    };
    let mut values: Vec<Value> = Vec::new();
    for value in rows.iter().filter_map(|row| at(row, field)) {
        let several = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for value in several {
            if !values.contains(&value) {
                values.push(value);
            }
        }
    }
    values.sort_by(|one, other| compare(Some(one), Some(other)));
    if query.get("sort").and_then(Value::as_object).is_some_and(|rule| flag(rule, "desc")) {
        values.reverse();
    }
    Ok(answer(values, query))
}

fn answer(mut rows: Vec<Value>, query: &Fields) -> Value {
    let total = rows.len();
    let paged = query.get("page").and_then(|page| page.get("limit")).and_then(Value::as_i64).is_some_and(|n| n > 0);
    match query.get("limit").and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok()) {
        Some(limit) => rows.truncate(limit),
        None => rows = page(rows, query),
    }
    let mut answer = json!({"results": rows.iter().map(doubles).collect::<Vec<_>>()});
    if paged && !query.contains_key("limit") {
        answer["total_count"] = doubles(&json!(total));
    }
    answer
}

fn unwound(rows: Vec<Value>, unwind: &Value) -> Vec<Value> {
    let path = unwind.get("path").and_then(Value::as_str).unwrap_or_default();
    let spread = |row: Value| match at(&row, path).cloned() {
        Some(Value::Array(items)) => items
            .into_iter()
            .map(|item| {
                let mut row = row.clone();
                if let Some(place) = row.pointer_mut(&format!("/{}", path.replace('.', "/"))) {
                    *place = item;
                }
                row
            })
            .collect(),
        Some(Value::Null) | None => Vec::new(),
        Some(_) => vec![row],
    };
    rows.into_iter().flat_map(spread).collect()
}

fn grouped(rows: &[Value], group: &Fields) -> Result<Vec<Value>, ApiError> {
    let keys = rules(group, "keys");
    if keys.is_empty() {
        return Err(ApiError::nested(&ApiError::required("aggregate.group.keys")));
    }
    let mut groups: BTreeMap<String, (Fields, Vec<&Value>)> = BTreeMap::new();
    for row in rows {
        let mut id = Map::new();
        for key in &keys {
            let (path, name) = key_and_name(key, "aggregate.group.keys")?;
            if let Some(value) = at(row, &path) {
                id.insert(name, value.clone());
            }
        }
        groups.entry(json!(id).to_string()).or_insert_with(|| (id, Vec::new())).1.push(row);
    }
    let fields = rules(group, "fields");
    groups.into_values().map(|(id, members)| group_row(id, &members, &fields)).collect()
}

fn group_row(mut row: Fields, members: &[&Value], fields: &[&Fields]) -> Result<Value, ApiError> {
    // The rows that have none of the keys form a group without a name.
    if row.is_empty() {
        row.insert("_id".to_owned(), Value::Null);
    }
    for field in fields {
        let operator = part(field, "operator", "o").unwrap_or_default();
        if !OPERATORS.contains(&operator.as_str()) {
            return Err(ApiError::nested(&unsupported()));
        }
        let Some(name) = part(field, "name", "n") else {
            return Err(ApiError::nested(&missing_part("aggregate.group.fields", "name", field)));
        };
        let values: Vec<Value> = match part(field, "key", "k") {
            Some(key) => members.iter().filter_map(|member| at(member, &key).cloned()).collect(),
            None if operator == "count" => Vec::new(),
            None => return Err(ApiError::nested(&missing_part("aggregate.group.fields", "key", field))),
        };
        row.insert(name, combined(&operator, &values, members.len())?);
    }
    Ok(Value::Object(row))
}

fn combined(operator: &str, values: &[Value], members: usize) -> Result<Value, ApiError> {
    let numbers: Vec<f64> = values.iter().filter_map(Value::as_f64).collect();
    let sum: f64 = numbers.iter().sum();
    let mut different: Vec<Value> = Vec::new();
    for value in values {
        if !different.contains(value) {
            different.push(value.clone());
        }
    }
    let by = |one: &&Value, other: &&Value| compare(Some(one), Some(other));
    Ok(match operator {
        "count" => json!(members),
        "sum" => json!(sum),
        "average" if numbers.is_empty() => Value::Null,
        "average" => json!(sum / as_double(numbers.len())),
        "max" => values.iter().max_by(by).cloned().unwrap_or_default(),
        "min" => values.iter().min_by(by).cloned().unwrap_or_default(),
        "size" => json!(different.len()),
        "add_to_set" => Value::Array(different),
        "merge_objects" => Value::Object(values.iter().filter_map(Value::as_object).flat_map(Clone::clone).collect()),
        _ => return Err(ApiError::nested(&unsupported())),
    })
}

#[allow(clippy::cast_precision_loss, reason = "a number of documents in memory")]
fn as_double(count: usize) -> f64 {
    count as f64
}

fn counted(rows: &[Value], count: &Value) -> Result<Vec<Value>, ApiError> {
    match count.get("name").and_then(Value::as_str) {
        Some(name) => Ok(vec![json!({name: rows.len()})]),
        None => Err(ApiError::nested(&ApiError::required("aggregate.count.name"))),
    }
}

fn sort_rule(rule: Option<&Value>, field: &str) -> Option<(String, bool)> {
    let rule = rule?.as_object()?;
    Some((rule.get(field)?.as_str()?.to_owned(), flag(rule, "desc")))
}

fn sort(rows: &mut [Value], key: &str, descending: bool) {
    rows.sort_by(|one, other| {
        let order = compare(at(one, key), at(other, key));
        if descending { order.reverse() } else { order }
    });
}

fn rules<'a>(group: &'a Fields, name: &str) -> Vec<&'a Fields> {
    group.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).collect()
}

fn unsupported() -> ApiError {
    let known: Vec<_> = OPERATORS.iter().map(|name| format!("'{name}'")).collect();
    let known = known.join(", ");
    let reason = format!("'aggregate.group.fields' operator is not supported. (operator = dict_keys([{known}]))");
    ApiError::database(&reason)
}

fn key_and_name(rule: &Fields, place: &str) -> Result<(String, String), ApiError> {
    let key = part(rule, "key", "k").ok_or_else(|| ApiError::nested(&missing_part(place, "key", rule)))?;
    let name = part(rule, "name", "n").ok_or_else(|| ApiError::nested(&missing_part(place, "name", rule)))?;
    Ok((key, name))
}

fn missing_part(place: &str, what: &str, rule: &Fields) -> ApiError {
    let rule = declared(&GROUP_FIELD, rule);
    ApiError::database(&format!("'{place}' condition requires a {what}: {rule}"))
}

fn part(rule: &Fields, long: &str, short: &str) -> Option<String> {
    rule.get(long).or_else(|| rule.get(short)).and_then(Value::as_str).map(str::to_owned)
}

fn at<'a>(row: &'a Value, path: &str) -> Option<&'a Value> {
    row.pointer(&format!("/{}", path.replace('.', "/")))
}
