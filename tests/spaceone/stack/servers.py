"""Command lines and configuration files of an era's SpaceONE servers.

The files are JSON, which is also YAML. All databases are `mongomock://`: a server keeps its state
in memory and loses it at its end.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.eras import INVENTORY_2020, MAIN, Era
from stack.ports import Ports

ROOT = Path(__file__).parent.parent
HANDLER = "spaceone.core.handler"
CONNECTOR = "spaceone.core.connector.space_connector.SpaceConnector"


@dataclass(frozen=True)
class Server:
    """One process: name (also of its log), environment, and arguments of the interpreter."""

    name: str
    environment: str
    arguments: list[str]


@dataclass(frozen=True)
class Options:
    """The user's options for the HTTP front."""

    port: int
    error_style: str
    emit_defaults: bool


@dataclass(frozen=True)
class Addresses:
    """The loopback addresses of the servers."""

    identity: str
    repository: str
    inventory: str
    relay: str
    transcoder: str
    console: str

    @classmethod
    def reserve(cls, ports: Ports, transcoder_port: int) -> "Addresses":
        """Reserves a port for each server of any era."""
        wanted = [0, 0, 0, 0, transcoder_port, 0]
        return cls(*(f"127.0.0.1:{ports.reserve(port)}" for port in wanted))


def servers(era: Era, at: Addresses, folder: Path, options: Options) -> list[Server]:
    """Returns the era's processes. They may start together: each connects at its first request."""
    settings = _service("identity", at, at.identity)
    # Identity keeps what roles permit in a cache, and fails to change roles without one.
    settings["CACHES"] = {"default": {"backend": "memory_cache.MemoryCache"}}
    identity = _grpc("spaceone.identity", at.identity, settings, folder)
    repository = _grpc(
        "spaceone.repository", at.repository, _service("repository", at, at.identity), folder
    )
    result = [identity, repository]
    if era.has_inventory:
        result += _inventory(at, folder)
    if era.has_console:
        result.append(_console(at, folder))
    return [*result, _transcoder(era, at, options)]


def openapi_folder(folder: Path, service: str) -> Path:
    """Returns the folder in which the console finds the list of a service's paths."""
    return folder / "openapi" / service


def _service(name: str, at: Addresses, keys: str) -> dict[str, Any]:
    """Returns the configuration of a server that checks tokens at the identity service `keys`."""
    return {
        "DATABASES": {
            "default": {
                "db": name,
                "host": "mongomock://localhost",
                "port": 27017,
                "username": "",
                "password": "",
            }
        },
        "HANDLERS": {
            "authentication": [
                _handler("authentication", "AuthenticationGRPC", f"{keys}/v1/Domain/get_public_key")
            ],
            "authorization": [
                _handler(
                    "authorization", "AuthorizationGRPC", f"{at.identity}/v1/Authorization/verify"
                )
            ],
            # Replaces the request's domain by the token's, as upstream deployments do.
            "mutation": [{"backend": f"{HANDLER}.mutation_handler.SpaceONEMutationHandler"}],
        },
        # Identity reads the policies that a role names from the repository.
        "CONNECTORS": _connectors(
            identity=at.identity, secret=at.identity, repository=at.repository
        ),
    }


def _handler(module: str, name: str, uri: str) -> dict[str, str]:
    """Returns a handler of spaceone-core that uses gRPC."""
    return {"backend": f"{HANDLER}.{module}_handler.{name}Handler", "uri": f"grpc://{uri}"}


def _connectors(**endpoints: str) -> dict[str, Any]:
    """Returns a server's connections to other servers."""
    urls = {name: f"grpc://{address}" for name, address in endpoints.items()}
    return {"SpaceConnector": {"backend": CONNECTOR, "endpoints": urls}}


def _inventory(at: Addresses, folder: Path) -> list[Server]:
    """Returns the inventory of June 2020, and the relay through which it reads public keys."""
    settings = _service("inventory", at, at.relay)
    # The spaceone-core of 2020 has neither.
    del settings["HANDLERS"]["mutation"], settings["CONNECTORS"]
    relay = [str(ROOT / "inside" / "identity_relay.py"), at.relay, at.identity]
    return [
        Server("identity-relay", INVENTORY_2020, relay),
        _grpc("inventory", at.inventory, settings, folder, INVENTORY_2020),
    ]


def _console(at: Addresses, folder: Path) -> Server:
    """Returns the real HTTP front end of the verb era."""
    services = ("identity", "repository")
    settings = {
        "OPENAPI_JSON_DIRS": [str(openapi_folder(folder, name) / "*.json") for name in services],
        "CONNECTORS": _connectors(identity=at.identity, repository=at.repository),
    }
    host, port = at.console.split(":")
    config = _write(folder, "console", settings)
    arguments = ["rest", "cloudforet.console_api_v2", "-h", host, "-p", port, "-c", config]
    return Server("console", MAIN, [str(ROOT / "inside" / "launch.py"), *arguments])


def _transcoder(era: Era, at: Addresses, options: Options) -> Server:
    """Returns the project's HTTP front, which both eras have."""
    backends = {"identity": at.identity, "repository": at.repository}
    if era.has_inventory:
        backends["inventory"] = at.inventory
    arguments = [str(ROOT / "transcoder.py"), "--listen", at.transcoder]
    arguments += ["--error-style", options.error_style]
    arguments += ["--emit-defaults"] if options.emit_defaults else []
    for name, address in backends.items():
        arguments += ["--backend", f"{name}={address}"]
    return Server("transcoder", MAIN, arguments)


def _grpc(
    package: str, address: str, settings: dict[str, Any], folder: Path, environment: str = MAIN
) -> Server:
    """Returns an unmodified SpaceONE gRPC server."""
    name = package.removeprefix("spaceone.")
    port = address.rsplit(":", 1)[1]
    arguments = ["grpc", package, "-p", port, "-c", _write(folder, name, settings)]
    return Server(name, environment, [str(ROOT / "inside" / "launch.py"), *arguments])


def _write(folder: Path, name: str, settings: dict[str, Any]) -> str:
    """Writes a server's configuration and returns its path."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"GLOBAL": settings}, indent=1))
    return str(path)
