"""The query parameters of the read API, checked: each error names its parameter."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

from tracker import timestamps
from tracker.errors import Problem
from tracker.event import EVENT_TYPES, Bots
from tracker.http import Request

MAX_LIMIT = 1000
DEFAULT_LIMIT = 100
MAX_ID = 256


def invalid(name: str, reason: str) -> Problem:
    """The answer to a parameter that is not what it should be."""
    return Problem(400, "invalid_parameter", f"{name} {reason}.", errors=[(name, reason)])


_MISTAKEN = {
    "user": "user_id",
    "userId": "user_id",
    "anonymous": "anonymous_id",
    "anonymousId": "anonymous_id",
    "session": "session_id",
    "sessionId": "session_id",
}


def refuse_mistaken(query: Mapping[str, str]) -> None:
    """Refuse the names that the command line and the events themselves have for an id: other
    unknown names change nothing, but ``?user=ada`` would be answered with everybody's events."""
    for name, meant in _MISTAKEN.items():
        if name in query:
            raise invalid(name, f"is no parameter here: it is {meant}")


def refuse_several(request: Request, names: Sequence[str]) -> bool:
    """Refuse more than one of some parameters that exclude each other; whether there is one."""
    given = [name for name in names if name in request.query]
    if len(given) > 1:
        raise invalid(given[0], f"cannot be given with {given[1]}")
    if given and given[0] in request.repeated:
        raise invalid(given[0], "cannot be given twice")
    return bool(given)


def identifier(query: Mapping[str, str], name: str) -> str | None:
    """A user id, anonymous id or session id."""
    value = query.get(name)
    if value is not None and not 1 <= len(value) <= MAX_ID:
        raise invalid(name, f"must be 1 to {MAX_ID} characters")
    return value


def instant(query: Mapping[str, str], name: str) -> int | None:
    """A point in time, in microseconds."""
    text = query.get(name)
    if text is None:
        return None
    if "T" in text.upper():
        text = text.replace(" ", "+")  # an offset's plus sign that was not percent-encoded
    try:
        return timestamps.parse(text)
    except (ValueError, OverflowError):
        raise invalid(name, "must be an ISO 8601 date such as 2026-11-22T10:00:00Z") from None


def limit(query: Mapping[str, str], usual: int = DEFAULT_LIMIT) -> int:
    """How many rows to answer with."""
    text = query.get("limit", str(usual))
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT):
        raise invalid("limit", f"must be a number from 1 to {MAX_LIMIT}")
    return int(text)


def event_type(query: Mapping[str, str]) -> str | None:
    """One of the event types."""
    value = query.get("type")
    if value is not None and value not in EVENT_TYPES:
        raise invalid("type", "must be one of " + ", ".join(EVENT_TYPES))
    return value


def group_of_failed(query: Mapping[str, str]) -> Literal["field", "reason"]:
    """What failed events are counted by."""
    match query.get("group_by", "reason"):
        case "reason":
            return "reason"
        case "field":
            return "field"
        case _:
            raise invalid("group_by", "must be reason or field")


Chosen = TypeVar("Chosen", bound=str)


def choice(query: Mapping[str, str], name: str, choices: Sequence[Chosen]) -> Chosen | None:
    """One of some words."""
    value = query.get(name)
    for one in choices:
        if value == one:
            return one
    if value is None:
        return None
    raise invalid(name, "must be one of " + ", ".join(choices))


def descending(query: Mapping[str, str]) -> bool:
    """Whether the newest come first."""
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise invalid("order", "must be asc or desc")
    return order == "desc"


def bots(query: Mapping[str, str]) -> Bots:
    """Whether bots' events are among the answer: left out unless asked for."""
    match query.get("bots"):
        case None:
            return Bots.LEAVE_OUT
        case "include":
            return Bots.INCLUDE
        case "only":
            return Bots.ONLY
        case _:
            raise invalid("bots", "must be include or only; without it, they are left out")
