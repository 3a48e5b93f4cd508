"""The pages of counts in the index table: see `page_format`."""

from collections.abc import Callable, Container, Iterator
from typing import NamedTuple

from tracker import timestamps
from tracker.errors import StoreUnavailable
from tracker.stores import counts
from tracker.stores.counts import Counted, Counts, CountSelection
from tracker.stores.dynamodb import index_items, keys, page_format, stream_runs
from tracker.stores.dynamodb.expiry import Expiry
from tracker.stores.dynamodb.generations import Generations
from tracker.stores.dynamodb.index_items import Place
from tracker.stores.dynamodb.models import IndexItem, optional
from tracker.stores.dynamodb.page_format import Key, Kind, Page
from tracker.stores.dynamodb.stream_runs import START, Run
from tracker.stores.dynamodb.visitor_days import Absorbed
from tracker.timestamps import DAY

COPIES = 4
"""Each page is there so often, a shard writing always the same one: so the shards of a busy site
do not wait for each other. A reader adds them up."""


class _At(NamedTuple):
    """Where a page is."""

    kind: Kind
    start: int
    way: str = ""


class _Additions:
    """What a run adds, to each page behind each mark."""

    def __init__(self, absorbed: Absorbed) -> None:
        self._absorbed = absorbed
        self._behind: dict[int, dict[_At, Counts]] = {}

    def behind(self, number: bytes) -> dict[_At, Counts]:
        """What comes behind a record, by page."""
        events = [one for one in self._absorbed.events if one.number > number]
        deltas = [delta for at, delta in self._absorbed.deltas if at > number]
        size = len(events) + len(deltas)
        if size not in self._behind:  # what is behind one record is among what is behind another
            found: Counts = {}
            if events:
                counts.add_events(found, stream_runs.facts(events))
            for delta in deltas:
                counts.merge(found, delta)
            pages: dict[_At, Counts] = {}
            for cell, count in found.items():
                at = _At(page_format.kind_of(cell), page_format.start_of(cell))
                pages.setdefault(at, {})[cell] = count
            self._behind[size] = pages
        return self._behind[size]

    def of_page(self, at: _At, wanted: Container[Key], number: bytes) -> Counts:
        """The same, of a page's values."""
        return {
            cell: count
            for cell, count in self.behind(number).get(at._replace(way=""), {}).items()
            if (cell.dimension, cell.value) in wanted
        }


class _Adding(NamedTuple):
    """What is under way."""

    site: str
    run: Run
    additions: _Additions


class CountPages:
    """The pages of the index table."""

    def __init__(self, index: type[IndexItem], expiry: Expiry, clock: Callable[[], int]) -> None:
        self._index = index
        self._expiry = expiry
        self._clock = clock

    def add(self, site: str, run: Run, absorbed: Absorbed, generations: Generations) -> None:
        """Add what a run adds to a site's counts, to each page that does not have it yet."""
        adding = _Adding(site, run, _Additions(absorbed))
        level = {
            at: {(cell.dimension, cell.value) for cell in found}
            for at, found in adding.additions.behind(START).items()
        }
        while level:
            places = {at: _place(adding, at, generations) for at in level}
            items = index_items.get_all(self._index, places.values())
            below: dict[_At, set[Key]] = {}
            for at, wanted in level.items():
                page = self._added(adding, at, wanted, items[places[at]])
                for step, rest in page_format.left_over(page, wanted, len(at.way)).items():
                    below[at._replace(way=at.way + step)] = rest
            level = below

    def _added(self, adding: "_Adding", at: _At, wanted: set[Key], item: IndexItem) -> Page:
        """The page, with what it has room for."""
        run = adding.run
        for _ in range(index_items.ATTEMPTS):
            body = optional(item.body)
            page = Page() if body is None else page_format.unpack(body)
            reached = stream_runs.reached(page.marks, run.shard)
            mine = adding.additions.of_page(at, wanted, reached) if reached < run.last else {}
            if not mine:
                return page
            page_format.add(page, mine)
            page.marks = stream_runs.reach(page.marks, run.shard, run.last, self._clock())
            expires = self._expiry.at(adding.site, at.start) if at.kind is Kind.HOUR else None
            if index_items.save(self._index, item, page_format.pack(page), expires):
                return page
            item = index_items.get(self._index, (item.pk, item.sk))
        raise StoreUnavailable("a page of counts is being written too often at once")

    def read(self, selection: CountSelection, generations: Generations) -> Iterator[Counted]:
        """What a site's pages have."""
        _, dimension, interval, since, until, value, _ = selection
        last = min(until - 1, timestamps.LATEST)
        first = max(since, timestamps.EARLIEST)
        kind = page_format.kind_of(counts.Cell(interval, 0, dimension, "", 0))
        if kind is Kind.TOTALS:
            first -= first % DAY
        for item in self._between(selection.site, kind, first, last):
            start = timestamps.parse(f"{item.sk[:13]}:00:00Z")
            if keys.generation(item.sk) != generations.of(start - start % DAY):
                continue
            for counted in page_format.cells(page_format.unpack(item.body), start):
                cell = counted[0]
                if (
                    (cell.dimension, cell.interval) == (dimension, interval)
                    and since <= cell.time < until
                    and value in (None, cell.value)
                ):
                    yield Counted(*counted)

    def days(self, site: str, since: int, until: int) -> set[int]:
        """The days of which something is counted."""
        return {
            keys.start_of(item.sk[:10])
            for item in self._between(site, Kind.TOTALS, since, until - 1)
        }

    def forget_earlier(self, site: str, day: int, generation: int) -> None:
        """Remove a day's pages of the generations before; a later one may have begun."""
        model = self._index
        with model.batch_write() as batch:
            for kind in Kind:
                for item in self._between(site, kind, day, day + DAY - 1):
                    if keys.generation(item.sk) < generation:
                        batch.delete(item)

    def _between(self, site: str, kind: Kind, first: int, last: int) -> Iterator[IndexItem]:
        """The pages that begin in some time."""
        if first > last:
            return
        model = self._index
        low, high = keys.hour(first), keys.hour(last) + "#~"
        yield from model.query(keys.counts(site, kind), model.sk.between(low, high))


def _place(adding: _Adding, at: _At, generations: Generations) -> Place:
    copy = adding.run.shard[0] % COPIES
    generation = generations.of(at.start - at.start % DAY)
    sort_key = keys.count_page(at.start, generation, copy, at.way)
    return keys.counts(adding.site, at.kind), sort_key
