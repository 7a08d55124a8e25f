//! All outcomes that the code can produce, found in the code: the constructors of [`Outcome`] that set their
//! reason, with every argument; and those that take a reason, with each reason that the sources of the
//! controller pass to them.

use cloud_policy::api::Reason;
use cloud_policy::engine::outcome::{Next, Outcome};
use cloud_policy::engine::plan::Restraint;
use cloud_policy::engine::{Diff, ErrorKind, Remedy, UpstreamError, Verdict};
use cloud_policy_testbed::repository;
use regex::Regex;
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
    let own = [fixed(), reported(), failed()].concat();
    let mut cases: Vec<Case> = own.into_iter().map(|outcome| Case { outcome, deletion: false }).collect();
    cases.extend(with_passed_reason());
    cases
}

fn fixed() -> Vec<Outcome> {
    let fought = vec!["spec.ncloud.description".to_owned()];
    vec![
        Outcome::up_to_date(),
        Outcome::suspended(),
        Outcome::invalid(&Verdict { success: false, details: Vec::new() }),
        Outcome::yielded("Another object has it.", Duration::from_secs(30)),
        Outcome::stuck(differing(Remedy::Update)),
        Outcome::stuck(differing(Remedy::Recreate)),
        Outcome::fight(differing(Remedy::Update), &fought),
    ]
}

fn differing(remedy: Remedy) -> Diff {
    let mut diff = Diff::default();
    diff.compare("spec.ncloud.description", &"wanted", &"seen", remedy);
    diff
}

fn reported() -> Vec<Outcome> {
    let restraints = [Restraint::Observe, Restraint::CreateOnly, Restraint::DriftReport];
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
        ErrorKind::AlreadyExists => Some(ErrorKind::InUse),
        ErrorKind::InUse => Some(ErrorKind::QuotaExceeded),
        ErrorKind::QuotaExceeded => Some(ErrorKind::Unsupported),
        ErrorKind::Unsupported => Some(ErrorKind::EndpointNotAllowed),
        ErrorKind::EndpointNotAllowed => None,
    })
}

/// The two calls that pass a reason on. The test reads the callers, too.
const PASSED_ON: [&str; 2] =
    ["src/controller/act.rs Outcome::refused", "src/controller/connections.rs Outcome::held_back"];

/// Returns the outcomes of the calls that pass a reason to a constructor.
fn with_passed_reason() -> Vec<Case> {
    let call = Regex::new(
        r"(fn )?\b(Outcome::working|Outcome::refused|Outcome::held_back|refuse|back)\(\s*(?:Reason::(\w+)|\w+)",
    )
    .unwrap();
    let (mut cases, mut passed_on) = (Vec::new(), Vec::new());
    for file in sources() {
        let text = fs::read_to_string(repository().join(&file)).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let deletion = file.ends_with("cleanup.rs") || file.ends_with("gate.rs");
        for found in call.captures_iter(code).filter(|found| found.get(1).is_none()) {
            match found.get(3) {
                Some(reason) => cases.push(Case { outcome: outcome(&found[2], reason.as_str()), deletion }),
                None => passed_on.push(format!("{} {}", file.display(), &found[2])),
            }
        }
    }
    passed_on.sort();
    assert_eq!(passed_on, PASSED_ON, "a reason comes from a call that this test does not read");
    assert!(cases.len() > 15, "{} calls, expected more", cases.len());
    cases
}

fn outcome(constructor: &str, reason: &str) -> Outcome {
    let reason = *Reason::ALL.iter().find(|known| known.as_str() == reason).unwrap_or_else(|| panic!("{reason}"));
    match constructor {
        "Outcome::working" => Outcome::working(reason, "It goes on.", Next::Interval),
        "Outcome::held_back" | "back" => Outcome::held_back(reason, "The connection is not there.", Next::Slowly),
        _ => Outcome::refused(reason, "A human is needed."),
    }
}

/// Returns the source files that create outcomes.
fn sources() -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("src/engine/plan.rs")];
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
