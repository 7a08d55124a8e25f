"""Sends requests to one front of one era and checks the answers.

A check is a function that takes a Driver. It calls `d.expect(case, d.policy("get", ...), 200, ...)`,
so that an expectation is next to its request.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from checks.recording import Recording
from stack.client import Answer, call

Path = tuple[str, str]

# The operations of each resource in the annotations of the rest era.
REST: dict[str, dict[str, Path]] = {
    "policy": {
        "create": ("POST", "/repository/v1/policies"),
        "update": ("PUT", "/repository/v1/policy/{policy_id}"),
        "delete": ("DELETE", "/repository/v1/policy/{policy_id}"),
        "get": ("GET", "/repository/v1/policies/{policy_id}"),
        "list": ("POST", "/repository/v1/policies/search"),
        "list-by-get": ("GET", "/repository/v1/policies"),
        "stat": ("POST", "/repository/v1/policies/stat"),
    },
    "network-policy": {
        "create": ("POST", "/inventory/v1/network-policies"),
        "update": ("PUT", "/inventory/v1/network-policy/{network_policy_id}"),
        "pin-data": ("PUT", "/inventory/v1/network-policy/{network_policy_id}/pin-data"),
        "delete": ("DELETE", "/inventory/v1/network-policy/{network_policy_id}"),
        "get": ("GET", "/inventory/v1/network-policy/{network_policy_id}"),
        "list": ("POST", "/inventory/v1/network-policies/search"),
        "list-by-get": ("GET", "/inventory/v1/network-policies"),
        "stat": ("POST", "/inventory/v1/network-policies/stat"),
    },
}


class Driver:
    """One front of one era, for checks."""

    def __init__(self, env: dict[str, Any], front: str, recording: Recording) -> None:
        """Creates a driver. `front` is transcoder or console."""
        self.env, self.era, self.front = env, env["era"], front
        self.failures = 0
        self._base = env["base_url" if front == "transcoder" else "console_url"]
        self._recording, self._group = recording, ""

    def run(self, check: Callable[["Driver"], None]) -> None:
        """Runs one check. Its exchanges form a group with the check's name."""
        self._group = f"{check.__module__.rsplit('.', 1)[1]}.{check.__name__}"
        check(self)

    def tag(self, name: str) -> str:
        """Returns a name for this front only, so that two fronts can share one server."""
        return name if self.front == "transcoder" else f"{self.front}-{name}"

    def policy(self, operation: str, /, auth: str | None = "token", **fields: Any) -> Answer:
        """Sends an operation on repository Policy in this front's spelling."""
        if self.era == "rest":
            return self._rest(*REST["policy"][operation], auth, fields)
        prefix = "/repository/v1" if self.front == "transcoder" else "/repository"
        return self.send("POST", f"{prefix}/policy/{operation}", fields, auth)

    def network(self, operation: str, /, auth: str | None = "token", **fields: Any) -> Answer:
        """Sends an operation on inventory NetworkPolicy."""
        return self._rest(*REST["network-policy"][operation], auth, fields)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        auth: str | None = "token",
        raw: str | None = None,
    ) -> Answer:
        """Sends and records a request. `auth` is a token name of env.json, `garbage` or None."""
        token = None if auth is None else self.env.get(auth, auth)
        sent = raw.encode() if raw is not None else None
        answer = call(self._base, method, path, body, token=token, raw=sent)
        request = {"method": method, "path": path, "auth": auth}
        request |= {"raw": raw} if raw is not None else {"body": body}
        self._recording.add(self._group, self.front, request, answer)
        return answer

    def expect(
        self,
        case: str,
        answer: Answer,
        status: int,
        code: str | None = None,
        that: Callable[..., bool] | None = None,
    ) -> Answer:
        """Checks an answer and prints one line. `that` must be true for the body."""
        self._recording.name_last(case)
        problem = _problem(answer, status, code, that)
        seen = f"{problem}, got {answer.status} {answer.body}"
        self.note(case, problem is None, seen)
        return answer

    def note(self, case: str, holds: bool, seen: object) -> None:
        """Prints the line of an expectation, with the actual value if it differs."""
        print(f"{'ok  ' if holds else 'FAIL'} {self.era} {self.front} {self._group}: {case}")
        if not holds:
            self.failures += 1
            print(f"     {seen}")

    def _rest(self, method: str, template: str, auth: str | None, fields: dict[str, Any]) -> Answer:
        """Puts fields into the path if it names them, else into the body (GET, DELETE: query)."""
        path = template.format_map(fields)
        rest = {k: v for k, v in fields.items() if f"{{{k}}}" not in template}
        if method in ("POST", "PUT"):
            return self.send(method, path, rest, auth)
        query = urlencode(rest, doseq=True)
        return self.send(method, f"{path}?{query}" if query else path, None, auth)


def _problem(
    answer: Answer, status: int, code: str | None, that: Callable[..., bool] | None
) -> str | None:
    """Returns the problem of an answer, or None."""
    if answer.status != status:
        return f"wanted status {status}"
    if code is not None and error_code(answer) != code:
        return f"wanted code {code}"
    if that is not None and not that(answer.body):
        return "the body is not as expected"
    return None


def error_code(answer: Answer) -> str | None:
    """Returns the error code of a body in the `detail` style, if it has one."""
    detail = answer.body.get("detail") if isinstance(answer.body, dict) else None
    return detail.get("code") if isinstance(detail, dict) else None
