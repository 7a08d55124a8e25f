//! Faults to inject: which request, how often, before or after its effect, and what the client sees.
//!
//! The first fault that matches a request is used up by it; the others wait. A fault *before* the effect
//! means that nothing happened upstream; *after*, that everything happened and only the answer is wrong.
//!
//! Who must decide at the moment of the request, or hold an answer until something has happened,
//! hands down a director instead: it is asked first.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::journal::{Collection, Operation};
use crate::sync::lock;

/// What the client sees instead of the real answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// The real answer: for a fault that only adds latency.
    Pass,
    /// This status, body and headers.
    Status {
        /// HTTP status.
        code: u16,
        /// Body, sent as JSON unless `headers` say otherwise.
        #[serde(default)]
        body: String,
        /// Further headers.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// The connection is cut without an answer.
    Reset,
    /// Silence for this long, then the connection is cut without an answer.
    Timeout(#[serde(with = "millis")] Duration),
    /// The connection is cut at once, and the upstream carries the request out this much later,
    /// whoever has gone meanwhile: a write that lands late. `when` does not matter.
    Late(#[serde(with = "millis")] Duration),
    /// 200 with an HTML page, as a captive portal or an ingress gives.
    Html,
    /// 200 without a body.
    Empty,
    /// 200 with a JSON document that never ends (until the client goes, at most a minute).
    EndlessBody,
    /// 200 with a body of one byte every 100 ms (until the client goes, at most a minute).
    SlowDrip,
    /// 200 with a compressed body of 128 kilobytes that inflates to twenty megabytes.
    Bomb,
    /// 307 to this address.
    Redirect(String),
    /// 200 with JSON whose every field has an unexpected type.
    WrongType,
}

impl Action {
    /// A status with a JSON body and no further headers.
    #[must_use]
    pub fn status(code: u16, body: impl Into<String>) -> Self {
        Self::Status { code, body: body.into(), headers: BTreeMap::new() }
    }

    /// The status that the client is sent, if it is sent one; `None` for `Pass`, too.
    pub(crate) fn sent_status(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            Self::Html | Self::Empty | Self::EndlessBody | Self::SlowDrip | Self::Bomb | Self::WrongType => Some(200),
            Self::Redirect(_) => Some(307),
            Self::Pass | Self::Reset | Self::Timeout(_) | Self::Late(_) => None,
        }
    }
}

/// On which side of the effect the fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// The upstream never sees the request.
    Before,
    /// The upstream has carried the request out.
    After,
}

/// Which requests a fault strikes; what is absent matches everything.
#[derive(Clone, Debug, Default)]
pub struct Matching {
    /// What is asked.
    pub operation: Option<Operation>,
    /// Of which collection.
    pub collection: Option<Collection>,
    /// Matched against the HTTP method.
    pub method: Option<Regex>,
    /// Matched against the request target, query included.
    pub path: Option<Regex>,
    /// Matched against the request body.
    pub body: Option<Regex>,
}

/// The traits of a request that faults are matched against, and that a director is told.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What is asked.
    pub operation: Operation,
    /// Of which collection.
    pub collection: Collection,
    /// HTTP method.
    pub method: &'a str,
    /// Request target, query included.
    pub target: &'a str,
    /// Request body as text.
    pub body: &'a str,
    /// How the client calls itself; empty when it does not.
    pub agent: &'a str,
}

/// What a director has done to a request.
pub enum Cue {
    /// The same as a fault would.
    Strike(When, Action),
    /// The upstream carries it out; the real answer is held until this future ends.
    Hold(BoxFuture<'static, ()>),
}

/// Asked for each request; `None` lets it go on to the faults in waiting. It runs on the
/// simulator's thread and must not block.
pub type Director = dyn Fn(&Subject<'_>) -> Option<Cue> + Send + Sync;

impl Matching {
    fn strikes(&self, subject: &Subject<'_>) -> bool {
        let pattern = |regex: &Option<Regex>, text: &str| regex.as_ref().is_none_or(|r| r.is_match(text));
        self.operation.is_none_or(|wanted| wanted == subject.operation)
            && self.collection.is_none_or(|wanted| wanted == subject.collection)
            && pattern(&self.method, subject.method)
            && pattern(&self.path, subject.target)
            && pattern(&self.body, subject.body)
    }
}

/// One fault.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Which requests.
    pub matching: Matching,
    /// How many matching requests pass unharmed first.
    pub skip: u32,
    /// How many it strikes; `None` is all of them.
    pub times: Option<u32>,
    /// On which side of the effect.
    pub when: When,
    /// What the client sees.
    pub action: Action,
    /// Waited before the effect (`Before`) or between effect and answer (`After`).
    pub latency: Duration,
}

impl Fault {
    /// Strikes the next request for `operation`; say what happens with [`Fault::before`] or [`Fault::after`].
    #[must_use]
    pub fn on(operation: Operation) -> Self {
        Self::matching(Matching { operation: Some(operation), ..Matching::default() })
    }

    /// Strikes the next request, whatever it asks.
    #[must_use]
    pub fn any() -> Self {
        Self::matching(Matching::default())
    }

    /// Strikes the next request whose method and target match these patterns.
    ///
    /// # Errors
    /// When a pattern is not a regular expression.
    pub fn on_request(method: &str, path: &str) -> Result<Self, regex::Error> {
        let (method, path) = (Some(Regex::new(method)?), Some(Regex::new(path)?));
        Ok(Self::matching(Matching { method, path, ..Matching::default() }))
    }

    /// Strikes the next request that matches.
    #[must_use]
    pub fn matching(matching: Matching) -> Self {
        let (skip, times, latency) = (0, Some(1), Duration::ZERO);
        Self { matching, skip, times, when: When::Before, action: Action::Pass, latency }
    }

    /// Only requests about this collection.
    #[must_use]
    pub fn of(mut self, collection: Collection) -> Self {
        self.matching.collection = Some(collection);
        self
    }

    /// The upstream never sees the request.
    #[must_use]
    pub fn before(mut self, action: Action) -> Self {
        (self.when, self.action) = (When::Before, action);
        self
    }

    /// The upstream carries the request out, then this happens to the answer.
    #[must_use]
    pub fn after(mut self, action: Action) -> Self {
        (self.when, self.action) = (When::After, action);
        self
    }

    /// Strikes this many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Strikes every matching request.
    #[must_use]
    pub fn forever(mut self) -> Self {
        self.times = None;
        self
    }

    /// Lets this many matching requests pass first.
    #[must_use]
    pub fn skip(mut self, requests: u32) -> Self {
        self.skip = requests;
        self
    }

    /// Waits this long, too.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }
}

/// The faults in waiting; clones are handles to the same list.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    faults: Vec<Fault>,
    struck: usize,
    director: Option<Arc<Director>>,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { faults, struck, director } = self;
        let directed = director.is_some();
        f.debug_struct("Waiting").field("faults", faults).field("struck", struck).field("directed", &directed).finish()
    }
}

impl Faults {
    /// Adds a fault behind those already waiting.
    pub fn add(&self, fault: Fault) {
        lock(&self.0).faults.push(fault);
    }

    /// Forgets all faults that wait.
    pub fn clear(&self) {
        lock(&self.0).faults.clear();
    }

    /// The faults that still wait.
    #[must_use]
    pub fn waiting(&self) -> Vec<Fault> {
        lock(&self.0).faults.clone()
    }

    /// How many requests have been struck: a fault test that struck nothing shows nothing.
    #[must_use]
    pub fn struck(&self) -> usize {
        lock(&self.0).struck
    }

    /// Has this director asked for each request from now on, in the place of any other.
    pub fn direct(&self, director: impl Fn(&Subject<'_>) -> Option<Cue> + Send + Sync + 'static) {
        lock(&self.0).director = Some(Arc::new(director));
    }

    /// Sends the director home.
    pub fn undirect(&self) {
        lock(&self.0).director = None;
    }

    /// What the director has done to this request. It is asked without the lock, so that it may
    /// add faults itself.
    pub(crate) fn cue(&self, subject: &Subject<'_>) -> Option<Cue> {
        let director = lock(&self.0).director.clone()?;
        director(subject)
    }

    /// The fault that strikes this request, used up by the call.
    pub(crate) fn strike(&self, subject: &Subject<'_>) -> Option<Fault> {
        let mut waiting = lock(&self.0);
        let mut hit = None;
        for fault in &mut waiting.faults {
            if !fault.matching.strikes(subject) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times = fault.times.map(|times| times.saturating_sub(1));
            hit = Some(fault.clone());
            break;
        }
        waiting.faults.retain(|fault| fault.times != Some(0));
        waiting.struck += usize::from(hit.is_some());
        hit
    }
}

/// Durations as whole milliseconds in JSON.
pub(crate) mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Ok(Duration::from_millis(u64::deserialize(deserializer)?))
    }
}
