"""One operation: what a method does at a path."""

from typing import Any, NamedTuple

Operation = dict[str, Any]
Paths = dict[str, Any]

_Requirement = dict[str, list[str]]


class Kind(NamedTuple):
    """Who operations are for, and what they need for it: one of several."""

    tag: str
    security: list[_Requirement]


WRITING = Kind("writing", [{"writeKeyAsUser": []}, {"writeKeyInQuery": []}, {}])
READING = Kind("reading", [{"readToken": []}])
PAGES = Kind("pages", [])


def operation(
    kind: Kind,
    name: str,
    summary: str,
    *answers: dict[str, Any],
    parameters: list[dict[str, str]] | None = None,
    body: dict[str, Any] | None = None,
) -> Operation:
    """``name`` is unique; each of ``answers`` has some statuses."""
    made: Operation = {
        "operationId": name,
        "summary": summary,
        "tags": [kind.tag],
        "security": kind.security,
        "parameters": parameters or [],
        "responses": {status: told for some in answers for status, told in some.items()},
    }
    if body is not None:
        made["requestBody"] = body
    return made
