//! SpaceONE: repository policies (1.11 and 1.12) and inventory network policies (June 2020).
//!
//! A request finds its call in one of three path spellings, is parsed as the servers' protocol buffers
//! would be, authenticated, and answered from the installation's store. Behind the API, [`Spaceone`]
//! lets a test look at the objects and change them as a stranger would.

mod auth;
mod condition;
mod errors;
mod fields;
mod front;
mod history;
mod installation;
mod inventory;
mod ipaddress;
mod messages;
mod network_policy;
mod options;
mod paths;
mod policy;
mod python;
mod query;
mod schema;
mod stat;
mod store;

use std::io;
use std::sync::{Arc, Mutex};

pub use options::{Era, ErrorStyle, Front, Options, Switches};
pub use store::{Reference, RoutingTable, StoredNetworkPolicy, StoredPolicy, Update};

use crate::clock::Clock;
use crate::desk::Desk;
use crate::exchange::Upstream;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::server::Running;
use crate::sync::lock;
use installation::{Guarded, Installation};
use store::millis;

/// A simulated installation with one domain, served until dropped.
#[derive(Debug)]
pub struct Spaceone {
    running: Running,
    installation: Arc<Guarded>,
    journal: Journal,
    faults: Faults,
    clock: Clock,
}

#[allow(clippy::must_use_candidate, reason = "strangers' deeds are called for their effect")]
impl Spaceone {
    /// Starts an installation with a domain, a local repository, a region and zones.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(options: Options) -> io::Result<Self> {
        let (listen, journal, clock) = (options.listen, options.journal.clone(), options.clock.clone());
        let faults = Faults::default();
        let installation = Arc::new(Guarded(Mutex::new(Installation::new(options))));
        let desk = Desk {
            upstream: Arc::clone(&installation) as Arc<dyn Upstream>,
            journal: journal.clone(),
            faults: faults.clone(),
            clock: clock.clone(),
        };
        let running = Running::start(listen, Arc::new(desk)).await?;
        Ok(Self { running, installation, journal, faults, clock })
    }

    /// Base address, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        self.running.url()
    }

    /// What was asked.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Faults to inject.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The server's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The domain that [`Spaceone::token`] speaks for.
    #[must_use]
    pub fn domain_id(&self) -> String {
        self.look(|installation| installation.store.domain_id.clone())
    }

    /// Another domain.
    #[must_use]
    pub fn other_domain_id(&self) -> String {
        self.look(|installation| installation.other_domain.clone())
    }

    /// A token of the domain.
    #[must_use]
    pub fn token(&self) -> String {
        self.look(|installation| installation.tokens.valid.clone())
    }

    /// A token of the domain whose time is over.
    #[must_use]
    pub fn expired_token(&self) -> String {
        self.look(|installation| installation.tokens.expired.clone())
    }

    /// A good token of the other domain.
    #[must_use]
    pub fn other_token(&self) -> String {
        self.look(|installation| installation.tokens.foreign.clone())
    }

    /// The local repository.
    #[must_use]
    pub fn repository_id(&self) -> String {
        self.look(|installation| installation.store.repository_id.clone())
    }

    /// The region of all zones.
    #[must_use]
    pub fn region_id(&self) -> String {
        self.look(|installation| installation.store.region_id.clone())
    }

    /// The zones of the domain.
    #[must_use]
    pub fn zone_ids(&self) -> Vec<String> {
        self.look(|installation| installation.store.zones.iter().map(|zone| zone.zone_id.clone()).collect())
    }

    /// Every policy, oldest first.
    #[must_use]
    pub fn policies(&self) -> Vec<StoredPolicy> {
        self.look(|installation| installation.store.policies.clone())
    }

    /// Every network policy, oldest first.
    #[must_use]
    pub fn network_policies(&self) -> Vec<StoredNetworkPolicy> {
        self.look(|installation| installation.store.network_policies.clone())
    }

    /// A stranger makes a policy, unchecked; empty domain, state and times are filled in. Returns its id.
    pub fn add_policy(&self, mut policy: StoredPolicy) -> String {
        self.look(|installation| {
            let now = millis(installation.options.clock.now());
            for (field, default) in [
                (&mut policy.domain_id, installation.store.domain_id.as_str()),
                (&mut policy.state, "ENABLED"),
                (&mut policy.created_at, &now),
                (&mut policy.updated_at, &now),
            ] {
                if field.is_empty() {
                    default.clone_into(field);
                }
            }
            let id = policy.policy_id.clone();
            installation.store.policies.push(policy);
            id
        })
    }

    /// A stranger makes a network policy, unchecked; empty id, domain and zone are filled in. Returns its id.
    pub fn add_network_policy(&self, mut policy: StoredNetworkPolicy) -> String {
        self.look(|installation| {
            if policy.network_policy_id.is_empty() {
                policy.network_policy_id = installation.store.ids.prefixed("npolicy");
            }
            if policy.domain_id.is_empty() {
                policy.domain_id.clone_from(&installation.store.domain_id);
            }
            if policy.zone_id.is_empty() {
                policy.zone_id = installation.store.zones.first().map_or_else(String::new, |zone| zone.zone_id.clone());
            }
            policy.created_at = installation.options.clock.now();
            if policy.update_history.is_empty() {
                let updated_at = policy.created_at.as_second();
                let set = ["name", "zone_id"].map(|key| Update { key: key.to_owned(), updated_at });
                policy.update_history.extend(set);
            }
            let id = policy.network_policy_id.clone();
            installation.store.network_policies.push(policy);
            id
        })
    }

    /// A stranger changes a policy of the domain; false when there is none of this id.
    pub fn edit_policy(&self, id: &str, change: impl FnOnce(&mut StoredPolicy)) -> bool {
        self.look(|installation| {
            installation.store.policies.iter_mut().find(|policy| policy.policy_id == id).map(change).is_some()
        })
    }

    /// A stranger changes a network policy; false when there is none of this id.
    pub fn edit_network_policy(&self, id: &str, change: impl FnOnce(&mut StoredNetworkPolicy)) -> bool {
        self.look(|installation| {
            let mut policies = installation.store.network_policies.iter_mut();
            policies.find(|policy| policy.network_policy_id == id).map(change).is_some()
        })
    }

    /// A stranger deletes a policy; false when there is none of this id.
    pub fn remove_policy(&self, id: &str) -> bool {
        self.look(|installation| {
            let before = installation.store.policies.len();
            installation.store.policies.retain(|policy| policy.policy_id != id);
            installation.store.policies.len() < before
        })
    }

    /// A stranger deletes a network policy; false when there is none of this id.
    pub fn remove_network_policy(&self, id: &str) -> bool {
        self.look(|installation| {
            let before = installation.store.network_policies.len();
            installation.store.network_policies.retain(|policy| policy.network_policy_id != id);
            installation.store.network_policies.len() < before
        })
    }

    /// A subnet begins to use the network policy, which can then not be deleted.
    pub fn occupy(&self, network_policy_id: &str, subnet_id: &str) {
        self.look(|installation| {
            installation.subnets.insert(network_policy_id.to_owned(), subnet_id.to_owned());
        });
    }

    /// No subnet uses the network policy any more.
    pub fn vacate(&self, network_policy_id: &str) {
        self.look(|installation| {
            installation.subnets.remove(network_policy_id);
        });
    }

    /// Changes the switches while running.
    pub fn set_options(&self, change: impl FnOnce(&mut Switches)) {
        self.look(|installation| change(&mut installation.options.switches));
    }

    /// The switches in force.
    #[must_use]
    pub fn switches(&self) -> Switches {
        self.look(|installation| installation.options.switches)
    }

    fn look<T>(&self, with: impl FnOnce(&mut Installation) -> T) -> T {
        with(&mut lock(&self.installation.0))
    }
}
