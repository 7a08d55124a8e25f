//! The hash of a plan: it covers what would be written and what that grants, and not the text of the manifests.

use super::report::{Planned, Report};
use crate::engine::fingerprint::fingerprint;
use serde_json::{Value, json};

/// Returns a report with the hashes of its objects, and the one of all of them.
pub fn sealed(mut report: Report) -> Report {
    for object in &mut report.objects {
        object.hash = of(object);
    }
    report.hash = of_all(&report.objects);
    report
}

/// Returns the hash of what would be written for an object; `None` if nothing would be.
fn of(planned: &Planned) -> Option<String> {
    let Planned { kind, namespace, name, upstream, action, access, fields, writes, .. } = planned;
    let bodies: Vec<&Option<Value>> = writes.iter().map(|write| &write.body).collect();
    let values: Vec<Value> = fields.iter().map(|it| json!([it.path, it.desired, it.observed])).collect();
    let covered = json!([kind, namespace, name, upstream, action, access, values, writes, bodies]);
    action.changes().then(|| fingerprint(&covered))
}

/// Returns the hash of what would be written for all objects, in any order; `None` if nothing would be.
fn of_all(objects: &[Planned]) -> Option<String> {
    let mut hashes: Vec<&str> = objects.iter().filter_map(|object| object.hash.as_deref()).collect();
    hashes.sort_unstable();
    (!hashes.is_empty()).then(|| fingerprint(&json!(hashes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::actions::Action;
    use crate::plan::report::Write;
    use crate::plan::tests::planned;

    fn write(body: Value) -> Write {
        let (method, path) = ("PUT".to_owned(), "/a".to_owned());
        Write { operation: "update", method, path, fields: Vec::new(), body: Some(body) }
    }

    #[test]
    fn hash_covers_what_is_written_and_not_where_it_stands() {
        let of_body = |body: Value| of(&Planned { writes: vec![write(body)], ..planned(Action::Update, "wider") });
        let base = of_body(json!({"a": 1}));
        assert!(base.is_some() && base == of_body(json!({"a": 1})) && base != of_body(json!({"a": 2})));
        let elsewhere = Planned { line: Some(99), file: None, ..planned(Action::Update, "wider") };
        assert_eq!(of(&elsewhere), of(&planned(Action::Update, "wider")));
        assert_ne!(of(&elsewhere), of(&planned(Action::Update, "narrower")));
        assert_eq!(of(&planned(Action::Nothing, "equal")), None);
    }

    #[test]
    fn hash_of_a_plan_does_not_depend_on_the_order() {
        let sealed = |change| {
            let mut it = planned(Action::Update, change);
            it.hash = of(&it);
            it
        };
        let (a, b) = (sealed("wider"), sealed("narrower"));
        assert_eq!(of_all(&[a.clone(), b.clone()]), of_all(&[b, a.clone()]));
        assert_eq!((of_all(&[]), of_all(&[planned(Action::Nothing, "equal")])), (None, None));
        assert_ne!(of_all(std::slice::from_ref(&a)), of_all(&[a.clone(), a.clone()]));
    }
}
