//! What is logged in a test, kept for reading.

use cloud_policy::telemetry::{self, Format};
use serde_json::Value;
use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use tracing::Dispatch;
use tracing::dispatcher::{DefaultGuard, set_default};

/// Whatever is logged on one thread, which is that of the operator, too, in tests with one thread.
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

/// While there is one subscriber in the process, `tracing` asks that of the current thread whether a
/// place in the code is worth a line, and remembers a no of a thread without one for ever. Two that
/// live on have it ask all of them.
fn have_all_subscribers_asked() {
    static OTHERS: OnceLock<[Dispatch; 2]> = OnceLock::new();
    let deaf = || telemetry::dispatch(Format::Json, "off", false, io::sink).unwrap();
    OTHERS.get_or_init(|| [deaf(), deaf()]);
}

impl TestLog {
    /// Logs what this filter lets through, as `--log-filter` does, in JSON.
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

    /// The lines of this target.
    pub fn lines(&self, target: &str) -> Vec<Value> {
        let lines = self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
        lines.into_iter().filter(|line| line["target"] == target).collect()
    }
}
