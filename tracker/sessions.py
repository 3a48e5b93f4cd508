"""Which session an event is in, where its client sent no session id.

Such a session is made of what one device sends, with 30 idle minutes between two of them. Its id
says where it is found: the device, as a digest, and the time of that of its events which arrived
first. So the id stays when events are added before or after; and when a late event joins two
sessions, the ids of both still lead to what is now one.
"""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct, structs

from tracker import timestamps
from tracker.event import person_of_user, person_of_visitor, stream_of
from tracker.stores import Page, Person, Selection, Session, Store, Stored, stretches
from tracker.stores.stretches import KEY_BYTES, Span, Stretch, Stretches

PREFIX = "auto_"
_TIME_BYTES = 8


class Membership(NamedTuple):
    """The session of an event."""

    id: str
    stream: str | None = None
    """Of a session that is made here, the device; ``None`` where the client sent the id."""
    stretch: Stretch | None = None
    """Of a session that is made here, the whole of it."""


class _Ids(Struct, rename="camel"):
    user_id: str | None = None
    anonymous_id: str | None = None


_ids = msgspec.json.Decoder(_Ids)
_members = msgspec.json.Decoder(dict[str, Raw])


def memberships(store: Store, site: str, events: Sequence[Stored]) -> list[Membership | None]:
    """Of each event its session; ``None`` for one that was stored before sessions were made."""
    streams = [_stream(event) for event in events]
    times: dict[str, list[int]] = {}
    for event, stream in zip(events, streams, strict=True):
        if stream is not None:
            times.setdefault(stream, []).append(event.position.timestamp)
    active = _active(store, site, times)
    return [
        Membership(event.session_id or "")
        if stream is None
        else _made(active[stream], event.position.timestamp)
        for event, stream in zip(events, streams, strict=True)
    ]


def made(store: Store, site: str, times: Mapping[str, Sequence[int]]) -> set[str]:
    """The ids of the sessions in which devices were active at these times."""
    active = _active(store, site, times)
    found = (_made(active[stream], at) for stream, of_stream in times.items() for at in of_stream)
    return {session.id for session in found if session}


def _active(
    store: Store, site: str, times: Mapping[str, Sequence[int]]
) -> dict[str, Stretches | None]:
    spans = [Span(stretches.key(stream), min(at), max(at)) for stream, at in times.items()]
    return dict(zip(times, store.stretches(site, spans) if spans else [], strict=True))


def _stream(event: Stored) -> str | None:
    """The device of an event without a session id."""
    if event.session_id is not None:
        return None
    ids = _ids.decode(event.document)
    return stream_of(ids.user_id, ids.anonymous_id)


def _made(active: Stretches | None, timestamp: int) -> Membership | None:
    if active is None:
        return None
    place = bisect_right(active.found, timestamp, key=_start) - 1
    stretch = active.found[place]
    if place < 0 or timestamp > stretch.end:
        return None
    return Membership(_made_id(active.stream, stretch), active.stream, stretch)


def _start(stretch: Stretch) -> int:
    return stretch.start


def filled(store: Store, site: str, page: Page) -> Page:
    """A page whose documents all say their session, as ``context.sessionId``."""
    if all(event.session_id is not None for event in page.events):
        return page
    events = [
        event._replace(document=_with_session(event.document, session.id))
        if event.session_id is None and session is not None
        else event
        for event, session in zip(page.events, memberships(store, site, page.events), strict=True)
    ]
    return page._replace(events=events)


def _with_session(document: bytes, session_id: str) -> bytes:
    members = _members.decode(document)
    context = _members.decode(members["context"])
    context["sessionId"] = Raw(msgspec.json.encode(session_id))
    members["context"] = Raw(msgspec.json.encode(context))
    return msgspec.json.encode(members)


def selections(store: Store, base: Selection, session_id: str) -> Iterator[Selection]:
    """The timelines that a session's events stand in."""
    # Even if it looks like one of ours: a client may send again what it has read.
    yield structs.replace(base, scope=Session(session_id))
    place = _place(session_id)
    if place is None:
        return
    stream, time = place
    (found,) = store.stretches(base.site, [Span(stream, time, time)])
    if found is None:
        return
    persons = [found.stream]
    visitor = found.stream.removeprefix(person_of_visitor(""))
    if visitor != found.stream:
        links = store.links(base.site, anonymous_id=visitor)
        persons += (person_of_user(link.user_id) for link in links)
    yield from of_made(base, persons, found.stream, found.found[0])


def of_made(
    base: Selection, persons: Iterable[str], stream: str, stretch: Stretch
) -> Iterator[Selection]:
    """What stands of a session that is made here in the timelines of some persons."""
    since, until = stretch.start, stretch.end + 1
    if base.since is not None:
        since = max(since, base.since)
    if base.until is not None:
        until = min(until, base.until)
    for person in persons if since < until else ():
        yield structs.replace(base, scope=Person(person), stream=stream, since=since, until=until)


def _made_id(stream: str, session: Stretch) -> str:
    place = stretches.key(stream) + session.first_time.to_bytes(_TIME_BYTES, "big", signed=True)
    return PREFIX + base64.urlsafe_b64encode(place).rstrip(b"=").decode()


def _place(session_id: str) -> tuple[bytes, int] | None:
    """The device and the time of an id that may have been made here."""
    text = session_id.removeprefix(PREFIX)
    try:
        place = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    time = int.from_bytes(place[KEY_BYTES:], "big", signed=True)
    fits = len(place) == KEY_BYTES + _TIME_BYTES and text != session_id
    return (place[:KEY_BYTES], time) if fits and _is_instant(time) else None


def _is_instant(time: int) -> bool:
    return timestamps.EARLIEST <= time <= timestamps.LATEST
