//! Decides when to look for the effect of a write whose response was lost.

use std::time::Duration;

/// How soon after the grace it looks for the last time: clocks may differ a little.
const AFTER_GRACE: Duration = Duration::from_millis(500);

/// The shortest `first` that doubles to something.
const SHORTEST: Duration = Duration::from_millis(1);

/// Returns when to look again for the effect of a write: `first` after it was sent, then each time twice as late, and
/// once more when its grace has passed.
pub fn next(first: Duration, passed: Duration, left: Duration) -> Duration {
    let mut at = first.max(SHORTEST);
    while at <= passed {
        at = at.saturating_mul(2);
    }
    let wait = at.saturating_sub(passed);
    if wait < left { wait } else { left + AFTER_GRACE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_grow_apart_until_the_grace_ends() {
        let grace = Duration::from_secs(30);
        let (mut now, mut looks) = (Duration::from_millis(20), Vec::new());
        while now < grace {
            now += next(Duration::from_secs(1), now, grace.saturating_sub(now));
            looks.push(now.as_millis());
        }
        assert_eq!(looks, [1_000, 2_000, 4_000, 8_000, 16_000, 30_500]);
    }
}
