"""What the OpenAPI document says of bodies and answers, made from the records themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from consumers.api.answers import Refusal

Responses = dict[int | str, dict[str, Any]]
_REF = "#/components/schemas/{name}"
_CAUSES = {
    400: "The body ended too early.",
    401: "A token is needed, or this one is not known.",
    403: "The role of this token does not suffice; or there are no tokens, and the request comes from elsewhere.",
    404: "There is no such thing, or it is not kept any more.",
    409: "Something else stands in the way.",
    412: "It has changed since you read it: read it again.",
    413: "The body is too large.",
    415: "The body is no JSON, or does not say so.",
    422: "A parameter or a value in the body is wrong: `problems` names each.",
    429: "Too many requests in a minute, or too many at once: see Retry-After.",
    503: "A server that is needed does not answer; try again.",
}
_RETRY = {"Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "integer"}}}
_named: set[type[msgspec.Struct]] = set()
BODY = (400, 413, 415, 422)
"""How an endpoint that takes a body may refuse it."""


def reference(kind: type[msgspec.Struct]) -> dict[str, str]:
    """A reference to the schema of this record, which the document then holds."""
    _named.add(kind)
    return {"$ref": _REF.format(name=kind.__name__)}


def components() -> dict[str, Any]:
    """The schema of every record that was referred to, and of what it is made of."""
    _, found = msgspec.json.schema_components(sorted(_named, key=lambda kind: kind.__name__), ref_template=_REF)
    return found


def documented(
    answer: type[msgspec.Struct],
    description: str,
    *failures: int,
    status: int = 200,
    open_: bool = False,
    tagged: bool = False,
) -> Responses:
    """What an endpoint answers. ``open_``: it asks for no token; ``tagged``: its answers carry an ETag."""
    success: dict[str, Any] = {
        "description": description,
        "content": {"application/json": {"schema": reference(answer)}},
    }
    found: Responses = {status: success}
    if tagged:
        success["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "For If-None-Match."}}
        found[304] = {"description": "It is still what If-None-Match names."}
    return found | refusals(*(() if open_ else (401, 403, 429)), *failures)


def refusals(*statuses: int) -> Responses:
    """The refusals of these statuses."""
    return {status: _refusal(status) for status in statuses}


def _refusal(status: int) -> dict[str, Any]:
    about: dict[str, Any] = {"description": _CAUSES[status]}
    about["content"] = {"application/json": {"schema": reference(Refusal)}}
    if status == 429:
        about["headers"] = _RETRY
    return about


def takes(kind: type[msgspec.Struct], example: Mapping[str, object], *, needed: bool = True) -> dict[str, Any]:
    """``openapi_extra`` of an endpoint whose body is such a record."""
    content = {"application/json": {"schema": reference(kind), "example": dict(example)}}
    return {"requestBody": {"required": needed, "content": content}}
