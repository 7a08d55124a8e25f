#!/usr/bin/env python3
"""Runs the real SpaceONE servers on loopback for tests; see README.md in this folder.

run.py serve --era rest|verb --dir DIR    foreground; prints READY <env.json> <seconds>
run.py install --era rest|verb            only creates the environments
"""

import argparse
import sys
from pathlib import Path

from stack.environments import ensure
from stack.eras import ERAS
from stack.failure import HarnessError, StopRequested
from stack.lifetime import Lifetime
from stack.servers import Options
from stack.supervisor import serve

ERROR_STYLES = ("detail", "error", "grpc-gateway")


def arguments() -> argparse.Namespace:
    """Defines the command line."""
    parser = argparse.ArgumentParser(description="Run the real SpaceONE servers on loopback.")
    commands = parser.add_subparsers(dest="command", required=True)
    install = commands.add_parser("install", help="only create the Python environments")
    start = commands.add_parser("serve", help="start, bootstrap, print READY, stay in foreground")
    for command in (install, start):
        command.add_argument("--era", choices=sorted(ERAS), required=True)
    start.add_argument("--dir", type=Path, required=True, help="folder for env.json and the logs")
    start.add_argument(
        "--port", type=int, default=0, help="port of the HTTP front (0: any free port)"
    )
    start.add_argument("--detached", action="store_true", help="keep running when stdin ends")
    start.add_argument("--error-style", choices=ERROR_STYLES, default="detail")
    start.add_argument("--emit-defaults", action="store_true", help="print unset fields too")
    return parser.parse_args()


def main() -> int:
    """Returns 0 after a request to stop, and 1 after a failure, which stderr describes."""
    chosen = arguments()
    era = ERAS[chosen.era]
    lifetime = Lifetime(detached=chosen.command == "install" or chosen.detached)
    try:
        if chosen.command == "install":
            ensure(era, lifetime)
        else:
            options = Options(chosen.port, chosen.error_style, chosen.emit_defaults)
            serve(era, chosen.dir, options, lifetime)
    except StopRequested:
        # An interrupted installation is a failure; an interrupted server is not.
        return 1 if chosen.command == "install" else 0
    except (HarnessError, OSError) as error:
        print(f"spaceone: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
