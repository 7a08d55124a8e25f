//! The subset of Markdown that the pages use: fences, headings, links, tables, and code in text.

use cloud_policy_testbed::repository;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The address of the published repository. A link there is a link to a file here.
pub const PUBLISHED: &str = "https://github.com/cloud-policy-operator/cloud-policy-operator/blob/main/";

/// A parsed page.
pub struct Page {
    /// The path from the root of the repository.
    pub name: String,
    /// The text outside the fences.
    pub prose: String,
    pub fences: Vec<Fence>,
}

/// A fenced block.
pub struct Fence {
    pub language: String,
    pub body: String,
    /// The page and the line, for messages.
    pub place: String,
}

/// A table. Its cells are trimmed.
pub struct Table {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Page {
    /// Returns the README and all pages in `docs`.
    pub fn all() -> Vec<Self> {
        let mut names = vec!["README.md".to_owned()];
        collect(Path::new("docs"), &mut names);
        names.sort();
        assert!(names.len() > 5, "{names:?}");
        names.iter().map(|name| Self::read(name)).collect()
    }

    /// Returns every page of the repository.
    pub fn everywhere() -> Vec<Self> {
        let mut names = Vec::new();
        collect(Path::new(""), &mut names);
        names.sort();
        assert!(names.len() > 30, "{names:?}");
        names.iter().map(|name| Self::read(name)).collect()
    }

    pub fn read(name: &str) -> Self {
        let text = fs::read_to_string(repository().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut page = Self { name: name.to_owned(), prose: String::new(), fences: Vec::new() };
        let mut open: Option<Fence> = None;
        for (index, line) in text.lines().enumerate() {
            match (line.trim_start().strip_prefix("```"), open.take()) {
                (Some(language), None) => {
                    let place = format!("{name}:{}", index + 1);
                    open = Some(Fence { language: language.trim().to_owned(), body: String::new(), place });
                }
                (Some(_), Some(fence)) => page.fences.push(fence),
                (None, Some(mut fence)) => {
                    fence.body += line;
                    fence.body.push('\n');
                    open = Some(fence);
                }
                (None, None) => {
                    page.prose += line;
                    page.prose.push('\n');
                }
            }
        }
        assert!(open.is_none(), "{name}: a fence is not closed");
        page
    }

    /// Returns the title and the text of every section of this level.
    pub fn sections(&self, level: usize) -> Vec<(String, String)> {
        let mut sections: Vec<(String, String)> = Vec::new();
        let mut inside = false;
        for line in self.prose.lines() {
            match heading(line) {
                Some((depth, title)) if depth == level => {
                    sections.push((title.to_owned(), String::new()));
                    inside = true;
                }
                Some((depth, _)) if depth < level => inside = false,
                _ if inside => {
                    let (_, text) = sections.last_mut().expect("inside a section");
                    *text += line;
                    text.push('\n');
                }
                _ => {}
            }
        }
        sections
    }

    pub fn tables(&self) -> Vec<Table> {
        let mut tables: Vec<Table> = Vec::new();
        let mut inside = false;
        for line in self.prose.lines() {
            let Some(row) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
                inside = false;
                continue;
            };
            let row: Vec<String> = row.split('|').map(|cell| cell.trim().to_owned()).collect();
            match tables.last_mut().filter(|_| inside) {
                None => tables.push(Table { header: row, rows: Vec::new() }),
                Some(_) if row.iter().all(|cell| cell.starts_with("---")) => {}
                Some(table) => {
                    assert_eq!(row.len(), table.header.len(), "{}: {line}", self.name);
                    table.rows.push(row);
                }
            }
            inside = true;
        }
        tables
    }

    /// Returns the links to pages and files of the repository.
    pub fn links_into_the_repository(&self) -> Vec<String> {
        let text = Regex::new("`[^`]*`").unwrap().replace_all(&self.prose, "code");
        let link = Regex::new(r"\]\(([^)\s]+)\)|(?m)^\[[^\]]+\]:\s*(\S+)").unwrap();
        let targets = link.captures_iter(&text).filter_map(|found| found.get(1).or(found.get(2)));
        let here = |target: &String| !target.contains("://") || target.starts_with(PUBLISHED);
        targets.map(|target| target.as_str().to_owned()).filter(here).collect()
    }

    /// Returns the pages that this page links, by their paths from the root of the repository.
    pub fn linked_pages(&self) -> Vec<String> {
        let targets =
            self.links_into_the_repository().into_iter().map(|target| target.split('#').next().unwrap().to_owned());
        let pages = targets.filter(|target| Path::new(target).extension().is_some_and(|extension| extension == "md"));
        pages.map(|target| plain(&self.place(&target))).collect()
    }

    /// Returns the target of a link, from the root of the repository.
    fn place(&self, target: &str) -> PathBuf {
        let folder = Path::new(&self.name).parent().unwrap_or(Path::new(""));
        target.strip_prefix(PUBLISHED).map_or_else(|| folder.join(target), PathBuf::from)
    }

    /// Returns the links into the repository whose target does not exist.
    pub fn broken_links(&self) -> Vec<String> {
        let broken = self.links_into_the_repository().into_iter().filter(|target| !self.resolves(target));
        broken.map(|target| format!("{}: {target}", self.name)).collect()
    }

    fn resolves(&self, target: &str) -> bool {
        let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
        let file = if path.is_empty() { PathBuf::from(&self.name) } else { self.place(path) };
        let exists = repository().join(&file).exists();
        exists && anchor.is_none_or(|anchor| Self::read(&file.to_string_lossy()).anchors().contains(anchor))
    }

    /// Returns the anchors of the headings, as GitHub makes them.
    fn anchors(&self) -> BTreeSet<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let titles = self.prose.lines().filter_map(heading);
        let unique = titles.map(|(_, title)| {
            let kept = title.to_lowercase();
            let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            let slug: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
            let before = seen.entry(slug.clone()).or_default();
            *before += 1;
            if *before == 1 { slug } else { format!("{slug}-{}", *before - 1) }
        });
        unique.collect()
    }
}

/// Returns the parts of a text that are in code font.
pub fn code_in(text: &str) -> Vec<String> {
    let pieces: Vec<&str> = text.split('`').collect();
    assert!(pieces.len() % 2 == 1, "a backtick has no partner: {text}");
    pieces.into_iter().skip(1).step_by(2).map(str::to_owned).collect()
}

/// Resolves `..` in a path.
fn plain(path: &Path) -> String {
    let parts = path.components().fold(PathBuf::new(), |mut plain, part| {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
        plain
    });
    parts.to_string_lossy().into_owned()
}

fn heading(line: &str) -> Option<(usize, &str)> {
    let depth = line.bytes().take_while(|byte| *byte == b'#').count();
    let title = line.get(depth..)?.strip_prefix(' ')?;
    (depth > 0).then_some((depth, title.trim()))
}

/// Collects the pages of a folder, except build output and hidden folders.
fn collect(folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(repository().join(folder)).unwrap() {
        let name = entry.unwrap().file_name();
        let path = folder.join(&name);
        if repository().join(&path).is_dir() {
            let name = name.to_string_lossy();
            if name == ".github" || (name != "target" && !name.starts_with('.')) {
                collect(&path, names);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            names.push(path.to_string_lossy().into_owned());
        }
    }
}
