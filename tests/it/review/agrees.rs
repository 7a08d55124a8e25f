//! Whatever accounts hold: the report equals their state, and does not depend on the order in which they show it.

use crate::export::states::fill;
use crate::plan::agrees::cases::Dice;
use crate::plan::setup::given;
use cloud_policy::export::{Selection, read};
use cloud_policy::plan::connections::account;
use cloud_policy::review::policy::{Management, Policy, UsedBy};
use cloud_policy::review::report::Reviewed;
use cloud_policy::review::{Header, Report, Sources};
use cloud_policy_simulator::ncloud::{self, Assignee, Ncloud, PrincipalType};
use cloud_policy_simulator::spaceone::{self, RolePolicy, Spaceone, StoredRole};
use std::collections::BTreeMap;
use std::time::Instant;

/// How many accounts are generated.
const STATES: u64 = 25;

/// How many objects of each collection an account has.
const EACH: usize = 6;

pub async fn reported(ncloud: &Ncloud, spaceone: &Spaceone) -> Report {
    let (given, limits) = given(ncloud, spaceone);
    let selection = Selection { with_users: true, with_reserved: true, ..Selection::default() };
    let mut reviewed = Vec::new();
    for given in &given {
        let account = account(given, &limits).unwrap();
        let found =
            read(&account, &selection, Instant::now(), &|_| {}).await.unwrap_or_else(|unread| panic!("{unread:?}"));
        let (connection, endpoint) = (given.name.clone(), account.endpoint().to_owned());
        reviewed.push(Reviewed { connection, endpoint, account: account.id(), found });
    }
    let header = Header { time: "2026-12-01T00:00:00Z".to_owned(), tool: "test".to_owned(), names_users: false };
    Report::of(header, &reviewed, &Sources::default())
}

/// Who holds each policy of NAVER Cloud, by its id.
type Assigned = BTreeMap<String, Vec<PrincipalType>>;

/// Gives policies to some, also those of the provider, and names a policy of the repository in several roles.
fn assign(dice: &mut Dice, ncloud: &Ncloud, spaceone: &Spaceone, ids: &[String]) -> Assigned {
    let mut assigned = Assigned::new();
    for id in ids {
        let kinds = assigned.entry(id.clone()).or_default();
        for at in 0..dice.below(4) {
            let all = [PrincipalType::SubAccount, PrincipalType::Group, PrincipalType::Role];
            let resource_type = all[dice.below(all.len())];
            let (resource_id, resource_name) = (format!("id-{at}"), format!("이름 {at}"));
            assert!(ncloud.assign(id, Assignee { resource_type, resource_id, resource_name }));
            kinds.push(resource_type);
        }
    }
    let ids: Vec<String> = spaceone.policies().into_iter().map(|policy| policy.policy_id).collect();
    for at in 0..3 {
        let mut role = StoredRole { name: format!("role {at}"), is_old: dice.below(2) == 0, ..StoredRole::default() };
        for id in &ids {
            match dice.below(4) {
                0 => role.policies.push(RolePolicy::managed(id)),
                1 => role.policies.push(RolePolicy::custom(id)),
                _ => {}
            }
        }
        spaceone.add_role(role);
    }
    assigned
}

/// Returns the users of a policy as the simulators have them.
fn expected(policy: &Policy, assigned: &Assigned, spaceone: &Spaceone) -> Option<UsedBy> {
    let id = &policy.reference.id;
    match policy.reference.system {
        "spaceone/networkpolicy" => None,
        "spaceone/policy" => {
            let holds = |role: &StoredRole| role.policies.contains(&RolePolicy::managed(id));
            let roles = spaceone.roles().into_iter().filter(holds).count();
            Some(UsedBy { count: roles, roles, ..UsedBy::default() })
        }
        _ => {
            let kinds = &assigned[id];
            let of = |kind| kinds.iter().filter(|it| **it == kind).count();
            Some(UsedBy {
                count: kinds.len(),
                sub_accounts: of(PrincipalType::SubAccount),
                groups: of(PrincipalType::Group),
                roles: of(PrincipalType::Role),
                ..UsedBy::default()
            })
        }
    }
}

fn assert_equals(report: &Report, ncloud: &Ncloud, spaceone: &Spaceone, assigned: &Assigned, state: u64) {
    let stored = ncloud.policies();
    let provider = assigned.len() - stored.len();
    let all = assigned.len() + spaceone.policies().len() + spaceone.network_policies().len();
    assert_eq!((report.policies.len(), report.summary.policies, report.complete), (all, all, true), "state {state}");
    assert_eq!((report.summary.provider, provider > 3), (provider, true), "state {state}");
    let tagged = stored.iter().filter(|it| it.tags.contains_key("cloudpolicy-owner")).count()
        + spaceone.policies().iter().filter(|it| it.tags.contains_key("cloudpolicy_owner")).count()
        + spaceone.network_policies().iter().filter(|it| it.tags.contains_key("cloudpolicy_owner")).count();
    assert_eq!(report.summary.managed, tagged, "state {state}");
    assert_eq!(report.unmanaged.len(), all - tagged - provider, "state {state}");
    for policy in &report.policies {
        assert_eq!(policy.used_by, expected(policy, assigned, spaceone), "state {state}: {policy:#?}");
        let is_unused = policy.management != Management::Provider && policy.is_unused();
        assert_eq!(report.unused.contains(&policy.reference), is_unused, "state {state}: {policy:#?}");
    }
}

#[tokio::test]
async fn report_equals_the_state_of_any_account() {
    let (mut unused, mut managed) = (0, 0);
    for state in 1..=STATES {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (state << 21));
        let ncloud = Ncloud::start(ncloud::Options::default()).await.unwrap();
        let spaceone = Spaceone::start(spaceone::Options::default()).await.unwrap();
        fill(&mut dice, &ncloud, &spaceone, EACH);
        // Only a report shows the policies of the provider.
        let before = reported(&ncloud, &spaceone).await;
        let ids = before.policies.into_iter().map(|policy| policy.reference).filter(|it| it.system == "ncloud/policy");
        let assigned = assign(&mut dice, &ncloud, &spaceone, &ids.map(|it| it.id).collect::<Vec<_>>());
        let report = reported(&ncloud, &spaceone).await;
        assert_equals(&report, &ncloud, &spaceone, &assigned, state);
        ncloud.set_options(|options| {
            options.switches.shuffled_pages = state % 2 == 0;
            options.switches.newest_first = state % 2 == 1;
            options.switches.order = ncloud::Order::Reversed;
        });
        assert_eq!(reported(&ncloud, &spaceone).await, report, "state {state}: another order gives the same report");
        (unused, managed) = (unused + report.unused.len(), managed + report.summary.managed);
    }
    assert!(unused > 50 && managed > 50, "{unused}, {managed}");
}
