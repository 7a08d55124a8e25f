//! NAVER Cloud Sub Account policies, API version 1.
//!
//! The gateway checks a request (signature, clock, rate). The account then finds the route and answers
//! from its store. [`Ncloud`] also lets a test read the account and change it without the API, as
//! another writer would.

mod attachments;
mod catalogue;
mod choices;
mod errors;
mod gateway;
mod options;
mod policies;
mod routes;
mod signature;
mod store;
mod types;
mod validate;

use std::io;
use std::sync::{Arc, Mutex};

pub use choices::{Compression, CreateTags, EmptyDescription, Order, RateLimit, ResultBody, Search, TagRule};
pub use errors::{ErrorAnswer, ErrorShape, GatewayError};
pub use options::{Options, Switches};
pub use types::{Assignee, Condition, NewPolicy, Permission, PolicyType, PrincipalType, StoredPolicy, Target};

use crate::clock::Clock;
use crate::exchange::{Answer, Call, Identity, Reply, Upstream};
use crate::fault_proxy::FaultProxy;
use crate::faults::Faults;
use crate::journal::{Journal, System};
use crate::server::HttpServer;
use crate::sync::lock;
use gateway::Meter;
use routes::Route;
use signature::Signed;
use store::{Draft, Store};

/// A simulated account. It serves until it is dropped.
#[derive(Debug)]
pub struct Ncloud {
    running: HttpServer,
    account: Arc<SharedAccount>,
    journal: Journal,
    faults: Faults,
    clock: Clock,
}

#[allow(clippy::must_use_candidate, reason = "callers want the change and may ignore the result")]
impl Ncloud {
    /// Starts an account that has only the system policies.
    ///
    /// # Errors
    /// Returns an error when the address cannot be bound.
    pub async fn start(options: Options) -> io::Result<Self> {
        let (listen, journal, clock) = (options.listen, options.journal.clone(), options.clock.clone());
        let faults = Faults::default();
        let store = Store::new(options.seed);
        let account = Arc::new(SharedAccount {
            account: Mutex::new(Account { options, store, lists: 0 }),
            meter: Meter::default(),
        });
        let proxy = FaultProxy {
            upstream: Arc::clone(&account) as Arc<dyn Upstream>,
            journal: journal.clone(),
            faults: faults.clone(),
            clock: clock.clone(),
        };
        let running = HttpServer::start(listen, Arc::new(proxy)).await?;
        Ok(Self { running, account, journal, faults, clock })
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

    /// Returns the access key to sign with.
    #[must_use]
    pub fn access_key(&self) -> String {
        lock(&self.account.account).options.access_key.clone()
    }

    /// Returns the secret of the access key.
    #[must_use]
    pub fn secret_key(&self) -> String {
        lock(&self.account.account).options.secret_key.clone()
    }

    /// Returns the user-created policies, oldest first, including those that reads do not show yet.
    #[must_use]
    pub fn policies(&self) -> Vec<StoredPolicy> {
        lock(&self.account.account).store.user_created().cloned().collect()
    }

    /// Returns the user-created policy of this name if there is exactly one.
    #[must_use]
    pub fn policy_named(&self, name: &str) -> Option<StoredPolicy> {
        let mut named = self.policies().into_iter().filter(|policy| policy.policy_name == name);
        named.next().filter(|_| named.next().is_none())
    }

    /// Creates a policy without the API and without validation. Returns its id.
    pub fn add_policy(&self, policy: NewPolicy) -> String {
        let mut account = lock(&self.account.account);
        let NewPolicy { policy_name: name, description, permissions, tags } = policy;
        let options = account.options.clone();
        account.store.insert(Draft { name, description, permissions, tags }, &options).policy_id
    }

    /// Changes a policy without the API. Returns false if there is no policy with this id.
    pub fn edit_policy(&self, id: &str, change: impl FnOnce(&mut StoredPolicy)) -> bool {
        lock(&self.account.account).store.find_mut(id).map(change).is_some()
    }

    /// Deletes a policy without the API. Returns false if there is no policy with this id.
    pub fn remove_policy(&self, id: &str) -> bool {
        lock(&self.account.account).store.remove(id).is_some()
    }

    /// Attaches a policy to a principal. Returns false if there is no policy with this id.
    pub fn assign(&self, id: &str, assignee: Assignee) -> bool {
        self.edit_policy(id, |policy| policy.assignees.push(assignee))
    }

    /// Detaches a policy from all principals. Returns false if there is no policy with this id.
    pub fn unassign(&self, id: &str) -> bool {
        self.edit_policy(id, |policy| policy.assignees.clear())
    }

    /// Changes keys and switches of the running account. Address, clock and journal stay the same.
    pub fn set_options(&self, change: impl FnOnce(&mut Options)) {
        let mut account = lock(&self.account.account);
        let (listen, clock, journal) =
            (account.options.listen, account.options.clock.clone(), account.options.journal.clone());
        change(&mut account.options);
        account.options = Options { listen, clock, journal, ..account.options.clone() };
    }

    /// Returns the current switches.
    #[must_use]
    pub fn switches(&self) -> Switches {
        lock(&self.account.account).options.switches.clone()
    }
}

/// Returns the signature of a request, for tests that send HTTP requests themselves.
///
/// `target` is the path with its query, as on the wire. `timestamp` is in milliseconds.
#[must_use]
pub fn sign(method: &str, target: &str, timestamp: &str, access_key: &str, secret_key: &str) -> String {
    Signed { method, target, timestamp, access_key }.sign(secret_key).unwrap_or_default()
}

/// The account's options and policies. One lock protects both.
#[derive(Debug)]
pub(crate) struct Account {
    options: Options,
    store: Store,
    /// The number of list requests so far.
    lists: usize,
}

#[derive(Debug)]
struct SharedAccount {
    account: Mutex<Account>,
    meter: Meter,
}

impl Upstream for SharedAccount {
    fn system(&self) -> System {
        System::Ncloud
    }

    fn identify(&self, call: &Call) -> Identity {
        Route::identity(Route::of(call).as_ref())
    }

    fn answer(&self, call: &Call) -> Answer {
        let mut account = lock(&self.account);
        if let Some(rejection) = gateway::rejection(call, &account.options, &self.meter) {
            return Answer::read(rejection);
        }
        let compression = account.options.switches.compression;
        let answer = account.dispatch(call).unwrap_or_else(|error| error);
        Answer { reply: compression.apply(call, answer.reply), ..answer }
    }

    fn body_limit(&self) -> usize {
        lock(&self.account).options.switches.largest_body
    }

    fn too_large(&self) -> Reply {
        GatewayError::TooLarge.reply(lock(&self.account).options.switches.numeric_gateway_codes, None)
    }
}

impl Account {
    /// Answers a call: `Err` if the account rejects it, `Ok` if not. Reads show the state that they lag behind.
    fn dispatch(&mut self, call: &Call) -> Result<Answer, Answer> {
        let (route, lag) = (Route::of(call), self.options.switches.lag);
        let behind = match &route {
            Some(Route::Get(_) | Route::TagsGet(_) | Route::Resources(_)) => Some(lag.reads),
            Some(Route::List) => Some(lag.lists),
            _ => None,
        };
        let newest = behind.and_then(|behind| self.store.go_back(behind, lag));
        let before = self.store.before(lag);
        let answer = self.route(route, call);
        if let Some(newest) = newest {
            self.store.return_to(newest);
        } else if answer.as_ref().is_ok_and(|answer| answer.effect) {
            self.store.keep(before, lag);
        }
        answer
    }

    fn route(&mut self, route: Option<Route>, call: &Call) -> Result<Answer, Answer> {
        match route {
            Some(Route::Create) => self.create(call),
            Some(Route::List) => self.list(call),
            Some(Route::DeleteMany) => self.delete_many(call),
            Some(Route::Get(id)) => self.get(call, &id),
            Some(Route::Edit(id)) => self.edit(call, &id),
            Some(Route::Delete(id)) => self.delete(&id),
            Some(Route::Resources(id)) => self.resources(&id),
            Some(Route::TagsGet(id)) => self.tags(&id),
            Some(Route::TagsAdd(id)) => self.add_tag(call, &id),
            Some(Route::TagsRemove(id)) => self.remove_tag(call, &id),
            Some(Route::Validate) => self.validate(call),
            Some(Route::Attach(kind, id)) => self.attach(call, kind, &id),
            Some(Route::Detach(_, id)) => self.detach(call, &id),
            None => {
                let numeric = self.options.switches.numeric_gateway_codes;
                Err(Answer::read(GatewayError::NotFound.reply(numeric, None)))
            }
        }
    }
}
