//! The real SpaceONE servers: every policy of the domain is in the report, with its roles.

use crate::export::servers::{create, given, limits};
use crate::support::upstream::unique;
use crate::upstream::spaceone_servers::{Server, real_console, real_rest, real_verb, simulated_rest};
use cloud_policy::export::{Selection, read};
use cloud_policy::plan::connections::account;
use cloud_policy::review::policy::Management;
use cloud_policy::review::report::Reviewed;
use cloud_policy::review::{Header, Report, Sources};
use serde_json::json;
use std::time::Instant;

async fn suite(server: Server) {
    let id = unique("report");
    let block = json!({ "policyId": id, "name": "뷰어", "permissions": ["inventory.*"] });
    let spec = json!({ "connectionRef": { "name": "spaceone" }, "spaceone": block });
    create(&server, &serde_json::from_value::<cloud_policy::api::PolicySpec>(spec).unwrap()).await;
    let account = account(&given(&server), &limits()).unwrap();
    // Other tests use the same servers.
    let names = vec![id.clone()];
    let selection = Selection { names, with_users: true, with_reserved: true, ..Selection::default() };
    let found = read(&account, &selection, Instant::now(), &|_| {}).await.unwrap_or_else(|unread| panic!("{unread:?}"));
    let (connection, endpoint) = ("spaceone".to_owned(), account.endpoint().to_owned());
    let reviewed = [Reviewed { connection, endpoint, account: account.id(), found }];
    let header = Header { time: "2026-12-01T00:00:00Z".to_owned(), tool: "test".to_owned(), names_users: true };
    let report = Report::of(header, &reviewed, &Sources::default());
    let [policy] = &report.policies[..] else { panic!("{report:#?}") };
    assert_eq!(
        (&policy.reference.id, policy.management, policy.wildcard),
        (&id, Management::Unmanaged, Some("product"))
    );
    assert_eq!((report.unused.len(), report.unmanaged.len()), (1, 1), "{report:#?}");
    assert!(policy.created_at.is_some(), "{policy:#?}");
    assert_eq!(report.accounts[0].account.as_deref(), Some(server.domain_id.as_str()));
}

#[tokio::test]
async fn report_of_simulated_servers_is_complete() {
    suite(simulated_rest().await).await;
}

#[tokio::test]
async fn report_of_real_rest_servers_is_complete() {
    suite(real_rest().await).await;
}

#[tokio::test]
async fn report_of_real_verb_servers_is_complete() {
    suite(real_verb().await).await;
}

#[tokio::test]
async fn report_of_real_console_is_complete() {
    suite(real_console().await).await;
}
