"""Items that several write at once: each write tells whether the item was still as it was read."""

import secrets
from collections.abc import Callable, Iterable

from pynamodb.exceptions import DeleteError, PutError, UpdateError
from pynamodb.expressions.condition import Condition

from tracker import aws_errors
from tracker.stores.dynamodb.models import IndexItem

ATTEMPTS = 25
"""How often a write that another came before is tried."""

Place = tuple[str, str]
"""An item's key."""


def get(model: type[IndexItem], place: Place) -> IndexItem:
    """An item as it is now; one without a version, if there is none."""
    try:
        return model.get(*place, consistent_read=True)
    except model.DoesNotExist:
        return model(*place)


def get_all(model: type[IndexItem], places: Iterable[Place]) -> dict[Place, IndexItem]:
    """Several of them."""
    wanted = list(dict.fromkeys(places))
    found = {(item.pk, item.sk): item for item in model.batch_get(wanted, consistent_read=True)}
    return {place: found.get(place) or model(*place) for place in wanted}


def is_there(item: IndexItem) -> bool:
    """Whether there was such an item when it was read."""
    return bool(item.version)


def save(model: type[IndexItem], item: IndexItem, body: bytes, expires: float | None) -> bool:
    """Write an item, unless another has written it since it was read; whether that was done."""
    unchanged = _unchanged(model, item)
    # Not a count of writes: what is deleted and made again would come to the same number.
    item.version = 1 + secrets.randbits(53)
    item.body, item.expires = body, expires
    return was_done(lambda: item.save(condition=unchanged))


def delete(model: type[IndexItem], item: IndexItem) -> bool:
    """Remove an item, unless another has written it since it was read; whether that was done."""
    unchanged = _unchanged(model, item)
    return was_done(lambda: item.delete(condition=unchanged))


def _unchanged(model: type[IndexItem], item: IndexItem) -> Condition:
    return model.version == item.version if is_there(item) else model.pk.does_not_exist()


def was_done(write: Callable[[], object]) -> bool:
    """Do a write that has a condition; whether that held."""
    try:
        write()
    except (PutError, UpdateError, DeleteError) as error:
        if aws_errors.code(error) != "ConditionalCheckFailedException":
            raise
        return False
    return True
