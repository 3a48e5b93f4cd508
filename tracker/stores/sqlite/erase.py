"""How the SQLite store forgets somebody, and sees to it that they do not come back."""

from collections.abc import Collection, Sequence

import msgspec

from tracker.event import Event, user_of_person
from tracker.sqlite import Connection
from tracker.stores import Person
from tracker.stores.tombstones import Tombstone, is_erased, joined, name, persons

SCHEMA = """
CREATE TABLE tombstones (
    site TEXT NOT NULL,
    person TEXT NOT NULL,
    marks BLOB NOT NULL,
    PRIMARY KEY (site, person)
) WITHOUT ROWID
"""
SLICE = 500
"""So many events are removed in one transaction: whoever writes does not wait for longer."""

_OF_THAT_TIME = (
    "site = :site AND person = :person AND (:since IS NULL OR timestamp >= :since)"
    " AND (:until IS NULL OR timestamp < :until)"
)

_marks = msgspec.json.Decoder(list[Tombstone])


def bury(connection: Connection, site: str, person: str, marks: Sequence[Tombstone]) -> None:
    """Set tombstones."""
    known = tombstones(connection, site, [person]).get(person, [])
    connection.execute(
        "INSERT INTO tombstones (site, person, marks) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET marks = excluded.marks",
        (site, name(person), msgspec.json.encode(joined(known, marks))),
    )


def tombstones(
    connection: Connection, site: str, persons: Collection[str]
) -> dict[str, list[Tombstone]]:
    """Those of some people, as far as there are any."""
    if not connection.execute("SELECT 1 FROM tombstones LIMIT 1").fetchone():
        return {}
    found = {}
    for person in persons:
        row = connection.execute(
            "SELECT marks FROM tombstones WHERE site = ? AND person = ?", (site, name(person))
        ).fetchone()
        if row:
            found[person] = _marks.decode(row[0])
    return found


def kept(connection: Connection, events: Sequence[Event]) -> Sequence[Event]:
    """Those that no tombstone covers."""
    people: dict[str, set[str]] = {}
    for event in events:
        people.setdefault(event.site, set()).update(persons(event))
    marks = {site: tombstones(connection, site, of_site) for site, of_site in people.items()}
    if not any(marks.values()):
        return events
    return [event for event in events if not is_erased(event, marks[event.site])]


def erase(
    connection: Connection, site: str, person: Person, since: int | None, until: int | None
) -> int:
    """Remove a slice of a timeline; how many events that was, 0 when nothing is left of it."""
    return connection.execute(
        f"DELETE FROM events WHERE id IN (SELECT id FROM events WHERE {_OF_THAT_TIME} LIMIT :most)",
        {"site": site, "person": person.key, "since": since, "until": until, "most": SLICE},
    ).rowcount


def forget(
    connection: Connection, site: str, person: Person, since: int | None, until: int | None
) -> None:
    """Remove what is known of somebody: traits of that time; a user's links and aliases."""
    connection.execute(
        f"DELETE FROM traits WHERE {_OF_THAT_TIME}",
        {"site": site, "person": person.key, "since": since, "until": until},
    )
    if user_id := user_of_person(person.key):
        connection.execute("DELETE FROM links WHERE site = ? AND user_id = ?", (site, user_id))
        for side in ("user_id", "other_id"):
            connection.execute(
                f"DELETE FROM aliases WHERE site = ? AND {side} = ?", (site, user_id)
            )
