"""Inventory NetworkPolicy of June 2020: list and stat. Rest era only."""

from typing import Any

from checks.driver import Driver
from checks.network_policy import create, identifier
from stack.client import Answer

# (name, team, route, reference): three rows that the queries distinguish.
ROWS = (
    ("net-1", "red", "10.1.0.0/16", "ref-1"),
    ("net-2", "red", "10.2.0.0/16", "ref-2"),
    ("net-3", None, "10.3.0.0/16", "ref-3"),
)
NAMES = [row[0] for row in ROWS]
SUITE = {"k": "tags.suite", "v": "queries", "o": "eq"}


def listing(d: Driver, query: dict[str, Any] | None = None, **fields: Any) -> Answer:
    """Searches in the own domain."""
    rest = {"query": query} if query is not None else {}
    return d.network("list", **{"domain_id": d.env["domain_id"]} | fields | rest)


def where(*conditions: tuple[str, Any, str]) -> dict[str, Any]:
    """Returns a query for this check's rows that meet the conditions (key, value, operator)."""
    return {"filter": [SUITE, *({"k": k, "v": v, "o": o} for k, v, o in conditions)]}


def names(body: Any) -> list[str]:
    """Returns the names of a result in order."""
    return [one["name"] for one in body.get("results", [])]


def preparing(d: Driver) -> None:
    """Creates the rows for the queries."""
    for name, team, cidr, reference in ROWS:
        tags = {"suite": "queries"} | ({"team": team} if team else {})
        routes = [{"cidr": cidr, "destination": "10.0.0.1"}]
        zone = d.env["zone_id_2" if name == "net-3" else "zone_id"]
        fields = {"tags": tags, "routing_tables": routes, "reference": {"resource_id": reference}}
        d.expect(f"create {name}", create(d, name, zone_id=zone, **fields), 200)


def filtering(d: Driver) -> None:
    """Checks operators on tags, name, id and nested fields; eq and in ignore case."""
    cases: list[tuple[str, Any, str, list[str]]] = [
        ("tags.team", "red", "eq", NAMES[:2]),
        ("tags.team", "RED", "eq", NAMES[:2]),
        ("tags.team", ["red", "blue"], "in", NAMES[:2]),
        ("tags.team", "e", "contain", NAMES[:2]),
        ("tags.team", True, "exists", NAMES[:2]),
        ("tags.team", False, "exists", NAMES[2:]),
        ("tags.team", "red", "not", NAMES[2:]),
        ("tags.team", ["red"], "not_in", NAMES[2:]),
        ("name", "net-1", "eq", NAMES[:1]),
        ("name", "NET-1", "eq", NAMES[:1]),
        ("name", ["net-1", "net-3"], "in", [NAMES[0], NAMES[2]]),
        ("name", "NET", "contain", NAMES),
        ("name", "[12]$", "regex", NAMES[:2]),
        ("reference.resource_id", "ref-2", "eq", NAMES[1:2]),
        ("routing_tables.cidr", "10.3.0.0/16", "eq", NAMES[2:]),
        ("zone_id", d.env["zone_id_2"], "eq", NAMES[2:]),
    ]
    for key, value, operator, found in cases:
        answer = listing(d, where((key, value, operator)))
        case = f"filter {key} {operator} {value!r} finds {len(found)}"
        d.expect(case, answer, 200, that=lambda b, found=found: names(b) == found)
    either = [{"k": "name", "v": name, "o": "eq"} for name in ("net-2", "net-3", "elsewhere")]
    answer = listing(d, where() | {"filter_or": either})
    d.expect("filter_or narrows filter", answer, 200, that=lambda b: names(b) == NAMES[1:])


def paging(d: Driver) -> None:
    """Checks that page.start counts items from 1."""
    for start, limit, found in ((1, 2, NAMES[:2]), (3, 2, NAMES[2:]), (2, 1, NAMES[1:2])):
        answer = listing(d, where() | {"page": {"start": start, "limit": limit}})
        d.expect(
            f"page of {limit} from {start}",
            answer,
            200,
            that=lambda b, found=found: names(b) == found and b["total_count"] == len(NAMES),
        )
    answer = listing(d, where() | {"page": {"start": 9, "limit": 2}})
    d.expect("a page beyond the end", answer, 200, that=lambda b: b == {"total_count": len(NAMES)})
    answer = listing(d, where() | {"sort": {"key": "name", "desc": True}})
    d.expect("sorted downwards", answer, 200, that=lambda b: names(b) == NAMES[::-1])


def shaping(d: Driver) -> None:
    """Checks the printed fields of a row."""
    answer = listing(d, where() | {"minimal": True})
    shown = {"network_policy_id", "name", "reference"}
    d.expect("minimal", answer, 200, that=lambda b: b["results"][0].keys() == shown)
    answer = listing(d, where() | {"only": ["name", "zone", "region"]})
    d.expect("only, with zone and region", answer, 200, that=lambda b: names(b) == NAMES)
    answer = listing(d, where() | {"only": ["name"]})
    d.expect("only, without them", answer, 500, "ERROR_LOCATOR")
    answer = listing(d, where() | {"count_only": True})
    d.expect("count_only", answer, 200, that=lambda b: b == {"total_count": len(NAMES)})


def selecting(d: Driver) -> None:
    """Checks filters by request fields, and missing or wrong fields."""
    answer = listing(d, name="net-1")
    d.expect("by name", answer, 200, that=lambda b: names(b) == NAMES[:1])
    known = identifier(Answer(200, answer.body["results"][0]))
    answer = listing(d, network_policy_id=known)
    d.expect("by network_policy_id", answer, 200, that=lambda b: names(b) == NAMES[:1])
    answer = listing(d, where(("network_policy_id", known, "eq")))
    d.expect("by a filter on the id", answer, 200, that=lambda b: names(b) == NAMES[:1])
    answer = listing(d, where(), zone_id=d.env["zone_id_2"])
    d.expect("by zone", answer, 200, that=lambda b: names(b) == NAMES[2:])
    answer = listing(d, where(), region_id=d.env["region_id"])
    d.expect("by region", answer, 200, that=lambda b: names(b) == NAMES)
    answer = d.network("list-by-get", domain_id=d.env["domain_id"], name="net-2")
    d.expect("list by GET", answer, 200, that=lambda b: names(b) == NAMES[1:2])
    answer = listing(d, name="nobody")
    d.expect("nothing found is an empty object", answer, 200, that=lambda b: b == {})
    d.expect("without a domain", d.network("list"), 400, "ERROR_REQUIRED_PARAMETER")
    answer = listing(d, where(("name", "x", "resembles")))
    d.expect("an unknown operator", answer, 500, "ERROR_DB_QUERY")
    d.expect("in with a scalar", listing(d, where(("name", "x", "in"))), 400)
    answer = listing(d, {"keyword": "ref-2"})
    d.expect("keyword looks into the reference", answer, 200, that=lambda b: names(b) == NAMES[1:2])


def counting(d: Driver) -> None:
    """Checks StatisticsQuery of 2020, in which aggregate is one object."""

    def stat(**query: Any) -> Answer:
        return d.network("stat", domain_id=d.env["domain_id"], query=where() | query)

    answer = stat(aggregate={"count": {"name": "n"}})
    d.expect("stat count", answer, 200, that=lambda b: b == {"results": [{"n": 3.0}]})
    keys = [{"key": "tags.team", "name": "team"}]
    fields = [{"name": "n", "operator": "count"}]
    answer = stat(aggregate={"group": {"keys": keys, "fields": fields}}, sort={"name": "team"})
    d.expect(
        "stat group",
        answer,
        200,
        that=lambda b: {r.get("team"): r["n"] for r in b["results"]} == {"red": 2, None: 1},
    )
    answer = stat(distinct="tags.team")
    d.expect("stat distinct", answer, 200, that=lambda b: b["results"] == ["red"])
    answer = d.network("stat", domain_id=d.env["domain_id"])
    d.expect("stat without a query", answer, 400, "ERROR_REQUIRED_PARAMETER")


CHECKS = (preparing, filtering, paging, shaping, selecting, counting)
