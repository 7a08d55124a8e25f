"""The HTTP/1.1 server around a gateway: threads, keep-alive, and connections that can be reset."""

import json
import socket
import struct
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from transcoding.gateway import Answer, Gateway, Request

# Closing with this sends RST instead of FIN: the peer sees its connection reset.
LINGER_RESET = struct.pack("ii", 1, 0)


class HttpServer(ThreadingHTTPServer):
    """Joins the port that the supervisor holds; does not wait for open connections at the end."""

    allow_reuse_port = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], gateway: Gateway) -> None:
        """Listen at once."""
        self.gateway = gateway
        super().__init__(address, Handler)

    def shutdown_request(self, request: socket.socket) -> None:
        """Close without the polite shutdown first, which would turn a reset into an end of file."""
        self.close_request(request)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: HttpServer
    # Buffered and without Nagle: headers and body leave as one packet, at once.
    wbufsize = -1
    disable_nagle_algorithm = True

    def _handle(self) -> None:
        """Read the whole request, answer it."""
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
        """Write the answer as JSON."""
        content = json.dumps(answer.body).encode()
        self.send_response(answer.status or 500)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _reset(self) -> None:
        """Drop the connection as a crashing server or proxy would."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
