//! Where things are: the checkout, and short-lived directories.

use anyhow::Context;
use std::path::{Path, PathBuf};

/// The root of the checkout that this crate was built from.
#[must_use]
pub fn repository() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// The script that ties a program to this process.
pub(crate) fn lifeline() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("lifeline.sh")
}

/// Whether directories should outlive the programs that used them.
pub(crate) fn keep() -> bool {
    std::env::var_os("CLOUD_POLICY_TESTBED_KEEP").is_some_and(|value| !value.is_empty())
}

/// A new directory that only this user can read. Whoever uses it has to see to its end.
pub(crate) fn scratch(what: &str) -> anyhow::Result<PathBuf> {
    let directory = tempfile::Builder::new()
        .prefix(&format!("cloud-policy-{what}-"))
        .tempdir()
        .with_context(|| format!("cannot make a directory for {what}"))?;
    Ok(directory.keep())
}
