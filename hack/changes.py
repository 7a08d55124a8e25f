#!/usr/bin/env python3
"""Adds the changes of a version to a Chart.yaml, as Artifact Hub reads them.

    hack/changelog.sh 0.2.0 | hack/changes.py CHART.YAML

The standard input is the version's section of CHANGELOG.md. Each entry of its lists becomes a change of the kind
that its heading names. The file ends with the map `annotations`, to which the changes are added.
"""

import json
import re
import sys
from pathlib import Path

KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def changes(section):
    found, kind = [], None
    for line in section.splitlines():
        if heading := re.fullmatch(r"### (\w+)", line.strip()):
            kind = heading[1]
            if kind not in KINDS:
                sys.exit(f"changes: `### {kind}` is none of {', '.join(sorted(KINDS))}")
        elif line.startswith("- "):
            if kind is None:
                sys.exit(f"changes: no heading of level 3 comes before this entry: {line}")
            found.append({"kind": kind.lower(), "description": line[2:].strip()})
        elif line.startswith("  ") and found:
            found[-1]["description"] += " " + line.strip()
    return found or sys.exit("changes: the section has no entries")


def plain(text):
    """Drops Markdown, which Artifact Hub shows as it is."""
    return re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", text).replace("`", "")


def main():
    chart = Path(sys.argv[1])
    text = chart.read_text(encoding="utf-8").rstrip("\n")
    if not re.search(r"^annotations:$", text, re.M) or "artifacthub.io/changes" in text:
        sys.exit(f"changes: {chart} must have the map `annotations` without artifacthub.io/changes")
    lines = [text, "  artifacthub.io/changes: |"]
    for change in changes(sys.stdin.read()):
        description = json.dumps(plain(change["description"]), ensure_ascii=False)
        lines += [f"    - kind: {change['kind']}", f"      description: {description}"]
    chart.write_text("\n".join(lines) + "\n", encoding="utf-8")


main()
