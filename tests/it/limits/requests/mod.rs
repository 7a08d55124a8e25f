//! The requests and writes that a change of one object, of ten and of 300 costs, in each collection.
//!
//! [`LIMITS`] has the most that is allowed: the total of upstream requests and of writes of objects to Kubernetes,
//! events apart. A change that saves a request lowers its number. The test prints what it counted in the form of the table.
//!
//! One object and ten change while the operator runs. A crowd of 300 changes while it does not run, so that the counts
//! do not depend on how fast objects arrive. Then, and at each restart, they contain the probe of the connection and the
//! first list.

mod crowds;

use crowds::Crowds;
use kube::api::ApiResource;
use kube::core::GroupVersionKind;
use serde_json::{Value, json};
use std::fmt::Write;

/// An event in the life of a crowd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Create,
    Edit,
    /// The operator starts, and nothing has changed.
    Restart,
    /// The operator starts, and another writer has changed one object.
    DriftOfOne,
    DriftOfAll,
    Delete,
}

/// The order in which the events happen.
const EVENTS: [Event; 6] =
    [Event::Create, Event::Edit, Event::Restart, Event::DriftOfOne, Event::DriftOfAll, Event::Delete];

/// Requests and writes.
type Cost = (usize, usize);

/// The most that each event may cost: collection, number of objects, and (requests, writes) for each of [`EVENTS`].
#[rustfmt::skip]
const LIMITS: [(Collection, usize, [Cost; 6]); 9] = [
    //                             create        edit       restart   one      all        delete
    (Collection::Spaceone, 1,   [(4, 3),       (2, 2),    (4, 0),   (14, 0), (14, 0),   (5, 1)]),
    (Collection::Network,  1,   [(5, 3),       (2, 2),    (4, 0),   (20, 0), (20, 0),   (4, 1)]),
    (Collection::Ncloud,   1,   [(6, 4),       (4, 2),    (2, 0),   (16, 0), (16, 0),   (9, 1)]),
    (Collection::Spaceone, 10,  [(20, 30),     (20, 20),  (4, 0),   (14, 0), (41, 0),   (40, 10)]),
    (Collection::Network,  10,  [(27, 30),     (20, 20),  (4, 0),   (20, 0), (56, 0),   (30, 10)]),
    (Collection::Ncloud,   10,  [(40, 40),     (40, 20),  (2, 0),   (17, 0), (53, 0),   (65, 10)]),
    (Collection::Spaceone, 300, [(314, 900),   NOT_DONE,  (5, 0),   (8, 0),  (905, 0),  (319, 300)]),
    (Collection::Network,  300, [(322, 900),   NOT_DONE,  (5, 0),   (9, 0),  (1205, 0), (312, 300)]),
    (Collection::Ncloud,   300, [(913, 1200),  NOT_DONE,  (4, 0),   (8, 0),  (1204, 0), (909, 300)]),
];

/// The cost of an event that does not happen: 300 edits would take time and cost what ten cost, 30 times.
const NOT_DONE: Cost = (0, 0);

/// Returns whether a cost is above its limit. Some more are allowed, because a busy machine sometimes reconciles an
/// object once more.
fn exceeds(cost: Cost, most: Cost) -> bool {
    let above = |cost: usize, most: usize| cost > most + 3 + most / 20;
    above(cost.0, most.0) || above(cost.1, most.1)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Collection {
    Spaceone,
    Network,
    Ncloud,
}

impl Collection {
    const ALL: [Self; 3] = [Self::Spaceone, Self::Network, Self::Ncloud];

    /// Returns the name of its connection, which is also the prefix of its objects.
    fn name(self) -> &'static str {
        match self {
            Self::Spaceone => "spaceone",
            Self::Network => "network",
            Self::Ncloud => "ncloud",
        }
    }

    fn resource(self) -> ApiResource {
        let (kind, plural) = match self {
            Self::Spaceone | Self::Ncloud => ("Policy", "policies"),
            Self::Network => ("NetworkPolicy", "networkpolicies"),
        };
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("cloudpolicy.dev", "v1alpha1", kind), plural)
    }

    fn edit(self) -> Value {
        json!({ "spec": match self {
            Self::Spaceone => json!({ "spaceone": { "permissions": ["inventory.Server.list"] } }),
            Self::Network => json!({ "spaceone": { "dns": ["10.0.0.2"] } }),
            Self::Ncloud => json!({ "ncloud": { "description": "second" } }),
        } })
    }
}

/// How often a crowd lives at most. A machine that stands still for a moment makes the operator reconcile an object once
/// more, or lets an event end too early. It does not do so to the same event each time.
const LIVES: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_and_writes_stay_within_limits() {
    let mut crowds = Crowds::set_up().await;
    let mut exceeded = String::new();
    for size in [1, 10, 300] {
        let mut least = [[(usize::MAX, usize::MAX); EVENTS.len()]; 3];
        let mut beyond = String::new();
        for _ in 0..LIVES {
            keep_least(&mut least, &crowds.live(size).await);
            beyond = describe_exceeded(size, &least);
            if beyond.is_empty() {
                break;
            }
            println!("counted again, because of\n{beyond}");
        }
        exceeded.push_str(&beyond);
        for (collection, costs) in Collection::ALL.into_iter().zip(least) {
            println!("    (Collection::{collection:?}, {size}, {costs:?}),");
        }
    }
    assert!(exceeded.is_empty(), "(requests, writes) are beyond the limits in {LIVES} lives:\n{exceeded}");
}

fn keep_least(least: &mut [[Cost; EVENTS.len()]; 3], counted: &[[Cost; EVENTS.len()]; 3]) {
    for (least, cost) in least.iter_mut().flatten().zip(counted.iter().flatten()) {
        *least = (least.0.min(cost.0), least.1.min(cost.1));
    }
}

/// Returns a line for each cost beyond its limit.
fn describe_exceeded(size: usize, costs: &[[Cost; EVENTS.len()]; 3]) -> String {
    let mut exceeded = String::new();
    for (collection, costs) in Collection::ALL.into_iter().zip(costs) {
        let (_, _, limits) = LIMITS.iter().find(|(of, crowd, _)| (*of, *crowd) == (collection, size)).unwrap();
        for ((event, cost), most) in EVENTS.iter().zip(costs).zip(limits) {
            if exceeds(*cost, *most) {
                writeln!(exceeded, "{event:?} of {size} {collection:?}: {cost:?}, at most {most:?}").unwrap();
            }
        }
    }
    exceeded
}
