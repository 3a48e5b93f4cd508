"""What the DynamoDB store counts: from the stream of its events, each exactly once.

First the days of visitors take the events in, and keep what follows in the same write; then the
pages of counts take in both. Each of these items knows how far it has come in the stream. So
whoever is stopped in between does all of it again, and only what was not done yet is done.
"""

from collections.abc import Callable, Sequence

from tracker.stores import counts, stretches
from tracker.stores.counts import Counted, Counts, CountSelection
from tracker.stores.dynamodb.count_pages import CountPages
from tracker.stores.dynamodb.expiry import Expiry
from tracker.stores.dynamodb.generations import GenerationItems, Generations
from tracker.stores.dynamodb.models import IndexItem
from tracker.stores.dynamodb.stream_runs import Numbered, Run
from tracker.stores.dynamodb.visitor_days import Recounting, VisitorDays
from tracker.stores.retention import Retention
from tracker.timestamps import HOUR


class CountRecords:
    """The counts of the index table, and what they are made with."""

    def __init__(
        self, index: type[IndexItem], retention: Retention, clock: Callable[[], int]
    ) -> None:
        expiry = Expiry(retention)
        self._retention = retention
        self.generations = GenerationItems(index, clock)
        self.visitor_days = VisitorDays(index, expiry, self.generations, clock)
        self.pages = CountPages(index, expiry, clock)

    def count(self, run: Run, events: Sequence[Numbered]) -> None:
        """Count a run's events, in the order of the stream. Raises `StoreUnavailable` where that
        has to be done again later."""
        sites: dict[str, list[Numbered]] = {}
        for one in events:
            sites.setdefault(one.event.visitor_day.site, []).append(one)
        known = {
            site: self.generations.may_be_counted(site, {_day(one) for one in of_site})
            for site, of_site in sites.items()
        }
        for site, of_site in sites.items():
            self.count_in(site, run, of_site, known[site])

    def count_in(
        self,
        site: str,
        run: Run,
        events: Sequence[Numbered],
        generations: Generations,
        recounting: Recounting | None = None,
    ) -> None:
        """Count a run's events of one site, by some generations."""
        absorbed = self.visitor_days.absorb(run, events, generations, recounting)
        self.pages.add(site, run, absorbed, generations)

    def read(self, selection: CountSelection) -> list[Counted]:
        """See `Store.counts`."""
        limit = self._retention.limit(selection.site)
        if selection.interval == HOUR and limit is not None:
            selection = selection._replace(since=max(selection.since, limit))
        generations = self.generations.read(selection.site)
        while True:
            found = list(self.pages.read(selection, generations))
            now = self.generations.read(selection.site)
            if now.of_days == generations.of_days:  # or else some of it was removed meanwhile
                return _added_up(found) if selection.total else found
            generations = now


def _added_up(found: Sequence[Counted]) -> list[Counted]:
    total: Counts = {}
    first = min((counted.cell.time for counted in found), default=0)
    for counted in found:
        counts.add(total, counted.cell._replace(time=first), counted.number)
    return [Counted(cell, number) for cell, number in total.items()]


def _day(one: Numbered) -> int:
    return stretches.day(one.event.fact.timestamp)
