"""When DynamoDB may delete an item: its attribute ``expires``, which it looks at by itself.

An event, what it is listed by and a pointer to it expire together. What leads to many events (a
session's or a site's days, a link, an alias) is not written with each of them. So it is given a
reserve, and is written anew, about once a month, when an event comes for which it would not last.
"""

from tracker import timestamps
from tracker.event import Event
from tracker.stores.retention import Retention

_DAY = 24 * 3600
RESERVE = 60 * _DAY
"""So long after the event for which it is written, what leads to events expires."""
LEAST_RESERVE = 30 * _DAY
"""So long it has to last after any event that it leads to: one that an offline device sends weeks
later is still found."""

Expires = float | None
"""Seconds since 1970; ``None``: never."""


class Expiry:
    """Says how long items are kept, by the retention of their sites."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention

    def of(self, *events: Event) -> Expires:
        """When what is kept for these events of one site expires."""
        return self.at(events[0].site, max(event.received_at for event in events))

    def at(self, site: str, received_at: int) -> Expires:
        """When what a site received then expires."""
        end = self._retention.end(site, received_at)
        return None if end is None else -(-end // timestamps.SECOND)

    def of_guide(self, event: Event) -> Expires:
        """When what leads to an event expires, if it is written now."""
        expires = self.of(event)
        return None if expires is None else expires + RESERVE

    def is_past(self, expires: Expires) -> bool:
        """Whether an item may be gone at any time: DynamoDB takes up to some days for it."""
        return expires is not None and expires * timestamps.SECOND <= self._retention.clock()


def lasts(found: Expires, wanted: Expires) -> bool:
    """Whether what leads to an event, and is there, can stay as it is; ``wanted`` is when it would
    expire if it were written now. What never expires is written anew where it should."""
    if found is None or wanted is None:
        return found is wanted
    return found >= wanted - (RESERVE - LEAST_RESERVE)


def later(one: Expires, other: Expires) -> Expires:
    """The later of the two."""
    return None if one is None or other is None else max(one, other)


def sooner(one: Expires, other: Expires) -> Expires:
    """The sooner of the two."""
    return other if one is None else one if other is None else min(one, other)
