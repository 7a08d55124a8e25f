//! Simulated upstreams with one account each, and the operator's loop in its smallest form: observe, plan,
//! update, observe again.

use crate::support::upstream::{accepted, account, observation, short_timeouts};
use cloud_policy::api::shared::{AdoptionPolicy, DriftPolicy, ManagementPolicy, RecreatePolicy};
use cloud_policy::engine::plan::{Existing, Plan, PriorState, Rules, Step, TagOwner, Unapplied, plan};
use cloud_policy::engine::{BoundExternal, Diff};
use cloud_policy::upstream::{Account, Credentials};
use cloud_policy_simulator::ncloud::{self, Ncloud};
use cloud_policy_simulator::spaceone::{self, Spaceone};
use cloud_policy_simulator::{Entry, Journal};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::runtime::Runtime;

/// A higher rate than users may set, so that hundreds of cases do not wait.
const UNLIMITED: i32 = 1_000_000;

/// Returns a runtime for properties, which are not async.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Starts a simulated NAVER Cloud and opens an account.
pub async fn ncloud() -> (Ncloud, Arc<Account>) {
    let ncloud = Ncloud::start(ncloud::Options::default()).await.unwrap();
    let keys = Credentials::Ncloud { access_key: ncloud.access_key().into(), secret_key: ncloud.secret_key().into() };
    let connection = json!({ "ncloud": { "endpoint": ncloud.url(), "credentialsSecretRef": { "name": "s" } } });
    let account = open(connection, keys);
    (ncloud, account)
}

/// Starts a simulated `SpaceONE` and opens an account.
pub async fn spaceone() -> (Spaceone, Arc<Account>) {
    let spaceone = Spaceone::start(spaceone::Options::default()).await.unwrap();
    let connection = json!({ "spaceone": {
        "endpoint": spaceone.url(), "apiStyle": "Rest", "domainId": spaceone.domain_id(),
        "tokenSecretRef": { "name": "s" },
    }});
    let account = open(connection, Credentials::Spaceone { token: spaceone.token().into() });
    (spaceone, account)
}

fn open(mut connection: Value, credentials: Credentials) -> Arc<Account> {
    connection["rateLimit"] = json!({ "requestsPerSecond": UNLIMITED, "burst": UNLIMITED });
    account(connection, credentials, &short_timeouts()).0
}

/// Returns a number that no other case of this run uses.
pub fn next() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

/// Updates the object to the wanted state, as the operator does. Returns the remaining difference.
pub async fn settle(subject: &dyn BoundExternal, id: &str) -> Diff {
    let rules = Rules {
        management: ManagementPolicy::Full,
        adoption: AdoptionPolicy::Never,
        drift: DriftPolicy::Correct,
        recreate: RecreatePolicy::Never,
        external_id: None,
    };
    let mut prior = PriorState { id: Some(id.to_owned()), ..PriorState::default() };
    let mut previous: Option<Diff> = None;
    for _ in 0..3 {
        let seen = observation(subject, id).await;
        let Plan::Existing(Existing { step, acquire: None, tag: TagOwner::NotNeeded, .. }) =
            plan(&prior, rules, vec![seen], "hash")
        else {
            panic!("the object is ours")
        };
        match step {
            Step::None => return Diff::default(),
            Step::NotApplied(left) => return left,
            Step::Recreate { .. } | Step::DriftFight { .. } => {
                panic!("recreatePolicy is Never, and there is no other writer")
            }
            Step::Update { diff, .. } => {
                accepted(subject.update(id, &diff).await);
                prior.applied_hash = Some("hash".to_owned());
                let left = observation(subject, id).await.diff;
                // The operator repeats a write that leaves more granted than the spec.
                if previous.replace(left.clone()).is_some_and(|previous| previous == left) {
                    return left;
                }
                prior.not_applied = left.fields.into_iter().map(|field| Unapplied::of(&field)).collect();
            }
        }
    }
    panic!("the object does not become up to date");
}

/// Returns the writes since the journal was cleared, with their bodies as JSON.
pub fn written(journal: &Journal) -> Vec<(Entry, Value)> {
    let body = |entry: &Entry| serde_json::from_str(&entry.request_body).unwrap_or_default();
    journal.writes().into_iter().map(|entry| (entry.clone(), body(&entry))).collect()
}

/// Asserts that a request has no other fields than these.
pub fn assert_only_fields(body: &Value, fields: &[&str]) {
    for key in body.as_object().expect("an object").keys() {
        assert!(fields.contains(&key.as_str()), "`{key}` was not expected: {body}");
    }
}
