//! Waiting for the world: always with a limit, and with a last word when it runs out.

use anyhow::Context;
use kube::Api;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

const POLL: Duration = Duration::from_millis(50);

/// How long at most: who has waited long asks more seldom, so as not to take the processor from those
/// that are waited for.
const SELDOM: Duration = Duration::from_secs(1);

/// Asks `probe` until it answers `Ok`, at most for `limit`.
///
/// An `Err` of the probe means "not yet", and its text says what was seen instead: the
/// error of this function ends with the last of them.
pub async fn wait_for<T, P, F>(what: &str, limit: Duration, mut probe: P) -> anyhow::Result<T>
where
    P: FnMut() -> F,
    F: Future<Output = anyhow::Result<T>>,
{
    let begun = Instant::now();
    let deadline = begun + limit;
    let mut last = None;
    loop {
        match timeout_at(deadline, probe()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(not_yet)) => last = Some(not_yet),
            Err(_) => {
                last = Some(last.unwrap_or_else(|| anyhow::anyhow!("it did not answer once")));
            }
        }
        let pause = (begun.elapsed() / 20).clamp(POLL, SELDOM);
        if Instant::now() + pause >= deadline {
            let last = last.map_or_else(String::new, |seen| format!("{seen:#}"));
            anyhow::bail!("waited {} s for {what}; last seen: {last}", limit.as_secs_f32());
        }
        sleep(pause).await;
    }
}

/// Reads one object until `check` is content with it, at most for `limit`.
///
/// The error shows the whole object as it was last seen, without `managedFields`.
pub async fn wait_until<K, T>(
    what: &str,
    limit: Duration,
    api: &Api<K>,
    name: &str,
    check: impl Fn(&K) -> anyhow::Result<T>,
) -> anyhow::Result<T>
where
    K: kube::Resource + Clone + DeserializeOwned + Serialize + Debug,
{
    wait_for(what, limit, || async {
        let object = api.get(name).await.with_context(|| format!("cannot read {name}"))?;
        check(&object).with_context(|| shown(object))
    })
    .await
}

fn shown<K: kube::Resource + Serialize>(mut object: K) -> String {
    object.meta_mut().managed_fields = None;
    serde_json::to_string_pretty(&object).unwrap_or_else(|error| format!("it cannot be shown: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test]
    async fn asks_again_until_the_answer_is_there() {
        let asked = Cell::new(0);
        let answer = wait_for("the third time", Duration::from_secs(1), || async {
            asked.set(asked.get() + 1);
            anyhow::ensure!(asked.get() == 3, "asked {} times", asked.get());
            Ok(asked.get())
        })
        .await;
        assert_eq!(answer.unwrap(), 3);
    }

    #[tokio::test]
    async fn says_what_it_saw_last_when_time_is_up() {
        let limit = Duration::from_secs(2);
        let error =
            wait_for::<(), _, _>("a miracle", limit, || async { anyhow::bail!("only rain") }).await.unwrap_err();
        assert_eq!(error.to_string(), "waited 2 s for a miracle; last seen: only rain");
    }

    #[tokio::test]
    async fn a_probe_that_hangs_does_not_hang_the_test() {
        let limit = Duration::from_secs(2);
        let error = wait_for::<(), _, _>("silence", limit, std::future::pending).await.unwrap_err();
        assert!(error.to_string().ends_with("it did not answer once"), "{error}");
    }
}
