//! The account's policies, and the form in which the account stores them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::catalogue::system_policies;
use super::choices::Order;
use super::options::{Options, Switches};
use super::types::{Permission, PolicyType, StoredPolicy};
use crate::ids::Ids;
use crate::lag::{Lag, Past};

/// All policies of the account, oldest first.
#[derive(Debug)]
pub(crate) struct Store {
    records: Vec<Record>,
    past: Past<Record>,
    ids: Ids,
}

#[derive(Clone, Debug)]
pub(crate) struct Record {
    policy: StoredPolicy,
    /// The number of further reads that do not show the policy.
    hidden: u32,
}

/// The content of a new policy.
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) permissions: Vec<Permission>,
    pub(crate) tags: BTreeMap<String, String>,
}

impl Store {
    pub(crate) fn new(seed: u64) -> Self {
        let records = system_policies().into_iter().map(|policy| Record { policy, hidden: 0 }).collect();
        Self { records, past: Past::default(), ids: Ids::new(seed) }
    }

    pub(crate) fn user_created(&self) -> impl Iterator<Item = &StoredPolicy> {
        self.all().filter(|policy| policy.policy_type == PolicyType::UserCreated)
    }

    fn all(&self) -> impl Iterator<Item = &StoredPolicy> {
        self.records.iter().map(|record| &record.policy)
    }

    pub(crate) fn insert(&mut self, draft: Draft, options: &Options) -> StoredPolicy {
        let policy_id = self.ids.uuid();
        let member = if options.switches.member_number_in_nrn { options.member_number.as_str() } else { "" };
        let policy = StoredPolicy {
            nrn: format!("nrn:PUB:IAM::{member}:Policy/{policy_id}"),
            policy_id,
            policy_name: draft.name,
            policy_type: PolicyType::UserCreated,
            description: draft.description,
            permissions: stored_form(draft.permissions, &options.switches),
            tags: draft.tags,
            assignees: Vec::new(),
        };
        self.records.push(Record { policy: policy.clone(), hidden: options.switches.hidden_reads });
        policy
    }

    /// Shows the policies as a read sees them which is `behind` writes. Returns the newest state if that differs.
    pub(crate) fn go_back(&mut self, behind: Duration, lag: Lag) -> Option<Vec<Record>> {
        let seen = self.past.seen(&self.records, behind, lag, |record| &record.policy.policy_id)?;
        Some(std::mem::replace(&mut self.records, seen))
    }

    /// Shows the newest state again.
    pub(crate) fn return_to(&mut self, newest: Vec<Record>) {
        self.records = newest;
    }

    /// Returns the state before a write, if reads lag.
    pub(crate) fn before(&self, lag: Lag) -> Option<Vec<Record>> {
        Past::before(&self.records, lag)
    }

    /// Keeps the state before a write that took effect.
    pub(crate) fn keep(&mut self, before: Option<Vec<Record>>, lag: Lag) {
        if let Some(before) = before {
            self.past.keep(before, lag);
        }
    }

    /// Returns the visible policies. Each of the others uses up one hidden read.
    pub(crate) fn read_all(&mut self) -> Vec<StoredPolicy> {
        let mut visible = Vec::new();
        for record in &mut self.records {
            if record.hidden == 0 {
                visible.push(record.policy.clone());
            }
            record.hidden = record.hidden.saturating_sub(1);
        }
        visible
    }

    /// Returns the policy if it is visible. Otherwise it uses up one hidden read.
    pub(crate) fn read(&mut self, id: &str) -> Option<&mut StoredPolicy> {
        let record = self.records.iter_mut().find(|record| record.policy.policy_id == id)?;
        if record.hidden > 0 {
            record.hidden -= 1;
            return None;
        }
        Some(&mut record.policy)
    }

    /// Returns the policy, visible or not.
    pub(crate) fn find_mut(&mut self, id: &str) -> Option<&mut StoredPolicy> {
        self.records.iter_mut().map(|record| &mut record.policy).find(|policy| policy.policy_id == id)
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<StoredPolicy> {
        let at = self.records.iter().position(|record| record.policy.policy_id == id)?;
        Some(self.records.remove(at).policy)
    }

    pub(crate) fn is_name_taken(&self, name: &str, switches: &Switches) -> bool {
        let rival =
            |policy: &StoredPolicy| switches.system_names_reserved || policy.policy_type == PolicyType::UserCreated;
        self.all().any(|policy| rival(policy) && same_name(&policy.policy_name, name, switches))
    }
}

fn same_name(one: &str, other: &str, switches: &Switches) -> bool {
    if switches.case_sensitive_names { one == other } else { one.to_lowercase() == other.to_lowercase() }
}

/// Converts permissions to the stored form: expanded wildcards, lists in the server's order.
pub(crate) fn stored_form(mut permissions: Vec<Permission>, switches: &Switches) -> Vec<Permission> {
    for target in permissions.iter_mut().flat_map(|permission| &mut permission.targets) {
        if switches.rewrite_wildcard {
            for nrn in target.resource_nrns.iter_mut().filter(|nrn| *nrn == "*") {
                *nrn = format!("nrn:*:{}:*::*", target.product);
            }
        }
        for list in [&mut target.actions, &mut target.resource_nrns] {
            match switches.order {
                Order::Kept => {}
                Order::Sorted => list.sort(),
                Order::Reversed => list.reverse(),
            }
        }
    }
    permissions
}
