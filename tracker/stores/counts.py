"""What is counted of events, hour by hour and day by day, in each dimension.

Events and page views follow from each event alone (`add_events`). Visitors and sessions are
distinct ones: a visitor's day remembers what it was counted for (`stores.visitor_days`).
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from tracker import dimensions, timestamps
from tracker.dimensions import Dimensions
from tracker.event import Event, counter, stream_of
from tracker.stores import stretches
from tracker.stores.stretches import RecordKey
from tracker.timestamps import DAY, HOUR

ALL = 0
"""The dimension in which every event counts, with the value ``""``. The others are numbered from 1
on, in the order of `dimensions.NAMES`."""
DELIVERY = len(dimensions.NAMES) + 1
"""Not a dimension of events: how many events a client has counted, and how many have arrived."""

PEOPLE, BOTS, BOTH = 0, 1, 2
"""Whose doing is counted. Of visitors and sessions that are in both counts, the third tells."""


class Cell(NamedTuple):
    """What is counted for itself."""

    interval: int
    """`HOUR` or `DAY`."""
    time: int
    """The start of that interval."""
    dimension: int
    value: str
    crowd: int
    """`PEOPLE`, `BOTS` or `BOTH`."""


class Count(NamedTuple):
    """How many. In the dimension `DELIVERY`, ``events`` are those that a client has counted, and
    ``page_views`` those of them that have arrived."""

    events: int = 0
    page_views: int = 0
    visitors: int = 0
    sessions: int = 0

    def plus(self, other: "Count") -> "Count":
        """Both together."""
        return Count(
            self.events + other.events,
            self.page_views + other.page_views,
            self.visitors + other.visitors,
            self.sessions + other.sessions,
        )


Counts = dict[Cell, Count]
"""What is to be added to which counts; some may be negative."""


class Counted(NamedTuple):
    """A count that is kept."""

    cell: Cell
    number: Count


class CountSelection(NamedTuple):
    """Which counts of a site."""

    site: str
    dimension: int
    interval: int
    """`HOUR` or `DAY`."""
    since: int
    """Intervals that begin not earlier than this."""
    until: int
    """Intervals that begin earlier than this."""
    value: str | None = None
    """Of this value only; ``None``: of every one."""
    total: bool = False
    """All these intervals added up: a cell's ``time`` is then that of one of them, the first as far
    as a store adds them up itself."""


class Fact(NamedTuple):
    """What counts of an event."""

    timestamp: int
    is_view: bool
    bot: bool
    session_id: str | None
    counter: int
    """The client's own counter of its events, from 1 on; 0 where it keeps none."""
    values: Dimensions


class Countable(NamedTuple):
    """An event, as far as it is counted."""

    visitor_day: RecordKey
    received_at: int
    fact: Fact


def of_event(event: Event) -> Countable:
    """What counts of an event."""
    fact = Fact(
        event.timestamp,
        event.type == "page",
        event.bot is not None,
        event.session_id,
        event.counter,
        event.dimensions,
    )
    key = RecordKey(event.site, event.stream, stretches.day(event.timestamp))
    return Countable(key, event.received_at, fact)


def of_document(site: str, timestamp: int, session_id: str | None, document: bytes) -> Countable:
    """What counts of an event that is stored: the same as when it came."""
    members = msgspec.json.decode(document)
    context = members["context"]
    bot = context.get("bot")
    fact = Fact(
        timestamp,
        members["type"] == "page",
        isinstance(bot, str) and bot != "",
        session_id,
        counter(context),
        dimensions.of_document(members),
    )
    stream = stream_of(members.get("userId"), members.get("anonymousId"))
    key = RecordKey(site, stream, stretches.day(timestamp))
    return Countable(key, timestamps.parse(members["receivedAt"]), fact)


def add(counts: Counts, cell: Cell, count: Count) -> None:
    """Add to one of some counts."""
    known = counts.get(cell)
    counts[cell] = count if known is None else known.plus(count)


def merge(counts: Counts, more: Counts) -> None:
    """Add more counts to some."""
    for cell, count in more.items():
        add(counts, cell, count)


def add_events(counts: Counts, facts: Sequence[Fact]) -> None:
    """Count events and page views of one site."""
    # Most events that come together are of one hour and kind: in these groups C counts them.
    groups: dict[tuple[int, bool, bool], list[Dimensions]] = {}
    for fact in facts:
        kind = (fact.timestamp // HOUR, fact.bot, fact.is_view)
        groups.setdefault(kind, []).append(fact.values)
    for (hour, bot, is_view), values in groups.items():
        crowd = BOTS if bot else PEOPLE
        time = hour * HOUR
        day = time - time % DAY
        columns: list[Sequence[str | None]] = [("",) * len(values), *zip(*values, strict=True)]
        for dimension, column in enumerate(columns):
            for value, number in Counter(column).items():
                if value is not None:
                    count = Count(number, number if is_view else 0)
                    add(counts, Cell(HOUR, time, dimension, value, crowd), count)
                    add(counts, Cell(DAY, day, dimension, value, crowd), count)
