"""What the DynamoDB tables hold of people: who was seen with whom, and users' traits."""

from collections.abc import Sequence
from typing import Any

import msgspec
from pynamodb.exceptions import PutError, UpdateError
from pynamodb.expressions.update import Action

from tracker.errors import StoreUnavailable
from tracker.event import Event, person_of_user, person_of_visitor
from tracker.stores import Link, keys
from tracker.stores.compression import compress, decompress
from tracker.stores.models import IndexItem, optional
from tracker.stores.recent import Recent

_TRAITS = "traits"
_ATTEMPTS = 10

Trait = tuple[Any, int, int, str]
"""A value, and the place of the event that gave it: timestamp, seq, digest (hex)."""


class People:
    """Links and traits. Writing the same again, in any order, changes nothing."""

    def __init__(self, index: type[IndexItem]) -> None:
        self._index = index
        self._known_links: Recent[tuple[str, str, str], int] = Recent(20_000)

    def write(self, events: Sequence[Event]) -> None:
        """Keep what events tell of people."""
        self._write_links(events)
        for event in events:
            if event.traits and event.user_id:
                self._merge_traits(event, event.user_id)

    def links(
        self, site: str, *, user_id: str | None = None, anonymous_id: str | None = None
    ) -> list[Link]:
        """See `Store.links`."""
        if user_id:
            mine, theirs = person_of_user(user_id), person_of_visitor("")
        else:
            mine, theirs = person_of_visitor(anonymous_id or ""), person_of_user("")
        items = self._index.query(keys.partition(site, mine), self._index.sk.startswith(theirs))
        found = []
        for item in items:
            long_name = optional(item.body)
            other = (long_name.decode() if long_name else item.sk).removeprefix(theirs)
            found.append(Link(user_id or other, anonymous_id or other, int(item.since)))
        return found

    def traits(self, site: str, user_id: str) -> dict[str, Any]:
        """See `Store.traits`."""
        known = _read_traits(self._traits_item(site, user_id))
        return {name: trait[0] for name, trait in sorted(known.items())}

    def _write_links(self, events: Sequence[Event]) -> None:
        earliest: dict[tuple[str, str, str], int] = {}
        for event in events:
            if event.user_id and event.anonymous_id:
                link = (event.site, event.user_id, event.anonymous_id)
                earliest[link] = min(event.timestamp, earliest.get(link, event.timestamp))
        earliest = {
            link: since
            for link, since in earliest.items()
            if since < self._known_links.get(link, since + 1)
        }
        model = self._index
        found = {
            (item.pk, item.sk): int(item.since)
            for item in model.batch_get([key for link in earliest for key in _link_items(*link)])
            if optional(item.since) is not None
        }
        for link, since in earliest.items():
            for (pk, sk), long_name in _link_items(*link).items():
                if found.get((pk, sk), since + 1) > since:
                    self._lower_since(pk, sk, since, long_name)
            self._known_links[link] = since

    def _lower_since(self, pk: str, sk: str, since: int, long_name: bytes | None) -> None:
        model = self._index
        actions: list[Action] = [model.since.set(since)]
        if long_name:
            actions.append(model.body.set(long_name))
        try:
            model(pk, sk).update(
                actions=actions,
                condition=model.since.does_not_exist() | (model.since > since),
            )
        except UpdateError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise

    def _merge_traits(self, event: Event, user_id: str) -> None:
        """Of each trait, keep the value of the latest event, in whatever order they come."""
        model = self._index
        place = (event.timestamp, event.seq, event.digest.hex())
        for _ in range(_ATTEMPTS):
            item = self._traits_item(event.site, user_id)
            version = int(item.version or 0)
            known: dict[str, Trait] = _read_traits(item)
            newer = {
                name: (value, *place)
                for name, value in (event.traits or {}).items()
                if name not in known or known[name][1:] < place
            }
            if not newer:
                return
            item.body = compress(msgspec.json.encode(known | newer))
            item.version = version + 1
            unchanged = model.version == version if version else model.pk.does_not_exist()
            try:
                item.save(condition=unchanged)
            except PutError as error:
                if error.cause_response_code != "ConditionalCheckFailedException":
                    raise
            else:
                return
        raise StoreUnavailable("a user's traits are being written too often at once")

    def _traits_item(self, site: str, user_id: str) -> IndexItem:
        model = self._index
        pk = keys.partition(site, person_of_user(user_id))
        try:
            return model.get(pk, _TRAITS, consistent_read=True)
        except model.DoesNotExist:
            return model(pk, _TRAITS)


def _link_items(site: str, user_id: str, anonymous_id: str) -> dict[tuple[str, str], bytes | None]:
    """The items of a link, which is found from both its ends: key → what their body holds."""
    user, visitor = person_of_user(user_id), person_of_visitor(anonymous_id)
    return {
        (keys.partition(site, mine), keys.short(other)): keys.long_name(other)
        for mine, other in ((user, visitor), (visitor, user))
    }


def _read_traits(item: IndexItem) -> dict[str, Trait]:
    if optional(item.body) is None:
        return {}
    return msgspec.json.decode(decompress(item.body), type=dict[str, Trait])
