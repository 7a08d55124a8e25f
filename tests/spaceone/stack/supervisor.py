"""Starts one era, prints READY, and watches the servers until a request to stop."""

import json
import re
import time
from http.client import HTTPException
from pathlib import Path
from typing import Any

from stack.bootstrap import bootstrap
from stack.children import Children
from stack.client import Answer, call
from stack.environments import ensure
from stack.eras import Era
from stack.failure import HarnessError
from stack.lifetime import Lifetime
from stack.ports import Ports
from stack.servers import Addresses, Options, Server, openapi_folder, servers

START_SECONDS = 120.0
WATCH_SECONDS = 0.2


def serve(era: Era, folder: Path, options: Options, lifetime: Lifetime) -> None:
    """Runs until StopRequested. All children have ended when it returns or raises."""
    began = time.monotonic()
    interpreters = ensure(era, lifetime)
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    environment = folder / "env.json"
    environment.unlink(missing_ok=True)
    ports = Ports()
    at = Addresses.reserve(ports, options.port)
    with Children() as children:
        for server in servers(era, at, folder, options):
            _start(children, server, interpreters[server.environment], folder)
        content = _bring_up(era, at, folder, children, lifetime)
        _write_whole(environment, json.dumps(content, indent=1) + "\n")
        print(f"READY {environment} {time.monotonic() - began:.1f}", flush=True)
        while True:
            children.check()
            lifetime.pause(WATCH_SECONDS)


def _start(children: Children, server: Server, python: Path, folder: Path) -> None:
    """Starts one server with `folder` as its working directory, where it writes its files."""
    command = [str(python), *server.arguments]
    children.start(server.name, command, folder / f"{server.name}.log", folder)


def _bring_up(
    era: Era, at: Addresses, folder: Path, children: Children, lifetime: Lifetime
) -> dict[str, str | None]:
    """Waits for the servers, creates the first objects, and returns the content of env.json."""
    base_url, console_url = f"http://{at.transcoder}", f"http://{at.console}"
    _await("transcoder", base_url, "/__health", children, lifetime)
    found = bootstrap(base_url, era.has_inventory)
    if era.has_console:
        _publish_paths(base_url, folder)
        _await("console", console_url, "/openapi.json", children, lifetime)
    console = console_url if era.has_console else None
    return {"era": era.name, "base_url": base_url, "console_url": console} | found


def _await(name: str, url: str, path: str, children: Children, lifetime: Lifetime) -> None:
    """Waits until a server answers; fails at once if any server ends meanwhile."""

    def probe() -> Answer | None:
        children.check()
        try:
            answer = call(url, "GET", path, timeout=5.0)
        except (OSError, HTTPException):
            return None
        return answer if answer.status == 200 else None

    if lifetime.wait_for(probe, START_SECONDS) is None:
        raise HarnessError(
            f"no answer from {url}{path} after {START_SECONDS:.0f} s\n{children.tail(name)}"
        )


def _publish_paths(base_url: str, folder: Path) -> None:
    """Writes the openapi.json files: the console forwards only the paths that they list.

    Upstream generates those files from the protos at image build time. Here the transcoder, which
    has read the same protos from the servers, lists its routes.
    """
    routes = call(base_url, "GET", "/__routes").body
    for service in ("identity", "repository"):
        spelling = re.compile(rf"/{service}/(?!v1/)[^/]+/[^/]+")
        found = [r["path"] for r in routes if spelling.fullmatch(r["path"])]
        paths: dict[str, Any] = {path: {"post": {}} for path in found}
        target = openapi_folder(folder, service)
        target.mkdir(parents=True, exist_ok=True)
        _write_whole(target / "openapi.json", json.dumps({"paths": paths}))


def _write_whole(path: Path, content: str) -> None:
    """Writes a file atomically. Only its owner can read it, because it has tokens."""
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(content)
    partial.replace(path)
