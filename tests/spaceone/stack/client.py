"""Sends JSON over HTTP for bootstrap and self-check. An answer is a value, not an exception."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """Status and decoded body of an answer."""

    status: int
    body: Any


def call(
    base_url: str,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str | None = None,
    raw: bytes | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> Answer:
    """Sends a request. `raw` replaces the encoded `body`."""
    target = urlsplit(base_url)
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    payload = raw if raw is not None else None if body is None else json.dumps(body).encode()
    connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=timeout)
    try:
        connection.request(method, target.path + path, payload, headers)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    return Answer(response.status, _decode(content))


def _decode(content: bytes) -> Any:
    """Parses a JSON body. Returns other bodies as text, so that a report shows a crash page."""
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content.decode(errors="replace")
