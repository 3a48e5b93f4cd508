"""The sessions of a person.

A session stands in the list where the newest of its events stands in the person's timeline (the
oldest, where the oldest come first): of those between ``since`` and ``until``. The timeline is
walked, and a session is listed where it is met first. A cursor is a place in the timeline, and
names the sessions that are listed and may be met again behind it. So whatever arrives meanwhile,
none is listed twice, and none that was there is left out.
"""

import time
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from msgspec import structs

from tracker import activity, sessions, timestamps
from tracker.activity import Question
from tracker.session_summary import SessionSummary, Summaries
from tracker.sessions import Membership
from tracker.stores import Position, Store, Stored, merge

SECONDS = 5.0
"""After so long a page ends where it is: short, and not the last."""

MAX_NAMED = 50
"""How many sessions a cursor names, at the most."""

_MARGIN = timestamps.DAY
"""A session is named until the walk is so far past its end: a late event may still stand there."""

CHUNK = 1000
"""How many events are read at a time, at the most."""

_EVENTS_A_SESSION = 20
"""How many events are read at first for each session that is wanted; then twice as many."""


class Named(NamedTuple):
    """A session that is listed already."""

    digest: bytes
    reach: int
    """The time of its last event, in the order of the list."""


class Place(NamedTuple):
    """Where a list goes on."""

    position: Position
    named: list[Named]
    complete: bool
    """Whether no other listed session has events from here on. If one may have, a session is taken
    to be listed if it has events before."""


class SessionPage(NamedTuple):
    """A stretch of the list."""

    sessions: list[SessionSummary]
    resume: Place | None
    """Go on from here; ``None`` at the list's end. A page may be short and not the last."""


def listed(store: Store, question: Question, limit: int, after: Place | None = None) -> SessionPage:
    """At most ``limit`` sessions of a question's user or anonymous id."""
    return _List(store, question, after).page(limit)


class _Step(NamedTuple):
    """A step along a timeline: an event, or the end of what is read in one go."""

    position: Position
    event: Stored | None = None
    session: Membership | None = None


class _List:
    """One request's part of a list."""

    def __init__(self, store: Store, question: Question, after: Place | None) -> None:
        self._store = store
        self._question = question
        self._after = after.position if after else None
        self._named = {one.digest: one for one in after.named} if after else {}
        self._complete = after is None or after.complete
        always = structs.replace(question, since=None, until=None)
        self._summaries = Summaries(store, question, list(activity.selections(store, always)))

    def page(self, limit: int) -> SessionPage:
        """See `listed`."""
        end = time.monotonic() + SECONDS
        found: list[SessionSummary] = []
        last: Position | None = None
        for step in self._steps(min(CHUNK, _EVENTS_A_SESSION * (limit + 1))):
            late = time.monotonic() >= end
            if step.event is None and late:
                return SessionPage(found, self._place(step.position))
            if step.event and step.session and _digest(step.session.id) not in self._named:
                if last and (late or len(found) == limit):
                    return SessionPage(found, self._place(last))
                summary = self._summaries.count(step.session, step.event)
                if self._complete or not self._was_met_before(summary, step.position):
                    found.append(summary)
                self._name(summary)
            last = step.position
        return SessionPage(found, None)

    def _steps(self, size: int) -> Iterator[_Step]:
        selections = list(activity.selections(self._store, self._question))
        position = self._after
        while True:
            selections = [structs.replace(one, after=position) for one in selections]
            page = merge.read(self._store, selections, size)
            of_events = sessions.memberships(self._store, self._question.site, page.events)
            for event, session in zip(page.events, of_events, strict=True):
                yield _Step(event.position, event, session)
            if page.resume is None:
                return
            position = page.resume
            size = min(2 * size, CHUNK)
            yield _Step(position)

    def _was_met_before(self, session: SessionSummary, at: Position) -> bool:
        return session.newest > at if self._question.descending else session.oldest < at

    def _name(self, session: SessionSummary) -> None:
        reach = session.start if self._question.descending else session.end
        digest = _digest(session.id)
        self._named[digest] = Named(digest, reach)

    def _place(self, position: Position) -> Place:
        """Name the sessions that are near: of too many, those that reach farthest."""

        def ahead(one: Named) -> int:
            way = one.reach - position.timestamp
            return -way if self._question.descending else way

        near = [one for one in self._named.values() if ahead(one) >= -_MARGIN]
        near.sort(key=ahead, reverse=True)
        left_out = near[MAX_NAMED:]
        complete = self._complete and not any(ahead(one) >= 0 for one in left_out)
        return Place(position, near[:MAX_NAMED], complete)


def _digest(session_id: str) -> bytes:
    return blake2b(session_id.encode(), digest_size=8).digest()
