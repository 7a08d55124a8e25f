//! The admin port: a test in another process uses it instead of the library.
//!
//! Each body is JSON. `system` is `ncloud` or `spaceone`.
//!
//! | request | effect |
//! | --- | --- |
//! | `GET /journal` | returns `{"entries":[Entry]}`, both systems in one order |
//! | `DELETE /journal` | removes the entries |
//! | `GET /faults` | counts the waiting and the injected faults of each system |
//! | `POST /faults` | adds a [`FaultSpec`] |
//! | `DELETE /faults` | removes the waiting faults |
//! | `GET /state` | returns the user-made objects and the switches of each system |
//! | `POST /edit` | changes objects without the API: an [`Edit`] |
//! | `POST /options` | sets switches: `{"system","switches":{..}}` with the switches to change |
//! | `POST /clock` | moves the clock: `{"advanceMillis"}`, `{"rewindMillis"}` or `{"freezeAt"}` |
//!
//! The answer to a bad request is 400 with `{"error"}`. Such a request changes nothing.

mod merge;
mod spec;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::body::Incoming;
use hyper::{Request, Response};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub use spec::{Edit, FaultSpec};

use crate::exchange::{Call, Reply};
use crate::faults::Faults;
use crate::journal::{Collection, System};
use crate::ncloud::{Ncloud, NewPolicy};
use crate::server::{Body, Disconnect, Handler, HttpServer, read, response};
use crate::spaceone::Spaceone;
use merge::merge_into;
use spec::{ClockSpec, SwitchesSpec};

/// An admin port for both simulators. It serves until it is dropped.
#[derive(Debug)]
pub struct Admin(HttpServer);

impl Admin {
    /// Starts to listen. Both simulators should share one clock and one journal.
    ///
    /// # Errors
    /// Returns an error when the address cannot be bound.
    pub async fn start(listen: SocketAddr, ncloud: Arc<Ncloud>, spaceone: Arc<Spaceone>) -> io::Result<Self> {
        HttpServer::start(listen, Arc::new(Api { ncloud, spaceone })).await.map(Self)
    }

    /// Returns the base URL without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }
}

struct Api {
    ncloud: Arc<Ncloud>,
    spaceone: Arc<Spaceone>,
}

impl Handler for Api {
    fn name(&self) -> &'static str {
        "admin"
    }

    fn respond(&self, request: Request<Incoming>) -> BoxFuture<'_, Result<Response<Body>, Disconnect>> {
        async move {
            let (call, _) = read(request, 16 << 20).await?;
            let reply = match self.answer(&call) {
                Ok(value) => Reply::json(200, &value),
                Err(error) => Reply::json(400, &json!({"error": error})),
            };
            Ok(response(reply, Timestamp::now()))
        }
        .boxed()
    }
}

impl Api {
    fn answer(&self, call: &Call) -> Result<Value, String> {
        match (call.method.as_str(), call.path()) {
            ("GET", "/journal") => Ok(json!({"entries": self.entries()?})),
            ("DELETE", "/journal") => {
                self.ncloud.journal().clear();
                self.spaceone.journal().clear();
                Ok(json!({}))
            }
            ("GET", "/faults") => Ok(self.fault_counts()),
            ("POST", "/faults") => {
                let spec: FaultSpec = parse(&call.body)?;
                self.faults_of(spec.system).add(spec.fault()?);
                Ok(json!({}))
            }
            ("DELETE", "/faults") => {
                self.ncloud.faults().clear();
                self.spaceone.faults().clear();
                Ok(json!({}))
            }
            ("GET", "/state") => Ok(self.state()),
            ("POST", "/edit") => self.edit(parse(&call.body)?),
            ("POST", "/options") => self.switch(parse(&call.body)?),
            ("POST", "/clock") => self.set_clock(&parse(&call.body)?),
            (method, path) => Err(format!("no such admin request: {method} {path}")),
        }
    }

    /// Returns the entries of a shared journal once, or those of one journal after the other.
    fn entries(&self) -> Result<Vec<Value>, String> {
        let mut entries = self.ncloud.journal().entries();
        let shared = self.ncloud.journal().is(self.spaceone.journal());
        if !shared {
            entries.extend(self.spaceone.journal().entries());
        }
        entries.iter().map(|entry| serde_json::to_value(entry).map_err(|e| e.to_string())).collect()
    }

    fn faults_of(&self, system: System) -> &Faults {
        match system {
            System::Ncloud => self.ncloud.faults(),
            System::Spaceone => self.spaceone.faults(),
        }
    }

    fn fault_counts(&self) -> Value {
        let counts = |faults: &Faults| json!({"waiting": faults.waiting().len(), "injected": faults.injected()});
        json!({"ncloud": counts(self.ncloud.faults()), "spaceone": counts(self.spaceone.faults())})
    }

    fn state(&self) -> Value {
        json!({
            "ncloud": {"policies": self.ncloud.policies(), "switches": self.ncloud.switches()},
            "spaceone": {
                "policies": self.spaceone.policies(),
                "networkPolicies": self.spaceone.network_policies(),
                "switches": self.spaceone.switches(),
            },
        })
    }

    fn edit(&self, edit: Edit) -> Result<Value, String> {
        let Edit { system, collection, id, set, remove, add } = edit;
        let done = match (set, remove, add) {
            (Some(set), false, None) => return self.merge(system, collection, &id, &set),
            (None, true, None) => match (system, collection) {
                (System::Ncloud, Collection::Policy) => self.ncloud.remove_policy(&id),
                (System::Spaceone, Collection::Policy) => self.spaceone.remove_policy(&id),
                (System::Spaceone, Collection::NetworkPolicy) => self.spaceone.remove_network_policy(&id),
                _ => return Err(no_such_collection()),
            },
            (None, false, Some(add)) => return self.add(system, collection, add),
            _ => return Err("exactly one of set, remove and add is needed".to_owned()),
        };
        if done { Ok(json!({"id": id})) } else { Err(no_such_object(&id)) }
    }

    fn add(&self, system: System, collection: Collection, add: Value) -> Result<Value, String> {
        let id = match (system, collection) {
            (System::Ncloud, Collection::Policy) => self.ncloud.add_policy(from_value::<NewPolicy>(add)?),
            (System::Spaceone, Collection::Policy) => self.spaceone.add_policy(from_value(add)?),
            (System::Spaceone, Collection::NetworkPolicy) => self.spaceone.add_network_policy(from_value(add)?),
            _ => return Err(no_such_collection()),
        };
        Ok(json!({"id": id}))
    }

    fn merge(&self, system: System, collection: Collection, id: &str, set: &Value) -> Result<Value, String> {
        let mut outcome = Err(no_such_object(id));
        match (system, collection) {
            (System::Ncloud, Collection::Policy) => {
                self.ncloud.edit_policy(id, |policy| outcome = merge_into(policy, set));
            }
            (System::Spaceone, Collection::Policy) => {
                self.spaceone.edit_policy(id, |policy| outcome = merge_into(policy, set));
            }
            (System::Spaceone, Collection::NetworkPolicy) => {
                self.spaceone.edit_network_policy(id, |policy| outcome = merge_into(policy, set));
            }
            _ => outcome = Err(no_such_collection()),
        }
        outcome.map(|()| json!({"id": id}))
    }

    fn switch(&self, SwitchesSpec { system, switches }: SwitchesSpec) -> Result<Value, String> {
        match system {
            System::Ncloud => {
                let mut changed = self.ncloud.switches();
                merge_into(&mut changed, &switches)?;
                self.ncloud.set_options(|options| options.switches = changed);
            }
            System::Spaceone => {
                let mut changed = self.spaceone.switches();
                merge_into(&mut changed, &switches)?;
                self.spaceone.set_options(|switches| *switches = changed);
            }
        }
        Ok(json!({}))
    }

    fn set_clock(&self, spec: &ClockSpec) -> Result<Value, String> {
        for clock in [self.ncloud.clock(), self.spaceone.clock()] {
            match spec {
                ClockSpec { advance_millis: Some(by), rewind_millis: None, freeze_at: None } => {
                    clock.advance(Duration::from_millis(*by));
                }
                ClockSpec { advance_millis: None, rewind_millis: Some(by), freeze_at: None } => {
                    clock.rewind(Duration::from_millis(*by));
                }
                ClockSpec { advance_millis: None, rewind_millis: None, freeze_at: Some(at) } => clock.freeze(*at),
                _ => return Err("exactly one of advanceMillis, rewindMillis and freezeAt is needed".to_owned()),
            }
            if self.ncloud.clock().is(self.spaceone.clock()) {
                break;
            }
        }
        Ok(json!({"now": self.ncloud.clock().now()}))
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn no_such_object(id: &str) -> String {
    format!("no such object: {id}")
}

fn no_such_collection() -> String {
    "the system has no such collection".to_owned()
}
