"""The failed events in the SQLite file."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tracker.batch import FailedKey
from tracker.sqlite import Connection
from tracker.stores import FailedEvent, FailedFilter, FailedPage, failures

SCHEMA = """
CREATE TABLE failed_events (
    id TEXT NOT NULL,
    site TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (site, id)
) WITHOUT ROWID;
CREATE INDEX failed_events_by_time ON failed_events (site, received_at, id)
"""

SLICE = 500
"""So many rows are removed at once: some milliseconds."""

_EXPIRED = """
DELETE FROM failed_events WHERE (site, id) IN
    (SELECT site, id FROM failed_events WHERE site = ? AND received_at <= ? LIMIT ?)
"""

_failed_events = msgspec.json.Decoder(FailedEvent)


def append(connection: Connection, events: Sequence[FailedEvent]) -> None:
    """Keep failed events, each once by its id."""
    connection.executemany(
        "INSERT INTO failed_events (id, site, received_at, document) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        [(event.id, event.site, event.received_at, msgspec.json.encode(event)) for event in events],
    )


def forget(connection: Connection, events: Sequence[FailedKey]) -> None:
    """Remove failed events."""
    connection.executemany(
        "DELETE FROM failed_events WHERE site = ? AND id = ?",
        [(key.site, key.id) for key in events],
    )


def read(
    connection: Connection,
    site: str,
    limit: int,
    after: tuple[int, str] | None,
    wanted: FailedFilter,
) -> FailedPage:
    """Up to ``limit`` of the failed events that are wanted, after a place."""
    conditions = ["site = ?"]
    parameters: list[Any] = [site]
    if wanted.since is not None:
        conditions.append("received_at >= ?")
        parameters.append(wanted.since)
    if wanted.until is not None:
        conditions.append("received_at < ?")
        parameters.append(wanted.until)
    direction, sign = ("DESC", "<") if wanted.descending else ("ASC", ">")
    if after is not None:
        conditions.append(f"(received_at, id) {sign} (?, ?)")
        parameters += after
    rows = connection.execute(
        f"SELECT document FROM failed_events WHERE {' AND '.join(conditions)}"
        f" ORDER BY received_at {direction}, id {direction}",
        parameters,
    )
    return failures.page((_failed_events.decode(row[0]) for row in rows), wanted, limit)


def sites(connection: Connection) -> list[str]:
    """Those that have failed events."""
    return [row[0] for row in connection.execute("SELECT DISTINCT site FROM failed_events")]


def forget_expired(connection: Connection, site: str, until: int) -> int:
    """Remove up to `SLICE` of those that were received then, or earlier; how many."""
    return connection.execute(_EXPIRED, (site, until, SLICE)).rowcount
