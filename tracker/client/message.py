"""One call → the JSON of one event, or a `ClientError` that says what is wrong with it."""

import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import RLock
from typing import TypedDict
from uuid import UUID, uuid4

from tracker import __version__
from tracker.errors import ClientError

LIBRARY = {"name": "tracker-python", "version": __version__}

MAX_EVENT_BYTES = 32 * 1024
MAX_DEPTH = 32
MAX_ID = 256
_BATCH_CONTEXT_BYTES = 100
"""What the batch's own context (the library) adds to each event; a little more than it is."""

Id = str | int | UUID
"""A user id or anonymous id: a number or UUID is sent as text."""

Object = Mapping[str, object]


class Common(TypedDict, total=False):
    """What every call takes."""

    anonymous_id: Id | None
    """The visitor's id: beside the user id, or instead of it."""
    timestamp: datetime | None
    """When it happened, with its time zone; else now."""
    context: Object | None
    """``{"page": {"url", "path", …}, "userAgent", "ip", "sessionId", "locale", …}``"""
    message_id: str | None
    """The event's own id: two events with the same one are stored once; else a new one."""


def encode(
    event_type: str,
    user_id: Id | None,
    members: Mapping[str, object],
    common: Common,
) -> bytes:
    """The JSON of an event. ``members`` are those of its type, by their wire names."""
    unknown = common.keys() - Common.__annotations__.keys()
    if unknown:
        raise TypeError(f"{event_type} does not take {', '.join(sorted(unknown))}")
    user = identifier("user_id", user_id)
    anonymous = identifier("anonymous_id", common.get("anonymous_id"))
    if user is None and anonymous is None:
        raise ClientError("user_id or anonymous_id is required")
    timestamp = common.get("timestamp")
    event = {
        "type": event_type,
        "messageId": identifier("message_id", common.get("message_id")) or str(uuid4()),
        "timestamp": instant("timestamp", _clock() if timestamp is None else timestamp),
        "userId": user,
        "anonymousId": anonymous,
        **members,
        "context": common.get("context"),
    }
    for name in ("properties", "traits", "context"):
        if event.get(name) is not None and not isinstance(event[name], Mapping):
            raise ClientError(f"{name} must be a mapping, not {_a(event[name])}")
    encoded = _json({name: value for name, value in event.items() if value is not None})
    if len(encoded) > MAX_EVENT_BYTES - _BATCH_CONTEXT_BYTES:
        raise ClientError(
            f"the event is {len(encoded)} bytes of JSON; {MAX_EVENT_BYTES // 1024} KB is the limit"
        )
    return encoded


def identifier(name: str, value: object) -> str | None:
    """An id as text. Raises `ClientError` unless it has 1 to 256 characters."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | UUID):
        raise ClientError(f"{name} must be text, a number or a UUID, not {_a(value)}")
    text = str(value)
    if not 1 <= len(text) <= MAX_ID:
        raise ClientError(f"{name} must have 1 to {MAX_ID} characters, not {len(text)}")
    return text


def required(name: str, value: object) -> str:
    """Text that must be there."""
    if not isinstance(value, str) or not value:
        raise ClientError(f"{name} is required: a text, not {value!r:.50}")
    return value


def instant(name: str, value: object) -> str:
    """ISO 8601 in UTC with microseconds. A time without its zone is refused: guessing the zone
    would put events at a wrong time without anybody noticing."""
    if not isinstance(value, datetime):
        raise ClientError(f"{name} must be a datetime, not {_a(value)}")
    if value.utcoffset() is None:
        raise ClientError(f"{name} has no time zone: use datetime.now(timezone.utc)")
    try:
        return value.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
    except OverflowError:
        raise ClientError(f"{name} is out of range: {value}") from None


class _Clock:
    """This machine's clock, but no two calls get the same time: events are read back in the order
    in which one process sent them, also where the clock ticks coarsely (Windows: 15 ms)."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._last = 0

    def __call__(self) -> datetime:
        with self._lock:
            now = time.time_ns() // 1000
            if self._last - 1_000_000 < now <= self._last:  # further back: the clock was set
                now = self._last + 1
            self._last = now
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now)

    def after_fork(self) -> None:
        self._lock = RLock()  # another thread of the parent may have held it


_clock = _Clock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_clock.after_fork)


def _json(event: dict[str, object]) -> bytes:
    try:
        text = json.dumps(
            event, default=_plain, allow_nan=False, ensure_ascii=False, separators=(",", ":")
        )
    except (TypeError, ValueError, RecursionError):
        fault = next(_faults(event, "", 1), "the event cannot be sent as JSON")
        raise ClientError(fault) from None
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: a text that was cut inside an emoji
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _plain(value: object) -> object:
    """What JSON has no word for, but everybody would write the same way."""
    match value:
        case Mapping():
            return dict(value)
        case set() | frozenset():
            return list(value)
        case date():
            return value.isoformat()
        case UUID():
            return str(value)
        case Decimal():
            return float(value)
    raise TypeError


def _faults(value: object, where: str, depth: int) -> Iterator[str]:
    """What cannot be sent as JSON, and where it stands: ``properties.cart[2]``."""
    if depth > MAX_DEPTH + 1:
        yield f"{where.partition('.')[0]} nests deeper than {MAX_DEPTH} levels"
        return
    try:
        plain = value if isinstance(value, _JSON) else _plain(value)
    except TypeError:
        yield f"{where} cannot be sent as JSON: it is {_a(value)}"
        return
    if isinstance(plain, float) and not math.isfinite(plain):
        yield f"{where} cannot be sent as JSON: it is {plain}"
    elif isinstance(plain, dict):
        for key, item in plain.items():
            if not isinstance(key, str | int | float | None):
                yield f"{where} cannot be sent as JSON: a key is {_a(key)}"
            yield from _faults(item, f"{where}.{key}".lstrip("."), depth + 1)
    elif isinstance(plain, list | tuple):
        for index, item in enumerate(plain):
            yield from _faults(item, f"{where}[{index}]", depth + 1)


_JSON = (str, int, float, bool, type(None), dict, list, tuple)


def _a(value: object) -> str:
    name = type(value).__qualname__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
