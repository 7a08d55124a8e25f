//! Connections that lead elsewhere right after the upstream refused a create that took effect: the object says where the
//! possible copy is, and waits.

use crate::deletion::from_status::blocked;
use crate::ownership::hidden_refusals::{counts, is_refused, refusing_within, three_refused};
use crate::ownership::in_lag::{NEVER, show_after, slow};
use crate::support::test_env::{TestEnv, common, condition, network_policy};
use cloud_policy::api::{Connection, NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::ncloud::{self, Ncloud};
use cloud_policy_simulator::spaceone::{self, Spaceone};
use serde_json::json;
use std::time::Duration;

/// Three objects whose creates were refused and took effect, and the other accounts to which their connections lead.
struct Moved {
    env: TestEnv,
    ncloud: Ncloud,
    spaceone: Spaceone,
}

impl Moved {
    async fn set_up(prefix: &str) -> Self {
        let env = refusing_within(prefix, 400, slow).await;
        // Nothing shows the objects until the connections lead back.
        show_after(&env, NEVER);
        let ncloud = Ncloud::start(ncloud::Options { seed: 7, ..ncloud::Options::default() }).await.unwrap();
        let spaceone = Spaceone::start(spaceone::Options { seed: 7, ..spaceone::Options::default() }).await.unwrap();
        three_refused(&env).await;
        lead_ncloud(&env, &ncloud).await;
        env.connect_spaceone("spaceone", &spaceone.url(), "Rest", &spaceone.domain_id(), &spaceone.token()).await;
        Self { env, ncloud, spaceone }
    }

    /// Waits until all objects say that they wait, and asserts that nothing was created elsewhere.
    async fn all_wait(&self) {
        let Self { env, ncloud, spaceone } = self;
        told(&env.reason::<Policy>("one", "AccountChanged").await, &env.ncloud.url());
        told(&env.reason::<Policy>("two", "AccountChanged").await, &env.spaceone.url());
        told(&env.reason::<NetworkPolicy>("net", "AccountChanged").await, &env.spaceone.url());
        assert!(ncloud.policies().is_empty() && spaceone.policies().is_empty(), "second set");
        assert!(spaceone.network_policies().is_empty(), "second set");
    }

    /// Leads the connections back.
    async fn lead_back(&self) {
        let Self { env, .. } = self;
        show_after(env, Duration::ZERO);
        lead_ncloud(env, &env.ncloud).await;
        let spaceone = &env.spaceone;
        env.connect_spaceone("spaceone", &spaceone.url(), "Rest", &spaceone.domain_id(), &spaceone.token()).await;
    }
}

async fn lead_ncloud(env: &TestEnv, to: &Ncloud) {
    env.patch::<Connection>("ncloud", json!({ "spec": { "ncloud": { "endpoint": to.url() } } })).await;
}

/// Asserts that the object says where its create may have taken effect.
fn told<K: Managed>(object: &K, url: &str) {
    let message = condition(&common(object), "Ready").unwrap().message.clone();
    assert!(message.contains(url) && message.contains("may have taken effect"), "{message}");
}

#[tokio::test]
async fn object_waits_when_connection_moves_after_refused_create() {
    for restart in [false, true] {
        let mut moved = Moved::set_up("moved-refused").await;
        moved.all_wait().await;
        if restart {
            moved.env.crash();
            moved.env.start(slow);
            moved.all_wait().await;
        }
        moved.lead_back().await;
        moved.env.ready::<Policy>("one").await;
        moved.env.ready::<Policy>("two").await;
        moved.env.ready::<NetworkPolicy>("net").await;
        assert_eq!(counts(&moved.env), [1, 1, 1]);
    }
}

#[tokio::test]
async fn deletion_waits_when_connection_moves_after_refused_create() {
    let moved = Moved::set_up("moved-refused-gone").await;
    let env = &moved.env;
    moved.all_wait().await;
    env.delete::<Policy>("one").await;
    env.delete::<Policy>("two").await;
    env.delete::<NetworkPolicy>("net").await;
    for name in ["one", "two"] {
        let message = blocked::<Policy>(env, name, "AccountChanged").await;
        assert!(message.contains("may have taken effect"), "{message}");
    }
    blocked::<NetworkPolicy>(env, "net", "AccountChanged").await;
    moved.lead_back().await;
    env.gone::<Policy>("one").await;
    env.gone::<Policy>("two").await;
    env.gone::<NetworkPolicy>("net").await;
    assert_eq!(counts(env), [0, 0, 0], "leak");
}

#[tokio::test]
async fn release_of_a_refused_create_is_told_when_connection_moved() {
    let moved = Moved::set_up("moved-refused-free").await;
    let env = &moved.env;
    let waiting = env.reason::<Policy>("one", "AccountChanged").await;
    let message = condition(&common(&waiting), "Ready").unwrap().message.clone();
    let place = message.split("release-upstream=").nth(1).unwrap().split(": ").next().unwrap();
    let release = json!({ "metadata": { "annotations": { "cloudpolicy.dev/release-upstream": place } } });
    env.patch::<Policy>("one", release).await;
    env.ready::<Policy>("one").await;
    assert_eq!((moved.ncloud.policies().len(), env.ncloud.policies().len()), (1, 1));
    let events = env.events("one").await;
    let is_told = |(reason, note): &(String, String)| reason == "Orphaned" && note.contains(&env.ncloud.url());
    assert!(events.iter().any(is_told), "{events:?}");
}

/// The connection of a refused create is gone, and the spec names another one: a deletion believes the refusal, and says so.
#[tokio::test]
async fn deletion_tells_of_a_refused_create_that_it_cannot_see() {
    let env = refusing_within("moved-refused-unseen", 400, slow).await;
    show_after(&env, NEVER);
    let spaceone = &env.spaceone;
    env.connect_spaceone("other", &spaceone.url(), "Rest", &spaceone.domain_id(), &spaceone.token()).await;
    let mut object = network_policy("net", &spaceone.zone_ids()[0]);
    object["spec"]["connectionRef"]["name"] = json!("other");
    env.apply(object).await;
    is_refused::<NetworkPolicy>(&env, "net").await;
    env.patch::<NetworkPolicy>("net", json!({ "spec": { "connectionRef": { "name": "spaceone" } } })).await;
    env.delete::<Connection>("other").await;
    env.delete::<NetworkPolicy>("net").await;
    env.gone::<NetworkPolicy>("net").await;
    let events = env.events("net").await;
    let is_told = |(reason, note): &(String, String)| reason == "LeftBehind" && note.contains(&spaceone.url());
    assert!(events.iter().any(is_told), "{events:?}");
    assert_eq!(spaceone.network_policies().len(), 1);
}
