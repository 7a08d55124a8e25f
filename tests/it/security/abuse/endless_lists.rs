//! Upstreams whose lists never end, against the binary with the memory of the chart.

use super::fat_objects::launch;
use super::many_objects::memory;
use crate::support::connection_helpers::connection_is;
use crate::support::test_env::{TestEnv, network_policy};
use axum::Router;
use axum::extract::Request;
use cloud_policy::api::NetworkPolicy;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a page of the list contains.
#[derive(Clone, Copy)]
enum Page {
    /// As many objects as were asked for, with new ids and much text.
    Text,
    /// The same with many values.
    Values,
    /// Millions of empty objects.
    Crowd,
}

/// Starts a server that always has one more page. Returns its URL and the number of pages that it returned.
async fn endless(page: Page) -> (String, Arc<AtomicUsize>) {
    let pages = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&pages);
    let answer = move |request: Request| {
        let count = Arc::clone(&count);
        async move {
            if request.uri().path().ends_with("stat") {
                return json!({ "results": [{ "count": 1 }] }).to_string();
            }
            if request.uri().path().contains("repositor") {
                return json!({ "total_count": 1, "results": [{ "repository_id": "repo-1" }] }).to_string();
            }
            let number = count.fetch_add(1, Ordering::SeqCst);
            let results = match page {
                Page::Crowd => {
                    return format!("{{\"total_count\":1000000,\"results\":[{}{{}}]}}", "{},".repeat(2_700_000));
                }
                Page::Text => vec![json!("x".repeat(38_000)); 1],
                Page::Values => vec![json!(vec![0; 1_000]); 1],
            };
            let object = |n: usize| json!({ "network_policy_id": format!("np-{number}-{n}"), "name": "n", "data": { "k": results[0] } });
            json!({ "total_count": 1_000_000, "results": (0..200).map(object).collect::<Vec<_>>() }).to_string()
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let json = [("content-type", "application/json")];
    let router = Router::new().fallback(move |request| {
        let answer = answer.clone();
        async move { (json, answer(request).await) }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, pages)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_list_is_refused_within_memory() {
    let env = TestEnv::without_operator("endless-list").await;
    let zone = env.spaceone.zone_ids()[0].clone();
    let mut upstreams = Vec::new();
    for (name, page) in [("text", Page::Text), ("values", Page::Values), ("crowd", Page::Crowd)] {
        let (url, pages) = endless(page).await;
        env.connect_spaceone(name, &url, "Rest", &env.spaceone.domain_id(), &env.spaceone.token()).await;
        upstreams.push((name, pages));
    }
    let directory = tempfile::tempdir().unwrap();
    let operator = launch(&env, directory.path()).await;
    for (name, _) in &upstreams {
        connection_is(&env, name, "Authenticated").await;
        for n in 0..4 {
            let mut object = network_policy(&format!("{name}-{n}"), &zone);
            object["spec"]["connectionRef"]["name"] = json!(name);
            env.apply(object).await;
        }
    }
    for (name, pages) in &upstreams {
        for n in 0..4 {
            env.reason::<NetworkPolicy>(&format!("{name}-{n}"), "UpstreamUnavailable").await;
        }
        assert!(pages.load(Ordering::SeqCst) > 0, "{name}");
    }
    env.apply(network_policy("other", &zone)).await;
    env.ready::<NetworkPolicy>("other").await;
    println!("endless lists{}", memory(&operator));
}
