//! Faults to inject: which request, how often, before or after its effect, and which answer the client gets.
//!
//! A request uses up the first fault that matches it; the others wait. A fault *before* the effect means
//! that the upstream did nothing. A fault *after* it means that the upstream carried out the request and
//! only the answer is wrong.
//!
//! A test that must decide when the request arrives, or delay an answer until an event, sets a decider
//! instead. The proxy asks the decider before it looks at the faults.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::journal::{Collection, Operation};
use crate::sync::lock;

/// The answer that the client gets instead of the real one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// The real answer, for a fault that only adds latency.
    Pass,
    /// This status, body and headers.
    Status {
        /// The HTTP status.
        code: u16,
        /// The body, sent as JSON unless `headers` say otherwise.
        #[serde(default)]
        body: String,
        /// Additional headers.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// The proxy cuts the connection without an answer.
    Reset,
    /// The proxy sends nothing for this long, then cuts the connection.
    Timeout(#[serde(with = "millis")] Duration),
    /// The proxy cuts the connection at once. The upstream carries out the request this much later,
    /// even when the client has ended. `when` has no effect.
    Late(#[serde(with = "millis")] Duration),
    /// 200 with an HTML page, as a captive portal or an ingress sends.
    Html,
    /// 200 without a body.
    Empty,
    /// 200 with an endless JSON document (until the client disconnects, at most a minute).
    EndlessBody,
    /// 200 with a body of one byte every 100 ms (until the client disconnects, at most a minute).
    SlowDrip,
    /// 200 with a compressed body of 128 kilobytes that inflates to twenty megabytes.
    Bomb,
    /// 307 to this address.
    Redirect(String),
    /// 200 with JSON in which each field has an unexpected type.
    WrongType,
}

impl Action {
    /// Returns a status with a JSON body and no additional headers.
    #[must_use]
    pub fn status(code: u16, body: impl Into<String>) -> Self {
        Self::Status { code, body: body.into(), headers: BTreeMap::new() }
    }

    /// Returns the status that the action sends to the client. `Pass` and a cut connection have none.
    pub(crate) fn sent_status(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            Self::Html | Self::Empty | Self::EndlessBody | Self::SlowDrip | Self::Bomb | Self::WrongType => Some(200),
            Self::Redirect(_) => Some(307),
            Self::Pass | Self::Reset | Self::Timeout(_) | Self::Late(_) => None,
        }
    }
}

/// Whether a fault comes before or after the effect of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// The upstream does not see the request.
    Before,
    /// The upstream has carried out the request.
    After,
}

/// The requests that get a fault. An absent field matches everything.
#[derive(Clone, Debug, Default)]
pub struct Matching {
    /// The operation.
    pub operation: Option<Operation>,
    /// The collection.
    pub collection: Option<Collection>,
    /// A pattern for the HTTP method.
    pub method: Option<Regex>,
    /// A pattern for the request target, query included.
    pub path: Option<Regex>,
    /// A pattern for the request body.
    pub body: Option<Regex>,
}

/// The properties of a request that faults match and that a decider gets.
#[derive(Clone, Copy, Debug)]
pub struct RequestInfo<'a> {
    /// The operation.
    pub operation: Operation,
    /// The collection.
    pub collection: Collection,
    /// The HTTP method.
    pub method: &'a str,
    /// The request target, query included.
    pub target: &'a str,
    /// The request body as text.
    pub body: &'a str,
    /// The `User-Agent` header; empty when it is absent.
    pub agent: &'a str,
}

/// A decider's decision about a request.
pub enum Decision {
    /// The proxy does the same as for a fault.
    Inject(When, Action),
    /// The upstream carries out the request. The proxy sends the real answer when this future ends.
    DelayAnswer(BoxFuture<'static, ()>),
}

/// A function that decides about each request. On `None` the proxy applies the waiting faults. The
/// function runs on the simulator's thread and must not block.
pub type Decider = dyn Fn(&RequestInfo<'_>) -> Option<Decision> + Send + Sync;

impl Matching {
    fn matches(&self, request: &RequestInfo<'_>) -> bool {
        let pattern = |regex: &Option<Regex>, text: &str| regex.as_ref().is_none_or(|r| r.is_match(text));
        self.operation.is_none_or(|wanted| wanted == request.operation)
            && self.collection.is_none_or(|wanted| wanted == request.collection)
            && pattern(&self.method, request.method)
            && pattern(&self.path, request.target)
            && pattern(&self.body, request.body)
    }
}

/// One fault.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The requests that get the fault.
    pub matching: Matching,
    /// The number of matching requests that pass first.
    pub skip: u32,
    /// The number of requests that get the fault; `None` means all.
    pub times: Option<u32>,
    /// Whether the fault comes before or after the effect.
    pub when: When,
    /// The answer that the client gets.
    pub action: Action,
    /// The delay before the effect (`Before`) or between effect and answer (`After`).
    pub latency: Duration,
}

impl Fault {
    /// Returns a fault for the next request of `operation`. Set its action by [`Fault::before`] or [`Fault::after`].
    #[must_use]
    pub fn on(operation: Operation) -> Self {
        Self::matching(Matching { operation: Some(operation), ..Matching::default() })
    }

    /// Returns a fault for the next request of any operation.
    #[must_use]
    pub fn any() -> Self {
        Self::matching(Matching::default())
    }

    /// Returns a fault for the next request whose method and target match these patterns.
    ///
    /// # Errors
    /// Returns an error when a pattern is not a regular expression.
    pub fn on_request(method: &str, path: &str) -> Result<Self, regex::Error> {
        let (method, path) = (Some(Regex::new(method)?), Some(Regex::new(path)?));
        Ok(Self::matching(Matching { method, path, ..Matching::default() }))
    }

    /// Returns a fault for the next request that matches.
    #[must_use]
    pub fn matching(matching: Matching) -> Self {
        let (skip, times, latency) = (0, Some(1), Duration::ZERO);
        Self { matching, skip, times, when: When::Before, action: Action::Pass, latency }
    }

    /// Limits the fault to requests about this collection.
    #[must_use]
    pub fn of(mut self, collection: Collection) -> Self {
        self.matching.collection = Some(collection);
        self
    }

    /// Takes the action before the upstream sees the request.
    #[must_use]
    pub fn before(mut self, action: Action) -> Self {
        (self.when, self.action) = (When::Before, action);
        self
    }

    /// Takes the action after the upstream has carried out the request.
    #[must_use]
    pub fn after(mut self, action: Action) -> Self {
        (self.when, self.action) = (When::After, action);
        self
    }

    /// Applies the fault to this many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Applies the fault to all matching requests.
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

    /// Adds a delay.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }
}

/// The waiting faults. Clones are handles to the same list.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    faults: Vec<Fault>,
    injected: usize,
    decider: Option<Arc<Decider>>,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { faults, injected, decider } = self;
        let has_decider = decider.is_some();
        f.debug_struct("Waiting")
            .field("faults", faults)
            .field("injected", injected)
            .field("has_decider", &has_decider)
            .finish()
    }
}

impl Faults {
    /// Adds a fault after the waiting ones.
    pub fn add(&self, fault: Fault) {
        lock(&self.0).faults.push(fault);
    }

    /// Removes all waiting faults.
    pub fn clear(&self) {
        lock(&self.0).faults.clear();
    }

    /// Returns the waiting faults.
    #[must_use]
    pub fn waiting(&self) -> Vec<Fault> {
        lock(&self.0).faults.clone()
    }

    /// Returns the number of requests that got one of these faults. A fault test in which it is 0 proves
    /// nothing.
    #[must_use]
    pub fn injected(&self) -> usize {
        lock(&self.0).injected
    }

    /// Sets the decider that the proxy asks about each request from now on. It replaces the previous one.
    pub fn decide_with(&self, decider: impl Fn(&RequestInfo<'_>) -> Option<Decision> + Send + Sync + 'static) {
        lock(&self.0).decider = Some(Arc::new(decider));
    }

    /// Removes the decider.
    pub fn clear_decider(&self) {
        lock(&self.0).decider = None;
    }

    /// Asks the decider about this request. The lock is not held meanwhile, so that the decider may add
    /// faults.
    pub(crate) fn decide(&self, request: &RequestInfo<'_>) -> Option<Decision> {
        let decider = lock(&self.0).decider.clone()?;
        decider(request)
    }

    /// Returns the fault for this request and counts it as used.
    pub(crate) fn take(&self, request: &RequestInfo<'_>) -> Option<Fault> {
        let mut waiting = lock(&self.0);
        let mut hit = None;
        for fault in &mut waiting.faults {
            if !fault.matching.matches(request) {
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
        waiting.injected += usize::from(hit.is_some());
        hit
    }
}

/// Serializes durations as whole milliseconds.
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
