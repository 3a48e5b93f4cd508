"""What an event costs to write and to read, measured by DynamoDB's own engine."""

import uuid
from typing import Any

import pytest

from tests import aws
from tests.engines.engine import Engine
from tests.events import NOON, SECOND, SITE, received, wire
from tracker.stores import Person, Selection
from tracker.stores.dynamodb import DynamoDbStore

_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")


class Meter:
    """Counts the write units that `ReturnConsumedCapacity` tells of, by table."""

    def __init__(self, store: DynamoDbStore) -> None:
        self._units: dict[str, float] = {}
        for model in store.tables:
            events = model._get_connection().connection.client.meta.events  # noqa: SLF001
            for operation in _WRITES:
                events.register(f"before-parameter-build.dynamodb.{operation}", _ask)
                events.register(f"after-call.dynamodb.{operation}", self._count)

    def _count(self, parsed: dict[str, Any], **_: object) -> None:
        told = parsed["ConsumedCapacity"]
        for consumed in told if isinstance(told, list) else [told]:
            table = consumed["TableName"].rpartition("-")[2]
            self._units[table] = self._units.get(table, 0) + consumed["CapacityUnits"]

    def read(self) -> dict[str, float]:
        """The units since the last reading."""
        units, self._units = self._units, {}
        return units


def _ask(params: dict[str, Any], **_: object) -> None:
    params["ReturnConsumedCapacity"] = "TOTAL"


@pytest.fixture
def store(dynamodb_local: Engine, monkeypatch: pytest.MonkeyPatch) -> DynamoDbStore:
    aws.use(dynamodb_local, monkeypatch)
    store = DynamoDbStore(aws.make_tables())
    store.append(received(wire()))  # the day is known from its first event on
    return store


def page_view(visitor: str, session: str, seq: int, **members: Any) -> dict[str, Any]:
    """What the browser client sends for a page view, with the longest values that are usual."""
    path = f"/products/kitchen/knives-and-scissors/chef-knife-{seq}"
    return wire(
        NOON + seq * SECOND,
        messageId=str(uuid.uuid4()),
        anonymousId=visitor,
        properties={},
        context={
            "page": {
                "url": f"https://www.example.com{path}?utm_source=newsletter&utm_medium=email",
                "path": path,
                "search": "?utm_source=newsletter&utm_medium=email",
                "title": f"Chef's knife no. {seq}, 21 cm, hand-forged - The Example Kitchen Shop",
                "referrer": "https://www.example.com/products/kitchen/knives-and-scissors",
            },
            "campaign": {"source": "newsletter", "medium": "email"},
            "library": {"name": "tracker-kit", "version": "1.0.0"},
            "locale": "en-GB",
            "timezone": "Europe/London",
            "screen": {"width": 2560, "height": 1440},
            "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 "
            "(KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            "ip": "203.0.113.0",
            "sessionId": session,
            "seq": seq,
        },
        **members,
    )


def test_a_typical_page_view_costs_one_write_unit(store: DynamoDbStore) -> None:
    meter = Meter(store)
    store.append(received(page_view(str(uuid.uuid4()), str(uuid.uuid4()), 1)))
    assert meter.read()["events"] == 1


def test_ten_events_together_cost_at_most_twelve_write_units(store: DynamoDbStore) -> None:
    meter = Meter(store)
    visitor, session = str(uuid.uuid4()), str(uuid.uuid4())
    for visit in range(3):
        batch = [page_view(visitor, session, visit * 10 + n) for n in range(10)]
        store.append(received(*batch, at=NOON + 60 * SECOND))
        units = meter.read()
        # ten events and a listing entry; for a session's first, the way to find it by its id
        assert units == {"events": 10, "index": 2 if visit == 0 else 1}


def test_ten_events_of_a_known_user_cost_at_most_twelve_write_units(store: DynamoDbStore) -> None:
    meter = Meter(store)
    visitor, user = str(uuid.uuid4()), "customer-4711@example.com"
    first = page_view(visitor, "s1", 1, userId=user, type="identify", traits={"plan": "pro"})
    store.append(received(first))
    assert meter.read() == {"events": 1, "index": 5}  # once: traits, the link from both its ends
    batch = [page_view(visitor, str(uuid.uuid4()), 10, userId=user) for _ in range(1)]
    batch += [page_view(visitor, "s1", n, userId=user) for n in range(2, 11)]
    store.append(received(*batch, at=NOON + 60 * SECOND))
    assert sum(meter.read().values()) <= 12


def test_a_duplicate_costs_no_write_unit(store: DynamoDbStore) -> None:
    batch = [page_view("visitor", "session", n) for n in range(10)]
    store.append(received(*batch))
    meter = Meter(store)
    store.append(received(*batch))
    assert meter.read() == {}


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
