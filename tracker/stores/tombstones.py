"""What is erased stays erased: a mark for what somebody did in some time.

A mark is found by a digest of the person, so it does not name whom it is about. It is set before
anything is erased, and a store keeps no event that it covers, however late that arrives.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

from msgspec import Struct

from tracker.event import Event, person_of_user


class Tombstone(Struct, frozen=True, array_like=True):
    """Says that a stretch of a timeline is erased."""

    erased_at: int
    since: int | None = None
    """Not earlier than this (microseconds)."""
    until: int | None = None
    """Earlier than this; ``None``: whatever happened before it was erased."""

    @property
    def is_whole(self) -> bool:
        """Whether it is about all that was done before it was set."""
        return self.since is None and self.until is None

    def covers(self, timestamp: int, received_at: int) -> bool:
        """Whether something of that time is erased. What had been received when it was erased is,
        too, though a wrong clock may have given it a time to come."""
        if self.since is not None and timestamp < self.since:
            return False
        if self.until is not None:
            return timestamp < self.until
        return timestamp <= self.erased_at or received_at <= self.erased_at


def link(user_id: str, anonymous_id: str) -> str:
    """What a tombstone is about that says since when an erased user was seen with a device: the
    link itself is gone, and what comes late is theirs or the next user's by that."""
    return f"l#{user_id}\0{anonymous_id}"


Marks = Mapping[str, Iterable[Tombstone]]
"""Tombstones by person."""


def name(person: str) -> str:
    """What a person's tombstones are found by."""
    return blake2b(person.encode(), digest_size=24).hexdigest()


def joined(known: Iterable[Tombstone], new: Iterable[Tombstone]) -> list[Tombstone]:
    """The tombstones of one person; of one that is set again the later."""
    latest: dict[tuple[int | None, int | None], Tombstone] = {}
    for mark in (*known, *new):
        place = (mark.since, mark.until)
        if place not in latest or latest[place].erased_at < mark.erased_at:
            latest[place] = mark
    return list(latest.values())


def persons(event: Event) -> list[str]:
    """Whose event it is; an alias is its other id's as well."""
    other = [person_of_user(event.previous_id)] if event.previous_id else []
    return [event.person, *other]


def is_erased(event: Event, marks: Marks) -> bool:
    """Whether an event is covered by a tombstone of somebody whose it is."""
    return any(
        mark.covers(event.timestamp, event.received_at)
        for person in persons(event)
        for mark in marks.get(person, ())
    )
