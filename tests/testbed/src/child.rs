//! Programs that end with this process, however it ends.

use crate::paths;
use anyhow::{Context, bail};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How long a program may take to end, unless it is said otherwise.
const GRACE_SECONDS: u16 = 10;
/// What the script itself may need beyond that.
const MARGIN: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);
/// How much of the log an error shows.
const TAIL_BYTES: u64 = 6000;

/// A program to start.
#[derive(Debug)]
pub struct Launch {
    name: String,
    command: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    directory: PathBuf,
    remove_directory: bool,
    grace_seconds: u16,
}

impl Launch {
    /// `name` is for messages and the log; the log lies in `directory`.
    pub fn new(name: &str, program: impl Into<OsString>, directory: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            command: vec![program.into()],
            environment: Vec::new(),
            directory: directory.into(),
            remove_directory: false,
            grace_seconds: GRACE_SECONDS,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.command.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Removes the directory once the program has ended.
    #[must_use]
    pub fn remove_directory_at_end(mut self) -> Self {
        self.remove_directory = !paths::keep();
        self
    }

    /// How many seconds it may take to end before it is killed; 10 unless this is called.
    #[must_use]
    pub fn grace_seconds(mut self, seconds: u16) -> Self {
        self.grace_seconds = seconds;
        self
    }

    /// Starts the program.
    pub fn spawn(self) -> anyhow::Result<Child> {
        self.start().map(|(child, _)| child)
    }

    /// Starts the program and waits for its line `READY ...`; answers the words after `READY`.
    pub fn ready(self, limit: Duration) -> anyhow::Result<(Child, Vec<String>)> {
        let (child, lines) = self.start()?;
        let words = child.await_ready(&lines, limit)?;
        Ok((child, words))
    }

    fn start(self) -> anyhow::Result<(Child, Receiver<String>)> {
        let log_path = self.directory.join(format!("{}.log", self.name));
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(&log_path);
        let log = log.with_context(|| format!("cannot write {}", log_path.display()))?;
        let mut process = self
            .command(log.try_clone()?)
            .spawn()
            .with_context(|| format!("cannot start {}: is there a /bin/sh?", self.name))?;
        let stdin = process.stdin.take();
        let (sender, lines) = channel();
        if let Some(stdout) = process.stdout.take() {
            let log = log.try_clone()?;
            std::thread::spawn(move || forward(stdout, log, &sender));
        }
        let stop_limit = Duration::from_secs(self.grace_seconds.into()) + MARGIN;
        Ok((
            Child {
                name: self.name,
                process,
                stdin,
                log,
                log_path,
                stop_limit,
            },
            lines,
        ))
    }

    /// The lifeline around the program, in a process group of its own: Ctrl-C then reaches
    /// this process only, and the rest ends in order.
    fn command(&self, log: File) -> Command {
        let mut command = Command::new(paths::lifeline());
        command
            .arg(if self.remove_directory {
                self.directory.as_os_str()
            } else {
                "".as_ref()
            })
            .arg(self.grace_seconds.to_string())
            .args(&self.command)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0);
        command
    }
}

/// Copies standard output to the log and to whoever waits for a line of it.
fn forward(stdout: ChildStdout, mut log: File, lines: &Sender<String>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        // A full disk must not block the program; nobody listening is the usual case.
        let _ = writeln!(log, "{line}");
        let _ = lines.send(line);
    }
}

/// A running program. It is ended when this value is dropped or this process ends.
#[derive(Debug)]
pub struct Child {
    name: String,
    process: std::process::Child,
    stdin: Option<ChildStdin>,
    /// Open, so that it can be read after its directory is gone.
    log: File,
    log_path: PathBuf,
    stop_limit: Duration,
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
        self.log_from(length.saturating_sub(TAIL_BYTES))
            .unwrap_or_else(|error| format!("{error:#}"))
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
        bail!(
            "{} still runs after {} s:\n{}",
            self.name,
            limit.as_secs(),
            self.log_tail()
        )
    }

    /// Sends the program a signal: `TERM`, `INT`, `HUP`, `USR1` or `USR2`.
    pub fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let sent = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.process.id().to_string())
            .status()?;
        anyhow::ensure!(
            sent.success(),
            "cannot send {signal} to {}: it ended already",
            self.name
        );
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

    fn await_ready(
        &self,
        lines: &Receiver<String>,
        limit: Duration,
    ) -> anyhow::Result<Vec<String>> {
        let deadline = Instant::now() + limit;
        loop {
            let problem = match lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => match line.strip_prefix("READY") {
                    Some(rest) => return Ok(rest.split_whitespace().map(str::to_owned).collect()),
                    None => continue,
                },
                Err(RecvTimeoutError::Timeout) => {
                    format!("is not ready after {} s", limit.as_secs())
                }
                Err(RecvTimeoutError::Disconnected) => "ended before it was ready".to_owned(),
            };
            bail!(
                "{} {problem}; the end of {}:\n{}",
                self.name,
                self.log_path.display(),
                self.log_tail()
            );
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
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn shell(script: &str) -> (tempfile::TempDir, Launch) {
        let directory = tempfile::tempdir().unwrap();
        let launch = Launch::new("shell", "sh", directory.path()).args(["-c", script]);
        (directory, launch)
    }

    /// Whether a process runs; a zombie does not.
    fn runs(pid: &str) -> bool {
        let listed = Command::new("ps")
            .args(["-o", "stat=", "-p", pid])
            .output()
            .unwrap();
        let state = String::from_utf8(listed.stdout).unwrap();
        !state.trim().is_empty() && !state.starts_with('Z')
    }

    fn ends(pid: &str) -> bool {
        let deadline = Instant::now() + SOON;
        while runs(pid) && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
        !runs(pid)
    }

    #[test]
    fn ready_answers_the_words_of_the_line() {
        let (_directory, launch) = shell("echo starting; echo READY here 1.5; sleep 60");
        let (child, words) = launch.ready(SOON).unwrap();
        assert_eq!(words, ["here", "1.5"]);
        assert_eq!(child.log().unwrap(), "starting\nREADY here 1.5\n");
    }

    #[test]
    fn a_program_that_ends_early_is_an_error_with_the_end_of_its_log() {
        let (_directory, launch) = shell("echo no disk >&2; exit 3");
        let error = launch.ready(SOON).unwrap_err().to_string();
        assert!(
            error.contains("ended before it was ready") && error.ends_with("no disk\n"),
            "{error}"
        );
    }

    #[test]
    fn a_program_that_hangs_is_an_error_and_is_ended() {
        let (_directory, launch) = shell("echo $$ >&2; sleep 60");
        let error = launch
            .ready(Duration::from_millis(300))
            .unwrap_err()
            .to_string();
        assert!(error.contains("is not ready after"), "{error}");
        assert!(ends(error.lines().last().unwrap()));
    }

    #[test]
    fn a_dropped_program_ends_and_its_directory_goes() {
        let (directory, launch) = shell("echo READY $$; sleep 60");
        let (child, words) = launch.remove_directory_at_end().ready(SOON).unwrap();
        drop(child);
        assert!(!runs(&words[0]));
        assert_eq!(directory.path().exists(), paths::keep());
    }

    #[test]
    fn a_program_that_ignores_the_polite_signal_is_killed() {
        let (_directory, launch) = shell("trap '' TERM; echo READY $$; while :; do sleep 1; done");
        let (child, words) = launch.grace_seconds(1).ready(SOON).unwrap();
        child.stop().unwrap();
        assert!(!runs(&words[0]));
    }

    #[test]
    fn signals_reach_the_program() {
        let (_directory, launch) =
            shell("trap 'exit 7' USR1; echo READY; while :; do sleep 0.1; done");
        let (mut child, _) = launch.ready(SOON).unwrap();
        child.signal("USR1").unwrap();
        assert_eq!(child.wait(SOON).unwrap().code(), Some(7));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_crash_leaves_no_program_behind() {
        let (_directory, launch) =
            shell("trap '' TERM; echo READY $$; while :; do sleep 0.1; done");
        let (child, words) = launch.ready(SOON).unwrap();
        child.crash().unwrap();
        assert!(ends(&words[0]));
    }

    #[test]
    fn a_program_ends_when_its_starter_is_killed() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe").display().to_string();
        let script = "mkfifo $0; sleep 60 >$0 & echo READY $!; $1 '' 10 sh -c 'echo $$ >&2; exec sleep 60' <$0";
        let starter = Launch::new("starter", "sh", directory.path()).args(["-c", script]);
        let (child, words) = starter
            .arg(pipe)
            .arg(paths::lifeline())
            .ready(SOON)
            .unwrap();
        let deadline = Instant::now() + SOON;
        while child.log().unwrap().lines().count() < 2 && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
        let log = child.log().unwrap();
        let program = log.lines().find(|line| !line.starts_with("READY")).unwrap();
        assert!(runs(program));
        assert!(
            Command::new("kill")
                .args(["-KILL", &words[0]])
                .status()
                .unwrap()
                .success()
        );
        assert!(ends(program));
    }
}
