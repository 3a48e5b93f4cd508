"""The read API: requests → `tracker.activity` and the store → JSON."""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from tracker import (
    activity,
    anonymise,
    body,
    failed_counts,
    profile,
    replay,
    session_list,
    timestamps,
)
from tracker.erasure import Erasure
from tracker.errors import Problem
from tracker.event import MAX_COUNTER
from tracker.http import Request, Response, json
from tracker.parts import Parts
from tracker.queues import Queue
from tracker.reading import answer_size, cursor, parameters
from tracker.stores import FailedEvent, FailedFilter, Position, Store

PATIENCE_SECONDS = 10.0
"""After so long, what is left is left for another request: API Gateway gives up after 29 s."""


_Instant = Annotated[int, Meta(ge=timestamps.EARLIEST, le=timestamps.LATEST)]
_Place = tuple[
    _Instant,
    Annotated[int, Meta(ge=0, le=MAX_COUNTER)],
    Annotated[bytes, Meta(min_length=16, max_length=16)],
]
_SessionPlace = tuple[
    _Place,
    Annotated[
        list[tuple[Annotated[bytes, Meta(min_length=8, max_length=8)], _Instant]],
        Meta(max_length=session_list.MAX_NAMED),
    ],
    bool,
]
_FailedPlace = tuple[
    _Instant,
    Annotated[str, Meta(max_length=300)],
]

_place = msgspec.msgpack.Decoder(_Place)
_session_place = msgspec.msgpack.Decoder(_SessionPlace)
_failed_place = msgspec.msgpack.Decoder(_FailedPlace)


def events(request: Request, store: Store, site: str) -> Response:
    """``GET /v1/events``"""
    query = request.query
    parameters.refuse_mistaken(query)
    parameters.refuse_several(request, ("user_id", "anonymous_id", "session_id"))
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
        bots=parameters.bots(query),
        descending=parameters.descending(query),
        after=Position(*cursor.decode(after, _place)) if after is not None else None,
    )
    page = activity.events(store, question, parameters.limit(query))
    shown = answer_size.fitting(stored.document for stored in page.events)
    resume = page.resume if len(shown) == len(page.events) else page.events[len(shown) - 1].position
    return _list(shown, resume)


def sessions(request: Request, store: Store, site: str) -> Response:
    """``GET /v1/sessions``"""
    query = request.query
    parameters.refuse_mistaken(query)
    if not parameters.refuse_several(request, ("user_id", "anonymous_id")):
        raise parameters.invalid("user_id", "is required, or anonymous_id")
    after = query.get("cursor")
    question = activity.Question(
        site=site,
        user_id=parameters.identifier(query, "user_id"),
        anonymous_id=parameters.identifier(query, "anonymous_id"),
        since=parameters.instant(query, "since"),
        until=parameters.instant(query, "until"),
        bots=parameters.bots(query),
        descending=parameters.descending(query),
    )
    place = _place_in_sessions(after) if after is not None else None
    page = session_list.listed(store, question, parameters.limit(query), place)
    return _list([session.document() for session in page.sessions], page.resume)


def _place_in_sessions(text: str) -> session_list.Place:
    position, named, complete = cursor.decode(text, _session_place)
    listed = [session_list.Named(*one) for one in named]
    return session_list.Place(Position(*position), listed, complete)


def user(request: Request, store: Store, site: str) -> Response:
    """``GET /v1/users/{user_id}``"""
    user_id = parameters.identifier(request.parameters, "user_id") or ""
    found = profile.profile(store, site, user_id, parameters.bots(request.query))
    if found is None:
        raise Problem(404, "unknown_user", "No event of this user is stored.")
    return json(found)


def erase_user(request: Request, store: Store, queue: Queue, site: str, now: int) -> Response:
    """``DELETE /v1/users/{user_id}``: 202 if it takes longer than one request may; then the same
    again goes on."""
    user_id = parameters.identifier(request.parameters, "user_id") or ""
    until = time.monotonic() + PATIENCE_SECONDS
    erasure = Erasure(store, queue, site, user_id)
    for _ in erasure.steps(now):
        if time.monotonic() >= until:
            break
    answer = {"userId": user_id, **msgspec.to_builtins(erasure.erased)}
    if erasure.erased.complete:
        return json(answer)
    return json(answer, status=202, headers={"retry-after": "1"})


def failed_events(request: Request, store: Store, site: str) -> Response:
    """``GET /v1/failed-events``"""
    query = request.query
    wanted = _wanted_failed(query)
    page = store.failed(site, parameters.limit(query), _after_failed(query), wanted)
    shown = answer_size.fitting(msgspec.json.encode(failed_event(one)) for one in page.failed)
    if len(shown) == len(page.failed):
        return _list(shown, page.resume)
    last = page.failed[len(shown) - 1]
    return _list(shown, (last.received_at, last.id))


def failed_event_counts(request: Request, store: Store, site: str) -> Response:
    """``GET /v1/failed-events/counts``"""
    query = request.query
    wanted = _wanted_failed(query)
    group_by = parameters.group_of_failed(query)
    counted = failed_counts.count(store, site, wanted, group_by, _after_failed(query))
    return _list(counted.rows, counted.resume)


def _wanted_failed(query: Mapping[str, str]) -> FailedFilter:
    parameters.refuse_mistaken(query)
    return FailedFilter(
        since=parameters.instant(query, "since"),
        until=parameters.instant(query, "until"),
        field=query.get("field"),
        reason=query.get("reason"),
        message_id=query.get("message_id"),
        user_id=parameters.identifier(query, "user_id"),
        anonymous_id=parameters.identifier(query, "anonymous_id"),
        descending=parameters.descending(query),
    )


def _after_failed(query: Mapping[str, str]) -> tuple[int, str] | None:
    given = query.get("cursor")
    return cursor.decode(given, _failed_place) if given is not None else None


class _Chosen(Struct, forbid_unknown_fields=True):
    """Which failed events to send through again: without ids, all."""

    ids: Annotated[list[str], Meta(max_length=parameters.MAX_LIMIT)] | UnsetType = UNSET


_chosen = msgspec.json.Decoder(_Chosen)


def replay_failed_events(request: Request, parts: Parts, site: str) -> Response:
    """``POST /v1/failed-events/replay``"""
    chosen = replay.Chosen(
        site,
        _after_failed(request.query),
        parameters.limit(request.query),
        _chosen_ids(request),
        anonymise.of_site(parts.config, site),
    )
    replayed = 0
    rejected: list[FailedEvent] = []
    resume: tuple[int, str] | None = None
    until = time.monotonic() + PATIENCE_SECONDS
    for step in replay.failed_events(parts.store, parts.queue, chosen, parts.schemas):
        replayed += step.replayed
        rejected += step.rejected
        resume = step.resume
        if time.monotonic() >= until:
            break
    answer = {
        "replayed": replayed,
        "rejected": [
            {
                "id": failed.id,
                "messageId": failed.message_id,
                "field": failed.field,
                "reason": failed.reason,
            }
            for failed in rejected
        ],
        "next_cursor": cursor.encode(resume) if resume is not None else None,
    }
    return json(answer)


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


def failed_event(failed: FailedEvent) -> dict[str, Any]:
    """A failed event as it is answered with."""
    return {
        "id": failed.id,
        "site": failed.site,
        "receivedAt": timestamps.format(failed.received_at),
        "messageId": failed.message_id,
        "userId": failed.user_id,
        "anonymousId": failed.anonymous_id,
        "errors": [fault._asdict() for fault in failed.faults],
        "payload": failed.payload,
    }


def _list(rows: Sequence[object], resume: tuple[object, ...] | None) -> Response:
    next_cursor = cursor.encode(tuple(resume)) if resume is not None else None
    return json({"data": rows, "next_cursor": next_cursor})
