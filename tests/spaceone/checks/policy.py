"""Repository Policy: create, get, update, delete and authorization. All fronts of both eras."""

from typing import Any

from checks.driver import Driver
from checks.outcomes import outcome
from stack.client import Answer

PERMISSIONS = ["identity.*", "inventory.Server.list", "inventory.Server.list"]
TAGS = {"team": "network", "whole": 1, "half": 0.5, "on": True, "none": None, "deep": {"list": [1]}}
NEVER = "never-created"


def create(d: Driver, name: str, /, **fields: Any) -> Answer:
    """Creates a policy with the required fields and these."""
    body = {"policy_id": d.tag(name), "name": d.tag(name), "permissions": PERMISSIONS}
    return d.policy("create", **body | {"domain_id": d.env["domain_id"]} | fields)


def update(d: Driver, name: str, /, **fields: Any) -> Answer:
    """Updates a policy."""
    return d.policy("update", policy_id=d.tag(name), **{"domain_id": d.env["domain_id"]} | fields)


def creating(d: Driver) -> None:
    """Checks a create's input and answer."""
    answer = create(d, "full", labels=["a", "b", "a"], tags=TAGS)
    d.expect(
        "create gives the whole policy back; numbers of tags are doubles",
        answer,
        200,
        that=lambda b: (
            isinstance(b["tags"]["whole"], float)
            and b["permissions"] == PERMISSIONS
            and b["labels"] == ["a", "b", "a"]
            and b["state"] == "ENABLED"
            and b["repository_info"]["repository_type"] == "local"
        ),
    )
    answer = create(d, "bare")
    d.expect("create without labels and tags", answer, 200, that=lambda b: not b.get("tags"))
    answer = create(d, "bare", name="another")
    d.expect("create of a taken policy_id", answer, *outcome("create duplicate", d.era))
    answer = create(d, "odd-permissions", permissions=["", "not a permission"])
    d.expect("permissions are not checked", answer, 200)
    answer = create(d, "no-domain", domain_id="")
    own = d.env["domain_id"]
    d.expect("the domain may be left out", answer, 200, that=lambda b: b["domain_id"] == own)
    answer = create(d, "foreign", domain_id=d.env["other_domain_id"])
    d.expect(
        "another domain is replaced by the token's",
        answer,
        200,
        that=lambda b: b["domain_id"] == own,
    )


def refusing(d: Driver) -> None:
    """Checks the creates that the server rejects."""
    for field in ("policy_id", "name"):
        answer = create(d, "refused", **{field: ""})
        d.expect(f"create without {field}", answer, 400, "ERROR_REQUIRED_PARAMETER")
    answer = create(d, "refused", permissions=[])
    d.expect("create without permissions", answer, 400, "ERROR_REQUIRED_PARAMETER")
    for bad in ("Upper", "with space", "under_score", "dotted.id"):
        answer = create(d, "refused", policy_id=bad)
        d.expect(f"create with policy_id {bad!r}", answer, *outcome("create invalid id", d.era))
    answer = create(d, "refused", policy_id="a" * 49)
    d.expect("create with a policy_id of 49", answer, *outcome("create long id", d.era))
    answer = create(d, "refused", name="n" * 256)
    d.expect("create with a name of 256", answer, 500, "ERROR_DB_QUERY")
    answer = create(d, "refused", labels=["l" * 256])
    d.expect("create with a label of 256", answer, 500, "ERROR_DB_QUERY")


def accepting(d: Driver) -> None:
    """Checks the limits that the server still accepts, including upstream bugs."""
    answer = create(d, "long", policy_id=d.tag("long").ljust(48, "0"))
    d.expect("create with a policy_id of 48", answer, 200)
    answer = create(d, "leading", policy_id=f"-{d.tag('leading')}")
    d.expect("a hyphen at the beginning passes", answer, 200)
    answer = create(d, "long-name", name="n" * 255)
    d.expect("create with a name of 255", answer, 200)
    answer = create(d, "trailing_")
    d.expect("one bad character at the end passes", answer, 200)
    answer = create(d, "dotted-tag", tags={"app.kubernetes.io/name": "x"})
    d.expect("create with a dot in a tag's key", answer, *outcome("create dotted tag", d.era))


def getting(d: Driver) -> None:
    """Checks which objects get returns, and for which token."""
    domain, known = d.env["domain_id"], d.tag("full")
    get = {"policy_id": known, "domain_id": domain}
    d.expect("get", d.policy("get", **get), 200, that=lambda b: b["policy_id"] == known)
    answer = d.policy("get", auth=None, **get)
    d.expect("get needs no token", answer, 200, that=lambda b: b["policy_id"] == known)
    d.expect("get takes an expired token", d.policy("get", auth="expired_token", **get), 200)
    missing = outcome("get missing", d.era)
    answer = d.policy("get", policy_id=NEVER, domain_id=domain)
    d.expect("get of a missing policy", answer, *missing)
    answer = d.policy("get", **get | {"domain_id": d.env["other_domain_id"]})
    d.expect("get in another domain", answer, *missing)
    answer = d.policy("get", repository_id="repo-000000000000", **get)
    d.expect("get in an unknown repository", answer, *missing)
    answer = d.policy("get", repository_id=d.env["repository_id"], **get)
    d.expect("get in the known repository", answer, 200)
    answer = d.policy("get", policy_id=known)
    d.expect("get without a domain", answer, *outcome("get without domain", d.era))
    answer = d.policy("get", only=["name"], **get)
    d.expect(
        "get of one field",
        answer,
        200,
        that=lambda b: b["name"] == known and "permissions" not in b,
    )


def updating(d: Driver) -> None:
    """Checks the fields that an update changes or ignores without an error."""
    before = create(d, "changing", labels=["x"], tags={"a": "1", "b": "2"}).body
    answer = update(d, "changing", name="Changed")
    d.expect(
        "update of one field keeps the others; updated_at stays",
        answer,
        200,
        that=lambda b: (
            b == before | {"name": "Changed", "updated_at": b["updated_at"]}
            and b["updated_at"][:19] == before["updated_at"][:19]
        ),
    )
    answer = update(d, "changing", permissions=["new.*"])
    d.expect("permissions are replaced", answer, 200, that=lambda b: b["permissions"] == ["new.*"])
    answer = update(d, "changing", permissions=[])
    d.expect("no permissions: ignored", answer, 200, that=lambda b: b["permissions"] == ["new.*"])
    answer = update(d, "changing", name="")
    d.expect("no name: ignored", answer, 200, that=lambda b: b["name"] == "Changed")
    answer = update(d, "changing", tags={"c": "3"})
    d.expect("tags are replaced, not merged", answer, 200, that=lambda b: b["tags"] == {"c": "3"})
    answer = update(d, "changing", tags={})
    d.expect("no tags: cleared", answer, 200, that=lambda b: not b.get("tags"))
    answer = update(d, "changing", labels=[])
    d.expect("no labels: cleared", answer, 200, that=lambda b: not b.get("labels"))
    answer = update(d, "changing")
    d.expect("update of nothing", answer, 200, that=lambda b: b["name"] == "Changed")
    answer = update(d, "changing", name="n" * 256)
    d.expect("update with a name of 256", answer, 500, "ERROR_DB_QUERY")
    answer = update(d, NEVER, name="x")
    d.expect("update of a missing policy", answer, *outcome("update missing", d.era))


def deleting(d: Driver) -> None:
    """Checks that delete answers `{}` once."""
    create(d, "doomed")
    doomed = {"policy_id": d.tag("doomed"), "domain_id": d.env["domain_id"]}
    d.expect("delete", d.policy("delete", **doomed), 200, that=lambda b: b == {})
    answer = d.policy("delete", **doomed)
    d.expect("delete again", answer, *outcome("delete missing", d.era))
    answer = d.policy("get", **doomed)
    d.expect("get after delete", answer, *outcome("get missing", d.era))
    d.expect("create after delete", create(d, "doomed"), 200)


def authorizing(d: Driver) -> None:
    """Checks that all operations but get need an intact, valid token of the same domain."""
    guarded = {"policy_id": d.tag("full"), "domain_id": d.env["domain_id"]}
    new = guarded | {"policy_id": d.tag("new"), "name": "n", "permissions": ["a.*"]}
    listed = {"repository_id": d.env["repository_id"], "domain_id": d.env["domain_id"]}
    wrong = {
        None: "without a token",
        "garbage": "with no JWT",
        "expired_token": "with an expired token",
    }
    for auth, how in wrong.items():
        for operation, fields in (
            ("create", new),
            ("update", guarded),
            ("delete", guarded),
            ("list", listed),
        ):
            answer = d.policy(operation, auth=auth, **fields)
            d.expect(f"{operation} {how}", answer, 401, "ERROR_AUTHENTICATE_FAILURE")
    for operation in ("update", "delete"):
        answer = d.policy(operation, auth="other_token", **guarded)
        expected = outcome(f"{operation} missing", d.era)
        d.expect(f"{operation} with another domain's token", answer, *expected)
    answer = d.policy("create", auth="other_token", **new)
    other = d.env["other_domain_id"]
    d.expect(
        "create with another domain's token goes there",
        answer,
        200,
        that=lambda b: b["domain_id"] == other,
    )


CHECKS = (creating, refusing, accepting, getting, updating, deleting, authorizing)
