"""Checks of the transcoder's test aids and options. These are not SpaceONE's and not recorded."""

import time
from http.client import RemoteDisconnected
from typing import Any

from checks.driver import Driver
from stack.client import Answer, call

CREATE = "/repository/v1/policy/create"


class Aids:
    """Sends unrecorded requests to the transcoder of a Driver's era."""

    def __init__(self, d: Driver) -> None:
        """Starts without faults and with an empty journal."""
        self.d, self._base = d, d.env["base_url"]
        self.call("DELETE", "/__faults")
        self.call("DELETE", "/__log")

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        """Sends a request."""
        return call(self._base, method, path, body, token=self.d.env["token"])

    def create(self, name: str) -> Answer | str:
        """Creates a policy; returns the exception's name if the connection broke."""
        body = {"policy_id": name, "name": name, "permissions": ["a.*"]}
        try:
            return self.call("POST", CREATE, body)
        except (ConnectionResetError, RemoteDisconnected) as error:
            return type(error).__name__

    def exists(self, name: str) -> bool:
        """Returns True if the policy exists."""
        body = {"policy_id": name, "domain_id": self.d.env["domain_id"]}
        return self.call("POST", "/repository/v1/policy/get", body).status == 200

    def arm(self, **fault: Any) -> Answer:
        """Adds a fault for creates."""
        return self.call("POST", "/__faults", {"match": f"^POST {CREATE}$"} | fault)


def faults(d: Driver) -> None:
    """Checks that a fault before the call has no effect upstream, and one after it has."""
    aids = Aids(d)
    for when, created in (("before", False), ("after", True)):
        name = f"fault-{when}"
        aids.arm(when=when, status=503, body={"lost": True})
        answer = aids.create(name)
        d.note(f"status {when} the call", answer == Answer(503, {"lost": True}), answer)
        d.note(f"created by a call with a status {when} it", aids.exists(name) == created, created)
        name = f"reset-{when}"
        aids.arm(when=when, reset=True)
        seen = aids.create(name)
        d.note(f"reset {when} the call", seen == "ConnectionResetError", seen)
        d.note(f"created by a call with a reset {when} it", aids.exists(name) == created, created)
    aids.arm(delay_ms=300)
    began = time.monotonic()
    aids.create("delayed")
    took = time.monotonic() - began
    d.note("a delay delays, and the call goes on", took >= 0.3 and aids.exists("delayed"), took)
    aids.arm(count=2, status=500)
    statuses = [getattr(aids.create("counted"), "status", None) for _ in range(3)]
    d.note("a fault is used up after count calls", statuses == [500, 500, 200], statuses)
    for wrong in (
        {},
        {"when": "never"},
        {"status": 500, "surprise": 1},
        {"reset": True, "match": "("},
    ):
        seen = aids.arm(**wrong)
        d.note(f"a fault with {wrong} is refused", seen.status == 400, seen)


def journal(d: Driver) -> None:
    """Checks that the journal has all requests except test aids, in order, with both statuses."""
    aids = Aids(d)
    aids.create("journalled")
    aids.arm(status=503)
    aids.create("not-served")
    aids.arm(when="after", reset=True)
    aids.create("lost")
    entries = aids.call("GET", "/__log").body
    seen = [
        (e["method"], e["path"], e["body"]["policy_id"], e["status"], e["served"]) for e in entries
    ]
    wanted = [
        ("POST", CREATE, "journalled", 200, 200),
        ("POST", CREATE, "not-served", 503, None),
        ("POST", CREATE, "lost", None, 200),
    ]
    d.note("the journal", seen == wanted, seen)
    d.note("DELETE gives the journal", aids.call("DELETE", "/__log").body == entries, entries)
    d.note("and empties it", aids.call("GET", "/__log").body == [], "entries left")


def other_style(d: Driver) -> None:
    """Checks --error-style grpc-gateway and --emit-defaults (the supervisor has both flags)."""
    aids = Aids(d)
    where = {"repository_id": d.env["repository_id"], "domain_id": d.env["domain_id"]}
    seen = aids.call("POST", "/repository/v1/policy/list", where)
    d.note("unset fields are printed", seen == Answer(200, {"results": [], "total_count": 0}), seen)
    seen = aids.call("POST", CREATE, {})
    message = "ERROR_REQUIRED_PARAMETER: Required parameter. (key = policy_id)"
    wanted = Answer(400, {"code": 3, "message": message, "details": []})
    d.note("errors look like grpc-gateway's", seen == wanted, seen)


CHECKS = (faults, journal)
OTHER_STYLE = (other_style,)
