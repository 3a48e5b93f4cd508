"""Which events are stored already: asked before each write, and so a part of what an event costs.

To read an item by its key costs a read unit, be it there or not. To read a stretch of a timeline
costs a unit for each 4 KB that stand in it: of new events, nothing does. So the events that one
person sent together are looked for in one stretch. Both ways are strongly consistent: what another
consumer has written a moment ago is found.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tracker.stores import keys
from tracker.stores.models import EventItem

_STRETCH = 3
"""From how many events on one query is better: it takes the time of a call of its own."""


class Identity(NamedTuple):
    """The key of an event's item."""

    partition: str
    sort_key: str


def stored(model: type[EventItem], identities: Iterable[Identity]) -> set[Identity]:
    """Those of them that are there."""
    timelines: dict[str, list[str]] = {}
    single: list[Identity] = []
    for identity in identities:
        if identity.sort_key > keys.FIRST:
            timelines.setdefault(identity.partition, []).append(identity.sort_key)
        else:  # without a time, it stands in no stretch
            single.append(identity)
    found: set[Identity] = set()
    for partition, sort_keys in timelines.items():
        looked_for = sorted(sort_keys)
        if len(looked_for) >= _STRETCH:
            seen, looked_for = _in_stretch(model, partition, looked_for)
            found |= seen
        single += (Identity(partition, sort_key) for sort_key in looked_for)
    items = model.batch_get(single, consistent_read=True, attributes_to_get=["pk", "sk"])
    return found | {Identity(item.pk, item.sk) for item in items}


def _in_stretch(
    model: type[EventItem], partition: str, sort_keys: Sequence[str]
) -> tuple[set[Identity], list[str]]:
    """Those that are there, and those that were not looked for: the query ends where it has seen
    as many items as are asked for, whatever else stands between them."""
    query = model.query(
        partition,
        model.sk.between(sort_keys[0], sort_keys[-1]),
        consistent_read=True,
        attributes_to_get=["pk", "sk"],
        limit=len(sort_keys),
        page_size=len(sort_keys),
    )
    wanted = set(sort_keys)
    last = ""
    found: set[Identity] = set()
    for item in query:
        last = item.sk
        if last in wanted:
            found.add(Identity(partition, last))
    if query.last_evaluated_key is None:
        return found, []
    return found, [sort_key for sort_key in sort_keys if sort_key > last]
