//! Names that the code had once and must not have again, and the form of test names.

use super::modules::Source;
use super::{code_files, read, root};
use regex::Regex;
use std::collections::BTreeSet;

/// Identifiers that no module of `src` may use: each has a term of the field.
const REPLACED: &[(&str, &str)] = &[
    ("Case", "Reconciliation"),
    ("Held", "Unavailable"),
    ("held_back", "blocked"),
    ("hold_on", "ensure_finalizer"),
    ("Urgency", "Priority"),
    ("urgency", "priority"),
    ("hurry", "raise_priority"),
    ("Stamp", "OwnerTag"),
    ("stamp", "owner_tag"),
    ("Mark", "FoundTag"),
    ("Act", "Apply"),
    ("carry_out", "run"),
    ("from_afar", "from_list"),
    ("closely", "from_get"),
    ("glimpse", "observe_listed"),
    ("Glimpse", "ListedObservation"),
    ("Looks", "Observations"),
    ("looked", "record_read"),
    ("look_up", "ensure_known"),
    ("look_again", "recheck"),
    ("Sighting", "Observation"),
    ("Stakes", "ClaimLocks"),
    ("Stake", "ClaimGuard"),
    ("Hold", "Existing"),
    ("Take", "Acquire"),
    ("Restraint", "ReportOnly"),
    ("Record", "PriorState"),
    ("LastKnown", "PriorState"),
    ("Neighbour", "OtherObject"),
    ("Subject", "BoundExternal"),
    ("Remnant", "ExternalDeleter"),
    ("remnant", "deleter"),
    ("Leftover", "Deleter"),
    ("holders", "used_by"),
    ("Facts", "Details"),
    ("Errand", "RequestContext"),
    ("errand", "request_context"),
    ("WriteLog", "WriteObserver"),
    ("Ledger", "AuditLog"),
    ("ledger", "audit_log"),
    ("Turns", "Permits"),
    ("Turn", "Permit"),
    ("Lane", "Queue"),
    ("Leaving", "CancelGuard"),
    ("call_up", "grant"),
    ("give_back", "release"),
    ("in_turn", "reconcile_when_permitted"),
    ("Wakes", "Triggers"),
    ("Wakers", "TriggerSenders"),
    ("woken", "triggers"),
    ("Feed", "StoreWriter"),
    ("guarded", "isolated"),
    ("census", "state_metrics"),
    ("Cut", "DepthLimiter"),
    ("DEEPEST", "MAX_DEPTH"),
    ("Sweep", "SnapshotCache"),
    ("take_turn", "try_full_read"),
    ("Words", "Redactor"),
    ("Link", "ConnectionResource"),
    ("put_on", "add"),
    ("take_off", "remove"),
    ("is_on", "has"),
    ("let_go", "release"),
    ("Health", "Readiness"),
    ("Orphaning", "OrphanReason"),
    ("mourn", "report"),
    ("unless_the_kind_goes", "delete_unless_crd_is_deleted"),
    ("Budget", "RateLimiter"),
    ("Desk", "State"),
    ("Seat", "Ticket"),
    ("sit_down", "enqueue"),
    ("Told", "Admission"),
    ("Reading", "RateLimitStats"),
    ("converse", "send_recorded"),
    ("Said", "ErrorBody"),
    ("may_pass", "is_transient"),
    ("Vitals", "AccountStats"),
    ("_farewell", "_last_user"),
    ("is_asked", "reconcile_requested"),
    ("is_new_spec", "spec_changed"),
    ("says", "has_annotation"),
    ("is_well", "is_ready"),
    ("AsBefore", "Unchanged"),
    ("unsaid", "without_status"),
    ("Slowly", "Slow"),
    ("Saved", "Stored"),
    ("is_news", "record_alarm"),
    ("is_right", "mark_corrected"),
    ("is_sent", "on_sent"),
];

/// The same for the tests, the simulators and the test bed.
const REPLACED_IN_TESTS: &[(&str, &str)] = &[
    ("World", "TestEnv"),
    ("Desk", "FaultProxy"),
    ("strike", "inject"),
    ("struck", "injected"),
    ("Cue", "Decision"),
    ("Director", "Decider"),
    ("theatre", "user"),
    ("strangers", "foreign_objects"),
    ("lives", "processes"),
    ("plays", "runs"),
];

/// The longest name of a test.
const LONGEST_TEST_NAME: usize = 60;

fn replaced<'a>(source: &Source<'_>, names: &'a [(&str, &str)]) -> Vec<&'a (&'a str, &'a str)> {
    let used: BTreeSet<String> =
        source.paths().iter().flat_map(|path| path.split("::").map(str::to_owned).collect::<Vec<_>>()).collect();
    names.iter().filter(|(name, _)| used.contains(*name)).collect()
}

fn check(folder: &str, names: &[(&str, &str)], exempt: impl Fn(&str) -> bool) {
    let mut wrong = Vec::new();
    for (file, code) in code_files(folder) {
        if !exempt(&file) {
            let found = replaced(&Source::new(&file, &code), names).into_iter();
            wrong.extend(found.map(|(name, term)| format!("{folder}/{file}: `{name}`: say `{term}`")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn source_uses_the_terms_of_the_field() {
    check("src", REPLACED, |_| false);
}

#[test]
fn test_code_uses_the_terms_of_the_field() {
    check("tests", REPLACED_IN_TESTS, |file| file.starts_with("it/architecture"));
}

/// `record` is a verb: to put down what happened. A function that returns something is named after that.
#[test]
fn record_names_functions_that_write() {
    let reads = Regex::new(r"fn record(?:<[^(]*)?\([^{;]*?->").unwrap();
    assert!(reads.is_match("pub fn record<K>(this: &This) -> Option<&Record> {") && !reads.is_match("fn record() {}"));
    let all = ["src", "tests"].into_iter().flat_map(code_files);
    let wrong: Vec<String> = all.filter(|(_, code)| reads.is_match(code)).map(|(file, _)| file).collect();
    assert!(wrong.iter().all(|file| file.ends_with("architecture/names.rs")), "name it after its result: {wrong:?}");
}

#[test]
fn planted_name_is_reported() {
    let source = Source::new("engine/mod.rs", "fn f(stamp: &str) -> Urgency { g(\"ledger\") } // errand");
    let found: Vec<_> = replaced(&source, REPLACED).into_iter().map(|(name, _)| *name).collect();
    assert_eq!(found, ["Urgency", "stamp"]);
}

/// Returns the names of the tests in the code.
fn test_names(code: &str) -> Vec<String> {
    let test = r"#\[(?:\w+::)*test\b[^\]\n]*\]\s*(?:(?:#\[.*\]|//.*)\s*)*(?:pub(?:\([^)]*\))? )?(?:async )?fn (\w+)";
    Regex::new(test).unwrap().captures_iter(code).map(|found| found[1].to_owned()).collect()
}

#[test]
fn test_names_are_short_and_name_their_subject() {
    let (mut count, mut wrong) = (0, Vec::new());
    for folder in ["src", "tests"] {
        for (file, code) in code_files(folder) {
            for name in test_names(&code) {
                count += 1;
                let riddle = name.split('_').any(|word| matches!(word, "who" | "whoever" | "nobody" | "somebody"))
                    || name.starts_with("what_");
                if name.len() > LONGEST_TEST_NAME || riddle {
                    wrong.push(format!("{folder}/{file}: {name} ({} characters)", name.len()));
                }
            }
        }
    }
    assert!(count > 700, "only {count} tests were found");
    assert!(wrong.is_empty(), "rename to subject_does_behaviour_when, at most 60 characters:\n{}", wrong.join("\n"));
}

#[test]
fn test_name_rule_reads_async_and_attributed_tests() {
    let code = "#[tokio::test(flavor = \"x\")]\n#[ignore]\nasync fn a_b() {}\n#[test]\nfn c() {}\nfn d() {}";
    assert_eq!(test_names(code), ["a_b", "c"]);
    assert!(read(&root().join("Cargo.toml")).contains("cloud-policy-operator"));
}
