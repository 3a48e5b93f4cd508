"""When a device was active: what sessions are made of where a client sends no session id.

A *stream* is what one device sends: the events of an anonymous id, whoever the user; without one,
those of a user id. A *stretch* is a time in which no two neighbours of a stream's events were more
than `IDLE` apart. The stores keep the stretches of each stream and UTC day together, as one small
record. To merge stretches is commutative, associative and idempotent: events that come late,
twice or out of order give the same stretches. A session is what is left when the stretches of all
days are joined.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from tracker import timestamps
from tracker.event import Event
from tracker.timestamps import DAY

IDLE = 30 * timestamps.MINUTE
"""Of two neighbours further apart than this, the second begins a session."""

KEY_BYTES = 12


class Stretch(NamedTuple):
    """A time of activity: of its first and of its last event, both part of it."""

    start: int
    end: int
    first_received: int
    """When that of its events arrived which arrived first."""
    first_time: int
    """When that event happened: what the session's id is made from, as it stays the same
    whatever is added before or after."""


class Stretches(NamedTuple):
    """Some stretches of a stream."""

    stream: str
    found: list[Stretch]


class Span(NamedTuple):
    """A time of a stream, both ends part of it."""

    stream: bytes
    since: int
    until: int


class RecordKey(NamedTuple):
    """What a record is found by."""

    site: str
    stream: str
    day: int
    """Its first instant."""


Records = Callable[[Sequence[Span]], list[list[Stretches]]]
"""How a store reads: of each span, the records of the days it touches."""


def key(stream: str) -> bytes:
    """What stands for a stream in keys and session ids."""
    return blake2b(stream.encode(), digest_size=KEY_BYTES).digest()


def day(timestamp: int) -> int:
    """The first instant of a UTC day."""
    return timestamp - timestamp % DAY


def last_received(events: Iterable[Event]) -> dict[RecordKey, Event]:
    """Of each record to which some events belong, that of them which arrived last."""
    found: dict[RecordKey, Event] = {}
    for event in events:
        if event.session_id is None:
            record = _record_of(event)
            known = found.get(record)
            if known is None or known.received_at < event.received_at:
                found[record] = event
    return found


def of_events(events: Iterable[Event]) -> dict[RecordKey, list[Stretch]]:
    """What some events add to which records: nothing, where they have a session id."""
    found: dict[RecordKey, list[Stretch]] = {}
    for event in events:
        if event.session_id is None:
            at = event.timestamp
            found.setdefault(_record_of(event), []).append(Stretch(at, at, event.received_at, at))
    return {record: merged(stretches) for record, stretches in found.items()}


def _record_of(event: Event) -> RecordKey:
    return RecordKey(event.site, event.stream, day(event.timestamp))


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Stretches as few as possible, in order."""
    joined: list[Stretch] = []
    for one in sorted(stretches):
        last = joined[-1] if joined else None
        if last is not None and one.start - last.end <= IDLE:
            joined[-1] = Stretch(last.start, max(last.end, one.end), *min(last[2:], one[2:]))
        else:
            joined.append(one)
    return joined


def pack(record: Stretches) -> bytes:
    """What a store keeps of a day: at most 48 stretches fit into one."""
    return msgspec.msgpack.encode(record)


_record = msgspec.msgpack.Decoder(Stretches)


def unpack(body: bytes) -> Stretches:
    """The other way."""
    return _record.decode(body)


def read(spans: Sequence[Span], records: Records) -> list[Stretches | None]:
    """What of each stream touches its span, over the borders of days; ``None`` where nothing
    does."""
    seen = [
        Span(
            span.stream,
            max(span.since - IDLE, timestamps.EARLIEST),
            min(span.until + IDLE, timestamps.LATEST),
        )
        for span in spans
    ]
    return [
        _complete(span, within, found, records)
        for span, within, found in zip(spans, seen, records(seen), strict=True)
    ]


def _complete(
    span: Span, seen: Span, found: Sequence[Stretches], records: Records
) -> Stretches | None:
    """Look further, twice as far each time, for as long as a session may begin before what was
    seen, or go on behind it."""
    if not found:
        return None
    low, high = day(seen.since), day(seen.until) + DAY
    stretches = merged(one for record in found for one in record.found)
    days = 1
    while touching := _touching(span, stretches):
        if touching[0].start - IDLE < low and low > timestamps.EARLIEST:
            earliest = max(low - days * DAY, timestamps.EARLIEST)
            more = records([Span(span.stream, earliest, low - 1)])[0]
            low = earliest
        elif touching[-1].end + IDLE >= high and high <= timestamps.LATEST:
            latest = min(high + days * DAY - 1, timestamps.LATEST)
            more = records([Span(span.stream, high, latest)])[0]
            high = latest + 1
        else:
            break
        days *= 2
        stretches = merged([*stretches, *(one for record in more for one in record.found)])
    return Stretches(found[0].stream, touching) if touching else None


def _touching(span: Span, stretches: Iterable[Stretch]) -> list[Stretch]:
    return [one for one in stretches if one.end >= span.since and one.start <= span.until]
