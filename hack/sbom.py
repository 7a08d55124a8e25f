#!/usr/bin/env python3
"""Writes the SBOM of the operator's image to standard output, as a CycloneDX document.

    hack/sbom.py >sbom.cdx.json

It lists the crates that are linked into the program, the Rust standard library, the C library and
the root certificates. It does not list crates that only build or test the program. The same commit
on the same system gives the same bytes.
"""

import json
import os
import pathlib
import platform
import re
import subprocess
import tomllib
import uuid
from datetime import UTC, datetime

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The targets of the image. One SBOM serves both: it lists every crate that either program contains.
TARGETS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")


def run(*command):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def for_targets(option):
    return [word for target in TARGETS for word in (option, target)]


def linked():
    """Returns (name, version) of the linked crates, without build dependencies and procedural macros."""
    tree = ("tree", "--locked", "--package", "cloud-policy-operator", *for_targets("--target"))
    lines = run(
        "cargo", *tree, "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"
    ).splitlines()
    return {
        (name, version.removeprefix("v"))
        for name, version, *_ in map(str.split, filter(None, lines))
    }


def checksums():
    """Returns the checksum of each crate from the lock file; crates of this workspace have none."""
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))
    return {
        (package["name"], package["version"]): package.get("checksum")
        for package in lock["package"]
    }


def component(package, checksum):
    reference = purl("cargo", package["name"], package["version"])
    name, version = package["name"], package["version"]
    found = {
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": version,
        "purl": reference,
    }
    if package["license"]:
        # Older crates separate licenses with a slash.
        found["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", package["license"])}]
    if checksum:
        found["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["repository"]:
        found["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return found


def purl(kind, name, version):
    return f"pkg:{kind}/{name}@{version.replace('+', '%2B')}"


def others():
    """Returns the components of the image that are not crates."""
    pins = (ROOT / "hack/image/certificates.txt").read_text(encoding="utf-8")
    name, version = re.search(r"^([a-z]+)==(\S+)", pins, re.MULTILINE).groups()
    toolchain = tomllib.loads((ROOT / "rust-toolchain.toml").read_text(encoding="utf-8"))[
        "toolchain"
    ]["channel"]
    glibc = platform.libc_ver()[1]
    found = [
        (
            "data",
            purl("pypi", name, version),
            "root certificates of Mozilla, from certifi",
            version,
            "MPL-2.0",
        ),
        (
            "library",
            purl("generic", "rust-std", toolchain),
            "Rust standard library",
            toolchain,
            "MIT OR Apache-2.0",
        ),
        ("library", purl("generic", "glibc", glibc), "glibc", glibc, "LGPL-2.1-or-later"),
    ]
    keys = ("type", "bom-ref", "name", "version")
    return [
        {
            **dict(zip(keys, facts, strict=False)),
            "purl": facts[1],
            "licenses": [{"expression": facts[4]}],
        }
        for facts in found
    ]


def dependencies(metadata, kept, extra):
    """Returns the dependencies between the components, by reference."""
    names = {
        package["id"]: purl("cargo", package["name"], package["version"])
        for package in metadata["packages"]
    }
    edges = {}
    for node in metadata["resolve"]["nodes"]:
        if names[node["id"]] in kept:
            edges[names[node["id"]]] = sorted(
                {names[needed] for needed in node["dependencies"]} & kept
            )
    program = next(
        reference for reference in edges if reference.startswith("pkg:cargo/cloud-policy-operator@")
    )
    edges[program] = sorted([*edges[program], *extra])
    edges.update({reference: [] for reference in extra})
    return [{"ref": reference, "dependsOn": needed} for reference, needed in sorted(edges.items())]


def document():
    platforms = for_targets("--filter-platform")
    metadata = json.loads(run("cargo", "metadata", "--locked", "--format-version", "1", *platforms))
    crates, sums = linked(), checksums()
    packages = [
        package
        for package in metadata["packages"]
        if (package["name"], package["version"]) in crates
    ]
    components = [
        component(package, sums[package["name"], package["version"]]) for package in packages
    ]
    components.sort(key=lambda found: found["bom-ref"])
    program = next(found for found in components if found["name"] == "cloud-policy-operator")
    components.remove(program)
    rest = others()
    kept = {found["bom-ref"] for found in [program, *components]}
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or run("git", "log", "-1", "--format=%ct"))
    body = {
        "metadata": {
            "timestamp": datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {**program, "type": "application"},
        },
        "components": [*components, *rest],
        "dependencies": dependencies(metadata, kept, [found["bom-ref"] for found in rest]),
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(body, sort_keys=True))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        **body,
    }


if __name__ == "__main__":
    print(json.dumps(document(), indent=2))
