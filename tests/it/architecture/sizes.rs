//! Sizes: a file holds one concept, and a function fits on a screen.

use super::{code_files, files, read, root};

/// The longest file of `src`.
const LONGEST_SOURCE: usize = 300;

/// The longest file of tests, tools and benchmarks.
const LONGEST_FILE: usize = 400;

/// The longest function of `src`, tests included.
const LONGEST_FUNCTION: usize = 40;

#[test]
fn files_contain_one_concept() {
    let folders = [("src", LONGEST_SOURCE), ("tests", LONGEST_FILE), ("benches", LONGEST_FILE), ("hack", LONGEST_FILE)];
    let mut long = Vec::new();
    let mut longest = (0, String::new());
    for (folder, limit) in folders.map(|(name, limit)| (root().join(name), limit)) {
        if !folder.is_dir() {
            continue;
        }
        for file in files(&folder, &["rs", "go", "py", "sh"]) {
            let lines = read(&file).lines().count();
            if folder.ends_with("src") {
                longest = longest.max((lines, file.display().to_string()));
            }
            if lines > limit {
                long.push((lines, file));
            }
        }
    }
    println!("longest file of src: {} lines, {}", longest.0, longest.1);
    assert!(long.is_empty(), "longer than {LONGEST_SOURCE} (src) or {LONGEST_FILE} lines: {long:#?}");
}

/// A file that no module names is never compiled, and its tests never run.
#[test]
fn test_files_are_all_compiled() {
    let root = root().join("tests/it");
    let all = files(&root, &["rs"]);
    assert!(all.len() > 100, "only {} files were found", all.len());
    let is_named = |file: &std::path::PathBuf| {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let (folder, name) = match name {
            "mod" => (
                file.parent().unwrap().parent().unwrap(),
                file.parent().unwrap().file_name().unwrap().to_str().unwrap(),
            ),
            name => (file.parent().unwrap(), name),
        };
        let beside = folder.with_extension("rs");
        let parents = [folder.join("mod.rs"), folder.join("main.rs"), beside];
        parents.iter().filter(|parent| parent.is_file()).any(|parent| read(parent).contains(&format!("mod {name};")))
    };
    let main = root.join("main.rs");
    let lost: Vec<_> = all.iter().filter(|file| **file != main && !is_named(file)).collect();
    assert!(lost.is_empty(), "named by no module: {lost:#?}");
}

#[test]
fn functions_fit_on_a_screen() {
    let all: Vec<(usize, String)> = code_files("src")
        .iter()
        .flat_map(|(file, code)| {
            functions(code).into_iter().map(move |(name, lines)| (lines, format!("{file}: {name}")))
        })
        .collect();
    let longest = all.iter().max().unwrap();
    println!("longest function of src: {} lines, {}", longest.0, longest.1);
    let long: Vec<_> = all.iter().filter(|(lines, _)| *lines > LONGEST_FUNCTION).collect();
    assert!(all.len() > 500, "only {} functions were found", all.len());
    assert!(long.is_empty(), "longer than {LONGEST_FUNCTION} lines: {long:#?}");
}

/// Returns each function with its number of lines. rustfmt ends a function with a brace as deep as its `fn`.
fn functions(code: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some(name) = name_of_function(line) else { continue };
        let end = format!("{}}}", " ".repeat(indent));
        let code = line.split("//").next().unwrap_or_default().trim_end();
        let one_line =
            code.ends_with('}') || (code.ends_with(';') && code.matches('[').count() == code.matches(']').count());
        let head_ends = |line: &&&str| line.ends_with('{') || line.starts_with(&format!("{})", " ".repeat(indent)));
        let is_declaration = lines[start..].iter().find(head_ends).is_some_and(|line| line.ends_with(';'));
        let length = if one_line || is_declaration {
            0
        } else {
            lines[start..].iter().position(|line| *line == end).unwrap_or(0)
        };
        found.push((name, length + 1));
    }
    found
}

fn name_of_function(line: &str) -> Option<String> {
    let mut words =
        line.split_whitespace().take_while(|word| (!word.contains('"') || *word == "\"C\"") && !word.starts_with("//"));
    words.find(|word| *word == "fn")?;
    let name: String = words.next()?.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

#[test]
fn planted_function_is_measured() {
    let code = "impl A {\n    pub async fn one(&self) -> B {\n        if x {\n        }\n    }\n    fn two() {}\n}\n";
    assert_eq!(functions(code), [("one".to_owned(), 4), ("two".to_owned(), 1)]);
    let code = "trait A {\n    fn one(\n        &self,\n    ) -> B;\n    fn two(\n        &self,\n    ) {\n    }\n}\n";
    assert_eq!(functions(code), [("one".to_owned(), 1), ("two".to_owned(), 4)], "a declaration has no body");
}
