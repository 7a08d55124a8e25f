//! What editors and pre-commit use: the hook, and the JSON schemas.

use super::SEVER;
use cloud_policy_testbed::repository;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn pre_commit_hook_checks_the_files_that_it_gets() {
    let text = fs::read_to_string(repository().join(".pre-commit-hooks.yaml")).unwrap();
    let hooks: Vec<Value> = serde_saphyr::from_str(&text).unwrap();
    let [hook] = &hooks[..] else { panic!("{hooks:?}") };
    assert_eq!((&hook["id"], &hook["language"]), (&"cloud-policy-lint".into(), &"system".into()));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good.yaml"), SEVER.replace("Sever", "Server")).unwrap();
    fs::write(folder.path().join("bad.yaml"), SEVER.replace("policyName", "policyname")).unwrap();
    // pre-commit appends the names of the changed files to the entry, and runs it in the root of the repository.
    let programs = Path::new(env!("CARGO_BIN_EXE_cloud-policy")).parent().unwrap();
    let run = |files: &[&str]| {
        let words: Vec<&str> = hook["entry"].as_str().unwrap().split(' ').collect();
        let program = programs.join(words[0]);
        Command::new(program).args(&words[1..]).args(files).current_dir(folder.path()).env_clear().output().unwrap()
    };
    assert_eq!(run(&["good.yaml"]).status.code(), Some(0));
    let found = run(&["good.yaml", "bad.yaml"]);
    let told = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(found.status.code() == Some(3) && told.contains("bad.yaml:7:5: error CP011"), "{told}");
}

#[test]
fn samples_keep_the_json_schema() {
    let schemas = repository().join("docs/reference/schemas");
    let mut checked = 0;
    for entry in fs::read_dir(repository().join("deploy/samples")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        for document in documents.iter().filter(|it| it["apiVersion"] == "cloudpolicy.dev/v1alpha1") {
            let kind = document["kind"].as_str().unwrap().to_lowercase();
            let schema = fs::read_to_string(schemas.join(format!("{kind}_v1alpha1.json"))).unwrap();
            let schema: Value = serde_json::from_str(&schema).unwrap();
            assert_eq!(unknown(&schema, document, ""), [""; 0]);
            let mut wrong = document.clone();
            wrong["spec"]["connectionReff"] = "x".into();
            assert_eq!(unknown(&schema, &wrong, ""), [".spec.connectionReff"]);
            checked += 1;
        }
    }
    assert!(checked >= 6, "{checked}");
}

/// Returns the fields that a schema forbids, and those with a value of another type.
fn unknown(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let is_type = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other}"),
    };
    let fits = match &schema["type"] {
        Value::String(name) => is_type(name),
        Value::Array(names) => names.iter().any(|name| is_type(name.as_str().unwrap())),
        _ => schema["const"].is_null() || schema["const"] == *value,
    };
    if !fits {
        return vec![path.to_owned()];
    }
    if let Some(items) = value.as_array() {
        let each = items.iter().enumerate();
        return each.flat_map(|(at, item)| unknown(&schema["items"], item, &format!("{path}[{at}]"))).collect();
    }
    let entries = value.as_object().into_iter().flatten();
    let checked = entries.flat_map(|(key, value)| {
        let path = format!("{path}.{key}");
        match (schema["properties"].get(key), &schema["additionalProperties"]) {
            (Some(field), _) => unknown(field, value, &path),
            (None, Value::Bool(false)) => vec![path],
            (None, each @ Value::Object(_)) => unknown(each, value, &path),
            (None, _) => Vec::new(),
        }
    });
    checked.collect()
}
