#!/usr/bin/env python3
"""Opens every page of the site in a headless browser, at the width of a desktop and of a phone.

    hack/browse.py [SITE]      # default: target/site, which `make docs` builds

A page fails if its console shows an error, if it misses a file, or if it is wider than the window. The search must find pages.
CHROMIUM names the browser; otherwise it is the first of BROWSERS that is installed. It needs no driver: a page with a frame visits
the others.
"""

import contextlib
import http.server
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

WIDTHS = [1280, 390]
# Words that must have results in the search.
SEARCHED = ["adoption", "NetworkPolicy", "ValidationFailed"]
LIMIT = 600
# As in hack/programs.sh.
BROWSERS = ["chromium", "chromium-headless-shell", "google-chrome"]

# Added to each page before its own scripts.
WATCH = """<script>window.problems = [];
addEventListener('error', e => problems.push(e.message || 'missing ' + (e.target.src || e.target.href)), true);
addEventListener('unhandledrejection', e => problems.push('rejected: ' + e.reason));
for (const level of ['error', 'warn']) console[level] = (...words) => problems.push(words.join(' '));
</script>"""

VISIT = """<!doctype html><body style="margin: 0"><script type="module">
const [pages, widths, searched] = %s;
const found = [];
const pause = time => new Promise(done => setTimeout(done, time));
const frame = document.body.appendChild(document.createElement('iframe'));
frame.style.cssText = 'border: 0; height: 900px';
const open = (page, width) => new Promise(done => {
  frame.style.width = width + 'px';
  frame.onload = done;
  frame.src = page;
});
// The window, and the part of the theme that scrolls by itself in a narrow one.
const wide = root => [root, ...root.querySelectorAll('.content')]
  .find(part => part.scrollWidth > part.clientWidth + 1);
const widest = part => [...part.querySelectorAll('*')].filter(inner => !inner.closest('.highlight, .table-wrapper'))
  .filter(inner => inner.getBoundingClientRect().right > part.getBoundingClientRect().right + 1)
  .map(inner => inner.tagName + ' ' + inner.textContent.trim().slice(0, 40))[0];
for (const width of widths) for (const page of pages) {
  await open(page, width);
  await pause(30);
  const root = frame.contentDocument.documentElement;
  const say = what => found.push(`${page} at ${width} pixels: ${what}`);
  frame.contentWindow.problems.forEach(say);
  const part = wide(root);
  if (part) say(`${part.tagName} is ${part.scrollWidth} wide: ${widest(part)}`);
  if (!root.querySelector('h1')) say('has no title');
}
for (const word of searched) {
  await open('search.html?q=' + word, 1280);
  let results = 0;
  for (let wait = 0; wait < 150 && !results; wait++) {
    await pause(100);
    results = frame.contentDocument.querySelectorAll('#search-results li').length;
  }
  frame.contentWindow.problems.forEach(what => found.push(`the search for ${word}: ${what}`));
  if (!results) found.push(`the search for ${word} finds nothing`);
}
await fetch('/found', { method: 'POST', body: JSON.stringify(found) });
</script>"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the site, and the page that visits it."""

    def do_GET(self):
        path = pathlib.Path(self.translate_path(self.path))
        if self.path == "/visit":
            self.answer(VISIT % json.dumps([self.server.pages, WIDTHS, SEARCHED]))
        elif path.suffix == ".html" and path.is_file():
            self.answer(path.read_text(encoding="utf-8").replace("<head>", f"<head>{WATCH}", 1))
        else:
            super().do_GET()

    def do_POST(self):
        size = int(self.headers["content-length"])
        self.server.found = json.loads(self.rfile.read(size))
        self.answer("")
        self.server.done.set()

    def answer(self, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """A server that does not report that the browser closes a connection."""

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def browser():
    found = [os.environ.get("CHROMIUM"), *filter(shutil.which, BROWSERS)]
    named = next(filter(None, found), None)
    return named or sys.exit("browse: no browser is installed: make tools installs one")


def end(running):
    """Ends the browser. Debian starts it by a script, which passes no signal on."""
    children = pathlib.Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text(
        encoding="ascii"
    )
    for process in [*map(int, children.split()), running.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)
    running.wait()


def browse(program, address, done):
    # A process that ends may still write there.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ]
        command = [program, *flags, f"--user-data-dir={profile}", f"{address}/visit"]
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return done.wait(LIMIT)
        finally:
            end(running)


def main(site="target/site"):
    program = browser()
    root = pathlib.Path(site)
    pages = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.html"))
    pages = [page for page in pages if not page.startswith("_") and page != "search.html"]

    def handler(*arguments):
        return Handler(*arguments, directory=site)

    with Server(("127.0.0.1", 0), handler) as server:
        server.pages, server.done, server.found = pages, threading.Event(), []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        visited = browse(program, f"http://127.0.0.1:{server.server_address[1]}", server.done)
        server.shutdown()
    if not visited:
        sys.exit("browse: the browser did not visit all pages in time")
    for problem in server.found:
        print(f"browse: {problem}", file=sys.stderr)
    if server.found:
        sys.exit(1)
    print(f"browse: {len(pages)} pages at {len(WIDTHS)} widths, and {len(SEARCHED)} searches")


if __name__ == "__main__":
    main(*sys.argv[1:])
