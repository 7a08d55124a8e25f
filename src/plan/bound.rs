//! Judges objects by the guardrails of their connection, as the controller does.

use crate::api::ConnectionKey;
use crate::api::guardrails::{Enforcement, Guardrail};
use crate::engine::access::guardrails::{Breach, Candidate, Grants, judge, judge_access};
use crate::engine::plan::{Acquire, Existing, Plan};
use crate::engine::{BoundExternal, UpstreamError};
use crate::manifests::{Manifests, Object};
use crate::upstream::registry;
use serde::Serialize;
use std::collections::BTreeMap;

/// What guardrails say of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// How it is beyond them, so that nothing is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beyond: Option<String>,
    /// How it is beyond those that only warn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// Judges what an object grants.
pub fn of(rules: &[Guardrail], candidate: &Candidate<'_>, key: &ConnectionKey) -> Judged {
    let of = |enforcement| judge(rules, enforcement, candidate);
    let beyond = of(Enforcement::Enforce).breach().map(|breach| describe("The spec", breach, key));
    let warning = of(Enforcement::Warn)
        .breach()
        .map(|breach| format!("The spec is beyond guardrails of {key} that only warn: {breach}."));
    Judged { beyond, warning }
}

/// Returns why an upstream object that a plan adopts may not be adopted: it grants more than the guardrails permit. It
/// reads the object once more.
pub async fn adoption(
    rules: &[Guardrail],
    external: &dyn BoundExternal,
    plan: &Plan,
    namespace: &str,
    key: &ConnectionKey,
) -> Result<Option<String>, UpstreamError> {
    let Plan::Existing(Existing { acquire: Some(Acquire::Adopt), observed, .. }) = plan else { return Ok(None) };
    let judge = |grants: &Grants<'_>| judge_access(rules, Enforcement::Enforce, namespace, grants);
    let judged = external.observe_judged(&observed.id, &judge).await?;
    let breach = judged.and_then(|(_, judgement)| judgement.breach().cloned());
    Ok(breach.map(|breach| describe(&format!("The upstream object {}", observed.id), &breach, key)))
}

/// Describes a breach, with what to do.
pub fn describe(what: &str, breach: &Breach, key: &ConnectionKey) -> String {
    format!("{what} is beyond the guardrails of {key}: {breach}. Nothing is written. {}", breach.advice())
}

/// Counts for each object those of its namespace and connection that come before it: those that the cluster has, then
/// the others in the order of the inputs.
pub fn older(objects: &[Object]) -> Vec<usize> {
    let mut counts = vec![0; objects.len()];
    let mut seen = BTreeMap::<String, usize>::new();
    for at in order(objects) {
        let Ok(content) = &objects[at].content else { continue };
        let key = ConnectionKey::of(&content.common().connection_ref, &objects[at].namespace);
        let count = seen.entry(format!("{key} {}", objects[at].namespace)).or_default();
        counts[at] = *count;
        *count += 1;
    }
    counts
}

/// Returns the indexes of objects, those that the cluster has first.
pub fn order(objects: &[Object]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..objects.len()).collect();
    order.sort_by_key(|at| objects[*at].content.as_ref().is_ok_and(|content| content.uid().is_none()));
    order
}

/// The judgement of one object of a test of guardrails.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tested {
    /// The object.
    pub object: String,
    /// Its file.
    pub file: String,
    /// The line on which it begins.
    pub line: u64,
    /// What the guardrails say; an error if that is not known.
    #[serde(flatten)]
    pub result: TestResult,
}

/// The result of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TestResult {
    /// The guardrails were asked.
    Judged(Judged),
    /// They could not be asked, for this reason.
    Failed(String),
}

/// Judges every object of the manifests by the guardrails of its connection, which must be among the manifests. It asks no
/// upstream and no cluster.
#[must_use]
pub fn test(manifests: &Manifests) -> Vec<Tested> {
    let older = older(&manifests.objects);
    let each = manifests.objects.iter().zip(older);
    each.map(|(object, older)| Tested {
        object: object.title(),
        file: object.origin.file.clone(),
        line: object.origin.line,
        result: tested(manifests, object, older).map_or_else(TestResult::Failed, TestResult::Judged),
    })
    .collect()
}

fn tested(manifests: &Manifests, object: &Object, older: usize) -> Result<Judged, String> {
    let content = object.content.as_ref().map_err(|problems| object.describe(problems))?;
    let key = ConnectionKey::of(&content.common().connection_ref, &object.namespace);
    let connection =
        manifests.connection(&key).ok_or_else(|| format!("{key} is not among the manifests: add its file"))?;
    let rules = connection.spec.guardrails.clone().unwrap_or_default();
    let mut judged = None;
    registry::examine(content.desired(), &mut |name: &str, grants: &Grants<'_>| {
        let candidate = Candidate { namespace: &object.namespace, name, older, grants };
        judged = Some(of(&rules, &candidate, &key));
    });
    judged.ok_or_else(|| "the spec describes no object of any upstream".to_owned())
}
