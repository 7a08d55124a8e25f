//! Property tests: assertions about generated values.
//!
//! The values are the same in each run, so that a failure can be reproduced. Two environment variables
//! change that: with `CLOUD_POLICY_FUZZ_SECONDS` a test continues with further seeds until that time
//! has passed, and `CLOUD_POLICY_FUZZ_SEED` sets the first seed to that of a failure.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use std::fmt::Debug;
use std::time::{Duration, Instant};

/// The number of attempts to shrink a failing value. They take seconds.
const SHRINKING: u32 = 300;
/// The length of a failing value in the message.
const LONGEST: usize = 6000;

/// Asserts that `property` holds for this many generated values. It holds if it does not panic.
///
/// # Panics
/// Panics with the smallest value found for which the property fails, and its seed.
#[allow(clippy::panic, reason = "an assertion")]
pub fn holds_for<S: Strategy>(cases: u32, values: S, property: impl Fn(S::Value)) {
    let (begun, longer) = (Instant::now(), Duration::from_secs(variable("CLOUD_POLICY_FUZZ_SECONDS", 0)));
    for seed in variable("CLOUD_POLICY_FUZZ_SEED", 1).. {
        let outcome = runner(cases, seed).run(&values, |value| {
            property(value);
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("reproduce with CLOUD_POLICY_FUZZ_SEED={seed}: {}", describe(failure));
        }
        if begun.elapsed() >= longer {
            return;
        }
    }
}

/// Returns generated values that are the same in each run, for tests in which one value takes seconds.
///
/// # Panics
/// Panics when the strategy generates no value.
#[allow(clippy::expect_used, reason = "a strategy that generates no value is a mistake in the test")]
pub fn pick<S: Strategy>(count: usize, seed: u64, values: S) -> Vec<S::Value> {
    let mut runner = runner(1, seed);
    (0..count).map(|_| values.new_tree(&mut runner).expect("the strategy generates values").current()).collect()
}

/// Returns the reason and the value, limited to a length that a terminal can show.
fn describe<V: Debug>(failure: TestError<V>) -> String {
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
