"""Starts an unmodified `spaceone` command line, kept to loopback and able to run on Python 3.11.

Runs inside a pinned environment. Two things are put right from outside, so that the installed
packages stay as published: the gRPC servers listen on every interface, and the June 2020 packages
use names that left `collections` in Python 3.10. The HTTP server joins a port that the supervisor
holds, which takes SO_REUSEPORT (gRPC asks for it by itself).
"""

import asyncio
import collections
import collections.abc
from typing import Any

for _name in ("Callable", "Iterable", "Mapping", "MutableMapping", "Sequence"):
    setattr(collections, _name, getattr(collections.abc, _name))

import grpc  # noqa: E402  (needs the names above)


def stay_on_loopback() -> None:
    """Make every gRPC server of this process listen on 127.0.0.1 only."""
    make_server = grpc.server

    def loopback_server(*arguments: Any, **options: Any) -> Any:
        server = make_server(*arguments, **options)
        listen = server.add_insecure_port
        server.add_insecure_port = lambda address: listen(f"127.0.0.1:{address.rsplit(':', 1)[1]}")
        return server

    grpc.server = loopback_server


def share_reserved_ports() -> None:
    """Make asyncio servers join a port that is held with SO_REUSEPORT."""
    create = asyncio.base_events.BaseEventLoop.create_server

    async def create_shared(*arguments: Any, **options: Any) -> Any:
        return await create(*arguments, reuse_port=True, **options)

    asyncio.base_events.BaseEventLoop.create_server = create_shared


def main() -> None:
    """Hand over to the command line that this environment's spaceone-core has."""
    stay_on_loopback()
    share_reserved_ports()
    from spaceone.core import command

    # `cli` since 2021, `main` before.
    entry = getattr(command, "cli", None) or command.main
    entry()


if __name__ == "__main__":
    main()
