//! The log of a test, kept in memory.

use cloud_policy::telemetry::{self, Format};
use serde_json::Value;
use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use tracing::Dispatch;
use tracing::dispatcher::{DefaultGuard, set_default};

/// The log of one thread. In tests with one thread, the operator runs on that thread, too.
#[derive(Clone, Default)]
pub struct TestLog(Arc<Mutex<Vec<u8>>>);

impl io::Write for TestLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps two further subscribers alive, so that `tracing` asks all subscribers about each callsite. With only one
/// subscriber in the process, it asks that of the current thread, and caches the refusal of a thread that has none for
/// ever.
fn have_all_subscribers_asked() {
    static OTHERS: OnceLock<[Dispatch; 2]> = OnceLock::new();
    let deaf = || telemetry::dispatch(Format::Json, "off", false, io::sink).unwrap();
    OTHERS.get_or_init(|| [deaf(), deaf()]);
}

impl TestLog {
    /// Starts to collect in JSON the log lines that pass this filter, which has the form of `--log-filter`.
    pub fn open(filter: &str) -> (Self, DefaultGuard) {
        have_all_subscribers_asked();
        let test_log = Self::default();
        let writer = test_log.clone();
        let dispatch = telemetry::dispatch(Format::Json, filter, false, move || writer.clone()).unwrap();
        (test_log, set_default(&dispatch))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    /// Returns the lines of this target.
    pub fn lines(&self, target: &str) -> Vec<Value> {
        let lines = self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
        lines.into_iter().filter(|line| line["target"] == target).collect()
    }
}
