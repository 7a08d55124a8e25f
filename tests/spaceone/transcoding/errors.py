"""Errors in the three body styles of the SpaceONE fronts."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

import grpc

# gRPC code to HTTP status. The console fronts of all eras use the same mapping.
HTTP_STATUS = {
    0: 200, 1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429,
    9: 400, 10: 409, 11: 400, 12: 501, 13: 500, 14: 503, 15: 500, 16: 401,
}  # fmt: skip
INVALID_ARGUMENT, UNIMPLEMENTED, INTERNAL, UNAUTHENTICATED = 3, 12, 13, 16


class Style(Enum):
    """The front whose error body is written."""

    DETAIL = "detail"  # console-api from 2023-10 on, and console-api-v2
    ERROR = "error"  # console-api before
    GRPC_GATEWAY = "grpc-gateway"  # the generated Go gateway


@dataclass
class ApiError(Exception):
    """An error, independent of the style."""

    grpc_code: int
    code: str
    message: str
    status: int | None = None

    @property
    def http_status(self) -> int:
        """Returns the HTTP status: from the gRPC code, unless the front sets one."""
        return self.status or HTTP_STATUS.get(self.grpc_code, 500)

    def body(self, style: Style) -> dict[str, Any]:
        """Returns the JSON body in `style`."""
        if style is Style.GRPC_GATEWAY:
            text = f"{self.code}: {self.message}"
            return {"code": self.grpc_code, "message": text, "details": []}
        return {style.value: {"code": self.code, "message": self.message}}

    @classmethod
    def from_rpc(cls, error: grpc.RpcError) -> "ApiError":
        """Splits `ERROR_CODE: text`, the servers' format of gRPC details."""
        details = error.details() or ""
        code, colon, text = details.partition(":")
        if not colon or not code.startswith("ERROR_"):
            code, text = "ERROR_UNKNOWN", details
        return cls(error.code().value[0], code.strip(), text.strip())
