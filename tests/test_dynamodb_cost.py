"""What an event costs to write and to read, measured by DynamoDB's own engine."""

import uuid

import pytest

from tests import aws, streams
from tests.engines.engine import Engine
from tests.events import HOUR, NOON, SECOND, SITE, received, wire
from tests.known_load import page_view
from tests.metering import Meter
from tests.streams import Stream
from tracker.stores import Everyone, Person, Selection
from tracker.stores.dynamodb.store import DynamoDbStore
from tracker.stores.retention import Retention
from tracker.timestamps import DAY


@pytest.fixture
def store(dynamodb_local: Engine, monkeypatch: pytest.MonkeyPatch) -> DynamoDbStore:
    aws.use(dynamodb_local, monkeypatch)
    store = opened(aws.make_tables())
    store.append(received(wire()))  # the day is known from its first event on
    return store


def opened(prefix: str) -> DynamoDbStore:
    """As it is where it is in use: all that is written has its end."""
    return DynamoDbStore(prefix, Retention(lambda _: 400, lambda: NOON), clock=lambda: NOON)


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


def test_an_event_with_its_session_listing_and_counts_costs_at_most_1_3_write_units(
    store: DynamoDbStore,
) -> None:
    """Of sessions of thirty events that arrive in tens, those of thirty visitors counted together:
    more are cheaper, as the pages of counts are written once for all of them."""
    stream, meter = Stream(store), Meter(store)
    stream.new()
    sessions = [(str(uuid.uuid4()), str(uuid.uuid4())) for _ in range(30)]
    for tens in range(3):
        for visitor, session in sessions:
            batch = [page_view(visitor, session, tens * 10 + n) for n in range(1, 11)]
            store.append(received(*batch, at=NOON + 60 * SECOND))
        streams.count(store, stream.new())
    written = meter.written()
    assert written["events"] == 900
    assert sum(written.values()) <= 1.3 * 900


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


def test_what_leads_to_events_is_prolonged_once_a_month_and_costs_nothing_between(
    dynamodb_local: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same visitor of a known user, in the same session and on the same day by its clock, so
    that all is there already; each time at a Lambda that has just started."""
    aws.use(dynamodb_local, monkeypatch)
    prefix = aws.make_tables()
    spent = []
    for day in range(0, 70, 5):
        store = opened(prefix)
        meter = Meter(store)
        batch = [page_view("visitor", "session", day * 10 + n, userId="user") for n in range(10)]
        assert store.append(received(*batch, at=NOON + day * DAY + HOUR)) == (10, 0)
        spent.append(meter.written()["index"])
        one_more = page_view("visitor", "session", day * 10 + 900, userId="user")
        assert store.append(received(one_more, at=NOON + day * DAY + HOUR)) == (1, 0)
        assert meter.written() == {"events": 1, "index": 1}
    # a listing entry each time; with the first, and a month later: the day, the session, the link
    # from both its ends
    once = 1 + 4
    assert spent == [once, *[1] * 6, once, *[1] * 6]


def test_ten_new_events_of_one_person_take_two_and_a_half_read_units(
    store: DynamoDbStore,
) -> None:
    meter = Meter(store)
    batch = [page_view("visitor", "session", n) for n in range(10)]
    assert store.append(received(*batch)) == (10, 0)
    # whether they are there; whether the session is known, and whether they may be kept
    assert meter.read() == {"events": 1, "index": 1.5}


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


def test_a_person_among_many_bots_takes_few_calls(store: DynamoDbStore) -> None:
    views = [wire(NOON - n * SECOND, context={"bot": "webdriver"}) for n in range(1000)]
    store.append(received(*views, wire(NOON - 2000 * SECOND)))
    asked = calls(store)
    for scope in (Person("a#v"), Everyone()):
        asked.clear()
        assert len(store.read(Selection(site=SITE, scope=scope), 1).events) == 1
        assert asked.count("Query") <= 7  # 2, then 250 at a time; a listing's days and shards
        assert asked.count("BatchGetItem") <= 12  # 2, then 100 at a time


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
