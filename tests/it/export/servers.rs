//! The real SpaceONE servers: what they show is exported, planned as an adoption, and gives the same bytes twice.

use super::agrees::options;
use crate::plan::setup::planner;
use crate::support::upstream::{allow_loopback, short_timeouts, unique};
use crate::upstream::spaceone_servers::{Server, real_console, real_rest, real_verb, simulated_rest};
use cloud_policy::engine::OwnerTag;
use cloud_policy::export::{Export, Selection, export, read};
use cloud_policy::plan::connections::{Limits, account};
use cloud_policy::plan::owners::Owners;
use cloud_policy::plan::{Connections, Given, Input, Manifests};
use cloud_policy::upstream::{Credentials, Priority, registry};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

pub fn given(server: &Server) -> Given {
    Given {
        name: "spaceone".to_owned(),
        credentials: Credentials::Spaceone { token: server.token.clone().into() },
        endpoint: Some(serde_json::from_value(server.connection(&server.domain_id)).unwrap()),
        otherwise: None,
    }
}

pub fn limits() -> Limits {
    Limits { rules: allow_loopback(), http: short_timeouts(), rate: None }
}

/// Creates an object by the client of the operator, and takes the owner tag away again.
pub async fn create(server: &Server, spec: &dyn std::any::Any) {
    let account = server.account();
    let tag = OwnerTag::new("export", uuid::Uuid::new_v4().to_string());
    let bound = registry::bind(&account, spec, &tag, Priority::Background).unwrap();
    let created = bound.create().await.unwrap();
    let cloud_policy::engine::Written::Accepted { id, .. } = created else { panic!("{created:?}") };
    bound.deleter().untag(&id).await.unwrap();
}

async fn exported(server: &Server, prefix: &str) -> Export {
    let account = account(&given(server), &limits()).unwrap();
    let selection = Selection { names: vec![format!("{prefix}*")], ..Selection::default() };
    let found = read(&account, &selection, Instant::now(), &|_| ()).await.unwrap_or_else(|unread| panic!("{unread:?}"));
    export(&BTreeMap::from([("spaceone".to_owned(), found)]), &options())
}

async fn suite(server: Server) {
    let prefix = unique("export");
    let policy = |at: usize, more: Value| {
        let mut block = json!({
            "policyId": format!("{prefix}-{at}"), "name": "뷰어: #1", "permissions": ["inventory.Server.list", "inventory.*"],
        });
        block.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let spec = json!({ "connectionRef": { "name": "spaceone" }, "spaceone": block });
        serde_json::from_value::<cloud_policy::api::PolicySpec>(spec).unwrap()
    };
    create(&server, &policy(1, json!({}))).await;
    create(
        &server,
        &policy(2, json!({ "labels": ["on", "가"], "tags": { "level": 3, "deep": { "no": ["1e3", null] } } })),
    )
    .await;
    let mut expected = 2;
    if server.zones.is_some() {
        for _ in 0..2 {
            let mut block = server.network_policy();
            // Names are not unique.
            block["name"] = json!(prefix);
            let spec = json!({ "connectionRef": { "name": "spaceone" }, "spaceone": block });
            create(&server, &serde_json::from_value::<cloud_policy::api::NetworkPolicySpec>(spec).unwrap()).await;
        }
        expected += 2;
    }
    let export = exported(&server, &prefix).await;
    assert_eq!((export.manifests.len(), &export.skipped[..]), (expected, &[][..]), "{export:#?}");
    assert_eq!(exported(&server, &prefix).await.text(), export.text());
    let manifests = Manifests::read(&[Input { file: "export".to_owned(), text: export.text() }], "other");
    let planner = planner(Connections::open(&manifests, &[given(&server)], &limits()), Owners::Unknown);
    let report = planner.plan(&manifests).await;
    assert_eq!((report.summary.adopt, report.failures.len()), (expected, 0), "{report:#?}");
    for object in &report.objects {
        assert!(object.fields.is_empty() && object.writes.len() == 1, "{object:#?}");
    }
}

#[tokio::test]
async fn export_of_simulated_servers_is_adopted() {
    suite(simulated_rest().await).await;
}

#[tokio::test]
async fn export_of_real_rest_servers_is_adopted() {
    suite(real_rest().await).await;
}

#[tokio::test]
async fn export_of_real_verb_servers_is_adopted() {
    suite(real_verb().await).await;
}

#[tokio::test]
async fn export_of_real_console_is_adopted() {
    suite(real_console().await).await;
}
