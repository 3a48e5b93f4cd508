"""How long events are kept: so many days of a site's, from when they were received.

What counts is when an event came here, not when it says that it happened: history that is imported
today is kept as long as what happens today, and so is an event of the year 1.
"""

from collections.abc import Callable
from typing import NamedTuple

from msgspec import structs

from tracker import timestamps
from tracker.stores import Selection
from tracker.timestamps import DAY


def _for_ever(_site: str) -> int | None:
    return None


class Retention(NamedTuple):
    """Each site's days, and the clock by which they pass."""

    days: Callable[[str], int | None] = _for_ever
    """How long a site's events are kept; ``None``: for ever."""
    clock: Callable[[], int] = timestamps.now

    def limit(self, site: str) -> int | None:
        """What was received up to this instant is past; ``None`` where nothing ever is."""
        days = self.days(site)
        return None if days is None else self.clock() - days * DAY

    def end(self, site: str, received_at: int) -> int | None:
        """The instant at which what was received then is past; ``None``: never."""
        days = self.days(site)
        return None if days is None else received_at + days * DAY

    def within(self, selection: Selection) -> Selection:
        """The selection, but for what is past."""
        return structs.replace(selection, received_after=self.limit(selection.site))


FOR_EVER = Retention()
"""What a store does that was told nothing."""
