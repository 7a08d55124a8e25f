//! `docs/policies-table.md` states the decision of [`plan`] in every situation and for every combination of the
//! policies.

use super::markdown::{Page, code_in};
use cloud_policy::api::shared::{AdoptionPolicy, DriftPolicy, ManagementPolicy, RecreatePolicy};
use cloud_policy::api::status::OperationKind;
use cloud_policy::engine::location::{Difference, Location, Moved};
use cloud_policy::engine::outcome::Outcome;
use cloud_policy::engine::plan::{Acquire, Existing, Plan, PriorState, Rules, Step, Unapplied, plan};
use cloud_policy::engine::{Details, Diff, FieldDiff, Observation, Ownership, Remedy};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

/// The hash of the wanted spec. Another one was written before the spec changed.
const WANTED: &str = "wanted";
const ID: &str = "id-1";
const FIELD: &str = "spec.x";

struct Situation {
    name: &'static str,
    prior: PriorState,
    found: Vec<Observation>,
    external_id: Option<&'static str>,
}

/// One row of the table. Empty first cells have the text of the row above.
struct Row {
    situation: String,
    policies: [String; 4],
    decision: String,
}

#[test]
fn policies_table_states_decision_of_code() {
    let rows = rows();
    let mut used = BTreeSet::new();
    for situation in situations() {
        for (names, rules) in combinations(situation.external_id) {
            let decided = describe(&plan(&situation.prior, rules, situation.found.clone(), WANTED));
            let fits = |row: &Row| row.situation == situation.name && row.covers(&names);
            let fitting: Vec<usize> = (0..rows.len()).filter(|index| fits(&rows[*index])).collect();
            let [index] = fitting[..] else { panic!("{}, {names:?}: {} rows fit", situation.name, fitting.len()) };
            assert_eq!(rows[index].decision, decided, "{}, {names:?}", situation.name);
            used.insert(index);
        }
    }
    assert_eq!(used.len(), rows.len(), "a row describes a situation that no test has");
}

impl Row {
    fn covers(&self, names: &[String; 4]) -> bool {
        self.policies.iter().zip(names).all(|(cell, name)| cell == "*" || code_in(cell).contains(name))
    }
}

fn rows() -> Vec<Row> {
    let page = Page::read("docs/policies-table.md");
    let table = page.tables().into_iter().find(|table| table.header[0] == "situation").expect("the table");
    let mut situation = String::new();
    let row = |cells: Vec<String>| {
        let [first, management, adoption, drift, recreate, decision] = <[String; 6]>::try_from(cells).unwrap();
        if !first.is_empty() {
            situation = first.replace('`', "");
        }
        Row { situation: situation.clone(), policies: [management, adoption, drift, recreate], decision }
    };
    table.rows.into_iter().map(row).collect()
}

fn combinations(external_id: Option<&'static str>) -> Vec<([String; 4], Rules<'static>)> {
    let mut all = Vec::new();
    for management in [ManagementPolicy::Full, ManagementPolicy::CreateOnly, ManagementPolicy::Observe] {
        for adoption in [AdoptionPolicy::Never, AdoptionPolicy::IfIdentical, AdoptionPolicy::Always] {
            for drift in [DriftPolicy::Correct, DriftPolicy::Report] {
                for recreate in [RecreatePolicy::Never, RecreatePolicy::WhenRequired] {
                    let names = [
                        format!("{management:?}"),
                        format!("{adoption:?}"),
                        format!("{drift:?}"),
                        format!("{recreate:?}"),
                    ];
                    all.push((names, Rules { management, adoption, drift, recreate, external_id }));
                }
            }
        }
    }
    all
}

/// Describes a decision in the words of the page.
fn describe(plan: &Plan) -> String {
    match plan {
        Plan::Create => "create".to_owned(),
        Plan::Wait => "wait".to_owned(),
        Plan::Recheck(_) => "recheck".to_owned(),
        Plan::Report { observed, why } => {
            let outcome = Outcome::reported(observed.as_ref().map(|observed| observed.diff.clone()), *why);
            format!("report `{}`", outcome.reason.as_str())
        }
        Plan::Yield(rival) => {
            format!("refuse `{}`", Outcome::yielded(rival.message(), Duration::ZERO).reason.as_str())
        }
        Plan::Duplicate { ids, .. } => format!("refuse `{}`", Outcome::duplicate(ids).reason.as_str()),
        Plan::Refuse(refusal) => format!("refuse `{}`", refusal.reason().as_str()),
        Plan::Existing(Existing { acquire, step, .. }) => {
            let first = match acquire {
                Some(Acquire::Adopt) => "adopt, ",
                Some(Acquire::Recover) => "recover, ",
                None => "",
            };
            format!("{first}{}", written(step))
        }
    }
}

fn written(step: &Step) -> String {
    match step {
        Step::None => "keep".to_owned(),
        Step::Update { .. } => "update".to_owned(),
        Step::Recreate { .. } => "recreate".to_owned(),
        Step::NotApplied(diff) => format!("refuse `{}`", Outcome::not_applied(diff.clone()).reason.as_str()),
        Step::DriftFight { diff, over } => {
            format!("refuse `{}`", Outcome::drift_fight(diff.clone(), over).reason.as_str())
        }
    }
}

fn seen(id: &str, owner: Ownership, differs: Option<Remedy>) -> Observation {
    let (desired, observed) = (json!(1), json!(2));
    let field = |remedy| FieldDiff { path: FIELD.to_owned(), desired, observed, remedy, widens: false };
    let diff = Diff { fields: differs.map(field).into_iter().collect(), ..Diff::default() };
    Observation { id: id.to_owned(), owner, diff, details: Details::default() }
}

fn wider(remedy: Remedy) -> Vec<Observation> {
    let mut observation = seen(ID, Ownership::Ours, Some(remedy));
    observation.diff.mark_widening(FIELD);
    vec![observation]
}

fn other() -> Ownership {
    Ownership::ForeignTag("other-cluster/uid".to_owned())
}

/// Returns the status of an object whose current spec was written.
fn written_before() -> PriorState {
    PriorState { id: Some(ID.to_owned()), applied_hash: Some(WANTED.to_owned()), ..PriorState::default() }
}

fn spec_changed() -> PriorState {
    PriorState { applied_hash: Some("before".to_owned()), ..written_before() }
}

fn lost_create(in_grace: bool) -> PriorState {
    PriorState { in_flight: Some(OperationKind::Create), in_grace, ..PriorState::default() }
}

fn contested() -> PriorState {
    PriorState { contender: Some("Policy a/b".to_owned()), ..PriorState::default() }
}

/// Returns the status of an object that is recorded in another place than the one to which the connection leads.
fn recorded_elsewhere(difference: Difference) -> PriorState {
    let at = |endpoint: &str| Location { endpoint: endpoint.to_owned(), ..Location::default() };
    let (from, to) = (at("https://old.example.com"), at("https://new.example.com"));
    let moved = Moved { from, to, difference, id: Some(ID.to_owned()), key: "name".to_owned() };
    PriorState { moved: Some(moved), ..written_before() }
}

fn situations() -> Vec<Situation> {
    use Ownership::{OtherObject, Ours, Unknown, Untagged};
    use Remedy::{Recreate, Update};
    let never = PriorState::default;
    let case = |name, prior, found| Situation { name, prior, found, external_id: None };
    let one = |owner, differs| vec![seen(ID, owner, differs)];
    let unapplied = Unapplied { path: FIELD.to_owned(), observed: "2".to_owned() };
    let stuck = PriorState { not_applied: vec![unapplied], ..written_before() };
    let reverted = PriorState { settling: true, ..spec_changed() };
    let failed = PriorState { sent: Some("other".to_owned()), ..written_before() };
    let rivaled = PriorState { contender: contested().contender, ..written_before() };
    let settling = || PriorState { settling: true, ..written_before() };
    let fought = PriorState { fought: vec![FIELD.to_owned()], ..written_before() };
    let named_and_recorded = "no owner tag, id recorded, externalId names it, equal";
    let recreating = PriorState { in_flight: Some(OperationKind::Recreate), ..spec_changed() };
    let incomplete = PriorState { id: Some(ID.to_owned()), ..lost_create(true) };
    let unrecorded = PriorState { may_be_unrecorded: true, ..never() };
    let sent = PriorState { create_sent: true, ..lost_create(true) };
    let adopting = PriorState { in_flight: Some(OperationKind::Adopt), ..never() };
    vec![
        case("not there, never created", never(), vec![]),
        case("not there, was created before", written_before(), vec![]),
        case("not there, a create was lost, in the grace", lost_create(true), vec![]),
        case("not there, a create was lost, after the grace", lost_create(false), vec![]),
        case("not there, an earlier process may have created it without a record", unrecorded, vec![]),
        case("not there, recreate under way", recreating, vec![]),
        Situation { external_id: Some(ID), ..case("not there, externalId names it", never(), vec![]) },
        case("recorded elsewhere, not there", recorded_elsewhere(Difference::Possible), vec![]),
        case("recorded elsewhere, ours there, equal", recorded_elsewhere(Difference::Possible), one(Ours, None)),
        case("recorded elsewhere, no owner tag there", recorded_elsewhere(Difference::Possible), one(Untagged, None)),
        case("recorded in another account, ours there", recorded_elsewhere(Difference::Certain), one(Ours, None)),
        case("ours, equal", written_before(), one(Ours, None)),
        case("ours, differs, spec changed", spec_changed(), one(Ours, Some(Update))),
        case("ours, differs, its create is not complete", incomplete, one(Ours, Some(Update))),
        case("ours, differs by drift", written_before(), one(Ours, Some(Update))),
        case("ours, differs, just written", settling(), one(Ours, Some(Update))),
        case("ours, equal, spec changed, another spec just written", reverted, one(Ours, None)),
        case("ours, equal, an update to another spec just failed", failed, one(Ours, None)),
        case("no owner tag, id recorded, just written", settling(), one(Untagged, None)),
        case("ours, differs, the upstream did not apply an earlier write", stuck.clone(), one(Ours, Some(Update))),
        case("ours, may grant more, the upstream did not apply an earlier write", stuck, wider(Update)),
        case("ours, differs by drift, a field is fought over", fought.clone(), one(Ours, Some(Update))),
        case("ours, may grant more by drift, a field is fought over", fought.clone(), wider(Update)),
        case("ours, must be recreated, may grant more by drift, a field is fought over", fought, wider(Recreate)),
        case("ours, must be recreated, spec changed", spec_changed(), one(Ours, Some(Recreate))),
        case("ours, must be recreated by drift", written_before(), one(Ours, Some(Recreate))),
        case("owner tags are not shown, id recorded, equal", written_before(), one(Unknown, None)),
        case("owner tags are not shown, id recorded, equal, an older object claims it", rivaled, one(Unknown, None)),
        case(
            "owner tags are not shown, id recorded, must be recreated",
            written_before(),
            one(Unknown, Some(Recreate)),
        ),
        case("no owner tag, id recorded, equal", written_before(), one(Untagged, None)),
        Situation { external_id: Some(ID), ..case(named_and_recorded, written_before(), one(Untagged, None)) },
        case("a foreign owner tag, id recorded", written_before(), one(other(), None)),
        case("has our owner tag, id not recorded, equal", never(), one(Ours, None)),
        case("has our owner tag, id not recorded, differs", never(), one(Ours, Some(Update))),
        case("has our owner tag, an adoption's outcome is not recorded, equal", adopting, one(Ours, None)),
        case("no owner tag, a create was lost that this process sent, equal", sent, one(Untagged, None)),
        case(
            "no owner tag, a create is in status that this process did not send, equal",
            lost_create(true),
            one(Untagged, None),
        ),
        case("no owner tag, equal", never(), one(Untagged, None)),
        case("no owner tag, differs", never(), one(Untagged, Some(Update))),
        case("no owner tag, must be recreated", never(), one(Untagged, Some(Recreate))),
        case("no owner tag, equal, an older object claims it", contested(), one(Untagged, None)),
        case("not there, an older object claims it", contested(), vec![]),
        case(
            "the owner tag of another object of this cluster",
            never(),
            one(OtherObject("Policy a/b".to_owned()), None),
        ),
        case("a system object of the upstream", never(), one(Ownership::Reserved, None)),
        case("a foreign owner tag", never(), one(other(), None)),
        case(
            "several objects have the name, none is ours",
            never(),
            vec![seen("a", Untagged, None), seen("b", other(), None)],
        ),
        case("several with our owner tag", never(), vec![seen("a", Ours, None), seen("b", Ours, None)]),
    ]
}
