//! The program: outputs, what it skips, its errors and its requests.

use crate::plan::setup::{Ended, Setup, run};
use cloud_policy_simulator::ncloud::{Assignee, NewPolicy, PrincipalType};
use cloud_policy_simulator::spaceone::StoredPolicy;
use cloud_policy_simulator::{Action, Collection, Fault, Operation};
use serde_json::{Value, json};

fn policy(name: &str) -> NewPolicy {
    let statement = json!([{"effect": "Allow", "targets": [
        {"product": "Server", "actions": ["View*"], "resourceNrns": ["*"]},
    ]}]);
    NewPolicy {
        policy_name: name.to_owned(),
        permissions: serde_json::from_value(statement).unwrap(),
        ..NewPolicy::default()
    }
}

fn export(setup: &Setup, arguments: &[&str]) -> Ended {
    setup.run(&[&["export"], arguments].concat(), "")
}

#[tokio::test]
async fn export_prints_minimal_manifests_and_tells_what_it_skips() {
    let setup = Setup::new().await;
    setup.ncloud.add_policy(policy("server-viewer"));
    setup.ncloud.add_policy(policy("서버-뷰어"));
    let mut taken = policy("taken");
    taken.tags.insert("cloudpolicy-owner".to_owned(), "there_uid".to_owned());
    setup.ncloud.add_policy(taken);
    let mut long = policy("long");
    long.description = Some("가".repeat(101));
    setup.ncloud.add_policy(long);
    let mut own =
        StoredPolicy { policy_id: "net-viewer".to_owned(), name: "Viewer".to_owned(), ..StoredPolicy::default() };
    own.permissions = vec!["inventory.*".to_owned()];
    setup.spaceone.add_policy(own);
    let ended = export(&setup, &["--namespace=team-a"]);
    let expected = "\
apiVersion: cloudpolicy.dev/v1alpha1
kind: Policy
metadata:
  name: net-viewer
  namespace: team-a
spec:
  adoptionPolicy: IfIdentical
  connectionRef:
    name: spaceone
  spaceone:
    name: Viewer
    permissions:
      - \"inventory.*\"
    policyId: net-viewer
---
apiVersion: cloudpolicy.dev/v1alpha1
kind: Policy
metadata:
  name: server-viewer
  namespace: team-a
spec:
  adoptionPolicy: IfIdentical
  connectionRef:
    name: ncloud
  ncloud:
    permissions:
      - effect: Allow
        targets:
          - actions:
              - \"View*\"
            product: Server
            resourceNrns:
              - \"*\"
    policyName: server-viewer
---
";
    assert_eq!((ended.code, ended.out.starts_with(expected)), (3, true), "{}", ended.out);
    for told in [
        "skipped: ncloud/policy taken (",
        "it has the owner tag there_uid",
        "not exported: ncloud/policy long (",
        "spec.ncloud.description: must have at most 300 bytes of UTF-8 and has 303",
        "Export: 3 exported, 1 skipped, 1 not exported, 0 with other names.",
    ] {
        assert!(ended.err.contains(told), "{told}: {}", ended.err);
    }
    setup.secrets().assert_absent(&ended);
    assert_eq!(setup.writes(), 0);
}

#[tokio::test]
async fn export_selects_by_name_and_collection() {
    let setup = Setup::new().await;
    for name in ["team-a-one", "team-a-two", "other"] {
        setup.ncloud.add_policy(policy(name));
    }
    let flags = ["--match=team-a-*", "--adopt=Never", "--connection-kind=ClusterConnection", "--layout=per-object"];
    let ended = export(&setup, &[&flags[..], &["--dir=out/policies"]].concat());
    assert_eq!((ended.code, ended.out.as_str()), (0, ""), "{ended:?}");
    assert!(ended.err.contains("Export: 2 exported, 0 skipped, 0 not exported, 1 with other names."), "{ended:?}");
    let folder = setup.folder.path().join("out/policies");
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, ["policy-team-a-one.yaml", "policy-team-a-two.yaml"]);
    let text = std::fs::read_to_string(folder.join(&files[0])).unwrap();
    let object: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(object["spec"]["connectionRef"], json!({ "kind": "ClusterConnection", "name": "ncloud" }));
    assert!(object["spec"].get("adoptionPolicy").is_none() && object["metadata"].get("namespace").is_none());
    // A policy that is not selected is not read.
    let details = |it: &cloud_policy_simulator::Entry| it.operation == Operation::Get;
    assert_eq!(setup.ncloud.journal().entries().iter().filter(|it| details(it)).count(), 2);
    let none = export(&setup, &["--collection=spaceone/policy"]);
    assert_eq!((none.code, none.out.as_str()), (0, ""), "{none:?}");
}

#[tokio::test]
async fn json_has_the_manifests_of_yaml() {
    let setup = Setup::new().await;
    for name in ["one", "two"] {
        setup.ncloud.add_policy(policy(name));
    }
    let documents: Vec<Value> = serde_saphyr::from_multiple(&export(&setup, &[]).out).unwrap();
    let list = export(&setup, &["--output=json"]);
    assert_eq!(list.json(), json!({ "apiVersion": "v1", "kind": "List", "items": documents }));
    export(&setup, &["--output=json", "--layout=per-object", "--dir=out"]);
    let file = |name: &str| std::fs::read_to_string(setup.folder.path().join("out").join(name)).unwrap();
    for (name, document) in [("policy-one.json", &documents[0]), ("policy-two.json", &documents[1])] {
        assert_eq!(serde_json::from_str::<Value>(&file(name)).unwrap(), *document);
    }
    let mixed = export(&setup, &["--layout=per-object", "--dir=out"]);
    assert!(mixed.code == 1 && mixed.err.contains("policy-one.json describes the same object"), "{mixed:?}");
    let wrong = export(&setup, &["--namespace=Team_A"]);
    assert!(wrong.code == 1 && wrong.err.contains("such as team-a"), "{wrong:?}");
    setup.write("list.json", &list.out);
    assert_eq!(setup.run(&["plan", "-f", "list.json", "--cluster-id=here"], "").code, 2, "adoptions");
}

#[tokio::test]
async fn holders_stand_in_comments() {
    let setup = Setup::new().await;
    let id = setup.ncloud.add_policy(policy("held"));
    let assignee = |name: &str| Assignee {
        resource_type: PrincipalType::SubAccount,
        resource_id: "id-1".to_owned(),
        resource_name: name.to_owned(),
    };
    setup.ncloud.assign(&id, assignee("alice\nkind: Injected"));
    assert!(export(&setup, &["--holders=count"]).out.starts_with("# held by 1\napiVersion"));
    let named = export(&setup, &["--holders=names"]).out;
    let first = named.lines().next().unwrap();
    assert!(first.starts_with("# held by 1: ") && first.contains("alice"), "{named}");
    assert!(named.lines().nth(1).unwrap().starts_with("apiVersion"), "{named}");
    assert!(!export(&setup, &[]).out.contains('#'));
}

#[tokio::test]
async fn incomplete_reading_is_an_error_and_no_short_export() {
    let setup = Setup::new().await;
    for number in 0..5 {
        setup.ncloud.add_policy(policy(&format!("policy-{number}")));
    }
    let told = |arguments: &[&str], expected: &[&str]| {
        let ended = export(&setup, arguments);
        assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
        assert!(expected.iter().all(|it| ended.err.contains(it)), "{expected:?}: {}", ended.err);
        setup.secrets().assert_absent(&ended);
    };
    setup.ncloud.faults().add(Fault::on(Operation::Get).skip(4).before(Action::status(403, "{}")).forever());
    told(&[], &["cannot read ncloud/policy of connection ncloud"]);
    setup.ncloud.faults().clear();
    setup.ncloud.faults().add(Fault::on(Operation::List).before(Action::status(500, "{}")).forever());
    told(&[], &["cannot read ncloud/policy of connection ncloud"]);
    setup.ncloud.faults().clear();
    // An object that cannot be read would be missing.
    let odd = json!({ "results": [{ "policy_id": "odd", "name": "n", "permissions": 5 }], "total_count": 1 });
    setup
        .spaceone
        .faults()
        .add(Fault::on(Operation::List).of(Collection::Policy).before(Action::status(200, odd.to_string())).forever());
    told(&[], &["cannot read spaceone/policy of connection spaceone", "the object odd in the list"]);
    setup.spaceone.faults().clear();
    for (flags, expected) in [
        (&["--layout=per-object"][..], "--layout per-object needs --dir"),
        (&["--dir=x"], "--dir needs --layout per-object"),
        (&["--adopt=Sometimes"], "--adopt"),
        (&["--collection=none"], "--collection"),
        (&["--connection=canary"], "NAME=env:PREFIX"),
    ] {
        told(flags, &[expected]);
    }
    let bare = |flags: &[&str], variables: &[(&str, String)]| {
        run(setup.folder.path(), &[&["export"], flags].concat(), variables, "")
    };
    let none = bare(&[], &[]);
    assert!(none.code == 1 && none.err.contains("name a connection with --connection"), "{none:?}");
    let unset = bare(&["--connection=x=env:X_"], &[]);
    assert!(unset.code == 1 && unset.err.contains("set either X_ACCESS_KEY"), "{unset:?}");
    let token = [("X_TOKEN", "canary".to_owned())];
    let no_endpoint = bare(&["--connection=x=env:X_"], &token);
    assert!(no_endpoint.code == 1 && no_endpoint.err.contains("PREFIX_ENDPOINT"), "{no_endpoint:?}");
    let down = [
        ("X_ACCESS_KEY", "a".to_owned()),
        ("X_SECRET_KEY", "canary".to_owned()),
        ("X_ENDPOINT", "http://127.0.0.1:9".to_owned()),
    ];
    let down = bare(&["--connection=x=env:X_", "--allow-http", "--allow-private-addresses"], &down);
    assert!(down.code == 1 && down.out.is_empty() && down.err.contains("cannot read ncloud/policy"), "{down:?}");
    setup.secrets().assert_absent(&down);
}

/// 500 policies at 20 requests a second take less than a minute.
#[tokio::test]
async fn export_of_500_policies_takes_few_requests() {
    let setup = Setup::new().await;
    for number in 0..500 {
        setup.ncloud.add_policy(policy(&format!("policy-{number}")));
    }
    let ended = export(&setup, &["--collection=ncloud/policy"]);
    assert!(ended.err.contains("Export: 500 exported"), "{}", ended.err);
    let requests = setup.ncloud.journal().total();
    assert!(requests < 20 * 60, "{requests} requests");
}

#[tokio::test]
async fn tasks_of_spacectl_become_manifests_that_a_plan_creates() {
    let setup = Setup::new().await;
    let zone = setup.spaceone.zone_ids()[0].clone();
    setup.write("var.yaml", "var: {team: network}\n");
    let tasks = format!(
        "tasks:
  - id: viewer
    uses: '@modules/resource'
    spec:
      resource_type: repository.Policy
      data: {{policy_id: '${{{{ var.team }}}}-viewer', name: 뷰어, permissions: [inventory.*]}}
  - id: net
    uses: '@modules/resource'
    spec:
      resource_type: inventory.NetworkPolicy
      data: {{name: net, zone_id: {zone}, dns: [10.0.0.2]}}
  - id: greet
    uses: '@modules/shell'
    spec: {{run: echo}}
"
    );
    setup.write("tasks.yaml", &tasks);
    let convert = |flags: &[&str]| setup.run(&[&["convert", "spacectl"], flags].concat(), "");
    let ended = convert(&["var.yaml", "tasks.yaml", "--namespace=team-a"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.err.contains("skipped: tasks.yaml:12: greet") && ended.err.contains("externalId"), "{ended:?}");
    assert_eq!(convert(&["var.yaml", "tasks.yaml", "--namespace=team-a"]).out, ended.out, "the same bytes");
    let planned = setup.run(&["plan", "-f", "-", "-o", "json"], &ended.out);
    let actions: Vec<_> = planned.actions().into_iter().map(|(name, action, _)| (name, action)).collect();
    let create = |name: &str| (name.to_owned(), "create".to_owned());
    assert_eq!(actions, [create("net"), create("network-viewer")], "{planned:?}");
    let without = convert(&["tasks.yaml"]);
    assert_eq!(without.code, 3, "{without:?}");
    assert!(without.err.contains("not converted: tasks.yaml:2: viewer: ${{ var.team }} is no variable"), "{without:?}");
    for (flags, told) in
        [(&["none.yaml"][..], "cannot read none.yaml"), (&["var.yaml"], "have no tasks"), (&[], "FILE")]
    {
        let ended = convert(flags);
        assert!(ended.code == 1 && ended.out.is_empty() && ended.err.contains(told), "{ended:?}");
    }
}
