//! Properties: what holds for every generated value.
//!
//! A property sees the same values in every run, so that a red build can be repeated. Two variables
//! of the environment change that: `CLOUD_POLICY_FUZZ_SECONDS` goes on with further seeds until so
//! much time has passed, and `CLOUD_POLICY_FUZZ_SEED` begins with the seed that a failure named.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How often a failing value is made smaller: enough to read it, and over in seconds.
const SHRINKING: u32 = 300;
/// How much of a failing value is shown.
const LONGEST: usize = 6000;

/// Asserts that `property` holds, which is to say does not panic, for so many generated values.
///
/// # Panics
/// With the smallest value found for which it does not hold, and its seed.
#[allow(clippy::panic, reason = "an assertion")]
pub fn holds_for<S: Strategy>(cases: u32, values: S, property: impl Fn(S::Value)) {
    let (begun, longer) = (Instant::now(), Duration::from_secs(variable("CLOUD_POLICY_FUZZ_SECONDS", 0)));
    for seed in variable("CLOUD_POLICY_FUZZ_SEED", 1).. {
        let outcome = runner(cases, seed).run(&values, |value| {
            property(value);
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("CLOUD_POLICY_FUZZ_SEED={seed} shows it: {}", shown(failure));
        }
        if begun.elapsed() >= longer {
            return;
        }
    }
}

/// Generated values, the same in every run: for tests in which one value costs seconds.
///
/// # Panics
/// When the strategy makes nothing.
#[allow(clippy::expect_used, reason = "a strategy that makes nothing is a mistake in the test")]
pub fn pick<S: Strategy>(count: usize, seed: u64, values: S) -> Vec<S::Value> {
    let mut runner = runner(1, seed);
    (0..count).map(|_| values.new_tree(&mut runner).expect("the strategy makes values").current()).collect()
}

/// Why and for which value, on one line that a terminal survives.
fn shown<V: Debug>(failure: TestError<V>) -> String {
    match failure {
        TestError::Abort(why) => format!("{why}"),
        TestError::Fail(why, value) => format!("{why} for {value:?}").chars().take(LONGEST).collect(),
    }
}

fn runner(cases: u32, seed: u64) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: SHRINKING, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
