"""The read API: requests → `tracker.activity` and the store → JSON."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from tracker import activity, cursor, parameters, timestamps
from tracker.batch import MAX_SEQ
from tracker.errors import Problem
from tracker.http import Request, Response, json
from tracker.stores import FailedEvent, Position, Store

PRIVATE = {"cache-control": "no-store"}

_Place = tuple[
    Annotated[int, Meta(ge=timestamps.EARLIEST, le=timestamps.LATEST)],
    Annotated[int, Meta(ge=0, le=MAX_SEQ)],
    Annotated[bytes, Meta(min_length=16, max_length=16)],
]
_FailedPlace = tuple[
    Annotated[int, Meta(ge=timestamps.EARLIEST, le=timestamps.LATEST)],
    Annotated[str, Meta(max_length=300)],
]

_place = msgspec.msgpack.Decoder(_Place)
_failed_place = msgspec.msgpack.Decoder(_FailedPlace)


def events(request: Request, store: Store, site: str) -> Response:
    """``GET /v1/events``"""
    query = request.query
    parameters.refuse_mistaken(query)
    names = ("user_id", "anonymous_id", "session_id")
    if len([name for name in names if name in query]) > 1:
        raise parameters.invalid("user_id", "give one of user_id, anonymous_id and session_id")
    after = query.get("cursor")
    question = activity.Question(
        site=site,
        user_id=parameters.identifier(query, "user_id"),
        anonymous_id=parameters.identifier(query, "anonymous_id"),
        session_id=parameters.identifier(query, "session_id"),
        since=parameters.instant(query, "since"),
        until=parameters.instant(query, "until"),
        type=parameters.event_type(query),
        event=query.get("event"),
        path=query.get("path"),
        descending=parameters.descending(query),
        after=Position(*cursor.decode(after, _place)) if after is not None else None,
    )
    page = activity.events(store, question, parameters.limit(query))
    return _list([Raw(stored.document) for stored in page.events], page.resume)


def user(request: Request, store: Store, site: str) -> Response:
    """``GET /v1/users/{user_id}``"""
    user_id = parameters.identifier(request.parameters, "user_id") or ""
    profile = activity.profile(store, site, user_id)
    if profile is None:
        raise Problem(404, "unknown_user", "No event of this user is stored.")
    return json(profile, headers=PRIVATE)


def failed_events(request: Request, store: Store, site: str) -> Response:
    """``GET /v1/failed-events``"""
    after = request.query.get("cursor")
    place = cursor.decode(after, _failed_place) if after is not None else None
    page = store.failed(site, parameters.limit(request.query), place)
    return _list([_failed(failed) for failed in page.failed], page.resume)


def _failed(failed: FailedEvent) -> dict[str, Any]:
    return {
        "id": failed.id,
        "receivedAt": timestamps.format(failed.received_at),
        "messageId": failed.message_id,
        "errors": [{"field": failed.field, "reason": failed.reason}],
        "payload": failed.payload,
    }


def _list(rows: list[Any], resume: tuple[object, ...] | None) -> Response:
    next_cursor = cursor.encode(tuple(resume)) if resume is not None else None
    return json({"data": rows, "next_cursor": next_cursor}, headers=PRIVATE)
