"""Retention in the SQLite store: what is past is hidden at once, and removed by a sweep.

Rows stand in the order in which they came, by ``id``. So for each site a sweep goes from the row
it got to (the table ``swept``) to the first that is too young, a slice at a time: between two
slices others write, and a sweep that was interrupted goes on where it was.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import filterfalse, takewhile
from typing import NamedTuple

import msgspec
from msgspec import Struct

from tracker.event import Event, person_of_visitor
from tracker.sqlite import Connection
from tracker.stores.retention import Retention
from tracker.stores.sqlite import count_rows, people, stretch_rows
from tracker.stores.sqlite.people import Gone

SCHEMA = """
CREATE TABLE swept (
    site TEXT PRIMARY KEY,
    id INTEGER NOT NULL,
    received_at INTEGER NOT NULL
) WITHOUT ROWID
"""

SLICE = 500
"""How many rows one transaction looks at."""

Erasing = Callable[[], AbstractContextManager[Connection]]
"""A transaction whose removed rows are overwritten in the file, which uses their space again."""

_EARLIEST = -(2**63)

_SELECT = """
SELECT id, site, received_at, person, anonymous_id, session, timestamp,
       CASE type WHEN 'alias' THEN document END
FROM events WHERE
"""


class _Row(NamedTuple):
    """What a sweep looks at of an event."""

    id: int
    site: str
    received_at: int
    person: str
    anonymous_id: str | None
    session: str | None
    timestamp: int
    alias: bytes | None
    """The document, which alone tells who was aliased."""


class _Alias(Struct, rename="camel"):
    previous_id: str | None = None


_aliases = msgspec.json.Decoder(_Alias)


def limit(retention: Retention, site: str) -> int:
    """What a site received up to then is past."""
    found = retention.limit(site)
    return _EARLIEST if found is None else found


def make_way(connection: Connection, events: Sequence[Event], retention: Retention) -> list[Event]:
    """Those of some events for which something past was removed that has their message id: nobody
    sees it any more, and so they are no retries of it."""
    limits = {site: limit(retention, site) for site in {event.site for event in events}}
    found = []
    for event in events:
        past = limits[event.site]
        if event.received_at > past:
            same = (event.site, event.digest, past)
            rows = _rows(connection, "site = ? AND digest = ? AND received_at <= ?", same)
            if rows:
                _remove(connection, event.site, past, rows)
                found.append(event)
    return found


def sweep(erasing: Erasing, retention: Retention) -> Iterator[int]:
    """See `Store.sweep`: each step is a transaction."""
    with erasing() as connection:
        sites = list(_sites(connection))
    for site in sites:
        past, now = retention.limit(site), retention.clock()
        done = past is None
        if past is not None:
            with erasing() as connection:
                count_rows.expire_hours(connection, site, past)
        while past is not None and not done:
            with erasing() as connection:
                removed, done = _slice(connection, site, past, now)
            yield removed


def _sites(connection: Connection) -> Iterator[str]:
    """The sites that have events, by a look into the index for each."""
    site: str | None = ""
    while site is not None:
        (site,) = connection.execute(
            "SELECT min(site) FROM events WHERE site > ?", (site,)
        ).fetchone()
        if site is not None:
            yield site


def _slice(connection: Connection, site: str, past: int, now: int) -> tuple[int, bool]:
    """Remove what is past among the next rows. How many they were, and whether these were the
    last that are old enough."""

    def is_old(row: _Row) -> bool:
        # What came while the clock was wrong, in the future, tells nothing of its neighbours.
        return not past < row.received_at <= now

    def is_past(row: _Row) -> bool:
        return row.site == site and row.received_at <= past

    rows = _rows(connection, "id > ? ORDER BY id LIMIT ?", (_reached(connection, site), SLICE))
    old = list(takewhile(is_old, rows))
    gone = list(filter(is_past, old))
    stay = list(filterfalse(is_past, old))
    _remove(connection, site, past, gone)
    if stay:
        connection.execute(
            "INSERT INTO swept (site, id, received_at) VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
            " SET id = excluded.id, received_at = excluded.received_at",
            (site, stay[-1].id, stay[-1].received_at),
        )
    return len(gone), len(old) < SLICE


def _reached(connection: Connection, site: str) -> int:
    """The last row that a site's sweep has left where it was. If it is gone it may be another's
    by now, as the highest ids are used again: then the sweep begins anew."""
    found = connection.execute(
        "SELECT id FROM swept JOIN events USING (id, received_at) WHERE swept.site = ?", (site,)
    ).fetchone()
    return found[0] if found else 0


def _rows(connection: Connection, where: str, parameters: Sequence[object]) -> list[_Row]:
    return [_Row(*row) for row in connection.execute(_SELECT + where, parameters)]


def _remove(connection: Connection, site: str, past: int, rows: Sequence[_Row]) -> None:
    connection.executemany("DELETE FROM events WHERE id = ?", [(row.id,) for row in rows])
    people.forget(connection, site, past, [_gone(row) for row in rows])
    made = [(_stream(row), row.timestamp) for row in rows if row.session is None]
    stretch_rows.expire(connection, site, past, made)
    count_rows.expire(connection, site, past, [(_stream(row), row.timestamp) for row in rows])


def _stream(row: _Row) -> str:
    return person_of_visitor(row.anonymous_id) if row.anonymous_id else row.person


def _gone(row: _Row) -> Gone:
    previous_id = _aliases.decode(row.alias).previous_id if row.alias else None
    return Gone(row.person, row.anonymous_id, previous_id)
