//! What the guardrails of the connection say of the object of a reconcile.

use crate::api::guardrails::Guardrail;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

/// The last judgement of the object.
#[derive(Default)]
pub struct Judged {
    /// The version of the guardrails by which the object was judged; 0 as long as it was not.
    pub version: Arc<AtomicU64>,
    /// The guardrails.
    pub rules: Arc<[Guardrail]>,
    /// How the object is beyond them, so that nothing may be written for it.
    pub beyond: Option<String>,
    /// How the object is beyond guardrails that only warn.
    pub warning: Option<String>,
    /// Whether the connection required approvals when the write was approved; `None` as long as it was not.
    pub needs_approval: Option<bool>,
    /// The uid of the approval that permits the write.
    pub approved: Arc<Mutex<Option<String>>>,
}
