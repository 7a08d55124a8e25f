#!/usr/bin/env python3
"""Records a run of `make demo` as an animated SVG, without a browser and without other programs.

    hack/recording.py target/debug/cloud-policy-demo docs/pictures/demo.svg

`make recording` builds the demo first. The picture plays each line as the demo prints it; long waits are shortened. Addresses,
folders and ids are those of the run, and paths of the machine are shortened. A test compares steps and commands with
the demo.
"""

import html
import os
import pathlib
import re
import subprocess
import sys
import time

COLUMNS, ROWS = 124, 30
CHARACTER, LINE, MARGIN = 7.3, 17, 16
LONGEST_WAIT, LINE_TIME, LAST = 1.2, 0.12, 6.0


def record(program):
    """Runs the demo. Returns each line with the seconds since the line before."""
    # A machine without color, and without a proxy for loopback.
    environment = {**os.environ, "NO_COLOR": "1"}
    demo = subprocess.Popen([program], stdout=subprocess.PIPE, text=True, env=environment)
    lines, before = [], time.monotonic()
    for line in demo.stdout:
        now = time.monotonic()
        lines.append((line.rstrip("\n"), now - before))
        before = now
    if demo.wait():
        sys.exit("recording: the demo failed")
    return lines


def cleaned(line):
    """Returns a line without paths of the machine."""
    line = re.sub(r"/\S*?/cloud-policy-demo-\w+", "demo", line).replace(
        f"{pathlib.Path.cwd()}/", ""
    )
    return line if len(line) <= COLUMNS else line[: COLUMNS - 1] + "…"


def style(line):
    if re.match(r" ?\d+\. ", line):
        return "step"
    return "command" if line.startswith("    $ ") else "output"


def frames(lines):
    """Yields each line with the second at which it appears."""
    clock = 0.4
    for line, wait in lines:
        clock += min(max(wait, LINE_TIME), LONGEST_WAIT)
        yield cleaned(line), clock


def scroll(shown, total):
    """Returns the key frames that scroll the text when the window is full."""
    keys = ["0% { transform: translateY(0); }"]
    for number, (_, at) in enumerate(shown, start=1):
        if number > ROWS:
            keys.append(
                f"{at / total:.4%} {{ transform: translateY({(ROWS - number) * LINE}px); }}"
            )
    last = min(ROWS - len(shown), 0) * LINE
    return "\n".join([*keys, f"100% {{ transform: translateY({last}px); }}"])


def svg(lines):
    shown = list(frames(lines))
    total = shown[-1][1] + LAST
    width, height = COLUMNS * CHARACTER + 2 * MARGIN, ROWS * LINE + 2 * MARGIN + 22
    text = "\n".join(
        f'<text class="{style(line)}" y="{number * LINE}" style="animation-delay: {at:.2f}s">'
        f"{html.escape(line)}</text>"
        for number, (line, at) in enumerate(shown, start=1)
        if line
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">
<title>make demo</title>
<desc>Recorded by hack/recording.py: do not edit.</desc>
<style>
text {{ font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #c9d1d9; white-space: pre; visibility: hidden;
  animation: appear 1ms forwards; }}
.step {{ fill: #7ee787; font-weight: bold; }}
.command {{ fill: #79c0ff; }}
.all {{ animation: scroll {total:.2f}s step-end forwards; }}
@media (prefers-reduced-motion: reduce) {{ text {{ visibility: visible; animation: none; }} }}
@keyframes appear {{ to {{ visibility: visible; }} }}
@keyframes scroll {{
{scroll(shown, total)}
}}
</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g fill="#484f58"><circle cx="20" cy="17" r="5"/><circle cx="38" cy="17" r="5"/><circle cx="56" cy="17" r="5"/></g>
<svg x="{MARGIN}" y="{MARGIN + 14}" width="{width - 2 * MARGIN:.0f}" height="{ROWS * LINE + 6}" overflow="hidden">
<g class="all">
{text}
</g>
</svg>
</svg>
"""


def main(program, target):
    text = svg(record(program))
    pathlib.Path(target).parent.mkdir(exist_ok=True)
    pathlib.Path(target).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
