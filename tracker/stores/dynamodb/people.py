"""What the DynamoDB tables hold of people: who was seen with whom, and users' traits."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import permutations
from typing import Any, NamedTuple

import msgspec
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from tracker.errors import StoreUnavailable
from tracker.event import Event, person_of_user, person_of_visitor, user_of_person
from tracker.stores import Link, Person, Position, Trait, traits
from tracker.stores.dynamodb import index_items, keys
from tracker.stores.dynamodb.compression import compress, decompress
from tracker.stores.dynamodb.expiry import Expires, Expiry, lasts, later, sooner
from tracker.stores.dynamodb.models import IndexItem, optional
from tracker.stores.dynamodb.recent import Recent

_TRAITS = "traits"

_Kept = tuple[Any, int, int, str]
"""A value, and the place of the event that gave it: timestamp, seq, digest (hex)."""


class _Seen(NamedTuple):
    """What an event says of a link."""

    since: int
    expires: Expires

    def joined(self, other: "_Seen") -> "_Seen":
        """What both say."""
        return _Seen(min(self.since, other.since), later(self.expires, other.expires))

    def covers(self, other: "_Seen") -> bool:
        """Whether a link of which this is known need not be written for the other."""
        return self.since <= other.since and lasts(self.expires, other.expires)


class People:
    """Links and traits. Writing the same again, in any order, changes nothing."""

    def __init__(self, index: type[IndexItem], expiry: Expiry) -> None:
        self._index = index
        self._expiry = expiry
        self._known_links: Recent[tuple[str, str, str], _Seen] = Recent(20_000)

    def write(self, events: Sequence[Event]) -> None:
        """Keep what events tell of people."""
        self._write_links(events)
        self._write_aliases(events)
        for event in events:
            if event.traits and event.bot is None:
                self._merge_traits(event)

    def links(
        self, site: str, *, user_id: str | None = None, anonymous_id: str | None = None
    ) -> list[Link]:
        """See `Store.links`."""
        if user_id:
            mine, theirs = person_of_user(user_id), person_of_visitor("")
        else:
            mine, theirs = person_of_visitor(anonymous_id or ""), person_of_user("")
        return [
            Link(user_id or other, anonymous_id or other, int(item.since))
            for item in self._known(site, mine, theirs)
            for other in [_other(item, theirs)]
        ]

    def aliases(self, site: str, user_id: str) -> list[str]:
        """See `Store.aliases`."""
        user = person_of_user("")
        known = self._known(site, person_of_user(user_id), user)
        return [_other(item, user) for item in known]

    def traits(self, site: str, person: Person) -> dict[str, Trait]:
        """See `Store.traits`."""
        return _as_traits(self._read_traits(self._traits_item(site, person.key)))

    def forget(self, site: str, person: Person, since: int | None, until: int | None) -> None:
        """See `Store.forget`."""

        def is_of_that_time(trait: _Kept) -> bool:
            after = since is None or since <= trait[1]
            return after and (until is None or trait[1] < until)

        self._forget_traits(site, person.key, is_of_that_time)
        if user_of_person(person.key) is None:
            return
        pk = keys.partition(site, person.key)
        for kind in (person_of_visitor(""), person_of_user("")):
            of_kind = self._index.sk.startswith(kind)
            for item in self._index.query(pk, of_kind, consistent_read=True):
                other = kind + _other(item, kind)
                self._index(keys.partition(site, other), keys.short(person.key)).delete()
                item.delete()  # last: what is left of it is found by this

    def forget_what_is_known(self) -> None:
        """Look again for each link."""
        self._known_links.clear()

    def take_back(self, events: Sequence[Event]) -> None:
        """Remove what was written of these events, and of no others."""
        for event in events:
            if event.traits:
                place = _place(event)
                self._forget_traits(event.site, event.person, partial(_is_of, place))
            for pk, sk in _guides(event):
                # Not where another event says so, too.
                only_this = self._index.since == event.timestamp
                index_items.was_done(partial(self._index(pk, sk).delete, condition=only_this))

    def _forget_traits(self, site: str, person: str, is_gone: Callable[[_Kept], bool]) -> None:
        for _ in range(index_items.ATTEMPTS):
            item = self._traits_item(site, person)
            known = self._read_traits(item)
            kept = {name: trait for name, trait in known.items() if not is_gone(trait)}
            if not index_items.is_there(item) or (known and kept == known):
                return
            body = compress(msgspec.json.encode(kept))
            if (
                index_items.save(self._index, item, body, optional(item.expires))
                if kept
                else index_items.delete(self._index, item)
            ):
                return
        raise StoreUnavailable("a user's traits are being written too often at once")

    def _known(self, site: str, person: str, kind: str) -> Iterator[IndexItem]:
        """The items of somebody's links or aliases, to ids of one kind."""
        model = self._index
        pk = keys.partition(site, person)
        # Consistent: an eraser has to find what is known when it begins.
        for item in model.query(pk, model.sk.startswith(kind), consistent_read=True):
            if not self._expiry.is_past(item.expires):
                yield item

    def _write_links(self, events: Sequence[Event]) -> None:
        seen: dict[tuple[str, str, str], _Seen] = {}
        for event in events:
            now = _Seen(event.timestamp, self._expiry.of_guide(event))
            for other in filter(None, (event.anonymous_id, event.previous_id)):
                if event.user_id:
                    link = (event.site, event.user_id, other)
                    seen[link] = seen[link].joined(now) if link in seen else now
        seen = {
            link: now
            for link, now in seen.items()
            if link not in self._known_links or not self._known_links[link].covers(now)
        }
        wanted = [key for link in seen for key in _link_items(*link)]
        found = {
            (item.pk, item.sk): _Seen(int(item.since), item.expires)
            for item in self._index.batch_get(wanted)
        }
        for link, now in seen.items():
            expires: Expires = None
            for (pk, sk), long_name in _link_items(*link).items():
                known = found.get((pk, sk))
                if known is None or now.since < known.since:
                    self._lower_since(pk, sk, now, long_name)
                if known is not None and not lasts(known.expires, now.expires):
                    self._prolong(pk, sk, now, long_name)
                    known = None
                expires = sooner(expires, known.expires if known else now.expires)
            self._known_links[link] = _Seen(now.since, expires)

    def _write_aliases(self, events: Sequence[Event]) -> None:
        """An alias is found from both its ends."""
        pairs: dict[tuple[str, str, str], _Seen] = {}
        for event in events:
            if event.user_id and event.previous_id and event.user_id != event.previous_id:
                now = _Seen(event.timestamp, self._expiry.of_guide(event))
                for one, other in permutations((event.user_id, event.previous_id)):
                    alias = (event.site, one, other)
                    pairs[alias] = pairs[alias].joined(now) if alias in pairs else now
        with self._index.batch_write() as batch:
            for (site, one, other), (since, expires) in pairs.items():
                pk, aliased = keys.partition(site, person_of_user(one)), person_of_user(other)
                sk, body = keys.short(aliased), keys.long_name(aliased)
                batch.save(self._index(pk, sk, body=body, since=since, expires=expires))

    def _lower_since(self, pk: str, sk: str, now: _Seen, long_name: bytes | None) -> None:
        model = self._index
        actions: list[Action] = [model.since.set(now.since)]
        if now.expires is not None:
            actions.append(model.expires.set(model.expires | now.expires))
        lower = model.since.does_not_exist() | (model.since > now.since)
        self._update(pk, sk, actions, lower, long_name)

    def _prolong(self, pk: str, sk: str, now: _Seen, long_name: bytes | None) -> None:
        """Let a link last longer; it may have gone just now, and then it is a new one."""
        model = self._index
        actions: list[Action] = [model.since.set(model.since | now.since)]
        shorter: Condition | None = None
        if now.expires is None:
            actions.append(model.expires.remove())
        else:
            actions.append(model.expires.set(now.expires))
            shorter = model.expires.does_not_exist() | (model.expires < now.expires)
        self._update(pk, sk, actions, shorter, long_name)

    def _update(
        self,
        pk: str,
        sk: str,
        actions: list[Action],
        condition: Condition | None,
        long_name: bytes | None,
    ) -> None:
        if long_name:
            actions.append(self._index.body.set(long_name))
        item = self._index(pk, sk)
        index_items.was_done(partial(item.update, actions=actions, condition=condition))

    def _merge_traits(self, event: Event) -> None:
        """Of each trait, keep the value of the latest event, in whatever order they come."""
        place = _place(event)
        for _ in range(index_items.ATTEMPTS):
            item = self._traits_item(event.site, event.person)
            known = self._read_traits(item)
            newer = {
                name: (value, *place)
                for name, value in (event.traits or {}).items()
                if name not in known or known[name][1:] < place
            }
            expires = self._expiry.of(event)
            if known and optional(item.expires) is not None:
                expires = later(expires, item.expires)
            if not newer and expires == item.expires:
                return
            kept = known | newer
            if len(msgspec.json.encode(kept)) > traits.MAX_BYTES:
                kept = {name: kept[name] for name in traits.latest(_as_traits(kept))}
            body = compress(msgspec.json.encode(kept))
            if index_items.save(self._index, item, body, expires):
                return
        raise StoreUnavailable("a user's traits are being written too often at once")

    def _traits_item(self, site: str, person: str) -> IndexItem:
        return index_items.get(self._index, (keys.partition(site, person), _TRAITS))

    def _read_traits(self, item: IndexItem) -> dict[str, _Kept]:
        if optional(item.body) is None or self._expiry.is_past(item.expires):
            return {}
        return msgspec.json.decode(decompress(item.body), type=dict[str, _Kept])


def _as_traits(kept: Mapping[str, _Kept]) -> dict[str, Trait]:
    return {
        name: Trait(value, Position(timestamp, seq, bytes.fromhex(digest)))
        for name, (value, timestamp, seq, digest) in kept.items()
    }


def _place(event: Event) -> tuple[int, int, str]:
    return (event.timestamp, event.seq, event.digest.hex())


def _is_of(place: tuple[int, int, str], trait: _Kept) -> bool:
    return trait[1:] == place


def _guides(event: Event) -> Iterator[tuple[str, str]]:
    """The keys of the links and aliases that an event tells of."""
    if not event.user_id:
        return
    for other in filter(None, (event.anonymous_id, event.previous_id)):
        yield from _link_items(event.site, event.user_id, other)
    if event.previous_id:
        for one, other in permutations((event.user_id, event.previous_id)):
            yield keys.partition(event.site, person_of_user(one)), keys.short(person_of_user(other))


def _link_items(site: str, user_id: str, anonymous_id: str) -> dict[tuple[str, str], bytes | None]:
    """The items of a link, which is found from both its ends: key → what their body holds."""
    user, visitor = person_of_user(user_id), person_of_visitor(anonymous_id)
    return {
        (keys.partition(site, mine), keys.short(other)): keys.long_name(other)
        for mine, other in ((user, visitor), (visitor, user))
    }


def _other(item: IndexItem, kind: str) -> str:
    """The id at the other end of a link or an alias."""
    long_name = optional(item.body)
    return (long_name.decode() if long_name else item.sk).removeprefix(kind)
