"""The second seam: where events are kept and found again.

A store keeps each message once, whatever is redelivered, and reads timelines in the order of
`Position`. Who belongs to whom is not its business: `tracker.activity` asks it for links and
decides.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from tracker.batch import Batch, FailedKey
from tracker.event import Event


class Position(NamedTuple):
    """Where an event stands in every list it is in: by time, then by its client's own counter,
    then by its message id. Nothing about it changes after it was stored."""

    timestamp: int
    seq: int
    digest: bytes


class Stored(NamedTuple):
    """One event as read: its place, and the JSON document to answer with."""

    position: Position
    document: bytes


class Page(NamedTuple):
    """A stretch of a list."""

    events: list[Stored]
    resume: Position | None
    """Read on after this; ``None`` at the list's end. A page may be short and not the last: a
    store looks at a bounded number of events for one page, however few of them match."""


class Person(NamedTuple):
    """The timeline of one `Event.person`."""

    key: str


class Session(NamedTuple):
    """What happened in one session, whoever the events belong to."""

    id: str


class Everyone(NamedTuple):
    """All of a site's events."""


class Selection(Struct, frozen=True, kw_only=True):
    """Which events of a site, and in which order."""

    site: str
    scope: Person | Session | Everyone
    since: int | None = None
    """Not earlier than this."""
    until: int | None = None
    """Earlier than this."""
    type: str | None = None
    event: str | None = None
    path: str | None = None
    anonymous_id: str | None = None
    descending: bool = True
    after: Position | None = None


class Appended(NamedTuple):
    """What became of the events given to `Store.append`."""

    stored: int
    duplicates: int


class Link(NamedTuple):
    """An anonymous id that was seen together with a user id."""

    user_id: str
    anonymous_id: str
    since: int
    """The earliest time of such an event."""


class Summary(NamedTuple):
    """A timeline in numbers."""

    events: int
    page_views: int
    sessions: frozenset[str]
    first: int | None
    last: int | None


class FailedEvent(Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """An event that was not stored, with what was wrong and what was sent."""

    id: str
    site: str
    received_at: int
    field: str
    reason: str
    payload: str
    message_id: str | None = None
    whole: bool = True
    """Whether the payload is all that was sent: if not, it cannot be sent through again."""
    origin: Batch | None = None
    """The request it came in, without its events; ``None`` for a message that could not be read,
    and for what was kept before this was."""

    @property
    def key(self) -> FailedKey:
        """What it is found by."""
        return FailedKey(self.site, self.received_at, self.id)


class FailedPage(NamedTuple):
    """A stretch of the failed events, newest first."""

    failed: list[FailedEvent]
    resume: tuple[int, str] | None


class Store(Protocol):
    """A store. Every method raises `StoreUnavailable` when it cannot do its work now."""

    def append(self, events: Sequence[Event]) -> Appended:
        """Keep events. All are durable when it returns; if it raises, some may be, and the same
        call again completes it. Raises `NeverStorable` if an event can never be kept."""

    def append_failed(self, failed: Sequence[FailedEvent]) -> None:
        """Keep failed events, each once by its id."""

    def forget_failed(self, failed: Sequence[FailedKey]) -> None:
        """Remove failed events; those that are not there do not matter."""

    def read(self, selection: Selection, limit: int) -> Page:
        """Up to ``limit`` events after ``selection.after``, in its order."""

    def links(
        self, site: str, *, user_id: str | None = None, anonymous_id: str | None = None
    ) -> list[Link]:
        """The links of one user id, or of one anonymous id."""

    def traits(self, site: str, user_id: str) -> dict[str, Any]:
        """What is known of a user: of each trait, the value of its latest event."""

    def summary(
        self, site: str, person: Person, since: int | None = None, until: int | None = None
    ) -> Summary:
        """Count a timeline."""

    def failed(self, site: str, limit: int, after: tuple[int, str] | None = None) -> FailedPage:
        """The failed events of a site, newest first."""

    def check(self) -> None:
        """Raise `StoreUnavailable` if it cannot be read."""
