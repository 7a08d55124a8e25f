//! `status.attachedTo`: how many hold a policy, read beside the reconcile and written only when it changes.

use crate::ownership::adoption::{alike, by_hand};
use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::status::AttachedTo;
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::Settings;
use cloud_policy::controller::settings::ShownUsers;
use cloud_policy_simulator::ncloud::{Assignee, PrincipalType};
use cloud_policy_simulator::spaceone::{RoleAccess, RolePolicy, StoredRole};
use cloud_policy_simulator::{Action, Fault, Operation};
use kube::ResourceExt as _;
use serde_json::json;

/// Counts users, with a day in a minute.
fn counting(settings: &mut Settings) {
    (settings.shown_users, settings.interval_divisor) = (ShownUsers::Count, 1_500);
}

fn naming(settings: &mut Settings) {
    counting(settings);
    settings.shown_users = ShownUsers::Names;
}

fn assign(env: &TestEnv, name: &str, kind: PrincipalType, who: &str) {
    let id = env.ncloud.policy_named(name).unwrap().policy_id;
    let (resource_id, resource_name) = (format!("id-of-{who}"), who.to_owned());
    assert!(env.ncloud.assign(&id, Assignee { resource_type: kind, resource_id, resource_name }));
}

fn role(name: &str, policy: &str) -> StoredRole {
    StoredRole { name: name.to_owned(), policies: vec![RolePolicy::managed(policy)], ..StoredRole::default() }
}

fn attached(policy: &Policy) -> Option<AttachedTo> {
    policy.status.as_ref().and_then(|status| status.attached_to.clone())
}

/// Waits until status has this many users.
async fn counted(env: &TestEnv, name: &str, count: i64) -> AttachedTo {
    let check = |policy: &Policy| {
        let known = attached(policy);
        anyhow::ensure!(known.as_ref().is_some_and(|it| it.count == count), "{known:?}");
        Ok(())
    };
    attached(&env.until(name, &format!("{count} users"), check).await).unwrap()
}

#[tokio::test]
async fn changes_of_users_arrive_in_status() {
    let env = TestEnv::with("attached", counting).await;
    env.apply(ncloud_policy("attached-n")).await;
    env.apply(spaceone_policy("attached-s")).await;
    let zone = env.spaceone.zone_ids()[0].clone();
    env.apply(network_policy("attached-w", &zone)).await;
    let none = counted(&env, "attached-n", 0).await;
    counted(&env, "attached-s", 0).await;
    assign(&env, "attached-n", PrincipalType::SubAccount, "alice");
    assign(&env, "attached-n", PrincipalType::Group, "operators");
    let id = env.spaceone.add_role(role("Auditors", "attached-s"));
    let two = counted(&env, "attached-n", 2).await;
    assert_eq!((two.sub_accounts, two.groups, two.roles, &two.sample[..]), (1, 1, 0, &[][..]), "no names");
    assert!(two.since > none.since, "{two:?} after {none:?}");
    assert_eq!(counted(&env, "attached-s", 1).await.roles, 1);
    let policy = env.ncloud.policy_named("attached-n").unwrap();
    assert!(env.ncloud.unassign(&policy.policy_id) && env.spaceone.remove_role(&id));
    counted(&env, "attached-n", 0).await;
    counted(&env, "attached-s", 0).await;
    let network = serde_json::to_value(env.ready::<NetworkPolicy>("attached-w").await).unwrap();
    assert!(network["status"].get("attachedTo").is_none(), "network policies have no users: {network:#}");
}

#[tokio::test]
async fn object_that_observes_tells_no_users() {
    let env = TestEnv::with("attached-seen", counting).await;
    by_hand(&env, "theirs", None);
    assign(&env, "theirs", PrincipalType::SubAccount, "alice");
    let mut spy = alike("theirs");
    spy["metadata"]["name"] = json!("spy");
    spy["spec"]["managementPolicy"] = json!("Observe");
    env.apply(spy).await;
    env.reason::<Policy>("spy", "Observed").await;
    env.apply(ncloud_policy("own")).await;
    counted(&env, "own", 0).await;
    assign(&env, "own", PrincipalType::SubAccount, "bob");
    counted(&env, "own", 1).await;
    assert_eq!(attached(&env.get::<Policy>("spy").await), None);
}

#[tokio::test]
async fn users_are_named_only_on_request() {
    let mut env = TestEnv::with("attached-names", naming).await;
    env.apply(ncloud_policy("named")).await;
    env.ready::<Policy>("named").await;
    for number in 0..12 {
        assign(&env, "named", PrincipalType::SubAccount, &format!("user-{number}"));
    }
    let named = counted(&env, "named", 12).await;
    assert!(named.sample.len() == 10 && named.sample[0].starts_with("SubAccount user-"), "{named:?}");
    // Without the setting, the names go.
    env.stop().await;
    env.start(counting);
    let check = |policy: &Policy| {
        let known = attached(policy);
        anyhow::ensure!(known.as_ref().is_some_and(|it| it.count == 12 && it.sample.is_empty()), "{known:?}");
        Ok(())
    };
    env.until("named", "no names", check).await;
    env.stop().await;
    env.start(|settings| settings.interval_divisor = 1_500);
    let check = |policy: &Policy| {
        anyhow::ensure!(attached(policy).is_none(), "{policy:?}");
        Ok(())
    };
    env.until("named", "nothing about users", check).await;
}

#[tokio::test]
async fn failed_read_of_users_changes_nothing() {
    let env = TestEnv::with("attached-failed", counting).await;
    env.spaceone.set_options(|switches| switches.roles = RoleAccess::Denied);
    env.apply(spaceone_policy("denied")).await;
    env.apply(ncloud_policy("failing")).await;
    env.ready::<Policy>("failing").await;
    assign(&env, "failing", PrincipalType::Role, "server");
    let before = counted(&env, "failing", 1).await;
    let asked = || env.ncloud.journal().count(Operation::Resources);
    env.ncloud.faults().add(Fault::on(Operation::Resources).before(Action::status(403, "{}")).forever());
    assign(&env, "failing", PrincipalType::Role, "another");
    let count = asked();
    env.eventually("a read of users fails", || asked() > count).await;
    let reconciles = env.reconciles();
    env.eventually("more reconciles", || env.reconciles() > reconciles + 4).await;
    let policy = env.ready::<Policy>("failing").await;
    assert_eq!(attached(&policy), Some(before), "the old value stays");
    // Without the right to list roles it is not known, which is not 0.
    env.eventually("roles were asked for", || {
        env.spaceone.journal().entries().iter().any(|entry| format!("{entry:?}").contains("role"))
    })
    .await;
    let policy = env.ready::<Policy>("denied").await;
    assert_eq!(attached(&policy), None);
    // It recovers by itself.
    env.ncloud.faults().clear();
    env.spaceone.set_options(|switches| switches.roles = RoleAccess::Listed);
    counted(&env, "failing", 2).await;
    counted(&env, "denied", 0).await;
}

#[tokio::test]
async fn unchanged_users_are_not_written_and_read_rarely() {
    let env = TestEnv::with("attached-idle", counting).await;
    for number in 0..6 {
        env.apply(spaceone_policy(&format!("idle-s-{number}"))).await;
        env.apply(ncloud_policy(&format!("idle-n-{number}"))).await;
    }
    for number in 0..6 {
        counted(&env, &format!("idle-s-{number}"), 0).await;
        counted(&env, &format!("idle-n-{number}"), 0).await;
    }
    let versions = || async {
        let all = env.api::<Policy>().list(&kube::api::ListParams::default()).await.unwrap();
        all.iter().map(|policy| (policy.name_any(), policy.resource_version())).collect::<Vec<_>>()
    };
    let before = versions().await;
    env.ncloud.journal().clear();
    env.spaceone.journal().clear();
    // Two hours for each object.
    env.wait_for_reconciles(12 * 24).await;
    assert_eq!(versions().await, before, "writes to Kubernetes");
    assert!(env.ncloud.journal().writes().is_empty() && env.spaceone.journal().writes().is_empty());
    let reads = env.ncloud.journal().count(Operation::Resources);
    assert!((1..=6 * 6).contains(&reads), "{reads} reads of users in about two hours of 6 policies");
}

#[tokio::test]
async fn event_of_a_widening_names_the_count() {
    let env = TestEnv::with("attached-event", counting).await;
    let mut object = ncloud_policy("blast");
    env.apply(object.clone()).await;
    env.ready::<Policy>("blast").await;
    assign(&env, "blast", PrincipalType::SubAccount, "alice");
    assign(&env, "blast", PrincipalType::Group, "operators");
    counted(&env, "blast", 2).await;
    let told = async |reason: &str, words: &str| {
        let check = async || {
            let events = env.events("blast").await;
            anyhow::ensure!(events.iter().any(|(why, note)| why == reason && note.contains(words)), "{events:?}");
            Ok(())
        };
        cloud_policy_testbed::wait_for("the event", std::time::Duration::from_mins(1), check).await.unwrap();
    };
    object["spec"]["ncloud"]["permissions"][0]["targets"][0]["actions"] = serde_json::json!(["*"]);
    env.apply(object).await;
    told("Updated", "has 2 holders").await;
    let id = env.ncloud.policy_named("blast").unwrap().policy_id;
    env.ncloud.edit_policy(&id, |policy| policy.permissions[0].targets[0].product = "*".to_owned());
    told("DriftFound", "has 2 holders").await;
}
