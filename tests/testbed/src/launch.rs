//! Starts programs that end with this process, however it ends.

use crate::child::Child;
use crate::paths;
use anyhow::Context;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// The default time for a program to end.
const GRACE_SECONDS: u16 = 10;
/// The additional time for the script.
const MARGIN: Duration = Duration::from_secs(5);

/// The variables by which programs are told to use a proxy.
const PROXY_VARIABLES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"];

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
    /// Creates a program to start. Messages and the log file use `name`; the log file is in `directory`.
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

    /// Adds an argument.
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

    /// Removes the directory after the program has ended.
    #[must_use]
    pub fn remove_directory_at_end(mut self) -> Self {
        self.remove_directory = !paths::keep();
        self
    }

    /// Sets the time to end before the program is killed. The default is 10 seconds.
    #[must_use]
    pub fn grace_seconds(mut self, seconds: u16) -> Self {
        self.grace_seconds = seconds;
        self
    }

    /// Starts the program.
    pub fn spawn(self) -> anyhow::Result<Child> {
        self.start().map(|(child, _)| child)
    }

    /// Starts the program and waits for its line `READY ...`. Returns the words after `READY`.
    pub fn ready(self, limit: Duration) -> anyhow::Result<(Child, Vec<String>)> {
        let (child, lines) = self.start()?;
        let words = child.await_ready(&lines, limit)?;
        Ok((child, words))
    }

    fn start(self) -> anyhow::Result<(Child, Receiver<String>)> {
        let log_path = self.directory.join(format!("{}.log", self.name));
        let log = OpenOptions::new().create(true).append(true).read(true).open(&log_path);
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
        Ok((Child { name: self.name, process, stdin, log, log_path, stop_limit }, lines))
    }

    /// Wraps the program in `lifeline.sh`, in a new process group. Ctrl-C then reaches only this
    /// process, and the programs end in order.
    fn command(&self, log: File) -> Command {
        let mut command = Command::new(paths::lifeline());
        // All programs talk on loopback only, where a proxy answers for none of them.
        for name in PROXY_VARIABLES {
            command.env_remove(name);
        }
        command
            .arg(if self.remove_directory { self.directory.as_os_str() } else { "".as_ref() })
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

/// Copies standard output to the log and to the receiver that waits for a line.
fn forward(stdout: ChildStdout, mut log: File, lines: &Sender<String>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        // A full disk must not block the program. Usually the receiver has gone.
        let _ = writeln!(log, "{line}");
        let _ = lines.send(line);
    }
}
