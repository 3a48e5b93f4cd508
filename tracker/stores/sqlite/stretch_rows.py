"""What the SQLite store keeps of when devices were active: see `tracker.stores.stretches`."""

from collections.abc import Iterable, Sequence

from tracker.event import Event
from tracker.sqlite import Connection
from tracker.stores import stretches
from tracker.stores.stretches import Span, Stretches

SCHEMA = """
CREATE TABLE stretches (
    site TEXT NOT NULL,
    stream BLOB NOT NULL,
    day INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (site, stream, day)
) WITHOUT ROWID
"""

_PUT = """
INSERT INTO stretches (site, stream, day, received_at, body) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET received_at = excluded.received_at, body = excluded.body
"""


def keep(connection: Connection, events: Sequence[Event]) -> None:
    """Add events that are stored; within the transaction that stores them."""
    last = stretches.last_received(events)
    for record, added in stretches.of_events(events).items():
        place = (record.site, stretches.key(record.stream), record.day)
        row = connection.execute(
            "SELECT received_at, body FROM stretches WHERE site = ? AND stream = ? AND day = ?",
            place,
        ).fetchone()
        known = stretches.unpack(row[1]).found if row else []
        merged = stretches.merged([*known, *added])
        received_at = last[record].received_at
        if merged != known or row[0] < received_at:
            body = stretches.pack(Stretches(record.stream, merged))
            newest = max(row[0], received_at) if row else received_at
            connection.execute(_PUT, (*place, newest, body))


def as_stored(connection: Connection, events: Iterable[Event]) -> list[Event]:
    """Those of some events that stand in the store as they are: a retry may say another time, and
    is not what was stored."""
    return [
        event
        for event in events
        if connection.execute(
            "SELECT document FROM events WHERE site = ? AND digest = ?", (event.site, event.digest)
        ).fetchone()
        == (event.document,)
    ]


def records(connection: Connection, site: str, spans: Sequence[Span]) -> list[list[Stretches]]:
    """Of each span, the records of the days it touches."""
    return [
        [
            stretches.unpack(row[0])
            for row in connection.execute(
                "SELECT body FROM stretches WHERE site = ? AND stream = ? AND day BETWEEN ? AND ?"
                " ORDER BY day",
                (site, span.stream, stretches.day(span.since), span.until),
            )
        ]
        for span in spans
    ]


def expire(
    connection: Connection, site: str, limit: int, events: Iterable[tuple[str, int]]
) -> None:
    """Remove the records of some events that are gone (their streams and times), unless there is
    one in it that was received later than the limit."""
    records = {(stretches.key(stream), stretches.day(timestamp)) for stream, timestamp in events}
    connection.executemany(
        "DELETE FROM stretches WHERE site = ? AND stream = ? AND day = ? AND received_at <= ?",
        [(site, *record, limit) for record in records],
    )


def forget(connection: Connection, site: str, stream: str, until: int) -> int:
    """Remove a stream's records, of the stretches that end until then; how many there were."""
    key = stretches.key(stream)
    days = [
        day
        for day, body in connection.execute(
            "SELECT day, body FROM stretches WHERE site = ? AND stream = ?", (site, key)
        )
        if all(stretch.end <= until for stretch in stretches.unpack(body).found)
    ]
    connection.executemany(
        "DELETE FROM stretches WHERE site = ? AND stream = ? AND day = ?",
        [(site, key, day) for day in days],
    )
    return len(days)
