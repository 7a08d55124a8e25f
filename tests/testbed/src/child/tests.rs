//! The ways in which a program can end.

use super::*;
use crate::{launch::Launch, paths};

const SOON: Duration = Duration::from_secs(10);

fn shell(script: &str) -> (tempfile::TempDir, Launch) {
    let directory = tempfile::tempdir().unwrap();
    let launch = Launch::new("shell", "sh", directory.path()).args(["-c", script]);
    (directory, launch)
}

/// Returns true if a process runs. A zombie does not.
fn runs(pid: &str) -> bool {
    let listed = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
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
fn ready_returns_words_of_ready_line() {
    let (_directory, launch) = shell("echo starting; echo READY here 1.5; sleep 60");
    let (child, words) = launch.ready(SOON).unwrap();
    assert_eq!(words, ["here", "1.5"]);
    assert_eq!(child.log().unwrap(), "starting\nREADY here 1.5\n");
}

#[test]
fn ready_fails_with_log_when_program_ends_early() {
    let (_directory, launch) = shell("echo no disk >&2; exit 3");
    let error = launch.ready(SOON).unwrap_err().to_string();
    assert!(error.contains("ended before it was ready") && error.ends_with("no disk\n"), "{error}");
}

#[test]
fn ready_fails_and_stops_program_at_timeout() {
    let (_directory, launch) = shell("echo $$ >&2; sleep 60");
    let error = launch.ready(Duration::from_millis(300)).unwrap_err().to_string();
    assert!(error.contains("is not ready after"), "{error}");
    assert!(ends(error.lines().last().unwrap()));
}

#[test]
fn drop_stops_program_and_removes_directory() {
    let (directory, launch) = shell("echo READY $$; sleep 60");
    let (child, words) = launch.remove_directory_at_end().ready(SOON).unwrap();
    drop(child);
    assert!(!runs(&words[0]));
    assert_eq!(directory.path().exists(), paths::keep());
}

#[test]
fn stop_kills_program_that_ignores_sigterm() {
    let (_directory, launch) = shell("trap '' TERM; echo READY $$; while :; do sleep 1; done");
    let (child, words) = launch.grace_seconds(1).ready(SOON).unwrap();
    child.stop().unwrap();
    assert!(!runs(&words[0]));
}

#[test]
fn signal_reaches_program() {
    let (_directory, launch) = shell("trap 'exit 7' USR1; echo READY; while :; do sleep 0.1; done");
    let (mut child, _) = launch.ready(SOON).unwrap();
    child.signal("USR1").unwrap();
    assert_eq!(child.wait(SOON).unwrap().code(), Some(7));
}

#[cfg(target_os = "linux")]
#[test]
fn crash_leaves_no_process() {
    let (_directory, launch) = shell("trap '' TERM; echo READY $$; while :; do sleep 0.1; done");
    let (child, words) = launch.ready(SOON).unwrap();
    child.crash().unwrap();
    assert!(ends(&words[0]));
}

#[test]
fn program_ends_when_starter_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe").display().to_string();
    let script = "mkfifo $0; sleep 60 >$0 & echo READY $!; $1 '' 10 sh -c 'echo $$ >&2; exec sleep 60' <$0";
    let starter = Launch::new("starter", "sh", directory.path()).args(["-c", script]);
    let (child, words) = starter.arg(pipe).arg(paths::lifeline()).ready(SOON).unwrap();
    let deadline = Instant::now() + SOON;
    while child.log().unwrap().lines().count() < 2 && Instant::now() < deadline {
        std::thread::sleep(POLL);
    }
    let log = child.log().unwrap();
    let program = log.lines().find(|line| !line.starts_with("READY")).unwrap();
    assert!(runs(program));
    assert!(Command::new("kill").args(["-KILL", &words[0]]).status().unwrap().success());
    assert!(ends(program));
}
