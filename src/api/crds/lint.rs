//! Requirements on every schema. The tests check all schemas, so a new field cannot miss a
//! requirement.

use super::*;
use crate::api::approval::ApprovedKind;
use crate::api::rules;
use crate::api::shared::CommonSpec;
use std::collections::{BTreeMap, BTreeSet};

/// Words that YAML 1.1, which kubectl parses, does not read as text.
const NOT_TEXT: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"];
/// The number of values of a list from which on a rule for each costs more than the API server allows.
const TOO_MANY_FOR_A_RULE: u64 = 5_000_000;

/// One schema and its path, such as `Policy.spec.ncloud.permissions[]`.
struct Node {
    path: String,
    /// The name, for a property; items and values have none.
    property: Option<String>,
    under_rule: bool,
    /// How many values of this schema an object may have, in the lists around it.
    count: u64,
    schema: JSONSchemaProps,
}

impl Node {
    fn in_spec(&self) -> bool {
        self.path.split('.').nth(1) == Some("spec")
    }

    /// Returns whether server-side apply has to merge the object by field: the spec, the fields of a managed kind that
    /// describe its upstream object, and every object with a default. The API server compares an atomic value without
    /// the default with the stored one, so a second writer of an equal value gets a conflict.
    fn is_merged(&self) -> bool {
        let names: Vec<&str> = self.path.split('.').collect();
        let is_described = |kind: &str| managed().iter().any(|crd| crd.spec.names.kind == kind);
        let is_part = matches!(names[..], [_, "spec"]) || matches!(names[..], [kind, "spec", _] if is_described(kind));
        self.schema.properties.is_some() && (is_part || has_default(&self.schema))
    }

    fn description(&self) -> &str {
        self.schema.description.as_deref().unwrap_or_default()
    }

    fn rules(&self) -> impl Iterator<Item = &str> {
        self.schema.x_kubernetes_validations.iter().flatten().map(|rule| rule.rule.as_str())
    }

    fn is(&self, kind: &str) -> bool {
        self.schema.type_.as_deref() == Some(kind)
    }
}

/// Returns whether a field of the object, or of an object in it, has a default.
fn has_default(object: &JSONSchemaProps) -> bool {
    let mut fields = object.properties.iter().flat_map(BTreeMap::values);
    fields.any(|field| field.default.is_some() || has_default(field))
}

fn nodes() -> Vec<Node> {
    let mut found = Vec::new();
    for crd in all() {
        for version in crd.spec.versions {
            let mut root = version.schema.unwrap().open_api_v3_schema.unwrap();
            let rules = root.x_kubernetes_validations.take().unwrap_or_default();
            let before = found.len();
            collect(&crd.spec.names.kind, None, (false, 1), root, &mut found);
            // A rule of the whole object reads the fields that it names.
            for node in &mut found[before..] {
                let path = node.path.replacen(&crd.spec.names.kind, "elf", 1);
                node.under_rule |= rules.iter().any(|rule| rule.rule.contains(&path));
            }
        }
    }
    found
}

/// `above` is whether a rule reads the schema around this one, and how many values that may have.
fn collect(path: &str, property: Option<String>, above: (bool, u64), schema: JSONSchemaProps, found: &mut Vec<Node>) {
    let (under_rule, count) = (above.0 || schema.x_kubernetes_validations.is_some(), above.1);
    let items = count.saturating_mul(schema.max_items.map_or(1, i64::unsigned_abs));
    for (name, inner) in schema.properties.clone().unwrap_or_default() {
        collect(&format!("{path}.{name}"), Some(name), (under_rule, count), inner, found);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = schema.items.clone() {
        collect(&format!("{path}[]"), None, (under_rule, items), *item, found);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = schema.additional_properties.clone() {
        collect(&format!("{path}{{}}"), None, (under_rule, count), *value, found);
    }
    found.push(Node { path: path.to_owned(), property, under_rule, count, schema });
}

/// Returns the paths of all schemas that violate a requirement.
fn offenders(broken: impl Fn(&Node) -> bool) -> Vec<String> {
    let nodes = nodes();
    assert!(nodes.len() > 150, "only {} schemas were found", nodes.len());
    nodes.into_iter().filter(broken).map(|node| node.path).collect()
}

const NONE: Vec<String> = Vec::new();

#[test]
fn every_property_is_described() {
    assert_eq!(offenders(|node| node.property.is_some() && node.description().len() < 10), NONE);
}

/// Fields without an example: text of another system, hashes, counters and closed sets.
const WITHOUT_EXAMPLE: &[&str] =
    &["message", "appliedHash", "requestHash", "type", "observedGeneration", "cloudpolicy_owner"];

#[test]
fn every_free_value_has_an_example() {
    let named = |node: &Node| node.property.as_deref().is_some_and(|name| !WITHOUT_EXAMPLE.contains(&name));
    // The reference shows the values of an enum and the fields of an object. Kubernetes describes conditions.
    let shows_itself = |node: &Node| {
        let item = node.schema.items.as_ref().and_then(|items| match items {
            JSONSchemaPropsOrArray::Schema(item) => Some(item),
            JSONSchemaPropsOrArray::Schemas(_) => None,
        });
        let has_fields = |schema: &JSONSchemaProps| schema.properties.is_some();
        node.schema.enum_.is_some()
            || node.is("boolean")
            || has_fields(&node.schema)
            || item.is_some_and(|item| has_fields(item))
            || node.path.contains(".conditions")
    };
    let silent = |node: &Node| !node.description().contains("such as");
    assert_eq!(offenders(|node| named(node) && !shows_itself(node) && silent(node)), NONE);
}

#[test]
fn description_of_the_spec_states_every_limit() {
    let silent = |node: &Node| {
        let schema = &node.schema;
        #[allow(clippy::cast_possible_truncation, reason = "the limits are small whole numbers")]
        let maximum = schema.maximum.map(|maximum| maximum as i64);
        let mut limits = [schema.max_length, schema.max_items, schema.max_properties, maximum].into_iter().flatten();
        // Users meet the range of a duration, not its length. The description of a list covers its items.
        let spoken_for = node.property.as_deref().is_none_or(|name| ["interval", "cloudpolicy_owner"].contains(&name));
        !spoken_for && limits.any(|limit| !node.description().contains(&limit.to_string()))
    };
    assert_eq!(offenders(|node| node.in_spec() && silent(node)), NONE);
}

#[test]
fn no_field_is_nullable() {
    assert_eq!(offenders(|node| node.schema.nullable == Some(true)), NONE);
}

#[test]
fn number_formats_are_known_to_kubernetes() {
    let known = [None, Some("int32"), Some("int64"), Some("date-time")];
    assert_eq!(offenders(|node| !known.contains(&node.schema.format.as_deref())), NONE);
}

#[test]
fn every_value_that_a_rule_reads_is_bounded() {
    let unbounded = |node: &Node| {
        let schema = &node.schema;
        let is_map =
            schema.additional_properties.is_some() || schema.x_kubernetes_preserve_unknown_fields == Some(true);
        (node.is("string") && schema.enum_.is_none() && schema.max_length.is_none())
            || (node.is("array") && schema.max_items.is_none())
            || (node.is("object") && is_map && schema.max_properties.is_none())
    };
    assert_eq!(offenders(|node| (node.under_rule || node.in_spec()) && unbounded(node)), NONE);
}

#[test]
fn yaml_reads_names_and_enum_values_as_text() {
    let read_as_text = |text: &str| !NOT_TEXT.contains(&text.to_lowercase().as_str());
    let choices = |node: &Node| {
        let values = node.schema.enum_.clone().unwrap_or_default();
        values.iter().all(|JSON(value)| value.as_str().is_some_and(read_as_text))
    };
    assert_eq!(offenders(|node| !choices(node) || !node.property.as_deref().is_none_or(read_as_text)), NONE);
}

/// Server-side apply can neither empty a value that merges by item, nor take back what another writer added to it.
#[test]
fn every_value_of_the_spec_has_one_writer() {
    let merges = |node: &Node| {
        let schema = &node.schema;
        let merge = if node.is("array") { &schema.x_kubernetes_list_type } else { &schema.x_kubernetes_map_type };
        (node.is("array") || node.is("object")) && merge.as_deref() != Some("atomic")
    };
    // Only the outermost value counts: server-side apply does not look into an atomic value.
    let inside = |node: &Node| node.property.is_none() && node.path.ends_with(['}', ']']);
    let wrong = |node: &Node| node.in_spec() && !inside(node) && merges(node) != node.is_merged();
    assert_eq!(offenders(|node| wrong(node) && (node.is("array") || node.is("object"))), NONE);
    let conditions = |node: &Node| {
        node.path.ends_with(".conditions") && node.schema.x_kubernetes_list_type.as_deref() != Some("map")
    };
    assert_eq!(offenders(conditions), NONE);
}

#[test]
fn every_rule_has_a_message_and_is_unique() {
    let wordless = |node: &Node| {
        let rules = node.schema.x_kubernetes_validations.iter().flatten();
        rules.into_iter().any(|rule| rule.message.as_ref().is_none_or(|message| message.contains('\n')))
    };
    // Server-side apply rejects a definition that repeats a rule.
    let twice = |node: &Node| node.rules().collect::<BTreeSet<_>>().len() != node.rules().count();
    assert_eq!(offenders(|node| wordless(node) || twice(node)), NONE);
}

/// The API server shows a failed pattern as a regular expression, and a failed rule in words.
#[test]
fn every_pattern_has_a_rule_that_says_it_in_words() {
    let has_words = |node: &Node| node.rules().next().is_some() || node.count >= TOO_MANY_FOR_A_RULE;
    assert_eq!(offenders(|node| node.schema.pattern.is_some() && !has_words(node)), NONE);
}

/// The API server refuses a spec that sets several of the fields that describe the upstream object, or none, and a change
/// from one to another.
#[test]
fn spec_describes_one_upstream_object() {
    let common = schemars::SchemaGenerator::default().into_root_schema_for::<CommonSpec>().to_value();
    for crd in managed() {
        let kind = &crd.spec.names.kind;
        let spec = nodes().into_iter().find(|node| node.path == format!("{kind}.spec")).unwrap();
        let names = spec.schema.properties.iter().flat_map(BTreeMap::keys);
        let own: Vec<&str> =
            names.map(String::as_str).filter(|name| common["properties"].get(name).is_none()).collect();
        let required = spec.schema.required.as_deref().unwrap_or_default();
        let expected: Vec<_> = match own[..] {
            [one] => vec![required.iter().any(|name| name == one)],
            _ => [rules::one_of(&own), rules::same_choice(&own)]
                .iter()
                .map(|rule| spec.rules().any(|found| found == rule.rule))
                .collect(),
        };
        assert!(expected.iter().all(|holds| *holds), "{kind}: {own:?}");
    }
}

#[test]
fn flattened_schema_keeps_its_rules() {
    let rules: BTreeMap<_, Vec<_>> =
        nodes().into_iter().map(|node| (node.path.clone(), node.rules().map(str::to_owned).collect())).collect();
    assert_eq!(rules["ClusterConnection.spec"], rules["Connection.spec"]);
    assert_eq!(rules["Connection.spec"].len(), 4);
}

#[test]
fn schemas_have_the_expected_defaults() {
    let policy = [
        "adoptionPolicy=Never",
        "connectionRef.kind=Connection",
        "deletionPolicy=Delete",
        "driftPolicy=Correct",
        "interval=5m",
        "managementPolicy=Full",
        "recreatePolicy=Never",
        "suspend=false",
    ];
    let connection = [
        "approval.widening=NotRequired",
        "guardrails[].enforcement=Enforce",
        "rateLimit.burst=10",
        "rateLimit.requestsPerSecond=5",
        "spaceone.apiStyle=Rest",
        "spaceone.tokenSecretRef.key=token",
    ];
    let of = |crd: CustomResourceDefinition, fields: &[&str]| {
        fields.iter().map(|field| format!("{}.spec.{field}", crd.spec.names.kind)).collect::<Vec<_>>()
    };
    let managed = managed().into_iter().map(|crd| of(crd, &policy));
    let approved = format!("policyRef.kind={}", ApprovedKind::default().as_str());
    let approvals = approvals().into_iter().map(|crd| of(crd, &[&approved]));
    let connections = connections().into_iter().map(|crd| of(crd, &connection));
    let expected: Vec<_> = managed.chain(connections).chain(approvals).collect();
    let text = |JSON(value): JSON| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let found: BTreeSet<_> = nodes()
        .into_iter()
        .filter(Node::in_spec)
        .filter_map(|node| node.schema.default.map(|default| format!("{}={}", node.path, text(default))))
        .collect();
    assert_eq!(found, expected.concat().into_iter().collect());
}

#[test]
fn status_starts_with_generation_minus_one() {
    let mut checked = 0;
    let waits = [managed(), connections()].concat();
    let kinds: Vec<String> = waits.iter().map(|crd| format!("{}.", crd.spec.names.kind)).collect();
    for node in nodes().into_iter().filter(|node| kinds.iter().any(|kind| node.path.starts_with(kind))) {
        if node.path.ends_with(".status.observedGeneration") {
            assert_eq!(node.schema.default, Some(JSON(json!(-1))), "{}", node.path);
            checked += 1;
        }
        if node.path.ends_with(".status") && node.path.matches('.').count() == 1 {
            assert_eq!(node.schema.default, Some(JSON(json!({ "observedGeneration": -1 }))), "{}", node.path);
            checked += 1;
        }
    }
    assert_eq!(checked, 2 * waits.len());
}
