//! Creates of an earlier process, of which other writers left only a trace: the operator looks for their object before it
//! makes another.

use crate::security::tenants::write_status;
use crate::support::test_env::{TestEnv, network_policy};
use cloud_policy::api::NetworkPolicy;
use cloud_policy::controller::Settings;
use cloud_policy_simulator::{Action, Fault, Lag, Operation};
use serde_json::{Value, json};
use std::time::Duration;

fn lagging(settings: &mut Settings) {
    settings.interval_divisor = 1;
    settings.create_grace = Duration::from_secs(9);
}

/// Starts a create whose response the operator does not live to see, and which no read shows for a while.
async fn crashed_create(prefix: &str) -> TestEnv {
    let mut env = TestEnv::with(prefix, lagging).await;
    let lag = Lag { reads: Duration::from_secs(7), lists: Duration::from_secs(7), ..Lag::default() };
    env.spaceone.set_options(|switches| switches.lag = lag);
    env.spaceone.faults().add(Fault::on(Operation::Create).after(Action::Timeout(Duration::from_secs(20))));
    env.apply(network_policy("net", &env.spaceone.zone_ids()[0])).await;
    env.eventually("the create to take effect", || env.spaceone.network_policies().len() == 1).await;
    env.crash();
    env
}

async fn gets_no_copy(env: &TestEnv) {
    env.ready::<NetworkPolicy>("net").await;
    assert_eq!(env.spaceone.journal().count(Operation::Create), 1, "second copy");
}

#[tokio::test]
async fn lost_record_is_searched_when_finalizer_is_gone_too() {
    let mut env = crashed_create("refused-trace").await;
    write_status::<NetworkPolicy>(&env, "net", Value::Null).await;
    env.patch::<NetworkPolicy>("net", json!({ "metadata": { "finalizers": null } })).await;
    env.start(lagging);
    gets_no_copy(&env).await;
}

#[tokio::test]
async fn restored_finalizer_does_not_end_the_search() {
    let mut env = crashed_create("refused-finalizer").await;
    env.patch::<NetworkPolicy>("net", json!({ "metadata": { "finalizers": null } })).await;
    env.start(lagging);
    env.until("net", "with its finalizer", |net: &NetworkPolicy| {
        anyhow::ensure!(net.metadata.finalizers.as_ref().is_some_and(|all| !all.is_empty()), "none");
        Ok(())
    })
    .await;
    write_status::<NetworkPolicy>(&env, "net", Value::Null).await;
    gets_no_copy(&env).await;
}
