//! `KEEP=1`: a background process runs the environment until `stop`.
//!
//! Its files are in `.demo`. The process locks a file there, so that a crash cannot leave the
//! impression that it still runs. It ends when a file `stop` appears. The processes that it started
//! end with it, however it ends.

use crate::environment::{self, Environment, Options};
use crate::output::Output;
use anyhow::{Context, bail};
use cloud_policy_testbed::repository;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(100);
/// The time limit for the end. The control plane takes at most five seconds, the other processes less.
const STOP_LIMIT: Duration = Duration::from_mins(1);

fn folder() -> PathBuf {
    repository().join(".demo")
}

/// Starts the background process and prints its output until the environment is ready.
pub async fn start(real_spaceone: bool) -> anyhow::Result<Environment> {
    let folder = folder();
    if is_running(&folder)? {
        bail!("the demo is running already: `make demo-stop` ends it");
    }
    remove(&folder)?;
    DirBuilder::new().mode(0o700).create(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let log = File::create(folder.join("demo.log"))?;
    let mut process = Command::new(std::env::current_exe()?)
        .arg("serve")
        .env("REAL_SPACEONE", if real_spaceone { "1" } else { "0" })
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // Ctrl-C in this terminal must not end the process.
        .process_group(0)
        .spawn()
        .context("cannot start the background process")?;
    let mut log_reader = File::open(folder.join("demo.log"))?;
    loop {
        let ended = process.try_wait()?;
        let ready = fs::read(environment_file(&folder));
        copy_output(&mut log_reader)?;
        if let Ok(environment) = ready {
            return serde_json::from_slice(&environment).context("cannot parse environment.json");
        }
        anyhow::ensure!(ended.is_none(), "the environment did not start, see above");
        tokio::time::sleep(POLL).await;
    }
}

/// Runs in the background process: starts the environment and waits for the request to end.
pub async fn serve(real_spaceone: bool) -> anyhow::Result<()> {
    let folder = folder();
    let lock = File::create(lock_file(&folder)).with_context(|| format!("cannot write to {}", folder.display()))?;
    lock.try_lock().context("another process runs the demo")?;
    let programs = environment::prepare(real_spaceone)?;
    let options = Options { folder: folder.clone(), temporary: false, real_spaceone };
    let (environment, running) = environment::start(&programs, &options, &mut Output::after(0)).await?;
    // The rename is atomic: the other process reads the file as soon as it exists.
    let partial = folder.join("environment.partial");
    fs::write(&partial, serde_json::to_vec_pretty(&environment)?)?;
    fs::rename(&partial, environment_file(&folder))?;
    while !stop_file(&folder).exists() {
        tokio::time::sleep(POLL).await;
    }
    drop(running);
    drop(lock);
    Ok(())
}

/// Asks the background process to end and waits for its end.
pub fn stop() -> anyhow::Result<()> {
    let folder = folder();
    let begun = Instant::now();
    let mut was_running = false;
    while is_running(&folder)? {
        was_running = true;
        File::create(stop_file(&folder))?;
        if begun.elapsed() > STOP_LIMIT {
            bail!("the demo is still running, see {}", folder.join("demo.log").display());
        }
        std::thread::sleep(POLL);
    }
    remove(&folder)?;
    println!(
        "{}",
        if was_running {
            "The demo has ended. In the shell that used it: unset KUBECONFIG"
        } else {
            "The demo is not running."
        }
    );
    Ok(())
}

/// Prints how to use the running environment.
pub fn explain(environment: &Environment) {
    let Environment { kubeconfig, kubectl, upstreams, overlay, operator_log, operator_url, .. } = environment;
    let spaceone = &upstreams.spaceone;
    let own = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.display().to_string()));
    let lines = [
        format!("export KUBECONFIG={}", kubeconfig.display()),
        format!(
            "export PATH={}:{}:$PATH   # kubectl and cloud-policy are here",
            kubectl.parent().unwrap_or(kubectl).display(),
            own.unwrap_or_default()
        ),
        "kubectl get cloudpolicy -A".to_owned(),
        format!("kubectl apply -k {}   # after an edit of deploy/samples", relative(overlay)),
        format!("tail -f {}   # the operator", relative(operator_log)),
        format!("curl {operator_url}/metrics"),
        format!("curl {0}/state; curl {0}/journal   # the simulators", upstreams.admin),
        format!("# NAVER Cloud at {}: {} / {}", upstreams.ncloud, upstreams.access_key, upstreams.secret_key),
        format!("# SpaceONE at {}: domain {}, token {}", spaceone.url, spaceone.domain_id, spaceone.token),
        "make demo-stop".to_owned(),
    ];
    println!("Everything is still running:");
    for line in lines {
        println!("    {line}");
    }
}

fn relative(path: &Path) -> String {
    path.strip_prefix(repository()).unwrap_or(path).display().to_string()
}

fn environment_file(folder: &Path) -> PathBuf {
    folder.join("environment.json")
}

fn stop_file(folder: &Path) -> PathBuf {
    folder.join("stop")
}

fn lock_file(folder: &Path) -> PathBuf {
    folder.join("lock")
}

fn is_running(folder: &Path) -> anyhow::Result<bool> {
    let Ok(lock) = File::open(lock_file(folder)) else { return Ok(false) };
    match lock.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error).context("cannot tell whether the demo is running"),
    }
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn copy_output(log_reader: &mut File) -> anyhow::Result<()> {
    let mut output = Vec::new();
    log_reader.read_to_end(&mut output)?;
    std::io::stdout().write_all(&output)?;
    Ok(std::io::stdout().flush()?)
}
