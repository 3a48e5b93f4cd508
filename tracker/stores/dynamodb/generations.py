"""Which of a site's counts are the ones that count.

To count a day anew, its counts are made a second time, under the number of another generation; then
that one is made the day's, in one write. Until then the old ones answer. Meanwhile nobody else
counts that day: what comes for it waits in the stream.
"""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from tracker import timestamps
from tracker.errors import StoreUnavailable
from tracker.stores.dynamodb import index_items, keys
from tracker.stores.dynamodb.models import IndexItem, optional

PATIENCE = 10 * timestamps.MINUTE
"""A recount that has said nothing for so long has died: counting goes on."""

_ITEM = "generations"


class Recount(Struct, array_like=True):
    """A day that is being counted anew."""

    day: int
    generation: int
    at: int
    """When it was last said to be under way."""


class Generations(Struct, array_like=True):
    """What is kept of a site."""

    of_days: dict[int, int] = {}
    """By day; 0 where a day was never counted anew."""
    last: int = 0
    recount: Recount | None = None

    def of(self, day: int) -> int:
        """The generation of a day's counts."""
        return self.of_days.get(day, 0)


_generations = msgspec.msgpack.Decoder(Generations)


class GenerationItems:
    """The items of the index table."""

    def __init__(self, index: type[IndexItem], clock: Callable[[], int]) -> None:
        self._index = index
        self._clock = clock

    def read(self, site: str) -> Generations:
        """What is so now."""
        return self._read(site)[1]

    def may_be_counted(self, site: str, days: set[int]) -> Generations:
        """The generations by which some days are to be counted. Raises `StoreUnavailable` while
        one of them is being counted anew."""
        while True:
            item, generations = self._read(site)
            recount = generations.recount
            if recount is None or recount.day not in days:
                return generations
            if recount.at > self._clock() - PATIENCE:
                raise StoreUnavailable(f"{keys.day(recount.day)} of {site} is being counted anew")
            generations.recount = None  # it has died; if not, it notices
            if self._save(item, generations):
                return generations

    def is_coming(self, site: str, day: int, generation: int, known: Generations) -> None:
        """Raise `StoreUnavailable` where that generation of a day may become the one that counts,
        or has become it: else it is what a recount has left that died."""
        now = self.read(site)
        recount = now.recount
        if now.of(day) != known.of(day) or (recount and recount.generation == generation):
            raise StoreUnavailable(f"{keys.day(day)} of {site} is being counted anew")

    def begin(self, site: str, day: int) -> Recount:
        """Begin to count a day anew. Whoever else does that now does it no longer."""
        for _ in range(index_items.ATTEMPTS):
            item, generations = self._read(site)
            generations.last += 1
            generations.recount = Recount(day, generations.last, self._clock())
            if self._save(item, generations):
                return generations.recount
        raise StoreUnavailable("counts are being made anew by too many at once")

    def go_on(self, site: str, recount: Recount) -> None:
        """Say that a recount is under way. Raises `StoreUnavailable` where it is not, any more."""
        self._change(site, recount, Recount(recount.day, recount.generation, self._clock()))

    def finish(self, site: str, recount: Recount) -> None:
        """Let what was counted be what counts."""
        self._change(site, recount, None)

    def _change(self, site: str, recount: Recount, new: Recount | None) -> None:
        for _ in range(index_items.ATTEMPTS):
            item, generations = self._read(site)
            current = generations.recount
            if current is None or current.generation != recount.generation:
                break
            generations.recount = new
            if new is None:
                generations.of_days[recount.day] = recount.generation
            if self._save(item, generations):
                return
        raise StoreUnavailable("another has begun to count anew, or this has taken too long")

    def _read(self, site: str) -> tuple[IndexItem, Generations]:
        item = index_items.get(self._index, (keys.generations(site), _ITEM))
        body = optional(item.body)
        return item, Generations() if body is None else _generations.decode(body)

    def _save(self, item: IndexItem, generations: Generations) -> bool:
        return index_items.save(
            self._index, item, msgspec.msgpack.encode(generations), expires=None
        )
