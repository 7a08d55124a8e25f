//! Running programs: their log, their end, and the line that says that they are ready.

use anyhow::bail;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(20);
/// The length of the log's end that an error contains.
const TAIL_BYTES: u64 = 6000;

/// A running program. It ends when this value is dropped or this process ends.
#[derive(Debug)]
pub struct Child {
    pub(crate) name: String,
    pub(crate) process: std::process::Child,
    pub(crate) stdin: Option<ChildStdin>,
    /// The open log file, which stays readable after its directory is removed.
    pub(crate) log: File,
    pub(crate) log_path: PathBuf,
    pub(crate) stop_limit: Duration,
}

impl Child {
    /// Returns the path of the program's log.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log_path
    }

    /// Returns the program's output so far.
    pub fn log(&self) -> anyhow::Result<String> {
        self.log_from(0)
    }

    /// Returns the end of the program's output.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let length = self.log.metadata().map_or(0, |log| log.len());
        self.log_from(length.saturating_sub(TAIL_BYTES)).unwrap_or_else(|error| format!("{error:#}"))
    }

    fn log_from(&self, start: u64) -> anyhow::Result<String> {
        // The read is by position, because other threads share the handle and the file may be removed.
        let length = self.log.metadata()?.len();
        let mut bytes = vec![0; usize::try_from(length.saturating_sub(start))?];
        self.log.read_exact_at(&mut bytes, start)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns the exit status, or `None` while the program runs.
    pub fn exited(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.process.try_wait()?)
    }

    /// Waits until the program ends by itself.
    pub fn wait(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Some(status) = self.exited()? {
                return Ok(status);
            }
            std::thread::sleep(POLL);
        }
        bail!("{} is still running after {} s:\n{}", self.name, limit.as_secs(), self.log_tail())
    }

    /// Sends the program a signal: `TERM`, `INT`, `HUP`, `USR1` or `USR2`.
    pub fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.process.id().to_string()).status()?;
        anyhow::ensure!(sent.success(), "cannot send {signal} to {}: it has ended", self.name);
        Ok(())
    }

    /// Kills the program as a crash would, without a chance to clean up. Its directory stays. Works only
    /// on Linux.
    pub fn crash(mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Asks the program to end, and waits.
    pub fn stop(mut self) -> anyhow::Result<ExitStatus> {
        self.stdin = None;
        self.wait(self.stop_limit)
    }

    /// Waits for the line `READY ...` and returns the words after `READY`.
    pub(crate) fn await_ready(&self, lines: &Receiver<String>, limit: Duration) -> anyhow::Result<Vec<String>> {
        let deadline = Instant::now() + limit;
        loop {
            let problem = match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => match line.strip_prefix("READY") {
                    Some(rest) => return Ok(rest.split_whitespace().map(str::to_owned).collect()),
                    None => continue,
                },
                Err(RecvTimeoutError::Timeout) => {
                    format!("is not ready after {} s", limit.as_secs())
                }
                Err(RecvTimeoutError::Disconnected) => "ended before it was ready".to_owned(),
            };
            bail!("{} {problem}; the end of {}:\n{}", self.name, self.log_path.display(), self.log_tail());
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stdin = None;
        if self.wait(self.stop_limit).is_err() {
            // The program is killed. `drop` cannot report an error.
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

#[cfg(test)]
mod tests;
