//! The difference between the wanted and the observed document, as paths in the spec. Plans,
//! messages, status and logs all use it.
//!
//! The comparison is semantic and covers the fields that the user manages. Documents normalise the
//! values that their upstream rewrites (order of sets, wildcards, networks). This module compares
//! numbers numerically and traces a difference down to its field.

use super::access::Change;
use super::number;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// How many differing fields status keeps.
pub const SHOWN_FIELDS: usize = 20;

/// How many characters of a differing value status shows.
const SHOWN_VALUE: usize = 120;
/// How many letters before the first difference of a long value are shown.
const SHOWN_BEFORE: usize = 20;

/// How a field can be brought to the desired value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// By an update: the upstream can change the field in place.
    Update,
    /// By delete and create: the upstream cannot change the field in place.
    Recreate,
    /// By a person, upstream: no call changes the field.
    Person,
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldDiff {
    /// Path in the object, such as `spec.ncloud.permissions[0].effect`.
    pub path: String,
    /// The value in the spec.
    pub desired: Value,
    /// The value upstream; `null` if it is absent.
    pub observed: Value,
    /// How the field can be corrected.
    pub remedy: Remedy,
    /// Whether the observed value may grant more than the desired one. What cannot be decided counts as more.
    pub widens: bool,
}

/// All fields that differ; empty when the upstream is as desired.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diff {
    /// The fields, in the order of the spec.
    pub fields: Vec<FieldDiff>,
    /// How access changes from the spec to the upstream.
    pub access: Change,
    /// A request that the upstream treats better than the spec does, if one is known.
    pub witness: Option<String>,
}

impl Diff {
    /// Returns whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Returns whether a field can only be changed by delete and create.
    #[must_use]
    pub fn needs_recreate(&self) -> bool {
        self.fields.iter().any(|f| f.remedy == Remedy::Recreate)
    }

    /// Returns whether a field differs that the operator can write.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.fields.iter().any(|f| f.remedy != Remedy::Person)
    }

    /// Returns whether the upstream may grant more than the spec.
    #[must_use]
    pub fn widens(&self) -> bool {
        self.fields.iter().any(|f| f.widens)
    }

    /// Marks the differences at or below this path: the upstream may grant more there than the spec.
    pub fn mark_widening(&mut self, path: &str) {
        for field in self.fields.iter_mut().filter(|field| within(&field.path, path)) {
            field.widens = true;
        }
    }

    /// Returns whether a field at or below this path differs.
    #[must_use]
    pub fn touches(&self, path: &str) -> bool {
        self.fields.iter().any(|f| within(&f.path, path))
    }

    /// Returns whether another writer changed the upstream since `before`: a field has a third value, or
    /// a field differs that did not. A write of ours that the upstream ignores does neither.
    #[must_use]
    pub fn moved_since(&self, before: &Self) -> bool {
        let explains = |then: &FieldDiff, now: &FieldDiff| {
            // Values of a parent and of a child cannot be compared.
            if then.path == now.path { same(&now.observed, &then.observed) } else { related(&now.path, &then.path) }
        };
        self.fields.iter().any(|now| !before.fields.iter().any(|then| explains(then, now)))
    }

    /// Returns the paths for a message: at most five, then a count.
    #[must_use]
    pub fn summary(&self) -> String {
        let shown: Vec<&str> = self.fields.iter().take(5).map(|f| f.path.as_str()).collect();
        let rest = self.fields.len().saturating_sub(shown.len());
        if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
    }

    /// Compares one field and adds every difference at or below it.
    pub fn compare(&mut self, path: &str, desired: &impl Serialize, observed: &impl Serialize, remedy: Remedy) {
        self.descend(path, &to_value(desired), &to_value(observed), remedy);
    }

    /// Compares two sets that are given as lists; order and repetitions do not matter. The difference has
    /// the members that the upstream lacks as `desired`, and those that the spec lacks as `observed`.
    pub fn compare_sets<T: Serialize + Ord>(&mut self, path: &str, desired: &[T], observed: &[T], remedy: Remedy) {
        let (want, have): (BTreeSet<&T>, BTreeSet<&T>) = (desired.iter().collect(), observed.iter().collect());
        if want == have {
            return;
        }
        let beyond = |a: &BTreeSet<&T>, b: &BTreeSet<&T>| to_value(&a.difference(b).collect::<Vec<_>>());
        let (desired, observed) = (beyond(&want, &have), beyond(&have, &want));
        self.fields.push(FieldDiff { path: path.to_owned(), desired, observed, remedy, widens: false });
    }

    fn descend(&mut self, path: &str, desired: &Value, observed: &Value, remedy: Remedy) {
        if same(desired, observed) {
            return;
        }
        match (desired, observed) {
            (Value::Object(want), Value::Object(have)) if !want.is_empty() => {
                for (key, value) in want {
                    self.descend(&child(path, key), value, have.get(key).unwrap_or(&Value::Null), remedy);
                }
                for (key, value) in have.iter().filter(|(key, _)| !want.contains_key(*key)) {
                    self.descend(&child(path, key), &Value::Null, value, remedy);
                }
            }
            (Value::Array(want), Value::Array(have)) if want.len() == have.len() => {
                for (i, (a, b)) in want.iter().zip(have).enumerate() {
                    self.descend(&format!("{path}[{i}]"), a, b, remedy);
                }
            }
            _ => self.fields.push(FieldDiff {
                path: path.to_owned(),
                desired: desired.clone(),
                observed: observed.clone(),
                remedy,
                widens: false,
            }),
        }
    }
}

/// Returns whether two values are semantically equal: numbers numerically, all others as JSON.
#[must_use]
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => number::same(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
        }
        _ => a == b,
    }
}

fn related(a: &str, b: &str) -> bool {
    within(a, b) || within(b, a)
}

fn within(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Returns the path of a key below a path: `spec.tags.team`, `spec.tags['odd key']`.
#[must_use]
pub fn child(path: &str, key: &str) -> String {
    if key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        format!("{path}.{key}")
    } else {
        format!("{path}['{key}']")
    }
}

/// Returns a value as status shows it.
#[must_use]
pub fn shortened(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN_VALUE {
        return text;
    }
    let head: String = text.chars().take(SHOWN_VALUE).collect();
    format!("{head}...")
}

/// Returns a value as a review shows it beside another one: a long value from where it differs.
#[must_use]
pub fn shortened_beside(value: &Value, other: &Value) -> String {
    let (text, other) = (value.to_string(), other.to_string());
    let same = text.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    if text.chars().count() <= SHOWN_VALUE || same < SHOWN_VALUE / 2 {
        return shortened(value);
    }
    let tail: String = text.chars().skip(same.saturating_sub(SHOWN_BEFORE)).collect();
    let shown: String = tail.chars().take(SHOWN_VALUE).collect();
    let end = if shown.len() < tail.len() { "..." } else { "" };
    format!("...{shown}{end}")
}

fn to_value(value: &impl Serialize) -> Value {
    // Documents are plain data with string keys and finite numbers, so this does not fail. If it did,
    // `null` would show as a difference.
    serde_json::to_value(value).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn diff(desired: &Value, observed: &Value) -> Diff {
        let mut diff = Diff::default();
        diff.compare("spec.x", desired, observed, Remedy::Update);
        diff
    }

    #[test]
    fn long_values_are_shown_from_where_they_differ() {
        let long = |end: &str| json!(format!("{}{end}", "a".repeat(3 * SHOWN_VALUE)));
        let shown = shortened_beside(&long("b"), &long(""));
        assert_eq!(shown, format!("...{}b\"", "a".repeat(SHOWN_BEFORE)));
        assert_eq!(shortened_beside(&long(""), &long("b")), format!("...{}\"", "a".repeat(SHOWN_BEFORE)));
        assert!(shortened_beside(&long(""), &json!("b")).starts_with("\"aaa"));
        assert_eq!(shortened_beside(&json!("ab"), &json!("ac")), "\"ab\"");
    }

    #[test]
    fn diff_compares_numbers_by_value() {
        assert!(diff(&json!({"a": 1, "b": [2]}), &json!({"a": 1.0, "b": [2.0]})).is_empty());
        assert!(!diff(&json!(1), &json!(1.5)).is_empty());
        assert!(!diff(&json!(1), &json!(1.000_000_000_001)).is_empty());
    }

    #[test]
    fn diff_ignores_rounding_of_a_number_that_was_read_back() {
        for text in ["-1.3257761897258578e+97", "-961598730223836481", "18293281113815386563", "5e-324", "0"] {
            let sent: f64 = text.parse().unwrap();
            let back: Value = serde_json::from_str(&format!("{sent:e}")).unwrap();
            assert!(diff(&serde_json::from_str(text).unwrap(), &back).is_empty(), "{text} came back as {back}");
        }
    }

    #[test]
    fn diff_traces_a_difference_to_its_field() {
        let found = diff(&json!({"a": [{"b": 1}, {"b": 2}]}), &json!({"a": [{"b": 1}, {"b": 3}]}));
        assert_eq!(found.summary(), "spec.x.a[1].b");
        assert!(found.touches("spec.x.a") && found.touches("spec.x") && !found.touches("spec.x.ab"));
    }

    #[test]
    fn compare_sets_shows_only_the_members_that_differ() {
        let mut found = Diff::default();
        found.compare_sets("spec.x", &["a", "b", "a"], &["b", "a"], Remedy::Update);
        assert!(found.is_empty());
        found.compare_sets("spec.x", &["a", "b"], &["b", "c"], Remedy::Recreate);
        assert_eq!((&found.fields[0].desired, &found.fields[0].observed), (&json!(["a"]), &json!(["c"])));
        assert!(found.needs_recreate());
    }

    #[test]
    fn moved_since_detects_another_writer() {
        let before = diff(&json!({"a": 1, "b": 1}), &json!({"a": 2, "b": 2}));
        let after = |observed: Value| diff(&json!({"a": 1, "b": 1}), &observed).moved_since(&before);
        assert!(!after(json!({"a": 2.0, "b": 1})), "ignored");
        assert!(!after(json!({"a": 1, "b": 1})), "applied");
        assert!(after(json!({"a": 3, "b": 1})), "written by another writer");
        let (one, none) = (diff(&json!({"a": [1], "b": 1}), &json!({"a": [], "b": 1})), json!({"a": [2], "b": 1}));
        assert!(!diff(&json!({"a": [1], "b": 1}), &none).moved_since(&one), "applied in part");
        let elsewhere = diff(&json!({"a": [1], "b": 1}), &json!({"a": [1], "b": 2}));
        assert!(elsewhere.moved_since(&one), "another field, which did not differ");
    }

    #[test]
    fn diff_contains_additions_and_removals() {
        assert_eq!(diff(&json!({"a": 1}), &json!({"b": 1})).summary(), "spec.x.a, spec.x.b");
        assert_eq!(diff(&json!([1]), &json!([1, 2])).summary(), "spec.x");
    }
}
