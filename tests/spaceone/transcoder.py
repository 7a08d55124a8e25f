#!/usr/bin/env python3
"""Serves SpaceONE gRPC servers as JSON over HTTP, at the paths that their protos declare.

    transcoder.py --listen HOST:PORT --backend NAME=HOST:PORT...

The supervisor starts it in a pinned environment. README.md lists the deviations and test aids.
"""

import argparse

from transcoding.errors import Style
from transcoding.gateway import Gateway
from transcoding.reflection import Server
from transcoding.routing import Table
from transcoding.server import HttpServer

BACKEND_SECONDS = 100


def arguments() -> argparse.Namespace:
    """Defines the command line."""
    parser = argparse.ArgumentParser(description="SpaceONE gRPC as JSON over HTTP.")
    parser.add_argument("--listen", required=True, help="HOST:PORT")
    parser.add_argument("--backend", action="append", required=True, help="NAME=HOST:PORT")
    parser.add_argument("--error-style", choices=[style.value for style in Style], default="detail")
    parser.add_argument("--emit-defaults", action="store_true", help="print unset fields too")
    return parser.parse_args()


def table(backends: list[str]) -> Table:
    """Returns the routes of all backends, after each backend is ready."""
    result = Table()
    for backend in backends:
        name, _, address = backend.partition("=")
        server = Server(name, address)
        server.wait(BACKEND_SECONDS)
        for method in server.load():
            result.add(name, method)
    return result


def main() -> None:
    """Listens only after all backends answer, so that a connection means readiness."""
    chosen = arguments()
    gateway = Gateway(table(chosen.backend), Style(chosen.error_style), chosen.emit_defaults)
    host, _, port = chosen.listen.rpartition(":")
    HttpServer((host, int(port)), gateway).serve_forever()


if __name__ == "__main__":
    main()
