//! The real `SpaceONE` servers, started by `tests/spaceone/run.py`.

use crate::child::Child;
use crate::launch::Launch;
use crate::paths;
use anyhow::{Context, anyhow};
use serde::Deserialize;
use std::ops::Deref;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

/// The time limit of the first start, which installs packages. Later starts take seconds.
const READY_LIMIT: Duration = Duration::from_mins(20);

static REST: OnceLock<Result<Spaceone, String>> = OnceLock::new();
static VERB: OnceLock<Result<Spaceone, String>> = OnceLock::new();

/// The generation of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// `Policy` and `NetworkPolicy` under the paths of the API documents.
    Rest,
    /// `Policy` under verb paths, and the front of the console. No `NetworkPolicy`.
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

/// The initial objects and addresses of the servers. The servers lose all data when they end.
#[derive(Clone, Debug, Deserialize)]
pub struct SpaceoneEnv {
    /// The URL of the API, without a trailing slash.
    pub base_url: String,
    /// The URL of the console's front, in [`Era::Verb`].
    pub console_url: Option<String>,
    /// The id of the tests' domain.
    pub domain_id: String,
    /// A token of that domain's owner.
    pub token: String,
    /// An expired token of that owner.
    pub expired_token: String,
    /// The id of a second domain.
    pub other_domain_id: String,
    /// A token of the second domain's owner.
    pub other_token: String,
    /// The id of the local repository.
    pub repository_id: String,
    /// The id of a region, in [`Era::Rest`].
    pub region_id: Option<String>,
    /// The id of a zone of that region, in [`Era::Rest`].
    pub zone_id: Option<String>,
    /// The id of another zone of that region, in [`Era::Rest`].
    pub zone_id_2: Option<String>,
}

/// The running servers. They end when this value is dropped, or with the process.
#[derive(Debug)]
pub struct Spaceone {
    env: SpaceoneEnv,
    /// The process. It ends when the value is dropped.
    child: Child,
}

impl Spaceone {
    /// Returns the servers of this process. The first call starts them.
    pub fn shared(era: Era) -> anyhow::Result<&'static Self> {
        let shared = match era {
            Era::Rest => &REST,
            Era::Verb => &VERB,
        };
        let started = shared.get_or_init(|| Self::start(era).map_err(|error| format!("{error:#}")));
        started.as_ref().map_err(|error| anyhow!("no SpaceONE servers: {error}"))
    }

    /// Starts servers for the caller alone.
    pub fn start(era: Era) -> anyhow::Result<Self> {
        let directory = paths::scratch("spaceone")?;
        let (child, words) = Launch::new("run", "python3", &directory)
            .arg(paths::repository().join("tests/spaceone/run.py"))
            .args(["serve", "--era", era.as_str(), "--dir"])
            .arg(&directory)
            .remove_directory_at_end()
            .ready(READY_LIMIT)?;
        let file = words.first().context("the READY line has no env.json")?;
        let env = read(Path::new(file)).with_context(|| format!("cannot use {file}"))?;
        Ok(Self { env, child })
    }

    /// Returns the end of the output of the servers' supervisor.
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
