"""Creates the objects that tests need: two domains with tokens, a repository, zones."""

import uuid
from dataclasses import dataclass
from typing import Any

from stack.client import call
from stack.failure import HarnessError

DAY_SECONDS = 86_400
OWNER = "owner"
# The identity service requires letters, digits and a special character. The servers run on
# loopback and keep their data in memory.
PASSWORD = "Loopback-only-1!"


@dataclass(frozen=True)
class Domain:
    """A domain and the token of its owner."""

    domain_id: str
    token: str


def bootstrap(base_url: str, has_inventory: bool) -> dict[str, str | None]:
    """Creates all objects through the public API; returns the variable part of env.json."""
    own, other = _domain(base_url, "own"), _domain(base_url, "other")
    repository = {"name": "Local", "repository_type": "local"}
    registered = _post(base_url, "/repository/repository/register", repository, own.token)
    found = {
        "domain_id": own.domain_id,
        "token": own.token,
        # Issued an hour ago: a token that expires after a second would still be valid in the verb
        # era, whose token library allows a minute of clock skew.
        "expired_token": _token(base_url, own.domain_id, -3600),
        "other_domain_id": other.domain_id,
        "other_token": other.token,
        "repository_id": registered["repository_id"],
    }
    empty = dict.fromkeys(("region_id", "zone_id", "zone_id_2"))
    return found | (_zones(base_url, own) if has_inventory else empty)


def _domain(base_url: str, name: str) -> Domain:
    """Creates a domain with an owner, whose role passes all authorization checks."""
    body = {"name": f"{name}-{uuid.uuid4().hex[:6]}"}
    domain_id = _post(base_url, "/identity/domain/create", body)["domain_id"]
    owner = {"owner_id": OWNER, "name": OWNER, "password": PASSWORD, "domain_id": domain_id}
    _post(base_url, "/identity/domain-owner/create", owner)
    return Domain(domain_id, _token(base_url, domain_id, DAY_SECONDS))


def _token(base_url: str, domain_id: str, seconds: int) -> str:
    """Returns an access token of the domain's owner."""
    body = {
        "credentials": {"user_type": "DOMAIN_OWNER", "user_id": OWNER, "password": PASSWORD},
        "user_id": OWNER,
        "user_type": "DOMAIN_OWNER",
        "domain_id": domain_id,
        "timeout": seconds,
    }
    return str(_post(base_url, "/identity/token/issue", body)["access_token"])


def _zones(base_url: str, own: Domain) -> dict[str, str | None]:
    """Creates a region with two zones. A NetworkPolicy cannot change its zone_id."""
    region = {"name": "seoul", "domain_id": own.domain_id}
    region_id = _post(base_url, "/inventory/region/create", region, own.token)["region_id"]
    zones = []
    for name in ("zone-a", "zone-b"):
        body = {"name": name, "region_id": region_id, "domain_id": own.domain_id}
        zones.append(_post(base_url, "/inventory/zone/create", body, own.token)["zone_id"])
    return {"region_id": region_id, "zone_id": zones[0], "zone_id_2": zones[1]}


def _post(base_url: str, path: str, body: dict[str, Any], token: str | None = None) -> Any:
    """Sends a request that must succeed."""
    answer = call(base_url, "POST", path, body, token=token)
    if answer.status != 200:
        raise HarnessError(f"bootstrap: POST {path} answered {answer.status} {answer.body}")
    return answer.body
