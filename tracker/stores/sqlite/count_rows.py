"""What the SQLite store counts: in the transaction that stores the events, and so exactly."""

from collections import Counter
from collections.abc import Iterable, Sequence

from tracker import timestamps
from tracker.sqlite import Connection
from tracker.stores import counts, stretches, visitor_days
from tracker.stores.counts import Cell, Count, Countable, Counted, Counts, CountSelection
from tracker.stores.stretches import RecordKey
from tracker.stores.visitor_days import Gains, VisitorDay
from tracker.timestamps import DAY, HOUR

SCHEMA = """
CREATE TABLE counts (
    site TEXT NOT NULL,
    dimension INTEGER NOT NULL,
    interval INTEGER NOT NULL,
    time INTEGER NOT NULL,
    value TEXT NOT NULL,
    crowd INTEGER NOT NULL,
    events INTEGER NOT NULL,
    page_views INTEGER NOT NULL,
    visitors INTEGER NOT NULL,
    sessions INTEGER NOT NULL,
    PRIMARY KEY (site, dimension, interval, time, value, crowd)
) WITHOUT ROWID;
CREATE TABLE visitor_days (
    site TEXT NOT NULL,
    day INTEGER NOT NULL,
    stream BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (site, day, stream)
) WITHOUT ROWID;
CREATE INDEX visitor_days_by_stream ON visitor_days (site, stream, day)
"""

_ADD = """
INSERT INTO counts (site, interval, time, dimension, value, crowd,
                    events, page_views, visitors, sessions)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
SET events = events + excluded.events, page_views = page_views + excluded.page_views,
    visitors = visitors + excluded.visitors, sessions = sessions + excluded.sessions
"""
_PUT = """
INSERT INTO visitor_days (site, day, stream, received_at, body) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET received_at = max(received_at, excluded.received_at),
    body = excluded.body
"""
# By the index's name: SQLite would walk all visitors of all those days, as the table itself is in
# the order of days.
_OF_VISITOR = "visitor_days INDEXED BY visitor_days_by_stream WHERE site = ? AND stream = ?"
_OF_SELECTION = """
FROM counts WHERE site = :site AND dimension = :dimension AND interval = :interval
    AND time >= :since AND time < :until AND (:value IS NULL OR value = :value)
"""
_READ = f"""
SELECT interval, time, dimension, value, crowd, events, page_views, visitors, sessions
{_OF_SELECTION}
"""
_READ_TOTAL = f"""
SELECT interval, min(time), dimension, value, crowd,
    sum(events), sum(page_views), sum(visitors), sum(sessions)
{_OF_SELECTION} GROUP BY value, crowd
"""


def count(connection: Connection, events: Iterable[Countable]) -> None:
    """Count events that are stored just now."""
    sites: dict[str, dict[RecordKey, list[Countable]]] = {}
    for event in events:
        of_site = sites.setdefault(event.visitor_day.site, {})
        of_site.setdefault(event.visitor_day, []).append(event)
    for site, records in sites.items():
        found: Counts = {}
        counts.add_events(found, [one.fact for of_day in records.values() for one in of_day])
        gains: Gains = Counter()
        for key, of_day in records.items():
            _count_visitor(connection, key, of_day, gains, found)
        visitor_days.settle(gains, found)
        connection.executemany(_ADD, ((site, *cell, *count) for cell, count in found.items()))


def _count_visitor(
    connection: Connection,
    key: RecordKey,
    events: Sequence[Countable],
    gains: Gains,
    found: Counts,
) -> None:
    received_at = max(event.received_at for event in events)
    visitor = (key.site, stretches.key(key.stream))
    newest = record = _latest(connection, visitor, timestamps.LATEST)
    if newest is not None and newest.day > key.day:
        record = _latest(connection, visitor, key.day)
    if record is None or record.day != key.day:
        record = VisitorDay(key.day, record.top if record else 0)
    top = record.top
    visitor_days.absorb_many(record, [event.fact for event in events], gains, found)
    _put(connection, visitor, record, received_at)
    while record.top > top and newest is not None and newest.day > record.day:
        later = _next(connection, visitor, record.day)
        if later is None:
            return
        top = later.top
        if not visitor_days.rebase(later, record.top, found):
            return
        _put(connection, visitor, later, received_at)
        record = later


def _latest(connection: Connection, visitor: tuple[str, bytes], day: int) -> VisitorDay | None:
    """A visitor's latest day up to that one."""
    return _record(connection, f"{_OF_VISITOR} AND day <= ? ORDER BY day DESC", (*visitor, day))


def _next(connection: Connection, visitor: tuple[str, bytes], day: int) -> VisitorDay | None:
    """A visitor's next day after that one."""
    return _record(connection, f"{_OF_VISITOR} AND day > ? ORDER BY day", (*visitor, day))


def _record(connection: Connection, where: str, place: tuple[str, bytes, int]) -> VisitorDay | None:
    row = connection.execute(f"SELECT body FROM {where} LIMIT 1", place).fetchone()
    return visitor_days.unpack(row[0]) if row else None


def _put(
    connection: Connection, visitor: tuple[str, bytes], record: VisitorDay, received_at: int
) -> None:
    site, stream = visitor
    body = visitor_days.pack(record)
    connection.execute(_PUT, (site, record.day, stream, received_at, body))


def read(connection: Connection, selection: CountSelection) -> list[Counted]:
    """See `Store.counts`."""
    rows = connection.execute(_READ_TOTAL if selection.total else _READ, selection._asdict())
    return [Counted(Cell(*row[:5]), Count(*row[5:])) for row in rows]


def days(connection: Connection, site: str, since: int, until: int) -> list[int]:
    """The days of which something is counted."""
    found = connection.execute(
        "SELECT DISTINCT time FROM counts WHERE site = ? AND dimension = ? AND interval = ?"
        " AND time >= ? AND time < ?",
        (site, counts.ALL, DAY, since, until),
    )
    return [row[0] for row in found]


def clear(connection: Connection, site: str, day: int) -> None:
    """Forget all that was counted of a day."""
    connection.execute("DELETE FROM visitor_days WHERE site = ? AND day = ?", (site, day))
    for interval in (HOUR, DAY):
        _delete(connection, site, interval, day, day + DAY)


def expire_hours(connection: Connection, site: str, until: int) -> None:
    """Forget the hours that began before then; the days stay."""
    _delete(connection, site, HOUR, timestamps.EARLIEST, until)


def _delete(connection: Connection, site: str, interval: int, since: int, until: int) -> None:
    connection.executemany(
        "DELETE FROM counts WHERE site = ? AND dimension = ? AND interval = ? AND time >= ?"
        " AND time < ?",
        [(site, dimension, interval, since, until) for dimension in range(counts.DELIVERY + 1)],
    )


def expire(
    connection: Connection, site: str, limit: int, events: Iterable[tuple[str, int]]
) -> None:
    """Forget the days of visitors (their streams and times) whose events are gone, unless one
    was received later than the limit."""
    days = {(stretches.day(timestamp), stretches.key(stream)) for stream, timestamp in events}
    connection.executemany(
        "DELETE FROM visitor_days WHERE site = ? AND day = ? AND stream = ? AND received_at <= ?",
        [(site, *day, limit) for day in days],
    )


def forget(connection: Connection, site: str, stream: str, until: int) -> None:
    """Forget what a visitor was counted for up to that day; the counts stay."""
    connection.execute(
        "DELETE FROM visitor_days WHERE site = ? AND stream = ? AND day <= ?",
        (site, stretches.key(stream), until),
    )
