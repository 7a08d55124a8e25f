//! `Query`: filters, sorting and paging over stored documents.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::condition::Condition;
use super::errors::ApiError;
use super::fields::{list, object_or_empty};

/// A field of a stored document, with the paths into it that filters may use.
pub(crate) enum Field {
    /// A value or a list of values.
    Leaf(&'static str),
    /// Filters may use any path below the field.
    Free(&'static str),
    /// The field has only these fields.
    Of(&'static str, &'static [&'static str]),
    /// A list of objects with only these fields. The store has another error for an unknown one.
    Each(&'static str, &'static [&'static str]),
}

impl Field {
    fn name(&self) -> &'static str {
        match self {
            Self::Leaf(name) | Self::Free(name) | Self::Of(name, _) | Self::Each(name, _) => name,
        }
    }
}

/// Returns an error for a field that the store does not have.
pub(crate) fn resolve(fields: &[Field], key: &str) -> Result<(), ApiError> {
    let (head, rest) = key.split_once('.').map_or((key, None), |(head, rest)| (head, Some(rest)));
    let unresolved = |name: &str| Err(ApiError::database(&format!("Cannot resolve field \"{name}\"")));
    let Some(field) = fields.iter().find(|field| field.name() == head) else { return unresolved(head) };
    let first = rest.map(|rest| rest.split('.').next().unwrap_or(rest));
    match (field, first) {
        (Field::Of(_, inner), Some(name)) if !inner.contains(&name) => unresolved(name),
        (Field::Each(_, inner), Some(name)) if !inner.contains(&name) => Err(ApiError::database(
            "Querying the embedded document 'RoutingTable' failed, due to an invalid query value",
        )),
        _ => Ok(()),
    }
}

/// The rules for searching a collection.
pub(crate) struct Rules {
    /// Whether `eq` and `in` ignore case, as the servers of 2020 do.
    pub(crate) fold_case: bool,
    /// The fields that are always compared exactly.
    pub(crate) exact: &'static [&'static str],
    /// The fields that a query may use.
    pub(crate) fields: &'static [Field],
    /// The fields that `keyword` searches.
    pub(crate) keywords: &'static [&'static str],
    pub(crate) now: Timestamp,
    /// The largest effective limit of a page.
    pub(crate) largest_page: Option<u32>,
}

/// Returns the positions of the documents that a query selects, in order, and the number of matches
/// before paging.
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
    let mut shown = page(found, query);
    shown.truncate(rules.largest_page.and_then(|largest| usize::try_from(largest).ok()).unwrap_or(usize::MAX));
    Ok((shown, total))
}

/// Returns the positions of the documents that match the filters.
pub(crate) fn matching(documents: &[Value], query: &Map<String, Value>, rules: &Rules) -> Result<Vec<usize>, ApiError> {
    let all = conditions(query, "filter", rules)?;
    let mut any = conditions(query, "filter_or", rules)?;
    any.extend(keyword(query, rules)?);
    let passes = |document: &Value| {
        all.iter().all(|condition| condition.matches(document))
            && (any.is_empty() || any.iter().any(|condition| condition.matches(document)))
    };
    Ok((0..documents.len()).filter(|&at| passes(&documents[at])).collect())
}

/// Returns the page of a result. `start` counts items from one. Without a limit, the page has all items.
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
    let rules = sort_keys(query);
    found.sort_by(|&one, &other| {
        rules.iter().fold(Ordering::Equal, |order, (key, descending)| {
            let at = pointer(key);
            let step = compare(documents[one].pointer(&at), documents[other].pointer(&at));
            order.then(if *descending { step.reverse() } else { step })
        })
    });
}

/// Returns the sort fields and whether each is descending. The default is the name.
pub(crate) fn sort_keys(query: &Map<String, Value>) -> Vec<(String, bool)> {
    let sort = query.get("sort").and_then(Value::as_object);
    let key = |rule: &Map<String, Value>| Some((rule.get("key")?.as_str()?.to_owned(), flag(rule, "desc")));
    if let Some(single) = sort.and_then(key) {
        return vec![single];
    }
    let several = sort.and_then(|sort| sort.get("keys")).and_then(Value::as_array);
    let several: Vec<_> = several.into_iter().flatten().filter_map(|rule| key(rule.as_object()?)).collect();
    if several.is_empty() { vec![("name".to_owned(), false)] } else { several }
}

/// Returns the query with an added filter for each of these request fields that is set.
pub(crate) fn with_filters(params: &Map<String, Value>, fields: &[&str]) -> Map<String, Value> {
    let mut query = object_or_empty(params, "query");
    let mut filters = list(&query, "filter");
    for field in fields {
        if let Some(value) = params.get(*field) {
            filters.push(json!({"k": field, "v": value, "o": "eq"}));
        }
    }
    query.insert("filter".to_owned(), Value::Array(filters));
    query
}

fn pointer(key: &str) -> String {
    format!("/{}", key.replace('.', "/"))
}

/// Compares two values for sorting by a key: absent, then numbers, then text.
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

/// Returns the alternatives that a keyword adds. The servers of 2020 search for the whole keyword, later
/// ones for each word.
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
