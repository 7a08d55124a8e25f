"""Configures Sphinx, which builds docs/ as a site; hack/docs.sh calls it.

The pages are plain Markdown, as GitHub shows them. This file adds the parts that only a site needs.
The pages are in the order of the links in docs/README.md. Links that leave docs/ point to the
repository, whose address is in CLOUD_POLICY_REPOSITORY; without it they become plain text.
"""

import os
import pathlib
import posixpath
import re
import tomllib

project = "cloud-policy-operator"
ROOT = pathlib.Path(__file__).parents[2]
extensions = ["myst_parser", "sphinx_copybutton"]
# The prompt of an example is no part of the command.
copybutton_prompt_text = "$ "
CARGO = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
release = CARGO["workspace"]["package"]["version"]
root_doc = "README"
myst_heading_anchors = 4
html_theme = "furo"
html_title = f"{project} {release}"
html_favicon = "../../charts/cloud-policy-operator/icon.svg"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False

REPOSITORY = os.environ.get("CLOUD_POLICY_REPOSITORY", "")
# Furo shows a link to the repository, and on each page one that edits it.
if REPOSITORY:
    html_theme_options = {
        "source_repository": REPOSITORY,
        "source_branch": "main",
        "source_directory": "docs/",
        "source_edit_link": REPOSITORY + "/edit/main/docs/{filename}",
    }
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")


def outside(docname, target):
    """Returns the path of a link from the root of the repository, or None if it stays in docs/."""
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(docname), target))
    return None if "://" in target or path.startswith("docs/") else path


def rewrite_links(docname, text):
    """Returns the text with links that leave docs/ rewritten."""

    def replacement(link):
        path = outside(docname, link[2])
        if path is None or link[2].startswith("#"):
            return link[0]
        return f"[{link[1]}]({REPOSITORY}/blob/main/{path})" if REPOSITORY else link[1]

    return LINK.sub(replacement, text)


def contents(text):
    """Yields a table of contents for each section of docs/README.md, from the pages that it links."""
    known = {root_doc}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title = section.splitlines()[0]
        pages = [target.partition("#")[0] for _, target in LINK.findall(section)]
        pages = [
            page.removesuffix(".md")
            for page in pages
            if page.endswith(".md") and not page.startswith("..")
        ]
        known.update(pages)
        yield toctree(title, dict.fromkeys(pages))
    # Pages that only other pages link to. Alerts link to their runbooks.
    existing = {
        path.relative_to("docs").with_suffix("").as_posix()
        for path in pathlib.Path("docs").rglob("*.md")
    }
    runbooks = {page for page in existing - known if page.startswith("alerts/")}
    yield toctree("Runbooks", sorted(runbooks))
    yield toctree("More", sorted(existing - known - runbooks))


def toctree(title, pages):
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {title}", *pages, "```"])


def read(_app, docname, source):
    text = source[0]
    if docname == root_doc:
        text += "\n\n" + "\n\n".join(contents(text)) + "\n"
    source[0] = rewrite_links(docname, text).replace("```yaml,fragment", "```yaml")


def setup(app):
    app.connect("source-read", read)
