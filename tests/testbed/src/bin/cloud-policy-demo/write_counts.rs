//! Counts the creates, updates, pins and deletes in the upstream journals, and the remaining objects.

use serde_json::Value;
use std::fmt;

/// A collection with its own counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collection {
    Ncloud,
    SpaceoneRepository,
    SpaceoneInventory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Write {
    Create,
    Update,
    Pin,
    Delete,
}

/// Writes that an upstream carried out in one collection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub creates: usize,
    pub updates: usize,
    /// SpaceONE's `pin_data`.
    pub pins: usize,
    pub deletes: usize,
    /// Objects that exist now.
    pub left: usize,
}

/// The writes in all collections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteCounts {
    pub ncloud_policies: Counts,
    pub spaceone_policies: Counts,
    pub spaceone_network_policies: Counts,
    /// Unexpected writes, which have no column.
    pub others: Vec<String>,
}

impl WriteCounts {
    /// Counts an entry of the simulators' journal.
    pub fn add_simulated(&mut self, entry: &Value) {
        if entry["effect"] != true {
            return;
        }
        let text = |key: &str| entry[key].as_str().unwrap_or_default();
        let collection = match (text("system"), text("collection")) {
            ("ncloud", "Policy") => Some(Collection::Ncloud),
            ("spaceone", "Policy") => Some(Collection::SpaceoneRepository),
            ("spaceone", "NetworkPolicy") => Some(Collection::SpaceoneInventory),
            _ => None,
        };
        let write = match text("operation") {
            "Create" => Some(Write::Create),
            "Update" => Some(Write::Update),
            "PinData" => Some(Write::Pin),
            "Delete" => Some(Write::Delete),
            _ => None,
        };
        match collection.zip(write) {
            Some((collection, write)) => self.count(collection, write),
            None => self.others.push(format!("{} {}", text("method"), text("target"))),
        }
    }

    /// Counts an entry of the real servers' log. The log has no effects, so a successful request to a
    /// path other than a search counts as a write.
    pub fn add_real(&mut self, entry: &Value) {
        let text = |key: &str| entry[key].as_str().unwrap_or_default();
        if entry["served"] != 200 {
            return;
        }
        let path = text("path").split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        if let Some((collection, write)) = written(text("method"), &parts) {
            self.count(collection, write);
        }
    }

    /// Sets the number of objects that exist now.
    pub fn set_left(&mut self, collection: Collection, left: usize) {
        self.counts(collection).left = left;
    }

    fn count(&mut self, collection: Collection, write: Write) {
        let counts = self.counts(collection);
        match write {
            Write::Create => counts.creates += 1,
            Write::Update => counts.updates += 1,
            Write::Pin => counts.pins += 1,
            Write::Delete => counts.deletes += 1,
        }
    }

    fn counts(&mut self, collection: Collection) -> &mut Counts {
        match collection {
            Collection::Ncloud => &mut self.ncloud_policies,
            Collection::SpaceoneRepository => &mut self.spaceone_policies,
            Collection::SpaceoneInventory => &mut self.spaceone_network_policies,
        }
    }
}

fn written(method: &str, path: &[&str]) -> Option<(Collection, Write)> {
    use Collection::{SpaceoneInventory, SpaceoneRepository};
    match (method, path) {
        ("POST", ["repository", "v1", "policies"]) => Some((SpaceoneRepository, Write::Create)),
        ("PUT", ["repository", "v1", "policy", _]) => Some((SpaceoneRepository, Write::Update)),
        ("DELETE", ["repository", "v1", "policy", _]) => Some((SpaceoneRepository, Write::Delete)),
        ("POST", ["inventory", "v1", "network-policies"]) => Some((SpaceoneInventory, Write::Create)),
        ("PUT", ["inventory", "v1", "network-policy", _]) => Some((SpaceoneInventory, Write::Update)),
        ("PUT", ["inventory", "v1", "network-policy", _, "pin-data"]) => Some((SpaceoneInventory, Write::Pin)),
        ("DELETE", ["inventory", "v1", "network-policy", _]) => Some((SpaceoneInventory, Write::Delete)),
        _ => None,
    }
}

impl fmt::Display for WriteCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<26} {:>7} {:>7} {:>6} {:>7} {:>6}",
            "UPSTREAM", "CREATES", "UPDATES", "PINS", "DELETES", "LEFT"
        )?;
        let rows = [
            ("NAVER Cloud policies", self.ncloud_policies),
            ("SpaceONE policies", self.spaceone_policies),
            ("SpaceONE network policies", self.spaceone_network_policies),
        ];
        for (name, Counts { creates, updates, pins, deletes, left }) in rows {
            writeln!(f, "{name:<26} {creates:>7} {updates:>7} {pins:>6} {deletes:>7} {left:>6}")?;
        }
        self.others.iter().try_for_each(|other| writeln!(f, "and {other}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_include_only_writes_with_effect() {
        let entry = |operation: &str, effect: bool| {
            json!({ "system": "ncloud", "collection": "Policy", "operation": operation, "effect": effect,
                    "method": "POST", "target": "/api/v1/policies/1/tags" })
        };
        let mut counts = WriteCounts::default();
        for (operation, effect) in [("Create", true), ("Create", false), ("Update", true), ("TagsAdd", true)] {
            counts.add_simulated(&entry(operation, effect));
        }
        assert_eq!(counts.ncloud_policies, Counts { creates: 1, updates: 1, ..Counts::default() });
        assert_eq!(counts.others, ["POST /api/v1/policies/1/tags"]);
    }

    #[test]
    fn counts_classify_real_requests_by_path() {
        let requests = [
            ("POST", "/repository/v1/policies", 200),
            ("POST", "/repository/v1/policies/search", 200),
            ("PUT", "/repository/v1/policy/a", 200),
            ("PUT", "/repository/v1/policy/a", 400),
            ("DELETE", "/repository/v1/policy/a?domain_id=d", 200),
            ("POST", "/inventory/v1/network-policies", 200),
            ("GET", "/inventory/v1/network-policy/n?domain_id=d", 200),
            ("PUT", "/inventory/v1/network-policy/n", 200),
            ("PUT", "/inventory/v1/network-policy/n/pin-data", 200),
            ("DELETE", "/inventory/v1/network-policy/n", 200),
        ];
        let mut counts = WriteCounts::default();
        for (method, path, served) in requests {
            counts.add_real(&json!({ "method": method, "path": path, "served": served }));
        }
        let one_each = Counts { creates: 1, updates: 1, deletes: 1, ..Counts::default() };
        let expected = WriteCounts {
            spaceone_policies: one_each,
            spaceone_network_policies: Counts { pins: 1, ..one_each },
            ..WriteCounts::default()
        };
        assert_eq!(counts, expected);
    }
}
