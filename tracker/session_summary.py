"""What a person did in a session, in numbers."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs

from tracker import sessions, timestamps
from tracker.activity import Question
from tracker.dimensions import page_path, page_referrer
from tracker.event import person_of_user, person_of_visitor
from tracker.sessions import Membership
from tracker.stores import Person, Position, Selection, Session, Store, Stored, merge

_PAGE = 1000


class SessionSummary(Struct, kw_only=True):
    """A person's part of a session."""

    id: str
    start: int
    end: int
    oldest: Position
    """The first of its events between the times that were asked for; all else counts whatever
    these are."""
    newest: Position
    """The last of them."""
    events: int = 0
    page_views: int = 0
    user_id: str | None = None
    """Like the anonymous id, of the latest event that has one."""
    anonymous_id: str | None = None
    views: list[bytes] = []
    """The documents of the first and of the last page view."""

    def document(self) -> dict[str, Any]:
        """What the read API answers with."""
        first, last = [_page(view) for view in (self.views[:1] + self.views[-1:])] or [_NOWHERE] * 2
        return {
            "id": self.id,
            "userId": self.user_id,
            "anonymousId": self.anonymous_id,
            "start": timestamps.format(self.start),
            "end": timestamps.format(self.end),
            "duration": (self.end - self.start) / timestamps.SECOND,
            "pageViews": self.page_views,
            "events": self.events,
            "entryPage": first.path,
            "exitPage": last.path,
            "referrer": first.referrer,
        }


class _View(Struct):
    path: str | None = None
    referrer: str | None = None


_NOWHERE = _View()


def _page(document: bytes) -> _View:
    """Where a page view was, and from where it was come to."""
    event = msgspec.json.decode(document)
    context, properties = event.get("context"), event.get("properties")
    return _View(page_path(context, properties), page_referrer(context, properties))


class _Brief(Struct, rename="camel"):
    type: str
    user_id: str | None = None
    anonymous_id: str | None = None

    @property
    def person(self) -> str:
        if self.user_id:
            return person_of_user(self.user_id)
        return person_of_visitor(self.anonymous_id or "")


_brief = msgspec.json.Decoder(_Brief)


class Summaries:
    """Counts sessions, as far as they stand in a person's timelines."""

    def __init__(self, store: Store, question: Question, timelines: Sequence[Selection]) -> None:
        """``timelines`` are those of the question's person, at whatever time."""
        self._store = store
        self._question = question
        self._base = structs.replace(timelines[0], anonymous_id=None, descending=False)
        self._timelines: dict[str, list[Selection]] = {}
        for timeline in timelines:
            if isinstance(timeline.scope, Person):
                self._timelines.setdefault(timeline.scope.key, []).append(timeline)

    def count(self, session: Membership, met: Stored) -> SessionSummary:
        """Count a session that was met with one of its events."""
        at = met.position
        found = SessionSummary(
            id=session.id, start=at.timestamp, end=at.timestamp, oldest=at, newest=at
        )
        for event in merge.walk(self._store, list(self._selections(session)), _PAGE):
            self._add(found, event)
        if not found.events:  # a moment ago it was not there yet, or it is gone now
            self._add(found, met)
        return found

    def _selections(self, session: Membership) -> Iterator[Selection]:
        """Where a session's events stand; others' may stand there too."""
        if session.stretch is None or session.stream is None:
            yield structs.replace(self._base, scope=Session(session.id))
            return
        users = person_of_user("")
        persons = [p for p in self._timelines if p == session.stream or p.startswith(users)]
        yield from sessions.of_made(self._base, persons, session.stream, session.stretch)

    def _add(self, found: SessionSummary, event: Stored) -> None:
        """Add an event, if it is this person's; they come in order, the oldest first."""
        brief, at = _brief.decode(event.document), event.position.timestamp
        if not any(
            _is_within(at, one.since, one.until) and one.anonymous_id in (None, brief.anonymous_id)
            for one in self._timelines.get(brief.person, [])
        ):
            return
        found.events += 1
        found.start, found.end = min(found.start, at), max(found.end, at)
        if _is_within(at, self._question.since, self._question.until):
            found.oldest = min(found.oldest, event.position)
            found.newest = max(found.newest, event.position)
        found.user_id = brief.user_id or found.user_id
        found.anonymous_id = brief.anonymous_id or found.anonymous_id
        if brief.type == "page":
            found.page_views += 1
            found.views[1:] = [event.document]


def _is_within(at: int, since: int | None, until: int | None) -> bool:
    return (since is None or at >= since) and (until is None or at < until)
