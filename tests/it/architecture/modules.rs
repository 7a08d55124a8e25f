//! Reads the modules of `src`: their paths, what they import and what they re-export.

use super::paths::paths;
use regex::Regex;
use std::collections::BTreeMap;

/// One file of `src`.
pub struct Source<'a> {
    /// The path below `src`, such as `controller/policy/mod.rs`.
    pub file: &'a str,
    /// The module, such as `controller::policy`.
    pub module: String,
    /// The code without its inline test module.
    code: &'a str,
}

/// One import of another module.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// The path as the code has it.
    pub path: String,
    /// The path from the root of the crate, without `crate`.
    pub module: String,
}

impl<'a> Source<'a> {
    /// Reads a file. Its inline test module does not count.
    pub fn new(file: &'a str, code: &'a str) -> Self {
        let code = code.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(code);
        Self { file, module: module_of(file), code }
    }

    /// Returns whether the file holds tests only.
    pub fn is_test(&self) -> bool {
        ["tests.rs", "fuzz.rs"].contains(&self.file.rsplit('/').next().unwrap_or_default())
    }

    /// Returns the top module of the file.
    pub fn top(&self) -> &str {
        self.module.split("::").next().unwrap_or_default()
    }

    /// Returns the code without line comments.
    pub fn code_without_comments(&self) -> String {
        self.code
            .lines()
            .map(|line| line.split("// ").next().filter(|_| !line.trim_start().starts_with("//")).unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Returns all paths in the code, as they stand there.
    pub fn paths(&self) -> Vec<String> {
        paths(self.code)
    }

    /// Returns the imports that name another module of the crate by `crate` or `super`.
    pub fn imports(&self) -> Vec<Import> {
        self.paths().into_iter().filter_map(|path| self.resolve(&path)).collect()
    }

    /// Returns the paths in `use` items that import a whole top module, all names of a module above, or a type of
    /// the clock or a crate under another name.
    pub fn hidden_imports(&self) -> Vec<String> {
        if self.is_test() || ["lib", "main", "cli"].contains(&self.top()) || self.file == "api/kinds.rs" {
            return Vec::new();
        }
        let whole = self.paths().into_iter().filter(|path| {
            let end = path.rsplit("::").next().unwrap_or_default();
            let Some(import) = self.resolve(path) else { return path == "crate::*" };
            let module = import.module.trim_end_matches("::*").trim_end_matches("::self");
            let is_top = ["", "*", "self", "controller", "upstream", "api", "engine"].contains(&module);
            is_top || end == "*" && ["controller", "upstream"].contains(&self.top()) && is_below(&self.module, module)
        });
        let renamed =
            Regex::new(r"\b(?:crate|self|super|kube|std|env|time|Instant|SystemTime|Timestamp|Zoned) as [a-zA-Z]\w*")
                .unwrap();
        let code = self.code_without_comments();
        whole.chain(renamed.find_iter(&code).map(|found| found.as_str().to_owned())).collect()
    }

    /// Returns the imports but for those that only pass names on (`pub use`).
    pub fn own_imports(&self, modules: &BTreeMap<String, Exports>) -> Vec<Import> {
        let (kept, passed_on) = without_pub_use(self.code);
        let upward = paths(&passed_on).into_iter().filter_map(|path| self.resolve(&path));
        let upward = upward.filter(|import| !is_below(&import.module, &self.module)).collect::<Vec<_>>();
        upward
            .into_iter()
            .chain(
                paths(&kept).into_iter().filter_map(|path| self.resolve(&path).or_else(|| self.child(&path, modules))),
            )
            .collect()
    }

    /// Returns what the file re-exports: each name with its path.
    pub fn exports(&self) -> Exports {
        let (_, passed_on) = without_pub_use(self.code);
        let found = paths(&passed_on).into_iter().filter(|path| path != "pub" && path != "use" && path.contains("::"));
        let named = found.map(|path| {
            let name = path.rsplit("::").next().unwrap_or_default().to_owned();
            let full = self.resolve(&path).map_or_else(|| format!("{}::{path}", self.module), |import| import.module);
            (name, full)
        });
        named.collect()
    }

    /// A path that starts with a child module of this one.
    fn child(&self, path: &str, modules: &BTreeMap<String, Exports>) -> Option<Import> {
        let first = path.split("::").next().unwrap_or_default();
        let module = format!("{}::{path}", self.module);
        let known = modules.contains_key(&format!("{}::{first}", self.module));
        (known && path.contains("::")).then(|| Import { path: path.to_owned(), module })
    }

    fn resolve(&self, path: &str) -> Option<Import> {
        let mut parts = path.strip_prefix("self::").unwrap_or(path).split("::").peekable();
        let mut base: Vec<&str> = Vec::new();
        match parts.next()? {
            "crate" | "cloud_policy" => {}
            "super" => {
                base = self.module.split("::").collect();
                base.pop();
                while parts.next_if_eq(&"super").is_some() {
                    base.pop();
                }
            }
            _ => return None,
        }
        // `pub(super)` and `pub(crate)` name no item.
        parts.peek()?;
        base.extend(parts);
        Some(Import { path: path.to_owned(), module: base.join("::") })
    }
}

/// The names that a module re-exports, each with the path that it stands for.
pub type Exports = BTreeMap<String, String>;

/// Returns the module of a file below `src`.
pub fn module_of(file: &str) -> String {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    path.strip_suffix("/mod").unwrap_or(path).replace('/', "::")
}

/// Returns whether a path is this one or lies below it.
pub fn is_below(path: &str, of: &str) -> bool {
    path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Splits the code into what is not a `pub use`, and the `pub use` items.
fn without_pub_use(code: &str) -> (String, String) {
    let pub_use = Regex::new(r"^\s*pub(?:\([^)]*\))?\s+use\s").unwrap();
    let (mut kept, mut passed_on, mut inside) = (String::new(), String::new(), false);
    for line in code.lines() {
        let starts = pub_use.is_match(line);
        inside |= starts;
        let to = if inside { &mut passed_on } else { &mut kept };
        to.push_str(line);
        to.push('\n');
        inside &= !line.contains(';');
    }
    (kept, passed_on)
}
