"""Further objects that a client reads: repositories, zones, regions."""

from checks.driver import Driver

LOCAL = {"repository_type": "local"}


def repositories(d: Driver) -> None:
    """Checks the local repository's id, which a list of policies needs."""
    found = d.env["repository_id"]
    paths = ["/repository/v1/repository/list", "/repository/repository/list"]
    if d.era == "rest":
        paths.append("/repository/v1/repositories/search")
    for path in paths:
        answer = d.send("POST", path, LOCAL)
        d.expect(
            f"the local repository by {path}",
            answer,
            200,
            that=lambda b: [r["repository_id"] for r in b["results"]] == [found],
        )
        answer = d.send("POST", path, {"repository_type": "remote"})
        d.expect("no remote repository", answer, 200, that=lambda b: b == {})


def spellings(d: Driver) -> None:
    """Checks that both verb spellings reach the same rpc in both eras."""
    get = {"policy_id": d.tag("full"), "domain_id": d.env["domain_id"]}
    for prefix in ("/repository/v1", "/repository"):
        answer = d.send("POST", f"{prefix}/policy/get", get)
        d.expect(
            f"get by {prefix}/policy/get",
            answer,
            200,
            that=lambda b: b["policy_id"] == get["policy_id"],
        )


def annotated_list(d: Driver) -> None:
    """Checks the list of policies by GET, which only the rest era has."""
    fields = {"repository_id": d.env["repository_id"], "domain_id": d.env["domain_id"]}
    answer = d.policy("list-by-get", **fields, policy_id=d.tag("full"))
    d.expect("list by GET", answer, 200, that=lambda b: b["total_count"] == 1)


def places(d: Driver) -> None:
    """Checks zones and regions, where a client finds a zone_id."""
    domain = d.env["domain_id"]
    zones = [d.env["zone_id"], d.env["zone_id_2"]]
    for method, path, body in (
        ("GET", f"/inventory/v1/zones?domain_id={domain}", None),
        ("POST", "/inventory/v1/zones/search", {"domain_id": domain}),
        ("POST", "/inventory/v1/zone/list", {"domain_id": domain}),
    ):
        answer = d.send(method, path, body)
        d.expect(
            f"zones by {method}",
            answer,
            200,
            that=lambda b: [z["zone_id"] for z in b["results"]] == zones,
        )
    answer = d.send("POST", "/inventory/v1/regions/search", {"domain_id": domain})
    d.expect("regions", answer, 200, that=lambda b: b["total_count"] == 1)
    answer = d.send("GET", f"/inventory/v1/zone/{zones[0]}?domain_id={domain}")
    d.expect("one zone", answer, 200, that=lambda b: b["zone_id"] == zones[0])
    answer = d.send("GET", f"/inventory/v1/zone/zone-000000000000?domain_id={domain}")
    d.expect("a missing zone", answer, 400, "ERROR_NOT_FOUND")
    answer = d.send("POST", "/inventory/v1/zones/search", {"domain_id": domain}, None)
    d.expect("zones without a token", answer, 401, "ERROR_AUTHENTICATE_FAILURE")


CHECKS = {
    "rest": (repositories, spellings, annotated_list, places),
    "verb": (repositories, spellings),
}
