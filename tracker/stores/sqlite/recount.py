"""The SQLite store's counts, made anew from its events: a day in one transaction, while others wait
for a moment to write, and nobody to read."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import islice

from tracker.sqlite import Connection
from tracker.stores import counts, stretches
from tracker.stores.sqlite import count_rows
from tracker.timestamps import DAY

_SLICE = 1000

_DAYS = """
WITH RECURSIVE days (start) AS (
    SELECT min(timestamp) FROM events WHERE site = :site AND timestamp >= :since
    UNION
    SELECT (
        SELECT min(timestamp) FROM events
        WHERE site = :site AND timestamp >= start - (start % :day + :day) % :day + :day
    ) FROM days WHERE start IS NOT NULL
)
SELECT start FROM days WHERE start < :until
"""
"""By a look into the index for each day."""

_EVENTS = """
SELECT timestamp, session, document FROM events
WHERE site = ? AND timestamp >= ? AND timestamp < ? ORDER BY timestamp
"""

Transaction = Callable[[], AbstractContextManager[Connection]]


def recount(transaction: Transaction, site: str, since: int, until: int) -> Iterator[int]:
    """See `Store.recount`."""
    since += -since % DAY
    with transaction() as connection:
        days = set(count_rows.days(connection, site, since, until))
        days.update(_days(connection, site, since, until))
    for day in sorted(days):
        with transaction() as connection:
            counted = recount_day(connection, site, day)
        yield counted


def recount_day(connection: Connection, site: str, day: int) -> int:
    """Count one day anew; how many events it has."""
    count_rows.clear(connection, site, day)
    counted = 0
    rows = connection.execute(_EVENTS, (site, day, day + DAY))
    while some := list(islice(rows, _SLICE)):
        counted += len(some)
        count_rows.count(connection, (counts.of_document(site, *row) for row in some))
    return counted


def _days(connection: Connection, site: str, since: int, until: int) -> Iterator[int]:
    """The days on which a site has events."""
    for (start,) in connection.execute(
        _DAYS, {"site": site, "since": since, "until": until, "day": DAY}
    ):
        yield stretches.day(start)
