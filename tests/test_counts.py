"""Every count equals a recount of the stored events, whatever happened on the way."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from tests import aws
from tests.events import HOUR, MINUTE, NOON, SECOND, SITE, received, wire
from tests.recount import delivered, kept, recounted, stored
from tests.streams import CountedStore
from tracker import stats
from tracker.stores import Store
from tracker.stores.counts import DELIVERY, PEOPLE, Cell, Count, CountSelection
from tracker.stores.retention import Retention
from tracker.stores.sqlite.store import SqliteStore
from tracker.timestamps import DAY, EARLIEST, LATEST

TIMES = st.one_of(
    st.integers(-3, 3).map(lambda n: n * 25 * MINUTE),
    st.integers(-2, 2).map(lambda n: n * 12 * HOUR),
    st.integers(-100 * 24 * 60, 0).map(lambda n: n * MINUTE),
)


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    context: dict[str, Any] = {}
    if session := draw(st.sampled_from([None, None, "s1", "s2"])):
        context["sessionId"] = session
    if path := draw(st.sampled_from([None, "/", "/pricing"])):
        context["page"] = {"path": path, "url": f"https://here.example{path}"}
        context["page"]["referrer"] = draw(
            st.sampled_from(["", "https://there.example/x", "https://here.example/"])
        )
    if bot := draw(st.sampled_from([None, None, "webdriver"])):
        context["bot"] = bot
    if seq := draw(st.integers(-6, 9)):
        context["seq"] = seq
    if campaign := draw(st.sampled_from([None, {"name": "spring"}, {"source": "news"}])):
        context["campaign"] = campaign
    members: dict[str, Any] = {
        "messageId": uuid.UUID(int=draw(st.integers(0, 2**64))).hex,
        "context": context,
        "anonymousId": draw(st.sampled_from(["v1", "v2", None])),
        "userId": draw(st.sampled_from([None, "ada"])),
    }
    if not members["anonymousId"] and not members["userId"]:
        members["anonymousId"] = "v3"
    if draw(st.booleans()):
        members |= {"type": "track", "event": draw(st.sampled_from(["Paid", "Left"]))}
    return wire(NOON + draw(TIMES), **members)


def histories(least: int = 0) -> st.SearchStrategy[tuple[list[dict[str, Any]], list[list[int]]]]:
    """Events, and which of them each batch holds, in whatever order, some of them again."""

    def batches(of: list[dict[str, Any]]) -> st.SearchStrategy[list[list[int]]]:
        numbers = st.lists(st.sampled_from(range(len(of))), min_size=1, max_size=8)
        return st.lists(numbers, min_size=least, max_size=12)

    return st.lists(events(), min_size=least + 1, max_size=25).flatmap(
        lambda found: st.tuples(st.just(found), batches(found))
    )


@settings(max_examples=150, deadline=None)
@given(histories())
def test_in_whatever_order_and_however_often_events_come_each_count_is_a_recount(
    history: tuple[list[dict[str, Any]], list[list[int]]],
) -> None:
    sent, batches = history
    with TemporaryDirectory() as folder, ThreadPoolExecutor(2) as consumers:
        store = SqliteStore(Path(folder) / "store.db", clock=lambda: NOON)
        found = [received(*(sent[number] for number in batch)) for batch in batches]
        list(consumers.map(store.append, found))  # two at once, each with its own connection
        expected = recounted(stored(store, SITE)), delivered(store, SITE)
        assert kept(store, SITE) == expected[0]
        for _ in store.recount(SITE, EARLIEST, LATEST):
            pass
        assert (kept(store, SITE), delivered(store, SITE)) == expected


Make = Callable[[Retention], Store]


@pytest.fixture(params=["sqlite", "dynamodb_local"])
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    if request.param == "sqlite":
        return lambda retention: SqliteStore(
            tmp_path / "store.db", retention, clock=retention.clock
        )
    aws.use(request.getfixturevalue(request.param), monkeypatch)
    prefix = aws.make_tables()
    return lambda retention: CountedStore(prefix, retention, clock=retention.clock)


@pytest.fixture
def store(make: Make) -> Store:
    return make(Retention(clock=lambda: NOON))


def delivery(store: Store) -> dict[int, tuple[int, int]]:
    """Day by day, before and after today: how many were counted, and how many arrived."""
    selection = CountSelection(SITE, DELIVERY, DAY, EARLIEST, LATEST)
    return {(one.cell.time - NOON) // DAY + 1: one.number[:2] for one in store.counts(selection)}


def numbered(*numbers: int, at: int = NOON, visitor: str = "v") -> list[dict[str, Any]]:
    return [
        wire(at + number * SECOND, anonymousId=visitor, context={"seq": number})
        for number in numbers
    ]


def test_a_gap_in_the_client_s_counter_is_an_event_that_is_missing(store: Store) -> None:
    store.append(received(*numbered(1, 2, 3, 5), *numbered(2, visitor="other")))
    assert delivery(store) == {0: (7, 5)}


def test_a_late_event_closes_its_gap(store: Store) -> None:
    store.append(received(*numbered(1, 2, 5)))
    late = numbered(4)
    store.append(received(*late))
    store.append(received(*late))
    assert delivery(store) == {0: (5, 4)}


def test_what_a_device_counted_the_day_before_is_not_missing_today(store: Store) -> None:
    store.append(received(*numbered(1, 2, at=NOON - DAY)))
    store.append(received(*numbered(3, 5)))
    assert delivery(store) == {-1: (2, 2), 0: (3, 2)}


def test_what_an_offline_device_sends_late_counts_on_its_own_day(store: Store) -> None:
    store.append(received(*numbered(1, at=NOON - 3 * DAY)))
    store.append(received(*numbered(6, at=NOON - DAY)))
    store.append(received(*numbered(7)))
    assert delivery(store) == {-3: (1, 1), -1: (5, 1), 0: (1, 1)}
    store.append(received(*numbered(2, 3, 4, at=NOON - 2 * DAY)))
    assert delivery(store) == {-3: (1, 1), -2: (3, 3), -1: (2, 1), 0: (1, 1)}
    for _ in store.recount(SITE, EARLIEST, LATEST):
        pass
    assert delivery(store) == {-3: (1, 1), -2: (3, 3), -1: (2, 1), 0: (1, 1)}


def test_a_counter_that_leaps_tells_of_no_loss(store: Store) -> None:
    store.append(received(*numbered(9_000_000, 9_000_001)))
    assert delivery(store) == {0: (2, 2)}


def test_counts_outlive_the_events_by_day_and_not_by_hour(make: Make) -> None:
    now = [NOON]
    store = make(Retention(lambda _: 1, lambda: now[0]))
    store.append(received(wire(), wire(anonymousId="w")))
    now[0] += 3 * DAY
    for _ in store.sweep():
        pass
    assert stored(store, SITE) == []
    today = NOON - NOON % DAY
    assert kept(store, SITE) == {Cell(DAY, today, 0, "", PEOPLE): Count(2, 2, 2, 2)}
    for _ in store.recount(SITE, EARLIEST, LATEST):
        pass
    assert kept(store, SITE), "of what is past nothing is counted anew"


def test_an_erased_person_s_events_stay_counted_and_new_ones_count_anew(store: Store) -> None:
    event = wire(anonymousId=None, userId="ada")
    store.append(received(event))
    store.forget_stretches(SITE, "u#ada")
    store.append(received(wire(anonymousId=None, userId="ada")))
    cell = Cell(DAY, NOON - NOON % DAY, 0, "", PEOPLE)
    assert kept(store, SITE)[cell] == Count(2, 2, 2, 2)


def test_a_day_of_many_different_pages_is_counted_page_by_page(store: Store) -> None:
    sent = [
        wire(
            NOON + number * SECOND,
            anonymousId=f"v{number % 7}",
            context={"page": {"path": f"/{number % 300}/{'é' * 200}"}},
        )
        for number in range(600)
    ]
    for start in range(0, len(sent), 300):
        store.append(received(*sent[start : start + 300]))
    expected = recounted(stored(store, SITE))
    assert kept(store, SITE) == expected
    for _ in store.recount(SITE, EARLIEST, LATEST):
        pass
    assert kept(store, SITE) == expected


def test_a_session_is_one_where_what_lies_between_is_not_asked_for(store: Store) -> None:
    """Forty minutes lie between the views that are: the whole session has no idle half hour."""
    countries = {0: "FR", 20: "DE", 40: "FR", 80: "FR"}
    store.append(
        received(
            *(
                wire(
                    NOON + minute * MINUTE,
                    context={"page": {"path": "/"}, "location": {"country": country}},
                )
                for minute, country in countries.items()
            ),
            at=NOON + 2 * HOUR,
        )
    )
    numbers: dict[stats.Interval, list[int]] = {"hour": [1, 1], "day": [2]}
    for interval, expected in numbers.items():
        question = stats.Question(
            site=SITE,
            metric="sessions",
            interval=interval,
            where={"path": "/", "country": "FR"},
        )
        assert [row.number for row in stats.stats(store, question).rows] == expected
        alone = stats.stats(store, structs.replace(question, where={"country": "FR"}))
        assert [row.number for row in alone.rows] == expected
