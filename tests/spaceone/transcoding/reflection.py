"""Reads a server's methods, message types and google.api.http annotations from its reflection."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import grpc
from google.api import annotations_pb2  # registers the extension with the paths
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

FileProto = descriptor_pb2.FileDescriptorProto
MethodProto = descriptor_pb2.MethodDescriptorProto
REFLECTION_SECONDS = 30


@dataclass(frozen=True)
class Binding:
    """One annotated HTTP path of a method."""

    verb: str
    template: str


class Method:
    """One unary rpc. It creates message classes at first use, as most methods are never called."""

    def __init__(self, server: "Server", service: str, proto: MethodProto) -> None:
        """Describes `proto`, a method of the fully named `service`."""
        self.resource = service.rsplit(".", 1)[1]
        self.name = proto.name
        self.bindings = list(_bindings(proto))
        self._server, self._path = server, f"/{service}/{proto.name}"
        self._input, self._output = proto.input_type, proto.output_type

    @cached_property
    def request_type(self) -> type[Message]:
        """Returns the class of the request message."""
        return self._server.message(self._input)

    @cached_property
    def call(self) -> Callable[..., Message]:
        """Sends a request and returns the response; raises grpc.RpcError."""
        return self._server.channel.unary_unary(
            self._path,
            request_serializer=self.request_type.SerializeToString,
            response_deserializer=self._server.message(self._output).FromString,
        )


class Server:
    """One SpaceONE service and its reflection data."""

    def __init__(self, name: str, address: str) -> None:
        """Creates the client. It sends nothing before `load`."""
        self.name = name
        self.channel = grpc.insecure_channel(address)
        # Each service has its own pool, because two may have different versions of the same file.
        self._pool = descriptor_pool.DescriptorPool()
        self._factory = message_factory.MessageFactory(self._pool)

    def wait(self, seconds: float) -> None:
        """Waits until the server accepts calls; raises grpc.FutureTimeoutError at the limit."""
        grpc.channel_ready_future(self.channel).result(timeout=seconds)

    def message(self, name: str) -> type[Message]:
        """Returns the class of a message type by its full name."""
        return self._factory.GetPrototype(self._pool.FindMessageTypeByName(name.lstrip(".")))

    def load(self) -> list[Method]:
        """Returns the unary methods of this service's API (without health and server info)."""
        names = {s.name for s in self._ask(list_services="").list_services_response.service}
        files = self._files(names)
        for file in _dependencies_first(files):
            self._pool.AddSerializedFile(file.SerializeToString())
        return [
            Method(self, f"{file.package}.{service.name}", method)
            for file in files.values()
            if file.package.startswith(f"spaceone.api.{self.name}.")
            for service in file.service
            if f"{file.package}.{service.name}" in names
            for method in service.method
            if not (method.client_streaming or method.server_streaming)
        ]

    def _files(self, symbols: set[str]) -> dict[str, FileProto]:
        """Returns the files that define `symbols`, with all imported files."""
        files: dict[str, FileProto] = {}
        queries = [{"file_containing_symbol": symbol} for symbol in symbols]
        while queries:
            answer = self._ask(**queries.pop()).file_descriptor_response
            for blob in answer.file_descriptor_proto:
                file = FileProto.FromString(blob)
                files[file.name] = file
            wanted = {name for file in files.values() for name in file.dependency}
            queries = queries or [{"file_by_filename": name} for name in wanted - files.keys()]
        return files

    def _ask(self, **query: str) -> Any:
        """Sends one reflection request."""
        stub = ServerReflectionStub(self.channel)
        requests = iter([ServerReflectionRequest(**query)])
        answer = next(iter(stub.ServerReflectionInfo(requests, timeout=REFLECTION_SECONDS)))
        if answer.HasField("error_response"):
            raise RuntimeError(f"{self.name}, {query}: {answer.error_response.error_message}")
        return answer


def _bindings(proto: MethodProto) -> Iterator[Binding]:
    """Returns the annotation and its additional bindings, if the method has one."""
    rule = proto.options.Extensions[annotations_pb2.http]
    for one in (rule, *rule.additional_bindings):
        verb = one.WhichOneof("pattern")
        if verb is not None:
            yield Binding(verb.upper(), getattr(one, verb))


def _dependencies_first(files: dict[str, FileProto]) -> Iterator[FileProto]:
    """Returns the files in an order in which a pool accepts them."""
    seen: set[str] = set()

    def visit(name: str) -> Iterator[FileProto]:
        if name not in seen:
            seen.add(name)
            for dependency in files[name].dependency:
                yield from visit(dependency)
            yield files[name]

    for name in files:
        yield from visit(name)
