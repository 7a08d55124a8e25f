//! Creates that the upstream refuses although they take effect: the operator makes no second object and leaves none
//! behind.

use super::lost_finalizers::only_triggers;
use super::mended::other_ncloud;
use crate::support::test_env::{
    TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::ncloud::{self, Ncloud};
use cloud_policy_simulator::{Action, Fault, Lag, Operation};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use std::time::Duration;

/// Waits until the object is ready although its create was refused, with the id that it got then.
async fn keeps_its_object<K: Managed + crate::support::test_env::Kind>(env: &TestEnv, object: Value) {
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    env.apply(object).await;
    let seen = env.ready::<K>(&name).await;
    assert!(!upstream_id(&seen).is_empty());
    let other = Patch::Merge(json!({ "spec": { "connectionRef": { "name": "other" } } }));
    let refusal = env.api::<K>().patch(&name, &PatchParams::default(), &other).await;
    assert!(refusal.is_err(), "an object upstream holds the connection");
    let events = env.events(&name).await;
    assert!(events.iter().any(|(reason, note)| reason == "Created" && note.contains("refused")), "{events:?}");
}

#[tokio::test]
async fn refused_create_that_took_effect_is_recorded() {
    for code in [400, 403] {
        let env = TestEnv::with("refused-effect", only_triggers).await;
        let refused = || Fault::on(Operation::Create).after(Action::status(code, "{}"));
        env.ncloud.faults().add(refused());
        env.spaceone.faults().add(refused().times(2));
        keeps_its_object::<Policy>(&env, ncloud_policy("one")).await;
        keeps_its_object::<Policy>(&env, spaceone_policy("two")).await;
        keeps_its_object::<NetworkPolicy>(&env, network_policy("net", &env.spaceone.zone_ids()[0])).await;
        assert_eq!((env.ncloud.policies().len(), env.spaceone.network_policies().len()), (1, 1));
        assert_eq!((env.ncloud.journal().effects(Operation::Create), env.spaceone.policies().len()), (1, 1));
        assert_eq!(env.spaceone.journal().count(Operation::Create), 2);
    }
}

/// The operator cannot look after the create was refused. Its place stays, so a corrected connection leaks nothing.
#[tokio::test]
async fn refused_create_keeps_its_place_until_a_search_answers() {
    let env = TestEnv::with("refused-unseen", only_triggers).await;
    let other = Ncloud::start(ncloud::Options { seed: 7, ..ncloud::Options::default() }).await.unwrap();
    other_ncloud(&env, "other", &other).await;
    env.ncloud.faults().decide_with({
        let journal = env.ncloud.journal().clone();
        move |request| {
            use cloud_policy_simulator::{Decision, When};
            let created = journal.effects(Operation::Create) > 0;
            match request.operation {
                Operation::Create => Some(Decision::Inject(When::After, Action::status(400, "{}"))),
                // Not the count of a probe, which would make the connection unreachable.
                Operation::List if created && request.target.contains("searchWord") => {
                    Some(Decision::Inject(When::Before, Action::status(500, "{}")))
                }
                _ => None,
            }
        }
    });
    env.apply(ncloud_policy("one")).await;
    env.until("one", "refused", |policy: &Policy| {
        let reason = condition(&common(policy), "Ready").map(|ready| ready.reason.clone());
        anyhow::ensure!(
            reason.as_deref() == Some("ValidationFailed") && common(policy).upstream.is_none(),
            "{reason:?}"
        );
        Ok(())
    })
    .await;
    env.ncloud.faults().decide_with(|_| None);
    env.patch::<Policy>("one", json!({ "spec": { "connectionRef": { "name": "other" } } })).await;
    let told = env.reason::<Policy>("one", "AccountChanged").await;
    assert!(condition(&common(&told), "Ready").unwrap().message.contains("ncloud"), "{told:?}");
    assert_eq!((env.ncloud.policies().len(), other.policies().len()), (1, 0));
    env.delete::<Policy>("one").await;
    env.gone::<Policy>("one").await;
    assert!(env.ncloud.policies().is_empty(), "leak");
}

/// A create with tags is refused and takes effect. The create without tags that follows it does not arrive.
#[tokio::test]
async fn deletion_leaves_nothing_when_next_create_is_throttled() {
    for code in [429, 503] {
        let env = TestEnv::with("refused-next", |settings| settings.create_grace = Duration::from_secs(4)).await;
        let lag = Lag { reads: Duration::from_secs(3), lists: Duration::from_secs(3), deletions: Duration::ZERO };
        env.ncloud.set_options(|options| options.switches.lag = lag);
        env.ncloud.faults().add(Fault::on(Operation::Create).after(Action::status(400, "{}")));
        env.ncloud.faults().add(Fault::on(Operation::Create).before(Action::status(code, "{}")));
        env.apply(ncloud_policy("next")).await;
        env.eventually("both creates", || env.ncloud.faults().waiting().is_empty()).await;
        env.delete::<Policy>("next").await;
        env.gone::<Policy>("next").await;
        assert!(env.ncloud.policies().is_empty(), "leak after {code}");
    }
}
