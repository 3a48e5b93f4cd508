"""What the SQLite store holds of people: who was seen with whom, and traits."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from tracker.event import Event, person_of_user, person_of_visitor
from tracker.sqlite import Connection
from tracker.stores import Link, Person, Position, Trait
from tracker.stores import traits as bounds

SCHEMA = """
CREATE TABLE links (
    site TEXT NOT NULL,
    user_id TEXT NOT NULL,
    anonymous_id TEXT NOT NULL,
    since INTEGER NOT NULL,
    received_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (site, user_id, anonymous_id)
) WITHOUT ROWID;
CREATE INDEX links_by_visitor ON links (site, anonymous_id);
CREATE TABLE aliases (
    site TEXT NOT NULL,
    user_id TEXT NOT NULL,
    other_id TEXT NOT NULL,
    received_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (site, user_id, other_id)
) WITHOUT ROWID;
CREATE TABLE traits (
    site TEXT NOT NULL,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    timestamp INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    digest BLOB NOT NULL,
    received_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (site, person, name)
) WITHOUT ROWID
"""


class Gone(NamedTuple):
    """An event that was removed: the ids of which something is known from it."""

    person: str
    anonymous_id: str | None
    previous_id: str | None


# By what is stored: a retry may say another time, and stores nothing.
_LINK = """
INSERT INTO links (site, user_id, anonymous_id, since, received_at)
SELECT site, ?, ?, timestamp, received_at FROM events
WHERE site = ? AND digest = ? AND person = ?
ON CONFLICT DO UPDATE SET since = min(since, excluded.since),
    received_at = max(received_at, excluded.received_at)
"""
_ALIAS = """
INSERT INTO aliases (site, user_id, other_id, received_at)
SELECT site, ?, ?, received_at FROM events WHERE site = ? AND digest = ? AND person = ?
ON CONFLICT DO UPDATE SET received_at = max(received_at, excluded.received_at)
"""
_TRAIT = """
INSERT INTO traits (site, person, name, value, timestamp, seq, digest, received_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
SET value = excluded.value, timestamp = excluded.timestamp, seq = excluded.seq,
    digest = excluded.digest
WHERE (excluded.timestamp, excluded.seq, excluded.digest) > (timestamp, seq, digest)
"""
_SIZE = f"length(CAST(name AS BLOB)) + length(value) + {bounds.EACH}"
_SIZE_OF_TRAITS = f"SELECT ifnull(sum({_SIZE}), 0) FROM traits WHERE site = ? AND person = ?"
_CUT_TRAITS = f"""
DELETE FROM traits WHERE site = ? AND person = ? AND name IN (
    SELECT name FROM (
        SELECT name, sum({_SIZE}) OVER (
            ORDER BY timestamp DESC, seq DESC, digest DESC, name DESC
            ROWS UNBOUNDED PRECEDING
        ) AS size FROM traits WHERE site = ? AND person = ?
    ) WHERE size > ?
)
"""
"""See `stores.traits`."""
_FORGET_TRAITS = "DELETE FROM traits WHERE site = ? AND person = ? AND received_at <= ?"
_KEEP_TRAITS = "UPDATE traits SET received_at = max(received_at, ?) WHERE site = ? AND person = ?"

# What is known of people is kept as long as an event stands for it. Each takes the limit of the
# site's retention: what was received up to then is past.
_LINK_STANDS = f"""
(received_at > ? OR EXISTS (
    SELECT 1 FROM events WHERE events.site = links.site AND events.received_at > ?
    AND events.person = '{person_of_visitor("")}' || links.anonymous_id))
"""
"""For the events with both its ids, and for the visitor's own: without it, what one did on a
shared computer would pass to the next."""
_USER = person_of_user("")
_ALIAS_STANDS = f"""
(received_at > ? OR (
    EXISTS (
        SELECT 1 FROM events WHERE events.site = aliases.site AND events.received_at > ?
        AND events.person = '{_USER}' || aliases.user_id)
    AND EXISTS (
        SELECT 1 FROM events WHERE events.site = aliases.site AND events.received_at > ?
        AND events.person = '{_USER}' || aliases.other_id)))
"""
"""For the alias itself, and for what there is of both its ids."""


def write_links(connection: Connection, events: Sequence[Event]) -> None:
    """Keep who was seen with whom; again, in any order, changes nothing."""
    connection.executemany(_LINK, [row for event in events for row in _links(event)])
    connection.executemany(_ALIAS, [row for event in events for row in _aliases(event)])


def write_traits(connection: Connection, event: Event, limit: int) -> None:
    """Keep what a new event says of somebody, unless a bot says it; what was past does not come
    back with it."""
    if event.bot is not None:
        return
    connection.execute(_FORGET_TRAITS, (event.site, event.person, limit))
    connection.executemany(_TRAIT, _traits(event))
    ((size,),) = connection.execute(_SIZE_OF_TRAITS, (event.site, event.person))
    if size > bounds.MAX_BYTES:
        connection.execute(_CUT_TRAITS, (event.site, event.person) * 2 + (bounds.MAX_BYTES,))
    connection.execute(_KEEP_TRAITS, (event.received_at, event.site, event.person))


def forget(connection: Connection, site: str, limit: int, events: Sequence[Gone]) -> None:
    """Remove what was known of people from events that are gone, and from no others."""
    visitors = {event.anonymous_id for event in events} | {event.previous_id for event in events}
    connection.executemany(
        f"DELETE FROM links WHERE site = ? AND anonymous_id = ? AND NOT {_LINK_STANDS}",
        [(site, visitor, limit, limit) for visitor in visitors - {None}],
    )
    people = {event.person for event in events}
    users = [person.removeprefix(_USER) for person in people if person.startswith(_USER)]
    connection.executemany(
        "DELETE FROM aliases WHERE site = ? AND other_id = ? AND user_id IN"
        f" (SELECT other_id FROM aliases WHERE site = ? AND user_id = ?) AND NOT {_ALIAS_STANDS}",
        [(site, user, site, user, limit, limit, limit) for user in users],
    )
    connection.executemany(
        f"DELETE FROM aliases WHERE site = ? AND user_id = ? AND NOT {_ALIAS_STANDS}",
        [(site, user, limit, limit, limit) for user in users],
    )
    connection.executemany(_FORGET_TRAITS, [(site, person, limit) for person in people])


def links(
    connection: Connection,
    site: str,
    limit: int,
    *,
    user_id: str | None,
    anonymous_id: str | None,
) -> list[Link]:
    """See `Store.links`."""
    column, value = ("user_id", user_id) if user_id else ("anonymous_id", anonymous_id)
    rows = connection.execute(
        f"SELECT user_id, anonymous_id, since FROM links WHERE site = ? AND {column} = ?"
        f" AND {_LINK_STANDS}",
        (site, value, limit, limit),
    )
    return [Link(*row) for row in rows]


def aliases(connection: Connection, site: str, limit: int, user_id: str) -> list[str]:
    """See `Store.aliases`."""
    rows = connection.execute(
        f"SELECT other_id FROM aliases WHERE site = ? AND user_id = ? AND {_ALIAS_STANDS}",
        (site, user_id, limit, limit, limit),
    )
    return [row[0] for row in rows]


def traits(connection: Connection, site: str, limit: int, person: Person) -> dict[str, Trait]:
    """See `Store.traits`."""
    rows = connection.execute(
        "SELECT name, value, timestamp, seq, digest FROM traits WHERE site = ? AND person = ?"
        " AND received_at > ?",
        (site, person.key, limit),
    )
    return {
        name: Trait(msgspec.json.decode(value), Position(*position))
        for name, value, *position in rows
    }


def _links(event: Event) -> list[tuple[Any, ...]]:
    """The anonymous ids that an event says to be a user's."""
    return [
        (event.user_id, other, event.site, event.digest, event.person)
        for other in (event.anonymous_id, event.previous_id)
        if event.user_id and other
    ]


def _aliases(event: Event) -> list[tuple[Any, ...]]:
    """An alias, to be found from both its ends."""
    one, other = event.user_id, event.previous_id
    if not one or not other or one == other:
        return []
    stored = (event.site, event.digest, event.person)
    return [(one, other, *stored), (other, one, *stored)]


def _traits(event: Event) -> list[tuple[Any, ...]]:
    place = (event.timestamp, event.seq, event.digest)
    return [
        (event.site, event.person, name, msgspec.json.encode(value), *place, event.received_at)
        for name, value in (event.traits or {}).items()
    ]
