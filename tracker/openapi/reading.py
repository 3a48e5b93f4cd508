"""The operations that read what was stored, and those that change it."""

from typing import Any

from tracker import dimensions
from tracker.openapi import answers
from tracker.openapi.answers import Answers, ref
from tracker.openapi.operation import READING, Operation, Paths, operation
from tracker.openapi.parameters import query
from tracker.openapi.schemas import listed

_RANGE = ("since", "until")
_PAGE = ("limit", "cursor")
_FAILED = ("field", "reason", "message_id", "user_id", "anonymous_id", "order", "cursor")


def paths() -> Paths:
    """All of them, by path."""
    user = "/v1/users/{user_id}"
    return {
        "/v1/events": {"get": _events()},
        "/v1/sessions": {"get": _sessions()},
        user: {"get": _user(), "delete": _erase()},
        "/v1/stats": {"get": _counts()},
        "/v1/delivery": {"get": _delivery()},
        "/v1/failed-events": {"get": _failed_events()},
        "/v1/failed-events/counts": {"get": _failed_counts()},
        "/v1/failed-events/replay": {"post": _replay()},
        "/v1/live": {"get": _live()},
        "/v1/status": {"get": _status()},
        "/v1/funnels": {"get": _funnel()},
        "/v1/retention": {"get": _retention()},
    }


def _read(
    name: str,
    summary: str,
    parameters: list[dict[str, str]],
    *more: Answers,
    body: dict[str, Any] | None = None,
) -> Operation:
    return operation(
        READING,
        name,
        summary,
        *more,
        answers.bad("A parameter is not what it should be: `errors` names it."),
        answers.unknown_token(),
        answers.not_now("Try again after `Retry-After`."),
        parameters=[*query("site"), *parameters],
        body=body,
    )


def _events() -> Operation:
    ids = ("user_id", "anonymous_id", "session_id")
    return _read(
        "readEvents",
        "The events of one person or session (give at most one id), or of the site",
        query(*ids, *_RANGE, "type", "event", "path", "bots", "order", *_PAGE),
        answers.ok("Events, as they were sent.", listed(ref("Event"))),
    )


def _sessions() -> Operation:
    return _read(
        "readSessions",
        "The sessions of one person: give one of the two ids",
        query("user_id", "anonymous_id", *_RANGE, "bots", "order", *_PAGE),
        answers.ok("Sessions.", listed(ref("Session"))),
    )


def _user() -> Operation:
    return _read(
        "readUser",
        "Who a user is: traits, other ids, devices, counts",
        query("userIdInPath", "bots"),
        answers.ok("The profile.", ref("Profile")),
        answers.not_found("No event of this user is stored."),
    )


def _erase() -> Operation:
    return _read(
        "eraseUser",
        "Erase a person everywhere, late arrivals included",
        query("userIdInPath"),
        answers.ok("All of it is gone.", ref("ErasedUser")),
        answers.accepted("Some of it is gone: the same again goes on.", ref("ErasedUser")),
    )


def _counts() -> Operation:
    return _read(
        "readCounts",
        "Counts over time",
        query(
            *("metric", "interval", *_RANGE, "group_by", *dimensions.NAMES),
            *("bots", "limit_of_counts", "cursor"),
        ),
        answers.ok(
            "Rows by time, the greatest first; `complete` is there, and false, where the events of"
            " several dimensions were too many to be counted.",
            ref("Counts"),
        ),
    )


def _delivery() -> Operation:
    return _read(
        "readDelivery",
        "How many of the events that browsers counted have arrived, day by day",
        query(*_RANGE, "limit_of_counts", "cursor"),
        answers.ok("A row for each day.", ref("Delivery")),
    )


def _failed_events() -> Operation:
    return _read(
        "readFailedEvents",
        "What was rejected, and why",
        query(*_RANGE, *_FAILED, "limit"),
        answers.ok("Failed events.", listed(ref("FailedEvent"))),
    )


def _failed_counts() -> Operation:
    return _read(
        "countFailedEvents",
        "What was rejected, counted by what was wrong",
        query("group_of_failed", *_RANGE, *_FAILED),
        answers.ok("The most frequent first.", listed(ref("FailedCount"))),
    )


def _replay() -> Operation:
    return _read(
        "replayFailedEvents",
        "Send failed events through again, by today's rules: all, or those with these ids",
        query(*_PAGE),
        answers.ok("What became of them.", ref("Replayed")),
        answers.bad_body(),
        body={"content": {"application/json": {"schema": ref("ChosenFailures")}}},
    )


def _live() -> Operation:
    etag = {"etag": {"schema": {"type": "string"}, "description": "For `If-None-Match`."}}
    return _read(
        "readLive",
        "Who is here now, and the newest events: of the last 5 minutes",
        query("bots", "limit", "ifNoneMatch"),
        answers.ok("The newest first.", ref("Live"), etag),
        answers.not_modified(),
    )


def _status() -> Operation:
    return _read(
        "readStatus",
        "Whether it works: the queue, how late it is, what failed, the last event",
        [],
        answers.ok("The queue is that of all sites.", ref("Status")),
    )


def _funnel() -> Operation:
    return _read(
        "readFunnel",
        "How many people went through some steps, one after the other",
        query("steps", *_RANGE, "window", "bots"),
        answers.ok("A row for each step.", ref("Funnel")),
    )


def _retention() -> Operation:
    return _read(
        "readRetention",
        "How many people come again, week by week after their first",
        query(*_RANGE, "bots"),
        answers.ok("A row for each week in which somebody came first.", ref("Retention")),
    )
