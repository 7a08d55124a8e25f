//! The real `SpaceONE` servers, as `tests/spaceone/run.py` starts them.

use crate::child::Child;
use crate::launch::Launch;
use crate::paths;
use anyhow::{Context, anyhow};
use serde::Deserialize;
use std::ops::Deref;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

/// The first start installs the servers from the package index; later ones take seconds.
const READY_LIMIT: Duration = Duration::from_mins(20);

static REST: OnceLock<Result<Spaceone, String>> = OnceLock::new();
static VERB: OnceLock<Result<Spaceone, String>> = OnceLock::new();

/// Which generation of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// `Policy` and `NetworkPolicy` under the paths of the API documents.
    Rest,
    /// `Policy` under verb paths, and the console's own front. No `NetworkPolicy`.
    Verb,
}

impl Era {
    fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Verb => "verb",
        }
    }
}

/// What the servers were filled with. They forget everything when they end.
#[derive(Clone, Debug, Deserialize)]
pub struct SpaceoneEnv {
    /// The API, without a slash at the end.
    pub base_url: String,
    /// The console's front, in [`Era::Verb`].
    pub console_url: Option<String>,
    /// The domain that tests work in.
    pub domain_id: String,
    /// A token of that domain's owner.
    pub token: String,
    /// The same, but past its time.
    pub expired_token: String,
    /// A second domain.
    pub other_domain_id: String,
    /// A token of the second domain's owner.
    pub other_token: String,
    /// The local repository.
    pub repository_id: String,
    /// A region, in [`Era::Rest`].
    pub region_id: Option<String>,
    /// A zone of that region, in [`Era::Rest`].
    pub zone_id: Option<String>,
    /// Another zone of it, in [`Era::Rest`].
    pub zone_id_2: Option<String>,
}

/// Running servers; they end when this value is dropped, or with the process.
#[derive(Debug)]
pub struct Spaceone {
    env: SpaceoneEnv,
    /// Held for its end.
    child: Child,
}

impl Spaceone {
    /// The servers of this process, started by whoever asks first.
    pub fn shared(era: Era) -> anyhow::Result<&'static Self> {
        let shared = match era {
            Era::Rest => &REST,
            Era::Verb => &VERB,
        };
        let started = shared.get_or_init(|| Self::start(era).map_err(|error| format!("{error:#}")));
        started.as_ref().map_err(|error| anyhow!("there is no SpaceONE: {error}"))
    }

    /// Starts servers of the caller's own.
    pub fn start(era: Era) -> anyhow::Result<Self> {
        let directory = paths::scratch("spaceone")?;
        let (child, words) = Launch::new("run", "python3", &directory)
            .arg(paths::repository().join("tests/spaceone/run.py"))
            .args(["serve", "--era", era.as_str(), "--dir"])
            .arg(&directory)
            .remove_directory_at_end()
            .ready(READY_LIMIT)?;
        let file = words.first().context("READY names no env.json")?;
        let env = read(Path::new(file)).with_context(|| format!("cannot use {file}"))?;
        Ok(Self { env, child })
    }

    /// The end of what the servers' supervisor has printed.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.child.log_tail()
    }
}

impl Deref for Spaceone {
    type Target = SpaceoneEnv;

    fn deref(&self) -> &SpaceoneEnv {
        &self.env
    }
}

fn read(file: &Path) -> anyhow::Result<SpaceoneEnv> {
    Ok(serde_json::from_slice(&std::fs::read(file)?)?)
}
