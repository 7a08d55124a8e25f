//! The sweeps have mutations: without any one of the protections, a plan that passes with it fails, and
//! for the reason for which the protection is there.

use super::scenario::Scenario;
use super::sweep::Sweep;
use super::targets::Target;
use super::user::LIMIT;
use cloud_policy::controller::settings::Safeguards;
use std::time::Duration;

/// How long a plan without a protection may take: its end may never come.
const MUTATION_LIMIT: Duration = Duration::from_secs(10);

/// What is shown.
struct Mutation {
    scenario: (Target, Scenario),
    /// Part of the titles of the plans.
    plans: &'static str,
    without: Safeguards,
    /// What an oracle must say of one of them.
    says: &'static str,
}

/// The plans pass, and without the protection one fails.
async fn detects(bite: Mutation) {
    let sweep = Sweep::prepare(|target, scenario| (target, scenario) == bite.scenario).await;
    let mut plans = sweep.plans();
    plans.retain(|plan| plan.title(sweep.reference(plan)).contains(bite.plans));
    assert!(!plans.is_empty(), "no such plan: {}", bite.plans);
    for (plan, ended) in sweep.run_all(plans.clone(), Safeguards::default(), LIMIT, |_| {}).await {
        if let Err(failure) = ended {
            panic!("{} fails with every protection on: {}\n{}", plan.number(), failure.why, failure.trace);
        }
    }
    let mut heard = Vec::new();
    for (plan, ended) in sweep.run_all(plans, bite.without, MUTATION_LIMIT, |_| {}).await {
        let said = ended.map_or_else(|f| format!("{}\n{}", f.why, f.trace), |r| format!("passes\n{}", r.trace));
        heard.push(format!("{}: {said}", plan.number()));
    }
    let bitten = heard.iter().any(|said| said.contains(bite.says));
    assert!(bitten, "without {:?} the sweep does not say {}:\n{}", bite.without, bite.says, heard.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_intent_a_create_that_lands_after_the_deletion_leaks() {
    detects(Mutation {
        scenario: (Target::Network, Scenario::Abandon),
        plans: "upstream lands late",
        without: Safeguards { intent: false, ..Safeguards::default() },
        says: "left upstream",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_look_up_a_create_whose_answer_is_lost_is_made_twice() {
    detects(Mutation {
        scenario: (Target::Network, Scenario::Create),
        plans: "upstream cut after",
        without: Safeguards { stamp_lookup: false, ..Safeguards::default() },
        says: "2 objects upstream",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_test_on_the_uid_a_successor_is_let_go_and_its_upstream_object_leaks() {
    detects(Mutation {
        scenario: (Target::Network, Scenario::ReplaceAndDelete),
        plans: "crash, then a stale list at `kube PATCH networkpolicies/status` no. 3",
        without: Safeguards { uid_test: false, ..Safeguards::default() },
        says: "let go of an object that is still upstream",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_fence_a_process_that_leads_no_more_writes() {
    detects(Mutation {
        scenario: (Target::Network, Scenario::Create),
        plans: "lost leadership at `kube PATCH networkpolicies/status` no. 1",
        without: Safeguards { fence: false, ..Safeguards::default() },
        says: "a process that lost its leadership did `spaceone Create NetworkPolicy`",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_fresh_lists_a_change_behind_the_operators_back_is_never_seen() {
    detects(Mutation {
        scenario: (Target::Spaceone, Scenario::Drift),
        plans: "missed events, 410",
        without: Safeguards { fresh_snapshots: false, ..Safeguards::default() },
        says: "the upstream holds",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_intent_an_adoption_whose_answer_is_lost_is_told_as_a_lost_create() {
    detects(Mutation {
        scenario: (Target::Ncloud, Scenario::Adopt),
        plans: "upstream cut after",
        without: Safeguards { intent: false, ..Safeguards::default() },
        says: "status says adopted: false",
    })
    .await;
}
