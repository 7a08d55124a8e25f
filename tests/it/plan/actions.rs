//! What is planned for each state of the upstream. No run writes anything.

use super::setup::Setup;
use crate::support::manifests::{ncloud_policy, network_policy, spaceone_policy};
use cloud_policy_simulator::ncloud::NewPolicy;
use cloud_policy_simulator::spaceone::StoredPolicy;
use serde_json::{Value, json};

/// Returns the operations of the planned writes.
fn operations(object: &Value) -> Vec<&str> {
    let writes = object["writes"].as_array().map(Vec::as_slice).unwrap_or_default();
    writes.iter().map(|write| write["operation"].as_str().unwrap()).collect()
}

fn action(name: &str, action: &str, reason: &str) -> (String, String, String) {
    (name.to_owned(), action.to_owned(), reason.to_owned())
}

#[tokio::test]
async fn new_objects_are_created_and_nothing_is_written() {
    let setup = Setup::new().await;
    setup.manifest(&ncloud_policy("n-new"));
    setup.manifest(&spaceone_policy("s-new"));
    let mut pinned = network_policy("w-new", &setup.spaceone.zone_ids()[0]);
    pinned["spec"]["spaceone"]["pinnedKeys"] = json!(["name"]);
    setup.manifest(&pinned);
    let ended = setup.plan(&[]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert_eq!(
        ended.actions(),
        [action("n-new", "create", ""), action("s-new", "create", ""), action("w-new", "create", "")]
    );
    assert_eq!(operations(&ended.object("n-new")), ["create policy"]);
    assert_eq!(operations(&ended.object("w-new")), ["create network policy", "pin fields"]);
    let access = &ended.object("n-new")["access"];
    assert_eq!(access["change"], "wider");
    assert_eq!(
        access["grants"]["parts"],
        json!(["Server View/getServerInstanceList, Change/startServerInstances on * under a condition"])
    );
    assert_eq!(setup.writes(), 0);
    setup.secrets().assert_absent(&ended);
}

#[tokio::test]
async fn existing_objects_are_blocked_adopted_or_updated() {
    let setup = Setup::new().await;
    let stored = |id: &str, permissions: &[&str], owner: Option<&str>| {
        let mut policy =
            StoredPolicy { policy_id: id.to_owned(), name: "Viewer".to_owned(), ..StoredPolicy::default() };
        policy.permissions = permissions.iter().map(|it| (*it).to_owned()).collect();
        policy.labels = vec![json!("team-a")];
        policy.tags.insert("owner".to_owned(), json!("team-a"));
        policy.tags.insert("level".to_owned(), json!(3));
        if let Some(owner) = owner {
            policy.tags.insert("cloudpolicy_owner".to_owned(), json!(owner));
        }
        policy
    };
    let same = ["inventory.Server.get", "inventory.Server.list"];
    for (id, permissions, owner) in [
        ("taken", &same[..], None),
        ("alike", &same[..], None),
        ("ours", &same[..], Some("here_uid-1")),
        ("older", &["inventory.Server.list", "identity.User.list"][..], Some("here_uid-2")),
        ("theirs", &same[..], Some("there_uid-3")),
    ] {
        setup.spaceone.add_policy(stored(id, permissions, owner));
        let mut object = spaceone_policy(id);
        if id == "alike" {
            object["spec"]["adoptionPolicy"] = json!("IfIdentical");
        }
        setup.manifest(&object);
    }
    let unknown = setup.plan(&[]).object("ours");
    assert!(unknown["message"].as_str().unwrap().contains("name its id with --cluster-id"), "{unknown}");
    let ended = setup.plan(&["--cluster-id=here"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert_eq!(
        ended.actions(),
        [
            action("alike", "adopt", ""),
            action("older", "update", ""),
            action("ours", "nothing", ""),
            action("taken", "blocked", "Conflict"),
            action("theirs", "blocked", "Conflict"),
        ]
    );
    let older = ended.object("older");
    assert_eq!((&older["access"]["change"], operations(&older)), (&json!("both"), vec!["update policy"]));
    assert_eq!(older["access"]["grants"]["parts"], json!(["inventory.Server.get"]));
    assert_eq!(older["access"]["revokes"]["parts"], json!(["identity.User.list"]));
    assert_eq!(older["writes"][0]["fields"], json!(["permissions"]));
    assert_eq!(operations(&ended.object("alike")), ["update policy"], "the owner tag");
    // Without the id of the cluster, nothing is ours.
    let ended = setup.plan(&[]);
    assert_eq!(ended.object("ours")["action"], "blocked");
    assert_eq!(setup.writes(), 0);
}

#[tokio::test]
async fn unchanged_policies_are_nothing_to_do() {
    let setup = Setup::new().await;
    let object = ncloud_policy("same");
    let block = &object["spec"]["ncloud"];
    setup.ncloud.add_policy(NewPolicy {
        policy_name: "same".to_owned(),
        description: Some("first".to_owned()),
        permissions: serde_json::from_value(block["permissions"].clone()).unwrap(),
        tags: [("cloudpolicy-owner".to_owned(), "here_uid-1".to_owned())].into(),
    });
    setup.manifest(&object);
    let ended = setup.plan(&["--cluster-id=here"]);
    assert_eq!((ended.code, ended.actions()), (0, vec![action("same", "nothing", "")]), "{ended:?}");
}

#[tokio::test]
async fn read_only_key_is_enough() {
    use cloud_policy_simulator::{Action, Fault, Operation};
    let setup = Setup::new().await;
    for operation in [Operation::Create, Operation::Update, Operation::Delete, Operation::TagsAdd] {
        setup.ncloud.faults().add(Fault::on(operation).before(Action::status(403, "{}")).forever());
    }
    setup.manifest(&ncloud_policy("new"));
    assert_eq!(setup.plan(&[]).code, 2);
}

#[tokio::test]
async fn rejected_spec_is_blocked_before_it_is_written() {
    let setup = Setup::new().await;
    let mut object = ncloud_policy("wrong");
    object["spec"]["ncloud"]["permissions"][0]["targets"][0]["product"] = json!("Sever");
    setup.manifest(&object);
    let ended = setup.plan(&[]);
    assert_eq!((ended.code, ended.actions()), (3, vec![action("wrong", "blocked", "ValidationFailed")]), "{ended:?}");
}

#[tokio::test]
async fn two_objects_of_one_name_conflict() {
    let setup = Setup::new().await;
    let (first, mut second) = (spaceone_policy("a"), spaceone_policy("b"));
    second["spec"]["spaceone"]["policyId"] = json!("a");
    setup.manifest(&first);
    setup.manifest(&second);
    let ended = setup.plan(&[]);
    assert_eq!(ended.actions(), [action("a", "create", ""), action("b", "blocked", "Conflict")]);
    assert!(ended.object("b")["message"].as_str().unwrap().contains("Policy default/a (./a.yaml:1)"), "{ended:?}");
}
