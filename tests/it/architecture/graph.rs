//! The import graph of `src`, its circles and its layers.

use super::modules::{Exports, Source};
use std::collections::{BTreeMap, BTreeSet};

/// Which module imports which.
pub struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    /// Reads the graph of these files, given by path and code. Files of tests do not count.
    pub fn of(files: &[(String, String)]) -> Self {
        let sources: Vec<Source<'_>> =
            files.iter().map(|(file, code)| Source::new(file, code)).filter(|source| !source.is_test()).collect();
        let modules: BTreeMap<String, Exports> =
            sources.iter().map(|source| (source.module.clone(), source.exports())).collect();
        let edges = sources.iter().map(|source| {
            let targets = source.own_imports(&modules).into_iter().filter_map(|i| target(&i.module, &modules, 0));
            (source.module.clone(), targets.filter(|target| *target != source.module).collect())
        });
        Self(edges.collect())
    }

    /// Returns the groups of modules that import each other in a circle.
    pub fn circles(&self) -> Vec<Vec<&str>> {
        let mut circles: Vec<Vec<&str>> = Vec::new();
        for module in self.0.keys() {
            if circles.iter().any(|circle| circle.contains(&module.as_str())) {
                continue;
            }
            let reached = self.reached(module);
            let back = |other: &&str| *other != module && self.reached(other).contains(module.as_str());
            let mut circle: Vec<&str> = reached.iter().copied().filter(back).collect();
            if !circle.is_empty() {
                circle.push(module);
                circles.push(circle);
            }
        }
        circles
    }

    /// Returns the number of modules and of imports.
    pub fn size(&self) -> (usize, usize) {
        (self.0.len(), self.0.values().map(BTreeSet::len).sum())
    }

    /// Returns the graph of the direct children of a module, each with everything below it. Without circles it
    /// has layers: a child stands above all children that it imports.
    pub fn layers(&self, parent: &str) -> Vec<Vec<String>> {
        let child = |module: &str| {
            let rest = if parent.is_empty() { module } else { module.strip_prefix(parent)?.strip_prefix("::")? };
            rest.split("::").next().map(str::to_owned)
        };
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, targets) in &self.0 {
            let Some(from) = child(from) else { continue };
            let of = edges.entry(from.clone()).or_default();
            of.extend(targets.iter().filter_map(|to| child(to)).filter(|to| *to != from));
        }
        let mut layers = Vec::new();
        while !edges.is_empty() {
            let ground: Vec<String> = edges
                .iter()
                .filter(|(_, to)| to.iter().all(|to| !edges.contains_key(to)))
                .map(|(m, _)| m.clone())
                .collect();
            if ground.is_empty() {
                layers.push(edges.keys().cloned().collect());
                break;
            }
            edges.retain(|module, _| !ground.contains(module));
            layers.push(ground);
        }
        layers
    }

    fn reached(&self, from: &str) -> BTreeSet<&str> {
        let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(module) = open.pop() {
            for next in self.0.get(module).into_iter().flatten() {
                if reached.insert(next.as_str()) {
                    open.push(next);
                }
            }
        }
        reached
    }
}

/// Returns the module that a path leads into. A re-exported name leads into the module that defines it.
pub fn target(path: &str, modules: &BTreeMap<String, Exports>, depth: usize) -> Option<String> {
    let mut end = path.len();
    loop {
        let module = &path[..end];
        if let Some(exports) = modules.get(module) {
            let name = path[end..].trim_start_matches("::").split("::").next().unwrap_or_default();
            return match exports.get(name) {
                Some(defined) if depth < 8 => target(defined, modules, depth + 1),
                _ => Some(module.to_owned()),
            };
        }
        end = path[..end].rfind("::")?;
    }
}

#[test]
fn planted_circle_is_found() {
    let files = [
        ("a/mod.rs", "pub mod b;\npub mod c;\npub use b::B;"),
        ("a/b.rs", "use super::c::C;\npub struct B;"),
        ("a/c.rs", "use crate::a::B;\npub struct C;"),
        ("d.rs", "use crate::a::b::B;"),
    ];
    let files = files.map(|(file, code)| (file.to_owned(), code.to_owned()));
    assert_eq!(Graph::of(&files).circles(), [["a::c", "a::b"]]);
    let open = [&files[0..1], &[("a/b.rs".to_owned(), "pub struct B;".to_owned())], &files[2..]].concat();
    let graph = Graph::of(&open);
    assert!(graph.circles().is_empty());
    assert_eq!(graph.layers(""), [["a"], ["d"]]);
    assert_eq!(graph.layers("a"), [["b"], ["c"]]);
}
