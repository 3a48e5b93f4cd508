"""The read API: requests → `tracker.activity` and the store → JSON."""

import time
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from tracker import activity, body, cursor, parameters, replay, timestamps
from tracker.batch import MAX_SEQ
from tracker.errors import Problem
from tracker.http import Request, Response, json
from tracker.queues import Queue
from tracker.stores import FailedEvent, Position, Store

REPLAY_SECONDS = 10.0
"""After so long, what is left is left for another request: API Gateway gives up after 29 s."""

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


class _Chosen(Struct, forbid_unknown_fields=True):
    """Which failed events to send through again: without ids, all."""

    ids: Annotated[list[str], Meta(max_length=parameters.MAX_LIMIT)] | UnsetType = UNSET


_chosen = msgspec.json.Decoder(_Chosen)


def replay_failed_events(request: Request, store: Store, queue: Queue, site: str) -> Response:
    """``POST /v1/failed-events/replay``"""
    cursor_given = request.query.get("cursor")
    chosen = replay.Chosen(
        site,
        cursor.decode(cursor_given, _failed_place) if cursor_given is not None else None,
        parameters.limit(request.query),
        _chosen_ids(request),
    )
    replayed = 0
    rejected: list[FailedEvent] = []
    resume: tuple[int, str] | None = None
    until = time.monotonic() + REPLAY_SECONDS
    for step in replay.failed_events(store, queue, chosen):
        replayed += step.replayed
        rejected += step.rejected
        resume = step.resume
        if time.monotonic() >= until:
            break
    answer = {
        "replayed": replayed,
        "rejected": [
            {"id": failed.id, "messageId": failed.message_id, **_error(failed)}
            for failed in rejected
        ],
        "next_cursor": cursor.encode(resume) if resume is not None else None,
    }
    return json(answer, headers=PRIVATE)


def _chosen_ids(request: Request) -> list[str] | None:
    unpacked = body.decompress(request.body, request.headers.get("content-encoding"))
    if not unpacked.strip():
        return None
    try:
        ids = _chosen.decode(unpacked).ids
    except msgspec.ValidationError as error:
        reason = f"must be a list of at most {parameters.MAX_LIMIT} ids"
        raise Problem(
            400,
            "invalid_body",
            f'The body is not {{"ids": ["…"]}}: {error}.',
            errors=[("ids", reason)],
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "invalid_json", "The body is not valid JSON.") from None
    return None if ids is UNSET else ids


def _failed(failed: FailedEvent) -> dict[str, Any]:
    return {
        "id": failed.id,
        "receivedAt": timestamps.format(failed.received_at),
        "messageId": failed.message_id,
        "errors": [_error(failed)],
        "payload": failed.payload,
    }


def _error(failed: FailedEvent) -> dict[str, str]:
    return {"field": failed.field, "reason": failed.reason}


def _list(rows: list[Any], resume: tuple[object, ...] | None) -> Response:
    next_cursor = cursor.encode(tuple(resume)) if resume is not None else None
    return json({"data": rows, "next_cursor": next_cursor}, headers=PRIVATE)
