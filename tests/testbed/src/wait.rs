//! Waits with a time limit. The error at the limit has the last state.

use anyhow::Context;
use kube::Api;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

const POLL: Duration = Duration::from_millis(50);

/// The longest pause between two probes. The pause grows with the time, so that probes take less
/// processor time from the processes that they wait for.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Repeats `probe` until it returns `Ok`, at most for `limit`.
///
/// An `Err` of the probe means "not yet" and describes the state that it found. The error of this
/// function ends with the last of these.
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
                last = Some(last.unwrap_or_else(|| anyhow::anyhow!("no answer")));
            }
        }
        let pause = (begun.elapsed() / 20).clamp(POLL, MAX_PAUSE);
        if Instant::now() + pause >= deadline {
            let last = last.map_or_else(String::new, |seen| format!("{seen:#}"));
            anyhow::bail!("waited {} s for {what}; last seen: {last}", limit.as_secs_f32());
        }
        sleep(pause).await;
    }
}

/// Reads an object until `check` returns `Ok`, at most for `limit`.
///
/// The error contains the last state of the whole object, without `managedFields`.
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
        check(&object).with_context(|| to_json(object))
    })
    .await
}

fn to_json<K: kube::Resource + Serialize>(mut object: K) -> String {
    object.meta_mut().managed_fields = None;
    serde_json::to_string_pretty(&object).unwrap_or_else(|error| format!("it cannot be shown: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test]
    async fn wait_for_repeats_probe_until_it_succeeds() {
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
    async fn wait_for_reports_last_error_at_timeout() {
        let limit = Duration::from_secs(2);
        let error =
            wait_for::<(), _, _>("the pod", limit, || async { anyhow::bail!("it is pending") }).await.unwrap_err();
        assert_eq!(error.to_string(), "waited 2 s for the pod; last seen: it is pending");
    }

    #[tokio::test]
    async fn wait_for_times_out_when_probe_hangs() {
        let limit = Duration::from_secs(2);
        let error = wait_for::<(), _, _>("silence", limit, std::future::pending).await.unwrap_err();
        assert!(error.to_string().ends_with("no answer"), "{error}");
    }
}
