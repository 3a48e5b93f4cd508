"""How events come into the SQLite store: in one transaction, with what follows from them."""

from collections.abc import Sequence
from typing import Any

from tracker.event import Event
from tracker.sqlite import Connection
from tracker.stores import counts
from tracker.stores.retention import Retention
from tracker.stores.sqlite import count_rows, expiry, people, stretch_rows

SCHEMA = """
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    site TEXT NOT NULL,
    digest BLOB NOT NULL,
    person TEXT NOT NULL,
    session TEXT,
    timestamp INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    type TEXT NOT NULL,
    event TEXT,
    path TEXT,
    anonymous_id TEXT,
    bot TEXT,
    received_at INTEGER NOT NULL DEFAULT 0,
    document BLOB NOT NULL
);
CREATE UNIQUE INDEX events_by_message ON events (site, digest);
CREATE INDEX events_by_person ON events (site, person, timestamp, seq, digest);
CREATE INDEX events_by_session ON events (site, session, timestamp, seq, digest)
    WHERE session IS NOT NULL;
CREATE INDEX events_by_time ON events (site, timestamp, seq, digest)
"""

_INSERT = """
INSERT INTO events (site, digest, person, session, timestamp, seq, type, event, path,
                    anonymous_id, bot, received_at, document)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (site, digest) DO NOTHING
"""


# An event changes a page of most indexes. A writer's cache holds those that change again and again,
# and the longer they wait in the log, the fewer are copied from there into the file. Each process
# has one writer, so this is not held for each reader.
_FOR_WRITING = ("PRAGMA cache_size = -32768", "PRAGMA wal_autocheckpoint = 8000")


def append(connection: Connection, events: Sequence[Event], retention: Retention) -> int:
    """Keep events, each once; how many are new."""
    for pragma in _FOR_WRITING:
        connection.execute(pragma)
    new = _insert(connection, events, retention)
    if len(new) < len(events):
        again = expiry.make_way(connection, events, retention)
        new += _insert(connection, again, retention)
    people.write_links(connection, events)
    made = [event for event in events if event.session_id is None]
    if len(new) != len(events):
        made = stretch_rows.as_stored(connection, made)
    stretch_rows.keep(connection, made)
    count_rows.count(connection, map(counts.of_event, new))
    return len(new)


def _insert(connection: Connection, events: Sequence[Event], retention: Retention) -> list[Event]:
    """Those that were not there."""
    (last,) = connection.execute("SELECT ifnull(max(id), 0) FROM events").fetchone()
    # What identifies a user changes more than its own row if it is new: one by one.
    plain = [event for event in events if event.traits is None]
    stored: int = connection.executemany(_INSERT, map(_row, plain)).rowcount if plain else 0
    identified = [event for event in events if event.traits is not None]
    for event in identified:
        if connection.execute(_INSERT, _row(event)).rowcount:
            stored += 1
            limit = expiry.limit(retention, event.site)
            people.write_traits(connection, event, limit)
    if stored == len(events):
        return list(events)
    # Of a message that is twice among them, the first is stored.
    found = {(event.site, event.digest): event for event in reversed(plain + identified)}
    rows = connection.execute("SELECT site, digest FROM events WHERE id > ?", (last,))
    return [found[site, digest] for site, digest in rows]


def _row(event: Event) -> tuple[Any, ...]:
    return (
        event.site,
        event.digest,
        event.person,
        event.session_id,
        event.timestamp,
        event.seq,
        event.type,
        event.event,
        event.path,
        event.anonymous_id,
        event.bot,
        event.received_at,
        event.document,
    )
