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

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};

pub use options::{Era, ErrorStyle, Front, Options, Switches};
pub use store::{Reference, RoutingTable, StoredNetworkPolicy, StoredPolicy, Update};

use crate::clock::Clock;
use crate::exchange::{Answer, Call, Identity, Reply, Upstream};
use crate::faults::Faults;
use crate::ids::Ids;
use crate::journal::{Collection, Journal, Operation, System};
use crate::server::{Desk, Running};
use crate::sync::lock;
use auth::Tokens;
use errors::{ApiError, Grpc};
use paths::{Resource, Rpc, Verb, id_field};
use store::{Store, millis};

/// A simulated installation with one domain, served until dropped.
#[derive(Debug)]
pub struct Spaceone {
    running: Running,
    installation: Arc<Guarded>,
    journal: Journal,
    faults: Faults,
    clock: Clock,
}

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
        let running = Running::start(listen, desk).await?;
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

/// Options and objects, changed together under one lock.
#[derive(Debug)]
pub(crate) struct Installation {
    options: Options,
    store: Store,
    tokens: Tokens,
    other_domain: String,
    /// The subnet that uses a network policy, by the policy's id.
    subnets: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Guarded(Mutex<Installation>);

impl Upstream for Guarded {
    fn system(&self) -> System {
        System::Spaceone
    }

    fn identify(&self, call: &Call) -> Identity {
        let installation = lock(&self.0);
        let Ok(rpc) = front::find(call, installation.options.era, installation.options.switches) else {
            return Identity { operation: Operation::Other, collection: Collection::Other, object_id: None };
        };
        let in_body = || {
            let body: Value = serde_json::from_slice(&call.body).ok()?;
            Some(body.get(id_field(rpc.resource))?.as_str()?.to_owned())
        };
        let id = rpc.path_field.as_ref().map(|(_, id)| id.clone()).or_else(in_body);
        rpc.identity(id)
    }

    fn answer(&self, call: &Call) -> Answer {
        let mut installation = lock(&self.0);
        let Options { era, switches, .. } = installation.options;
        match front::find(call, era, switches) {
            Ok(rpc) => installation.serve(call, &rpc).unwrap_or_else(|error| Answer::read(error.reply(switches))),
            Err(reply) => Answer::read(reply),
        }
    }

    fn body_limit(&self) -> usize {
        // The servers' limit for one gRPC message.
        4 << 20
    }

    fn too_large(&self) -> Reply {
        let message = "Received message larger than max (4194304)";
        ApiError::new("ERROR_UNKNOWN", Grpc::ResourceExhausted, message).reply(lock(&self.0).options.switches)
    }
}

impl Installation {
    fn new(options: Options) -> Self {
        let ids = Ids::new(options.seed);
        let (domain, other_domain) = (ids.prefixed("domain"), ids.prefixed("domain"));
        let tokens = Tokens::new(&domain, &other_domain);
        let store = Store::new(domain, options.zones, ids, options.clock.now());
        Self { options, store, tokens, other_domain, subnets: BTreeMap::new() }
    }

    fn serve(&mut self, call: &Call, rpc: &Rpc) -> Result<Answer, ApiError> {
        let mut params = front::params(call, rpc, self.options.switches)?;
        let token = Tokens::bearer(call)?;
        let reads_openly = (rpc.resource, rpc.verb) == (Resource::Policy, Verb::Get);
        if !reads_openly {
            let domain = self.tokens.domain_of(token, rpc.resource)?;
            // The policy service acts in the token's domain, whatever the request says.
            if rpc.resource == Resource::Policy {
                params.insert("domain_id".to_owned(), json!(domain));
            }
        }
        self.carry_out(rpc, &params)
    }

    fn carry_out(&mut self, rpc: &Rpc, params: &Map<String, Value>) -> Result<Answer, ApiError> {
        match (rpc.resource, rpc.verb) {
            (Resource::Policy, Verb::Create) => self.create_policy(params),
            (Resource::Policy, Verb::Update) => self.update_policy(params),
            (Resource::Policy, Verb::Delete) => self.delete_policy(params),
            (Resource::Policy, Verb::Get) => self.get_policy(params),
            (Resource::Policy, Verb::List) => self.list_policies(params),
            (Resource::Policy, Verb::Stat) => self.stat_policies(params),
            (Resource::NetworkPolicy, Verb::Create) => self.create_network_policy(params),
            (Resource::NetworkPolicy, Verb::Update) => self.update_network_policy(params),
            (Resource::NetworkPolicy, Verb::PinData) => self.pin_network_policy(params),
            (Resource::NetworkPolicy, Verb::Delete) => self.delete_network_policy(params),
            (Resource::NetworkPolicy, Verb::Get) => self.get_network_policy(params),
            (Resource::NetworkPolicy, Verb::List) => self.list_network_policies(params),
            (Resource::NetworkPolicy, Verb::Stat) => self.stat_network_policies(params),
            (Resource::Repository, _) => self.list_repositories(params),
            (Resource::Zone, Verb::Get) => self.get_zone(params),
            (Resource::Zone, _) => self.list_zones(params),
            (Resource::Region, Verb::Get) => self.get_region(params),
            (Resource::Region, _) => self.list_regions(params),
            (Resource::Policy, Verb::PinData) => Err(ApiError::unknown("Method not implemented!")),
        }
    }

    /// A list answer; what is empty or zero is left out.
    fn page_of(&self, results: &[Value], total: usize) -> Value {
        let mut page = json!({"results": results, "total_count": total});
        self.drop_defaults(&mut page);
        page
    }

    /// Leaves out unset fields, as the servers' JSON does, unless the front prints them. `Struct` and
    /// message values stay even when empty; so do `ListValue`s, of which `labels` is the only one.
    fn drop_defaults(&self, info: &mut Value) {
        if self.options.switches.emit_defaults {
            return;
        }
        let Some(fields) = info.as_object_mut() else { return };
        fields.retain(|name, value| match value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => name == "labels" || !items.is_empty(),
            Value::Number(number) => name != "total_count" || number.as_u64() != Some(0),
            Value::Bool(_) | Value::Object(_) => true,
        });
        for name in ["reference", "routing_tables"] {
            match fields.get_mut(name) {
                Some(Value::Array(items)) => items.iter_mut().for_each(drop_empty_text),
                Some(object) => drop_empty_text(object),
                None => {}
            }
        }
    }
}

fn drop_empty_text(object: &mut Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|_, value| value != "");
    }
}
