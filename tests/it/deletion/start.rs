//! Deletions right after the start of the operator: what an earlier process sent may still take effect, or become visible.

use crate::ownership::in_lag::{NEVER, delete_three_in_lag, show_after, slow};
use crate::security::tenants::write_status;
use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_simulator::{Action, Collection, Fault, Operation};
use futures::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Has each upstream treat one create of each collection like this, and show no object.
fn treat_creates(env: &TestEnv, create: &Fault) {
    show_after(env, NEVER);
    env.ncloud.faults().add(create.clone());
    env.spaceone.faults().add(create.clone().of(Collection::Policy));
    env.spaceone.faults().add(create.clone().of(Collection::NetworkPolicy));
}

/// Applies three objects, and crashes the operator when it has sent their creates.
async fn crash_after_creates(prefix: &str, create: &Fault) -> TestEnv {
    let mut env = TestEnv::with(prefix, slow).await;
    treat_creates(&env, create);
    for object in [ncloud_policy("one"), spaceone_policy("two"), network_policy("net", &env.spaceone.zone_ids()[0])] {
        env.apply(object).await;
    }
    let sent = || env.ncloud.faults().waiting().is_empty() && env.spaceone.faults().waiting().is_empty();
    env.eventually("the creates", sent).await;
    env.crash();
    env
}

/// The creates of the earlier process: lost, on their way, refused, throttled.
fn creates() -> [Fault; 4] {
    [
        Fault::on(Operation::Create).after(Action::Reset),
        Fault::on(Operation::Create).before(Action::Late(SECOND)),
        Fault::on(Operation::Create).after(Action::status(400, "{}")),
        Fault::on(Operation::Create).after(Action::status(429, "{}")),
    ]
}

#[tokio::test]
async fn deletion_waits_for_creates_of_an_earlier_process() {
    join_all(creates().map(|create| async move {
        let mut env = crash_after_creates("start-deleted", &create).await;
        env.start(slow);
        delete_three_in_lag(&env).await;
    }))
    .await;
}

/// While the operator is stopped, another writer puts ids into status that name nothing.
#[tokio::test]
async fn deletion_waits_for_creates_that_a_forged_record_hides() {
    join_all(creates().map(|create| async move {
        let mut env = crash_after_creates("start-forged", &create).await;
        for (name, system, key) in [("one", "ncloud/policy", "one"), ("two", "spaceone/policy", "two")] {
            write_status::<Policy>(&env, name, forged(&env, system, key)).await;
        }
        write_status::<NetworkPolicy>(&env, "net", forged(&env, "spaceone/networkpolicy", "net")).await;
        env.start(slow);
        delete_three_in_lag(&env).await;
    }))
    .await;
}

fn forged(env: &TestEnv, system: &str, key: &str) -> Value {
    let (connection, endpoint) =
        if system.starts_with("ncloud") { ("ncloud", env.ncloud.url()) } else { ("spaceone", env.spaceone.url()) };
    json!({ "operation": null, "upstream": {
        "system": system, "connection": { "kind": "Connection", "name": connection },
        "endpoint": endpoint, "key": key, "id": "00000000-0000-0000-0000-000000000000", "adopted": false,
    } })
}

/// An object whose record tells the truth does not wait.
#[tokio::test]
async fn deletion_right_after_start_takes_what_is_recorded_at_once() {
    let mut env = TestEnv::new("start-honest").await;
    env.apply(ncloud_policy("one")).await;
    env.ready::<Policy>("one").await;
    env.stop().await;
    env.start(|settings| settings.create_grace = Duration::from_mins(10));
    env.delete::<Policy>("one").await;
    env.gone::<Policy>("one").await;
    assert!(env.ncloud.policies().is_empty());
}
