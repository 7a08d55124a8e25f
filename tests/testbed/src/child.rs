//! Running programs: their log, their end, and the line with which they say that they are ready.

use anyhow::bail;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(20);
/// How much of the log an error shows.
const TAIL_BYTES: u64 = 6000;

/// A running program. It is ended when this value is dropped or this process ends.
#[derive(Debug)]
pub struct Child {
    pub(crate) name: String,
    pub(crate) process: std::process::Child,
    pub(crate) stdin: Option<ChildStdin>,
    /// Open, so that it can be read after its directory is gone.
    pub(crate) log: File,
    pub(crate) log_path: PathBuf,
    pub(crate) stop_limit: Duration,
}

impl Child {
    /// Where the program logs.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log_path
    }

    /// All that the program has printed.
    pub fn log(&self) -> anyhow::Result<String> {
        self.log_from(0)
    }

    /// The end of what the program has printed.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let length = self.log.metadata().map_or(0, |log| log.len());
        self.log_from(length.saturating_sub(TAIL_BYTES)).unwrap_or_else(|error| format!("{error:#}"))
    }

    fn log_from(&self, start: u64) -> anyhow::Result<String> {
        // By position, not by seeking: the handle is shared, and the file may be gone.
        let length = self.log.metadata()?.len();
        let mut bytes = vec![0; usize::try_from(length.saturating_sub(start))?];
        self.log.read_exact_at(&mut bytes, start)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// How the program ended, or `None` while it runs.
    pub fn exited(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.process.try_wait()?)
    }

    /// Waits for the program to end by itself.
    pub fn wait(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Some(status) = self.exited()? {
                return Ok(status);
            }
            std::thread::sleep(POLL);
        }
        bail!("{} still runs after {} s:\n{}", self.name, limit.as_secs(), self.log_tail())
    }

    /// Sends the program a signal: `TERM`, `INT`, `HUP`, `USR1` or `USR2`.
    pub fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.process.id().to_string()).status()?;
        anyhow::ensure!(sent.success(), "cannot send {signal} to {}: it ended already", self.name);
        Ok(())
    }

    /// Kills the program as a crash would: it gets no chance to tidy up. Linux only; its
    /// directory stays.
    pub fn crash(mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Ends the program in order.
    pub fn stop(mut self) -> anyhow::Result<ExitStatus> {
        self.stdin = None;
        self.wait(self.stop_limit)
    }

    /// The words of the line `READY ...`, once it comes.
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
            // Nothing more can be done: it is being killed, and nobody is left to be told.
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

#[cfg(test)]
mod tests;
