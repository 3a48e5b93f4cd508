"""The DynamoDB tables, as PynamoDB models.

``<prefix>-events`` holds the timelines: partition = site and person, sort key = time. An event
stands at the key made from what every retry of it repeats (the device's own time, its counter,
its message id), so the same message is always the same item. Where the server put another time
in place of the device's, the item says so in ``place``, and a pointer stands at that place.

``<prefix>-index`` holds what leads to events (site listings, sessions, links) and the rest
(traits, when devices were active, counts, failed events). An entry that leads to an event is only
a hint: it is written before the event, and a reader believes the event. So nothing has to be undone
when a write stops half-way.
"""

from typing import Any, NamedTuple, TypeVar

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import TableError

from tracker import aws_errors
from tracker.stores.dynamodb.connection import UNPROCESSED_CALLS, Connected, SharedConnection

T = TypeVar("T")


class EventItem(Connected):
    """An event, or a pointer to one whose place in time is not its key's."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    body = BinaryAttribute(null=True, legacy_encoding=False)
    place = UnicodeAttribute(null=True)
    """On an event: the sort key it is to be read at, where that is not its own."""
    target = UnicodeAttribute(null=True)
    """On a pointer: the sort key of the event."""
    expires = NumberAttribute(null=True)
    """From when on DynamoDB may delete it (seconds since 1970)."""


class IndexItem(Connected):
    """A listing entry, a day, a session's entry, a link, a user's traits, when a device was active
    on a day, what it was counted for, a page of counts, a failed event."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    body = BinaryAttribute(null=True, legacy_encoding=False)
    since = NumberAttribute(null=True)
    """On a link: the earliest time of an event with both ids (microseconds); on an alias, of
    one that says so; on a failed event's id, when it was received."""
    expires = NumberAttribute(null=True)
    """From when on DynamoDB may delete it (seconds since 1970): the table's TTL."""
    version = NumberAttribute(null=True)
    """On what is written again and again, such as a user's traits: another with each write, to
    notice that of somebody else."""


class Tables(NamedTuple):
    """The two models, bound to the tables of one deployment."""

    events: type[EventItem]
    others: type[IndexItem]

    def create(self) -> None:
        """Make the tables where they do not exist: for emulators and tests."""
        for model in self:
            if not model.exists():
                try:
                    model.create_table(wait=True, billing_mode="PAY_PER_REQUEST")
                except TableError as error:  # a try before, whose answer came too late, has made it
                    if aws_errors.code(error) != "ResourceInUseException":
                        raise


def optional(value: T) -> T | None:
    """An attribute that may be missing, though PynamoDB types every one as there."""
    return value


def tables(prefix: str) -> Tables:
    """The models of the deployment whose tables' names begin with ``prefix``."""

    shared = SharedConnection()

    def bound(model: Any, name: str, **more: str) -> Any:
        settings = {
            "table_name": f"{prefix}-{name}",
            "shared": shared,
            "max_retry_attempts": UNPROCESSED_CALLS,
            **more,
        }
        return type(model.__name__, (model,), {"Meta": type("Meta", (), settings)})

    events = bound(EventItem, "events", stream_view_type="NEW_AND_OLD_IMAGES")
    return Tables(events, bound(IndexItem, "index"))
