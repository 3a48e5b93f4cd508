"""What an event costs to write and to read, measured by DynamoDB's own engine."""

import uuid

import pytest

from tests import aws
from tests.engines.engine import Engine
from tests.events import NOON, SECOND, SITE, received, wire
from tests.known_load import page_view
from tests.metering import Meter
from tracker.stores import Person, Selection
from tracker.stores.dynamodb import DynamoDbStore


@pytest.fixture
def store(dynamodb_local: Engine, monkeypatch: pytest.MonkeyPatch) -> DynamoDbStore:
    aws.use(dynamodb_local, monkeypatch)
    store = DynamoDbStore(aws.make_tables())
    store.append(received(wire()))  # the day is known from its first event on
    return store


def test_a_typical_page_view_costs_one_write_unit(store: DynamoDbStore) -> None:
    meter = Meter(store)
    store.append(received(page_view(str(uuid.uuid4()), str(uuid.uuid4()), 1)))
    assert meter.written()["events"] == 1


def test_ten_events_together_cost_at_most_twelve_write_units(store: DynamoDbStore) -> None:
    meter = Meter(store)
    visitor, session = str(uuid.uuid4()), str(uuid.uuid4())
    for visit in range(3):
        batch = [page_view(visitor, session, visit * 10 + n) for n in range(10)]
        store.append(received(*batch, at=NOON + 60 * SECOND))
        units = meter.written()
        # ten events and a listing entry; for a session's first, the way to find it by its id
        assert units == {"events": 10, "index": 2 if visit == 0 else 1}


def test_ten_events_of_a_known_user_cost_at_most_twelve_write_units(store: DynamoDbStore) -> None:
    meter = Meter(store)
    visitor, user = str(uuid.uuid4()), "customer-4711@example.com"
    first = page_view(visitor, "s1", 1, userId=user, type="identify", traits={"plan": "pro"})
    store.append(received(first))
    assert meter.written() == {"events": 1, "index": 5}  # once: traits, the link from both its ends
    batch = [page_view(visitor, str(uuid.uuid4()), 10, userId=user) for _ in range(1)]
    batch += [page_view(visitor, "s1", n, userId=user) for n in range(2, 11)]
    store.append(received(*batch, at=NOON + 60 * SECOND))
    assert sum(meter.written().values()) <= 12


def test_a_duplicate_costs_no_write_unit(store: DynamoDbStore) -> None:
    batch = [page_view("visitor", "session", n) for n in range(10)]
    store.append(received(*batch))
    meter = Meter(store)
    store.append(received(*batch))
    assert meter.written() == {}


def test_ten_new_events_of_one_person_are_looked_for_with_one_read_unit(
    store: DynamoDbStore,
) -> None:
    meter = Meter(store)
    batch = [page_view("visitor", "session", n) for n in range(10)]
    assert store.append(received(*batch)) == (10, 0)
    assert meter.read() == {"events": 1, "index": 0.5}


def test_to_see_that_ten_events_are_there_takes_the_units_of_their_bytes(
    store: DynamoDbStore,
) -> None:
    batch = [page_view("visitor", "session", n) for n in range(10)]
    store.append(received(*batch))
    meter = Meter(store)
    assert store.append(received(*batch[::-1])) == (0, 10)
    assert meter.read() == {"events": 2}  # 5 KB, by 4 KB


def test_duplicates_are_found_among_many_other_events_of_the_same_person(
    store: DynamoDbStore,
) -> None:
    sent = [page_view("visitor", "session", n) for n in range(0, 100, 10)]
    between = [page_view("visitor", "session", n) for n in range(100) if n % 10]
    store.append(received(*sent[::2], *between))
    meter = Meter(store)
    assert store.append(received(*sent)) == (5, 5)
    # one stretch of as many items as there are events, and the other nine by their keys
    assert meter.read()["events"] <= len(sent) + 1
    assert store.append(received(*sent, *between)) == (0, 100)


def test_events_without_a_time_and_of_several_persons_are_found_again(
    store: DynamoDbStore,
) -> None:
    batch = [wire(None, anonymousId=f"v{n % 3}") for n in range(9)]
    batch += [wire(NOON + n * SECOND, anonymousId=f"v{n % 3}") for n in range(10)]
    assert store.append(received(*batch)) == (19, 0)
    other = [wire(NOON + n * SECOND, anonymousId=f"v{n % 3}") for n in range(10)]
    assert store.append(received(*batch[::2], *other)) == (10, 10)


def calls(store: DynamoDbStore) -> list[str]:
    """The names of the calls about events, as they are made."""
    asked: list[str] = []
    events = store.tables.events._get_connection().connection.client.meta.events  # noqa: SLF001
    events.register("before-call.dynamodb", lambda model, **_: asked.append(model.name))
    return asked


def test_a_filter_that_few_events_match_takes_few_queries(store: DynamoDbStore) -> None:
    views = [wire(NOON - n * SECOND) for n in range(1000)]
    rare = wire(NOON - 2000 * SECOND, type="track", event="Rare")
    store.append(received(*views, rare))
    asked = calls(store)
    page = store.read(Selection(site=SITE, scope=Person("a#v"), event="Rare"), 1)
    assert len(page.events) == 1
    assert len(asked) <= 6  # 250 at a time


def test_the_newest_100_events_of_a_user_are_one_query_however_many_others_there_are(
    store: DynamoDbStore,
) -> None:
    mine = [wire(NOON - n * SECOND, anonymousId="v", userId="u") for n in range(150)]
    others = [wire(NOON - n * SECOND, anonymousId=f"v{n}", userId=f"u{n}") for n in range(400)]
    store.append(received(*mine, *others))
    asked = calls(store)
    page = store.read(Selection(site=SITE, scope=Person("u#u")), 100)
    assert [stored.position.timestamp for stored in page.events] == [
        NOON - n * SECOND for n in range(100)
    ]
    assert asked == ["Query"]
