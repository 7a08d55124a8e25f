//! Schema pieces that a derive cannot express: limits, patterns and free-form JSON.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A Go duration between ten seconds and a day.
pub fn interval(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$",
        "maxLength": 32,
        "x-kubernetes-validations": [{
            "rule": "duration(self) >= duration('10s') && duration(self) <= duration('24h')",
            "message": "interval must be at least 10s and at most 24h, such as 5m",
        }],
    })
}

/// The upstream's id of an object.
pub fn external_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z0-9._:/-]+$" })
}

/// The name of a Kubernetes object.
pub fn object_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "minLength": 1, "maxLength": 253,
        "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
    })
}

/// An object of any JSON values.
pub fn json_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

/// What the upstream says of something, kept as it is.
pub fn upstream_object(generator: &mut SchemaGenerator) -> Schema {
    json_object(generator)
}

/// `metav1.Condition`s, merged by type.
pub fn conditions(generator: &mut SchemaGenerator) -> Schema {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
    let item = generator.subschema_for::<Condition>();
    json_schema!({
        "type": "array",
        "items": item,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    })
}

/// A base URL.
pub fn endpoint(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "maxLength": 255, "pattern": "^https?://[^/?#@\\s]+(/[^?#\\s]*)?$",
    })
}

/// A key in the data of a Secret.
pub fn secret_key(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 253, "pattern": "^[-._a-zA-Z0-9]+$" })
}

/// Names of namespaces.
pub fn namespace_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "maxItems": 500, "x-kubernetes-list-type": "set",
        "items": { "type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" },
    })
}

/// The name of a NAVER Cloud policy.
pub fn ncloud_policy_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "minLength": 3, "maxLength": 30,
        "pattern": "^[A-Za-zㄱ-ㅎㅏ-ㅣ가-힣ぁ-ゖァ-ヺ一-龯][A-Za-z0-9ㄱ-ㅎㅏ-ㅣ가-힣ぁ-ゖァ-ヺー一-龯._-]*$",
    })
}

/// The description of a NAVER Cloud policy, limited in bytes.
pub fn ncloud_description(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "maxLength": 300,
        "x-kubernetes-validations": [{
            "rule": "size(bytes(self)) <= 300",
            "message": "description must be at most 300 bytes of UTF-8 (a Korean letter takes 3)",
        }],
    })
}

/// The tags of a NAVER Cloud policy.
pub fn ncloud_tags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "maxProperties": 19,
        "additionalProperties": { "type": "string", "minLength": 1, "maxLength": 256 },
        "x-kubernetes-validations": [
            { "rule": "self.all(k, size(k) >= 1 && size(k) <= 128)", "message": "a tag key must have 1 to 128 characters" },
            { "rule": "!('cloudpolicy-owner' in self)", "message": "the tag cloudpolicy-owner is the operator's" },
        ],
    })
}

/// Operator, key, values.
pub fn ncloud_condition(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "minProperties": 1, "maxProperties": 20,
        "additionalProperties": {
            "type": "object", "minProperties": 1, "maxProperties": 20,
            "additionalProperties": {
                "type": "array", "minItems": 1, "maxItems": 100,
                "items": { "type": "string", "maxLength": 1024 },
            },
        },
    })
}

/// Actions of a NAVER Cloud target.
pub fn ncloud_actions(_: &mut SchemaGenerator) -> Schema {
    string_list(1, 500, 200)
}

/// Resources of a NAVER Cloud target.
pub fn ncloud_nrns(_: &mut SchemaGenerator) -> Schema {
    string_list(1, 500, 256)
}

/// The caller-chosen id of a SpaceONE policy.
pub fn spaceone_policy_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "minLength": 1, "maxLength": 48,
        "pattern": "^[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?$",
    })
}

/// An id that SpaceONE made.
pub fn spaceone_id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9._-]+$" })
}

/// Permissions of a SpaceONE policy.
pub fn spaceone_permissions(_: &mut SchemaGenerator) -> Schema {
    string_list(1, 5000, 255)
}

/// Labels of a SpaceONE policy.
pub fn spaceone_labels(_: &mut SchemaGenerator) -> Schema {
    string_list(0, 100, 255)
}

/// Routes.
pub fn routing_tables(generator: &mut SchemaGenerator) -> Schema {
    let item = generator.subschema_for::<super::network_policy::RoutingTable>();
    json_schema!({ "type": "array", "maxItems": 200, "items": item })
}

/// Name servers.
pub fn dns(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "maxItems": 20,
        "items": {
            "type": "string", "maxLength": 45,
            "x-kubernetes-validations": [{ "rule": "isIP(self)", "message": "dns takes IP addresses, such as 10.0.0.2" }],
        },
    })
}

/// A network without host bits, or a single address.
pub fn cidr(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "maxLength": 49,
        "x-kubernetes-validations": [{
            "rule": "isIP(self) || (isCIDR(self) && cidr(self) == cidr(self).masked())",
            "message": "cidr must be a network without host bits, such as 10.0.0.0/16",
        }],
    })
}

/// One IP address.
pub fn ip(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "maxLength": 45,
        "x-kubernetes-validations": [{ "rule": "isIP(self)", "message": "destination must be an IP address, such as 10.0.0.1" }],
    })
}

/// The interface of a route.
pub fn interface(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 40 })
}

/// Text of at most 255 characters.
pub fn short_text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 255 })
}

/// Keys for `pin_data`.
pub fn pinned_keys(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "maxItems": 50, "x-kubernetes-list-type": "set",
        "items": { "type": "string", "minLength": 1, "maxLength": 255 },
    })
}

fn string_list(min: u32, max: u32, length: u32) -> Schema {
    json_schema!({
        "type": "array", "minItems": min, "maxItems": max,
        "items": { "type": "string", "minLength": 1, "maxLength": length },
    })
}
