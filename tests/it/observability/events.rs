//! Kubernetes events: of objects with long names, of one reason with several causes, and failed publications.

use crate::support::test_env::{TestEnv, spaceone_policy};
use crate::support::test_log::TestLog;
use cloud_policy::api::{Connection, Policy};
use cloud_policy::controller::k8s::events::{self, Events};
use cloud_policy::metrics::Metrics;
use http::{Request, Response, StatusCode};
use k8s_openapi::api::core::v1::{Event, ObjectReference};
use kube::api::ListParams;
use kube::client::Body;
use kube::{Client, Resource};
use serde_json::json;
use std::convert::Infallible;
use tokio_util::sync::CancellationToken;

/// The name of an event ends with 17 characters, so the longest names leave no room for it.
#[tokio::test]
async fn object_with_longest_name_has_events() {
    let env = TestEnv::new("long-names").await;
    let dotted = format!("{}.{}", "d".repeat(235), "e".repeat(17));
    for (index, name) in ["a".repeat(237), "b".repeat(253), dotted].into_iter().enumerate() {
        let mut policy = spaceone_policy(&name);
        policy["spec"]["spaceone"]["policyId"] = json!(format!("long-{index}"));
        env.apply(policy).await;
        env.ready::<Policy>(&name).await;
        env.delete::<Policy>(&name).await;
        env.gone::<Policy>(&name).await;
        let reasons: Vec<String> = env.events(&name).await.into_iter().map(|(reason, _)| reason).collect();
        for reason in ["Created", "UpToDate", "Deleted"] {
            assert!(reasons.contains(&reason.to_owned()), "{} characters: {reasons:?}", name.len());
        }
    }
    let name = "c".repeat(253);
    env.connection(&name, json!({ "ncloud": { "zone": "Public", "credentialsSecretRef": { "name": "missing" } } }))
        .await;
    let shown = |_: &Connection| Ok(());
    env.until(&name, "there", shown).await;
    cloud_policy_testbed::wait_for("an event of the connection", crate::support::test_env::SOON, || async {
        anyhow::ensure!(env.events(&name).await.iter().any(|(reason, _)| reason == "SecretNotFound"));
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn each_drift_has_an_event_with_its_own_words() {
    let env = TestEnv::with("drift-events", |settings| settings.interval_divisor = 1).await;
    env.apply(spaceone_policy("drifting")).await;
    env.ready::<Policy>("drifting").await;
    let edits: [fn(&mut cloud_policy_simulator::spaceone::StoredPolicy); 3] = [
        |policy| policy.permissions = vec!["*".to_owned()],
        |policy| policy.name = "Another".to_owned(),
        |policy| policy.labels = vec![json!("other")],
    ];
    for edit in edits {
        let wanted = env.spaceone.policies()[0].clone();
        assert!(env.spaceone.edit_policy("drifting", edit));
        env.reconcile_now::<Policy>("drifting").await;
        // Right after a write the operator first looks again.
        let corrected = || {
            let now = env.spaceone.policies()[0].clone();
            (now.name, now.permissions, now.labels)
                == (wanted.name.clone(), wanted.permissions.clone(), wanted.labels.clone())
        };
        env.eventually("the correction", corrected).await;
        env.ready::<Policy>("drifting").await;
    }
    let events = env.events("drifting").await;
    for reason in ["DriftFound", "DriftCorrected"] {
        for field in ["permissions", "name", "labels"] {
            let told =
                |(seen, note): &(String, String)| seen == reason && note.contains(&format!("spec.spaceone.{field}"));
            assert!(events.iter().any(told), "{reason} of {field}: {events:?}");
        }
    }
}

/// Hands over events to a publisher that stops at once, and waits until they are published.
async fn publish(client: &Client, send: impl FnOnce(&Events)) {
    let (events, publisher) = events::channel(client.clone(), None, &Metrics::new("test"));
    send(&events);
    let stop = CancellationToken::new();
    stop.cancel();
    publisher.run(stop).await;
}

#[tokio::test]
async fn equal_events_are_counted() {
    let env = TestEnv::without_operator("counted").await;
    let about = env.get::<Connection>("ncloud").await.object_ref(&());
    publish(&env.client, |events| {
        for note in ["one", "one", "two", "one"] {
            events.warning(&about, "Conflict", note);
        }
    })
    .await;
    let list = env.api::<Event>().list(&ListParams::default()).await.unwrap().items;
    let count = |note: &str| {
        let found: Vec<_> = list.iter().filter(|event| event.message.as_deref() == Some(note)).collect();
        assert_eq!(found.len(), 1, "{note}");
        found[0].series.as_ref().and_then(|series| series.count)
    };
    assert_eq!((count("one"), count("two")), (Some(3), None));
}

#[tokio::test]
async fn equal_event_is_new_when_the_old_one_is_gone() {
    let env = TestEnv::without_operator("expired").await;
    let about = env.get::<Connection>("ncloud").await.object_ref(&());
    let metrics = Metrics::new("test");
    let (events, publisher) = events::channel(env.client.clone(), None, &metrics);
    let publisher = tokio::spawn(publisher.run(CancellationToken::new()));
    events.normal(&about, "Updated", "one");
    env.eventually("the event to be published", || metrics.queued_events() == 0).await;
    env.api::<Event>().delete_collection(&kube::api::DeleteParams::default(), &ListParams::default()).await.unwrap();
    events.normal(&about, "Updated", "one");
    env.eventually("the event to be published again", || metrics.queued_events() == 0).await;
    publisher.abort();
    assert_eq!(env.events("ncloud").await, [("Updated".to_owned(), "one".to_owned())]);
}

#[tokio::test]
async fn failed_publication_is_logged_once_as_a_warning() {
    let (log, _guard) = TestLog::open("debug");
    let refuse = |code: StatusCode, cause: &'static str| {
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "refused", "reason": code.canonical_reason(),
            "code": code.as_u16(), "details": { "causes": [{ "reason": cause }] },
        });
        let answer = move |_: Request<Body>| {
            let body = Body::from(status.to_string().into_bytes());
            let answer = Response::builder().status(code).header("content-type", "application/json");
            std::future::ready(Ok::<_, Infallible>(answer.body(body).unwrap()))
        };
        Client::new(tower::service_fn(answer), "default")
    };
    let about = ObjectReference { name: Some("viewer".to_owned()), ..ObjectReference::default() };
    let warnings = async |client: &Client| {
        publish(client, |events| {
            for note in ["one", "two", "three"] {
                events.warning(&about, "DeleteHeld", note);
            }
        })
        .await;
        let lines = log.lines("cloud_policy::controller::k8s::events");
        lines.iter().filter(|line| line["level"] == "WARN").count()
    };
    assert_eq!(warnings(&refuse(StatusCode::FORBIDDEN, "NamespaceTerminating")).await, 0);
    assert_eq!(warnings(&refuse(StatusCode::FORBIDDEN, "")).await, 1);
    assert!(log.text().contains("event not published") && log.text().contains("DeleteHeld"));
}

#[tokio::test]
async fn event_is_dropped_and_counted_when_too_many_wait() {
    let metrics = Metrics::new("test");
    let unreachable = |_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>();
    let client = Client::new(tower::service_fn(unreachable), "default");
    let (events, _publisher) = events::channel(client, None, &metrics);
    let of = |namespace: &str| ObjectReference { namespace: Some(namespace.to_owned()), ..Default::default() };
    for note in 0..600 {
        events.normal(&of("loud"), "Updated", &note.to_string());
    }
    assert_eq!(metrics.queued_events(), 512, "half of the queue is left for others");
    for tenant in 0..8 {
        (0..64).for_each(|note| events.warning(&of(&tenant.to_string()), "Orphaned", &note.to_string()));
    }
    assert_eq!(metrics.queued_events(), 1024);
    let text = metrics.encode().unwrap();
    assert!(text.contains("cloud_policy_events_dropped_total 88\n"), "{text}");
}
