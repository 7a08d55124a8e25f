//! The page of a kind names every field of its schema, no other, and the right default.

use super::markdown::{Page, Table, code_in};
use cloud_policy::api::crds;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The fields of one kind, by path from `spec` or `status`, such as `spec.ncloud.permissions[].effect`.
struct Kind {
    page: Page,
    fields: BTreeMap<String, Field>,
}

struct Field {
    default: Option<Value>,
    required: bool,
}

#[test]
fn page_of_kind_names_every_field() {
    for Kind { page, fields } in kinds() {
        let named: BTreeSet<String> = code_in(&page.prose).iter().flat_map(|code| segments(code)).collect();
        let missing: Vec<_> = fields.keys().filter(|path| !named.contains(&last(path))).collect();
        assert!(missing.is_empty(), "{} does not name {missing:?}", page.name);
    }
}

#[test]
fn field_table_lists_only_existing_fields() {
    for kind in kinds() {
        let tables = field_tables(&kind.page);
        assert!(!tables.is_empty(), "{} has no table of fields", kind.page.name);
        for path in tables.iter().flat_map(|table| &table.rows).flat_map(|row| code_in(&row[0])) {
            assert!(kind.ending_with(&path).next().is_some(), "{}: there is no `{path}`", kind.page.name);
        }
    }
}

#[test]
fn documented_default_equals_schema_default() {
    let mut compared = 0;
    for kind in kinds() {
        for table in field_tables(&kind.page).iter().filter(|table| table.header[1] == "default") {
            for row in &table.rows {
                compared += kind.compare_default(row);
            }
        }
    }
    assert!(compared >= 20, "{compared} defaults, expected more");
}

impl Kind {
    /// Returns the fields that a path in a table may name. Fields of `spec` itself have their bare names there.
    fn ending_with<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Field> {
        self.fields.iter().filter(move |(full, _)| full.ends_with(&format!(".{path}"))).map(|(_, field)| field)
    }

    fn compare_default(&self, row: &[String]) -> usize {
        let path = code_in(&row[0]).concat();
        let field = self.fields.get(&format!("spec.{path}")).unwrap_or_else(|| panic!("no spec.{path}"));
        let place = format!("{}: `{path}`", self.page.name);
        assert_eq!(row[1] == "required", field.required && field.default.is_none(), "{place} is required");
        let text = field.default.as_ref().filter(|default| !default.is_object());
        let Some(text) = text.map(|default| default.as_str().map_or_else(|| default.to_string(), str::to_owned)) else {
            assert!(code_in(&row[1]).is_empty(), "{place} has no default");
            return 0;
        };
        assert_eq!(code_in(&row[1]), [text], "the default of {place}");
        1
    }
}

fn field_tables(page: &Page) -> Vec<Table> {
    page.tables().into_iter().filter(|table| table.header[0] == "field").collect()
}

fn kinds() -> Vec<Kind> {
    let kinds = crds::all().into_iter().map(|crd| {
        let page = Page::read(&format!("docs/{}.md", crd.spec.names.singular.clone().unwrap_or_default()));
        let crd = serde_json::to_value(&crd).unwrap();
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let mut fields = BTreeMap::new();
        for part in ["spec", "status"] {
            walk(part, &schema["properties"][part], &mut fields);
        }
        assert!(fields.len() >= 10, "{fields:?}", fields = fields.keys());
        Kind { page, fields }
    });
    kinds.collect()
}

fn walk(path: &str, schema: &Value, fields: &mut BTreeMap<String, Field>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let required = schema["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name));
        let path = format!("{path}.{name}");
        walk(&path, property, fields);
        fields.insert(path, Field { default: property.get("default").cloned(), required });
    }
    for (inner, suffix) in [("items", "[]"), ("additionalProperties", "")] {
        walk_inner(&format!("{path}{suffix}"), &schema[inner], fields);
    }
}

fn walk_inner(path: &str, schema: &Value, fields: &mut BTreeMap<String, Field>) {
    if schema.is_object() {
        walk(path, schema, fields);
    }
}

fn segments(path: &str) -> Vec<String> {
    path.split('.').map(|segment| segment.trim_end_matches("[]").to_owned()).collect()
}

fn last(path: &str) -> String {
    segments(path).pop().unwrap_or_default()
}
