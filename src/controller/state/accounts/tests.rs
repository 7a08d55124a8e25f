use super::*;
use crate::api::ConnectionSpec;
use crate::upstream::{Credentials, EndpointRules, HttpSettings, RequestLog};
use serde_json::json;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;

struct NoLog;

impl RequestLog for NoLog {
    fn request(&self, _: &'static str, _: &'static str, _: &str, _: Duration) {}
}

fn account() -> Arc<Account> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let spec = json!({ "ncloud": { "zone": "Public", "credentialsSecretRef": { "name": "keys" } } });
    let spec: ConnectionSpec = serde_json::from_value(spec).unwrap();
    let keys = Credentials::Ncloud { access_key: "access".to_owned().into(), secret_key: "secret".to_owned().into() };
    let log = Arc::new(NoLog);
    Arc::new(Account::open(&spec, keys, None, &EndpointRules::default(), &HttpSettings::default(), log).unwrap())
}

fn accounts() -> Accounts {
    let (dependents, _) = unbounded_channel();
    let (connections, _) = unbounded_channel();
    Accounts::new(TriggerSenders { dependents, connections }, true)
}

fn named(name: &str) -> (ConnectionRef, ConnectionKey) {
    let reference: ConnectionRef = serde_json::from_value(json!({ "name": name })).unwrap();
    let key = ConnectionKey::of(&reference, "team");
    (reference, key)
}

fn users(uids: &[&str]) -> BTreeSet<String> {
    uids.iter().map(|uid| (*uid).to_owned()).collect()
}

#[test]
fn account_of_deleted_connection_is_for_its_users_only() {
    let (accounts, (reference, key)) = (accounts(), named("c"));
    let allowed = AllowedNamespaces::default;
    accounts.set(&key, "first", BTreeSet::new, Readiness::Ready(account()), allowed());
    accounts.set_missing(&key, users(&["old"]));
    let deletes = |uid| accounts.resolve_for_deletion(&reference, "team", uid).is_ok();
    assert!(deletes("old") && !deletes("new"), "a later object may belong to another team");

    let waiting = || Readiness::NotReady { reason: Reason::SecretNotFound };
    accounts.set(&key, "second", || users(&["old", "new"]), waiting(), allowed());
    assert!(deletes("old") && !deletes("new"), "nor does a connection of the same name give it");
    accounts.prune(|_| true, |_| users(&["new"]));
    assert!(!deletes("old") && accounts.sizes().0 == 0, "the last user took it along");
}

#[test]
fn connection_made_again_unseen_does_not_inherit() {
    let (accounts, (reference, key)) = (accounts(), named("c"));
    accounts.set(&key, "first", BTreeSet::new, Readiness::Ready(account()), AllowedNamespaces::default());
    let waiting = Readiness::NotReady { reason: Reason::SecretNotFound };
    accounts.set(&key, "second", || users(&["old"]), waiting, AllowedNamespaces::default());
    assert!(accounts.last_good(&key).is_none());
    assert!(accounts.resolve_for_deletion(&reference, "team", "old").is_ok());
    assert!(accounts.resolve_for_deletion(&reference, "team", "new").is_err());
}

#[test]
fn deleted_connections_leave_nothing_behind() {
    let accounts = accounts();
    let mut opened = Vec::new();
    for number in 0..100 {
        let (_, key) = named(&format!("c-{number}"));
        let account = account();
        opened.push(Arc::downgrade(&account));
        accounts.set(&key, &number.to_string(), BTreeSet::new, Readiness::Ready(account), AllowedNamespaces::default());
        accounts.set_missing(&key, BTreeSet::new());
    }
    accounts.prune(|_| false, |_| BTreeSet::new());
    assert_eq!(accounts.sizes(), (0, 0));
    assert!(opened.iter().all(|account| account.upgrade().is_none()), "every account was dropped");
}
