//! The promise that a new upstream resource is its own files and one line in each of two lists: no other file of
//! `src` names a managed kind or a collection, in code or in a text. `packaging::kind_lists` holds the manifests to it.

use super::modules::{Source, is_below};
use super::{code_files, read, root};
use regex::Regex;
use std::collections::BTreeSet;

/// The list of managed kinds, and the list of collections.
const LISTS: [&str; 2] = ["api/kinds.rs", "upstream/registry.rs"];

/// The kinds and collections that the lists name.
struct Listed {
    /// Such as `NetworkPolicy`.
    kinds: Vec<String>,
    /// Such as `spaceone::network_policy`.
    collections: Vec<String>,
    /// Such as `spaceone/networkpolicy`, as each collection defines it.
    systems: Vec<String>,
}

impl Listed {
    fn read() -> Self {
        let list = |file: &str, pattern: &str| -> Vec<String> {
            let code = read(&root().join("src").join(file));
            Regex::new(pattern).unwrap().captures_iter(&code).map(|found| found[1].to_owned()).collect()
        };
        let kinds = list(LISTS[0], r"managed_kinds \{[^\[]*\[([^\]]+)\]");
        let kinds = kinds.iter().flat_map(|names| names.split(", ")).map(str::to_owned).collect::<Vec<_>>();
        let collections = list(LISTS[1], r"&Of::<(\w+::\w+)::\w+>\(");
        let pattern = Regex::new(r#"(?:SYSTEM: &str =|system:) "(\w+/\w+)""#).unwrap();
        let system = |collection: &String| {
            let folder = format!("upstream/{}/", collection.replace("::", "/"));
            let mut own = code_files("src").into_iter().filter(|(file, _)| file.starts_with(&folder));
            let found: Option<String> = own.find_map(|(_, code)| Some(pattern.captures(&code)?[1].to_owned()));
            found.unwrap_or_else(|| panic!("src/{folder} defines no name of its system"))
        };
        let systems = collections.iter().map(system).collect();
        Self { kinds, collections, systems }
    }

    /// Returns what the file names without owning it.
    fn named_in(&self, source: &Source<'_>) -> Vec<String> {
        if LISTS.contains(&source.file) || source.is_test() || source.file.contains("/tests/") {
            return Vec::new();
        }
        let imports = source.imports();
        let kinds = self.kinds.iter().filter(|kind| !owns_kind(source.file, kind, &self.collections));
        let named = kinds.filter(|kind| imports.iter().any(|import| is_of_kind(&import.module, kind))).cloned();
        let foreign = self.collections.iter().filter(|collection| !owns(source.file, collection));
        let imported = foreign.filter(|collection| {
            let module = format!("upstream::{collection}");
            imports.iter().any(|import| is_below(&import.module, &module))
        });
        let systems =
            self.collections.iter().zip(&self.systems).filter(|(collection, _)| !owns(source.file, collection));
        let code = source.code_without_comments();
        let written = systems.filter(|(_, system)| code.contains(system.as_str())).map(|(_, system)| system);
        let said = self.collections.iter().filter(|collection| !owns(source.file, collection));
        let said = said.filter(|_| !self.kinds.iter().any(|kind| owns_kind(source.file, kind, &self.collections)));
        let texts = texts(&code);
        let said = said.filter(|collection| texts.iter().any(|text| word(collection).is_match(text)));
        named.chain(imported.cloned()).chain(written.cloned()).chain(said.cloned()).collect()
    }
}

/// Returns the texts of the code of a file, without those of its tests.
fn texts(code: &str) -> Vec<String> {
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let text = Regex::new(r#""((?:[^"\\]|\\.)*)""#).unwrap();
    text.captures_iter(code).map(|found| found[1].to_owned()).collect()
}

/// Matches the word for an object of the collection, such as `network policy`, and its plural. The name of this project
/// is another word, and so is the start of a longer one.
fn word(collection: &str) -> Regex {
    let name = collection.rsplit("::").next().unwrap_or_default().replace('_', "[ _-]?");
    let plural = name.strip_suffix('y').map_or_else(|| format!("{name}s"), |stem| format!("{stem}ies"));
    Regex::new(&format!(r"(?i)(?:^|[^\w-])(?:{name}|{plural})\b")).unwrap()
}

fn snake(kind: &str) -> String {
    let word = |c: char| if c.is_uppercase() { format!("_{}", c.to_ascii_lowercase()) } else { c.to_string() };
    kind.chars().map(word).collect::<String>().trim_start_matches('_').to_owned()
}

/// Returns whether an import is the kind, its spec or its status.
fn is_of_kind(import: &str, kind: &str) -> bool {
    if is_below(import, &format!("controller::kinds::{}", snake(kind))) {
        return true;
    }
    let Some(rest) = import.strip_prefix("api::") else { return false };
    let first = rest.split("::").next().unwrap_or_default();
    first == snake(kind) || first.strip_prefix(kind).is_some_and(|rest| ["", "Spec", "Status"].contains(&rest))
}

/// Returns whether the file belongs to a kind: its types, its traits, or a collection that stores its objects.
fn owns_kind(file: &str, kind: &str, collections: &[String]) -> bool {
    let own = snake(kind);
    file == format!("api/{own}.rs")
        || file == format!("controller/kinds/{own}.rs")
        || collections.iter().any(|collection| owns(file, collection))
}

fn owns(file: &str, collection: &str) -> bool {
    file.starts_with(&format!("upstream/{}/", collection.replace("::", "/")))
}

#[test]
fn kinds_and_collections_are_named_in_their_own_files() {
    let listed = Listed::read();
    assert!(listed.kinds.len() >= 2 && listed.collections.len() >= 3, "the lists were not read");
    let mut wrong = BTreeSet::new();
    for (file, code) in code_files("src") {
        let named = listed.named_in(&Source::new(&file, &code));
        wrong.extend(named.into_iter().map(|name| format!("src/{file} names {name}")));
    }
    assert!(wrong.is_empty(), "only its own files and the two lists {LISTS:?} may name a kind: {wrong:#?}");
}

#[test]
fn each_collection_names_one_kind() {
    let listed = Listed::read();
    let files = code_files("src");
    for collection in &listed.collections {
        let own = files.iter().filter(|(file, _)| owns(file, collection));
        let imports: Vec<_> = own.flat_map(|(file, code)| Source::new(file, code).imports()).collect();
        let names = |kind: &&String| imports.iter().any(|import| is_of_kind(&import.module, kind));
        let kinds: Vec<_> = listed.kinds.iter().filter(names).collect();
        assert_eq!(kinds.len(), 1, "upstream/{collection} holds the objects of one kind, not of {kinds:?}");
    }
}

#[test]
fn planted_kind_and_collection_are_reported() {
    let listed = Listed::read();
    let planted = [
        ("controller/policy/mod.rs", "use crate::api::NetworkPolicy;"),
        ("controller/setup/mod.rs", "fn f() { g::<crate::api::Policy>(); }"),
        ("api/schema.rs", "use super::network_policy::Route;"),
        ("upstream/account.rs", "use super::spaceone::policy::Policies;"),
        ("upstream/spaceone/client.rs", "use super::network_policy::SYSTEM;"),
        ("controller/context.rs", "const S: &str = \"ncloud/policy\";"),
        ("engine/error.rs", "const S: &str = \"Delete unused policies.\";"),
        ("upstream/spaceone/errors.rs", "const S: &str = \"the network policy\";"),
        ("api/rules.rs", "const S: &str = \"spec.externalId of a SpaceONE policy\";"),
    ];
    for (file, code) in planted {
        assert!(!listed.named_in(&Source::new(file, code)).is_empty(), "{file}: {code}");
    }
    for (file, code) in [
        ("controller/kinds/network_policy.rs", "use crate::api::{NetworkPolicy, NetworkPolicyStatus};"),
        ("upstream/spaceone/policy/mod.rs", "use crate::api::PolicySpec; const SYSTEM: &str = \"spaceone/policy\";"),
        (
            "upstream/http/client.rs",
            "use reqwest::redirect; // a `Policy` of reqwest\nfn f() { redirect::Policy::none() }",
        ),
        ("api/mod.rs", "const M: &str = \"cloud-policy-operator\"; // of a policy\n"),
        ("engine/outcome/mod.rs", "const S: &str = \"driftPolicy is Report\";"),
    ] {
        assert_eq!(listed.named_in(&Source::new(file, code)), [""; 0], "{file}: {code}");
    }
}
