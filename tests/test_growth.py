"""What the embedded store is asked costs the same, however much else there is: counted in the steps
of SQLite's own machine, not in time."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.events import MINUTE, NOON, SITE, received, wire
from tracker import live, timestamps
from tracker.event import Bots
from tracker.http import Request
from tracker.reading import lists
from tracker.reading.stats import counts
from tracker.sqlite import Connection
from tracker.stores import Person
from tracker.stores.retention import Retention
from tracker.stores.sqlite.store import SqliteStore
from tracker.timestamps import DAY

GRAIN = 10
"""Steps from one count to the next."""
DAYS = 12
FEW, MANY = 5, 100
"""Other visitors of each day."""
SLACK = 1000
"""Steps: to walk what the larger store has more of would take many times that."""
PAGES = 5
"""The counts have a row for each page: they grow with the pages, not with the visitors."""


class Metered(Connection):
    """A connection that counts its steps."""

    steps = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.set_progress_handler(self._count, GRAIN)

    @staticmethod
    def _count() -> int:
        Metered.steps += GRAIN
        return 0


def visit(visitor: str, day: int, *, seq: int = 1, **members: Any) -> list[dict[str, Any]]:
    """Four events of a visitor, on a day so long ago."""
    at = NOON - day * DAY
    context = {"page": {"path": f"/page-{day % PAGES}"}, **members}
    return [
        wire(at + n * MINUTE, anonymousId=visitor, context={**context, "seq": seq + n})
        for n in range(4)
    ]


def acquaint(user: str, visitor: str, day: int) -> list[dict[str, Any]]:
    """What makes a visitor known, under two names."""
    at = NOON - day * DAY
    return [
        wire(at, type="identify", userId=user, anonymousId=visitor, traits={"name": user}),
        wire(at, type="alias", userId=f"{user}-too", previousId=user, anonymousId=None),
    ]


def fill(path: Path, others: int) -> SqliteStore:
    store = SqliteStore(path, Retention(lambda _: 400, lambda: NOON), clock=lambda: NOON)
    for day in range(DAYS, 0, -1):
        batch = visit("v", day, seq=4 * (DAYS - day) + 1)
        for n in range(others):
            session = f"{n}-{day}" if n % 2 else None
            batch += visit(f"other-{n}", day, sessionId=session)
            batch += acquaint(f"user-{n}", f"other-{n}", day) if n % 3 == 0 else []
        batch += acquaint("u", "v", day)
        store.append(received(*batch))
    return store


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SqliteStore, SqliteStore]]:
    """Two that are alike, but for how many visitors each has beside the one that is asked for."""
    folder = tmp_path_factory.mktemp("growth")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tracker.sqlite.Connection", Metered)
        yield fill(folder / "few.db", FEW), fill(folder / "many.db", MANY)


def ask(read: Callable[[Request, SqliteStore, str], object], **query: str) -> Any:
    return lambda store: read(Request("GET", "/", query=query), store, SITE)


def append(*events: dict[str, Any]) -> Any:
    return lambda store: store.append(received(*events))


def erase(store: SqliteStore) -> None:
    for person in ("a#gone", "u#gone"):
        for _ in store.erase(SITE, Person(person)):
            pass
        store.forget(SITE, Person(person))
        store.forget_stretches(SITE, person)


SINCE = timestamps.format(NOON - 5 * DAY)
UNTIL = timestamps.format(NOON - 2 * DAY)
OF_A_FEW_DAYS = {"since": SINCE, "until": UNTIL}
WORK: dict[str, Callable[[SqliteStore], object]] = {
    "a visitor comes for the first time": append(*visit("new", 0)),
    "a visitor comes again": append(*visit("v", 0, seq=1000)),
    "events of long ago arrive": append(*visit("late", 6), *visit("v", 7, seq=500)),
    "events of before all others arrive": append(*visit("v", DAYS + 1, seq=2000)),
    "events arrive again": append(*visit("v", 3)),
    "a user is identified": append(wire(userId="u2", type="identify", traits={"plan": "pro"})),
    "aliases": append(wire(userId="u2", previousId="u3", type="alias")),
    "a visitor's timeline": ask(lists.events, anonymous_id="v", limit="20"),
    "a user's timeline": ask(lists.events, user_id="u", limit="20", order="asc"),
    "a timeline's middle": ask(lists.events, anonymous_id="v", **OF_A_FEW_DAYS),
    "a session": ask(lists.events, session_id="1-3"),
    "a user's sessions": ask(lists.sessions, user_id="u", limit="3"),
    "a visitor's sessions": ask(lists.sessions, anonymous_id="v", limit="3"),
    "a profile": lambda store: lists.user(
        Request("GET", "/v1/users/u", parameters={"user_id": "u"}), store, SITE
    ),
    "the newest events of all": ask(lists.events, limit="20"),
    "some of a visitor's events": ask(lists.events, anonymous_id="v", type="identify"),
    "bots alone": ask(lists.events, user_id="u", bots="only"),
    "events of all, of some days": ask(lists.events, limit="20", order="asc", **OF_A_FEW_DAYS),
    "who is here": lambda store: live.newest(store, SITE, NOON, Bots.LEAVE_OUT),
    "page views by day": ask(counts, metric="page_views", interval="day", **OF_A_FEW_DAYS),
    "the most seen pages": ask(
        counts, metric="visitors", interval="total", group_by="path", **OF_A_FEW_DAYS
    ),
    "one page's visitors": ask(counts, metric="visitors", path="/page-3", **OF_A_FEW_DAYS),
    "somebody is erased": erase,
    "nothing is past its time": lambda store: list(store.sweep()),
    "a store that is well": lambda store: store.check(),
}


@pytest.mark.parametrize("what", WORK)
def test_the_work_does_not_grow_with_the_store(
    stores: tuple[SqliteStore, SqliteStore], what: str
) -> None:
    steps = []
    for store in stores:
        Metered.steps = 0
        WORK[what](store)
        steps.append(Metered.steps)
    few, many = steps
    assert few < 100_000
    assert many <= 2 * few + SLACK, f"{few} steps, and {many} in the larger store"


def test_the_steps_are_counted(stores: tuple[SqliteStore, SqliteStore]) -> None:
    Metered.steps = 0
    for _ in stores[1].recount(SITE, NOON - 3 * DAY, NOON - 2 * DAY):
        pass
    assert Metered.steps > 1000
