"""Answers one HTTP request, independent of sockets."""

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import grpc
from google.protobuf.json_format import MessageToDict

from transcoding import requests
from transcoding.aids import Aids, Fault
from transcoding.errors import INTERNAL, UNAUTHENTICATED, ApiError, Style
from transcoding.routing import Table

CALL_SECONDS = 30


@dataclass(frozen=True)
class Request:
    """A received request."""

    method: str
    target: str
    authorization: str | None
    body: bytes


@dataclass(frozen=True)
class Answer:
    """An answer to send. Without a status, the connection is reset."""

    status: int | None
    body: Any


class Gateway:
    """Routes a request, calls the real server, and applies the test aids around that call."""

    def __init__(self, table: Table, style: Style, emit_defaults: bool) -> None:
        """Sets the options: `emit_defaults` prints unset fields, as the Node console did."""
        self._table, self._style, self._emit_defaults = table, style, emit_defaults
        self._aids = Aids()

    def handle(self, request: Request) -> Answer:
        """Answers one request; never raises."""
        path = urlsplit(request.target).path
        if path.startswith("/__"):
            return self._aid(request, path)
        fault = self._aids.take(request.method, path)
        answer, served = _apply(fault, "before"), None
        if answer is None:
            served = self._serve(request)
            answer = _apply(fault, "after") or served
        self._aids.record(
            {
                "method": request.method,
                "path": request.target,
                "body": _readable(request.body),
                "status": answer.status,
                "served": None if served is None else served.status,
            }
        )
        return answer

    def _serve(self, request: Request) -> Answer:
        """Makes the real call; converts any failure to an error body."""
        try:
            return Answer(200, self._call(request))
        except ApiError as failure:
            error = failure
        except grpc.RpcError as failure:
            error = ApiError.from_rpc(failure)
        except Exception as failure:  # noqa: BLE001 (a front answers 500 and keeps the connection)
            error = ApiError(INTERNAL, "ERROR_UNKNOWN", repr(failure))
        return Answer(error.http_status, error.body(self._style))

    def _call(self, request: Request) -> dict[str, Any]:
        """Routes, builds the message, calls, prints the response as proto-JSON with proto names."""
        target = urlsplit(request.target)
        match = self._table.find(request.method, target.path)
        message = requests.build(match, target.query, request.body)
        metadata = _metadata(request.authorization)
        response = match.method.call(message, metadata=metadata, timeout=CALL_SECONDS)
        return MessageToDict(
            response,
            preserving_proto_field_name=True,
            including_default_value_fields=self._emit_defaults,
        )

    def _aid(self, request: Request, path: str) -> Answer:
        """Answers the paths of the test aids."""
        match (request.method, path):
            case ("GET", "/__health"):
                return Answer(200, {"status": "ok"})
            case ("GET", "/__routes"):
                shown = [
                    {"method": route.verb, "path": route.template, "rpc": route.rpc}
                    for route in self._table.routes()
                ]
                return Answer(200, shown)
            case ("GET" | "DELETE", "/__log"):
                return Answer(200, self._aids.journal(clear=request.method == "DELETE"))
            case ("GET" | "POST" | "DELETE", "/__faults"):
                return self._faults(request)
        return Answer(404, {"reason": f"no test aid {request.method} {path}"})

    def _faults(self, request: Request) -> Answer:
        """Shows, replaces or clears the faults; returns the current faults."""
        try:
            if request.method != "GET":
                self._aids.set_faults(json.loads(request.body) if request.method == "POST" else [])
        except (ValueError, TypeError) as error:
            return Answer(400, {"reason": str(error)})
        return Answer(200, self._aids.faults())


def _apply(fault: Fault | None, moment: str) -> Answer | None:
    """Returns the fault's answer before or after the real call, after the fault's delay."""
    if fault is None or fault.when != moment:
        return None
    time.sleep(fault.delay_ms / 1000)
    if fault.reset:
        return Answer(None, None)
    if fault.status is None:
        return None
    injected = {"detail": {"code": "ERROR_INJECTED", "message": f"injected {moment} the call"}}
    return Answer(fault.status, fault.body if fault.body is not None else injected)


def _metadata(authorization: str | None) -> list[tuple[str, str]]:
    """Returns the gRPC metadata with the token, in the form that the consoles send."""
    if authorization is None:
        return []
    scheme, _, token = authorization.partition(" ")
    if scheme != "Bearer":
        text = "Token format is invalid."
        raise ApiError(UNAUTHENTICATED, "ERROR_AUTHENTICATE_FAILURE", text)
    return [("token", token.strip())]


def _readable(body: bytes) -> Any:
    """Returns a body for the journal: JSON if possible, so that tests compare values, not text."""
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")
