"""Counts over time, as they are asked for.

What is asked of all events, or of those with one value in one dimension, is read from the counts
that the store keeps: it costs the same however many events there are. Where several dimensions
meet (the browsers of one page's visitors), the events themselves are counted, the newest first and
for a bounded time.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Literal, NamedTuple

from msgspec import Struct

from tracker import dimensions, sessions, timestamps
from tracker.dimensions import Dimensions
from tracker.event import Bots
from tracker.stores import Everyone, Selection, Store, Stored, counts, merge, visitor_days
from tracker.stores.counts import ALL, BOTH, BOTS, PEOPLE, Counted, Counts, CountSelection, Fact
from tracker.stores.stretches import RecordKey
from tracker.stores.visitor_days import VisitorDay
from tracker.timestamps import DAY, HOUR

SECONDS = 8.0
"""So long events are counted for one answer: API Gateway gives up after 29 s."""

_PAGE = 1000

Metric = Literal["events", "page_views", "visitors", "sessions"]
Interval = Literal["hour", "day", "total"]


class Question(Struct, frozen=True, kw_only=True):
    """What is asked for."""

    site: str
    metric: Metric = "events"
    interval: Interval = "day"
    since: int | None = None
    """From the interval in which this is."""
    until: int | None = None
    """Intervals that begin earlier than this."""
    group_by: str | None = None
    """One of `dimensions.NAMES`."""
    where: Mapping[str, str] = {}
    """Only events with these values in these dimensions."""
    bots: Bots = Bots.LEAVE_OUT

    @property
    def micros(self) -> int:
        """The length of what is counted together; of a total, of what is added up."""
        return HOUR if self.interval == "hour" else DAY

    @property
    def first(self) -> int | None:
        """The start of the first interval."""
        return None if self.since is None else self.since - self.since % self.micros


class Row(NamedTuple):
    """One number of an answer."""

    time: int
    """The start of its interval; of a total, of the time that was asked for, or of the first day
    that is counted."""
    value: str | None
    """In the dimension it is grouped by."""
    number: int


class Answer(NamedTuple):
    """All numbers of an answer, by time, the greatest first."""

    rows: list[Row]
    complete: bool = True
    """If not, the time was up: what is older is not counted."""


def stats(store: Store, question: Question) -> Answer:
    """The numbers that are not zero. Visitors and sessions of a total are those of its days, added
    up."""
    other = set(question.where) - {question.group_by}
    if len(question.where) > 1 or (other and question.group_by):
        found, complete = _count(store, question)
        return Answer(list(_rows(question, found)), complete)
    return Answer(list(_rows(question, store.counts(_selection(question)))))


def greatest(rows: Iterable[Row], number: int) -> list[Row]:
    """The rows of the groups that are the greatest over the whole time."""
    rows = list(rows)
    totals: dict[str | None, int] = {}
    for row in rows:
        totals[row.value] = totals.get(row.value, 0) + row.number
    kept = set(sorted(totals, key=lambda value: (-totals[value], value or ""))[:number])
    return [row for row in rows if row.value in kept]


def dimension(name: str | None) -> int:
    """The number of a dimension in `stores.counts`."""
    return ALL if name is None else dimensions.NAMES.index(name) + 1


def _selection(question: Question) -> CountSelection:
    name, value = next(iter(question.where.items()), (question.group_by, None))
    return CountSelection(
        question.site,
        dimension(name),
        question.micros,
        timestamps.EARLIEST if question.first is None else question.first,
        timestamps.LATEST if question.until is None else question.until,
        value,
        total=question.interval == "total",
    )


_SIGNS = {
    Bots.LEAVE_OUT: {PEOPLE: 1},
    Bots.ONLY: {BOTS: 1},
    # Who is in both counts is one all the same.
    Bots.INCLUDE: {PEOPLE: 1, BOTS: 1, BOTH: -1},
}


def _rows(question: Question, found: Iterable[Counted]) -> Iterator[Row]:
    signs = _SIGNS[question.bots]
    numbers: dict[tuple[int, str], int] = {}
    start = question.first
    for cell, number in found:
        if sign := signs.get(cell.crowd):
            at = 0 if question.interval == "total" else cell.time
            key = (at, cell.value if question.group_by else "")
            count: int = getattr(number, question.metric)
            numbers[key] = numbers.get(key, 0) + sign * count
            if question.first is None:
                start = cell.time if start is None else min(start, cell.time)
    for (at, value), count in sorted(numbers.items(), key=_order):
        if count:
            yield Row(
                start or 0 if question.interval == "total" else at,
                value if question.group_by else None,
                count,
            )


def _order(row: tuple[tuple[int, str], int]) -> tuple[int, int, str]:
    (at, value), count = row
    return at, -count, value


def _count(store: Store, question: Question) -> tuple[list[Counted], bool]:
    """Count the events that are asked for, from the newest on; whether there was time for all."""
    end = time.monotonic() + SECONDS
    selection = Selection(
        site=question.site,
        scope=Everyone(),
        since=question.first,
        until=_end(question),
        path=_whole(question.where.get("path")),
        event=_whole(question.where.get("event")),
        bots=question.bots,
    )
    records: dict[RecordKey, VisitorDay] = {}
    found: Counts = {}
    complete = True
    events = merge.walk(store, [selection], _PAGE)
    if question.metric == "sessions":
        events = _in_sessions(store, question.site, events)
    for event in events:
        if time.monotonic() >= end:
            complete = False
            break
        one = counts.of_document(
            question.site, event.position.timestamp, event.session_id, event.document
        )
        if all(getattr(one.fact.values, name) == value for name, value in question.where.items()):
            fact = _narrowed(one.fact, question.group_by)
            key = one.visitor_day
            record = records.setdefault(key, VisitorDay(key.day))
            counts.add_events(found, [fact])
            visitor_days.absorb(record, [fact], found)
    wanted = dimension(question.group_by)
    return [
        Counted(cell, number)
        for cell, number in found.items()
        if cell.dimension == wanted and cell.interval == question.micros
    ], complete


def _in_sessions(store: Store, site: str, events: Iterator[Stored]) -> Iterator[Stored]:
    """Events with their sessions: those that are asked for alone do not tell how long nothing else
    was done between them."""
    while some := list(islice(events, _PAGE)):
        for event, session in zip(some, sessions.memberships(store, site, some), strict=True):
            yield event._replace(session_id=session.id) if session else event


def _whole(value: str | None) -> str | None:
    """A value, unless it may have been cut."""
    return None if value is None or len(value) >= dimensions.MAX_VALUE else value


def _narrowed(fact: Fact, group_by: str | None) -> Fact:
    """An event that counts in nothing but what is asked for."""
    values = {} if group_by is None else {group_by: getattr(fact.values, group_by)}
    return fact._replace(counter=0, values=Dimensions(**values))


def _end(question: Question) -> int | None:
    """The end of the last interval."""
    if question.until is None:
        return None
    return min(question.until + -question.until % question.micros, timestamps.LATEST)
