//! Mutations: with any one safeguard switched off, a plan that otherwise passes fails, and an oracle gives the
//! reason that the safeguard exists for.

use super::scenario::Scenario;
use super::sweep::Sweep;
use super::targets::Target;
use super::user::LIMIT;
use super::weather::Weather;
use cloud_policy::controller::settings::Safeguards;
use std::time::Duration;

/// How long a plan may take with a safeguard switched off: it may never end.
const MUTATION_LIMIT: Duration = Duration::from_secs(10);

/// How often the plans run until an oracle reports the failure.
const ATTEMPTS: usize = 3;

/// One safeguard that is switched off, and the failure that an oracle must report.
struct Mutation {
    scenario: (Target, Scenario),
    weather: Weather,
    /// A part of the titles of the plans.
    plans: &'static str,
    without: Safeguards,
    /// A part of what an oracle must report for one of the plans.
    reports: &'static str,
}

/// Asserts that the plans pass, and that one fails without the safeguard.
async fn detects(mutation: Mutation) {
    let sweep = Sweep::prepare(|target, weather, scenario| {
        weather == mutation.weather && (target, scenario) == mutation.scenario
    })
    .await;
    let mut plans = sweep.plans();
    plans.retain(|plan| plan.title(sweep.reference(plan)).contains(mutation.plans));
    assert!(!plans.is_empty(), "no such plan: {}", mutation.plans);
    for (plan, ended) in sweep.run_all(plans.clone(), Safeguards::default(), LIMIT, |_| {}).await {
        if let Err(failure) = ended {
            panic!("{} fails with every safeguard on: {}\n{}", plan.number(), failure.why, failure.trace);
        }
    }
    let mut reported = Vec::new();
    // Whether a fault meets a lag depends on the moment, so each plan has some attempts.
    for _ in 0..ATTEMPTS {
        for (plan, ended) in sweep.run_all(plans.clone(), mutation.without, MUTATION_LIMIT, |_| {}).await {
            let result = ended.map_or_else(|f| format!("{}\n{}", f.why, f.trace), |r| format!("passes\n{}", r.trace));
            reported.push(format!("{}: {result}", plan.number()));
        }
        if reported.iter().any(|result| result.contains(mutation.reports)) {
            return;
        }
    }
    panic!("without {:?} the sweep does not report {}:\n{}", mutation.without, mutation.reports, reported.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_detects_leaked_create_without_intent() {
    detects(Mutation {
        scenario: (Target::Network, Scenario::Abandon),
        weather: Weather::Clear,
        plans: "upstream lands late",
        without: Safeguards { intent: false, ..Safeguards::default() },
        reports: "left upstream",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_detects_duplicate_create_without_tag_lookup() {
    detects(Mutation {
        scenario: (Target::Network, Scenario::Create),
        weather: Weather::Clear,
        plans: "upstream cut after",
        without: Safeguards { owner_lookup: false, ..Safeguards::default() },
        reports: "2 objects upstream",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_detects_lost_finalizer_without_uid_test() {
    detects(Mutation {
        scenario: (Target::Network, Scenario::ReplaceAndDelete),
        weather: Weather::Clear,
        plans: "crash, then a stale list at `kube PATCH networkpolicies",
        // The waits for what reads do not show yet outlast a stale list.
        without: Safeguards {
            uid_test: false,
            lagging_reads: false,
            search_unrecorded: false,
            ..Safeguards::default()
        },
        reports: "finalizer removed while the object is still upstream",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_detects_write_of_former_leader_without_fence() {
    detects(Mutation {
        scenario: (Target::Network, Scenario::Create),
        weather: Weather::Clear,
        plans: "lost leadership at `kube PATCH networkpolicies/status` no. 1",
        without: Safeguards { fence: false, ..Safeguards::default() },
        reports: "a process that lost its leadership did `spaceone Create NetworkPolicy`",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_detects_missed_drift_without_fresh_lists() {
    detects(Mutation {
        scenario: (Target::Spaceone, Scenario::Drift),
        weather: Weather::Clear,
        plans: "missed events, 410",
        // The look for leftovers lists before the object exists, and that list would decide nothing.
        without: Safeguards { fresh_snapshots: false, leftover_lookup: false, ..Safeguards::default() },
        reports: "the upstream holds",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_detects_misreported_adoption_without_intent() {
    detects(Mutation {
        scenario: (Target::Ncloud, Scenario::Adopt),
        weather: Weather::Clear,
        plans: "upstream cut after",
        without: Safeguards { intent: false, ..Safeguards::default() },
        reports: "status says adopted: false",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_detects_lost_record_without_search() {
    detects(Mutation {
        scenario: (Target::Spaceone, Scenario::Create),
        weather: Weather::Clear,
        plans: "status wiped while no process runs, then deleted at `kube PATCH policies/status` no. 2",
        without: Safeguards { search_unrecorded: false, ..Safeguards::default() },
        reports: "left upstream",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_detects_lost_finalizer_of_suspended_object() {
    detects(Mutation {
        scenario: (Target::Ncloud, Scenario::Suspend),
        weather: Weather::Clear,
        plans: "finalizer taken off at `kube PATCH policies/status` no. 1",
        without: Safeguards { lost_finalizer: false, ..Safeguards::default() },
        reports: "the object has no finalizer",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_detects_forgotten_adoption_without_record() {
    detects(Mutation {
        scenario: (Target::Spaceone, Scenario::Adopt),
        weather: Weather::Clear,
        plans: "status wiped at `kube PATCH policies/status` no. 3",
        without: Safeguards { lost_record: false, ..Safeguards::default() },
        reports: "status says adopted: false",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_detects_second_account_without_location() {
    detects(Mutation {
        scenario: (Target::Ncloud, Scenario::Update(1)),
        weather: Weather::Clear,
        plans: "connection re-pointed",
        without: Safeguards { location: false, ..Safeguards::default() },
        reports: "a second copy",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_detects_second_copy_without_leftover_lookup() {
    detects(Mutation {
        scenario: (Target::Network, Scenario::Create),
        weather: Weather::Clear,
        plans: "restored with a new uid",
        without: Safeguards { leftover_lookup: false, ..Safeguards::default() },
        reports: "2 objects upstream",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_detects_owner_tag_left_without_release() {
    detects(Mutation {
        scenario: (Target::Spaceone, Scenario::Orphan),
        weather: Weather::Clear,
        plans: "crash before",
        without: Safeguards { release_tag: false, ..Safeguards::default() },
        reports: "the owner tag is left",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweep_detects_second_copy_in_lag_without_search() {
    detects(Mutation {
        scenario: (Target::Network, Scenario::Create),
        weather: Weather::Lagging,
        plans: "status wiped while no process runs at",
        without: Safeguards { search_unrecorded: false, ..Safeguards::default() },
        reports: "a second copy",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_detects_second_copy_without_tag_lookup() {
    detects(Mutation {
        scenario: (Target::Network, Scenario::CreateCrowd),
        weather: Weather::Clear,
        plans: "upstream cut after",
        without: Safeguards { owner_lookup: false, ..Safeguards::default() },
        reports: "objects upstream",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crowd_detects_second_copy_in_lag_without_search() {
    detects(Mutation {
        scenario: (Target::Network, Scenario::CreateCrowd),
        weather: Weather::Lagging,
        plans: "crash after, answer lost at `spaceone Create",
        without: Safeguards { intent: false, search_unrecorded: false, ..Safeguards::default() },
        reports: "a second copy",
    })
    .await;
}
