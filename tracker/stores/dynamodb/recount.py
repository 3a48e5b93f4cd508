"""The DynamoDB store's counts, made anew from its events, day by day, while events arrive.

What comes for the day waits in the stream meanwhile: see `generations`. An event's
entry in the site's list is written before it, and it is in the stream after it. So the list, read
consistently, has every event that was counted before; and what is counted here, and still to come
with the stream, is remembered at its visitor's day.
"""

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from tracker.stores import Position, stretches
from tracker.stores.dynamodb import keys, listing, read
from tracker.stores.dynamodb.counts import CountRecords
from tracker.stores.dynamodb.models import EventItem, Tables
from tracker.stores.dynamodb.stream_runs import Numbered, Run, number_of, shard_of
from tracker.stores.dynamodb.visitor_days import Recounting
from tracker.timestamps import DAY

_SLICE = 1000
"""So many events are counted in one step."""


class _Found(NamedTuple):
    """An event of the day."""

    place: str
    item: EventItem


def recount(
    tables: Tables, records: CountRecords, site: str, since: int, until: int
) -> Iterator[int]:
    """See `Store.recount`."""
    since += -since % DAY
    days = records.pages.days(site, since, until) | _listed_days(tables, site, since, until)
    waiting = sorted(days)
    while waiting:
        day = heapq.heappop(waiting)
        later: set[int] = set()
        yield from _recount_day(tables, records, site, day, Recounting(later))
        for one in later.difference(waiting):
            heapq.heappush(waiting, one)


def _listed_days(tables: Tables, site: str, since: int, until: int) -> set[int]:
    if since >= until:
        return set()
    model = tables.others
    first, last = keys.day(since), keys.day(until - 1)
    items = model.query(keys.listed_days(site), model.sk.between(first, last), consistent_read=True)
    return {keys.start_of(item.sk) for item in items}


def _recount_day(
    tables: Tables, records: CountRecords, site: str, day: int, recounting: Recounting
) -> Iterator[int]:
    before = records.generations.read(site)
    recount = records.generations.begin(site, day)
    generations = records.generations.read(site)
    generations.of_days[day] = recount.generation
    shard = shard_of(f"recount {recount.generation}")
    streams: set[bytes] = set()
    counted = 0
    found = _events(tables, site, day)
    while some := list(islice(found, _SLICE)):
        events = [_numbered(site, number, one) for number, one in enumerate(some, counted)]
        counted += len(some)
        run = Run(shard, events[0].number, events[-1].number)
        records.count_in(site, run, events, generations, recounting)
        streams.update(stretches.key(one.event.visitor_day.stream) for one in events)
        records.generations.go_on(site, recount)
        yield len(some)
    records.generations.finish(site, recount)
    records.pages.forget_earlier(site, day, recount.generation)
    records.visitor_days.forget_generation(site, list(streams), day, before.of(day))


def _events(tables: Tables, site: str, day: int) -> Iterator[_Found]:
    """A day's events, each once."""
    model = tables.others
    shards = [
        (
            (item.sk, item.body or b"\x80")
            for item in model.query(keys.listing(site, keys.day(day), shard), consistent_read=True)
        )
        for shard in range(keys.SHARDS)
    ]
    listed = listing.in_order(shards, descending=False)
    last: Position | None = None
    while chunk := list(islice(listed, read.BATCH_GET)):
        wanted = {(keys.partition(site, one.person), one.identity) for one in chunk}
        items = {
            (item.pk, item.sk): item
            for item in tables.events.batch_get(wanted, consistent_read=True)
        }
        for one in chunk:
            item = items.get((keys.partition(site, one.person), one.identity))
            place = keys.place(one.position)
            if item is not None and one.position != last and (item.place or item.sk) == place:
                last = one.position
                yield _Found(place, item)


def _numbered(site: str, number: int, found: _Found) -> Numbered:
    event = read.countable(site, found.place, found.item.body or b"")
    return Numbered(number_of(str(number)), keys.position(found.place).digest, event)
