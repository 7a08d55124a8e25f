//! Whatever an account holds: a plan of its export adopts each object and changes nothing else, and what has no manifest is
//! listed with its reason.

use super::states::fill;
use crate::plan::agrees::cases::Dice;
use crate::plan::setup::{given, planner_of};
use cloud_policy::api::shared::{AdoptionPolicy, ConnectionKind};
use cloud_policy::export::{Export, Options, Selection, export, read};
use cloud_policy::plan::connections::account;
use cloud_policy::plan::owners::Owners;
use cloud_policy::plan::{Input, Manifests};
use cloud_policy_simulator::ncloud::{self, Ncloud};
use cloud_policy_simulator::spaceone::{self, Spaceone};
use std::collections::BTreeMap;
use std::time::Instant;

/// How many accounts are generated.
const STATES: u64 = 40;

/// How many objects of each collection an account has.
const EACH: usize = 6;

pub fn options() -> Options {
    Options {
        namespace: Some("team-a".to_owned()),
        connection_kind: ConnectionKind::Connection,
        adopt: AdoptionPolicy::IfIdentical,
        names_users: false,
    }
}

/// Exports both simulators.
pub async fn exported(ncloud: &Ncloud, spaceone: &Spaceone) -> Export {
    let (given, limits) = given(ncloud, spaceone);
    let mut all = BTreeMap::new();
    for given in &given {
        let account = account(given, &limits).unwrap();
        let found = read(&account, &Selection::default(), Instant::now(), &|_| ()).await;
        all.insert(given.name.clone(), found.unwrap_or_else(|unread| panic!("{unread:?}")));
    }
    export(&all, &options())
}

/// Asserts that a plan of an export adopts each object without another change than its owner tag.
async fn assert_adopted(export: &Export, ncloud: &Ncloud, spaceone: &Spaceone, state: u64) {
    let manifests = Manifests::read(&[Input { file: "export".to_owned(), text: export.text() }], "other");
    assert_eq!((&manifests.unreadable[..], manifests.ignored), (&[][..], 0), "state {state}");
    let report = planner_of(&manifests, ncloud, spaceone, Owners::Unknown).plan(&manifests).await;
    assert_eq!(report.failures, [], "state {state}");
    assert_eq!(report.summary.adopt, export.manifests.len(), "state {state}: {:#?}", report.objects);
    for object in &report.objects {
        assert!(object.fields.is_empty() && object.access.change == "equal", "state {state}: {object:#?}");
        let writes: Vec<_> = object.writes.iter().map(|it| (it.operation, it.fields.clone())).collect();
        let tag = |(operation, fields): &(&str, Vec<String>)| {
            *operation == "add tag"
                || (operation.starts_with("update ") && fields == &["tags"])
                || (operation.starts_with("update ") && fields.iter().all(|it| it == "tags" || it.ends_with("_id")))
        };
        assert!(writes.len() == 1 && writes.iter().all(tag), "state {state}: {writes:?}");
    }
}

#[tokio::test]
async fn plan_of_an_export_only_adopts() {
    let (mut exported_count, mut skipped, mut refused) = (0, 0, 0);
    for state in 1..=STATES {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (state << 20));
        let ncloud = Ncloud::start(ncloud::Options::default()).await.unwrap();
        let spaceone = Spaceone::start(spaceone::Options::default()).await.unwrap();
        fill(&mut dice, &ncloud, &spaceone, EACH);
        let export = exported(&ncloud, &spaceone).await;
        let total = export.manifests.len() + export.skipped.len();
        assert_eq!(total, 3 * EACH, "state {state}: each object is exported or listed");
        assert!(export.skipped.iter().all(|it| !it.reason.is_empty()), "state {state}: {:?}", export.skipped);
        let names: std::collections::BTreeSet<_> = export.manifests.iter().map(|it| (&it.kind, &it.name)).collect();
        assert_eq!(names.len(), export.manifests.len(), "state {state}: names are unique");
        assert_adopted(&export, &ncloud, &spaceone, state).await;
        // The same state in another order gives the same bytes.
        ncloud.set_options(|options| {
            options.switches.shuffled_pages = state % 2 == 0;
            options.switches.newest_first = state % 2 == 1;
            options.switches.order = ncloud::Order::Reversed;
        });
        assert_eq!(exported(&ncloud, &spaceone).await.text(), export.text(), "state {state}");
        exported_count += export.manifests.len();
        refused += export.skipped.iter().filter(|it| it.is_refused).count();
        skipped += export.skipped.iter().filter(|it| !it.is_refused).count();
    }
    assert!(exported_count > 300 && skipped > 50 && refused > 30, "{exported_count}, {skipped}, {refused}");
}
