//! Schemas that a derive cannot express: limits, patterns and free-form JSON.
//!
//! The message of a failed pattern is a regular expression, so a rule with a readable message
//! accompanies it, wherever the API server allows what the rule costs. Tools that check manifests
//! without a cluster use the pattern. Every length is bounded, because the API server rejects a
//! definition whose rules could cost too much.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;

const LETTERS: &str = "A-Za-zㄱ-ㅎㅏ-ㅣ가-힣ぁ-ゖァ-ヺ々一-龯";

/// The pattern of the name of a namespace.
pub(super) const NAMESPACE: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

/// The pattern of resources of NAVER Cloud.
pub(super) const NRN: &str = r"^(\*|nrn:\S+)$";

/// Describes a Go duration between ten seconds and a day.
pub fn interval(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$",
        "maxLength": 32,
        "x-kubernetes-validations": [{
            "rule": "duration(self) >= duration('10s') && duration(self) <= duration('24h')",
            "message": "interval must be at least 10s and at most 24h, such as 5m or 1h30m",
        }],
    })
}

/// Describes the hash of a change.
pub fn change_hash(_: &mut SchemaGenerator) -> Schema {
    text(64, 64, "^[0-9a-f]{64}$", "hash must have 64 hexadecimal digits, as status.pendingChange.hash shows them")
}

/// Describes a time.
pub fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "maxLength": 40 })
}

/// Describes the id of an upstream object.
pub fn external_id(_: &mut SchemaGenerator) -> Schema {
    let message =
        "externalId must have 1 to 128 letters, digits, '.', '_', ':', '/' or '-', such as npolicy-0123456789ab";
    text(1, 128, "^[A-Za-z0-9._:/-]+$", message)
}

/// Describes the name of a Kubernetes object.
pub fn object_name(_: &mut SchemaGenerator) -> Schema {
    let message = "name must be the name of a Kubernetes object: at most 253 lower-case letters, digits, '-' and '.', such as team-a";
    text(1, 253, r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", message)
}

/// Describes an object of any JSON values. Rules cannot see its keys.
pub fn json_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "maxProperties": 100, "x-kubernetes-preserve-unknown-fields": true,
        "x-kubernetes-map-type": "atomic",
    })
}

/// Describes the tags of a `SpaceONE` object: any JSON values. The schema declares one key, so that
/// a rule can see it. Rules cannot see the other keys.
pub fn spaceone_tags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "maxProperties": 100, "x-kubernetes-preserve-unknown-fields": true,
        "x-kubernetes-map-type": "atomic",
        "properties": { "cloudpolicy_owner": {
            "description": "The owner tag, which identifies the Kubernetes object that the upstream object belongs to. Only the operator sets it.",
            "type": "string", "maxLength": 255,
        } },
        "x-kubernetes-validations": [{
            "rule": "!has(self.cloudpolicy_owner)",
            "message": "tags cannot contain cloudpolicy_owner, which is the owner tag: choose another key",
        }],
    })
}

/// Describes a JSON object of the upstream, unchanged.
pub fn upstream_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

/// Describes a list of `metav1.Condition`, merged by type.
pub fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let item = generator.subschema_for::<Condition>();
    json_schema!({
        "type": "array", "items": item,
        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
    })
}

/// Describes a base URL.
pub fn endpoint(_: &mut SchemaGenerator) -> Schema {
    let message =
        "endpoint must be a base URL without user, query and fragment, such as https://spaceone.example.com/api";
    text(1, 255, r"^https?://[^/?#@\s]+(/[^?#\s]*)?$", message)
}

/// Describes a key in the data of a Secret.
pub fn secret_key(_: &mut SchemaGenerator) -> Schema {
    let message = "key must be a key of a Secret: at most 253 letters, digits, '-', '_' and '.', such as token";
    text(1, 253, "^[-._a-zA-Z0-9]+$", message)
}

/// Describes names of namespaces.
pub fn namespace_names(_: &mut SchemaGenerator) -> Schema {
    let message = "names must contain exact names of namespaces: at most 63 lower-case letters, digits and inner hyphens, such as team-a; for every namespace write all: true";
    set(500, &text(1, 63, NAMESPACE, message), "names")
}

/// Describes the name of a NAVER Cloud policy.
pub fn ncloud_policy_name(_: &mut SchemaGenerator) -> Schema {
    let message = "policyName must have 3 to 30 Korean, Japanese or Latin letters, digits, '.', '_' or '-', and begin with a letter, such as server-viewer";
    text(3, 30, &format!("^[{LETTERS}][{LETTERS}ー0-9._-]*$"), message)
}

/// Describes the description of a NAVER Cloud policy, which is limited in bytes.
pub fn ncloud_description(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "maxLength": 300,
        "x-kubernetes-validations": [{
            "rule": "size(bytes(self)) <= 300",
            "message": "description must have at most 300 bytes of UTF-8 (a Korean letter takes 3)",
        }],
    })
}

/// Describes the tags of a NAVER Cloud policy.
pub fn ncloud_tags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "maxProperties": 19, "x-kubernetes-map-type": "atomic",
        "additionalProperties": { "type": "string", "minLength": 1, "maxLength": 256 },
        "x-kubernetes-validations": [
            { "rule": "self.all(k, size(k) >= 1 && size(k) <= 128)", "message": "each key of tags must have 1 to 128 characters" },
            { "rule": "!('cloudpolicy-owner' in self)", "message": "tags cannot contain cloudpolicy-owner, which is the owner tag: choose another key" },
        ],
    })
}

/// Describes the condition of a NAVER Cloud statement: operator, key, values.
pub fn ncloud_condition(_: &mut SchemaGenerator) -> Schema {
    let values = list(1, 100, &json_schema!({ "type": "string", "maxLength": 1024 }));
    json_schema!({
        "type": "object", "minProperties": 1, "maxProperties": 20, "x-kubernetes-map-type": "atomic",
        "additionalProperties": {
            "type": "object", "minProperties": 1, "maxProperties": 20,
            "additionalProperties": values,
        },
    })
}

/// Describes the service code of a NAVER Cloud product.
pub fn ncloud_product(_: &mut SchemaGenerator) -> Schema {
    let message = "product must have 1 to 100 characters, such as Server: remove spaces, tabs and line breaks";
    text(1, 100, r"^\S+$", message)
}

/// Describes the actions of a NAVER Cloud target. A rule for each of up to 5 million actions would exceed the cost
/// that the API server allows, so only the pattern checks them.
pub fn ncloud_actions(_: &mut SchemaGenerator) -> Schema {
    list(1, 500, &json_schema!({ "type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^\S+$" }))
}

/// Describes the resources of a NAVER Cloud target. A rule would cost too much, as for actions.
pub fn ncloud_nrns(_: &mut SchemaGenerator) -> Schema {
    list(1, 500, &json_schema!({ "type": "string", "minLength": 1, "maxLength": 256, "pattern": NRN }))
}

/// Describes the id of a `SpaceONE` policy, which the user chooses.
pub fn spaceone_policy_id(_: &mut SchemaGenerator) -> Schema {
    let message = "policyId must have 1 to 48 lower-case letters, digits and inner hyphens, such as network-viewer";
    text(1, 48, "^[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?$", message)
}

/// Describes an id that `SpaceONE` generated.
pub fn spaceone_id(_: &mut SchemaGenerator) -> Schema {
    let message = "an id of SpaceONE must have 1 to 64 letters, digits, '.', '_' and '-', such as zone-0123456789ab";
    text(1, 64, "^[A-Za-z0-9._-]+$", message)
}

/// Describes the permissions of a `SpaceONE` policy. `SpaceONE` accepts a permission with a blank, which matches nothing.
pub fn spaceone_permissions(_: &mut SchemaGenerator) -> Schema {
    let message = "a permission must have 1 to 255 visible ASCII characters, such as inventory.Server.list: remove spaces, tabs and line breaks";
    list(1, 5000, &text(1, 255, "^[!-~]+$", message))
}

/// Describes the labels of a `SpaceONE` policy.
pub fn spaceone_labels(_: &mut SchemaGenerator) -> Schema {
    set(100, &short_text_schema(), "labels")
}

/// Describes objects of the type `Item`, such as statements or routes.
pub fn objects<Item: JsonSchema, const MIN: u32, const MAX: u32>(generator: &mut SchemaGenerator) -> Schema {
    list(MIN, MAX, &generator.subschema_for::<Item>())
}

/// Describes name servers, in the order of use.
pub fn dns(_: &mut SchemaGenerator) -> Schema {
    list(0, 20, &address("dns must contain IP addresses, such as 10.0.0.2"))
}

/// Describes a network without host bits, or a single address.
pub fn cidr(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "minLength": 2, "maxLength": 43,
        "x-kubernetes-validations": [{
            "rule": "isIP(self) || (isCIDR(self) && cidr(self) == cidr(self).masked())",
            "message": "cidr must be a network without host bits, such as 10.0.0.0/16 or 2001:db8::/32",
        }],
    })
}

/// Describes an IP address.
pub fn ip(_: &mut SchemaGenerator) -> Schema {
    address("destination must be an IP address, such as 10.0.0.1 or 2001:db8::1")
}

/// Describes the interface of a route.
pub fn interface(_: &mut SchemaGenerator) -> Schema {
    text(1, 40, r"^\S+$", "interface must have 1 to 40 characters, such as eth0: remove spaces, tabs and line breaks")
}

/// Describes the id of a cloud resource.
pub fn resource_id(_: &mut SchemaGenerator) -> Schema {
    let message =
        "resourceId must have 1 to 255 characters on one line, such as vpc-0123: remove spaces and tabs at its ends";
    text(1, 255, r"^\S(.*\S)?$", message)
}

/// Describes the link to a cloud resource.
pub fn link(_: &mut SchemaGenerator) -> Schema {
    let message = "externalLink must have 1 to 255 characters, such as https://console.example.com/vpc/vpc-0123: remove spaces, tabs and line breaks";
    text(1, 255, r"^\S+$", message)
}

/// Describes text of at most 255 characters.
pub fn short_text(_: &mut SchemaGenerator) -> Schema {
    short_text_schema()
}

/// Describes the keys of `pin_data`.
pub fn pinned_keys(_: &mut SchemaGenerator) -> Schema {
    let message = "pinnedKeys must contain only name, dns, routing_tables, tags, reference, zone_id and data.<key>";
    let key = text(1, 255, r"^(name|dns|routing_tables|tags|reference|zone_id|data\.[^.]+)$", message);
    set(50, &key, "pinnedKeys")
}

/// Describes text that must match a pattern, with a readable message.
pub(super) fn text(min: u32, max: u32, pattern: &str, message: &str) -> Schema {
    json_schema!({
        "type": "string", "minLength": min, "maxLength": max, "pattern": pattern,
        "x-kubernetes-validations": [{ "rule": format!("self.matches(r'{pattern}')"), "message": message }],
    })
}

/// Describes a list that has one writer. An atomic list is one value for server-side apply: the writer
/// that applies the manifest takes back every item that another writer added, and can empty the list.
pub(super) fn list(min: u32, max: u32, item: &Schema) -> Schema {
    let mut list =
        json_schema!({ "type": "array", "maxItems": max, "x-kubernetes-list-type": "atomic", "items": item });
    if min > 0 {
        list.insert("minItems".to_owned(), min.into());
    }
    list
}

/// Describes a list without repetitions. The rule compares each pair of items, so the list must be short.
fn set(max: u32, item: &Schema, name: &str) -> Schema {
    let mut set = list(0, max, item);
    let message = format!("{name} must not repeat an item: remove the repetition");
    let rules = json!([{ "rule": "self.all(x, self.exists_one(y, x == y))", "message": message }]);
    set.insert("x-kubernetes-validations".to_owned(), rules);
    set
}

fn address(message: &str) -> Schema {
    json_schema!({
        "type": "string", "minLength": 2, "maxLength": 39,
        "x-kubernetes-validations": [{ "rule": "isIP(self)", "message": message }],
    })
}

fn short_text_schema() -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 255 })
}
