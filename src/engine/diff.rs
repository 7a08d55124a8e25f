//! One diff that decides, explains and logs: the fields that the user manages, compared by
//! meaning, with the path in the spec.
//!
//! Documents normalise what their upstream rewrites (order of sets, wildcards, networks); here
//! numbers compare numerically and differences are traced down to the field.

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// How many differing fields status shows and remembers.
pub const SHOWN_FIELDS: usize = 20;

/// What must happen upstream to make a field as desired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// The upstream can change it in place.
    Update,
    /// The upstream cannot change it in place: delete and create again.
    Recreate,
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldDiff {
    /// Path in the object, such as `spec.ncloud.permissions[0].effect`.
    pub path: String,
    /// What the spec asks for.
    pub desired: Value,
    /// What the upstream has; `null` when absent.
    pub observed: Value,
    /// What would mend it.
    pub remedy: Remedy,
}

/// All fields that differ; empty when the upstream is as desired.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diff {
    /// In the order of the spec.
    pub fields: Vec<FieldDiff>,
}

impl Diff {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether some field can only be changed by delete and create.
    #[must_use]
    pub fn needs_recreate(&self) -> bool {
        self.fields.iter().any(|f| f.remedy == Remedy::Recreate)
    }

    /// Whether a field at or below this path differs.
    #[must_use]
    pub fn touches(&self, path: &str) -> bool {
        self.fields.iter().any(|f| within(&f.path, path))
    }

    /// Whether the upstream shows another value for a field than before, or differs where it did
    /// not: a write that was ignored leaves what was there, so somebody else has written meanwhile.
    #[must_use]
    pub fn moved_since(&self, before: &Self) -> bool {
        let explains = |then: &FieldDiff, now: &FieldDiff| {
            // Above or below the same place, values cannot be compared.
            if then.path == now.path { same(&now.observed, &then.observed) } else { related(&now.path, &then.path) }
        };
        self.fields.iter().any(|now| !before.fields.iter().any(|then| explains(then, now)))
    }

    /// The paths, for messages: at most five, then a count.
    #[must_use]
    pub fn summary(&self) -> String {
        let shown: Vec<&str> = self.fields.iter().take(5).map(|f| f.path.as_str()).collect();
        let rest = self.fields.len().saturating_sub(shown.len());
        if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
    }

    /// Compares one field and notes every difference below it.
    pub fn compare(&mut self, path: &str, desired: &impl Serialize, observed: &impl Serialize, remedy: Remedy) {
        self.descend(path, &to_value(desired), &to_value(observed), remedy);
    }

    /// Compares two sets, given as lists: order and repetitions do not matter. What is noted are
    /// the members that differ: as desired those that the upstream lacks, as observed those that
    /// it has beyond the spec.
    pub fn compare_sets<T: Serialize + Ord>(&mut self, path: &str, desired: &[T], observed: &[T], remedy: Remedy) {
        let (want, have): (BTreeSet<&T>, BTreeSet<&T>) = (desired.iter().collect(), observed.iter().collect());
        if want == have {
            return;
        }
        let beyond = |a: &BTreeSet<&T>, b: &BTreeSet<&T>| to_value(&a.difference(b).collect::<Vec<_>>());
        let (desired, observed) = (beyond(&want, &have), beyond(&have, &want));
        self.fields.push(FieldDiff { path: path.to_owned(), desired, observed, remedy });
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
            }),
        }
    }
}

/// Equality by meaning: numbers numerically, everything else as JSON.
#[must_use]
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| close(a, b)),
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

/// Whether two doubles are the same as far as their texts tell: reading one back may be off by a
/// last digit, and an upstream and an API server stand between.
fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= (4.0 * f64::EPSILON * a.abs().max(b.abs())).max(f64::MIN_POSITIVE)
}

fn within(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The path of a key below a path: `spec.tags.team`, `spec.tags['odd key']`.
#[must_use]
pub fn child(path: &str, key: &str) -> String {
    if key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        format!("{path}.{key}")
    } else {
        format!("{path}['{key}']")
    }
}

fn to_value(value: &impl Serialize) -> Value {
    // Documents are plain data: strings as keys, finite numbers. `null` would show as a difference.
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
    fn numbers_are_equal_by_value_however_they_are_written() {
        assert!(diff(&json!({"a": 1, "b": [2]}), &json!({"a": 1.0, "b": [2.0]})).is_empty());
        assert!(!diff(&json!(1), &json!(1.5)).is_empty());
        assert!(!diff(&json!(1), &json!(1.000_000_000_001)).is_empty());
    }

    #[test]
    fn a_number_is_the_same_after_it_was_written_and_read() {
        for text in ["-1.3257761897258578e+97", "-961598730223836481", "18293281113815386563", "5e-324", "0"] {
            let sent: f64 = text.parse().unwrap();
            let back: Value = serde_json::from_str(&format!("{sent:e}")).unwrap();
            assert!(diff(&serde_json::from_str(text).unwrap(), &back).is_empty(), "{text} came back as {back}");
        }
    }

    #[test]
    fn a_difference_is_traced_to_its_field() {
        let found = diff(&json!({"a": [{"b": 1}, {"b": 2}]}), &json!({"a": [{"b": 1}, {"b": 3}]}));
        assert_eq!(found.summary(), "spec.x.a[1].b");
        assert!(found.touches("spec.x.a") && found.touches("spec.x") && !found.touches("spec.x.ab"));
    }

    #[test]
    fn sets_are_compared_by_their_members_and_only_those_that_differ_are_shown() {
        let mut found = Diff::default();
        found.compare_sets("spec.x", &["a", "b", "a"], &["b", "a"], Remedy::Update);
        assert!(found.is_empty());
        found.compare_sets("spec.x", &["a", "b"], &["b", "c"], Remedy::Recreate);
        assert_eq!((&found.fields[0].desired, &found.fields[0].observed), (&json!(["a"]), &json!(["c"])));
        assert!(found.needs_recreate());
    }

    #[test]
    fn a_field_has_moved_when_the_upstream_shows_a_third_value() {
        let before = diff(&json!({"a": 1, "b": 1}), &json!({"a": 2, "b": 2}));
        let after = |observed: Value| diff(&json!({"a": 1, "b": 1}), &observed).moved_since(&before);
        assert!(!after(json!({"a": 2.0, "b": 1})), "ignored");
        assert!(!after(json!({"a": 1, "b": 1})), "taken");
        assert!(after(json!({"a": 3, "b": 1})), "written by somebody else");
        let (one, none) = (diff(&json!({"a": [1], "b": 1}), &json!({"a": [], "b": 1})), json!({"a": [2], "b": 1}));
        assert!(!diff(&json!({"a": [1], "b": 1}), &none).moved_since(&one), "taken in part");
        let elsewhere = diff(&json!({"a": [1], "b": 1}), &json!({"a": [1], "b": 2}));
        assert!(elsewhere.moved_since(&one), "another field, which did not differ");
    }

    #[test]
    fn additions_and_removals_both_count() {
        assert_eq!(diff(&json!({"a": 1}), &json!({"b": 1})).summary(), "spec.x.a, spec.x.b");
        assert_eq!(diff(&json!([1]), &json!([1, 2])).summary(), "spec.x");
    }
}
