//! Generated histories: the upstream never grants what no approver has approved. The oracle compares sets of permissions,
//! and knows neither hashes nor the algebra.

use super::{approval, hash_of, permit, required};
use crate::support::test_env::{TestEnv, common, condition, spaceone_policy};
use cloud_policy::api::Policy;
use cloud_policy::controller::settings::Safeguards;
use std::collections::BTreeSet;

const POLICIES: usize = 10;
const ROUNDS: usize = 30;
const PERMISSIONS: [&str; 4] = ["a.B.get", "a.B.list", "a.C.get", "a.C.list"];

/// Choices, the same ones in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn permissions(&mut self) -> Vec<&'static str> {
        let chosen = 1 + self.below(15);
        PERMISSIONS.iter().enumerate().filter(|(n, _)| chosen & (1 << n) != 0).map(|(_, it)| *it).collect()
    }
}

/// Plays the rounds, and returns how many changes were written, how many waited, and what was granted without approval.
async fn play(prefix: &str, safeguards: Safeguards, rounds: usize) -> (usize, usize, Vec<String>) {
    let env = TestEnv::with(prefix, |settings| settings.safeguards = safeguards).await;
    required(&env, "spaceone").await;
    let (mut dice, mut written, mut waited, mut wrong) = (Dice(5), 0, 0, Vec::new());
    let mut approved = vec![BTreeSet::new(); POLICIES];
    for n in 0..POLICIES {
        env.apply(spaceone_policy(&format!("policy-{n}"))).await;
    }
    for round in 0..rounds {
        let mut specs = Vec::new();
        for n in 0..POLICIES {
            let permissions = dice.permissions();
            permit(&env, &format!("policy-{n}"), &permissions).await;
            specs.push(permissions.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<String>>());
        }
        for n in 0..POLICIES {
            let name = format!("policy-{n}");
            let settled = |object: &Policy| {
                let common = common(object);
                let reason = condition(&common, "Ready").map(|it| it.reason.clone()).unwrap_or_default();
                let current = object.metadata.generation == Some(common.observed_generation);
                anyhow::ensure!(current && ["UpToDate", "ApprovalRequired"].contains(&reason.as_str()), "{reason}");
                Ok(())
            };
            let object: Policy = env.until(&name, "settled", settled).await;
            if condition(&common(&object), "Ready").unwrap().reason == "ApprovalRequired" {
                waited += 1;
                if dice.below(2) == 0 {
                    approved[n].clone_from(&specs[n]);
                    env.apply(approval(&format!("{name}-{round}"), &name, &hash_of(&object))).await;
                    env.ready::<Policy>(&name).await;
                }
            } else {
                written += 1;
            }
            // Whatever is in force was approved, or is a part of it.
            let granted = env.spaceone.policies().into_iter().find(|policy| policy.policy_id == name);
            let granted: BTreeSet<String> = granted.map(|it| it.permissions.into_iter().collect()).unwrap_or_default();
            if !granted.is_subset(&approved[n]) {
                wrong.push(format!("round {round}: {name} grants {granted:?}, approved {:?}", approved[n]));
            }
            approved[n] = granted;
        }
    }
    (written, waited, wrong)
}

#[tokio::test]
async fn no_generated_history_widens_without_an_approval() {
    let (written, waited, wrong) = play("approve-generated", Safeguards::default(), ROUNDS).await;
    println!("{written} written, {waited} waited");
    assert_eq!(wrong, Vec::<String>::new());
    assert!(written >= 20 && waited >= 100, "{written} written, {waited} waited");
}

#[tokio::test]
async fn oracle_tells_widenings_without_the_safeguard() {
    let without = Safeguards { approval: false, ..Safeguards::default() };
    let (_, _, wrong) = play("approve-without", without, 1).await;
    assert_eq!(wrong.len(), POLICIES, "every create is a widening: {wrong:?}");
}
