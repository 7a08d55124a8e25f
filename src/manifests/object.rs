//! An object of a managed kind with its type erased, so that a plan is written once for all kinds.

use crate::api::kinds::managed_kinds;
use crate::api::shared::CommonSpec;
use crate::controller::kinds::managed::{Managed, StatusDraft};
use crate::engine::{OrphanReason, Problem};
use kube::Resource as _;
use kube::core::object::HasSpec;
use serde_json::Value;
use std::any::{Any, TypeId};
use std::sync::Arc;

/// An object of a managed kind.
pub trait Described: Send + Sync {
    /// Returns the part of the spec that all kinds share.
    fn common(&self) -> &CommonSpec;
    /// Returns the spec, for the registry of upstream collections.
    fn desired(&self) -> &dyn Any;
    /// Returns what status says.
    fn status(&self) -> StatusDraft;
    /// Returns the uid; `None` for an object that the API server has not seen.
    fn uid(&self) -> Option<String>;
    /// Returns whether another object has the same spec.
    fn has_spec_of(&self, other: &dyn Described) -> bool;
    /// Returns the spec as JSON.
    fn spec_json(&self) -> Value;
    /// Returns the generation; `None` for an object that the API server has not seen.
    fn generation(&self) -> Option<i64>;
    /// Returns whether the object only observes its upstream object.
    fn only_observes(&self) -> bool;
    /// Returns why the object itself asks to keep its upstream object when it is deleted.
    fn orphan_reason(&self) -> Option<OrphanReason>;
    /// Returns whether this annotation is set to `true`.
    fn has_annotation(&self, annotation: &str) -> bool;
}

impl<K: Managed> Described for K {
    fn common(&self) -> &CommonSpec {
        Managed::common(self)
    }
    fn desired(&self) -> &dyn Any {
        Managed::desired(self)
    }
    fn status(&self) -> StatusDraft {
        self.status_draft()
    }
    fn uid(&self) -> Option<String> {
        self.meta().uid.clone()
    }
    fn has_spec_of(&self, other: &dyn Described) -> bool {
        self.spec_json() == other.spec_json()
    }
    fn spec_json(&self) -> Value {
        serde_json::to_value(self).map(|mut object| object["spec"].take()).unwrap_or_default()
    }
    fn generation(&self) -> Option<i64> {
        self.meta().generation
    }
    fn only_observes(&self) -> bool {
        Managed::only_observes(self)
    }
    fn orphan_reason(&self) -> Option<OrphanReason> {
        Managed::orphan_reason(self)
    }
    fn has_annotation(&self, annotation: &str) -> bool {
        Managed::has_annotation(self, annotation)
    }
}

/// Reads an object that its schema accepts.
pub type Decoder = fn(Value) -> Result<Arc<dyn Described>, Vec<Problem>>;

/// Returns the decoder of a managed kind; `None` for every other kind.
pub fn decoder(kind: &str) -> Option<Decoder> {
    let all: &[(&str, Decoder)] = &managed_kinds!(|K| (<K as Managed>::KIND, decode::<K> as Decoder));
    all.iter().find(|(name, _)| *name == kind).map(|(_, decoder)| *decoder)
}

/// A managed kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// Its API version.
    pub api_version: String,
}

/// Returns the managed kind that has this type of spec.
#[must_use]
pub fn kind_of(spec: TypeId) -> Option<Kind> {
    let all = managed_kinds!(|K| {
        let kind = Kind { name: <K as Managed>::KIND, api_version: K::api_version(&()).into_owned() };
        (TypeId::of::<<K as HasSpec>::Spec>(), kind)
    });
    all.into_iter().find(|(own, _)| *own == spec).map(|(_, kind)| kind)
}

fn decode<K: Managed>(mut value: Value) -> Result<Arc<dyn Described>, Vec<Problem>> {
    // `null` means absent, as the API server reads it.
    drop_nulls(&mut value["spec"]);
    match serde_json::from_value::<K>(value) {
        Ok(object) => Ok(Arc::new(object)),
        Err(error) => Err(vec![Problem { field: "spec".to_owned(), message: error.to_string() }]),
    }
}

fn drop_nulls(spec: &mut Value) {
    if let Value::Object(fields) = spec {
        fields.retain(|_, value| !value.is_null());
    }
}
