//! JSON schemas of the kinds, for editors and for tools that check manifests without a cluster.
//!
//! They say what the schemas of the CRDs say, as far as JSON Schema can: the rules in CEL are for the API server alone.
//! They are stricter in one way: a field that the API server would drop or refuse is an error.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps, JSONSchemaPropsOrArray,
    JSONSchemaPropsOrBool,
};
use serde_json::{Map, Value, json};

/// The dialect, which editors and kubeconform read.
const DIALECT: &str = "http://json-schema.org/draft-07/schema#";

/// Returns the name and the text of every file in `docs/reference/schemas`, named as kubeconform looks for them, and one for
/// files with objects of any kind.
pub fn files() -> Result<Vec<(String, String)>, serde_json::Error> {
    let schemas: Vec<(String, Value)> = super::all().iter().flat_map(of_kind).collect();
    let references = schemas.iter().map(|(name, _)| json!({ "$ref": name })).collect::<Vec<_>>();
    let all = json!({
        "$schema": DIALECT,
        "description": "An object of any kind of this API.",
        "oneOf": references,
    });
    let named = schemas.into_iter().chain([("all.json".to_owned(), all)]);
    named.map(|(name, schema)| Ok((name, serde_json::to_string_pretty(&schema)? + "\n"))).collect()
}

/// Returns the schema of each version of a kind.
fn of_kind(crd: &CustomResourceDefinition) -> Vec<(String, Value)> {
    let (group, kind) = (&crd.spec.group, &crd.spec.names.kind);
    let schema = |version: &CustomResourceDefinitionVersion| {
        let root = version.schema.as_ref()?.open_api_v3_schema.as_ref()?;
        let mut schema = convert(root);
        schema["$schema"] = json!(DIALECT);
        schema["required"] = json!(["apiVersion", "kind", "metadata", "spec"]);
        schema["properties"]["apiVersion"] = json!({ "const": format!("{group}/{}", version.name) });
        schema["properties"]["kind"] = json!({ "const": kind });
        schema["properties"]["metadata"] =
            json!({ "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } });
        schema["additionalProperties"] = json!(false);
        Some((format!("{}_{}.json", kind.to_lowercase(), version.name), schema))
    };
    crd.spec.versions.iter().filter_map(schema).collect()
}

/// Converts a schema of the API server.
fn convert(schema: &JSONSchemaProps) -> Value {
    let mut out = Map::new();
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(key.to_owned(), value);
        }
    };
    let open = schema.x_kubernetes_preserve_unknown_fields == Some(true);
    set("description", schema.description.as_ref().map(|text| json!(text)));
    set("type", schema.type_.as_ref().map(|name| of_type(name, schema.nullable == Some(true))));
    set("enum", schema.enum_.as_ref().map(|choices| choices.iter().map(|it| it.0.clone()).collect()));
    set("default", schema.default.as_ref().map(|it| it.0.clone()));
    set("pattern", schema.pattern.as_ref().map(|it| json!(it)));
    set("minLength", schema.min_length.map(Value::from));
    set("maxLength", schema.max_length.map(Value::from));
    set("minimum", schema.minimum.map(Value::from));
    set("maximum", schema.maximum.map(Value::from));
    set("minItems", schema.min_items.map(Value::from));
    set("maxItems", schema.max_items.map(Value::from));
    set("uniqueItems", (schema.x_kubernetes_list_type.as_deref() == Some("set")).then_some(json!(true)));
    set("minProperties", schema.min_properties.map(Value::from));
    set("maxProperties", schema.max_properties.map(Value::from));
    set("required", schema.required.as_ref().map(|names| json!(names)));
    set("items", schema.items.as_ref().and_then(items));
    let fields = schema.properties.as_ref();
    set("properties", fields.map(|all| all.iter().map(|(name, field)| (name.clone(), convert(field))).collect()));
    set("additionalProperties", additional(schema).or_else(|| (fields.is_some() && !open).then_some(json!(false))));
    Value::Object(out)
}

fn of_type(name: &str, nullable: bool) -> Value {
    if nullable { json!([name, "null"]) } else { json!(name) }
}

fn items(schema: &JSONSchemaPropsOrArray) -> Option<Value> {
    match schema {
        JSONSchemaPropsOrArray::Schema(item) => Some(convert(item)),
        JSONSchemaPropsOrArray::Schemas(_) => None,
    }
}

fn additional(schema: &JSONSchemaProps) -> Option<Value> {
    match schema.additional_properties.as_ref()? {
        JSONSchemaPropsOrBool::Schema(each) => Some(convert(each)),
        JSONSchemaPropsOrBool::Bool(allowed) => Some(json!(allowed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::path::Path;

    #[test]
    fn committed_schemas_equal_generated_schemas() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/schemas");
        let generated: BTreeMap<String, String> = files().unwrap().into_iter().collect();
        for (name, text) in &generated {
            let committed = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            assert!(committed == *text, "docs/reference/schemas/{name} is out of date: run `make crds`");
        }
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), generated.len());
    }

    #[test]
    fn schema_keeps_every_limit_of_a_field() {
        let schema = json!({
            "type": "object", "required": ["a"], "minProperties": 1, "maxProperties": 9,
            "properties": {
                "a": { "type": "string", "pattern": "^a$", "minLength": 1, "maxLength": 2, "nullable": true, "description": "A." },
                "b": { "type": "array", "x-kubernetes-list-type": "set", "minItems": 1, "maxItems": 2, "items": { "type": "integer", "minimum": 1.0, "maximum": 2.0 } },
                "c": { "type": "object", "additionalProperties": { "type": "string", "enum": ["x"], "default": "x" } },
                "d": { "type": "object", "properties": {}, "x-kubernetes-preserve-unknown-fields": true },
            },
        });
        let converted = convert(&serde_json::from_value(schema).unwrap());
        let expected = json!({
            "type": "object", "required": ["a"], "minProperties": 1, "maxProperties": 9, "additionalProperties": false,
            "properties": {
                "a": { "type": ["string", "null"], "pattern": "^a$", "minLength": 1, "maxLength": 2, "description": "A." },
                "b": { "type": "array", "uniqueItems": true, "minItems": 1, "maxItems": 2, "items": { "type": "integer", "minimum": 1.0, "maximum": 2.0 } },
                "c": { "type": "object", "additionalProperties": { "type": "string", "enum": ["x"], "default": "x" } },
                "d": { "type": "object", "properties": {} },
            },
        });
        assert_eq!(converted, expected);
    }

    #[test]
    fn each_kind_has_a_strict_schema() {
        let files: BTreeMap<String, String> = files().unwrap().into_iter().collect();
        assert_eq!(files.len(), super::super::all().len() + 1);
        let read = |name: &str| serde_json::from_str::<Value>(&files[name]).unwrap();
        let schema = read("policy_v1alpha1.json");
        assert_eq!(schema["properties"]["kind"]["const"], "Policy");
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"]["spec"]["additionalProperties"], false);
        assert_eq!(read("all.json")["oneOf"].as_array().unwrap().len(), files.len() - 1);
    }
}
