//! The documentation as a site, opened in a headless browser: `hack/browse.py` visits each page, and is held to pages that it must
//! refuse.

use cloud_policy_testbed::repository;
use regex::Regex;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn browse(site: &Path) -> Output {
    Command::new(repository().join("hack/browse.py")).arg(site).output().unwrap()
}

/// Returns the pages that the folder of the documentation has, with those of its folders.
fn pages(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_page = |path: &Path| path.extension().is_some_and(|extension| extension == "md");
    entries.map(|path| if path.is_dir() { pages(&path) } else { usize::from(is_page(&path)) }).sum()
}

#[test]
fn every_page_opens_without_error_and_fits_its_window() {
    let target = tempfile::tempdir().unwrap();
    let built =
        Command::new(repository().join("hack/docs.sh")).env("CARGO_TARGET_DIR", target.path()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let browsed = browse(&target.path().join("site"));
    let (said, refused) = (String::from_utf8_lossy(&browsed.stdout), String::from_utf8_lossy(&browsed.stderr));
    assert!(browsed.status.success(), "{refused}");
    let opened = Regex::new("^browse: (\\d+) pages at 2 widths, and 3 searches\n$").unwrap();
    let opened: usize = opened.captures(&said).unwrap_or_else(|| panic!("{said}"))[1].parse().unwrap();
    // The site also has an index of its own.
    assert!(opened > pages(&repository().join("docs")), "{opened} pages");
}

#[test]
fn browser_reports_each_kind_of_broken_page() {
    let site = tempfile::tempdir().unwrap();
    let page = |name: &str, body: &str| {
        fs::write(site.path().join(name), format!("<!doctype html><html><head></head><body>{body}</body></html>"))
            .unwrap();
    };
    page("good.html", "<h1>Good</h1>");
    page("console.html", "<h1>A</h1><script>console.error('from the console')</script>");
    page("thrown.html", "<h1>A</h1><script>throw new Error('from a script')</script>");
    page("missing.html", "<h1>A</h1><img src='absent.png'>");
    page("wide.html", "<h1>A</h1><div style='width: 900px'>too wide</div>");
    page("untitled.html", "<p>A</p>");
    // Only one search finds nothing, because the browser waits for results.
    let found = "<li>A</li>";
    let script = format!("if (!location.search.includes('adoption')) results.innerHTML = '{found}'");
    page(
        "search.html",
        &format!(
            "<ul id='search-results'></ul><script>const results = document.querySelector('ul'); {script}</script>"
        ),
    );
    let browsed = browse(site.path());
    let found = String::from_utf8_lossy(&browsed.stderr);
    assert_eq!(browsed.status.code(), Some(1), "{found}");
    for problem in [
        "console.html at 390 pixels: from the console",
        "thrown.html at 1280 pixels: Uncaught Error: from a script",
        "absent.png",
        "wide.html at 390 pixels: HTML is 908 wide: DIV too wide",
        "untitled.html at 1280 pixels: has no title",
        "the search for adoption finds nothing",
    ] {
        assert!(found.contains(problem), "{problem}: {found}");
    }
    assert!(!found.contains("good.html") && !found.contains("wide.html at 1280"), "{found}");
}
