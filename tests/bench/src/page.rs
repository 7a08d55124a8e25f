//! Puts the tables into a page, between two marks.

use anyhow::Context;
use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- make bench -->\n";
const END: &str = "<!-- end of make bench -->\n";

/// Replaces what is between the marks of the page.
pub fn write(page: &Path, tables: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    let replaced = replace(&text, tables).with_context(|| format!("{} has no marks", page.display()))?;
    fs::write(page, replaced).with_context(|| format!("cannot write {}", page.display()))
}

fn replace(text: &str, tables: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{tables}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_replace_only_text_between_marks() {
        let page = format!("a\n{BEGIN}old\n{END}b\n");
        let once = replace(&page, "| new |\n").unwrap_or_default();
        assert_eq!(once, format!("a\n{BEGIN}\n| new |\n\n{END}b\n"));
        assert_eq!(replace(&once, "| new |\n"), Some(once));
        assert_eq!(replace("no marks", "| new |\n"), None);
    }
}
