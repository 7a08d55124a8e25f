#!/usr/bin/env python3
"""Draws docs/pictures/architecture.svg: who writes and reads what.

    hack/pictures.py [FOLDER]      # default: docs/pictures

The picture needs no browser and no fonts of its own. It follows the color scheme of the reader. A test draws it again and compares.
"""

import html
import pathlib
import sys

WIDTH, HEIGHT = 920, 330

# Name: left, top, width, height, lines of text, class.
BOXES = {
    "git": (10, 130, 90, 60, ["Git"], "outside"),
    "api": (
        260,
        110,
        170,
        100,
        ["Kubernetes API", "Policy, NetworkPolicy,", "Connection"],
        "inside",
    ),
    "operator": (490, 110, 150, 100, ["cloud-policy-", "operator"], "own"),
    "ncloud": (740, 60, 150, 70, ["NAVER Cloud", "Sub Account policies"], "outside"),
    "spaceone": (740, 190, 150, 70, ["SpaceONE", "policies, networks"], "outside"),
    "console": (490, 262, 150, 50, ["console users"], "outside"),
}

# Points of a line, its label, where the label stands, and its class.
ARROWS = [
    ([(100, 160), (260, 160)], "kubectl, Argo CD, Flux", (180, 150), "flow"),
    ([(430, 145), (490, 145)], "spec", (460, 137), "flow"),
    ([(490, 180), (430, 180)], "status", (460, 198), "flow"),
    ([(640, 135), (740, 100)], "create, compare,", (700, 158), "flow"),
    ([(640, 185), (740, 220)], "correct, delete", (700, 174), "flow"),
    ([(640, 280), (815, 280), (815, 260)], "drift", (725, 274), "drift"),
    ([(640, 296), (905, 296), (905, 95), (890, 95)], "", (0, 0), "drift"),
]

STYLE = """
.own rect { fill: #0b7285; stroke: #0b7285; }
.own text { fill: #ffffff; font-weight: bold; }
rect { fill: #e7f5ff; stroke: #4dabf7; }
.outside rect { fill: #f1f3f5; stroke: #adb5bd; }
text { font: 14px system-ui, sans-serif; fill: #212529; text-anchor: middle; }
.small { font-size: 12px; }
path { fill: none; stroke: #495057; stroke-width: 1.6; marker-end: url(#head); }
.head { fill: #495057; stroke: none; marker-end: none; }
.drift { stroke-dasharray: 5 4; }
@media (prefers-color-scheme: dark) {
  rect { fill: #1b3a4b; stroke: #4dabf7; }
  .outside rect { fill: #2b3035; stroke: #6c757d; }
  text { fill: #e9ecef; }
  path { stroke: #ced4da; }
  .head { fill: #ced4da; }
}
"""


def box(left, top, width, height, lines, kind):
    middle, first = left + width / 2, top + height / 2 - 9 * (len(lines) - 1) + 5
    words = "".join(
        f'<text x="{middle:g}" y="{first + 18 * number:g}"{"" if number == 0 or kind == "own" else CLASS}>'
        f"{html.escape(line)}</text>"
        for number, line in enumerate(lines)
    )
    shape = f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="8"/>'
    return f'<g class="{kind}">{shape}{words}</g>'


CLASS = ' class="small"'


def arrow(points, label, at, kind):
    line = " ".join(f"{'L' if number else 'M'}{x} {y}" for number, (x, y) in enumerate(points))
    text = (
        f'<text class="small" x="{at[0]}" y="{at[1]}">{html.escape(label)}</text>' if label else ""
    )
    return f'<path class="{kind}" d="{line}"/>{text}'


def drawing():
    parts = [box(*content) for content in BOXES.values()] + [arrow(*content) for content in ARROWS]
    body = "\n".join(parts)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">
<title>How the operator works</title>
<desc>Drawn by hack/pictures.py: do not edit.</desc>
<style>{STYLE}</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 L8 4 L0 8 z" class="head"/></marker></defs>
{body}
</svg>
"""


def main(folder="docs/pictures"):
    pathlib.Path(folder, "architecture.svg").write_text(drawing(), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
