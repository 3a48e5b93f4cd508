"""Who is here now: what was done in the last minutes, by whom, on which page."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tracker import sessions, timestamps
from tracker.dimensions import page_path
from tracker.event import Bots, stream_of
from tracker.stores import Everyone, Page, Position, Selection, Store, Stored

WINDOW = 5 * timestamps.MINUTE

STEP = 10 * timestamps.SECOND
"""The window moves on by so much at a time: between two steps, only a new event changes it."""

MAX_EVENTS = 1000
"""How many of the newest events are looked at, at the most: on a site with more of them in the
window, the visitors are those of these."""


class Visitor(Struct, rename="camel"):
    """Somebody who is here: what is known of them by the newest event that says it."""

    anonymous_id: str | None
    user_id: str | None
    session_id: str | None
    path: str | None
    title: str | None
    last_seen: str


class Live(Struct, rename="camel"):
    """Visitors and events, the newest first."""

    visitors: list[Visitor]
    events: list[Raw]
    since: str
    complete: bool
    """Whether all that is in the window was looked at."""


class _Shown(Struct, rename="camel"):
    anonymous_id: str | None = None
    user_id: str | None = None
    context: dict[str, Any] = {}
    properties: dict[str, Any] | None = None


_shown = msgspec.json.Decoder(_Shown)


def start(now: int) -> int:
    """Where the window begins."""
    return now // STEP * STEP - WINDOW


def newest(store: Store, site: str, now: int, bots: Bots) -> Position | None:
    """The place of the newest event, by one look: what is live is the same as long as this and
    the window's `start` are. Only an event that arrives later than a newer one is overlooked,
    until the next step."""
    events = store.read(_selection(site, now, bots), 1).events
    return events[0].position if events else None


def live(store: Store, site: str, now: int, bots: Bots, limit: int) -> Live:
    """All visitors, and ``limit`` events."""
    page = store.read(_selection(site, now, bots), MAX_EVENTS)
    shown = sessions.filled(store, site, Page(page.events[:limit], None)).events
    return Live(
        visitors=_visitors(store, site, page.events),
        events=[Raw(event.document) for event in shown],
        since=timestamps.format(start(now)),
        complete=page.resume is None,
    )


def _selection(site: str, now: int, bots: Bots) -> Selection:
    # What is later than any event can be by now was stored by another clock.
    until = now + timestamps.CLOCK_AHEAD
    return Selection(site=site, scope=Everyone(), since=start(now), until=until, bots=bots)


def _visitors(store: Store, site: str, events: Sequence[Stored]) -> list[Visitor]:
    visitors: dict[str, Visitor] = {}
    last: dict[str, Stored] = {}
    for event in events:
        told = _shown.decode(event.document)
        stream = stream_of(told.user_id, told.anonymous_id)
        visitor = visitors.get(stream)
        if visitor is None:
            last_seen = timestamps.format(event.position.timestamp)
            visitor = Visitor(told.anonymous_id, None, event.session_id, None, None, last_seen)
            visitors[stream] = visitor
            last[stream] = event
        visitor.user_id = visitor.user_id or told.user_id
        if visitor.path is None:
            visitor.path = page_path(told.context, told.properties)
            visitor.title = _title(told)
    without = {stream: event for stream, event in last.items() if event.session_id is None}
    made = sessions.memberships(store, site, list(without.values())) if without else []
    for stream, session in zip(without, made, strict=True):
        visitors[stream].session_id = session.id if session else None
    return list(visitors.values())


def _title(told: _Shown) -> str | None:
    for source in (told.context.get("page"), told.properties):
        if isinstance(source, dict) and isinstance(title := source.get("title"), str):
            return title
    return None
