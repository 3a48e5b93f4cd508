"""How the DynamoDB store forgets somebody, and sees to it that they do not come back.

A store in DynamoDB has no transaction over all that an event consists of. So a tombstone is looked
for after each write: either the write is there when the eraser looks, or the tombstone is there
when the writer does, and takes it back. Before it, too, where an event is old enough to be covered
by a tombstone that has been there for some time. And what leads to an event is removed before it:
as long as something is left, the event is, and whoever begins again finds all of it. All of this
is read consistently.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple

import msgspec

from tracker import timestamps
from tracker.errors import StoreUnavailable
from tracker.event import Event
from tracker.stores import Person, Position, Selection
from tracker.stores.dynamodb import index_items, keys, listing, read
from tracker.stores.dynamodb.models import IndexItem, Tables, optional
from tracker.stores.tombstones import Marks, Tombstone, joined, name

SLICE = 100
"""So many items of a timeline are removed at a time."""

_MARKS = "tombstones"
_marks = msgspec.json.Decoder(list[Tombstone])


class Found(NamedTuple):
    """An event that is to be removed: where it is read, where it is stored, and its session."""

    position: Position
    identity: str
    session: str | None


def bury(tables: Tables, site: str, person: str, marks: Sequence[Tombstone]) -> None:
    """Set tombstones, beside those that are set at the same time."""
    model = tables.others
    pk = keys.tombstone(site, name(person))
    for _ in range(index_items.ATTEMPTS):
        item = index_items.get(model, (pk, _MARKS))
        known = _marks.decode(item.body) if optional(item.body) is not None else []
        body = msgspec.json.encode(joined(known, marks))
        if index_items.save(model, item, body, expires=None):
            return
    raise StoreUnavailable("a person is being erased by too many at once")


def tombstones(
    tables: Tables, people: Collection[tuple[str, str]], *, consistent: bool
) -> dict[str, Marks]:
    """The tombstones of some ``(site, person)``: by site, by person."""
    wanted = {keys.tombstone(site, name(person)): (site, person) for site, person in people}
    found: dict[str, dict[str, list[Tombstone]]] = {site: {} for site, _ in people}
    items = tables.others.batch_get([(pk, _MARKS) for pk in wanted], consistent_read=consistent)
    for item in items:
        site, person = wanted[item.pk]
        found[site][person] = _marks.decode(item.body)
    return dict(found)


def stretch(
    tables: Tables, site: str, person: Person, since: int | None, until: int | None
) -> Iterator[int]:
    """Remove a stretch of a timeline, a slice at a time; how many events each was."""
    selection = Selection(site=site, scope=person, since=since, until=until, descending=False)
    items = read.query(tables, selection, person.key, page_size=SLICE, consistent=True)
    whole = since is None and until is None
    while chunk := list(islice(items, SLICE)):
        found = [
            Found(keys.position(place), item.sk, read.session_of(item))
            for place, item in read.placed(tables, chunk, consistent=True)
        ]
        pointers = {keys.position(item.sk) for item in chunk if item.target}
        if stale := pointers - {one.position for one in found}:
            # A try that placed the event elsewhere has listed it there, after this pointer.
            _unlist(tables, site, person.key, stale)
        remove(tables, site, person.key, found, sessions=whole)
        with tables.events.batch_write() as batch:
            for item in chunk:
                if item.target:  # of what was there no more, too
                    batch.delete(tables.events(item.pk, item.sk))
        yield len(found)


def events(tables: Tables, erased: Sequence[Event], marks: Mapping[str, Marks]) -> None:
    """Remove events that were written when they should not have been, if they were. ``marks`` are
    the tombstones that cover them, by site."""
    people: dict[tuple[str, str], list[Found]] = {}
    for event in erased:
        found = Found(keys.position_of(event), keys.identity_of(event), event.session_id)
        people.setdefault((event.site, event.person), []).append(found)
    for (site, person), found_of_person in people.items():
        remove(tables, site, person, found_of_person, sessions=False)
        # If they are here again, their sessions are found by what they do now.
        days = {keys.day(one.position.timestamp) for one in found_of_person}
        of_person = marks[site].get(person, ())
        active = {day for day in days if _is_active(tables, site, person, day, of_person)}
        gone = [one for one in found_of_person if keys.day(one.position.timestamp) not in active]
        _forget_sessions(tables, site, person, gone)


def _is_active(
    tables: Tables, site: str, person: str, day: str, marks: Iterable[Tombstone]
) -> bool:
    """Whether there is something on a day that no tombstone covers: what one covers may be taken
    back by another writer at the same time."""
    model = tables.events
    of_day = model.sk.startswith(day)
    return any(
        not any(mark.covers(keys.position(item.sk).timestamp, timestamps.LATEST) for mark in marks)
        for item in model.query(keys.partition(site, person), of_day, consistent_read=True)
    )


def wholly_erased(tables: Tables, events: Sequence[Event]) -> Iterator[tuple[str, str, int]]:
    """The ``(site, stream, until)`` of some events of which nothing was anybody else's: until
    then, nothing that the device did is kept."""
    streams = {(event.site, event.stream) for event in events}
    marks = tombstones(tables, streams, consistent=True)
    for site, stream in streams:
        until = [mark.erased_at for mark in marks[site].get(stream, ()) if mark.is_whole]
        if until:
            yield site, stream, max(until)


def remove(
    tables: Tables, site: str, person: str, found: Sequence[Found], *, sessions: bool
) -> None:
    """Remove some events of one person, and first what leads to them. ``sessions`` is whether all
    of their sessions go, so that nobody has to find these any more."""
    _unlist(tables, site, person, {one.position for one in found})
    if sessions:
        _forget_sessions(tables, site, person, found)
    partition = keys.partition(site, person)
    with tables.events.batch_write() as batch:
        for one in found:
            batch.delete(tables.events(partition, one.identity))
    # Last: by these alone whoever begins again finds what they point to.
    with tables.events.batch_write() as batch:
        for one in found:
            if keys.place(one.position) != one.identity:
                batch.delete(tables.events(partition, keys.pointer(one.position)))


def _forget_sessions(tables: Tables, site: str, person: str, found: Sequence[Found]) -> None:
    entries = {
        (keys.session(site, one.session), keys.in_session(one.position.timestamp, person))
        for one in found
        if one.session
    }
    with tables.others.batch_write() as batch:
        for pk, sk in entries:
            batch.delete(tables.others(pk, sk))


def _unlist(tables: Tables, site: str, person: str, positions: set[Position]) -> None:
    """Take events out of the site's listing, whose entries may be shared with others' events."""
    model = tables.others
    for first, last in _windows(positions):
        for shard in range(keys.SHARDS):
            pk = keys.listing(site, keys.day(first), shard)
            high = timestamps.sortable(min(last + listing.SPAN, timestamps.LATEST)) + "~"
            within = model.sk.between(timestamps.sortable(first), high)
            for item in model.query(pk, within, consistent_read=True):
                _take_out(item, person, positions)


def _take_out(item: IndexItem, person: str, positions: set[Position]) -> None:
    """Take events out of an entry, from which others may be taking theirs at the same time."""
    model = type(item)
    place = (item.pk, item.sk)
    for _ in range(index_items.ATTEMPTS):
        body = optional(item.body)
        left = listing.without(body, person, positions) if body else body
        if left == body:
            return
        unchanged = model.body == body
        if left is None:
            write = partial(item.delete, condition=unchanged)
        else:
            item.body = left
            write = partial(item.save, condition=unchanged)
        if index_items.was_done(write):
            return
        item = index_items.get(model, place)
    raise StoreUnavailable("too many are taken out of a site's listing at once")


def _windows(positions: set[Position]) -> Iterator[tuple[int, int]]:
    """Stretches of time, each within a day, that hold these events and little else."""
    first = last = None
    for position in sorted(positions):
        time = position.timestamp
        if first is None or last is None:
            first = time
        elif time - last > listing.SPAN or keys.day(time) != keys.day(first):
            yield first, last
            first = time
        last = time
    if first is not None and last is not None:
        yield first, last
