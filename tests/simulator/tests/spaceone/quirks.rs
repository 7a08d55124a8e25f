//! Unexpected behaviour of SpaceONE that a client must handle. The recordings have the exact answers to
//! most of these requests.

use cloud_policy_simulator::spaceone::{Era, Options, Spaceone};
use serde_json::{Value, json};

use crate::client::{Answer, spaceone};

struct Inventory(Spaceone);

impl Inventory {
    async fn start() -> Self {
        Self(Spaceone::start(Options::default()).await.unwrap())
    }

    /// Creates a network policy with these fields and returns its path.
    fn create(&self, fields: &Value) -> String {
        let answer = self.try_create(fields);
        assert_eq!(answer.status, 200, "{}", answer.text());
        format!("/inventory/v1/network-policy/{}", answer.json()["network_policy_id"].as_str().unwrap())
    }

    fn try_create(&self, fields: &Value) -> Answer {
        let mut body = json!({"name": "n", "zone_id": self.0.zone_ids()[0], "domain_id": self.0.domain_id()});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        spaceone(&self.0, "POST", "/inventory/v1/network-policies", &body)
    }

    fn put(&self, path: &str, fields: &Value) -> Answer {
        let mut body = json!({"domain_id": self.0.domain_id()});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        spaceone(&self.0, "PUT", path, &body)
    }
}

#[tokio::test]
async fn update_ignores_empty_lists_and_names() {
    let inventory = Inventory::start().await;
    let routes = json!([{"cidr": "10.0.0.0/8", "destination": "10.0.0.1"}]);
    let path = inventory.create(&json!({"dns": ["8.8.8.8"], "routing_tables": routes, "tags": {"a": 1}}));
    let answer = inventory.put(&path, &json!({"dns": [], "routing_tables": [], "name": "", "tags": {}})).json();
    assert_eq!(answer["dns"], json!(["8.8.8.8"]));
    assert_eq!(answer["routing_tables"], routes);
    assert_eq!(answer["name"], "n");
    assert_eq!(answer["tags"], json!({}), "an update can clear a message");
}

#[tokio::test]
async fn update_merges_data_and_replaces_other_fields() {
    let inventory = Inventory::start().await;
    let fields = json!({
        "data": {"a": {"x": 1}, "b": 2}, "metadata": {"a": "x"}, "tags": {"a": 1},
        "reference": {"resource_id": "r", "external_link": "l"},
    });
    let path = inventory.create(&fields);
    let change = json!({
        "data": {"a": {"y": 1}, "c": 3}, "metadata": {"b": "y"}, "tags": {"b": 2}, "reference": {"resource_id": "s"},
    });
    let answer = inventory.put(&path, &change).json();
    assert_eq!(answer["data"], json!({"a": {"y": 1.0}, "b": 2.0, "c": 3.0}), "data merges at its first level");
    assert_eq!((&answer["metadata"], &answer["tags"]), (&json!({"b": "y"}), &json!({"b": 2.0})));
    assert_eq!(answer["reference"], json!({"resource_id": "s"}));
}

#[tokio::test]
async fn numbers_are_returned_as_doubles() {
    let inventory = Inventory::start().await;
    let answer = inventory.try_create(&json!({"tags": {"n": 1, "deep": [{"m": 2}]}}));
    assert!(answer.text().contains(r#""n":1.0"#) && answer.text().contains(r#""m":2.0"#), "{}", answer.text());
}

#[tokio::test]
async fn update_skips_pinned_fields_without_error() {
    let inventory = Inventory::start().await;
    let path = inventory.create(&json!({"dns": ["8.8.8.8"], "data": {"a": 1, "b": 1}}));
    let pin = |keys: Value| inventory.put(&format!("{path}/pin-data"), &json!({"keys": keys}));
    assert_eq!(pin(json!(["dns", "data.a"])).status, 200);
    let answer = inventory.put(&path, &json!({"dns": ["1.1.1.1"], "data": {"a": 2, "b": 2}, "name": "m"}));
    assert_eq!(answer.status, 200);
    let answer = answer.json();
    assert_eq!((&answer["dns"], &answer["name"]), (&json!(["8.8.8.8"]), &json!("m")));
    assert_eq!(answer["data"], json!({"a": 1.0, "b": 2.0}));
    assert_eq!(pin(json!([])).json()["detail"]["code"], "ERROR_REQUIRED_PARAMETER", "at least one key stays pinned");
    assert_eq!(pin(json!(["tags"])).json()["detail"]["code"], "ERROR_NOT_ALLOW_PINNING_KEYS", "never set");
    assert_eq!(pin(json!(["zone_id"])).status, 200, "pinning zone_id replaces the other pins");
    assert_eq!(inventory.put(&path, &json!({"dns": ["1.1.1.1"]})).json()["dns"], json!(["1.1.1.1"]));
}

#[tokio::test]
async fn update_fails_when_metadata_has_number_or_flag() {
    let inventory = Inventory::start().await;
    for (metadata, message) in [
        (json!({"m": 1}), "'float' object is not iterable"),
        (json!({"m": true}), "'bool' object is not iterable"),
        (json!({"m": null}), "'NoneType' object is not iterable"),
        (json!({"m": [1]}), "argument of type 'float' is not iterable"),
        (json!({"m": {"name": "x"}}), "string indices must be integers, not 'str'"),
    ] {
        let path = inventory.create(&json!({"metadata": metadata}));
        for change in [json!({"name": "m"}), json!({"metadata": {}})] {
            let answer = inventory.put(&path, &change);
            assert_eq!((answer.status, &answer.json()["detail"]["message"]), (500, &json!(message)), "{metadata}");
        }
    }
    let path = inventory.create(&json!({"metadata": {"text": "x", "list": ["y"], "object": {"k": 1}}}));
    assert_eq!(inventory.put(&path, &json!({"name": "m"})).status, 200);
}

#[tokio::test]
async fn create_validates_and_normalises_addresses() {
    let inventory = Inventory::start().await;
    let create = |cidr: &str, destination: &str| {
        inventory.try_create(&json!({"routing_tables": [{"cidr": cidr, "destination": destination}]}))
    };
    let stored = create("2001:DB8:0:0::/32", "2001:DB8::0:1").json()["routing_tables"][0].clone();
    assert_eq!(stored, json!({"cidr": "2001:db8::/32", "destination": "2001:db8::1"}));
    for (cidr, destination, code) in [
        ("10.0.0.1/8", "10.0.0.1", "ERROR_INVALID_NETWORK"),
        ("10.0.0.0/33", "10.0.0.1", "ERROR_INVALID_NETWORK"),
        ("10.0.0.0/8", "igw-1", "ERROR_INVALID_IP_ADDRESS"),
    ] {
        let answer = create(cidr, destination);
        assert_eq!((answer.status, &answer.json()["detail"]["code"]), (500, &json!(code)), "{cidr} {destination}");
    }
    let path = inventory.create(&json!({"dns": ["2001:DB8::53"]}));
    assert_eq!(
        inventory.put(&path, &json!({"dns": ["2001:DB8::53"]})).json()["dns"],
        json!(["2001:DB8::53"]),
        "verbatim"
    );
}

#[tokio::test]
async fn tag_key_with_dot_or_dollar_fails_by_era() {
    let key = |era: Era, key: &'static str| async move {
        let server = Spaceone::start(Options { era, ..Options::default() }).await.unwrap();
        let body = json!({"policy_id": "p", "name": "P", "permissions": ["a"], "tags": {key: 1}});
        let answer = spaceone(&server, "POST", "/repository/v1/policy/create", &body);
        (answer.status, answer.json()["detail"]["code"].clone())
    };
    let broken = (500, json!("ERROR_DB_QUERY"));
    assert_eq!(key(Era::Rest, "app.kubernetes.io/name").await, broken);
    assert_eq!(key(Era::Rest, "$owner").await, broken);
    assert_eq!(key(Era::Verb, "$owner").await, broken);
    assert_eq!(key(Era::Verb, "app.kubernetes.io/name").await.0, 200);
}

#[tokio::test]
async fn repeated_create_duplicates_only_network_policy() {
    let inventory = Inventory::start().await;
    assert_ne!(inventory.create(&json!({})), inventory.create(&json!({})));
    let body = json!({"policy_id": "p", "name": "P", "permissions": ["a"]});
    let create = || spaceone(&inventory.0, "POST", "/repository/v1/policies", &body);
    assert_eq!(create().status, 200);
    assert_eq!(create().json()["detail"]["code"], "ERROR_SAVE_UNIQUE_VALUES");
    assert_eq!((inventory.0.network_policies().len(), inventory.0.policies().len()), (2, 1));
}

#[tokio::test]
async fn error_status_differs_between_eras() {
    for (era, missing, duplicate, bad_id, gone) in [(Era::Rest, 500, 400, 500, 400), (Era::Verb, 400, 409, 400, 404)] {
        let server = Spaceone::start(Options { era, ..Options::default() }).await.unwrap();
        let post =
            |verb: &str, body: Value| spaceone(&server, "POST", &format!("/repository/v1/policy/{verb}"), &body).status;
        let policy = |id: &str| json!({"policy_id": id, "name": "P", "permissions": ["a"]});
        assert_eq!(post("create", policy("p")), 200);
        let statuses = [
            post("get", json!({"policy_id": "unknown", "domain_id": server.domain_id()})),
            post("create", policy("p")),
            post("create", policy("Bad Id")),
            post("delete", json!({"policy_id": "unknown"})),
        ];
        assert_eq!(statuses, [missing, duplicate, bad_id, gone], "{era:?}");
    }
}

#[tokio::test]
async fn policy_id_check_accepts_one_bad_final_character() {
    let inventory = Inventory::start().await;
    let create = |id: &str| {
        let body = json!({"policy_id": id, "name": "P", "permissions": ["a"]});
        spaceone(&inventory.0, "POST", "/repository/v1/policies", &body).status
    };
    assert_eq!([create("policy_"), create("X"), create("-"), create("p_q"), create("p q")], [200, 200, 200, 500, 500]);
}

#[tokio::test]
async fn page_start_counts_items_from_one() {
    let inventory = Inventory::start().await;
    for name in ["c", "a", "b"] {
        inventory.create(&json!({"name": name}));
    }
    let names = |page: Value| {
        let query = json!({"minimal": true, "page": page});
        let body = json!({"domain_id": inventory.0.domain_id(), "query": query});
        let answer = spaceone(&inventory.0, "POST", "/inventory/v1/network-policies/search", &body).json();
        let results = answer["results"].as_array().cloned().unwrap_or_default();
        let names: Vec<String> = results.iter().map(|result| result["name"].as_str().unwrap().to_owned()).collect();
        (names.join(","), answer["total_count"].as_u64())
    };
    assert_eq!(names(json!({"start": 1, "limit": 2})), ("a,b".to_owned(), Some(3)));
    assert_eq!(names(json!({"start": 2, "limit": 2})), ("b,c".to_owned(), Some(3)));
    assert_eq!(names(json!({"start": 4, "limit": 2})), (String::new(), Some(3)));
    assert_eq!(names(json!({"limit": 0})), ("a,b,c".to_owned(), Some(3)));
}

#[tokio::test]
async fn eq_filter_ignores_case_only_in_2020() {
    let inventory = Inventory::start().await;
    inventory.create(&json!({"name": "Mixed", "tags": {"owner": "Uid"}}));
    let body = json!({"policy_id": "p", "name": "Mixed", "permissions": ["a"]});
    spaceone(&inventory.0, "POST", "/repository/v1/policies", &body);
    let count = |target: &str, mut body: Value, key: &str, value: &str| {
        body["query"] = json!({"count_only": true, "filter": [{"k": key, "v": value, "o": "eq"}]});
        spaceone(&inventory.0, "POST", target, &body).json()["total_count"].as_u64().unwrap_or(0)
    };
    let networks = |key, value| {
        count("/inventory/v1/network-policies/search", json!({"domain_id": inventory.0.domain_id()}), key, value)
    };
    let policies = |key, value| {
        count("/repository/v1/policies/search", json!({"repository_id": inventory.0.repository_id()}), key, value)
    };
    assert_eq!([networks("name", "MIXED"), networks("tags.owner", "uid")], [1, 1]);
    let id = inventory.0.network_policies()[0].network_policy_id.to_uppercase();
    assert_eq!(networks("network_policy_id", &id), 0, "ids are compared exactly");
    assert_eq!([policies("name", "MIXED"), policies("name", "Mixed")], [0, 1]);
}

#[tokio::test]
async fn reads_lag_behind_writes() {
    let server = Spaceone::start(Options::default()).await.unwrap();
    server.set_options(|switches| switches.lag.reads = std::time::Duration::from_hours(1));
    let body = json!({"policy_id": "p", "name": "n", "permissions": ["a.*"], "domain_id": server.domain_id()});
    assert_eq!(spaceone(&server, "POST", "/repository/v1/policies", &body).status, 200);
    let target = format!("/repository/v1/policies/p?domain_id={}", server.domain_id());
    assert_ne!(spaceone(&server, "GET", &target, &Value::Null).status, 200);
    server.set_options(|switches| switches.lag.reads = std::time::Duration::ZERO);
    assert_eq!(spaceone(&server, "GET", &target, &Value::Null).status, 200);
}
