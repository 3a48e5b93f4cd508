"""Which events are stored already: asked before each write, and so a part of what an event costs.

To read an item by its key costs a read unit, be it there or not. To read a stretch of a timeline
costs a unit for each 4 KB that stand in it: of new events, nothing does. So the events that one
person sent together are looked for in one stretch, and some persons' at once. Both ways are
strongly consistent: what another consumer has written a moment ago is found.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from tracker import at_once
from tracker.stores.dynamodb import keys
from tracker.stores.dynamodb.models import EventItem

_STRETCH = 3
"""From how many events on one query is better: it is a call of its own."""


class Identity(NamedTuple):
    """The key of an event's item."""

    partition: str
    sort_key: str


_ATTRIBUTES = ["pk", "sk", "expires"]

IsPast = Callable[[float | None], bool]
"""Whether an item that expires then is past, and may be gone at any time."""


def stored(
    model: type[EventItem], identities: Iterable[Identity], is_past: IsPast
) -> set[Identity]:
    """Those of them that are there."""
    timelines: dict[str, list[str]] = {}
    single: list[Identity] = []
    for identity in identities:
        if identity.sort_key > keys.FIRST:
            timelines.setdefault(identity.partition, []).append(identity.sort_key)
        else:  # without a time, it stands in no stretch
            single.append(identity)
    found: set[Identity] = set()
    together: list[tuple[str, list[str]]] = []
    for partition, sort_keys in timelines.items():
        if len(sort_keys) >= _STRETCH:
            together.append((partition, sorted(sort_keys)))
        else:
            single += (Identity(partition, sort_key) for sort_key in sort_keys)

    def look(timeline: tuple[str, list[str]]) -> tuple[set[Identity], list[Identity]]:
        return _in_stretch(model, *timeline, is_past)

    for seen, left in at_once.each(look, together):
        found |= seen
        single += left
    items = model.batch_get(single, consistent_read=True, attributes_to_get=_ATTRIBUTES)
    return found | {Identity(item.pk, item.sk) for item in items if not is_past(item.expires)}


def _in_stretch(
    model: type[EventItem], partition: str, sort_keys: Sequence[str], is_past: IsPast
) -> tuple[set[Identity], list[Identity]]:
    """Those that are there, and those that were not looked for: the query ends where it has seen
    as many items as are asked for, whatever else stands between them."""
    query = model.query(
        partition,
        model.sk.between(sort_keys[0], sort_keys[-1]),
        consistent_read=True,
        attributes_to_get=_ATTRIBUTES,
        limit=len(sort_keys),
        page_size=len(sort_keys),
    )
    wanted = set(sort_keys)
    last = ""
    found: set[Identity] = set()
    for item in query:
        last = item.sk
        if last in wanted and not is_past(item.expires):
            found.add(Identity(partition, last))
    if query.last_evaluated_key is None:
        return found, []
    return found, [Identity(partition, sort_key) for sort_key in sort_keys if sort_key > last]
