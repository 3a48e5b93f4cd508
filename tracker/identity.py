"""Who is who: the timelines that together are one person's.

A person is a user id, the user ids it is aliased with, and what anonymous visitors did who turned
out to be one of these. An alias says that two user ids are one person, whichever was first, and
through any number of steps. A link says that an anonymous id was seen with a user id, first at
that time: what a device did before a user id was first seen on it belongs to that user; what it
did without one afterwards, to the next user who is first seen on it then, or to the last if there
is none. None of this depends on the order in which events arrive.
"""

from collections.abc import Iterator

from msgspec import Struct

from tracker.event import person_of_user, person_of_visitor
from tracker.stores import Link, Person, Store

MAX_USER_IDS = 100
"""So many user ids are one person at the most: who holds a write key may alias what they like."""


class Part(Struct, frozen=True):
    """A stretch of a timeline."""

    person: Person
    since: int | None = None
    """Not earlier than this (microseconds)."""
    until: int | None = None
    """Earlier than this."""
    anonymous_id: str | None = None
    """Whose it is, where it is a visitor's."""

    def holds(self, timestamp: int) -> bool:
        """Whether something of that time is a part of it."""
        after = self.since is None or self.since <= timestamp
        return after and (self.until is None or timestamp < self.until)


def user_ids(store: Store, site: str, user_id: str) -> list[str]:
    """A user id and all that it is aliased with, the nearest first."""
    found = [user_id]
    for one in found:
        for other in sorted(store.aliases(site, one)):
            if other not in found and len(found) < MAX_USER_IDS:
                found.append(other)
    return found


def parts(store: Store, site: str, user_id: str) -> Iterator[Part]:
    """A person's timelines: those of the user ids, and of the visitors they turned out to be."""
    for one in user_ids(store, site, user_id):
        yield Part(Person(person_of_user(one)))
        for link in store.links(site, user_id=one):
            yield from of_visitor(store.links(site, anonymous_id=link.anonymous_id), link)


def of_visitor(links: list[Link], mine: Link) -> Iterator[Part]:
    """The stretch of an anonymous id's timeline that belongs to one of its users."""
    ordered = sorted(links, key=lambda link: (link.since, link.user_id))
    users = [link.user_id for link in ordered]
    if mine.user_id not in users:
        return
    index = users.index(mine.user_id)
    since = ordered[index - 1].since + 1 if index else None
    until = ordered[index].since + 1 if index < len(ordered) - 1 else None
    if since is None or until is None or since < until:
        person = Person(person_of_visitor(mine.anonymous_id))
        yield Part(person, since, until, mine.anonymous_id)
