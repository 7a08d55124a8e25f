//! Finds objects of this cluster that claim the same upstream object: the oldest wins, the others report
//! `Conflict` and write nothing.
//!
//! Two objects claim the same when they name the same connection and the same unique name, or the same
//! `externalId`. The spec contains the claim, so it is known before anything exists upstream. An owner tag
//! that is upstream already decides without claims.
//!
//! A claim alone blocks no object. It counts only while its object may use it:
//!
//! - The operator writes for the object, and did not refuse it: a refused object never acquires what it names.
//! - An object that records one upstream object makes no claim on the id of another one.
//! - A claim on an id concerns who adopts an object that is there. It keeps no object from creating one.
//! - The object that records the name comes before those that only claim it, whatever their age.
//! - Where the upstream shows no owner tags, a record is the only proof, and others may have forged it. If two objects record
//!   the same upstream object and this process saw neither create it, neither comes first: both wait for a human. An object
//!   that another one records is not adopted.

use super::ownership::display_name;
use super::reconciliation::Reconciliation;
use crate::api::status::UpstreamRef;
use crate::api::{ConditionType, Reason};
use crate::controller::kinds::managed::Managed;
use crate::controller::state::claims::Claim;
use crate::engine::{Observation, Ownership};
use crate::upstream::{Account, registry};
use jiff::Timestamp;

/// The reasons with which the operator refuses what a spec asks for, until a human changes it.
const REFUSED: [Reason; 7] = [
    Reason::Conflict,
    Reason::InvalidSpec,
    Reason::ValidationFailed,
    Reason::GuardrailDenied,
    Reason::AccountChanged,
    Reason::UnsupportedByUpstream,
    Reason::InternalError,
];

/// Returns the display name of the first of the objects that come before this one in one of its claims.
pub fn contender<K: Managed>(this: &Reconciliation<'_, K>, found: &[Observation]) -> Option<String> {
    let proven = this.shared().records.proven(&this.uid());
    let is_ours = |seen: &Observation| match seen.owner {
        Ownership::Ours => true,
        // Where the upstream shows no owner tags, this process may know that it made the object.
        Ownership::Unknown => proven.as_ref() == Some(&seen.id),
        Ownership::Untagged | Ownership::ForeignTag(_) | Ownership::OtherObject(_) | Ownership::Reserved => false,
    };
    if found.iter().any(is_ours) {
        return None;
    }
    first_claim(this, |id| found.iter().any(|seen| seen.id == id)).or_else(|| recorder(this, found))
}

/// Returns the display name of another object that records one of the found objects, whose owner tags the upstream does not
/// show: its record is the only proof of its ownership.
fn recorder<K: Managed>(this: &Reconciliation<'_, K>, found: &[Observation]) -> Option<String> {
    let mine = this.recorded_id();
    let is_hidden = |seen: &&Observation| seen.owner == Ownership::Unknown && mine.as_ref() != Some(&seen.id);
    let hidden: Vec<&str> = found.iter().filter(is_hidden).map(|seen| seen.id.as_str()).collect();
    let system = registry::identity(this.object.desired())?.system;
    if hidden.is_empty() {
        return None;
    }
    let records = |other: &K| {
        let record =
            record_of(other).filter(|record| record.system == system && other.meta().uid != this.object.uid())?;
        hidden.contains(&record.id.as_deref()?).then(|| (age(other), other.namespace(), other.name_any()))
    };
    let (_, namespace, name) = this.shared().stores.collect(records).into_iter().min()?;
    Some(shown(this, &namespace.unwrap_or_default(), &name))
}

/// Returns the display name of another object, as the beginning of a sentence.
fn shown<K: Managed>(this: &Reconciliation<'_, K>, namespace: &str, name: &str) -> String {
    let text = display_name(K::KIND, namespace, name, &this.namespace());
    text[..1].to_uppercase() + &text[1..]
}

/// Returns the display name of the first of the objects that come before this one in one of its claims. A claim on an id
/// counts only if the object `is_there`.
pub fn first_claim<K: Managed>(this: &Reconciliation<'_, K>, is_there: impl Fn(&str) -> bool) -> Option<String> {
    let (me, accounts) = (&this.object, &this.shared().accounts);
    let mut mine = claims_of(me);
    mine.retain(|claim| !matches!(claim, Claim::Id(_, _, id) if !is_there(id)));
    let uid = me.meta().uid.as_deref().unwrap_or_default();
    if !this.shared().stores.has_rival::<K>(&mine, uid) {
        return None;
    }
    let (my_record, my_age) = (this.status.common.upstream.as_ref(), age(me));
    let before = |other: &K| {
        let namespace = other.namespace().unwrap_or_default();
        let record = record_of(other);
        let precedes = |claim: &Claim| {
            mine.contains(claim) && rank(claim, record, age(other)) < rank(claim, my_record, my_age.clone())
        };
        let claims = claims_of(other);
        let is_other = other.meta().uid != me.meta().uid;
        let is_contested =
            is_other && records_same(record, my_record) && claims.iter().any(|claim| mine.contains(claim));
        let contends = (is_contested || (claims.iter().any(precedes) && !is_refused(other)))
            && writes(other)
            // An object that may not use the connection has no claim on the upstream objects behind it.
            && accounts.resolve(&other.common().connection_ref, &namespace).is_ok();
        contends.then(|| (age(other), namespace, other.name_any()))
    };
    let (_, namespace, name) = this.shared().stores.collect(before).into_iter().min()?;
    Some(shown(this, &namespace, &name))
}

/// Returns the rank of an object among those that claim the same; the lowest comes first.
fn rank(claim: &Claim, record: Option<&UpstreamRef>, age: Age) -> (bool, Age) {
    let recorded = record.filter(|record| record.id.is_some());
    let is_recorded = matches!((claim, recorded), (Claim::Name(_, _, name), Some(record)) if record.key == *name);
    (!is_recorded, age)
}

/// Returns whether two objects record the same upstream object.
fn records_same(one: Option<&UpstreamRef>, other: Option<&UpstreamRef>) -> bool {
    let id = |record: &UpstreamRef| record.id.clone().map(|id| (record.system.clone(), id));
    one.and_then(id).is_some_and(|one| other.and_then(id).as_ref() == Some(&one))
}

/// Returns whether the operator refused what the object asks for. A newer spec has no claim before the operator has
/// read it either: else an endless row of edits would keep a claim alive.
fn is_refused<K: Managed>(object: &K) -> bool {
    let conditions = object.saved_common().map(|common| common.conditions.as_slice()).unwrap_or_default();
    ConditionType::Ready
        .find(conditions)
        .is_some_and(|ready| REFUSED.iter().any(|reason| ready.reason == reason.as_str()))
}

fn record_of<K: Managed>(object: &K) -> Option<&UpstreamRef> {
    object.saved_common()?.upstream.as_ref()
}

/// Returns whether the operator writes upstream for this object: not while it is deleted, suspended or only
/// observes.
fn writes<K: Managed>(object: &K) -> bool {
    !object.is_deleted() && !object.common().suspend && !object.only_observes()
}

type Age = (Option<Timestamp>, Option<String>);

fn age<K: Managed>(object: &K) -> Age {
    (object.meta().creation_timestamp.as_ref().map(|time| time.0), object.uid())
}

/// Returns the claims of an object's spec. `externalId` is none while status records another object.
pub fn claims_of<K: Managed>(object: &K) -> Vec<Claim> {
    let recorded = record_of(object).and_then(|record| record.id.as_ref());
    let is_recorded = |id: &String| recorded.is_none_or(|recorded| recorded == id);
    let mut claims = Claim::in_spec(object);
    claims.retain(|claim| !matches!(claim, Claim::Id(_, _, id) if !is_recorded(id)));
    claims
}

/// Returns the claim on an upstream object that was found in this collection.
pub fn claim_on(account: &Account, system: &'static str, id: &str) -> Claim {
    Claim::Object(registry::location(account, system).to_string(), system, id.to_owned())
}
