"""Free loopback ports without a race.

Picking a port, closing it and hoping is a race that loses when several tests start at once. Here
the port stays bound for the life of the supervisor with SO_REUSEPORT; only a server that asks for
the same option can join, and a socket that never listens receives nothing.
"""

import socket

from stack.failure import HarnessError


class Ports:
    """Reserved ports, by server name."""

    def __init__(self) -> None:
        """Nothing reserved yet."""
        self._held: list[socket.socket] = []

    def reserve(self, port: int = 0) -> int:
        """Bind `port` (0: any free one) on loopback and keep it."""
        holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            holder.bind(("127.0.0.1", port))
        except OSError as error:
            holder.close()
            raise HarnessError(f"port {port} of 127.0.0.1: {error.strerror}") from error
        self._held.append(holder)
        return int(holder.getsockname()[1])
