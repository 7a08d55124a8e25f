//! The behaviour of the client of SpaceONE network policies. The suite [`crate::upstream::spaceone`] runs each of these
//! against every server that has network policies.

use crate::support::upstream::{accepted, converge, create, network_policy, observation, owner_tag, refusal, unique};
use crate::upstream::spaceone_servers::Server;
use cloud_policy::api::network_policy::NetworkPolicyDetails;
use cloud_policy::engine::{BoundExternal, Diff, ErrorKind, OwnerTag, Ownership, Remedy};
use cloud_policy::upstream::Priority;
use cloud_policy::upstream::registry::deleter;
use serde_json::{Value, json};

/// Returns a new owner tag for each test, because network policies are found by it.
fn new_tag() -> OwnerTag {
    owner_tag(&unique("uid"))
}

fn bound(server: &Server, block: &Value, tag: &OwnerTag) -> Box<dyn BoundExternal> {
    network_policy(&server.account(), block, tag)
}

fn with(block: &Value, field: &str, value: Value) -> Value {
    let mut block = block.clone();
    block[field] = value;
    block
}

pub async fn created_network_policy_reads_back_equal(server: &Server) {
    let tag = new_tag();
    let block = with(&server.network_policy(), "pinnedKeys", json!(["dns", "data.vlan"]));
    let subject = bound(server, &block, &tag);
    assert!(subject.find().await.unwrap().is_empty());
    let id = create(&*subject).await;
    let seen = observation(&*subject, &id).await;
    assert!(seen.diff.is_empty(), "pins and all: {}", seen.diff.summary());
    assert_eq!(seen.owner, Ownership::Ours);
    let details: NetworkPolicyDetails = seen.details.read();
    assert_eq!(details.zone_info.unwrap().read()["zone_id"], block["zoneId"]);
    assert!(details.region_info.unwrap().read().contains_key("region_id"));
    let created: jiff::Timestamp = details.created_at.unwrap().parse().unwrap();
    assert!(jiff::Timestamp::now().duration_since(created).as_secs() < 3600);
    let found = subject.find().await.unwrap();
    assert_eq!((found.len(), &found[0].id, &found[0].diff), (1, &id, &Diff::default()));
}

pub async fn network_policy_without_optional_fields_reads_back_equal(server: &Server) {
    let [zone, _] = server.zones.clone().unwrap();
    let block = json!({
        "name": unique("bare"), "zoneId": zone, "dns": [], "routingTables": [], "data": {}, "pinnedKeys": [], "reference": {},
    });
    let subject = bound(server, &block, &new_tag());
    let seen = observation(&*subject, &create(&*subject).await).await;
    assert!(seen.diff.is_empty(), "{}", seen.diff.summary());
}

pub async fn network_policy_is_found_only_by_exact_owner_tag(server: &Server) {
    let (ours, block) = (new_tag(), server.network_policy());
    let shouting = OwnerTag::new("cluster", ours.to_string().trim_start_matches("cluster_").to_uppercase());
    create(&*bound(server, &block, &shouting)).await;
    create(&*bound(server, &block, &new_tag())).await;
    let subject = bound(server, &block, &ours);
    assert!(subject.find().await.unwrap().is_empty(), "the server's search is blind to case, and names are shared");
    let first = create(&*subject).await;
    let second = create(&*subject).await;
    let found: Vec<String> = subject.find().await.unwrap().into_iter().map(|seen| seen.id).collect();
    assert_eq!(found, [first, second], "a repeated create makes another object; the oldest comes first");
}

pub async fn update_changes_every_field_and_keeps_owner_tag(server: &Server) {
    let (tag, block) = (new_tag(), server.network_policy());
    let id = create(&*bound(server, &block, &tag)).await;
    for (field, value) in [
        ("name", json!("other")),
        ("routingTables", json!([{ "cidr": "0.0.0.0/0", "destination": "10.0.0.254" }])),
        ("dns", json!(["2001:DB8::0002", "10.0.0.2"])),
        ("data", json!({ "vlan": 8, "deep": { "list": [] }, "more": true })),
        ("metadata", json!({ "note": "other" })),
        ("reference", json!({ "resourceId": "vpc-2" })),
        ("reference", json!({})),
        ("tags", json!({ "other": { "n": 2 } })),
        ("tags", json!({})),
        ("pinnedKeys", json!(["name", "data.vlan"])),
        ("pinnedKeys", json!(["tags"])),
    ] {
        // The upstream merges `data`, so the spec keeps declaring its present keys.
        let data = if field == "data" { value.clone() } else { observed_data(server, &id, &tag).await };
        let wanted = with(&with(&block, "data", data), field, value);
        let subject = bound(server, &wanted, &tag);
        let before = observation(&*subject, &id).await.diff;
        accepted(subject.update(&id, &before).await);
        let after = observation(&*subject, &id).await;
        assert!(before.touches(&format!("spec.spaceone.{field}")), "{field}: {}", before.summary());
        assert!(after.diff.is_empty(), "{field}: {}", after.diff.summary());
        assert_eq!(after.owner, Ownership::Ours, "{field}");
        move_pins(server, &id, &tag).await;
    }
}

/// Returns the data of the object, read from the differences to a spec without data.
async fn observed_data(server: &Server, id: &str, tag: &OwnerTag) -> Value {
    let [zone, _] = server.zones.clone().unwrap();
    let bare = json!({ "name": "x", "zoneId": zone, "data": {} });
    let mut subject = bound(server, &bare, tag);
    // Every key that the tests use: only declared keys are differences.
    subject.remember(&["vlan", "deep", "more"].map(str::to_owned).into());
    let diff = observation(&*subject, id).await.diff;
    let data = diff
        .fields
        .iter()
        .filter_map(|field| Some((field.path.strip_prefix("spec.spaceone.data.")?.to_owned(), field.observed.clone())));
    Value::Object(data.collect())
}

/// Pins only `zone_id`, which cannot change anyway.
async fn move_pins(server: &Server, id: &str, tag: &OwnerTag) {
    let [zone, _] = server.zones.clone().unwrap();
    let subject = bound(server, &json!({ "name": "x", "zoneId": zone, "pinnedKeys": ["zone_id"] }), tag);
    let mut diff = observation(&*subject, id).await.diff;
    diff.fields.retain(|field| field.path == "spec.spaceone.pinnedKeys");
    accepted(subject.update(id, &diff).await);
}

pub async fn declared_pins_do_not_block_updates(server: &Server) {
    let tag = new_tag();
    let block = with(&server.network_policy(), "pinnedKeys", json!(["name", "dns", "data.vlan", "tags"]));
    let id = create(&*bound(server, &block, &tag)).await;
    let mut wanted = block;
    wanted["name"] = json!("renamed");
    wanted["dns"] = json!(["10.0.0.9"]);
    wanted["data"]["vlan"] = json!(9);
    wanted["tags"] = json!({ "team": "b" });
    let subject = bound(server, &wanted, &tag);
    converge(&*subject, &id).await;
    assert_eq!(observation(&*subject, &id).await.owner, Ownership::Ours);
}

pub async fn undeclared_pins_are_kept(server: &Server) {
    let tag = new_tag();
    let pinned = with(&server.network_policy(), "pinnedKeys", json!(["name"]));
    let id = create(&*bound(server, &pinned, &tag)).await;
    let mut wanted = with(&server.network_policy(), "name", json!("renamed"));
    wanted["dns"] = json!(["10.0.0.9"]);
    let subject = bound(server, &wanted, &tag);
    let diff = observation(&*subject, &id).await.diff;
    assert_eq!(accepted(subject.update(&id, &diff).await), id, "the upstream answers success");
    assert_eq!(
        observation(&*subject, &id).await.diff.summary(),
        "spec.spaceone.name",
        "and did not take the pinned field"
    );
    let pins = observation(&*bound(server, &pinned, &tag), &id).await.diff;
    assert!(!pins.touches("spec.spaceone.pinnedKeys"), "{}", pins.summary());
}

pub async fn unsupported_change_requires_recreate(server: &Server) {
    let (tag, block) = (new_tag(), server.network_policy());
    let [_, other_zone] = server.zones.clone().unwrap();
    let pinned = with(&block, "pinnedKeys", json!(["name"]));
    let id = create(&*bound(server, &pinned, &tag)).await;
    for (field, value, path) in [
        ("zoneId", json!(other_zone), "zoneId"),
        ("dns", json!([]), "dns"),
        ("routingTables", json!([]), "routingTables"),
        ("pinnedKeys", json!([]), "pinnedKeys"),
        ("data", json!({ "vlan": 7 }), "data.deep"),
    ] {
        let mut subject = bound(server, &with(&pinned, field, value), &tag);
        subject.remember(&bound(server, &block, &tag).lasting_names());
        let diff = observation(&*subject, &id).await.diff;
        assert!(diff.needs_recreate(), "{field}");
        assert_eq!(diff.summary(), format!("spec.spaceone.{path}"));
    }
}

pub async fn metadata_of_other_writers_survives_update(server: &Server) {
    let (tag, block) = (new_tag(), server.network_policy());
    let id = create(&*bound(server, &block, &tag)).await;
    converge(&*bound(server, &with(&block, "metadata", json!({ "mine": "text" })), &tag), &id).await;
    let both = json!({ "mine": "text", "note": "text", "layout": { "k": 1 } });
    assert!(observation(&*bound(server, &with(&block, "metadata", both), &tag), &id).await.diff.is_empty());
}

pub async fn validation_rejects_metadata_that_breaks_updates(server: &Server) {
    let (tag, block) = (new_tag(), with(&server.network_policy(), "metadata", json!({ "count": 1 })));
    let subject = bound(server, &block, &tag);
    assert_eq!(subject.validate()[0].field, "spec.spaceone.metadata.count");
    let id = create(&*subject).await;
    let renamed = bound(server, &with(&block, "name", json!("renamed")), &tag);
    let diff = observation(&*renamed, &id).await.diff;
    assert_eq!(
        refusal(renamed.update(&id, &diff).await, &[]).kind,
        ErrorKind::NotUpdatable,
        "if the server accepts it, the validation rule is not needed"
    );
}

pub async fn owner_tagging_fails_only_when_tags_are_pinned(server: &Server) {
    let (theirs, ours, block) = (new_tag(), new_tag(), server.network_policy());
    let id = create(&*bound(server, &block, &theirs)).await;
    let subject = bound(server, &block, &ours);
    assert_eq!(observation(&*subject, &id).await.owner, Ownership::ForeignTag(theirs.to_string()));
    subject.tag_owner(&id).await.unwrap();
    let seen = observation(&*subject, &id).await;
    assert!(seen.owner == Ownership::Ours && seen.diff.is_empty(), "{seen:?}");

    let pinned = with(&block, "pinnedKeys", json!(["tags"]));
    let id = create(&*bound(server, &pinned, &theirs)).await;
    let refused = refusal(subject.tag_owner(&id).await, &[]);
    assert!(refused.kind == ErrorKind::Rejected && refused.message.contains("pinned"), "{refused}");
}

pub async fn delete_succeeds_when_repeated(server: &Server) {
    let (tag, block) = (new_tag(), server.network_policy());
    let subject = bound(server, &block, &tag);
    let id = create(&*subject).await;
    let deleter = deleter(&server.account(), "spaceone/networkpolicy", &tag, Priority::Change).unwrap();
    assert_eq!(deleter.find("any name").await.unwrap(), [(id.clone(), Ownership::Ours)]);
    deleter.delete(&id).await.unwrap();
    deleter.delete(&id).await.unwrap();
    assert_eq!((subject.observe(&id).await.unwrap(), deleter.owner(&id).await.unwrap()), (None, None));
    assert!(subject.find().await.unwrap().is_empty());
    let mut diff = Diff::default();
    diff.compare("spec.spaceone.name", &"a", &"b", Remedy::Update);
    assert_eq!(refusal(subject.update(&id, &diff).await, &[]).kind, ErrorKind::Unavailable);
    assert_eq!(refusal(subject.tag_owner(&id).await, &[]).kind, ErrorKind::Unavailable);
}

pub async fn create_distinguishes_invalid_values_from_unknown_zone(server: &Server) {
    let block = server.network_policy();
    for (field, value, kind, code) in [
        ("zoneId", json!("zone-000000000000"), ErrorKind::InvalidReference, "ERROR_NOT_FOUND"),
        (
            "routingTables",
            json!([{ "cidr": "10.0.0.1/16", "destination": "10.0.0.1" }]),
            ErrorKind::Rejected,
            "ERROR_INVALID_NETWORK",
        ),
        ("dns", json!(["ns.example"]), ErrorKind::Rejected, "ERROR_INVALID_IP_ADDRESS"),
        ("name", json!("n".repeat(256)), ErrorKind::Rejected, "ERROR_DB_QUERY"),
    ] {
        let subject = bound(server, &with(&block, field, value), &new_tag());
        let error = refusal(subject.create().await, &[&server.token]);
        assert_eq!((error.kind, error.code.as_deref()), (kind, Some(code)), "{field}: {error}");
        assert!(subject.find().await.unwrap().is_empty(), "{field}: nothing was created");
    }
    let tag = new_tag();
    let id = create(&*bound(server, &block, &tag)).await;
    let subject = bound(server, &with(&block, "pinnedKeys", json!(["data.unheard"])), &tag);
    let diff = observation(&*subject, &id).await.diff;
    let error = refusal(subject.update(&id, &diff).await, &[]);
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Rejected, Some("ERROR_NOT_ALLOW_PINNING_KEYS")));
}
