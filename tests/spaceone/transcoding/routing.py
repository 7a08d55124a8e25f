"""Finds the method of a verb and path: annotated paths, and the consoles' two verb spellings.

This module and `requests` differ from strict google.api.http in two documented ways, because the
published annotations cannot be served unchanged: a variable that is no field of the request
(`{policy}`) means `<variable>_id`, and bodies are read although the annotations have no `body:`.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from transcoding.errors import INVALID_ARGUMENT, UNIMPLEMENTED, ApiError
from transcoding.reflection import Method

VARIABLE = re.compile(r"\{([^}=]+)(?:=[^}]*)?\}")


@dataclass(frozen=True)
class Route:
    """A path to a method."""

    verb: str
    template: str
    method: Method

    @property
    def rpc(self) -> str:
        """Returns the rpc of the route, for listings."""
        return f"{self.method.resource}.{self.method.name}"

    def variables(self, path: str) -> dict[str, str] | None:
        """Returns the values of the template's variables in `path`; None if it does not match."""
        literals = VARIABLE.split(self.template)
        pattern = "([^/]+)".join(re.escape(literal) for literal in literals[::2])
        found = re.fullmatch(pattern, path)
        if found is None:
            return None
        return dict(zip(literals[1::2], map(unquote, found.groups()), strict=True))


@dataclass(frozen=True)
class Match:
    """A route with the request fields from the path."""

    method: Method
    fields: dict[str, str]


class Table:
    """All routes. Literal paths win over templates, as in google.api.http."""

    def __init__(self) -> None:
        """Creates an empty table."""
        self._literal: dict[tuple[str, str], Route] = {}
        self._templates: dict[tuple[str, str], Route] = {}

    def add(self, service: str, method: Method) -> None:
        """Adds `method` at its annotated paths and at both verb spellings."""
        for binding in method.bindings:
            self._insert(Route(binding.verb, binding.template, method))
        spelling = f"{_kebab(method.resource)}/{method.name.replace('_', '-')}"
        for prefix in (f"/{service}", f"/{service}/v1"):
            self._insert(Route("POST", f"{prefix}/{spelling}", method))

    def _insert(self, route: Route) -> None:
        """Adds a route unless the path has one, so that annotations take precedence."""
        routes = self._templates if VARIABLE.search(route.template) else self._literal
        routes.setdefault((route.verb, route.template), route)

    def routes(self) -> list[Route]:
        """Returns all routes in the order in which they were added."""
        return [*self._literal.values(), *self._templates.values()]

    def find(self, verb: str, path: str) -> Match:
        """Returns the method of `verb` and `path`; raises ApiError 404 or 405 if there is none."""
        if route := self._literal.get((verb, path)):
            return Match(route.method, {})
        for route in self._templates.values():
            found = route.variables(path) if route.verb == verb else None
            if found is not None:
                return Match(route.method, _as_fields(route.method, found))
        raise self._missing(verb, path)

    def _missing(self, verb: str, path: str) -> ApiError:
        """Returns 405 if the path exists with another verb, else 404."""
        if any(route.variables(path) is not None for route in self.routes()):
            reason, status = "method not allowed", 405
        else:
            reason, status = "no such path", 404
        text = f"{reason}: {verb} {path}"
        return ApiError(UNIMPLEMENTED, "ERROR_UNSUPPORTED_API", text, status)


def _as_fields(method: Method, variables: dict[str, str]) -> dict[str, str]:
    """Maps the path's values to request fields."""
    known = method.request_type.DESCRIPTOR.fields_by_name
    fields = {}
    for name, value in variables.items():
        field = name if name in known else f"{name}_id"
        if field not in known:
            raise ApiError(INVALID_ARGUMENT, "ERROR_INVALID_ARGUMENT", f"{name} is no field")
        fields[field] = value
    return fields


def _kebab(name: str) -> str:
    """Converts `NetworkPolicy` to `network-policy` and `APIKey` to `api-key`, as consoles do."""
    words = re.sub(r"(?<=[A-Z])(?=[A-Z][a-z])|(?<=[a-z0-9])(?=[A-Z])", "-", name)
    return words.lower()
