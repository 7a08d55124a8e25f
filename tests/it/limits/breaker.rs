//! The circuit breaker of one account, as its callers see it.

use crate::support::upstream::{account, owner_tag, policy, refusal, short_timeouts};
use crate::upstream::ncloud;
use cloud_policy::engine::{ErrorKind, Subject};
use cloud_policy::upstream::{Account, Credentials};
use cloud_policy_simulator::ncloud::Ncloud;
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

struct Line {
    simulator: Ncloud,
    account: Arc<Account>,
    subject: Arc<dyn Subject>,
}

async fn line() -> Line {
    let (simulator, _) = ncloud::simulator(|_| {}).await;
    let keys =
        Credentials::Ncloud { access_key: simulator.access_key().into(), secret_key: simulator.secret_key().into() };
    let connection = json!({ "ncloud": { "endpoint": simulator.url(), "credentialsSecretRef": { "name": "s" } } });
    let (account, _) = account(connection, keys, &short_timeouts());
    let subject = policy(&account, "ncloud", &ncloud::block(), &owner_tag("uid-1")).into();
    Line { simulator, account, subject }
}

impl Line {
    /// Makes requests fail until the circuit breaker opens; returns how many requests reached the upstream.
    async fn trip(&self) -> usize {
        self.simulator.faults().add(Fault::on(Operation::Get).forever().before(Action::status(500, "")));
        let before = self.simulator.journal().count(Operation::Get);
        while !self.account.is_tripped() {
            refusal(self.subject.observe("any").await, &[]);
        }
        self.simulator.journal().count(Operation::Get) - before
    }
}

#[tokio::test]
async fn circuit_breaker_opens_after_five_failures_until_probe() {
    let line = line().await;
    assert_eq!(line.trip().await, 5);
    line.simulator.journal().clear();
    let (read, write) = (line.subject.find().await, line.subject.create().await);
    for error in [refusal(read, &[]), refusal(write, &[])] {
        assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
        assert!(error.message.contains("failed several times in a row"), "{error}");
    }
    assert!(line.simulator.journal().entries().is_empty());
    line.simulator.faults().clear();
    line.account.probe().await.unwrap();
    assert!(!line.account.is_tripped());
    assert!(line.subject.find().await.unwrap().is_empty());
}

#[tokio::test]
async fn circuit_breaker_stays_open_when_probe_fails() {
    let line = line().await;
    line.trip().await;
    line.simulator.faults().add(Fault::on(Operation::List).before(Action::status(500, "")));
    assert_eq!(refusal(line.account.probe().await, &[]).kind, ErrorKind::Unavailable);
    assert!(line.account.is_tripped());
}

#[tokio::test]
async fn circuit_breaker_counts_only_consecutive_failures() {
    let line = line().await;
    for _ in 0..3 {
        line.simulator.faults().add(Fault::on(Operation::Get).times(4).before(Action::status(500, "")));
        for _ in 0..4 {
            refusal(line.subject.observe("any").await, &[]);
        }
        line.subject.find().await.unwrap();
    }
    assert!(!line.account.is_tripped());
}

#[tokio::test]
async fn circuit_breaker_opens_when_credentials_are_refused() {
    let line = line().await;
    line.simulator.set_options(|o| o.secret_key = "AnotherSecret/0000000000000000000000002".to_owned());
    for _ in 0..5 {
        assert_eq!(refusal(line.subject.find().await, &[]).kind, ErrorKind::Unauthorized);
    }
    assert!(line.account.is_tripped());
}

#[tokio::test]
async fn pending_create_is_found_after_circuit_breaker_opens() {
    let line = line().await;
    let late = Fault::on(Operation::Create).after(Action::Reset).latency(Duration::from_secs(1));
    line.simulator.faults().add(late);
    let create = tokio::spawn({
        let subject = Arc::clone(&line.subject);
        async move { subject.create().await }
    });
    while line.simulator.journal().effects(Operation::Create) == 0 {
        tokio::task::yield_now().await;
    }
    line.trip().await;
    assert_eq!(refusal(create.await.unwrap(), &[]).kind, ErrorKind::OutcomeUnknown);
    assert_eq!(refusal(line.subject.create().await, &[]).kind, ErrorKind::Unavailable, "the second create is not sent");
    assert_eq!(line.simulator.journal().count(Operation::Create), 1);
    line.simulator.faults().clear();
    line.account.probe().await.unwrap();
    assert_eq!(line.subject.find().await.unwrap().len(), 1);
}
