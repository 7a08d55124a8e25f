use super::*;
use cloud_policy_testbed::holds_for;
use proptest::prelude::*;
use serde_json::{Value, json};

fn policy(namespace: &str, uid: &str, data: &Value) -> Value {
    json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1",
        "kind": "NetworkPolicy",
        "metadata": { "name": "n", "namespace": namespace, "uid": uid, "finalizers": ["other/one", "cloudpolicy.dev/finalizer"] },
        "spec": { "connectionRef": { "name": "c" }, "spaceone": { "name": "n", "data": data } },
        "status": { "upstream": { "id": "u" } },
    })
}

fn numbers(count: usize) -> Value {
    json!({ "k": vec![0; count] })
}

/// Returns the response after a limiter for this request, read in chunks of this size.
fn through(shares: &Arc<Shares>, uri: &str, response: &str, chunk: usize) -> String {
    let uri: Uri = uri.parse().unwrap();
    let Some(mut limiter) = SizeLimiter::of(&Method::GET, &uri, Arc::clone(shares)) else { return response.to_owned() };
    let chunks = response.as_bytes().chunks(chunk).flat_map(|chunk| limiter.limit(chunk));
    String::from_utf8(chunks.collect()).unwrap()
}

fn unlimited() -> Arc<Shares> {
    Arc::new(Shares::new(usize::MAX))
}

fn one(object: &Value) -> Value {
    let text = through(
        &unlimited(),
        "/apis/cloudpolicy.dev/v1alpha1/namespaces/a/networkpolicies/n",
        &object.to_string(),
        999,
    );
    serde_json::from_str(&text).unwrap()
}

#[test]
fn small_objects_stay_as_they_are_for_any_chunk_size() {
    holds_for(200, (any::<String>(), 1usize..9), |(text, chunk)| {
        let object = policy("a", "1", &json!({ "text": text, "more": [1, { &text: "}]\"\\" }] }));
        let list = json!({ "kind": "List", "items": [object, object], "metadata": { "continue": "", "x": [{}] } });
        let event = json!({ "type": "ADDED", "object": object });
        for (uri, response) in [
            ("/apis/cloudpolicy.dev/v1alpha1/networkpolicies?limit=1", list.to_string()),
            ("/apis/cloudpolicy.dev/v1alpha1/networkpolicies?watch=true", format!("{event}\n{event}\n")),
            ("/apis/cloudpolicy.dev/v1alpha1/namespaces/a/networkpolicies/n", object.to_string()),
            ("/api/v1/namespaces/a", "{\"not\": \"ours\"}".to_owned()),
        ] {
            let seen = through(&unlimited(), uri, &response, chunk);
            let lines = |text: &str| text.lines().map(|line| line.parse::<Value>().unwrap()).collect::<Vec<_>>();
            assert_eq!(lines(&seen), lines(&response), "{uri}");
        }
    });
}

#[test]
fn large_field_is_emptied_and_named() {
    let cases = [
        ("/spec/spaceone/data", numbers(600_000), json!({})),
        ("/spec/spaceone/tags", json!({ "k": "x".repeat(3_000_000) }), json!({})),
        ("/spec/spaceone/reference", json!("x".repeat(3_000_000)), json!("")),
        ("/spec/spaceone/permissions", json!(vec!["p"; 60_000]), json!([])),
        ("/status/conditions", json!(vec!["p"; 60_000]), json!([])),
    ];
    for (pointer, value, empty) in cases {
        let mut object = policy("a", "1", &json!({ "small": 1 }));
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[field] = value;
        let seen = one(&object);
        assert_eq!(seen.pointer(pointer), Some(&empty), "{pointer}");
        assert_eq!(seen["metadata"]["annotations"][TOO_LARGE], pointer[1..].replace('/', "."), "{pointer}");
        assert_eq!(seen["status"]["upstream"]["id"], "u");
        assert_eq!(seen["spec"]["connectionRef"], object["spec"]["connectionRef"]);
    }
}

#[test]
fn large_metadata_is_dropped_and_identity_stays() {
    let mut object = policy("a", "1", &json!({}));
    let mut many = serde_json::Map::new();
    for n in 0..30_000 {
        many.insert(format!("key-{n}"), json!(""));
    }
    for field in ["annotations", "labels"] {
        object["metadata"][field] = json!(many);
    }
    object["metadata"]["annotations"]["cloudpolicy.dev/force-orphan"] = json!("true");
    object["metadata"]["finalizers"] = json!([vec!["other/one"; 60_000], vec!["cloudpolicy.dev/finalizer"]].concat());
    object["metadata"]["managedFields"] = json!([numbers(100_000)]);
    let seen = one(&object);
    assert!(seen.to_string().len() < MAX_OBJECT);
    assert_eq!(seen["metadata"]["finalizers"], json!(["cloudpolicy.dev/finalizer"]));
    assert_eq!((&seen["metadata"]["name"], &seen["metadata"]["uid"]), (&json!("n"), &json!("1")));
    assert_eq!(seen["metadata"]["annotations"]["cloudpolicy.dev/force-orphan"], "true");
    assert!(seen["metadata"]["annotations"][TOO_LARGE].as_str().unwrap().contains("metadata.finalizers"));
}

#[test]
fn unread_metadata_and_forged_marks_are_dropped() {
    let mut object = policy("a", "1", &json!({}));
    object["metadata"]["managedFields"] = json!([numbers(100_000)]);
    object["metadata"]["annotations"] = json!({
        "kubectl.kubernetes.io/last-applied-configuration": "x".repeat(250_000),
        TOO_LARGE: "forged",
        "mine": "stays",
    });
    assert_eq!(one(&object)["metadata"]["annotations"], json!({ "mine": "stays" }));
}

fn list(shares: &Arc<Shares>, objects: &[Value]) -> Vec<bool> {
    let list = json!({ "kind": "List", "items": objects }).to_string();
    let seen: Value = through(shares, "/apis/cloudpolicy.dev/v1alpha1/policies?limit=9", &list, 1000).parse().unwrap();
    let whole = |object: &Value| object["metadata"]["annotations"].get(TOO_LARGE).is_none();
    seen["items"].as_array().unwrap().iter().map(whole).collect()
}

#[test]
fn namespace_above_its_share_does_not_crowd_others_out() {
    let shares = Arc::new(Shares::new(4 * 1024 * 1024));
    let fat = |namespace: &str, n: usize| policy(namespace, &format!("{namespace}-{n}"), &numbers(3_000));
    let crowd: Vec<Value> = (0..60).map(|n| fat("crowd", n)).collect();
    let whole = list(&shares, &crowd).iter().filter(|whole| **whole).count();
    assert!((10..20).contains(&whole), "{whole} of 60 objects of 200 KB are read whole");
    let all = [crowd.clone(), vec![fat("single", 0), policy("crowd", "small", &json!({}))]].concat();
    assert_eq!(list(&shares, &all)[60..], [true, true], "another namespace, and a small object");
    assert!(shares.taken_in_all() < 5 * 1024 * 1024);
}

#[test]
fn budget_returns_what_is_deleted_or_no_longer_listed() {
    let shares = Arc::new(Shares::new(1024 * 1024));
    let watch = "/apis/cloudpolicy.dev/v1alpha1/policies?watch=true";
    let objects: Vec<Value> = (0..3).map(|n| policy("a", &n.to_string(), &numbers(2_000))).collect();
    list(&shares, &objects);
    let three = shares.taken_in_all();
    through(&shares, watch, &format!("{{\"type\":\"DELETED\",\"object\":{}}}\n", objects[0]), 1000);
    assert_eq!(shares.taken_in_all(), three / 3 * 2);
    through(&shares, watch, &format!("{{\"type\":\"MODIFIED\",\"object\":{}}}\n", objects[1]), 1000);
    assert_eq!(shares.taken_in_all(), three / 3 * 2, "counted once");
    list(&shares, &objects[2..]);
    through(&shares, watch, "", 1000);
    assert_eq!(shares.taken_in_all(), three / 3);
}
