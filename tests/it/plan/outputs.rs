//! Each format, and the exit codes.

use super::setup::Setup;
use crate::gitops::health_oracle::matches_schema;
use crate::support::manifests::{ncloud_policy, spaceone_policy};
use cloud_policy_simulator::ncloud::{Assignee, NewPolicy, PrincipalType};
use cloud_policy_simulator::spaceone::StoredPolicy;
use serde_json::{Value, json};

/// Returns a setup with one policy that is widened, one that is narrowed and one of another owner.
async fn changes() -> Setup {
    let setup = Setup::new().await;
    for (id, permissions) in [("wider", ["inventory.Server.get"]), ("narrower", ["inventory.*"])] {
        let mut policy =
            StoredPolicy { policy_id: id.to_owned(), name: "Viewer".to_owned(), ..StoredPolicy::default() };
        policy.permissions = permissions.map(str::to_owned).into();
        policy.labels = vec![json!("team-a")];
        policy.tags =
            serde_json::from_value(json!({"owner": "team-a", "level": 3, "cloudpolicy_owner": "here_uid"})).unwrap();
        setup.spaceone.add_policy(policy);
        setup.manifest(&spaceone_policy(id));
    }
    setup
}

#[tokio::test]
async fn exit_code_follows_fail_on() {
    let setup = changes().await;
    let code = |flags: &[&str]| setup.run(&[&["plan", "-f", ".", "--cluster-id=here"], flags].concat(), "").code;
    assert_eq!((code(&[]), code(&["--fail-on=widening"]), code(&["--fail-on=change"])), (2, 4, 4));
    std::fs::remove_file(setup.folder.path().join("wider.yaml")).unwrap();
    assert_eq!((code(&["--fail-on=never"]), code(&["--fail-on=widening"]), code(&["--fail-on=change"])), (2, 2, 4));
    assert_eq!(setup.writes(), 0);
}

#[tokio::test]
async fn text_shows_grants_and_revokes() {
    let setup = changes().await;
    let ended = setup.run(&["plan", "-f", ".", "--cluster-id=here"], "");
    for line in [
        "~ update Policy default/narrower, spaceone/policy narrower  [./narrower.yaml:1]",
        "    - REVOKES inventory.*",
        "    + GRANTS inventory.Server.list",
        "Plan: 2 to update.",
    ] {
        assert!(ended.out.contains(line), "{line}\n{}", ended.out);
    }
    setup.secrets().assert_absent(&ended);
}

#[tokio::test]
async fn one_plan_has_several_outputs() {
    let setup = changes().await;
    let file = |name: &str| std::fs::read_to_string(setup.folder.path().join(name)).unwrap();
    let flags = ["--output=markdown=plan.md", "-o", "sarif=plan.sarif", "--output=json=plan.js", "--save=plan.save"];
    let ended = setup.run(&[&["plan", "-f", ".", "--cluster-id=here"], &flags[..]].concat(), "");
    assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{ended:?}");
    assert!(file("plan.md").starts_with("<!-- cloud-policy plan -->"));
    assert!(file("plan.sarif").contains("\"2.1.0\""));
    assert_eq!(file("plan.js"), file("plan.save"), "the saved plan is the JSON output");
    let ended = setup.run(&["plan", "-f", ".", "-o", "json", "-o", "text"], "");
    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
    assert!(ended.err.contains("--output: only one format can go to standard output"), "{ended:?}");
    let ended = setup.run(&["plan", "-f", ".", "-o", "json=none/plan.json"], "");
    assert!(ended.code == 1 && ended.err.contains("cannot write none/plan.json"), "{ended:?}");
}

#[tokio::test]
async fn saved_plan_has_a_hash_of_what_is_written() {
    let setup = changes().await;
    let save = || {
        let ended = setup.run(&["plan", "-f", ".", "--cluster-id=here", "--save", "plan"], "");
        assert_eq!(ended.code, 2, "{ended:?}");
        std::fs::read_to_string(setup.folder.path().join("plan")).unwrap()
    };
    let (first, again) = (save(), save());
    assert_eq!(first, again, "the same bytes");
    let hash = |text: &str| serde_json::from_str::<Value>(text).unwrap()["hash"].as_str().unwrap().to_owned();
    // Neither a comment nor a field that is not written changes it; a permission does.
    let text = std::fs::read_to_string(setup.folder.path().join("wider.yaml")).unwrap();
    setup.write("wider.yaml", &format!("# a comment\n{text}"));
    assert_eq!(hash(&save()), hash(&first));
    setup.write("wider.yaml", &text.replace("inventory.Server.list", "inventory.Server.delete"));
    assert_ne!(hash(&save()), hash(&first));
    // A plan that is not complete is no plan to save.
    setup.write("broken.yaml", "a: [\n");
    let ended = setup.run(&["plan", "-f", ".", "--save", "other"], "");
    assert!(ended.code == 1 && ended.err.contains("other was not written"), "{ended:?}");
    assert!(!setup.folder.path().join("other").exists());
}

#[tokio::test]
async fn holders_are_counted_and_named_on_request() {
    let setup = Setup::new().await;
    let assignee = |name: &str| Assignee {
        resource_type: PrincipalType::SubAccount,
        resource_id: format!("id-of-{name}"),
        resource_name: name.to_owned(),
    };
    let id = setup.ncloud.add_policy(NewPolicy {
        policy_name: "held".to_owned(),
        description: None,
        permissions: serde_json::from_value(json!([{"effect": "Allow", "targets": [
            {"product": "Server", "actions": ["View*"], "resourceNrns": ["*"]},
        ]}]))
        .unwrap(),
        tags: [("cloudpolicy-owner".to_owned(), "here_uid".to_owned())].into(),
    });
    for name in ["carol", "민수"] {
        assert!(setup.ncloud.assign(&id, assignee(name)));
    }
    setup.manifest(&ncloud_policy("held"));
    let used_by =
        |flags: &[&str]| setup.plan(&[&["--cluster-id=here"], flags].concat()).object("held")["usedBy"].clone();
    assert_eq!(used_by(&[]), json!({ "count": 2 }));
    let told = used_by(&["--holders=names"]);
    let names = told["names"].as_array().unwrap();
    assert_eq!((&told["count"], names.len()), (&json!(2), 2), "{told}");
    assert!(names.iter().any(|it| it.as_str().unwrap().contains("민수")), "{told}");
    let text = setup.run(&["plan", "-f", ".", "--cluster-id=here"], "").out;
    assert!(text.contains("    held by 2\n") && !text.contains("carol"), "{text}");
}

#[tokio::test]
async fn sarif_matches_its_schema() {
    let setup = changes().await;
    let mut taken = spaceone_policy("taken");
    taken["spec"]["spaceone"]["policyId"] = json!("wider");
    setup.write("하위 폴더/a b.yaml", &serde_saphyr::to_string(&taken).unwrap());
    setup.write("broken.yaml", "a: [\n");
    let ended = setup.run(&["plan", "-f", ".", "--cluster-id=here", "-o", "sarif"], "");
    let sarif = ended.json();
    assert_eq!(matches_schema("sarif-schema-2.1.0.json", &sarif), Ok(()));
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let told: Vec<_> = results.iter().map(|it| (it["ruleId"].as_str().unwrap(), place(it))).collect();
    let (ok, other) = ("wider.yaml".to_owned(), "%ED%95%98%EC%9C%84%20%ED%8F%B4%EB%8D%94/a%20b.yaml".to_owned());
    for expected in
        [("CP001", "narrower.yaml".to_owned()), ("CP002", ok), ("CP003", other), ("CP004", "broken.yaml".to_owned())]
    {
        assert!(told.contains(&expected), "{expected:?}: {told:?}");
    }
    // The schema bites.
    for (pointer, wrong) in
        [("/version", json!("2.0.0")), ("/runs/0/results/0/level", json!("bad")), ("/runs/0/tool", json!({}))]
    {
        let mut broken = sarif.clone();
        *broken.pointer_mut(pointer).unwrap() = wrong;
        assert!(matches_schema("sarif-schema-2.1.0.json", &broken).is_err(), "{pointer}");
    }
}

/// Returns the file of a result.
fn place(result: &Value) -> String {
    result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap_or_default().to_owned()
}
