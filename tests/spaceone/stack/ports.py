"""Reserves free loopback ports without a race.

A port that is picked and closed may be taken by another test that starts at the same time. Here
the supervisor keeps the port bound with SO_REUSEPORT. Only a server with the same option can bind
it too, and the supervisor's socket receives no connections because it does not listen.
"""

import socket

from stack.failure import HarnessError


class Ports:
    """Reserved ports, by server name."""

    def __init__(self) -> None:
        """Creates an empty set of reservations."""
        self._held: list[socket.socket] = []

    def reserve(self, port: int = 0) -> int:
        """Binds `port` (0: any free port) on loopback and keeps it bound."""
        holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            holder.bind(("127.0.0.1", port))
        except OSError as error:
            holder.close()
            raise HarnessError(f"port {port} of 127.0.0.1: {error.strerror}") from error
        self._held.append(holder)
        return int(holder.getsockname()[1])
