//! The page "Plan a change", followed literally, and the documented form of the JSON output.

use super::setup::{Setup, run};
use crate::docs::markdown::{Page, code_in};
use crate::docs::walkthrough::page::{ReaderAction, steps};
use crate::docs::walkthrough::shell::is_as_shown;
use cloud_policy::engine::actions::Action;
use cloud_policy::plan::report::{
    Access, Failure, Field, Planned, Report, Side, Source, UpstreamObject, UsedBy, Write,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

#[tokio::test]
async fn page_works_when_followed_literally() {
    let setup = Setup::new().await;
    let programs = Path::new(env!("CARGO_BIN_EXE_cloud-policy")).parent().unwrap();
    let path = std::env::join_paths([programs, Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    let mut runs = 0;
    for step in steps("docs/tasks/plan-a-change.md") {
        match step.action {
            ReaderAction::Save { name, text } => setup.write(&name, &text),
            ReaderAction::Run { script, shown } => {
                let script = script.replace("your-access-key", &setup.ncloud.access_key());
                let script = script.replace("your-secret-key", &setup.ncloud.secret_key());
                let output = Command::new("bash")
                    .args(["-uc", &script])
                    .current_dir(setup.folder.path())
                    .env_clear()
                    .env("PATH", &path)
                    .envs([("CLOUD_POLICY_ALLOW_HTTP", "true"), ("CLOUD_POLICY_ALLOW_PRIVATE_ADDRESSES", "true")])
                    .env("NCLOUD_ENDPOINT", setup.ncloud.url())
                    .output()
                    .unwrap();
                let printed = String::from_utf8(output.stdout).unwrap();
                assert!(is_as_shown(&shown.unwrap(), &printed), "{}: it prints\n{printed}", step.place);
                assert_eq!(output.status.code(), Some(2), "{}", step.place);
                runs += 1;
            }
            ReaderAction::Meanwhile(what) => panic!("{}: {what}", step.place),
        }
    }
    assert_eq!((runs, setup.writes()), (1, 0));
}

/// Returns a report in which every field is set.
fn full() -> Report {
    let side = || {
        let (witness, undecided) = (Some("x".to_owned()), Some("x".to_owned()));
        Some(Side { parts: vec!["x".to_owned()], more: 1, witness, undecided })
    };
    let text = || "x".to_owned();
    let planned = Planned {
        kind: text(),
        namespace: text(),
        name: text(),
        file: Some(text()),
        line: Some(1),
        upstream: Some(UpstreamObject { connection: text(), system: "x", key: text(), id: Some(text()) }),
        action: Action::Update,
        reason: Some("x"),
        message: Some(text()),
        warnings: vec![text()],
        access: Access { change: "both", grants: side(), revokes: side() },
        fields: vec![Field { path: text(), line: Some(1), desired: text(), observed: text() }],
        writes: vec![Write {
            operation: "x",
            method: text(),
            path: text(),
            fields: vec![text()],
            body: Some("canary".into()),
        }],
        used_by: Some(UsedBy { count: 1, names: vec![text()] }),
        approval: Some(text()),
        hash: Some(text()),
    };
    let failure = Failure { object: Some(text()), file: Some(text()), line: Some(1), message: text() };
    Report { hash: Some(text()), ..Report::of(Source::Upstream, vec![planned], vec![failure], 1) }
}

pub fn keys(value: &Value, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            all.insert(key.clone());
            keys(value, all);
        }),
        Value::Array(items) => items.iter().for_each(|item| keys(item, all)),
        _ => {}
    }
}

#[test]
fn json_page_names_every_field_and_no_other() {
    let json = serde_json::to_value(full()).unwrap();
    assert!(!json.to_string().contains("canary"), "no output shows the body of a write");
    let mut there = BTreeSet::new();
    keys(&json, &mut there);
    let page = Page::read("docs/plan-json.md");
    let code = code_in(&page.prose);
    let segments = |text: &String| text.split('.').map(|it| it.trim_end_matches("[]").to_owned()).collect::<Vec<_>>();
    let named: BTreeSet<String> = code.iter().flat_map(segments).collect();
    let missing: Vec<_> = there.difference(&named).collect();
    assert!(missing.is_empty(), "docs/plan-json.md does not name {missing:?}");
    let tables = page.tables();
    let rows = tables.iter().filter(|table| table.header[0] == "field").flat_map(|table| &table.rows);
    let documented: BTreeSet<String> = rows.flat_map(|row| code_in(&row[0])).flat_map(|it| segments(&it)).collect();
    let gone: Vec<_> = documented.difference(&there).collect();
    assert!(gone.is_empty(), "docs/plan-json.md names {gone:?}, which no plan has");
    assert!(code.contains(&json["version"].as_str().unwrap().to_owned()), "the version");
}

#[tokio::test]
async fn guardrails_are_tested_without_a_network() {
    let setup = Setup::new().await;
    setup.write(
        "c.yaml",
        "apiVersion: cloudpolicy.dev/v1alpha1\nkind: Connection\nmetadata: {name: spaceone}\nspec:\n  spaceone: {endpoint: 'https://x', domainId: d, tokenSecretRef: {name: x}}\n  guardrails: [{allow: [{permissions: ['inventory.*']}]}]\n",
    );
    setup.manifest(&crate::support::manifests::spaceone_policy("within"));
    let test = |arguments: &[&str]| {
        run(setup.folder.path(), &[&["guardrails", "test", "-f", "."], arguments].concat(), &[], "")
    };
    let ended = test(&[]);
    assert_eq!((ended.code, ended.out.as_str()), (0, "allowed Policy default/within [./within.yaml:1]\n"), "{ended:?}");
    let mut beyond = crate::support::manifests::spaceone_policy("beyond");
    beyond["spec"]["spaceone"]["permissions"] = serde_json::json!(["identity.User.list"]);
    setup.manifest(&beyond);
    let ended = test(&["-o", "json"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    let told = &ended.json()["objects"][0]["judged"]["beyond"];
    assert!(told.as_str().unwrap().contains("identity.User.list"), "{ended:?}");
    // The plan gives the same answer.
    let planned = setup.plan(&[]);
    assert_eq!((planned.code, &planned.object("beyond")["reason"]), (3, &"GuardrailDenied".into()), "{planned:?}");
    std::fs::remove_file(setup.folder.path().join("c.yaml")).unwrap();
    assert_eq!(test(&[]).code, 1, "without the connection it cannot be told");
}
