"""Builds a request message from path, query string and body. Path beats query beats body."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from transcoding.errors import INTERNAL, INVALID_ARGUMENT, ApiError
from transcoding.routing import Match

UNKNOWN_FIELD = re.compile(
    r'Message type "(?:[\w.]+\.)?(?P<message>\w+)" has no field named "(?P<field>[^"]*)"'
)
NOT_JSON = "JSON Parsing Error: Request body requires JSON format."


def build(match: Match, query: str, body: bytes) -> Message:
    """Returns the request message of `match`; raises ApiError if the parts do not fit it."""
    descriptor = match.method.request_type.DESCRIPTOR
    fields = _body(body)
    for name, value in parse_qsl(query, keep_blank_values=True):
        _set(fields, name.split("."), value, descriptor)
    fields |= match.fields
    try:
        return ParseDict(fields, match.method.request_type())
    except (ParseError, ValueError, TypeError) as error:
        raise _unfit(str(error)) from error


def _body(body: bytes) -> dict[str, Any]:
    """Returns the body's fields. An empty body has none."""
    try:
        fields = json.loads(body) if body else {}
    except ValueError as error:
        raise ApiError(INTERNAL, "ERROR_UNKNOWN", NOT_JSON) from error
    if not isinstance(fields, dict):
        raise _invalid("the body must be a JSON object")
    return fields


def _unfit(problem: str) -> ApiError:
    """Returns the error for an unfit body; an unknown field gets console-api-v2's text."""
    if unknown := UNKNOWN_FIELD.search(problem):
        text = f'Protocol message {unknown["message"]} has no "{unknown["field"]}" field.'
        return ApiError(INTERNAL, "ERROR_UNKNOWN", text)
    return _invalid(problem)


def _set(fields: dict[str, Any], path: list[str], value: str, descriptor: Descriptor) -> None:
    """Adds a query parameter to `fields`. A dot leads into a message; a whole message is JSON."""
    name, *rest = path
    field = descriptor.fields_by_name.get(name)
    if field is None:
        raise _invalid(f"{name} is no field of {descriptor.name}")
    if rest:
        inner = fields.setdefault(name, {})
        if field.message_type is None or not isinstance(inner, dict):
            raise _invalid(f"{name} has no fields")
        _set(inner, rest, value, field.message_type)
    elif field.label == FieldDescriptor.LABEL_REPEATED and field.message_type is None:
        fields.setdefault(name, []).append(_scalar(value, field))
    else:
        fields[name] = _scalar(value, field)


def _scalar(value: str, field: FieldDescriptor) -> Any:
    """Returns the JSON value of a query parameter: text stays text, the rest is parsed as JSON."""
    if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_ENUM):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise _invalid(f"{field.name}: {value!r} is no JSON") from error


def _invalid(text: str) -> ApiError:
    """Returns the error for a request that does not fit the message."""
    return ApiError(INVALID_ARGUMENT, "ERROR_INVALID_ARGUMENT", text)
