//! A container of the image: `runc` with the settings of a kubelet for a pod that passes the Pod Security
//! Standard `restricted`, but in the network of the machine, so that loopback is reachable.

use super::layout::tool;
use cloud_policy_testbed::{Child, Launch};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// A file that is mounted over one of the image, read-only.
pub struct Mount {
    target: &'static str,
    content: Vec<u8>,
}

impl Mount {
    pub fn new(target: &'static str, content: impl Into<Vec<u8>>) -> Self {
        Self { target, content: content.into() }
    }

    /// Writes the file below `place`, readable by everybody. Returns the mount entry of the bundle.
    fn entry(&self, place: &Path) -> Value {
        let file = place.join(self.target.trim_start_matches('/').replace('/', "-"));
        fs::write(&file, &self.content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
        json!({ "destination": self.target, "type": "bind", "source": file, "options": ["bind", "ro", "nosuid", "nodev", "noexec"] })
    }
}

/// A running container. It ends when this value is dropped, or with the process.
pub struct Container {
    state: PathBuf,
    id: String,
    child: Option<Child>,
}

impl Container {
    /// Starts the program of the image with these arguments.
    pub fn start<'a>(
        bundle: &Path,
        mounts: &[Mount],
        environment: &[(&str, &str)],
        arguments: impl Iterator<Item = &'a str>,
    ) -> Self {
        let place = bundle.parent().unwrap();
        let config = bundle.join("config.json");
        let mut told: Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
        let program = told["process"]["args"][0].take();
        let arguments = std::iter::once(program).chain(arguments.map(Into::into));
        told["process"]["args"] = arguments.collect();
        told["process"]["env"] = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        confine(&mut told);
        let entries = mounts.iter().map(|mount| mount.entry(place));
        told["mounts"].as_array_mut().unwrap().extend(entries);
        fs::write(&config, told.to_string()).unwrap();

        let (state, id) = (place.join("state"), format!("cloud-policy-{}", std::process::id()));
        let launch = Launch::new("container", "runc", place).arg("--root").arg(&state);
        let child = launch.args(["run", "--bundle"]).arg(bundle).arg(&id).spawn().unwrap();
        Self { state, id, child: Some(child) }
    }

    /// Returns the process id of its first process on the machine.
    pub fn pid(&self) -> u32 {
        let state: Value = serde_json::from_str(&tool(self.runc().args(["state", &self.id]))).unwrap();
        state["pid"].as_u64().unwrap().try_into().unwrap()
    }

    pub fn log(&self) -> String {
        self.child.as_ref().map(Child::log_tail).unwrap_or_default()
    }

    /// Sends SIGTERM and waits for the end within the limit.
    pub fn terminate(mut self, limit: Duration) -> ExitStatus {
        let begun = Instant::now();
        tool(self.runc().args(["kill", &self.id, "TERM"]));
        let status = self.child.take().unwrap().wait(limit).unwrap();
        println!("the container ended {:.1?} after SIGTERM", begun.elapsed());
        status
    }

    fn runc(&self) -> Command {
        let mut command = Command::new("runc");
        command.arg("--root").arg(&self.state);
        command
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if self.child.is_some() {
            // The test has failed already, so this error is ignored.
            let _ = self.runc().args(["delete", "--force", &self.id]).output();
        }
    }
}

/// Removes the rights that `umoci` gives to a container by default.
fn confine(told: &mut Value) {
    let process = &mut told["process"];
    process["terminal"] = false.into();
    process["noNewPrivileges"] = true.into();
    process["capabilities"] =
        json!({ "bounding": [], "effective": [], "inheritable": [], "permitted": [], "ambient": [] });
    told["root"]["readonly"] = true.into();
    let needs_cgroups = |mount: &Value| mount["destination"] == "/sys/fs/cgroup";
    told["mounts"].as_array_mut().unwrap().retain(|mount| !needs_cgroups(mount));
    told["linux"]["namespaces"].as_array_mut().unwrap().retain(|space| space["type"] != "network");
}
