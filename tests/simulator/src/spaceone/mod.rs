//! SpaceONE: repository policies (1.11 and 1.12) and inventory network policies (June 2020).
//!
//! The installation finds the call of a request in one of three path spellings, parses the request as
//! the servers' protocol buffers do, checks the token and answers from its store. [`Spaceone`] also lets
//! a test read the objects and change them without the API, as another writer would.

mod auth;
mod condition;
mod errors;
mod fields;
mod front;
mod history;
mod identity;
mod installation;
mod inventory;
mod ipaddress;
mod marketplace;
mod messages;
mod network_policy;
mod options;
mod policy;
mod python;
mod query;
mod routes;
mod schema;
mod stat;
mod store;

use std::io;
use std::sync::{Arc, Mutex};

pub use identity::{RolePolicy, StoredRole};
pub use options::{Era, ErrorStyle, Front, Options, RoleAccess, Switches};
pub use store::{Reference, RoutingTable, StoredNetworkPolicy, StoredPolicy, Update};

use crate::clock::Clock;
use crate::exchange::Upstream;
use crate::fault_proxy::FaultProxy;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::server::HttpServer;
use crate::sync::lock;
use installation::{Installation, SharedInstallation};
use store::millis;

/// A simulated installation with one domain. It serves until it is dropped.
#[derive(Debug)]
pub struct Spaceone {
    running: HttpServer,
    installation: Arc<SharedInstallation>,
    journal: Journal,
    faults: Faults,
    clock: Clock,
}

#[allow(clippy::must_use_candidate, reason = "callers want the change and may ignore the result")]
impl Spaceone {
    /// Starts an installation with a domain, a local repository, a region and zones.
    ///
    /// # Errors
    /// Returns an error when the address cannot be bound.
    pub async fn start(options: Options) -> io::Result<Self> {
        let (listen, journal, clock) = (options.listen, options.journal.clone(), options.clock.clone());
        let faults = Faults::default();
        let installation = Arc::new(SharedInstallation(Mutex::new(Installation::new(options))));
        let proxy = FaultProxy {
            upstream: Arc::clone(&installation) as Arc<dyn Upstream>,
            journal: journal.clone(),
            faults: faults.clone(),
            clock: clock.clone(),
        };
        let running = HttpServer::start(listen, Arc::new(proxy)).await?;
        Ok(Self { running, installation, journal, faults, clock })
    }

    /// Returns the base URL without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        self.running.url()
    }

    /// Returns the journal of requests.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Returns the faults to inject.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Returns the server's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Returns the domain of [`Spaceone::token`].
    #[must_use]
    pub fn domain_id(&self) -> String {
        self.with(|installation| installation.store.domain_id.clone())
    }

    /// Returns the id of another domain.
    #[must_use]
    pub fn other_domain_id(&self) -> String {
        self.with(|installation| installation.other_domain.clone())
    }

    /// Returns a valid token of the domain.
    #[must_use]
    pub fn token(&self) -> String {
        self.with(|installation| installation.tokens.valid.clone())
    }

    /// Returns an expired token of the domain.
    #[must_use]
    pub fn expired_token(&self) -> String {
        self.with(|installation| installation.tokens.expired.clone())
    }

    /// Returns a valid token of the other domain.
    #[must_use]
    pub fn other_token(&self) -> String {
        self.with(|installation| installation.tokens.foreign.clone())
    }

    /// Returns the id of the local repository.
    #[must_use]
    pub fn repository_id(&self) -> String {
        self.with(|installation| installation.store.repository_id.clone())
    }

    /// Registers another local repository in the place of the first, with the same policies: the id changes.
    pub fn replace_repository(&self) {
        self.with(|installation| {
            let id = installation.store.ids.prefixed("repo");
            installation.store.repository_id = id;
        });
    }

    /// Returns the id of the region of all zones.
    #[must_use]
    pub fn region_id(&self) -> String {
        self.with(|installation| installation.store.region_id.clone())
    }

    /// Returns the ids of the domain's zones.
    #[must_use]
    pub fn zone_ids(&self) -> Vec<String> {
        self.with(|installation| installation.store.zones.iter().map(|zone| zone.zone_id.clone()).collect())
    }

    /// Returns all policies, oldest first.
    #[must_use]
    pub fn policies(&self) -> Vec<StoredPolicy> {
        self.with(|installation| installation.store.policies.clone())
    }

    /// Returns all network policies, oldest first.
    #[must_use]
    pub fn network_policies(&self) -> Vec<StoredNetworkPolicy> {
        self.with(|installation| installation.store.network_policies.clone())
    }

    /// Creates a policy without the API and without validation. An empty domain, state or time gets a default.
    /// Returns the policy's id.
    pub fn add_policy(&self, mut policy: StoredPolicy) -> String {
        self.with(|installation| {
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

    /// Creates a network policy without the API and without validation. An empty id, domain or zone gets a
    /// default. Returns the network policy's id.
    pub fn add_network_policy(&self, mut policy: StoredNetworkPolicy) -> String {
        self.with(|installation| {
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

    /// Changes a policy without the API. Returns false if there is no policy with this id.
    pub fn edit_policy(&self, id: &str, change: impl FnOnce(&mut StoredPolicy)) -> bool {
        self.with(|installation| {
            installation.store.policies.iter_mut().find(|policy| policy.policy_id == id).map(change).is_some()
        })
    }

    /// Changes a network policy without the API. Returns false if there is no network policy with this id.
    pub fn edit_network_policy(&self, id: &str, change: impl FnOnce(&mut StoredNetworkPolicy)) -> bool {
        self.with(|installation| {
            let mut policies = installation.store.network_policies.iter_mut();
            policies.find(|policy| policy.network_policy_id == id).map(change).is_some()
        })
    }

    /// Deletes a policy without the API. Returns false if there is no policy with this id.
    pub fn remove_policy(&self, id: &str) -> bool {
        self.with(|installation| {
            let before = installation.store.policies.len();
            installation.store.policies.retain(|policy| policy.policy_id != id);
            installation.store.policies.len() < before
        })
    }

    /// Deletes a network policy without the API. Returns false if there is no network policy with this id.
    pub fn remove_network_policy(&self, id: &str) -> bool {
        self.with(|installation| {
            let before = installation.store.network_policies.len();
            installation.store.network_policies.retain(|policy| policy.network_policy_id != id);
            installation.store.network_policies.len() < before
        })
    }

    /// Makes a subnet use the network policy. The server then rejects the network policy's deletion.
    pub fn attach_subnet(&self, network_policy_id: &str, subnet_id: &str) {
        self.with(|installation| {
            installation.subnets.insert(network_policy_id.to_owned(), subnet_id.to_owned());
        });
    }

    /// Ends the subnet's use of the network policy.
    pub fn detach_subnet(&self, network_policy_id: &str) {
        self.with(|installation| {
            installation.subnets.remove(network_policy_id);
        });
    }

    /// Changes the switches of the running installation.
    pub fn set_options(&self, change: impl FnOnce(&mut Switches)) {
        self.with(|installation| change(&mut installation.options.switches));
    }

    /// Returns the current switches.
    #[must_use]
    pub fn switches(&self) -> Switches {
        self.with(|installation| installation.options.switches)
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Installation) -> T) -> T {
        use_it(&mut lock(&self.installation.0))
    }
}
