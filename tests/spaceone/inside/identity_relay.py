"""Lets the inventory of June 2020 read public keys from an identity server of 2022.

    identity_relay.py LISTEN IDENTITY

The old authentication handler builds its client from server reflection and from its installed
protos, and the two differ when the server is newer. The messages of its only call,
Domain.get_public_key, are the same on the wire. This server therefore shows the old protos and
forwards the bytes of that call unchanged. It runs in the 2020 environment.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_reflection.v1alpha import reflection
from spaceone.api.identity.v1 import domain_pb2

SERVICE = domain_pb2.DESCRIPTOR.services_by_name["Domain"].full_name
METHOD = "get_public_key"
TIMEOUT_SECONDS = 10


def handler(identity: str) -> grpc.GenericRpcHandler:
    """Returns a handler without serializers: request and response stay bytes."""
    forward = grpc.insecure_channel(identity).unary_unary(f"/{SERVICE}/{METHOD}")

    def relay(request: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            return forward(request, timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            context.abort(error.code(), error.details())

    return grpc.method_handlers_generic_handler(
        SERVICE, {METHOD: grpc.unary_unary_rpc_method_handler(relay)}
    )


def main() -> None:
    """Serves until it is killed."""
    listen, identity = sys.argv[1:]
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    server.add_generic_rpc_handlers((handler(identity),))
    reflection.enable_server_reflection([SERVICE], server)
    server.add_insecure_port(listen)
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
