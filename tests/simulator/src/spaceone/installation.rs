//! The installation: it finds the call, checks the token, carries out the call and returns the result.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Map, Value, json};

use super::auth::Tokens;
use super::errors::{ApiError, Grpc};
use super::front;
use super::identity::StoredRole;
use super::marketplace::Marketplace;
use super::options::Options;
use super::routes::{Resource, Rpc, Verb, id_field};
use super::store::{Store, StoredNetworkPolicy, StoredPolicy};
use crate::exchange::{Answer, Call, Identity, Reply, Upstream};
use crate::ids::Ids;
use crate::journal::{Collection, Operation, System};
use crate::lag::Past;
use crate::sync::lock;

/// Options and objects. One lock protects both.
#[derive(Debug)]
pub(crate) struct Installation {
    pub(crate) options: Options,
    pub(crate) store: Store,
    pub(crate) tokens: Tokens,
    pub(crate) other_domain: String,
    /// The subnets that use network policies, by policy id.
    pub(crate) subnets: BTreeMap<String, String>,
    past_policies: Past<StoredPolicy>,
    past_network_policies: Past<StoredNetworkPolicy>,
    pub(crate) roles: Vec<StoredRole>,
    pub(crate) marketplace: Option<Marketplace>,
}

/// The state that the server thread and the handle share.
#[derive(Debug)]
pub(crate) struct SharedInstallation(pub(crate) Mutex<Installation>);

impl Upstream for SharedInstallation {
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
    pub(crate) fn new(options: Options) -> Self {
        let ids = Ids::new(options.seed);
        let (made, other_domain) = (ids.prefixed("domain"), ids.prefixed("domain"));
        let domain = options.domain_id.clone().unwrap_or(made);
        let tokens = Tokens::new(&domain, &other_domain);
        let store = Store::new(domain, options.zones, ids, options.clock.now());
        Self {
            options,
            store,
            tokens,
            other_domain,
            subnets: BTreeMap::new(),
            past_policies: Past::default(),
            past_network_policies: Past::default(),
            roles: Vec::new(),
            marketplace: None,
        }
    }

    fn serve(&mut self, call: &Call, rpc: &Rpc) -> Result<Answer, ApiError> {
        let mut params = front::params(call, rpc, self.options.switches)?;
        let token = Tokens::bearer(call)?;
        let reads_openly = (rpc.resource, rpc.verb) == (Resource::Policy, Verb::Get);
        if !reads_openly {
            let domain = self.tokens.domain_of(token, rpc.resource)?;
            // The policy service uses the token's domain and ignores the domain of the request.
            if rpc.resource == Resource::Policy {
                params.insert("domain_id".to_owned(), json!(domain));
            }
        }
        self.carry_out_behind(rpc, &params)
    }

    /// Carries out a call. Reads show the state that they lag behind.
    fn carry_out_behind(&mut self, rpc: &Rpc, params: &Map<String, Value>) -> Result<Answer, ApiError> {
        let lag = self.options.switches.lag;
        let behind = match rpc.verb {
            Verb::Get => lag.reads,
            Verb::List | Verb::Stat => lag.lists,
            Verb::Create | Verb::Update | Verb::PinData | Verb::Delete => return self.write(rpc, params),
        };
        let Store { policies, network_policies, .. } = &mut self.store;
        let seen = self.past_policies.seen(policies, behind, lag, |policy| &policy.policy_id);
        let newest = seen.map(|seen| std::mem::replace(policies, seen));
        let past = &self.past_network_policies;
        let seen = past.seen(network_policies, behind, lag, |policy| &policy.network_policy_id);
        let newest_network = seen.map(|seen| std::mem::replace(network_policies, seen));
        let answer = self.carry_out(rpc, params);
        if let Some(newest) = newest {
            self.store.policies = newest;
        }
        if let Some(newest) = newest_network {
            self.store.network_policies = newest;
        }
        answer
    }

    fn write(&mut self, rpc: &Rpc, params: &Map<String, Value>) -> Result<Answer, ApiError> {
        let lag = self.options.switches.lag;
        let policies = Past::before(&self.store.policies, lag);
        let network_policies = Past::before(&self.store.network_policies, lag);
        let answer = self.carry_out(rpc, params)?;
        if let Some(before) = policies {
            self.past_policies.keep(before, lag);
        }
        if let Some(before) = network_policies {
            self.past_network_policies.keep(before, lag);
        }
        Ok(answer)
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
            (Resource::Role, _) => self.list_roles(params),
            (Resource::Repository, _) => self.list_repositories(params),
            (Resource::Zone, Verb::Get) => self.get_zone(params),
            (Resource::Zone, _) => self.list_zones(params),
            (Resource::Region, Verb::Get) => self.get_region(params),
            (Resource::Region, _) => self.list_regions(params),
            (Resource::Policy, Verb::PinData) => Err(ApiError::unknown("Method not implemented!")),
        }
    }

    /// Returns a list answer without empty and zero fields.
    pub(crate) fn page_of(&self, results: &[Value], total: usize) -> Value {
        let mut page = json!({"results": results, "total_count": total});
        self.drop_defaults(&mut page);
        page
    }

    /// Removes unset fields, as the servers' JSON does, unless the front prints them. Empty `Struct` and
    /// message values stay. Empty `ListValue`s stay too; `labels` is the only one.
    pub(crate) fn drop_defaults(&self, info: &mut Value) {
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
