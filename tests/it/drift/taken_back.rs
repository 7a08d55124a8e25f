//! Specs that are taken back after an update that took effect although it failed, while reads lag.

use crate::ownership::lost_finalizers::{only_triggers, three_ready};
use crate::support::test_env::{TestEnv, common, condition};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::Settings;
use cloud_policy_simulator::{Action, Collection, Fault, Lag, Operation};
use serde_json::json;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn patient(settings: &mut Settings) {
    only_triggers(settings);
    settings.create_grace = SECOND * 5;
    settings.first_look = SECOND / 5;
}

/// Edits the three objects: what they grant, or let through, is narrow or wide.
async fn edit(env: &TestEnv, is_wide: bool) {
    let pick = |wide: &str, narrow: &str| json!([if is_wide { wide } else { narrow }]);
    let targets =
        json!([{ "product": "Server", "actions": pick("*", "View/getServerInstanceList"), "resourceNrns": ["*"] }]);
    let ncloud = json!({ "permissions": [{ "effect": "Allow", "targets": targets }] });
    env.patch::<Policy>("one", json!({ "spec": { "ncloud": ncloud } })).await;
    let spaceone = json!({ "permissions": pick("*", "inventory.Server.list") });
    env.patch::<Policy>("two", json!({ "spec": { "spaceone": spaceone } })).await;
    let spaceone = json!({ "dns": pick("10.9.9.9", "10.0.0.2") });
    env.patch::<NetworkPolicy>("net", json!({ "spec": { "spaceone": spaceone } })).await;
}

/// Returns whether the upstream objects are wide.
fn are_wide(env: &TestEnv) -> [bool; 3] {
    let one = env.ncloud.policies()[0].permissions[0].targets[0].actions.contains(&"*".to_owned());
    let two = env.spaceone.policies()[0].permissions.contains(&"*".to_owned());
    [one, two, env.spaceone.network_policies()[0].dns.contains(&"10.9.9.9".to_owned())]
}

/// Returns narrow objects whose update to wide ones meets `fault` while reads lag by this time.
async fn widened(prefix: &str, lag: Duration, fault: impl Fn() -> Fault) -> TestEnv {
    let env = TestEnv::with(prefix, patient).await;
    three_ready(&env).await;
    edit(&env, false).await;
    ready(&env).await;
    tokio::time::sleep(SECOND * 6).await;
    let lag = Lag { reads: lag, lists: lag, deletions: Duration::ZERO };
    env.ncloud.set_options(|options| options.switches.lag = lag);
    env.spaceone.set_options(|switches| switches.lag = lag);
    env.ncloud.faults().add(fault());
    env.spaceone.faults().add(fault().of(Collection::Policy));
    env.spaceone.faults().add(fault().of(Collection::NetworkPolicy));
    edit(&env, true).await;
    env.eventually("the updates", || are_wide(&env) == [true; 3]).await;
    tokio::time::sleep(SECOND / 5).await;
    env
}

async fn ready(env: &TestEnv) {
    env.ready::<Policy>("one").await;
    env.ready::<Policy>("two").await;
    env.ready::<NetworkPolicy>("net").await;
}

/// Waits much shorter than the interval.
async fn are_narrow_again(env: &TestEnv) {
    ready(env).await;
    tokio::time::sleep(SECOND * 8).await;
    let told = common(&env.get::<Policy>("two").await);
    let told = condition(&told, "Ready").map(|ready| ready.reason.clone());
    assert_eq!(are_wide(env), [false; 3], "silent grant: {told:?}");
}

#[tokio::test]
async fn refused_update_is_reverted_when_reads_lag() {
    for code in [400, 403, 429] {
        let refused = || Fault::on(Operation::Update).after(Action::status(code, "{}"));
        let env = widened("taken-back", SECOND * 3, refused).await;
        edit(&env, false).await;
        are_narrow_again(&env).await;
    }
}

#[tokio::test]
async fn update_of_crashed_process_is_reverted_in_lag() {
    let slow = || Fault::on(Operation::Update).after(Action::Pass).latency(SECOND * 2);
    let mut env = widened("taken-crash", SECOND * 5, slow).await;
    env.crash();
    edit(&env, false).await;
    env.start(patient);
    are_narrow_again(&env).await;
}
