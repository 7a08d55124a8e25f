//! Upstreams that show nothing new until a test says so: an operator that lets go at its first look leaves something, however
//! slow the machine is.

use super::hidden_refusals::delete_all;
use super::lost_finalizers::{only_triggers, three_gone};
use crate::support::test_env::{Kind, SOON, TestEnv, common, condition};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::Settings;
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::Lag;
use cloud_policy_testbed::wait_for;
use std::time::Duration;

/// Longer than any test.
pub const NEVER: Duration = Duration::from_mins(10);

/// Time enough to act within the grace.
pub fn slow(settings: &mut Settings) {
    only_triggers(settings);
    settings.create_grace = Duration::from_secs(15);
}

/// Has the upstreams show what is new this long after it was written.
pub fn show_after(env: &TestEnv, wait: Duration) {
    let lag = Lag { reads: wait, lists: wait, deletions: Duration::ZERO };
    env.ncloud.set_options(|options| options.switches.lag = lag);
    env.spaceone.set_options(|switches| switches.lag = lag);
}

/// Waits until the deletion of an object has looked in vain, and waits or has let the object go.
pub async fn looked_for<K: Managed + Kind>(env: &TestEnv, name: &str) {
    let probe = || async {
        let Some(object) = env.api::<K>().get_opt(name).await? else { return Ok(()) };
        let told = condition(&common(&object), "Ready").map(|ready| ready.message.clone()).unwrap_or_default();
        anyhow::ensure!(told.contains("may still take effect"), "{told}");
        Ok(())
    };
    wait_for(&format!("the look of the deletion of {name}"), SOON, probe).await.unwrap();
}

/// Deletes `one`, `two` and `net`. The upstreams show the objects only after the first look.
pub async fn delete_three_in_lag(env: &TestEnv) {
    delete_all(env).await;
    looked_for::<Policy>(env, "one").await;
    looked_for::<Policy>(env, "two").await;
    looked_for::<NetworkPolicy>(env, "net").await;
    show_after(env, Duration::ZERO);
    three_gone(env).await;
}
