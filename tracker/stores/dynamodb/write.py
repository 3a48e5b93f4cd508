"""How events come into their table, some batches at once: the last that is written of them."""

from collections.abc import Sequence

from tracker import at_once
from tracker.event import Event
from tracker.stores.dynamodb import keys, read
from tracker.stores.dynamodb.expiry import Expiry
from tracker.stores.dynamodb.models import EventItem
from tracker.stores.dynamodb.stored import Identity

_TOGETHER = 25
"""BatchWriteItem takes no more items."""


def events(model: type[EventItem], found: Sequence[tuple[Identity, Event]], expiry: Expiry) -> None:
    """Write events, each at the key of its item."""

    def write(some: Sequence[tuple[Identity, Event]]) -> None:
        with model.batch_write() as batch:
            for identity, event in some:
                batch.save(_item(model, identity, event, expiry))

    at_once.each(write, [found[at : at + _TOGETHER] for at in range(0, len(found), _TOGETHER)])


def _item(model: type[EventItem], identity: Identity, event: Event, expiry: Expiry) -> EventItem:
    place = keys.place(keys.position_of(event))
    return model(
        identity.partition,
        identity.sort_key,
        body=read.pack(event),
        place=None if place == identity.sort_key else place,
        expires=expiry.of(event),
    )
