//! The page "Test your policies in CI": its reader starts the simulators and the operator as processes of a job.

use super::page::steps;
use super::perform;
use super::shell::Shell;
use crate::support::installation::Installation;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;

/// Ends the processes of the job, also when a step fails.
struct Job<'s>(&'s Shell);

impl Drop for Job<'_> {
    fn drop(&mut self) {
        for file in ["operator.pid", "simulator.pid"] {
            if let Ok(pid) = std::fs::read_to_string(self.0.folder().join(file)) {
                // They have ended already if the page was followed to its end.
                let _gone = Command::new("kill").arg(pid.trim()).stderr(std::process::Stdio::null()).status();
            }
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn ci_page_works_when_followed_literally() {
    let installation = Installation::empty().await;
    let mut shell = Shell::new(&installation.control_plane, vec![("8081", free_port().to_string())]);
    shell.prefer(Path::new(env!("CARGO_BIN_EXE_cloud-policy")).parent().unwrap());
    let _job = Job(&shell);
    for step in steps("docs/tasks/test-in-ci.md") {
        assert_eq!(perform(&shell, &step).await, None, "{}", step.place);
    }
}
