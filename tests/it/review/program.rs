//! The program: outputs, owners, errors, and what no output may contain.

use crate::plan::setup::{Ended, Setup, run};
use crate::support::manifests::{ncloud_policy, spaceone_policy};
use cloud_policy_simulator::ncloud::{Assignee, NewPolicy, PrincipalType};
use cloud_policy_simulator::spaceone::{RoleAccess, RolePolicy, StoredPolicy, StoredRole};
use cloud_policy_simulator::{Action, Collection, Fault, Operation};
use serde_json::{Value, json};

fn report(setup: &Setup, arguments: &[&str]) -> Ended {
    setup.run_with(&[&["report"], arguments].concat(), &[("SOURCE_DATE_EPOCH", "1796083200".to_owned())], "")
}

fn policy(name: &str, actions: &[&str]) -> NewPolicy {
    let statement = json!([{"effect": "Allow", "targets": [
        {"product": "Server", "actions": actions, "resourceNrns": ["*"]},
    ]}]);
    NewPolicy {
        policy_name: name.to_owned(),
        permissions: serde_json::from_value(statement).unwrap(),
        ..NewPolicy::default()
    }
}

fn assignee(kind: PrincipalType, name: &str) -> Assignee {
    Assignee { resource_type: kind, resource_id: format!("id-of-{name}"), resource_name: name.to_owned() }
}

/// Returns accounts with one policy of each sort.
async fn account() -> Setup {
    let setup = Setup::new().await;
    let mut owned = policy("owned", &["View*"]);
    owned.tags.insert("cloudpolicy-owner".to_owned(), "here_uid-1".to_owned());
    let owned = setup.ncloud.add_policy(owned);
    for (kind, name) in
        [(PrincipalType::SubAccount, "alice"), (PrincipalType::SubAccount, "민수"), (PrincipalType::Group, "ops")]
    {
        setup.ncloud.assign(&owned, assignee(kind, name));
    }
    setup.ncloud.add_policy(policy("by|hand", &["*"]));
    let mut viewer = StoredPolicy { policy_id: "viewer".to_owned(), name: "V".to_owned(), ..StoredPolicy::default() };
    viewer.permissions = vec!["*".to_owned()];
    setup.spaceone.add_policy(viewer);
    let policies = vec![RolePolicy::managed("viewer")];
    setup.spaceone.add_role(StoredRole { name: "Auditors".to_owned(), policies, ..StoredRole::default() });
    let zone = setup.spaceone.zone_ids()[0].clone();
    let network = json!({ "name": "=cmd|' /C calc'!A0", "zone_id": zone });
    setup.spaceone.add_network_policy(serde_json::from_value(network).unwrap());
    setup
}

/// Replaces ids, ports and times, which differ in every run.
fn golden(text: &str) -> String {
    let replace = |text: String, pattern: &str, word: &str| {
        regex::Regex::new(pattern).unwrap().replace_all(&text, word).into_owned()
    };
    let text = replace(text.to_owned(), r"127\.0\.0\.1:\d+", "HOST");
    let text = replace(text, r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID");
    let text = replace(text, r"\b(npolicy|domain|role)-[0-9a-f]{12}\b", "$1-ID");
    let text = replace(text, r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "CREATED");
    replace(text, r"cloud-policy \d+\.\d+\.\d+[-.\w]*", "cloud-policy VERSION")
}

fn expected(name: &str) -> String {
    let file = cloud_policy_testbed::repository().join("tests/it/review/golden").join(name);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[tokio::test]
async fn markdown_and_csv_are_as_in_golden_files() {
    let setup = account().await;
    let files = ["--output=markdown=report.md", "--output=csv=report.csv", "--without-provider-policies"];
    let ended = report(&setup, &files);
    assert_eq!((ended.code, ended.out.as_str()), (0, ""), "{ended:?}");
    let written = |name: &str| golden(&std::fs::read_to_string(setup.folder.path().join(name)).unwrap());
    assert_eq!(written("report.md"), expected("report.md"));
    // Git keeps the line ends of a text file as they are on each system.
    assert_eq!(written("report.csv").replace("\r\n", "\n"), expected("report.csv"));
    assert_eq!(
        report(&setup, &["--without-provider-policies"]).out,
        std::fs::read_to_string(setup.folder.path().join("report.md")).unwrap()
    );
    assert_eq!(setup.writes(), 0);
}

fn found<'a>(json: &'a Value, name: &str) -> &'a Value {
    let all = json["policies"].as_array().unwrap();
    all.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no {name} in {json:#}"))
}

#[tokio::test]
async fn holders_are_named_only_on_request() {
    let setup = account().await;
    for output in ["markdown", "csv", "json"] {
        let ended = report(&setup, &["-o", output]);
        let names = ["alice", "민수", "Auditors", "id-of-ops"];
        assert!(ended.code == 0 && names.iter().all(|name| !ended.out.contains(name)), "{ended:?}");
        setup.secrets().assert_absent(&ended);
        let ended = report(&setup, &["-o", output, "--holders=names"]);
        assert!(ended.code == 0 && names.iter().all(|name| ended.out.contains(name)), "{ended:?}");
        setup.secrets().assert_absent(&ended);
    }
    let json = report(&setup, &["-o", "json"]).json();
    let users = json!({ "count": 3, "subAccounts": 2, "groups": 1, "roles": 0, "others": 0 });
    assert_eq!(found(&json, "owned")["usedBy"], users);
    assert_eq!(found(&json, "viewer")["usedBy"]["roles"], 1);
    assert!(found(&json, "=cmd|' /C calc'!A0").get("usedBy").is_none(), "network policies have no holders: {json:#}");
    let provider = json["policies"].as_array().unwrap().iter().filter(|it| it["management"] == "provider").count();
    assert!(provider > 3 && json["summary"]["provider"] == provider, "{json:#}");
    assert_eq!((json["unmanaged"].as_array().unwrap().len(), json["unused"].as_array().unwrap().len()), (3, 1));
}

#[tokio::test]
async fn files_name_object_and_revision_of_a_policy() {
    let setup = account().await;
    let mut owned = ncloud_policy("owned-object");
    owned["spec"]["ncloud"]["policyName"] = json!("owned");
    owned["metadata"]["annotations"] = json!({ "example.com/git": "3f2a9c1" });
    setup.manifest(&owned);
    setup.manifest(&spaceone_policy("viewer"));
    let flags = ["-f", ".", "--revision-annotation=example.com/git", "-o", "json"];
    let json = report(&setup, &flags).json();
    let source = json!({
        "object": "Policy default/owned-object", "file": "./owned-object.yaml", "line": 1, "revision": "3f2a9c1",
    });
    assert_eq!(found(&json, "owned")["source"], source);
    assert_eq!(found(&json, "viewer")["source"]["object"], "Policy default/viewer");
    assert_eq!(found(&json, "viewer")["management"], "unmanaged", "a file is no owner tag");
    assert!(found(&json, "by|hand").get("source").is_none());
    let named = json!({ "tag": "here_uid-1", "cluster": "here", "uid": "uid-1" });
    assert_eq!(found(&json, "owned")["owner"], named);
    setup.write("broken.yaml", "a: [\n");
    let ended = report(&setup, &flags);
    assert!(ended.code == 1 && ended.out.is_empty() && ended.err.contains("broken.yaml:"), "{ended:?}");
}

#[tokio::test]
async fn incomplete_reading_is_an_error_and_no_report() {
    let setup = account().await;
    for number in 0..120 {
        setup.ncloud.add_policy(policy(&format!("policy-{number}"), &["View*"]));
    }
    let fails = |told: &[&str]| {
        let ended = report(&setup, &["-o", "csv", "-o", "json=report.json"]);
        assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
        assert!(told.iter().all(|it| ended.err.contains(it)), "{told:?}: {}", ended.err);
        assert!(!setup.folder.path().join("report.json").exists());
        setup.secrets().assert_absent(&ended);
        setup.ncloud.faults().clear();
        setup.spaceone.faults().clear();
    };
    let status = |code| Action::status(code, "{}");
    // The second page of the list.
    setup.ncloud.faults().add(Fault::on(Operation::List).skip(1).before(status(403)).forever());
    fails(&["cannot read ncloud/policy of connection ncloud: "]);
    // One policy, and the holders of one: the message names it.
    setup.ncloud.faults().add(Fault::on(Operation::Get).skip(60).before(status(403)).forever());
    fails(&["cannot read ncloud/policy of connection ncloud, ", "Get policy"]);
    setup.ncloud.faults().add(Fault::on(Operation::Resources).skip(60).before(status(403)).forever());
    fails(&["cannot read ncloud/policy of connection ncloud, ", "List assigned resources"]);
    // A gateway that knows a path no more is no policy without holders.
    setup.ncloud.faults().add(Fault::on(Operation::Resources).skip(60).before(status(404)).forever());
    fails(&["cannot read ncloud/policy of connection ncloud, "]);
    // A policy that the list shows and a read does not is not left out.
    setup.ncloud.faults().add(Fault::on(Operation::Get).skip(60).before(status(404)).forever());
    fails(&["cannot read ncloud/policy of connection ncloud, "]);
    // Without the right to list roles it cannot be told who holds a policy.
    setup.spaceone.set_options(|switches| switches.roles = RoleAccess::Denied);
    fails(&["cannot read spaceone/policy of connection spaceone, viewer (viewer)", "identity.Role.list"]);
    setup.spaceone.set_options(|switches| switches.roles = RoleAccess::Listed);
    let network = Fault::on(Operation::List).of(Collection::NetworkPolicy).before(status(500)).forever();
    setup.spaceone.faults().add(network);
    fails(&["cannot read spaceone/networkpolicy of connection spaceone"]);
    assert_eq!(report(&setup, &["-o", "csv"]).code, 0, "nothing fails any more");
}

#[tokio::test]
async fn wrong_command_line_says_how_to_correct_it() {
    let setup = account().await;
    for (flags, told) in [
        (&["-o", "xml"][..], "write one of markdown, csv, json"),
        (&["-o", "csv", "-o", "json"], "only one format can go to standard output"),
        (&["-f", "none.yaml"], "none.yaml"),
        (&["--connection=ncloud=env:N_"], "names a connection twice"),
        (&["--connection=canary"], "NAME=env:PREFIX"),
        (&["--against=cluster"], "kubeconfig"),
    ] {
        let ended = report(&setup, flags);
        assert!(ended.code == 1 && ended.out.is_empty() && ended.err.contains(told), "{told}: {ended:?}");
        setup.secrets().assert_absent(&ended);
    }
    let none = run(setup.folder.path(), &["report"], &[], "");
    assert!(none.code == 1 && none.err.contains("name a connection with --connection"), "{none:?}");
}

/// 264 policies of the provider and 500 others.
#[tokio::test]
async fn report_of_500_policies_takes_few_requests() {
    let setup = Setup::new().await;
    for number in 0..500 {
        setup.ncloud.add_policy(policy(&format!("policy-{number}"), &["View*"]));
    }
    let ended = report(&setup, &["-o", "json"]);
    assert_eq!((ended.code, &ended.json()["summary"]["unmanaged"]), (0, &json!(500)), "{}", ended.err);
    let requests = setup.ncloud.journal().total();
    assert!(requests < 1_600, "{requests} requests: three for each policy");
}
