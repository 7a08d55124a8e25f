//! A token bucket whose rate adapts to the upstream.
//!
//! A 429 halves the rate, and each success raises it by the same small step, so that the rate stays
//! just below the limit of the upstream if that is lower than the configured rate. The bucket reads
//! no clock: the caller passes the time.

use crate::api::connection::RateLimit;
use std::time::{Duration, Instant};

/// The rate never falls below the configured rate divided by this.
const MAX_SLOWDOWN: f64 = 10.0;

/// The rate never falls below one request in four seconds: a write waits at most five seconds, so at
/// a lower rate nothing could be written.
const MIN_RATE: f64 = 0.25;

/// This many successes raise the rate by the configured rate.
const SUCCESSES: f64 = 400.0;

/// The token bucket of one account.
pub(super) struct TokenBucket {
    /// Requests per second, as configured.
    full: f64,
    /// Requests per second, now.
    rate: f64,
    /// Tokens at most, at the full rate.
    burst: f64,
    tokens: f64,
    at: Instant,
    closed_until: Instant,
    /// The time when the rate was last halved.
    slowed: Option<Instant>,
}

impl TokenBucket {
    pub(super) fn full(limit: RateLimit, now: Instant) -> Self {
        let (full, burst) = (f64::from(limit.requests_per_second.max(1)), f64::from(limit.burst.max(1)));
        Self { full, rate: full, burst, tokens: burst, at: now, closed_until: now, slowed: None }
    }

    /// Takes a token, or returns the time until there is one.
    pub(super) fn take(&mut self, now: Instant) -> Option<Duration> {
        let wait = self.wait(0, now);
        if wait.is_zero() {
            self.tokens -= 1.0;
            return None;
        }
        Some(wait)
    }

    /// Returns the time until there is a token for a request with this many others before it.
    pub(super) fn wait(&mut self, others: usize, now: Instant) -> Duration {
        self.earn(now);
        let wanted = f64::from(u32::try_from(others).unwrap_or(u32::MAX)) + 1.0;
        let missing = (wanted - self.tokens).max(0.0);
        let earned = Duration::try_from_secs_f64(missing / self.rate).unwrap_or(Duration::MAX);
        let earned = if missing > 0.0 { earned.max(Duration::from_millis(1)) } else { Duration::ZERO };
        earned.max(self.closed_until.saturating_duration_since(now))
    }

    /// Gives no token before this time, because the upstream asked for it.
    pub(super) fn close(&mut self, until: Instant) {
        self.closed_until = self.closed_until.max(until);
    }

    /// Halves the rate, because a request that was sent at this time got a 429. Requests that were
    /// sent before the last halving say nothing about the new rate.
    pub(super) fn slow_down(&mut self, sent: Instant, now: Instant) {
        if self.is_after_slowdown(sent) {
            self.earn(now);
            self.rate = (self.rate / 2.0).max(self.full / MAX_SLOWDOWN).max(MIN_RATE);
            self.tokens = 0.0;
            self.slowed = Some(now);
        }
    }

    /// Raises the rate, because a request that was sent at this time succeeded.
    pub(super) fn speed_up(&mut self, sent: Instant, now: Instant) {
        if self.rate < self.full && self.is_after_slowdown(sent) {
            self.earn(now);
            self.rate = (self.rate + self.full / SUCCESSES).min(self.full);
        }
    }

    /// Returns rate, configured rate and tokens. There are no tokens while it is closed.
    pub(super) fn stats(&mut self, now: Instant) -> (f64, f64, f64) {
        self.earn(now);
        let open = now >= self.closed_until;
        (self.rate, self.full, if open { self.tokens.max(0.0) } else { 0.0 })
    }

    fn is_after_slowdown(&self, sent: Instant) -> bool {
        self.slowed.is_none_or(|slowed| sent >= slowed)
    }

    fn earn(&mut self, now: Instant) {
        let earned = now.saturating_duration_since(self.at).as_secs_f64() * self.rate;
        // An upstream that asked for a lower rate would reject the full burst, too.
        let most = (self.burst * self.rate / self.full).max(1.0);
        self.tokens = (self.tokens + earned).min(most);
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn bucket(requests_per_second: i32, burst: i32) -> (TokenBucket, Instant) {
        let now = Instant::now();
        (TokenBucket::full(RateLimit { requests_per_second, burst }, now), now)
    }

    /// Returns how long `requests` take that are sent one after the other, each as early as possible.
    fn time_for(bucket: &mut TokenBucket, begun: Instant, requests: usize) -> Duration {
        let mut now = begun;
        for _ in 0..requests {
            while let Some(wait) = bucket.take(now) {
                now += wait;
            }
        }
        now - begun
    }

    /// Returns the same in seconds, to a tenth.
    fn seconds_for(bucket: &mut TokenBucket, begun: Instant, requests: usize) -> String {
        format!("{:.1}", time_for(bucket, begun, requests).as_secs_f64())
    }

    #[test]
    fn bucket_passes_burst_at_once_and_the_rest_at_rate() {
        let (mut bucket, now) = bucket(5, 10);
        assert_eq!(time_for(&mut bucket, now, 10), Duration::ZERO);
        let rest = time_for(&mut bucket, now, 50);
        assert!((9_900..=10_100).contains(&rest.as_millis()), "{rest:?}");
    }

    #[test]
    fn idle_bucket_saves_no_more_than_its_burst() {
        let (mut bucket, now) = bucket(5, 10);
        let later = time_for(&mut bucket, now + MINUTE, 20);
        assert!((1_900..=2_100).contains(&later.as_millis()), "{later:?}");
    }

    #[test]
    fn closed_bucket_gives_nothing_until_it_opens() {
        let (mut bucket, now) = bucket(5, 10);
        bucket.close(now + MINUTE);
        bucket.close(now + MINUTE / 2);
        assert_eq!(bucket.take(now), Some(MINUTE));
        assert_eq!(bucket.take(now + MINUTE), None);
    }

    #[test]
    fn stats_show_rate_and_available_tokens() {
        let (mut bucket, now) = bucket(8, 10);
        assert_eq!(bucket.stats(now), (8.0, 8.0, 10.0));
        bucket.take(now);
        bucket.take(now);
        assert_eq!(bucket.stats(now), (8.0, 8.0, 8.0));
        bucket.close(now + MINUTE);
        assert_eq!(bucket.stats(now), (8.0, 8.0, 0.0), "closed");
        bucket.slow_down(now, now);
        assert_eq!(bucket.stats(now + MINUTE), (4.0, 8.0, 5.0), "slowed, with half the burst");
    }

    #[test]
    fn wait_includes_the_requests_before() {
        let (mut bucket, now) = bucket(2, 1);
        assert_eq!(bucket.wait(0, now), Duration::ZERO);
        assert_eq!(bucket.wait(4, now), Duration::from_secs(2));
    }

    #[test]
    fn each_429_halves_the_rate_down_to_a_tenth() {
        let (mut bucket, mut now) = bucket(20, 10);
        let mut seconds = Vec::new();
        for _ in 0..5 {
            now += MINUTE;
            bucket.slow_down(now, now);
            seconds.push(seconds_for(&mut bucket, now, 20));
            now += MINUTE;
        }
        assert_eq!(seconds, ["2.0", "4.0", "8.0", "10.0", "10.0"], "twenty requests at 10, 5, 2.5, 2 and 2 a second");
    }

    #[test]
    fn lowest_rate_still_allows_writes() {
        let (mut bucket, now) = bucket(1, 1);
        for _ in 0..10 {
            bucket.slow_down(now, now);
        }
        assert_eq!(bucket.wait(0, now), Duration::from_secs(4));
    }

    #[test]
    fn concurrent_429s_halve_the_rate_once() {
        let (mut bucket, now) = bucket(8, 10);
        let second = Duration::from_secs(1);
        for answered in 1..=5 {
            bucket.slow_down(now, now + second * answered);
        }
        bucket.tokens = 0.0;
        assert_eq!(seconds_for(&mut bucket, now + second, 20), "5.0", "at 4 a second");
    }

    #[test]
    fn successes_restore_the_rate_step_by_step() {
        let (mut bucket, mut now) = bucket(10, 10);
        bucket.slow_down(now, now);
        for _ in 0..100 {
            now += Duration::from_secs(1);
            bucket.speed_up(now, now);
        }
        now += MINUTE;
        bucket.tokens = 0.0;
        bucket.at = now;
        assert_eq!(seconds_for(&mut bucket, now, 15), "2.0", "at 7.5 a second");
        for _ in 0..1000 {
            bucket.speed_up(now, now);
        }
        assert!((bucket.rate - 10.0).abs() < 1e-9, "{}", bucket.rate);
    }

    #[test]
    fn rate_settles_near_a_lower_limit_of_the_upstream() {
        let (mut bucket, begun) = bucket(50, 50);
        let (mut now, mut served, mut refused, mut second) = (begun, 0, 0, (begun, 0));
        while now - begun < 5 * MINUTE {
            while let Some(wait) = bucket.take(now) {
                now += wait;
            }
            if now - second.0 >= Duration::from_secs(1) {
                second = (now, 0);
            }
            second.1 += 1;
            if second.1 > 10 {
                bucket.slow_down(now, now);
                refused += 1;
            } else {
                bucket.speed_up(now, now);
                served += 1;
            }
        }
        assert!((2_000..=3_000).contains(&served), "{served} of 3000 requests in five minutes at 10 a second");
        assert!(refused * 10 < served, "{refused} refused, {served} served");
    }
}
