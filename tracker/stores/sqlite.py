"""The store as one SQLite file."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from tracker.batch import FailedKey
from tracker.errors import StoreUnavailable
from tracker.event import Event
from tracker.sqlite import Connection, open_file, transaction
from tracker.stores import (
    Appended,
    Everyone,
    FailedEvent,
    FailedPage,
    Link,
    Page,
    Person,
    Position,
    Selection,
    Session,
    Stored,
    Summary,
)

_KIND = 0x54524B53  # "TRKS"
_SCHEMA = """
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
    document BLOB NOT NULL
);
CREATE UNIQUE INDEX events_by_message ON events (site, digest);
CREATE INDEX events_by_person ON events (site, person, timestamp, seq, digest);
CREATE INDEX events_by_session ON events (site, session, timestamp, seq, digest)
    WHERE session IS NOT NULL;
CREATE INDEX events_by_time ON events (site, timestamp, seq, digest);
CREATE TABLE links (
    site TEXT NOT NULL,
    user_id TEXT NOT NULL,
    anonymous_id TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (site, user_id, anonymous_id)
) WITHOUT ROWID;
CREATE INDEX links_by_visitor ON links (site, anonymous_id);
CREATE TABLE traits (
    site TEXT NOT NULL,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    timestamp INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (site, user_id, name)
) WITHOUT ROWID;
CREATE TABLE failed_events (
    id TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    document BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX failed_events_by_time ON failed_events (site, received_at, id)
"""

_INSERT = """
INSERT INTO events (site, digest, person, session, timestamp, seq, type, event, path,
                    anonymous_id, document)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (site, digest) DO NOTHING
"""
_LINK = """
INSERT INTO links (site, user_id, anonymous_id, since)
SELECT site, ?, anonymous_id, timestamp FROM events WHERE site = ? AND digest = ? AND person = ?
ON CONFLICT DO UPDATE SET since = min(since, excluded.since)
"""
_TRAIT = """
INSERT INTO traits (site, user_id, name, value, timestamp, seq, digest)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
SET value = excluded.value, timestamp = excluded.timestamp, seq = excluded.seq,
    digest = excluded.digest
WHERE (excluded.timestamp, excluded.seq, excluded.digest) > (timestamp, seq, digest)
"""


class SqliteStore:
    """A store in a file. Each thread reads through its own connection; one process writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            connection: Connection | None = getattr(self._local, "connection", None)
            if connection is None:
                connection = open_file(self._path, kind=_KIND, schema=_SCHEMA, synchronous="FULL")
                self._local.connection = connection
            yield connection
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self._path}: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._connected() as connection, transaction(connection):
            yield connection

    def append(self, events: Sequence[Event]) -> Appended:
        stored = 0
        with self._transaction() as connection:
            # What identifies a user changes more than its own row if it is new: one by one.
            plain = [event for event in events if event.traits is None]
            stored += connection.executemany(_INSERT, map(_row, plain)).rowcount if plain else 0
            for event in events:
                if event.traits is not None and connection.execute(_INSERT, _row(event)).rowcount:
                    stored += 1
                    connection.executemany(_TRAIT, _traits(event))
            # By what is stored: a retry may say another time, and stores nothing.
            connection.executemany(
                _LINK,
                [
                    (event.user_id, event.site, event.digest, event.person)
                    for event in events
                    if event.user_id and event.anonymous_id
                ],
            )
        return Appended(stored, len(events) - stored)

    def append_failed(self, failed: Sequence[FailedEvent]) -> None:
        with self._transaction() as connection:
            connection.executemany(
                "INSERT INTO failed_events (id, site, received_at, document) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                [(f.id, f.site, f.received_at, msgspec.json.encode(f)) for f in failed],
            )

    def forget_failed(self, failed: Sequence[FailedKey]) -> None:
        with self._transaction() as connection:
            connection.executemany(
                "DELETE FROM failed_events WHERE site = ? AND received_at = ? AND id = ?", failed
            )

    def read(self, selection: Selection, limit: int) -> Page:
        where, parameters = _conditions(selection)
        direction = "DESC" if selection.descending else "ASC"
        with self._connected() as connection:
            rows = connection.execute(
                f"SELECT timestamp, seq, digest, document FROM events WHERE {where}"
                f" ORDER BY timestamp {direction}, seq {direction}, digest {direction} LIMIT ?",
                (*parameters, limit + 1),
            ).fetchall()
        events = [Stored(Position(*row[:3]), row[3]) for row in rows[:limit]]
        return Page(events, events[-1].position if len(rows) > limit else None)

    def links(
        self, site: str, *, user_id: str | None = None, anonymous_id: str | None = None
    ) -> list[Link]:
        column, value = ("user_id", user_id) if user_id else ("anonymous_id", anonymous_id)
        with self._connected() as connection:
            rows = connection.execute(
                f"SELECT user_id, anonymous_id, since FROM links WHERE site = ? AND {column} = ?",
                (site, value),
            )
            return [Link(*row) for row in rows]

    def traits(self, site: str, user_id: str) -> dict[str, Any]:
        with self._connected() as connection:
            rows = connection.execute(
                "SELECT name, value FROM traits WHERE site = ? AND user_id = ? ORDER BY name",
                (site, user_id),
            )
            return {name: msgspec.json.decode(value) for name, value in rows}

    def summary(
        self, site: str, person: Person, since: int | None = None, until: int | None = None
    ) -> Summary:
        where, parameters = _conditions(
            Selection(site=site, scope=person, since=since, until=until)
        )
        with self._connected() as connection:
            events, page_views, first, last = connection.execute(
                "SELECT count(*), count(*) FILTER (WHERE type = 'page'), min(timestamp),"
                f" max(timestamp) FROM events WHERE {where}",
                parameters,
            ).fetchone()
            sessions = connection.execute(
                f"SELECT DISTINCT session FROM events WHERE {where} AND session IS NOT NULL",
                parameters,
            ).fetchall()
        return Summary(events, page_views, frozenset(row[0] for row in sessions), first, last)

    def failed(self, site: str, limit: int, after: tuple[int, str] | None = None) -> FailedPage:
        where = "site = ?"
        parameters: list[Any] = [site]
        if after:
            where += " AND (received_at, id) < (?, ?)"
            parameters += after
        with self._connected() as connection:
            rows = connection.execute(
                f"SELECT document FROM failed_events WHERE {where}"
                " ORDER BY received_at DESC, id DESC LIMIT ?",
                (*parameters, limit + 1),
            ).fetchall()
        failed = [msgspec.json.decode(row[0], type=FailedEvent) for row in rows[:limit]]
        more = len(rows) > limit
        return FailedPage(failed, (failed[-1].received_at, failed[-1].id) if more else None)

    def check(self) -> None:
        with self._connected() as connection:
            connection.execute("SELECT 1 FROM events LIMIT 1").fetchone()


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
        event.document,
    )


def _traits(event: Event) -> list[tuple[Any, ...]]:
    if event.user_id is None or event.traits is None:
        return []
    return [
        (
            event.site,
            event.user_id,
            name,
            msgspec.json.encode(value),
            event.timestamp,
            event.seq,
            event.digest,
        )
        for name, value in event.traits.items()
    ]


def _conditions(selection: Selection) -> tuple[str, list[Any]]:
    """The selection as SQL; each shape has an index that also gives the order."""
    conditions = ["site = ?"]
    parameters: list[Any] = [selection.site]

    def require(condition: str, *values: Any) -> None:
        conditions.append(condition)
        parameters.extend(values)

    match selection.scope:
        case Person(key):
            require("person = ?", key)
        case Session(session):
            require("session = ?", session)
        case Everyone():
            pass
    for column in ("type", "event", "path", "anonymous_id"):
        value = getattr(selection, column)
        if value is not None:
            require(f"{column} = ?", value)
    if selection.since is not None:
        require("timestamp >= ?", selection.since)
    if selection.until is not None:
        require("timestamp < ?", selection.until)
    if selection.after is not None:
        sign = "<" if selection.descending else ">"
        require(f"(timestamp, seq, digest) {sign} (?, ?, ?)", *selection.after)
    return " AND ".join(conditions), parameters
