"""The second seam: where events are kept and found again.

A store keeps each message once, whatever is redelivered, and reads timelines in the order of
`Position`. Who belongs to whom is not its business: `tracker.activity` asks it for links and
decides.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from tracker import timestamps
from tracker.batch import Batch, FailedKey, Fault
from tracker.event import Bots, Event
from tracker.stores.counts import Counted, CountSelection
from tracker.stores.stretches import Span, Stretches
from tracker.stores.tombstones import Tombstone

NO_SITE = "-"
"""Where failed messages are kept that do not tell their site: only a token for all reads it."""


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
    session_id: str | None
    """Its client's own."""


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
    stream: str | None = None
    """Only the events of this `Event.stream` that carry no session id."""
    bots: Bots = Bots.LEAVE_OUT
    descending: bool = True
    after: Position | None = None
    received_after: int | None = None
    """Received later than this: a store leaves out what is past its site's retention."""


class Appended(NamedTuple):
    """What became of the events given to `Store.append`. Others are covered by a tombstone."""

    stored: int
    duplicates: int


class Link(NamedTuple):
    """An anonymous id that was seen together with a user id, or is aliased with it: an alias does
    not tell which of the two its other id is."""

    user_id: str
    anonymous_id: str
    since: int
    """The earliest time of such an event."""


class Trait(NamedTuple):
    """What is known of somebody, and the place of the event that said so."""

    value: Any
    position: Position


class Device(NamedTuple):
    """What is known of an anonymous id in a timeline."""

    anonymous_id: str
    events: int
    first: int
    last: int
    newest: bytes
    """The document of its latest event."""

    def joined(self, other: "Device") -> "Device":
        """The same device in two timelines, as one."""
        later = max(self, other, key=lambda device: device.last)
        return later._replace(events=self.events + other.events, first=min(self.first, other.first))


class Summary(NamedTuple):
    """A timeline in numbers."""

    events: int
    page_views: int
    sessions: frozenset[str]
    """Those that clients named."""
    active: Mapping[str, Sequence[int]]
    """Of events without a session id: of each `Event.stream` a time in each of its stretches that
    are here, in order; maybe several in one."""
    first: int | None
    last: int | None
    devices: Sequence[Device]


class FailedEvent(Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """An event that was not stored, with what was wrong and what was sent."""

    id: str
    site: str
    received_at: int
    field: str
    reason: str
    payload: str
    more: list[Fault] = []
    """What else was wrong with it."""
    message_id: str | None = None
    user_id: str | None = None
    """As far as the payload tells, like the anonymous id: a person's failed events are found by
    them."""
    anonymous_id: str | None = None
    whole: bool = True
    """Whether the payload is all that was sent: if not, it cannot be sent through again."""
    origin: Batch | None = None
    """The request it came in, without its events; ``None`` for a message that could not be read,
    and for what was kept before this was."""

    @property
    def key(self) -> FailedKey:
        """What it is found by."""
        return FailedKey(self.site, self.received_at, self.id)

    @property
    def faults(self) -> list[Fault]:
        """All that was wrong with it, the first first."""
        return [Fault(self.field, self.reason), *self.more]


class FailedFilter(Struct, frozen=True, kw_only=True):
    """Which failed events of a site, and in which order. Without any, all of them."""

    since: int | None = None
    """Received not earlier than this."""
    until: int | None = None
    """Received earlier than this."""
    field: str | None = None
    """One of its faults is in this field, as it stands there or in `stores.failures.general`."""
    reason: str | None = None
    """One of its faults, the same one, has this reason, likewise."""
    message_id: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    descending: bool = True


EVERY_FAILED = FailedFilter()


class FailedPage(NamedTuple):
    """A stretch of the failed events."""

    failed: list[FailedEvent]
    resume: tuple[int, str] | None
    """Read on after this; ``None`` at the end. A page may be short and not the last, as `Page`."""


class Store(Protocol):
    """A store. Every method raises `StoreUnavailable` when it cannot do its work now."""

    def append(self, events: Sequence[Event]) -> Appended:
        """Keep events, but for those that a tombstone covers. All are durable when it returns; if
        it raises, some may be, and the same call again completes it. Raises `NeverStorable` if
        an event can never be kept."""

    def bury(self, site: str, person: Person, marks: Sequence[Tombstone]) -> None:
        """Set tombstones. From now on `append` keeps nothing that they cover."""

    def tombstones(self, site: str, persons: Collection[str]) -> dict[str, list[Tombstone]]:
        """The tombstones of some people (`Person.key`), as far as there are any."""

    def erase(
        self, site: str, person: Person, since: int | None = None, until: int | None = None
    ) -> Iterator[int]:
        """Remove a stretch of a timeline, with all that leads to it. After each step it tells how
        many events that was. Stopped at any point, it goes on when called again."""

    def forget(
        self, site: str, person: Person, since: int | None = None, until: int | None = None
    ) -> None:
        """Remove what is known of somebody beside events: traits said in that time; a user's
        links and aliases."""

    def append_failed(self, failed: Sequence[FailedEvent]) -> None:
        """Keep failed events, each once by its id: as it first came."""

    def forget_failed(self, failed: Sequence[FailedKey]) -> None:
        """Remove failed events; those that are not there do not matter."""

    def read(self, selection: Selection, limit: int) -> Page:
        """Up to ``limit`` events after ``selection.after``, in its order."""

    def links(
        self, site: str, *, user_id: str | None = None, anonymous_id: str | None = None
    ) -> list[Link]:
        """The links of one user id, or of one anonymous id."""

    def aliases(self, site: str, user_id: str) -> list[str]:
        """The ids that an alias says to be the same person as this one."""

    def traits(self, site: str, person: Person) -> dict[str, Trait]:
        """What is known of somebody: of each trait, the value of its latest event. What
        a bot's event says counts for nothing."""

    def summary(
        self,
        site: str,
        person: Person,
        since: int | None = None,
        until: int | None = None,
        bots: Bots = Bots.LEAVE_OUT,
    ) -> Summary:
        """Count a timeline."""

    def stretches(self, site: str, spans: Sequence[Span]) -> list[Stretches | None]:
        """When the devices of events without a session id were active: of each span, the whole
        stretches that touch it. An event that was read is in a stretch."""

    def forget_stretches(self, site: str, stream: str, until: int = timestamps.LATEST) -> int:
        """Remove what is known of when a device was active, up to then, and of what it was counted
        for up to that day; how many records of the first there were."""

    def counts(self, selection: CountSelection) -> Iterable[Counted]:
        """What was counted. The same cell may come in several parts, which are to be added."""

    def recount(self, site: str, since: int, until: int) -> Iterator[int]:
        """Count the days that begin in that time anew, from their events, a little at each step;
        gives how many events it was. Days of which events may be past their retention stay as
        they are. Who stops between two steps begins again."""

    def failed(
        self,
        site: str,
        limit: int,
        after: tuple[int, str] | None = None,
        wanted: FailedFilter = EVERY_FAILED,
    ) -> FailedPage:
        """The failed events of a site that are not past their time, newest first unless wanted
        otherwise."""

    def forget_expired_failed(self) -> int:
        """Remove some of the failed events that are past their time: so few that no writer waits
        for it. How many; 0 when none is left, or where the store does this by itself."""

    def sweep(self) -> Iterator[int]:
        """Remove what is past its site's retention, as far as nobody else does, a little at each
        step; gives how many events it was. Who stops between two steps goes on another time."""

    def check(self) -> None:
        """Raise `StoreUnavailable` if it cannot be read."""
