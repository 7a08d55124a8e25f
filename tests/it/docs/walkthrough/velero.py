#!/usr/bin/env python3
"""Stands in for Velero: backs up the objects of a namespace, and restores them as Velero does.

velero backup create NAME --include-namespaces NAMESPACE --wait
velero restore create --from-backup NAME --wait

Like Velero, a restore drops status, uid, versions and owners, keeps finalizers, labels and
annotations, adds labels of its own, and skips objects that exist.
"""

import json
import subprocess
import sys
from pathlib import Path

# In the order of a restore: first what Velero puts first, then by name.
KINDS = ["secrets", "configmaps", "connections", "networkpolicies", "policies"]
GROUP = "cloudpolicy.dev"
DROPPED = {
    "generateName",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
}


def kubectl(*arguments, text=None):
    command = ["kubectl", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def file_of(backup):
    return Path.home() / f"backup-{backup}.json"


def back_up(backup, namespace):
    items = []
    for kind in KINDS:
        resource = kind if kind in ("secrets", "configmaps") else f"{kind}.{GROUP}"
        listed = kubectl("get", resource, "--namespace", namespace, "--output", "json")
        listed.check_returncode()
        items += json.loads(listed.stdout)["items"]
    file_of(backup).write_text(json.dumps(items))


def reset(item, backup):
    metadata = {key: value for key, value in item["metadata"].items() if key not in DROPPED}
    labels = {"velero.io/backup-name": backup, "velero.io/restore-name": f"{backup}-restored"}
    metadata["labels"] = {**metadata.get("labels", {}), **labels}
    kept = {key: value for key, value in item.items() if key not in ("metadata", "status")}
    return {**kept, "metadata": metadata}


def restore(backup):
    for item in json.loads(file_of(backup).read_text()):
        made = kubectl("create", "--filename", "-", text=json.dumps(reset(item, backup)))
        if made.returncode and "AlreadyExists" not in made.stderr:
            sys.exit(made.stderr)


def main(arguments):
    match arguments:
        case ["backup", "create", backup, "--include-namespaces", namespace, "--wait"]:
            back_up(backup, namespace)
        case ["restore", "create", "--from-backup", backup, "--wait"]:
            restore(backup)
        case _:
            sys.exit(f"velero: not known: {arguments}")


if __name__ == "__main__":
    main(sys.argv[1:])
