"""Malformed requests. The fronts differ here, so each has its own expectations.

Some answers of the transcoder are its own, because no server of the rest era had HTTP. Where
possible, it answers like console-api-v2.
"""

from typing import Any

from checks.driver import Driver

BASE: dict[str, Any] = {"policy_id": "malformed", "name": "n", "permissions": ["a.*"]}


def common(d: Driver) -> None:
    """Checks bodies that all fronts reject with the same answer."""
    prefix = "/repository" if d.front == "console" else "/repository/v1"
    path = f"{prefix}/policy/create"
    answer = d.send("POST", path, raw='{"policy_id": ')
    d.expect("a body that is no JSON", answer, 500, "ERROR_UNKNOWN")
    answer = d.send("POST", path, BASE | {"surprise": 1})
    d.expect("an unknown field", answer, 500, "ERROR_UNKNOWN", that=_mentions("surprise"))
    query = {"repository_id": d.env["repository_id"], "query": {"surprise": 1}}
    answer = d.send("POST", f"{prefix}/policy/list", query)
    d.expect(
        "an unknown field of the query", answer, 500, "ERROR_UNKNOWN", that=_mentions("surprise")
    )
    answer = d.send("POST", path, {})
    d.expect("an empty object", answer, 400, "ERROR_REQUIRED_PARAMETER")
    answer = d.send("POST", path, BASE | {"policy_id": None})
    d.expect("null counts as absent", answer, 400, "ERROR_REQUIRED_PARAMETER")


def console_only(d: Driver) -> None:
    """Checks the answers that only console-api-v2 gives."""
    path = "/repository/policy/create"
    for field, value in (("name", 5), ("permissions", [1]), ("tags", [1]), ("labels", "text")):
        answer = d.send("POST", path, BASE | {field: value})
        d.expect(f"{field} of the wrong type", answer, 500, "ERROR_UNKNOWN")
    answer = d.send("POST", path, BASE | {"policy_id": "spelled", "permissions": "abc"})
    d.expect(
        "a string for a list becomes characters",
        answer,
        200,
        that=lambda b: b["permissions"] == ["a", "b", "c"],
    )
    answer = d.send("POST", "/repository/policy/promote", {})
    d.expect("an unknown verb", answer, 500, "ERROR_UNSUPPORTED_API")
    answer = d.send("POST", "/repository/v1/policy/get", {})
    d.expect("the /v1 spelling", answer, 404, that=lambda b: b == {"detail": "Not Found"})
    answer = d.send("GET", path)
    d.expect("the wrong method", answer, 405, that=lambda b: b == {"detail": "Method Not Allowed"})


def transcoder_only(d: Driver) -> None:
    """Checks the answers that only the transcoder gives."""
    path = "/repository/v1/policy/create"
    for field, value in (("name", 5), ("permissions", "abc"), ("tags", [1]), ("labels", "text")):
        answer = d.send("POST", path, BASE | {field: value})
        d.expect(f"{field} of the wrong type", answer, 400, "ERROR_INVALID_ARGUMENT")
    answer = d.send("POST", path, [BASE])
    d.expect("a list", answer, 400, "ERROR_INVALID_ARGUMENT")
    answer = d.send("POST", "/repository/v1/nothing/promote", {})
    d.expect("an unknown path", answer, 404, "ERROR_UNSUPPORTED_API")
    answer = d.send("GET", path)
    d.expect("the wrong method", answer, 405, "ERROR_UNSUPPORTED_API")


def _mentions(word: str) -> Any:
    """Returns True if the error's message contains `word`."""
    return lambda body: word in body["detail"]["message"]


TRANSCODER = (common, transcoder_only)
CONSOLE = (common, console_only)
