"""What a request and an answer are, whichever host carries them.

API Gateway and the embedded server each turn theirs into a `Request` and send a `Response`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct

from tracker.errors import Problem

JSON = "application/json"


class Request(Struct):
    """One HTTP request. Header names are lower case; ``query`` holds each name's last value, and
    ``repeated`` the names that have several."""

    method: str
    path: str
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    body: bytes = b""
    client_ip: str | None = None
    base_url: str = ""
    """The URL the routes stand under, as the client sees it: ``https://host/api``."""
    parameters: Mapping[str, str] = {}
    """What the path's ``{placeholders}`` matched."""
    route: str = ""
    """The path of its route, as the table says it; empty where it comes to none."""
    repeated: Collection[str] = ()


class Response(Struct):
    """One HTTP answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}


class Pending(Struct):
    """An answer that holds only once ``message`` is durable in the queue.

    The host sends the message and then gives ``response``; if the queue cannot take it, it calls
    for ``otherwise``. Being a value, it lets the embedded host put the messages of many
    requests into one commit.
    """

    message: bytes
    response: Response
    otherwise: Callable[[], Response]
    batch_id: str = ""
    accepted: int = 0
    """How many events are in it."""
    rejected: Sequence[str] = ()
    """Of each event that breaks a rule: the field at fault."""


def json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(status, msgspec.json.encode(content), {"content-type": JSON, **(headers or {})})


def problem(cause: Problem) -> Response:
    """An error in RFC 9457's format, with ``code`` and ``message``, which clients look for."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(cause.status).phrase,
        "status": cause.status,
        "detail": cause.detail,
        "code": cause.code,
        "message": cause.detail,
        **cause.members,
    }
    if cause.errors:
        content["errors"] = [{"field": name, "reason": reason} for name, reason in cause.errors]
    answer = json(content, cause.status, cause.headers)
    answer.headers |= {"content-type": "application/problem+json", "cache-control": "no-store"}
    return answer
