//! The layers of `src`: which module may import which, and which modules may hold a capability.

use super::graph::target;
use super::modules::{Exports, Source, is_below};
use std::collections::BTreeMap;

/// What each module may import besides its own children. An inner module inherits the imports of its parent
/// into other top modules; its row lists what it may import of its siblings.
pub const LAYERS: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "review",
            "export",
            "plan",
            "lint",
            "manifests",
            "controller",
            "upstream",
            "engine",
            "api",
            "metrics",
            "telemetry",
            "server",
        ],
    ),
    ("review", &["export", "plan", "manifests", "upstream", "engine", "api"]),
    ("export", &["plan", "manifests", "upstream", "engine", "api"]),
    ("plan", &["manifests", "sarif", "controller", "upstream", "engine", "api"]),
    ("lint", &["manifests", "sarif", "upstream", "engine", "api"]),
    ("manifests", &["controller", "engine", "api"]),
    ("sarif", &[]),
    ("controller", &["upstream", "engine", "api", "metrics", "telemetry", "server"]),
    ("upstream", &["engine", "api"]),
    ("engine", &["api"]),
    ("api", &[]),
    ("server", &["metrics"]),
    ("metrics", &[]),
    ("telemetry", &[]),
    ("lib", &[]),
    ("main", &["cli"]),
    // Inside `controller`: a module imports only modules of lower layers.
    ("controller::setup", &["policy", "connection", "context", "queue", "state", "k8s", "kinds", "leader", GROUND]),
    ("controller::policy", &["context", "queue", "state", "k8s", "kinds", GROUND]),
    ("controller::connection", &["context", "queue", "state", "k8s", "kinds", GROUND]),
    ("controller::context", &["queue", "state", "k8s", "leader", "kinds", GROUND]),
    ("controller::k8s", &[GROUND]),
    ("controller::state", &["kinds"]),
    ("controller::queue", &["kinds"]),
    ("controller::leader", &[]),
    ("controller::kinds", &[]),
    ("controller::settings", &[]),
    ("controller::clock", &[]),
    ("controller::error", &[]),
    // Inside `upstream`.
    (
        "upstream::registry",
        &["account", "ncloud", "spaceone", "snapshots", "request", "http", "endpoint", "collection", "catalogue"],
    ),
    ("upstream::account", &["ncloud", "spaceone", "http", "endpoint", "redact", "request", "snapshots", "collection"]),
    (
        "upstream::ncloud",
        &["http", "endpoint", "redact", "request", "lenient", "list_limits", "collection", "catalogue"],
    ),
    (
        "upstream::spaceone",
        &["http", "endpoint", "redact", "request", "lenient", "list_limits", "collection", "catalogue"],
    ),
    ("upstream::http", &["endpoint", "redact", "request"]),
    ("upstream::collection", &["http", "request", "catalogue"]),
    ("upstream::catalogue", &[]),
    ("upstream::endpoint", &[]),
    ("upstream::snapshots", &[]),
    ("upstream::request", &[]),
    ("upstream::redact", &[]),
    ("upstream::lenient", &[]),
    ("upstream::list_limits", &[]),
];

/// Modules that import no sibling at all, whatever their parent may import.
const CLOSED: &[&str] = &["engine::access"];

/// A top module of which another one may import only one part.
const PARTS: &[(&str, &str, &str)] =
    &[("plan", "controller", "controller::kinds"), ("manifests", "controller", "controller::kinds")];

/// The lowest modules of `controller`, which every other one may import.
const GROUND: &str = "settings, clock, error";

/// Something powerful, the paths that give it, the modules that may hold it, and the modules below them that
/// may not.
struct Capability {
    name: &'static str,
    paths: &'static [&'static str],
    holders: &'static [&'static str],
    except: &'static [&'static str],
}

const CAPABILITIES: &[Capability] = &[
    Capability {
        name: "the Kubernetes client",
        paths: &[
            "kube::Client",
            "kube::client",
            "kube::Api",
            "kube::api::Api",
            "kube::api::*",
            "kube::runtime",
            "kube::*",
            "kube::self",
            "kube::api::self",
            "kube::config",
            "kube::Config",
            "kube::discovery",
            "kube::prelude",
        ],
        holders: &["controller", "cli"],
        except: &["controller::state", "controller::queue", "controller::kinds", "controller::clock"],
    },
    Capability { name: "the HTTP client", paths: &["reqwest"], holders: &["upstream", "telemetry"], except: &[] },
    Capability {
        name: "the environment",
        paths: &["std::env", "env::var", "env::var_os", "env::vars"],
        holders: &["cli", "main"],
        except: &[],
    },
    Capability {
        name: "the clock",
        paths: &["SystemTime::now", "Timestamp::now", "Instant::now", "Zoned::now"],
        holders: &["controller", "upstream", "cli", "server", "telemetry", "metrics"],
        except: &["controller::kinds"],
    },
    Capability {
        name: "an await",
        paths: &["async", "await"],
        holders: &[
            "cli",
            "export",
            "plan",
            "controller",
            "upstream",
            "engine",
            "server",
            "telemetry",
            "main",
            "metrics",
        ],
        except: &["controller::state", "controller::kinds", "engine::access"],
    },
];

/// A reflector store is a cache that its controller fills: `state` may read it.
const READ_ONLY: (&str, &str) = ("controller::state", "kube::runtime::reflector::Store");

/// Returns what is wrong with the imports and capabilities of a file.
pub fn violations(source: &Source<'_>, modules: &BTreeMap<String, Exports>) -> Vec<String> {
    let Some(top) = LAYERS.iter().find(|(name, _)| *name == source.top()) else {
        return vec![format!("src/{}: `{}` is in no layer", source.file, source.top())];
    };
    let mut wrong = Vec::new();
    let is_split = LAYERS.iter().any(|(name, _)| is_below(name, source.top()) && *name != source.top());
    if is_split && source.module != source.top() && inner(&source.module).is_none() && !source.is_test() {
        wrong.push(format!("src/{}: `{}` is in no layer", source.file, source.module));
    }
    // A whole module under another name, or all of its names, would hide what is imported.
    wrong.extend(source.hidden_imports().into_iter().map(|path| {
        format!("src/{}: `{path}`: import the names that are used, and do not rename a module", source.file)
    }));
    for import in source.imports() {
        let (from, to) = (source.module.as_str(), import.module.as_str());
        let (target, _) = to.split_once("::").unwrap_or((to, ""));
        let is_module = LAYERS.iter().any(|(name, _)| *name == target);
        let outside = target != top.0 && is_module && !top.1.contains(&target);
        let is_closed = |part: &&(&str, &str, &str)| part.0 == top.0 && part.1 == target && !is_below(to, part.2);
        let outside = outside || PARTS.iter().any(|part| is_closed(&part));
        // A re-exported name counts as an import of the module that defines it.
        let defined = target_module(to, modules);
        if outside || !may_import_sibling(from, to) || !may_import_sibling(from, &defined) {
            wrong.push(format!("src/{}: `{}`: {from} may not import {to}", source.file, import.path));
        }
    }
    for path in source.paths() {
        let held = CAPABILITIES.iter().filter(|capability| !may_hold(source, capability, &path));
        wrong.extend(held.map(|c| format!("src/{}: `{path}`: {} may not hold {}", source.file, source.module, c.name)));
    }
    wrong
}

fn target_module(to: &str, modules: &BTreeMap<String, Exports>) -> String {
    target(to, modules, 0).unwrap_or_else(|| to.to_owned())
}

/// Returns whether an inner module may import another module of the same top module.
fn may_import_sibling(from: &str, to: &str) -> bool {
    let is_beside = |room: &&&str| is_below(from, room) && !is_below(to, room) && is_below(to, top_of(room));
    if CLOSED.iter().any(|room| is_beside(&room)) {
        return false;
    }
    let (Some(from), Some(to)) = (inner(from), inner(to)) else { return true };
    let parent = |module: &str| module.split("::").next().unwrap_or_default().to_owned();
    if from == to || parent(from) != parent(to) {
        return true;
    }
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == from) else { return true };
    let sibling = to.split("::").nth(1).unwrap_or_default();
    allowed.iter().flat_map(|names| names.split(", ")).any(|name| name == sibling)
}

fn top_of(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}

/// Returns the row of `LAYERS` of the second level that the module belongs to.
fn inner(module: &str) -> Option<&'static str> {
    LAYERS.iter().map(|(name, _)| *name).find(|name| name.contains("::") && is_below(module, name))
}

fn may_hold(source: &Source<'_>, capability: &Capability, path: &str) -> bool {
    if !capability.paths.iter().any(|given| gives(path, given)) {
        return true;
    }
    if is_below(&source.module, READ_ONLY.0) && is_below(path, READ_ONLY.1) {
        return true;
    }
    let is_in = |modules: &[&str]| modules.iter().any(|module| is_below(&source.module, module));
    is_in(capability.holders) && !is_in(capability.except)
}

/// Returns whether a path is this capability: `std::time::Instant::now` is `Instant::now`, and `reqwest::Url` is
/// below `reqwest`.
fn gives(path: &str, capability: &str) -> bool {
    let ends = capability.contains("::now") && path.strip_suffix(capability).is_some_and(|rest| rest.ends_with("::"));
    is_below(path, capability) || ends || (capability == "kube::api::self" && path == "kube::api")
}

#[test]
fn planted_imports_and_capabilities_are_reported() {
    let planted = [
        ("engine/plan/mod.rs", "use crate::upstream::Http;"),
        ("api/policy.rs", "fn f() { let x: crate::engine::Diff; }"),
        ("engine/mod.rs", "use super::controller::Shared;"),
        ("upstream/http/mod.rs", "use crate::{engine::Diff, metrics::Metrics};"),
        ("metrics/mod.rs", "use crate::api::Reason;"),
        ("main.rs", "fn main() { cloud_policy::controller::run() }"),
        ("helpers/mod.rs", ""),
        ("controller/policy/mod.rs", "use crate::controller::connection::context::Context;"),
        ("controller/connection/probe.rs", "use crate::controller::policy::stop::Stop;"),
        ("controller/context.rs", "use super::policy::stop::Stop;"),
        ("controller/k8s/status.rs", "use crate::controller::state::claims::Claim;"),
        ("controller/state/claims.rs", "use crate::controller::context::Shared;"),
        ("controller/queue/permits/mod.rs", "use crate::controller::state::claims::Claim;"),
        ("controller/leader/mod.rs", "use super::k8s::status;"),
        ("controller/kinds/policy.rs", "use crate::controller::state::stores::Stores;"),
        ("controller/settings.rs", "use super::kinds::managed::Managed;"),
        ("controller/error.rs", "use super::settings::Settings;"),
        ("controller/clock.rs", "use super::settings::Settings;"),
        ("upstream/account.rs", "use super::registry::bind;"),
        ("upstream/ncloud/client.rs", "use crate::upstream::spaceone::client::Spaceone;"),
        ("upstream/spaceone/client.rs", "use crate::upstream::account::Account;"),
        ("upstream/http/mod.rs", "use crate::upstream::ncloud::client::Ncloud;"),
        ("upstream/endpoint/mod.rs", "use crate::upstream::http::Purpose;"),
        ("upstream/snapshots.rs", "use super::http::Http;"),
        ("upstream/request.rs", "use super::http::Http;"),
        ("upstream/redact/mod.rs", "use crate::upstream::http::Http;"),
        ("upstream/lenient.rs", "use super::http::Http;"),
        ("upstream/mod.rs", "use kube::{Resource, Client};"),
        ("api/mod.rs", "use kube::api::{Api, ObjectMeta};"),
        ("controller/policy/mod.rs", "fn f(c: reqwest::Client) {}"),
        ("controller/settings.rs", "fn f() { std::env::var(\"X\"); }"),
        ("upstream/http/mod.rs", "use std::env;"),
        ("engine/plan/mod.rs", "fn f() { std::time::Instant::now(); }"),
        ("api/status.rs", "fn f() { jiff::Timestamp::now(); }"),
        ("controller/state/accounts.rs", "use kube::Client;"),
        ("controller/state/stores.rs", "use kube::runtime::watcher;"),
        ("controller/queue/permits/mod.rs", "use kube::Api;"),
        ("controller/kinds/managed.rs", "use kube::runtime::reflector::Store;"),
        ("controller/state/accounts.rs", "async fn f() {}"),
        ("controller/helpers.rs", ""),
        ("controller/policy/mod.rs", "use crate::controller as up;"),
        ("controller/policy/mod.rs", "use super::super::*;"),
        ("controller/state/accounts.rs", "use kube as k;"),
        ("controller/policy/mod.rs", "fn f() { self::super::setup::run() }"),
        ("engine/plan/mod.rs", "use std::time::Instant as I;"),
        ("engine/access/mod.rs", "use crate::engine::Diff;"),
        ("engine/access/ncloud/search.rs", "use super::super::super::diff::Remedy;"),
        ("engine/access/glob.rs", "async fn f() {}"),
    ];
    for (file, code) in planted {
        let found = violations(&Source::new(file, code), &BTreeMap::new());
        assert_eq!(found.len(), 1, "{file}: `{code}` gives {found:?}");
    }
}

#[test]
fn permitted_imports_and_capabilities_are_not_reported() {
    let fine = [
        ("controller/policy/apply/mod.rs", "use crate::{api::Policy, engine::plan::Plan, metrics::Metrics};"),
        ("controller/policy/apply/mod.rs", "use crate::controller::{Error, Result}; use kube::{Api, Client};"),
        ("controller/setup/mod.rs", "use super::policy; use super::leader::Leadership; use super::clock::Clock;"),
        ("controller/state/stores.rs", "use kube::runtime::reflector::Store; use super::dependents::Dependent;"),
        ("engine/plan/mod.rs", "use super::Diff; // crate::upstream is not imported\nuse std::time::Duration;"),
        ("upstream/http/mod.rs", "use reqwest::Client; use crate::engine::UpstreamError;"),
        ("upstream/registry.rs", "use super::account::Account; use super::ncloud;"),
        ("cli/run.rs", "use std::env; use crate::server::serve;"),
        ("api/policy.rs", "use kube::{CustomResource, KubeSchema}; const V: &str = env!(\"CARGO_PKG_VERSION\");"),
        ("lib.rs", "pub mod api; pub mod engine;"),
    ];
    for (file, code) in fine {
        assert_eq!(violations(&Source::new(file, code), &BTreeMap::new()), [""; 0], "{file}: `{code}`");
    }
}
