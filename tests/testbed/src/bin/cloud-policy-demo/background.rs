//! `KEEP=1`: the stage in the background, held by a process of its own until `stop`.
//!
//! Everything lies in `.demo`. The holder keeps a lock on a file there, so that "is it running?"
//! has an answer that no crash can falsify; a file `stop` beside it asks it to end. Whatever ends
//! the holder ends all that it started.

use crate::narrator::Narrator;
use crate::stage::{self, Order, Stage};
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
/// The control plane takes five seconds at most, the rest less.
const STOP_LIMIT: Duration = Duration::from_mins(1);

fn folder() -> PathBuf {
    repository().join(".demo")
}

/// Starts a holder and tells what it tells until the stage stands.
pub async fn raise(real_spaceone: bool) -> anyhow::Result<Stage> {
    let folder = folder();
    if is_held(&folder)? {
        bail!("the demo is running already: `make demo-stop` ends it");
    }
    remove(&folder)?;
    DirBuilder::new().mode(0o700).create(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let log = File::create(folder.join("demo.log"))?;
    let mut holder = Command::new(std::env::current_exe()?)
        .arg("hold")
        .env("REAL_SPACEONE", if real_spaceone { "1" } else { "0" })
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // Ctrl-C in this terminal is not meant for it.
        .process_group(0)
        .spawn()
        .context("cannot start the holder")?;
    let mut told = File::open(folder.join("demo.log"))?;
    loop {
        let ended = holder.try_wait()?;
        let ready = fs::read(stage_file(&folder));
        retell(&mut told)?;
        if let Ok(stage) = ready {
            return serde_json::from_slice(&stage).context("cannot read the stage");
        }
        anyhow::ensure!(ended.is_none(), "the stage does not stand; it says why above");
        tokio::time::sleep(POLL).await;
    }
}

/// The holder: raises the stage and keeps it until it is asked to end.
pub async fn hold(real_spaceone: bool) -> anyhow::Result<()> {
    let folder = folder();
    let lock = File::create(lock_file(&folder)).with_context(|| format!("cannot write to {}", folder.display()))?;
    lock.try_lock().context("somebody else holds the stage")?;
    let programs = stage::prepare(real_spaceone)?;
    let order = Order { folder: folder.clone(), temporary: false, real_spaceone };
    let (stage, running) = stage::raise(&programs, &order, &mut Narrator::after(0)).await?;
    // Whole or not at all: the other process reads it as soon as it is there.
    let partial = folder.join("stage.partial");
    fs::write(&partial, serde_json::to_vec_pretty(&stage)?)?;
    fs::rename(&partial, stage_file(&folder))?;
    while !stop_file(&folder).exists() {
        tokio::time::sleep(POLL).await;
    }
    drop(running);
    drop(lock);
    Ok(())
}

/// Asks the holder to end and waits until it has.
pub fn stop() -> anyhow::Result<()> {
    let folder = folder();
    let begun = Instant::now();
    let mut was_held = false;
    while is_held(&folder)? {
        was_held = true;
        File::create(stop_file(&folder))?;
        if begun.elapsed() > STOP_LIMIT {
            bail!("it still runs; {} says why", folder.join("demo.log").display());
        }
        std::thread::sleep(POLL);
    }
    remove(&folder)?;
    println!(
        "{}",
        if was_held {
            "The demo has ended. In the shell that used it: unset KUBECONFIG"
        } else {
            "The demo is not running."
        }
    );
    Ok(())
}

/// Says how to use what is left running.
pub fn explain(stage: &Stage) {
    let Stage { kubeconfig, kubectl, upstreams, overlay, operator_log, operator_url, .. } = stage;
    let spaceone = &upstreams.spaceone;
    let lines = [
        format!("export KUBECONFIG={}", kubeconfig.display()),
        format!("export PATH={}:$PATH   # kubectl is here", kubectl.parent().unwrap_or(kubectl).display()),
        "kubectl get cloudpolicy -A".to_owned(),
        format!("kubectl apply -k {}   # after an edit of deploy/samples", shown(overlay)),
        format!("tail -f {}   # the operator", shown(operator_log)),
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

fn shown(path: &Path) -> String {
    path.strip_prefix(repository()).unwrap_or(path).display().to_string()
}

fn stage_file(folder: &Path) -> PathBuf {
    folder.join("stage.json")
}

fn stop_file(folder: &Path) -> PathBuf {
    folder.join("stop")
}

fn lock_file(folder: &Path) -> PathBuf {
    folder.join("lock")
}

fn is_held(folder: &Path) -> anyhow::Result<bool> {
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

fn retell(told: &mut File) -> anyhow::Result<()> {
    let mut news = Vec::new();
    told.read_to_end(&mut news)?;
    std::io::stdout().write_all(&news)?;
    Ok(std::io::stdout().flush()?)
}
