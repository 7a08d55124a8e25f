//! Whether an account stores the tags that its responses to creates show.
//!
//! A response may echo what was sent. An account that shows tags which it does not store would leave a policy without its
//! owner tag, and only a comparison would find out: a policy whose record in status is lost until then could not be found
//! again. So a read proves the echo. The proof serves the creates of the next minute, so a crowd shares one read, and a
//! policy that is created alone has its own.

use std::future::Future;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long a proof serves other creates.
const TRUSTED_FOR: Duration = Duration::from_mins(1);

/// How long a create waits for the proof of another one.
const PATIENCE: Duration = Duration::from_secs(2);

/// When a read last proved an echo.
#[derive(Debug, Default)]
pub(super) struct Echoes(Mutex<Option<Instant>>);

impl Echoes {
    /// Returns what a policy has: what the response to its create showed if such responses are proven, or else what `read`
    /// finds. `proves` tells whether that proves the response.
    pub(super) async fn proven_or<T, E>(
        &self,
        echo: T,
        proves: impl FnOnce(&T, &T) -> bool,
        read: impl Future<Output = Result<Option<T>, E>>,
    ) -> Result<Option<T>, E> {
        // A read that hangs must not hold up the others.
        let Ok(mut last) = timeout(PATIENCE, self.0.lock()).await else { return read.await };
        if last.is_some_and(|at| at.elapsed() < TRUSTED_FOR) {
            return Ok(Some(echo));
        }
        let found = read.await?;
        let is_proof = found.as_ref().is_some_and(|found| proves(&echo, found));
        *last = is_proof.then(Instant::now);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::future::ready;

    /// Asks for the tag of a policy whose create echoed `sent`, and which stores `stored`.
    async fn ask(echoes: &Echoes, stored: &'static str) -> &'static str {
        let read = ready(Ok::<_, Infallible>(Some(stored)));
        echoes.proven_or("sent", |echo, found| echo == found, read).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn echo_is_believed_only_after_a_proof() {
        let echoes = Echoes::default();
        assert_eq!(ask(&echoes, "dropped").await, "dropped");
        assert_eq!(ask(&echoes, "dropped").await, "dropped", "an echo that is disproved proves nothing");
        assert_eq!(ask(&echoes, "sent").await, "sent");
        assert_eq!(ask(&echoes, "not read").await, "sent");
    }
}
