"""What visitors were counted for, in the index table: see `absorbed_days`."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from tracker.errors import StoreUnavailable
from tracker.stores import stretches, visitor_days
from tracker.stores.counts import Counts
from tracker.stores.dynamodb import absorbed_days, index_items, keys
from tracker.stores.dynamodb.absorbed_days import AbsorbedDay, Delta
from tracker.stores.dynamodb.expiry import Expires, Expiry, later
from tracker.stores.dynamodb.generations import GenerationItems, Generations
from tracker.stores.dynamodb.index_items import Place
from tracker.stores.dynamodb.models import IndexItem, optional
from tracker.stores.dynamodb.stream_runs import Numbered, Run
from tracker.stores.stretches import RecordKey
from tracker.stores.visitor_days import VisitorDay
from tracker.timestamps import DAY

Found = dict[tuple[str, int], list[Delta]]
"""What follows from a run, by a visitor's partition and day."""


class Recounting(NamedTuple):
    """How a recount takes events in."""

    later: set[int]
    """Days whose visitors have to know more of the days before: they are to be counted anew."""


class Absorbed(NamedTuple):
    """What is to be added to the counts of a site."""

    events: list[Numbered]
    """Those that no recount has counted."""
    deltas: list[tuple[bytes, Counts]]
    """What follows from them for visitors and sessions, each under a record's number."""


class VisitorDays:
    """The records of the index table."""

    def __init__(
        self,
        index: type[IndexItem],
        expiry: Expiry,
        generations: GenerationItems,
        clock: Callable[[], int],
    ) -> None:
        self._index = index
        self._expiry = expiry
        self._generations = generations
        self._clock = clock

    def absorb(
        self,
        run: Run,
        events: Sequence[Numbered],
        generations: Generations,
        recounting: Recounting | None = None,
    ) -> Absorbed:
        """Take in a run's events of one site."""
        by_visitor: dict[RecordKey, list[Numbered]] = {}
        for one in events:
            by_visitor.setdefault(one.event.visitor_day, []).append(one)
        places = {key: _place(key, generations) for key in by_visitor}
        items = index_items.get_all(self._index, places.values())
        fresh: list[Numbered] = []
        found: Found = {}
        for key, of_visitor in by_visitor.items():
            site = _OfSite(key.site, run, generations, recounting, found)
            item = items[places[key]]
            fresh += self._absorb(site, item, key.day, of_visitor)
        deltas = [
            (delta.number, absorbed_days.counts_of(delta, day))
            for (_, day), of_day in found.items()
            for delta in of_day
        ]
        return Absorbed(fresh, deltas)

    def _absorb(
        self, site: "_OfSite", item: IndexItem, start: int, events: Sequence[Numbered]
    ) -> list[Numbered]:
        expires = self._expiry.at(site.name, max(one.event.received_at for one in events))
        for _ in range(index_items.ATTEMPTS):
            day = self._unpacked(item, start)
            fresh = day.fresh(events)
            if day.needs_base(fresh):
                # It is there, empty, before the days before are looked at: who raises them after
                # that sees it.
                if not index_items.is_there(item) and not self._save(item, day, expires):
                    item = index_items.get(self._index, (item.pk, item.sk))
                    continue
                visitor_days.rebase(day.record, self._top_before(site, item), Counts())
            changed = day.absorb(site.run, fresh, self._clock())
            if changed and site.recounting:
                day.remember_counted(fresh, self._clock())
            if not changed or self._save(item, day, expires):
                site.add(item, day)
                for delta in day.deltas(site.run):
                    if delta.top:
                        self._raise_later(site, item, delta)
                if len(fresh) < len(events):
                    self._look_later(site, item)
                return fresh
            item = index_items.get(self._index, (item.pk, item.sk))
        raise StoreUnavailable("a visitor's day is being written too often at once")

    def _raise_later(self, site: "_OfSite", item: IndexItem, delta: Delta) -> None:
        """Let the later days know that their client has counted higher before."""
        model = self._index
        after = keys.visitor_day(_day(item) + DAY, 0)
        top = delta.top
        for later_item in self._current(
            site, model.query(item.pk, model.sk >= after, consistent_read=True, page_size=2)
        ):
            if site.recounting:
                day = self._unpacked(later_item, _day(later_item))
                if day.marks and not day.record.counters:
                    continue
                if day.record.base < top:
                    site.recounting.later.add(_day(later_item))
                return
            day = self._rebased(site, later_item, delta.number, top)
            site.add(later_item, day)
            numbers = [one.top for one in day.deltas(site.run) if one.number == delta.number]
            top = max(numbers, default=0)
            if not top:
                return

    def _look_later(self, site: "_OfSite", item: IndexItem) -> None:
        """Find what an attempt that was stopped has done to later days, before this one was counted
        anew."""
        model = self._index
        after = keys.visitor_day(_day(item) + DAY, 0)
        for later_item in self._current(
            site, model.query(item.pk, model.sk >= after, consistent_read=True, page_size=2)
        ):
            day = self._unpacked(later_item, _day(later_item))
            if not day.deltas(site.run):
                return
            site.add(later_item, day)

    def _rebased(self, site: "_OfSite", item: IndexItem, number: bytes, top: int) -> AbsorbedDay:
        for _ in range(index_items.ATTEMPTS):
            day = self._unpacked(item, _day(item))
            if not day.rebase(site.run, number, top, self._clock()):
                return day
            if self._save(item, day, optional(item.expires)):
                return day
            item = index_items.get(self._index, (item.pk, item.sk))
        raise StoreUnavailable("a visitor's day is being written too often at once")

    def _top_before(self, site: "_OfSite", item: IndexItem) -> int:
        """How far the client has counted on the days before."""
        model = self._index
        items = model.query(
            item.pk,
            model.sk < keys.visitor_day(_day(item), 0),
            scan_index_forward=False,
            consistent_read=True,
            page_size=2,
        )
        for before in self._current(site, items):
            record = self._unpacked(before, _day(before)).record
            if record.counters:
                return record.top
        return 0

    def _current(self, site: "_OfSite", items: Iterator[IndexItem]) -> Iterator[IndexItem]:
        """Those of them that count. Raises where another is about to be what counts."""
        for day, of_day in groupby(items, _day):
            current = site.generations.of(day)
            found: IndexItem | None = None
            for item in of_day:
                generation = keys.generation(item.sk)
                if generation > current:
                    self._generations.is_coming(site.name, day, generation, site.generations)
                elif generation == current and not self._expiry.is_past(item.expires):
                    found = item
            if found:
                yield found

    def _unpacked(self, item: IndexItem, start: int) -> AbsorbedDay:
        body = optional(item.body)
        if body is None or self._expiry.is_past(item.expires):
            return AbsorbedDay(VisitorDay(start))
        return absorbed_days.unpack(body)

    def _save(self, item: IndexItem, day: AbsorbedDay, expires: Expires) -> bool:
        if index_items.is_there(item):
            expires = later(expires, optional(item.expires))
        return index_items.save(self._index, item, absorbed_days.pack(day), expires)

    def forget(self, site: str, stream: str, until: int) -> None:
        """Remove a visitor's days up to then."""
        model = self._index
        pk, last = keys.visitor(site, stretches.key(stream)), f"{keys.day(until)}~"
        items = list(model.query(pk, model.sk <= last, consistent_read=True))
        with model.batch_write() as batch:
            for item in items:
                batch.delete(item)

    def forget_generation(
        self, site: str, streams: Sequence[bytes], day: int, generation: int
    ) -> None:
        """Remove the days of some visitors that count no more."""
        model = self._index
        with model.batch_write() as batch:
            for stream in streams:
                batch.delete(model(keys.visitor(site, stream), keys.visitor_day(day, generation)))


class _OfSite(NamedTuple):
    """What is under way."""

    name: str
    run: Run
    generations: Generations
    recounting: Recounting | None
    found: Found

    def add(self, item: IndexItem, day: AbsorbedDay) -> None:
        """Note what comes with the run of a record that was read or written just now."""
        key = (item.pk, _day(item))
        deltas = day.deltas(self.run)
        if len(deltas) >= len(self.found.get(key, ())):  # none is taken away during the run
            self.found[key] = deltas


def _place(key: RecordKey, generations: Generations) -> Place:
    pk = keys.visitor(key.site, stretches.key(key.stream))
    return pk, keys.visitor_day(key.day, generations.of(key.day))


def _day(item: IndexItem) -> int:
    return keys.start_of(item.sk[:10])
