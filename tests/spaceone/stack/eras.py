"""The servers of an era, and the pinned environments that they need.

An era is one generation of SpaceONE's HTTP interface. `rest` has the RESTful paths, and only it
has NetworkPolicy. `verb` has `POST .../policy/create` and a real HTTP front end.
"""

from dataclasses import dataclass

MAIN = "main"
INVENTORY_2020 = "inventory-2020"


@dataclass(frozen=True)
class Era:
    """One generation: its environments (name to requirements file) and its optional servers."""

    name: str
    environments: dict[str, str]
    has_inventory: bool
    has_console: bool


ERAS: dict[str, Era] = {
    "rest": Era(
        name="rest",
        # Two environments, because the inventory of 2020 needs a spaceone-core of 2020.
        environments={MAIN: "rest.txt", INVENTORY_2020: "inventory-2020.txt"},
        has_inventory=True,
        has_console=False,
    ),
    "verb": Era(
        name="verb",
        environments={MAIN: "verb.txt"},
        has_inventory=False,
        has_console=True,
    ),
}
