//! Every outcome that the operator can report, taken from its code: the constructors of the engine that set their
//! reason, for every input; and the constructors that take a reason, with each reason that the sources of the controller
//! pass to them.

use cloud_policy::api::Reason;
use cloud_policy::api::shared::ConnectionRef;
use cloud_policy::api::status::UpstreamRef;
use cloud_policy::engine::contradiction::{Contradiction, Former};
use cloud_policy::engine::deletion_plan::{in_use, still_listed};
use cloud_policy::engine::location::{Difference, Location, Moved};
use cloud_policy::engine::outcome::{Outcome, Requeue};
use cloud_policy::engine::plan::{Refusal, ReportOnly};
use cloud_policy::engine::{Diff, ErrorKind, Remedy, UpstreamError, Verdict};
use cloud_policy_testbed::repository;
use regex::Regex;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An outcome to test.
pub struct Case {
    pub outcome: Outcome,
    /// Whether the object is being deleted.
    pub deletion: bool,
}

/// Returns all outcomes.
pub fn all() -> Vec<Case> {
    let own = [fixed(), refused(), contradicted(), reported(), failed()].concat();
    let mut cases: Vec<Case> = own.into_iter().map(|outcome| Case { outcome, deletion: false }).collect();
    cases.extend(deletion().into_iter().map(|outcome| Case { outcome, deletion: true }));
    cases.extend(with_passed_reason());
    cases
}

fn fixed() -> Vec<Outcome> {
    let fought = vec!["spec.ncloud.description".to_owned()];
    vec![
        Outcome::up_to_date(),
        Outcome::suspended(),
        Outcome::invalid(&Verdict { success: false, details: Vec::new() }, &json!({})),
        Outcome::yielded("Another object has it.", Duration::from_secs(30)),
        Outcome::settling(differing(Remedy::Update), Duration::ZERO),
        Outcome::settling(Diff::default(), Duration::ZERO),
        Outcome::not_applied(differing(Remedy::Update)),
        Outcome::not_applied(differing(Remedy::Recreate)),
        Outcome::duplicate(&["id-1".to_owned(), "id-2".to_owned()]),
        Outcome::drift_fight(differing(Remedy::Update), &fought),
        Outcome::approval_required("The change grants more."),
        Outcome::guardrail_denied("The spec is beyond the guardrails."),
        Outcome::guardrail_kept("The spec is beyond the guardrails.", differing(Remedy::Update), true),
        Outcome::up_to_date().beyond_guardrails("The spec is beyond the guardrails.".to_owned()),
    ]
}

/// Returns a record at another endpoint than the one to which the connection leads.
fn moved() -> Moved {
    let at = |endpoint: &str| Location { endpoint: endpoint.to_owned(), ..Location::default() };
    let (from, to) = (at("https://old.example.com"), at("https://new.example.com"));
    Moved { from, to, difference: Difference::Possible, id: Some("id-1".to_owned()), key: "name".to_owned() }
}

/// Returns the outcome of every refusal. The compiler requires new ones here.
fn refused() -> Vec<Outcome> {
    let id = || "id-1".to_owned();
    let fields = || "spec.ncloud.description".to_owned();
    let first = Refusal::ForeignTag { id: id(), owner: "another-cluster/uid".to_owned() };
    let all = std::iter::successors(Some(first), |refusal| match refusal {
        Refusal::ForeignTag { .. } => Some(Refusal::Reserved { id: id() }),
        Refusal::Reserved { .. } => Some(Refusal::ExternalIdNotFound { id: id() }),
        Refusal::ExternalIdNotFound { .. } => Some(Refusal::Ambiguous { ids: vec![id()] }),
        Refusal::Ambiguous { .. } => Some(Refusal::OtherThanSpec { id: id(), fields: fields() }),
        Refusal::OtherThanSpec { .. } => Some(Refusal::RecordedNotTagged { id: id() }),
        Refusal::RecordedNotTagged { .. } => Some(Refusal::CreateNotProven { id: id() }),
        Refusal::CreateNotProven { .. } => Some(Refusal::AdoptionNotAllowed { id: id(), differs: None }),
        Refusal::AdoptionNotAllowed { .. } => Some(Refusal::NotIdentical { id: id(), fields: fields() }),
        Refusal::NotIdentical { .. } => Some(Refusal::RecordedElsewhere(Box::new(moved()))),
        Refusal::RecordedElsewhere(_) => Some(Refusal::LeftBehind { id: id() }),
        Refusal::LeftBehind { .. } => None,
    });
    all.map(|refusal| Outcome::refused(refusal.reason(), refusal.message())).collect()
}

/// Returns the outcomes of a spec that contradicts the record: another connection, and another name.
fn contradicted() -> Vec<Outcome> {
    let connection = |name: &str| serde_json::from_value::<ConnectionRef>(json!({ "name": name })).unwrap();
    let place = UpstreamRef {
        system: "ncloud/policy".to_owned(),
        connection: connection("a"),
        endpoint: "https://example.com".to_owned(),
        account: None,
        repository: None,
        id: None,
        key: "viewer".to_owned(),
        adopted: false,
    };
    let names = [("b", "viewer"), ("a", "other")];
    let contradictions = names.map(|(name, key)| {
        Contradiction::between(&place, &connection(name), Some(("spec.ncloud.policyName", key))).unwrap()
    });
    let outcome = |it: &Contradiction| Outcome::refused(it.reason(), it.message(&Former::There("id-1".to_owned())));
    contradictions.iter().map(outcome).collect()
}

/// Returns the outcomes of a deletion. A blocked one has the reason of a refusal.
fn deletion() -> Vec<Outcome> {
    vec![
        Outcome::refused(Reason::Conflict, "The owner is not certain."),
        in_use("id-1", &["alice".to_owned()]),
        still_listed("id-1", Duration::ZERO),
    ]
}

fn differing(remedy: Remedy) -> Diff {
    let mut diff = Diff::default();
    diff.compare("spec.ncloud.description", &"wanted", &"seen", remedy);
    diff
}

fn reported() -> Vec<Outcome> {
    let restraints = [ReportOnly::Observe, ReportOnly::CreateOnly, ReportOnly::DriftReport];
    let seen = [None, Some(Diff::default()), Some(differing(Remedy::Update))];
    restraints.into_iter().flat_map(|why| seen.clone().map(|diff| Outcome::reported(diff, why))).collect()
}

fn failed() -> Vec<Outcome> {
    let error = |kind| UpstreamError::new(kind, "get policy", "it failed");
    kinds().map(|kind| Outcome::failed(&error(kind), Duration::from_secs(30))).collect()
}

/// Returns every kind of error. The compiler requires new kinds here.
fn kinds() -> impl Iterator<Item = ErrorKind> {
    std::iter::successors(Some(ErrorKind::Unauthorized), |kind| match kind {
        ErrorKind::Unauthorized => Some(ErrorKind::ClockSkew),
        ErrorKind::ClockSkew => Some(ErrorKind::RateLimited),
        ErrorKind::RateLimited => Some(ErrorKind::Unavailable),
        ErrorKind::Unavailable => Some(ErrorKind::OutcomeUnknown),
        ErrorKind::OutcomeUnknown => Some(ErrorKind::Rejected),
        ErrorKind::Rejected => Some(ErrorKind::InvalidReference),
        ErrorKind::InvalidReference => Some(ErrorKind::AlreadyExists),
        ErrorKind::AlreadyExists => Some(ErrorKind::NameReserved),
        ErrorKind::NameReserved => Some(ErrorKind::InUse),
        ErrorKind::InUse => Some(ErrorKind::UsersUnknown),
        ErrorKind::UsersUnknown => Some(ErrorKind::NotUpdatable),
        ErrorKind::NotUpdatable => Some(ErrorKind::QuotaExceeded),
        ErrorKind::QuotaExceeded => Some(ErrorKind::Unsupported),
        ErrorKind::Unsupported => Some(ErrorKind::EndpointNotAllowed),
        ErrorKind::EndpointNotAllowed => None,
    })
}

/// The places that pass a reason on: the one that `unavailable` is given, and the reason of a [`Refusal`] and of a
/// [`Contradiction`].
const PASSED_ON: [&str; 3] = [
    "src/controller/policy/account.rs Outcome::blocked",
    "src/controller/policy/apply/mod.rs Outcome::refused",
    "src/controller/policy/former.rs Outcome::refused",
];

/// Returns the outcomes of the calls that pass a reason to a constructor.
fn with_passed_reason() -> Vec<Case> {
    let call = Regex::new(
        r"(fn )?\b(Outcome::working|Outcome::refused|Outcome::blocked|unavailable)\(\s*(?:Reason::(\w+)|\w+)",
    )
    .unwrap();
    let (mut cases, mut passed_on) = (Vec::new(), Vec::new());
    for file in sources() {
        let text = fs::read_to_string(repository().join(&file)).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let deletion = file.starts_with("src/controller/policy/deletion");
        for found in call.captures_iter(code).filter(|found| found.get(1).is_none()) {
            match found.get(3) {
                Some(reason) => cases.push(Case { outcome: outcome(&found[2], reason.as_str()), deletion }),
                None => passed_on.push(format!("{} {}", file.display(), &found[2])),
            }
        }
    }
    passed_on.sort();
    assert_eq!(passed_on, PASSED_ON, "a reason comes from a call that this test does not read");
    assert!(cases.len() >= 10, "{} calls, expected more", cases.len());
    cases
}

fn outcome(constructor: &str, reason: &str) -> Outcome {
    let reason = *Reason::ALL.iter().find(|known| known.as_str() == reason).unwrap_or_else(|| panic!("{reason}"));
    match constructor {
        "Outcome::working" => Outcome::working(reason, "It goes on.", Requeue::Interval),
        "Outcome::blocked" | "unavailable" => Outcome::blocked(reason, "The connection is not there.", Requeue::Slow),
        _ => Outcome::refused(reason, "A human is needed."),
    }
}

/// Returns the source files that create outcomes.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(Path::new("src/controller"), &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(repository().join(folder)).unwrap() {
        let path = folder.join(entry.unwrap().file_name());
        if repository().join(&path).is_dir() {
            collect(&path, found);
        } else {
            found.push(path);
        }
    }
}
