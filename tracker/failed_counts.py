"""Failed events, counted by what was wrong with them."""

import time
from collections.abc import Iterable
from typing import Literal, NamedTuple

from msgspec import UNSET, Struct, UnsetType

from tracker import timestamps
from tracker.stores import FailedEvent, FailedFilter, Store
from tracker.stores.failures import general

MAX_COUNTED = 10_000
"""So many failed events are read for one answer, at the most."""

SECONDS = 10.0
"""After so long, what is left is left for another request: API Gateway gives up after 29 s."""

_PAGE = 1_000

GroupBy = Literal["field", "reason"]


class Row(Struct, rename="camel", frozen=True):
    """Failed events with the same thing wrong: one with two faults is in two rows."""

    field: str
    reason: str | UnsetType
    """Absent where they are counted by field."""
    count: int
    first_seen: str
    last_seen: str


class Counted(NamedTuple):
    """The rows, the most frequent first, of a stretch of the failed events."""

    rows: list[Row]
    resume: tuple[int, str] | None
    """Count on after this, and add up; ``None`` when all were counted."""


class _Tally:
    def __init__(self) -> None:
        self.count = 0
        self.first = timestamps.LATEST
        self.last = timestamps.EARLIEST

    def add(self, received_at: int) -> None:
        self.count += 1
        self.first = min(self.first, received_at)
        self.last = max(self.last, received_at)


class Counts:
    """Failed events as they are counted."""

    def __init__(self, group_by: GroupBy) -> None:
        self._by_reason = group_by == "reason"
        self._tallies: dict[tuple[str, str | UnsetType], _Tally] = {}

    def add(self, events: Iterable[FailedEvent]) -> None:
        """Count some more."""
        for event in events:
            alike = map(general, event.faults)
            for key in {(one.field, one.reason if self._by_reason else UNSET) for one in alike}:
                self._tallies.setdefault(key, _Tally()).add(event.received_at)

    def rows(self) -> list[Row]:
        """What was counted, the most frequent first."""
        rows = [
            Row(
                field,
                reason,
                tally.count,
                timestamps.format(tally.first),
                timestamps.format(tally.last),
            )
            for (field, reason), tally in self._tallies.items()
        ]
        return sorted(rows, key=lambda row: (-row.count, row.field, row.reason or ""))


def count(
    store: Store,
    site: str,
    wanted: FailedFilter,
    group_by: GroupBy,
    after: tuple[int, str] | None = None,
) -> Counted:
    """Count a site's failed events by reading them: up to a bound."""
    counts = Counts(group_by)
    counted = 0
    until = time.monotonic() + SECONDS
    while True:
        page = store.failed(site, _PAGE, after, wanted)
        counts.add(page.failed)
        counted += len(page.failed)
        after = page.resume
        if after is None or counted >= MAX_COUNTED or time.monotonic() >= until:
            return Counted(counts.rows(), after)
