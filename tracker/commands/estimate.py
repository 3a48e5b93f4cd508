"""How many events a command will meet, as far as the counts tell: for its progress."""

from tracker import timestamps
from tracker.errors import Unavailable
from tracker.event import Bots
from tracker.stores import Store
from tracker.stores.counts import ALL, BOTS, PEOPLE, CountSelection
from tracker.timestamps import DAY

_CROWDS = {Bots.LEAVE_OUT: (PEOPLE,), Bots.ONLY: (BOTS,), Bots.INCLUDE: (PEOPLE, BOTS)}


def events(
    store: Store, site: str, since: int | None, until: int | None, bots: Bots = Bots.INCLUDE
) -> int:
    """Those of whole days; 0 where nobody knows."""
    wanted = CountSelection(
        site,
        ALL,
        DAY,
        timestamps.EARLIEST if since is None else since // DAY * DAY,
        timestamps.LATEST if until is None else until,
    )
    try:
        days = list(store.counts(wanted))
    except Unavailable:
        return 0
    return sum(one.number.events for one in days if one.cell.crowd in _CROWDS[bots])
