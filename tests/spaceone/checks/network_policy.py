"""Inventory NetworkPolicy of June 2020: create, get, update, pin, delete. Rest era only."""

from typing import Any

from checks.driver import Driver
from checks.outcomes import outcome
from stack.client import Answer

ROUTES = [
    {"cidr": "10.0.0.0/16", "destination": "10.0.0.1", "interface": "eth0"},
    {"cidr": "0.0.0.0/0", "destination": "10.0.0.254"},
]
NEVER = "npolicy-000000000000"


def create(d: Driver, name: str, /, **fields: Any) -> Answer:
    """Creates a network policy with the required fields and these."""
    body = {"name": name, "zone_id": d.env["zone_id"], "domain_id": d.env["domain_id"]}
    return d.network("create", **body | fields)


def identifier(answer: Answer) -> str:
    """Returns the id of the object in an answer."""
    return str(answer.body["network_policy_id"])


def on(d: Driver, operation: str, network_policy_id: str, /, **fields: Any) -> Answer:
    """Sends an operation on a network policy of the own domain."""
    domain = {"domain_id": d.env["domain_id"]}
    return d.network(operation, network_policy_id=network_policy_id, **domain | fields)


def creating(d: Driver) -> None:
    """Checks a create's input and answer, and that it is not idempotent."""
    contents = {"data": {"n": 1, "deep": {"list": [1, 2.5]}}, "tags": {"owner": "a", "count": 2}}
    rest = {
        "dns": ["8.8.8.8", "8.8.8.8"],
        "reference": {"resource_id": "r-1", "external_link": "l"},
    }
    answer = create(d, "full", routing_tables=ROUTES, metadata={"text": "x"}, **contents, **rest)
    d.expect(
        "create gives the whole object back; numbers are doubles, duplicates stay",
        answer,
        200,
        that=lambda b: (
            b["data"] == contents["data"]
            and isinstance(b["data"]["n"], float)
            and b["routing_tables"] == ROUTES
            and b["dns"] == rest["dns"]
            and b["reference"] == rest["reference"]
            and b["zone_info"]["zone_id"] == d.env["zone_id"]
            and b["region_info"]["region_id"] == d.env["region_id"]
            and b["collection_info"]["pinned_keys"] == []
        ),
    )
    first = d.expect(
        "create with nothing optional", create(d, "bare"), 200, that=lambda b: "dns" not in b
    )
    again = create(d, "bare")
    fresh = identifier(again) != identifier(first)
    d.expect("the same create again makes another object", again, 200, that=lambda _: fresh)
    answer = create(d, "second-zone", zone_id=d.env["zone_id_2"])
    d.expect("create in the second zone", answer, 200)
    answer = create(d, "n" * 255)
    d.expect("create with a name of 255", answer, 200)


def normalising(d: Driver) -> None:
    """Checks that the server returns networks and addresses in the form of Python's ipaddress."""
    routes = [
        ("10.0.0.1", "10.0.0.254", "10.0.0.1/32", "10.0.0.254"),
        ("2001:DB8:0:0::/32", "2001:DB8::0001", "2001:db8::/32", "2001:db8::1"),
        ("192.168.0.0/255.255.0.0", "10.1.1.1", "192.168.0.0/16", "10.1.1.1"),
    ]
    for cidr, destination, *wanted in routes:
        answer = create(d, "normal", routing_tables=[{"cidr": cidr, "destination": destination}])
        d.expect(
            f"{cidr} becomes {wanted[0]}",
            answer,
            200,
            that=lambda b, wanted=wanted: list(b["routing_tables"][0].values()) == wanted,
        )
    answer = create(d, "normal", dns=["2001:DB8::0001"])
    d.expect("dns is normalised by create", answer, 200, that=lambda b: b["dns"] == ["2001:db8::1"])
    answer = on(d, "update", identifier(answer), dns=["2001:DB8::0002"])
    d.expect(
        "and kept as written by update", answer, 200, that=lambda b: b["dns"] == ["2001:DB8::0002"]
    )
    target = identifier(answer)
    answer = on(
        d, "update", target, routing_tables=[{"cidr": "10.9.9.9", "destination": "10.0.0.1"}]
    )
    normal = [{"cidr": "10.9.9.9/32", "destination": "10.0.0.1"}]
    d.expect(
        "routes are normalised by update too",
        answer,
        200,
        that=lambda b: b["routing_tables"] == normal,
    )


def refusing(d: Driver) -> None:
    """Checks the creates that the server rejects."""
    for field in ("name", "domain_id"):
        answer = create(d, "refused", **{field: ""})
        d.expect(f"create without {field}", answer, 400, "ERROR_REQUIRED_PARAMETER")
    answer = create(d, "refused", zone_id="")
    d.expect("create without zone_id", answer, 400, "ERROR_NOT_FOUND")
    answer = create(d, "refused", zone_id="zone-000000000000")
    d.expect("create in an unknown zone", answer, 400, "ERROR_NOT_FOUND")
    answer = create(d, "refused", domain_id=d.env["other_domain_id"])
    d.expect("create in another domain, where the zone is not", answer, 400, "ERROR_NOT_FOUND")
    for cidr in ("10.0.0.1/16", "10.0.0.0/33", "10.0.0", "igw-1", ""):
        answer = create(d, "refused", routing_tables=[{"cidr": cidr, "destination": "10.0.0.1"}])
        d.expect(f"create with cidr {cidr!r}", answer, 500, "ERROR_INVALID_NETWORK")
    for destination in ("igw-1", "10.0.0.0/24", "300.0.0.1"):
        answer = create(
            d, "refused", routing_tables=[{"cidr": "10.0.0.0/8", "destination": destination}]
        )
        d.expect(
            f"create with destination {destination!r}", answer, 500, "ERROR_INVALID_IP_ADDRESS"
        )
    answer = create(d, "refused", routing_tables=[{"cidr": "10.0.0.0/8"}])
    d.expect("create without a destination", answer, 500)
    answer = create(d, "refused", dns=["dns.example"])
    d.expect("create with dns 'dns.example'", answer, 500, "ERROR_INVALID_IP_ADDRESS")
    long = [ROUTES[0] | {"interface": "i" * 41}]
    d.expect(
        "create with an interface of 41",
        create(d, "refused", routing_tables=long),
        500,
        "ERROR_DB_QUERY",
    )
    d.expect("create with a name of 256", create(d, "n" * 256), 500, "ERROR_DB_QUERY")
    for key in ("app.kubernetes.io/name", "$set"):
        answer = create(d, "refused", tags={key: "x"})
        d.expect(f"create with tag key {key!r}", answer, 500, "ERROR_DB_QUERY")


def getting(d: Driver) -> None:
    """Checks which objects get returns, and for which token."""
    known = identifier(create(d, "known"))
    d.expect("get", on(d, "get", known), 200, that=lambda b: b["name"] == "known")
    d.expect("get of a missing object", on(d, "get", NEVER), *outcome("get missing", "network"))
    answer = on(d, "get", known, domain_id=d.env["other_domain_id"])
    d.expect("get in another domain", answer, *outcome("get missing", "network"))
    answer = d.network("get", network_policy_id=known)
    d.expect("get without a domain", answer, 400, "ERROR_REQUIRED_PARAMETER")
    answer = on(d, "get", known, only=["name", "zone", "region"])
    d.expect(
        "get of some fields", answer, 200, that=lambda b: not b["collection_info"]["update_history"]
    )
    answer = on(d, "get", known, only=["name"])
    d.expect("get of some fields without zone and region", answer, 500, "ERROR_LOCATOR")
    path = f"/inventory/v1/network-policy/{known}"
    answer = d.send("GET", path, {"domain_id": d.env["domain_id"]})
    d.expect("get with the domain in a body", answer, 200, that=lambda b: b["name"] == "known")


def updating(d: Driver) -> None:
    """Checks the fields that an update replaces, merges or ignores without an error."""
    before = create(
        d, "changing", routing_tables=ROUTES, dns=["8.8.8.8"], data={"a": 1, "b": {"x": 1}},
        tags={"a": "1"}, reference={"resource_id": "r", "external_link": "l"},
    )  # fmt: skip
    changing = identifier(before)

    def changed(case: str, fields: dict[str, Any], **wanted: Any) -> None:
        answer = on(d, "update", changing, **fields)
        d.expect(case, answer, 200, that=lambda b: {k: b.get(k) for k in wanted} == wanted)

    kept = {k: before.body[k] for k in ("routing_tables", "dns", "data", "tags", "reference")}
    changed("update of one field keeps the others", {"name": "Changed"}, name="Changed", **kept)
    changed("no name: ignored", {"name": ""}, name="Changed")
    changed("no dns: ignored", {"dns": []}, dns=["8.8.8.8"])
    changed("no routes: ignored", {"routing_tables": []}, routing_tables=ROUTES)
    changed("routes are replaced", {"routing_tables": ROUTES[:1]}, routing_tables=ROUTES[:1])
    changed("dns is replaced", {"dns": ["1.1.1.1"]}, dns=["1.1.1.1"])
    changed("data is merged by key", {"data": {"b": 2, "c": 3}}, data={"a": 1, "b": 2, "c": 3})
    changed("no data: nothing goes", {"data": {}}, data={"a": 1, "b": 2, "c": 3})
    changed("tags are replaced", {"tags": {"b": "2"}}, tags={"b": "2"})
    changed("no tags: cleared", {"tags": {}}, tags={})
    changed(
        "a reference is replaced",
        {"reference": {"resource_id": "s"}},
        reference={"resource_id": "s"},
    )
    changed("no reference: cleared", {"reference": {}}, reference={})
    changed("update of nothing", {}, name="Changed")


def metadata(d: Driver) -> None:
    """Checks that an update replaces metadata, and that most shapes of it prevent later updates."""
    answer = create(d, "described", metadata={"a": "text", "b": {"k": "v"}, "c": [{"name": "n"}]})
    described = identifier(answer)
    answer = on(d, "update", described, metadata={"z": "new"})
    d.expect("metadata is replaced", answer, 200, that=lambda b: b["metadata"] == {"z": "new"})
    answer = on(d, "update", described, metadata={})
    d.expect("no metadata: cleared", answer, 200, that=lambda b: not b["metadata"])
    for shape in (1, True, [1], None):
        broken = identifier(create(d, "broken", metadata={"k": shape}))
        answer = on(d, "update", broken, name="x")
        d.expect(f"update of an object whose metadata holds {shape}", answer, 500, "ERROR_UNKNOWN")


def not_updating(d: Driver) -> None:
    """Checks the updates that the server rejects."""
    known = identifier(create(d, "unchanged"))
    answer = on(d, "update", NEVER, name="x")
    d.expect("update of a missing object", answer, *outcome("update missing", "network"))
    answer = on(d, "update", known, zone_id=d.env["zone_id_2"])
    d.expect("update of the zone", answer, 500, "ERROR_UNKNOWN")
    answer = on(
        d, "update", known, routing_tables=[{"cidr": "10.0.0.1/8", "destination": "10.0.0.1"}]
    )
    d.expect("update with a bad cidr", answer, 500, "ERROR_INVALID_NETWORK")
    answer = on(d, "update", known, dns=["nope"])
    d.expect("update with bad dns", answer, 500, "ERROR_INVALID_IP_ADDRESS")
    answer = on(d, "update", known, name="n" * 256)
    d.expect("update with a name of 256", answer, 500, "ERROR_DB_QUERY")
    answer = d.network("update", network_policy_id=known, name="x")
    d.expect("update without a domain", answer, 400, "ERROR_REQUIRED_PARAMETER")
    d.expect("it is as it was", on(d, "get", known), 200, that=lambda b: b["name"] == "unchanged")


def pinning(d: Driver) -> None:
    """Checks that updates skip pinned keys without an error; a pin replaces the last one."""
    fields = {"dns": ["8.8.8.8"], "data": {"a": 1, "b": 1}, "tags": {"t": "1"}}
    pinned = identifier(create(d, "pinned", **fields))

    def pins(case: str, *keys: str) -> None:
        answer = on(d, "pin-data", pinned, keys=list(keys))
        d.expect(
            case, answer, 200, that=lambda b: b["collection_info"]["pinned_keys"] == list(keys)
        )

    pins("pin", "name", "dns", "data.a")
    answer = on(
        d, "update", pinned, name="x", dns=["1.1.1.1"], data={"a": 2, "b": 2}, tags={"t": "2"}
    )
    d.expect(
        "an update skips pinned keys and takes the others",
        answer,
        200,
        that=lambda b: (
            b["name"] == "pinned"
            and b["dns"] == ["8.8.8.8"]
            and b["data"] == {"a": 1, "b": 2}
            and b["tags"] == {"t": "2"}
        ),
    )
    pins("a pin replaces the pins before", "zone_id")
    answer = on(d, "update", pinned, name="freed")
    d.expect(
        "what is no longer pinned can change", answer, 200, that=lambda b: b["name"] == "freed"
    )
    for key in ("routing_tables", "nonsense", "data.z", "metadata"):
        answer = on(d, "pin-data", pinned, keys=[key])
        d.expect(f"pin of {key!r}, never written", answer, 400, "ERROR_NOT_ALLOW_PINNING_KEYS")
    answer = on(d, "pin-data", pinned, keys=[])
    d.expect("pin of nothing", answer, 400, "ERROR_REQUIRED_PARAMETER")
    answer = on(d, "pin-data", NEVER, keys=["name"])
    d.expect("pin on a missing object", answer, *outcome("get missing", "network"))


def deleting(d: Driver) -> None:
    """Checks that delete answers `{}` once."""
    doomed = identifier(create(d, "doomed"))
    answer = d.network("delete", network_policy_id=doomed)
    d.expect("delete without a domain", answer, 400, "ERROR_REQUIRED_PARAMETER")
    d.expect("delete", on(d, "delete", doomed), 200, that=lambda b: b == {})
    d.expect("delete again", on(d, "delete", doomed), *outcome("delete missing", "network"))
    d.expect("get after delete", on(d, "get", doomed), *outcome("get missing", "network"))


def authorizing(d: Driver) -> None:
    """Checks that all operations need a valid token, of any domain."""
    known = identifier(create(d, "guarded"))
    wrong = {
        None: "without a token",
        "garbage": "with no JWT",
        "expired_token": "with an expired token",
    }
    calls: dict[str, dict[str, Any]] = {
        "create": {"name": "n", "zone_id": d.env["zone_id"]},
        "get": {"network_policy_id": known},
        "update": {"network_policy_id": known, "name": "n"},
        "pin-data": {"network_policy_id": known, "keys": ["name"]},
        "list": {},
        "delete": {"network_policy_id": known},
    }
    for auth, how in wrong.items():
        for operation, fields in calls.items():
            answer = d.network(operation, auth=auth, domain_id=d.env["domain_id"], **fields)
            d.expect(f"{operation} {how}", answer, 401, "ERROR_AUTHENTICATE_FAILURE")
    for operation, fields in calls.items():
        answer = d.network(operation, auth="other_token", domain_id=d.env["domain_id"], **fields)
        d.expect(f"{operation} with another domain's token passes", answer, 200)


CHECKS = (
    creating, normalising, refusing, getting, updating, metadata, not_updating, pinning, deleting,
    authorizing,
)  # fmt: skip
