"""A store's file of an earlier format becomes one of today's, in one transaction. What the format
did not know follows from the events."""

from typing import Any

import msgspec
from msgspec import Struct

from tracker import dimensions, timestamps
from tracker.event import Event, counter
from tracker.sqlite import Connection
from tracker.stores.retention import FOR_EVER
from tracker.stores.sqlite import count_rows, recount, write
from tracker.timestamps import DAY

_SLICE = 1000
_OLD = ("events", "links", "traits", "failed_events")
_OLD_INDEXES = (
    "events_by_message",
    "events_by_person",
    "events_by_session",
    "events_by_time",
    "links_by_visitor",
    "failed_events_by_time",
)


class _Document(Struct, rename="camel"):
    message_id: str
    received_at: str
    context: dict[str, Any]
    user_id: str | None = None
    anonymous_id: str | None = None
    previous_id: str | None = None
    traits: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None


_document = msgspec.json.Decoder(_Document, strict=False)


def upgrade(connection: Connection, found: int, schema: str) -> bool:
    """Bring a file of the format that was found to that of the schema, if that is known how."""
    match found:
        case 1:
            _from_1(connection, schema)
        case 2:
            _from_2(connection)
        case _:
            return False
    return True


def _from_2(connection: Connection) -> None:
    """Format 2 counted nothing."""
    for statement in count_rows.SCHEMA.split(";"):
        connection.execute(statement)
    days = connection.execute(
        "SELECT DISTINCT site, timestamp - (timestamp % :day + :day) % :day FROM events",
        {"day": DAY},
    ).fetchall()
    for site, day in days:
        recount.recount_day(connection, site, day)


def _from_1(connection: Connection, schema: str) -> None:
    """Format 1 knew no bots, no aliases, no retention, no sessions of its own making."""
    for index in _OLD_INDEXES:
        connection.execute(f"DROP INDEX {index}")
    for table in _OLD:
        connection.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    for statement in schema.split(";"):
        connection.execute(statement)
    last = 0
    while rows := connection.execute(
        "SELECT id, site, digest, session, timestamp, seq, type, event, path, document"
        " FROM old_events WHERE id > ? ORDER BY id LIMIT ?",
        (last, _SLICE),
    ).fetchall():
        last = rows[-1][0]
        write.append(connection, [_event(*row[1:]) for row in rows], FOR_EVER)
    connection.execute(
        "INSERT INTO failed_events (id, site, received_at, document)"
        " SELECT id, site, received_at, document FROM old_failed_events"
    )
    for table in _OLD:
        connection.execute(f"DROP TABLE old_{table}")


def _event(site: str, digest: bytes, session: str | None, *rest: Any) -> Event:
    timestamp, seq, event_type, name, path, document = rest
    said = _document.decode(document)
    return Event(
        site=site,
        message_id=said.message_id,
        digest=digest,
        type=event_type,
        user_id=said.user_id,
        anonymous_id=said.anonymous_id,
        session_id=session,
        event=name,
        path=path,
        timestamp=timestamp,
        device_time=None,
        received_at=timestamps.parse(said.received_at),
        seq=seq,
        own_seq=0,
        traits=said.traits if event_type == "identify" else None,
        previous_id=said.previous_id if event_type == "alias" else None,
        bot=bot if isinstance(bot := said.context.get("bot"), str) else None,
        counter=counter(said.context),
        dimensions=dimensions.of_event(
            name, path, dimensions.of_device(said.context), said.context, said.properties
        ),
        document=document,
    )
