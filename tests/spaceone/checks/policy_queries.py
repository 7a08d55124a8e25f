"""Repository Policy: list and stat. All fronts of both eras."""

from typing import Any

from checks.driver import Driver
from checks.outcomes import outcome
from checks.policy import create
from stack.client import Answer

# (suffix, team, tier): four rows that the queries distinguish.
ROWS = (("q1", "red", 1), ("q2", "red", 2), ("q3", "blue", 3), ("q4", None, 4))


def listing(d: Driver, query: dict[str, Any] | None = None, **fields: Any) -> Answer:
    """Lists or searches in the local repository."""
    where = {"repository_id": d.env["repository_id"], "domain_id": d.env["domain_id"]}
    return d.policy("list", **where | fields | ({"query": query} if query is not None else {}))


def ids(body: Any) -> list[str]:
    """Returns the ids of a result in order."""
    return [one["policy_id"] for one in body.get("results", [])]


def where(d: Driver, *conditions: tuple[str, Any, str]) -> dict[str, Any]:
    """Returns a query for this check's rows that meet the conditions (key, value, operator)."""
    mine = ("tags.suite", d.tag("queries"), "eq")
    return {
        "filter": [
            {"k": key, "v": value, "o": operator} for key, value, operator in (mine, *conditions)
        ],
        "sort": {"key": "policy_id"} if d.era == "rest" else {"keys": [{"key": "policy_id"}]},
    }


def preparing(d: Driver) -> None:
    """Creates the rows for the queries."""
    for name, team, tier in ROWS:
        tags = {"suite": d.tag("queries"), "tier": tier} | ({"team": team} if team else {})
        d.expect(f"create {name}", create(d, name, tags=tags, labels=[f"label-{name}"]), 200)


def filtering(d: Driver) -> None:
    """Checks operators on tags, name and id."""
    cases: list[tuple[str, Any, str, list[str]]] = [
        ("tags.team", "red", "eq", ["q1", "q2"]),
        ("tags.team", "RED", "eq", []),
        ("tags.team", "red", "not", ["q3", "q4"]),
        ("tags.team", ["red", "blue"], "in", ["q1", "q2", "q3"]),
        ("tags.team", ["red"], "not_in", ["q3", "q4"]),
        ("tags.team", "lu", "contain", ["q3"]),
        ("tags.team", True, "exists", ["q1", "q2", "q3"]),
        ("tags.team", False, "exists", ["q4"]),
        ("tags.tier", 2, "gt", ["q3", "q4"]),
        ("policy_id", d.tag("q1"), "eq", ["q1"]),
        ("policy_id", [d.tag("q1"), d.tag("q4")], "in", ["q1", "q4"]),
        ("name", "Q", "contain", ["q1", "q2", "q3", "q4"]),
        ("name", d.tag("q1"), "eq", ["q1"]),
        ("name", "[12]$", "regex", ["q1", "q2"]),
        ("labels", "label-q2", "eq", ["q2"]),
        ("state", "ENABLED", "eq", ["q1", "q2", "q3", "q4"]),
    ]
    for key, value, operator, found in cases:
        wanted = [d.tag(name) for name in found]
        answer = listing(d, where(d, (key, value, operator)))
        case = f"filter {key} {operator} {value!r} finds {len(wanted)}"
        d.expect(case, answer, 200, that=lambda b, wanted=wanted: ids(b) == wanted)
    either = [{"k": "tags.team", "v": "blue", "o": "eq"}, {"k": "tags.tier", "v": 4, "o": "eq"}]
    answer = listing(d, where(d) | {"filter_or": either})
    wanted = [d.tag("q3"), d.tag("q4")]
    d.expect("filter_or narrows filter", answer, 200, that=lambda b: ids(b) == wanted)


def paging(d: Driver) -> None:
    """Checks that page.start counts items from 1."""
    everything = [d.tag(name) for name, *_ in ROWS]
    pages = (({"start": 1, "limit": 3}, everything[:3]), ({"start": 4, "limit": 3}, everything[3:]))
    for page, wanted in pages:
        answer = listing(d, where(d) | {"page": page})
        d.expect(
            f"page {page}",
            answer,
            200,
            that=lambda b, wanted=wanted: ids(b) == wanted and b["total_count"] == 4,
        )
    answer = listing(d, where(d) | {"page": {"start": 9, "limit": 3}})
    d.expect("a page beyond the end", answer, 200, that=lambda b: b == {"total_count": 4})
    answer = listing(d, where(d) | {"page": {"start": 2, "limit": 0}})
    d.expect("limit 0 is no page at all", answer, 200, that=lambda b: ids(b) == everything)
    answer = listing(d, where(d) | {"page": {"limit": 2}})
    d.expect("a limit without a start", answer, 200, that=lambda b: ids(b) == everything[:2])


def shaping(d: Driver) -> None:
    """Checks the printed fields of a row."""
    one = where(d, ("policy_id", d.tag("q1"), "eq"))
    answer = listing(d, one | {"minimal": True})
    d.expect("minimal", answer, 200, that=lambda b: "permissions" not in b["results"][0])
    answer = listing(d, one | {"only": ["policy_id", "permissions"]})
    d.expect(
        "only",
        answer,
        200,
        that=lambda b: "permissions" in b["results"][0] and "name" not in b["results"][0],
    )
    answer = listing(d, one | {"count_only": True})
    d.expect("count_only", answer, 200, that=lambda b: b == {"total_count": 1})
    order = {"key": "policy_id", "desc": True}
    sort = order if d.era == "rest" else {"keys": [order]}
    answer = listing(d, where(d) | {"sort": sort})
    down = [d.tag(name) for name, *_ in reversed(ROWS)]
    d.expect("sorted downwards", answer, 200, that=lambda b: ids(b) == down)


def selecting(d: Driver) -> None:
    """Checks filters by request fields, and missing or wrong fields."""
    answer = listing(d, policy_id=d.tag("q1"))
    d.expect("by policy_id", answer, 200, that=lambda b: ids(b) == [d.tag("q1")])
    answer = listing(d, name=d.tag("q1"))
    d.expect("by name", answer, 200, that=lambda b: ids(b) == [d.tag("q1")])
    answer = listing(d, policy_id="never-created")
    d.expect("nothing found is an empty object", answer, 200, that=lambda b: b == {})
    answer = d.policy("list", domain_id=d.env["domain_id"])
    d.expect("without a repository", answer, 400, "ERROR_REQUIRED_PARAMETER")
    answer = listing(d, policy_id=d.tag("q1"), auth="other_token")
    d.expect("with another domain's token", answer, 200, that=lambda b: b == {})
    answer = listing(d, where(d, ("name", "x", "resembles")))
    d.expect("an unknown operator", answer, 500, "ERROR_DB_QUERY")
    answer = listing(d, where(d, ("name", "x", "in")))
    d.expect("in with a scalar", answer, 400)
    answer = listing(d, {"keyword": d.tag("q1")})
    d.expect("keyword", answer, 200, that=lambda b: d.tag("q1") in ids(b))


def counting(d: Driver) -> None:
    """Checks StatisticsQuery with a list of stages, which 1.12 does not have."""
    where_ = {"repository_id": d.env["repository_id"], "domain_id": d.env["domain_id"]}
    mine = {"filter": where(d)["filter"]}
    count = {"aggregate": [{"count": {"name": "n"}}]}
    answer = d.policy("stat", **where_, query=mine | count)
    status, code = outcome("stat", d.era)
    fine = status == 200
    d.expect(
        "stat count",
        answer,
        status,
        code,
        (lambda b: b == {"results": [{"n": 4.0}]}) if fine else None,
    )
    keys = [{"key": "tags.team", "name": "team"}]
    group = {"group": {"keys": keys, "fields": [{"name": "n", "operator": "count"}]}}
    answer = d.policy(
        "stat", **where_, query=mine | {"aggregate": [group, {"sort": {"key": "team"}}]}
    )
    d.expect("stat group", answer, status, code)
    answer = d.policy("stat", **where_, query=mine | {"distinct": "tags.team"})
    d.expect("stat distinct", answer, status, code)


CHECKS = (preparing, filtering, paging, shaping, selecting, counting)
