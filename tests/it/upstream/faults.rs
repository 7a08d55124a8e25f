//! How the clients of all three collections handle responses that are lost, late, wrong or missing: the error says
//! whether a write may have taken effect, and no write is sent twice.

use crate::support::upstream::{
    Log, account, allow_loopback, create, network_policy, owner_tag, policy, refusal, short_timeouts,
};
use crate::upstream::ncloud;
use crate::upstream::spaceone_policy::full_policy;
use crate::upstream::spaceone_servers::{Server, simulated_rest};
use cloud_policy::engine::{BoundExternal, ErrorKind};
use cloud_policy::upstream::{Account, Credentials, EndpointRules, HttpSettings};
use cloud_policy_simulator::ncloud::Ncloud;
use cloud_policy_simulator::{Action, Fault, Faults, Journal, Operation};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One object of one of the three collections, and the server for it.
struct Case {
    subject: Box<dyn BoundExternal>,
    secrets: Vec<String>,
    log: Arc<Log>,
    upstream: Upstream,
}

enum Upstream {
    Ncloud(Ncloud),
    Spaceone(Box<Server>),
}

impl Case {
    fn faults(&self) -> &Faults {
        match &self.upstream {
            Upstream::Ncloud(ncloud) => ncloud.faults(),
            Upstream::Spaceone(server) => server.simulator.as_ref().unwrap().faults(),
        }
    }

    fn journal(&self) -> &Journal {
        match &self.upstream {
            Upstream::Ncloud(ncloud) => ncloud.journal(),
            Upstream::Spaceone(server) => server.simulator.as_ref().unwrap().journal(),
        }
    }

    /// Injects this fault into the create; returns the kind of the error.
    async fn create_under(&self, fault: Fault) -> ErrorKind {
        self.faults().add(fault);
        let before = self.faults().injected();
        let secrets: Vec<&str> = self.secrets.iter().map(String::as_str).collect();
        let kind = refusal(self.subject.create().await, &secrets).kind;
        assert_eq!(self.faults().injected(), before + 1);
        kind
    }
}

async fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let (simulator, _) = ncloud::simulator(|_| {}).await;
    let keys =
        Credentials::Ncloud { access_key: simulator.access_key().into(), secret_key: simulator.secret_key().into() };
    let connection = json!({ "ncloud": { "endpoint": simulator.url(), "credentialsSecretRef": { "name": "s" } } });
    let (account_, log) = account(connection, keys, &short_timeouts());
    let subject = policy(&account_, "ncloud", &ncloud::block(), &owner_tag("uid-1"));
    let secrets = vec![simulator.access_key(), simulator.secret_key()];
    cases.push(Case { subject, secrets, log, upstream: Upstream::Ncloud(simulator) });
    for network in [false, true] {
        let server = simulated_rest().await;
        let token = Credentials::Spaceone { token: server.token.as_str().into() };
        let (account_, log) = account(server.connection(&server.domain_id), token, &short_timeouts());
        let subject = if network {
            network_policy(&account_, &server.network_policy(), &owner_tag("uid-1"))
        } else {
            policy(&account_, "spaceone", &full_policy(), &owner_tag("uid-1"))
        };
        let secrets = vec![server.token.clone()];
        cases.push(Case { subject, secrets, log, upstream: Upstream::Spaceone(Box::new(server)) });
    }
    cases
}

/// Returns the responses that leave the outcome of a write unknown.
fn doubtful() -> Vec<Action> {
    let page = Action::Status { code: 502, body: "<html>oops</html>".to_owned(), headers: BTreeMap::new() };
    vec![
        Action::Reset,
        Action::Timeout(Duration::from_secs(10)),
        Action::Html,
        Action::Empty,
        Action::EndlessBody,
        Action::SlowDrip,
        Action::WrongType,
        Action::Redirect("/elsewhere".to_owned()),
        Action::status(500, "{}"),
        Action::status(503, ""),
        Action::status(504, "nonsense"),
        page,
    ]
}

#[tokio::test]
async fn create_is_sent_once_and_found_when_response_is_lost() {
    for case in cases().await {
        let mut expected = 0;
        for action in doubtful() {
            let (system, shown) = (case.subject.system(), format!("{action:?}"));
            let sent = case.journal().count(Operation::Create);
            let kind = case.create_under(Fault::on(Operation::Create).after(action)).await;
            assert_eq!(kind, ErrorKind::OutcomeUnknown, "{system} {shown}");
            assert_eq!(case.journal().count(Operation::Create), sent + 1, "{system} {shown}: never repeated");
            expected += 1;
            assert_eq!(case.journal().effects(Operation::Create), expected);
            let found = case.subject.find().await.unwrap();
            assert_eq!(found.len(), 1, "{system} {shown}");
            assert!(found[0].diff.is_empty(), "{system} {shown}: {}", found[0].diff.summary());
            case.subject.deleter().delete(&found[0].id).await.unwrap();
        }
    }
}

#[tokio::test]
async fn create_outcome_is_unknown_when_request_never_arrived() {
    for case in cases().await {
        for action in doubtful() {
            let shown = format!("{} {action:?}", case.subject.system());
            let kind = case.create_under(Fault::on(Operation::Create).before(action)).await;
            assert_eq!(kind, ErrorKind::OutcomeUnknown, "{shown}");
            assert!(case.subject.find().await.unwrap().is_empty(), "{shown}");
        }
    }
}

#[tokio::test]
async fn rate_limited_create_has_no_effect_and_reports_delay() {
    for case in cases().await {
        let headers = BTreeMap::from([("Retry-After".to_owned(), "7".to_owned())]);
        let body = r#"{"error":{"errorCode":"420","message":"Rate Limited"}}"#.to_owned();
        case.faults().add(Fault::on(Operation::Create).before(Action::Status { code: 429, body, headers }));
        let error = refusal(case.subject.create().await, &[]);
        assert_eq!((error.kind, error.retry_after), (ErrorKind::RateLimited, Some(Duration::from_secs(7))));
        let begun = Instant::now();
        let next = refusal(case.subject.create().await, &[]);
        assert_eq!(next.kind, ErrorKind::RateLimited, "the whole connection waits");
        assert!(next.retry_after.is_some_and(|wait| wait <= Duration::from_secs(7)), "{next:?}");
        assert!(begun.elapsed() < Duration::from_secs(2), "a request that would wait too long fails at once");
        assert_eq!(case.journal().count(Operation::Create), 1);
    }
}

#[tokio::test]
async fn reads_are_retried_and_never_report_absence_on_failure() {
    for case in cases().await {
        let id = create(&*case.subject).await;
        for action in [Action::Reset, Action::status(502, ""), Action::status(503, ""), Action::status(504, "")] {
            case.faults().add(Fault::on(Operation::Get).times(2).before(action));
            assert!(case.subject.observe(&id).await.unwrap().is_some(), "the third attempt succeeds");
        }
        for action in doubtful() {
            let shown = format!("{} {action:?}", case.subject.system());
            let redirect = matches!(action, Action::Redirect(_));
            let slow = matches!(action, Action::Timeout(_) | Action::SlowDrip);
            // A slow fault takes three times three seconds, so one that ends sooner replaces it here.
            let action = if slow { Action::EndlessBody } else { action };
            case.faults().add(Fault::on(Operation::Get).forever().before(action));
            let kind = refusal(case.subject.observe(&id).await, &[]).kind;
            let expected = if redirect { ErrorKind::EndpointNotAllowed } else { ErrorKind::Unavailable };
            assert_eq!(kind, expected, "{shown}");
            case.faults().clear();
        }
    }
}

#[tokio::test]
async fn endless_response_is_aborted_at_size_limit() {
    for case in cases().await {
        let begun = Instant::now();
        case.create_under(Fault::on(Operation::Create).before(Action::EndlessBody)).await;
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        assert_eq!(case.log.lines().last().unwrap().2, "too_large");
    }
}

#[tokio::test]
async fn redirect_is_never_followed() {
    for case in cases().await {
        let elsewhere = simulated_rest().await;
        for code in [301, 302, 303, 307, 308] {
            let headers = BTreeMap::from([("Location".to_owned(), elsewhere.endpoint.clone())]);
            let action = Action::Status { code, body: String::new(), headers };
            case.faults().add(Fault::any().before(action));
            let error = refusal(case.subject.observe("some-id").await, &[]);
            assert_eq!(error.kind, ErrorKind::EndpointNotAllowed, "{code}");
            assert!(error.message.contains(&code.to_string()), "{error}");
        }
        assert!(elsewhere.simulator.unwrap().journal().entries().is_empty());
    }
}

#[tokio::test]
async fn echoed_secret_is_redacted() {
    for case in cases().await {
        for secret in &case.secrets {
            for body in [
                json!({ "errorCode": secret, "message": secret }),
                json!({ "detail": { "code": format!("ERROR_{secret}"), "message": format!("token {secret} is bad") } }),
            ] {
                let fault = Fault::on(Operation::Create).before(Action::status(401, body.to_string()));
                assert_eq!(case.create_under(fault).await, ErrorKind::Unauthorized);
            }
        }
    }
}

#[tokio::test]
async fn request_is_logged_with_system_operation_and_code() {
    for case in cases().await {
        let id = create(&*case.subject).await;
        case.faults().add(Fault::on(Operation::Get).before(Action::Reset));
        case.subject.observe(&id).await.unwrap();
        let lines = case.log.lines();
        let system = case.subject.system();
        // SpaceONE looks its repository up before it reads a policy.
        let known = [system, "spaceone/repository"];
        assert!(lines.iter().all(|line| known.contains(&line.0)), "{lines:?}");
        let codes =
            |prefix: &str| lines.iter().filter(|l| l.1.starts_with(prefix)).map(|l| l.2.clone()).collect::<Vec<_>>();
        assert_eq!(codes("create"), ["200"]);
        assert_eq!(codes("get")[..2], ["broken", "200"]);
    }
}

#[tokio::test]
async fn create_is_unavailable_when_connection_is_refused() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let connection = json!({ "ncloud": { "endpoint": endpoint, "credentialsSecretRef": { "name": "s" } } });
    let keys = Credentials::Ncloud { access_key: "ACCESSKEY".into(), secret_key: "SECRETKEY".into() };
    let (account, log) = account(connection, keys, &short_timeouts());
    let subject = ncloud::bound(&account, &ncloud::block());
    let error = refusal(subject.create().await, &["ACCESSKEY", "SECRETKEY"]);
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(refusal(account.probe().await, &[]).kind, ErrorKind::Unavailable);
    assert_eq!(log.lines().iter().map(|line| line.2.as_str()).collect::<Vec<_>>(), ["connect"; 4]);
}

#[tokio::test]
async fn name_of_private_address_is_not_dialled() {
    crate::support::install_crypto();
    let spec = json!({ "ncloud": { "endpoint": "http://localhost:9", "credentialsSecretRef": { "name": "s" } } });
    let spec = serde_json::from_value(spec).unwrap();
    let rules =
        EndpointRules { allow_private: false, allowed_hosts: vec!["localhost".parse().unwrap()], ..allow_loopback() };
    let keys = Credentials::Ncloud { access_key: "ACCESSKEY".into(), secret_key: "SECRETKEY".into() };
    let log = Arc::new(Log::default());
    let account = Account::open(&spec, keys, None, &rules, &HttpSettings::default(), log.clone()).unwrap();
    let error = refusal(account.probe().await, &[]);
    assert_eq!(error.kind, ErrorKind::EndpointNotAllowed, "{error}");
    assert_eq!(log.lines()[0].2, "forbidden_address");
}
