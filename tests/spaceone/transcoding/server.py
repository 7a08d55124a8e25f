"""The HTTP/1.1 server of a gateway, with threads, keep-alive and connections that it can reset."""

import json
import socket
import struct
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from transcoding.gateway import Answer, Gateway, Request

# With this option a close sends RST instead of FIN, and the peer sees a reset connection.
LINGER_RESET = struct.pack("ii", 1, 0)


class HttpServer(ThreadingHTTPServer):
    """Binds the port that the supervisor has reserved. Does not wait for connections at its end."""

    allow_reuse_port = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], gateway: Gateway) -> None:
        """Starts to listen."""
        self.gateway = gateway
        super().__init__(address, Handler)

    def shutdown_request(self, request: socket.socket) -> None:
        """Closes without a shutdown, which would turn a reset into an end of file."""
        self.close_request(request)


class Handler(BaseHTTPRequestHandler):
    """Handles one connection."""

    protocol_version = "HTTP/1.1"
    server: HttpServer
    # Buffered and without Nagle's algorithm: headers and body are sent at once, as one packet.
    wbufsize = -1
    disable_nagle_algorithm = True

    def _handle(self) -> None:
        """Reads the whole request and answers it."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit():
            self.close_connection = True
            self._send(Answer(411, {"reason": "send a Content-Length"}))
            return
        authorization = self.headers.get("Authorization")
        body = self.rfile.read(int(length))
        answer = self.server.gateway.handle(Request(self.command, self.path, authorization, body))
        if answer.status is None:
            self._reset()
        else:
            self._send(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def _send(self, answer: Answer) -> None:
        """Writes the answer as JSON."""
        content = json.dumps(answer.body).encode()
        self.send_response(answer.status or 500)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _reset(self) -> None:
        """Resets the connection as a crashing server or proxy does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
