use super::*;

#[test]
fn event_name_is_valid_for_objects_of_any_name() {
    let now: Timestamp = "2026-11-29T00:00:00Z".parse().unwrap();
    for (object, begins) in [
        ("viewer".to_owned(), "viewer.".to_owned()),
        ("x".repeat(236), format!("{}.", "x".repeat(236))),
        ("x".repeat(253), format!("{}.", "x".repeat(236))),
        (format!("{}-{}", "x".repeat(235), "y".repeat(17)), format!("{}.", "x".repeat(235))),
        (format!("{}.{}", "x".repeat(235), "y".repeat(17)), format!("{}.", "x".repeat(235))),
    ] {
        let name = event_name(&object, now);
        assert!(name.len() <= MAX_NAME && name.starts_with(&begins), "{name}");
        assert!(!name.contains("..") && !name.contains("-."), "{name}");
    }
}

#[test]
fn series_has_one_object_reason_and_note() {
    let queued = |uid: &str, type_, note: &str| {
        let about = ObjectReference { uid: Some(uid.to_owned()), ..ObjectReference::default() };
        key(&Queued { about, type_, reason: "Updated".to_owned(), note: note.to_owned(), _awaited: None })
    };
    let same = queued("u", "Normal", "a");
    assert_eq!(same, queued("u", "Normal", "a"));
    assert_ne!(same, queued("u", "Normal", "b"));
    assert_ne!(same, queued("u", "Warning", "a"));
    assert_ne!(same, queued("v", "Normal", "a"));
}
