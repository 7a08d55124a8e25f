//! The report, which is also the JSON output.

use super::policy::{Management, Policy, Reference};
use super::sources::Sources;
use crate::engine::access::wildcard::Wildcard;
use crate::export::Found;
use serde::Serialize;

/// The version of the JSON output.
const VERSION: &str = "cloudpolicy.dev/report/v1";

/// Who made the report, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The time.
    pub time: String,
    /// The program and its version.
    pub tool: String,
    /// Whether users are named.
    pub names_users: bool,
}

/// An account that was read.
#[derive(Debug)]
pub struct Reviewed {
    /// The name of its connection.
    pub connection: String,
    /// The endpoint.
    pub endpoint: String,
    /// The id of the account, if the upstream shows it.
    pub account: Option<String>,
    /// What was read.
    pub found: Found,
}

/// A collection of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Collection {
    /// Its name.
    pub system: &'static str,
    /// How many policies it has; `None` if the account does not offer it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<usize>,
    /// Why the account does not offer it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The name of its connection.
    pub connection: String,
    /// The endpoint.
    pub endpoint: String,
    /// The id of the account, if the upstream shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Its collections.
    pub collections: Vec<Collection>,
}

/// Counts of policies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// All of them.
    pub policies: usize,
    /// Those that an operator manages.
    pub managed: usize,
    /// Those whose object is gone.
    pub abandoned: usize,
    /// Those without owner tag.
    pub unmanaged: usize,
    /// Those whose owner tag the upstream does not show.
    pub unknown: usize,
    /// Those that the provider manages.
    pub provider: usize,
    /// Those that can have users and have none, without those that the provider manages.
    pub unused: usize,
    /// Those with a pattern for a whole product or for everything, without those that the provider manages.
    pub wide: usize,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of this form.
    pub version: &'static str,
    /// When it was made.
    pub time: String,
    /// The program and its version.
    pub tool: String,
    /// Always `true`: a report that would not be complete is not made.
    pub complete: bool,
    /// The id of the cluster that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The accounts.
    pub accounts: Vec<Account>,
    /// Counts.
    pub summary: Summary,
    /// The policies without owner tag.
    pub unmanaged: Vec<Reference>,
    /// The policies whose object is gone.
    pub abandoned: Vec<Reference>,
    /// The policies that can have users and have none, without those that the provider manages.
    pub unused: Vec<Reference>,
    /// All policies, by connection, collection, name and id.
    pub policies: Vec<Policy>,
}

impl Report {
    /// Reports what was read of accounts.
    #[must_use]
    pub fn of(header: Header, reviewed: &[Reviewed], known: &Sources) -> Self {
        let is_named = header.names_users;
        let of = |it: &Reviewed| {
            let each = it.found.objects.iter().map(|object| Policy::of(&it.connection, object, known, is_named));
            each.collect::<Vec<_>>()
        };
        let mut policies: Vec<Policy> = reviewed.iter().flat_map(of).collect();
        policies.sort_by(|a, b| a.reference.cmp(&b.reference));
        let mut accounts: Vec<Account> = reviewed.iter().map(account).collect();
        accounts.sort_by(|a, b| a.connection.cmp(&b.connection));
        let is_own = |it: &&Policy| it.management != Management::Provider;
        let listed = |is_one: &dyn Fn(&Policy) -> bool| {
            let chosen = policies.iter().filter(is_own).filter(|it| is_one(it));
            chosen.map(|it| it.reference.clone()).collect::<Vec<_>>()
        };
        Self {
            version: VERSION,
            time: header.time,
            tool: header.tool,
            complete: true,
            cluster: known.cluster().map(str::to_owned),
            accounts,
            summary: summary(&policies),
            unmanaged: listed(&|it| it.management == Management::Unmanaged),
            abandoned: listed(&|it| it.management == Management::Abandoned),
            unused: listed(&Policy::is_unused),
            policies,
        }
    }
}

fn account(reviewed: &Reviewed) -> Account {
    let found = &reviewed.found;
    let count = |system| found.objects.iter().filter(|(it, _)| it.system == system).count();
    let read = found.read.iter().map(|system| Collection { system, policies: Some(count(*system)), missing: None });
    let missing = found.missing.iter();
    let missing = missing.map(|(system, why)| Collection { system, policies: None, missing: Some(why.clone()) });
    let mut collections: Vec<Collection> = read.chain(missing).collect();
    collections.sort_by_key(|it| it.system);
    let Reviewed { connection, endpoint, account, .. } = reviewed;
    Account { connection: connection.clone(), endpoint: endpoint.clone(), account: account.clone(), collections }
}

fn summary(policies: &[Policy]) -> Summary {
    let count = |management| policies.iter().filter(|it| it.management == management).count();
    let own = || policies.iter().filter(|it| it.management != Management::Provider);
    let wide = [Wildcard::Product, Wildcard::All].map(Wildcard::label);
    Summary {
        policies: policies.len(),
        managed: count(Management::Managed),
        abandoned: count(Management::Abandoned),
        unmanaged: count(Management::Unmanaged),
        unknown: count(Management::Unknown),
        provider: count(Management::Provider),
        unused: own().filter(|it| it.is_unused()).count(),
        wide: own().filter(|it| it.wildcard.is_some_and(|level| wide.contains(&level))).count(),
    }
}
