"""Starts an unmodified `spaceone` command line on loopback and on Python 3.11.

It runs in a pinned environment and patches two things at run time, so that the installed packages
stay as published: the gRPC servers would listen on all interfaces, and the June 2020 packages use
names that `collections` no longer has since Python 3.10. The HTTP server binds a port that the
supervisor has bound too, which needs SO_REUSEPORT (gRPC sets it by itself).
"""

import asyncio
import collections
import collections.abc
from typing import Any

for _name in ("Callable", "Iterable", "Mapping", "MutableMapping", "Sequence"):
    setattr(collections, _name, getattr(collections.abc, _name))

import grpc  # noqa: E402  (needs the names above)


def stay_on_loopback() -> None:
    """Makes all gRPC servers of this process listen only on 127.0.0.1."""
    make_server = grpc.server

    def loopback_server(*arguments: Any, **options: Any) -> Any:
        server = make_server(*arguments, **options)
        listen = server.add_insecure_port
        server.add_insecure_port = lambda address: listen(f"127.0.0.1:{address.rsplit(':', 1)[1]}")
        return server

    grpc.server = loopback_server


def share_reserved_ports() -> None:
    """Makes asyncio servers bind a port that is already bound with SO_REUSEPORT."""
    create = asyncio.base_events.BaseEventLoop.create_server

    async def create_shared(*arguments: Any, **options: Any) -> Any:
        return await create(*arguments, reuse_port=True, **options)

    asyncio.base_events.BaseEventLoop.create_server = create_shared


def main() -> None:
    """Calls the command line of this environment's spaceone-core."""
    stay_on_loopback()
    share_reserved_ports()
    from spaceone.core import command

    # `cli` since 2021, `main` before that.
    entry = getattr(command, "cli", None) or command.main
    entry()


if __name__ == "__main__":
    main()
