"""Failed events in both stores: found, counted, and gone when their time is over."""

import random
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from msgspec import structs

from tests import aws
from tests.events import HOUR, MINUTE, NOON, SECOND, SITE
from tracker import at_once, failed_counts
from tracker.batch import Batch, Fault, Rejection
from tracker.consumer import consume
from tracker.stores import EVERY_FAILED, NO_SITE, FailedEvent, FailedFilter, Store
from tracker.stores.dynamodb.compression import compress
from tracker.stores.dynamodb.store import DynamoDbStore
from tracker.stores.failures import MAX_SCANNED
from tracker.stores.sqlite.store import SqliteStore

DAY = 24 * HOUR


class Clock:
    """One that a test moves."""

    now = NOON

    def __call__(self) -> int:
        return self.now


class Kit(NamedTuple):
    store: Store
    clock: Clock
    expiries: Callable[[], list[int]]
    """What each item's TTL attribute says, in seconds; of SQLite, nothing."""


@pytest.fixture(params=["sqlite", "dynamodb"])
def kit(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kit:
    clock = Clock()

    def days(site: str) -> int:
        return 7 if site == "short" else 30

    if request.param == "sqlite":
        return Kit(SqliteStore(tmp_path / "store.db", clock=clock, failed_days=days), clock, list)
    aws.use(request.getfixturevalue("dynamodb_local"), monkeypatch)
    store = DynamoDbStore(aws.make_tables(), clock=clock, failed_days=days)

    def expiries() -> list[int]:
        return [int(item.expires) for item in store.tables.others.scan()]

    return Kit(store, clock, expiries)


@pytest.fixture
def store(kit: Kit) -> Store:
    return kit.store


def failed_event(number: int, **members: Any) -> FailedEvent:
    about: dict[str, Any] = {
        "id": f"f{number:05d}",
        "site": SITE,
        "received_at": NOON - number * MINUTE,
        "field": "event",
        "reason": "is required",
        "payload": "{}",
    }
    return FailedEvent(**(about | members))


def walk(
    store: Store, limit: int, wanted: FailedFilter = EVERY_FAILED, site: str = SITE
) -> list[str]:
    """The ids of a whole list, page by page."""
    found: list[str] = []
    after = None
    while True:
        page = store.failed(site, limit, after, wanted)
        assert len(page.failed) <= limit
        found += [one.id for one in page.failed]
        after = page.resume
        if after is None:
            return found


def names(events: Sequence[FailedEvent]) -> list[str]:
    return [one.id for one in events]


def some(count: int) -> list[FailedEvent]:
    """Of several days, times that are equal, people, fields and reasons; the newest first."""
    choose = random.Random(5)
    events = [
        failed_event(
            number,
            received_at=NOON - choose.choice((0, 1, 5, 50)) * HOUR - number // 3 * SECOND,
            field=choose.choice(("event", "userId", "properties.items.3.price")),
            reason=choose.choice(("is required", "must be a string, not a number")),
            message_id=choose.choice(("m1", "m2", None)),
            user_id=choose.choice(("ada", "bob", None)),
            anonymous_id=choose.choice(("v", None)),
        )
        for number in range(count)
    ]
    return sorted(events, key=lambda one: (one.received_at, one.id), reverse=True)


FILTERS: dict[str, tuple[FailedFilter, Callable[[FailedEvent], bool]]] = {
    "none": (FailedFilter(), lambda _: True),
    "since": (FailedFilter(since=NOON - 5 * HOUR), lambda f: f.received_at >= NOON - 5 * HOUR),
    "until": (FailedFilter(until=NOON - HOUR), lambda f: f.received_at < NOON - HOUR),
    "a range of no time": (FailedFilter(since=NOON, until=NOON), lambda _: False),
    "a range the wrong way": (FailedFilter(since=NOON, until=NOON - DAY), lambda _: False),
    "field": (FailedFilter(field="userId"), lambda f: f.field == "userId"),
    "a field as it is counted": (
        FailedFilter(field="properties.items.*.price"),
        lambda f: f.field == "properties.items.3.price",
    ),
    "reason": (FailedFilter(reason="is required"), lambda f: f.reason == "is required"),
    "a part of a reason": (FailedFilter(reason="is"), lambda _: False),
    "message id": (FailedFilter(message_id="m2"), lambda f: f.message_id == "m2"),
    "user id": (FailedFilter(user_id="ada"), lambda f: f.user_id == "ada"),
    "anonymous id": (FailedFilter(anonymous_id="v"), lambda f: f.anonymous_id == "v"),
    "several": (
        FailedFilter(field="event", user_id="bob", until=NOON),
        lambda f: (f.field, f.user_id) == ("event", "bob") and f.received_at < NOON,
    ),
}


@pytest.mark.parametrize("limit", [1, 4, 100])
def test_a_filter_finds_what_it_says_in_order_on_every_page(store: Store, limit: int) -> None:
    events = some(60)
    store.append_failed(events)
    for name, (wanted, is_meant) in FILTERS.items():
        expected = names([one for one in events if is_meant(one)])
        assert walk(store, limit, wanted) == expected, name
        oldest_first = structs.replace(wanted, descending=False)
        assert walk(store, limit, oldest_first) == expected[::-1], name


@pytest.mark.parametrize("descending", [True, False])
def test_a_cursor_holds_while_new_ones_arrive(store: Store, *, descending: bool) -> None:
    there = [failed_event(number, received_at=NOON - number // 2 * HOUR) for number in range(12)]
    store.append_failed(there)
    wanted = FailedFilter(descending=descending)
    found: list[str] = []
    after = None
    for turn in range(100):
        page = store.failed(SITE, 2, after, wanted)
        found += names(page.failed)
        after = page.resume
        if after is None:
            break
        store.append_failed([failed_event(100 + turn, received_at=NOON + turn)])
        store.append_failed(there[:1])
    assert len(found) == len(set(found))
    assert set(names(there)) <= set(found)


def test_a_page_looks_at_a_bounded_number_and_says_where_to_go_on(store: Store) -> None:
    many = [failed_event(number, received_at=NOON - number) for number in range(MAX_SCANNED + 10)]
    store.append_failed([*many, failed_event(99_999, received_at=NOON - DAY, user_id="ada")])
    wanted = FailedFilter(user_id="ada")
    page = store.failed(SITE, 10, None, wanted)
    assert page.failed == []
    assert page.resume == (NOON - MAX_SCANNED + 1, many[MAX_SCANNED - 1].id)
    assert walk(store, 10, wanted) == ["f99999"]


def test_a_second_fault_is_found_and_counted_as_well(store: Store) -> None:
    both = failed_event(1, more=[Fault("properties.total", "must be a number")])
    store.append_failed([both, failed_event(2)])
    assert walk(store, 5, FailedFilter(field="properties.total")) == [both.id]
    mixed_up = FailedFilter(field="properties.total", reason="is required")
    assert walk(store, 5, mixed_up) == [], "one fault's field, another's reason"
    rows = failed_counts.count(store, SITE, EVERY_FAILED, "reason").rows
    assert [(row.field, row.reason, row.count) for row in rows] == [
        ("event", "is required", 2),
        ("properties.total", "must be a number", 1),
    ]
    assert store.failed(SITE, 5).failed[0] == both


def test_counts_say_how_often_and_from_when_to_when(store: Store) -> None:
    events = [
        failed_event(1, field="", reason="not JSON: JSON is malformed (byte 17)"),
        failed_event(2, field="", reason="not JSON: JSON is malformed (byte 9)"),
        failed_event(3, field="properties.items.0.price", reason="is less than 0"),
        failed_event(4, field="properties.items.12.price", reason="is less than 0"),
        failed_event(5, field="properties.items.12.price", reason="is required"),
    ]
    store.append_failed([*events, failed_event(6, site="other")])
    by_reason = failed_counts.count(store, SITE, EVERY_FAILED, "reason")
    assert by_reason.resume is None
    assert msgspec.to_builtins(by_reason.rows) == [
        {
            "field": "",
            "reason": "not JSON: JSON is malformed",
            "count": 2,
            "firstSeen": "2026-11-22T11:58:00.000Z",
            "lastSeen": "2026-11-22T11:59:00.000Z",
        },
        {
            "field": "properties.items.*.price",
            "reason": "is less than 0",
            "count": 2,
            "firstSeen": "2026-11-22T11:56:00.000Z",
            "lastSeen": "2026-11-22T11:57:00.000Z",
        },
        {
            "field": "properties.items.*.price",
            "reason": "is required",
            "count": 1,
            "firstSeen": "2026-11-22T11:55:00.000Z",
            "lastSeen": "2026-11-22T11:55:00.000Z",
        },
    ]
    by_field = failed_counts.count(store, SITE, FailedFilter(until=NOON - 2 * MINUTE), "field").rows
    assert [(row.field, row.count) for row in by_field] == [("properties.items.*.price", 3)]
    for row in by_reason.rows:
        assert isinstance(row.reason, str)
        wanted = FailedFilter(field=row.field, reason=row.reason)
        assert len(walk(store, 10, wanted)) == row.count, "a row is a filter"


def test_counting_goes_on_where_it_stopped(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_counts, "MAX_COUNTED", 1)
    events = [failed_event(number, received_at=NOON - number) for number in range(2_500)]
    store.append_failed(events)
    counts, after = [], None
    while True:
        counted = failed_counts.count(store, SITE, EVERY_FAILED, "reason", after)
        counts += [row.count for row in counted.rows]
        after = counted.resume
        if after is None:
            break
    assert counts == [1_000, 1_000, 500]


def test_one_is_shown_until_its_time_is_over_and_then_gone(kit: Kit) -> None:
    sites = (SITE, "short", NO_SITE)
    kit.store.append_failed([failed_event(0, site=site) for site in sites])
    found = {}
    for days in (7, 30):
        for moment in (-1, 0):
            kit.clock.now = NOON + days * DAY + moment
            found[days, moment] = [bool(walk(kit.store, 5, site=site)) for site in sites]
    assert found == {
        (7, -1): [True, True, True],
        (7, 0): [True, False, True],
        (30, -1): [True, False, True],
        (30, 0): [False, False, False],
    }
    assert failed_counts.count(kit.store, SITE, EVERY_FAILED, "reason").rows == []
    day_start = NOON - 12 * HOUR
    short, others = [NOON + 7 * DAY] * 2, [NOON + 30 * DAY] * 2  # it, and its id
    expected = [*short, day_start + 8 * DAY, *2 * [*others, day_start + 31 * DAY]]
    if isinstance(kit.store, DynamoDbStore):
        assert sorted(kit.expiries()) == sorted(instant // SECOND for instant in expected), (
            "TTL takes the failed events, and then their days"
        )


def test_sqlite_removes_what_is_past_its_time_a_few_at_a_time(tmp_path: Path) -> None:
    clock = Clock()
    store = SqliteStore(tmp_path / "store.db", clock=clock)
    count = 1_200
    store.append_failed(
        [failed_event(number, received_at=NOON - number) for number in range(count)]
    )
    store.append_failed([failed_event(0, site="other"), failed_event(99_999, received_at=NOON + 1)])
    assert store.forget_expired_failed() == 0
    clock.now = NOON + 30 * DAY
    removed = []
    while some_more := store.forget_expired_failed():
        removed.append(some_more)
    assert sum(removed) == 1_201
    assert max(removed) == 500
    clock.now = NOON
    assert walk(store, 100) == ["f99999"], "they are not only hidden"
    assert walk(store, 100, site="other") == []


def test_what_an_earlier_version_kept_is_read(kit: Kit, tmp_path: Path) -> None:
    """It knew no person, no further faults, and no end."""
    old = b'{"id":"o","site":"shop","receivedAt":%d,"field":"f","reason":"r","payload":"{}"}' % NOON
    if isinstance(kit.store, DynamoDbStore):
        others = kit.store.tables.others
        others("shop#f#2026-11-22", "2026-11-22T12:00:00.000000Z#o", body=compress(old)).save()
        others("shop#failed-days", "2026-11-22").save()
    else:
        kit.store.check()
        with sqlite3.connect(tmp_path / "store.db") as connection:
            connection.execute("INSERT INTO failed_events VALUES ('o', 'shop', ?, ?)", (NOON, old))
        connection.close()
    (found,) = kit.store.failed(SITE, 5).failed
    assert (found.id, found.user_id, found.faults) == ("o", None, [Fault("f", "r")])
    kit.clock.now = NOON + 30 * DAY
    assert walk(kit.store, 5) == []


def sent(payload: dict[str, Any] | str, at: int, **members: Any) -> bytes:
    """A request with one event that is rejected."""
    text = payload if isinstance(payload, str) else msgspec.json.encode(payload).decode()
    rejection = Rejection(0, "event", "is required", text, **members)
    return Batch(id=f"b{at}", site=SITE, received_at=at, rejected=[rejection]).encode()


def test_a_retry_of_a_failed_event_is_no_other(store: Store) -> None:
    """Whichever client it is: some say in the event itself when they sent it."""
    event = {"type": "track", "userId": "ada", "messageId": "m1"}
    for number in range(10):
        again = event | {"sentAt": f"2026-11-22T10:00:0{number}Z", "_metadata": {"try": number}}
        consume([sent(again, NOON + number * DAY)], store)
        consume([sent('{"messageId": "m2", "x": 01}', NOON + number * DAY)], store)
    page = store.failed(SITE, 100)
    assert [one.received_at for one in page.failed] == [NOON, NOON], "as they first came"
    assert failed_counts.count(store, SITE, EVERY_FAILED, "field").rows[0].count == 2
    store.forget_failed([one.key for one in page.failed])
    assert walk(store, 5) == []
    consume([sent(event, NOON + 20 * DAY)], store)
    (back,) = store.failed(SITE, 100).failed
    assert back.received_at == NOON + 20 * DAY


def test_a_retry_in_the_same_call_is_no_other(store: Store) -> None:
    event = {"type": "track", "userId": "ada", "messageId": "m1"}
    consume([sent(event, NOON), sent(event, NOON + HOUR)], store)
    assert [one.received_at for one in store.failed(SITE, 100).failed] == [NOON]


@pytest.mark.parametrize("message_id", [..., None, ""])
def test_failed_events_without_a_message_id_are_each_another(
    store: Store, message_id: object
) -> None:
    event: dict[str, Any] = {"type": "track", "properties": {"messageId": "m"}}
    if message_id is not ...:
        event["messageId"] = message_id
    consume([sent(event, NOON), sent(event, NOON + 1)], store)
    assert len(walk(store, 5)) == 2


def test_different_failed_events_of_one_message_id_are_each_kept(store: Store) -> None:
    events = [{"messageId": "m1", "n": number} for number in range(5)]
    consume([sent(event, NOON + number) for number, event in enumerate(events)], store)
    assert len(walk(store, 5)) == 5


def test_retries_that_are_stored_at_the_same_time_are_one(kit: Kit) -> None:
    event = {"type": "track", "userId": "ada", "messageId": "m1"}
    at_once.each(lambda at: consume([sent(event, at)], kit.store), [NOON + n for n in range(8)])
    assert len(walk(kit.store, 20)) == 1


def test_a_retry_finishes_what_stopped_half_way(kit: Kit) -> None:
    """The id was written, and not the event."""
    event = {"type": "track", "userId": "ada", "messageId": "m1"}
    consume([sent(event, NOON)], kit.store)
    if isinstance(kit.store, DynamoDbStore):  # SQLite's transactions have no half-way
        for item in kit.store.tables.others.query("shop#f#2026-11-22"):
            item.delete()
        assert walk(kit.store, 5) == []
    consume([sent(event, NOON + DAY)], kit.store)
    assert [one.received_at for one in kit.store.failed(SITE, 5).failed] == [NOON]


def test_an_id_that_is_past_its_time_is_free(kit: Kit) -> None:
    """DynamoDB may take days to delete what has expired."""
    event = {"type": "track", "userId": "ada", "messageId": "m1"}
    kit.store.append_failed([failed_event(1, id="x", received_at=NOON)])
    consume([sent(event, NOON)], kit.store)
    kit.clock.now = NOON + 31 * DAY
    kit.store.forget_expired_failed()
    consume([sent(event, kit.clock.now)], kit.store)
    assert [one.received_at for one in kit.store.failed(SITE, 5).failed] == [kit.clock.now]


PAYLOADS = {
    "both": ('{"userId": "ada", "anonymousId": "v"}', "ada", "v"),
    "a number": ('{"userId": 17, "anonymousId": null}', "17", None),
    "wrong types": ('{"userId": {"id": "ada"}, "anonymousId": true}', None, None),
    "empty": ('{"userId": "", "anonymousId": "v"}', None, "v"),
    "too long": ('{"userId": "%s", "anonymousId": "v"}' % ("u" * 257), None, "v"),
    "a huge number": ('{"userId": %s, "anonymousId": "v"}' % ("9" * 4_000), None, "v"),
    "twice: the last counts": ('{"userId": "ada", "userId": "bob"}', "bob", None),
    "a number out of range beside it": (
        '{"userId": "ada", "properties": {"x": 1e999}}',
        "ada",
        None,
    ),
    "inside of something else": ('{"properties": {"userId": "ada"}}', None, None),
    "no object": ('["userId"]', None, None),
    "no JSON": ('{"userId": "ada"', None, None),
    "deep": ('{"x": ' + "[" * 5_000 + "]" * 5_000 + ', "userId": "ada"}', None, None),
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_persons_failed_events_are_found_by_what_can_be_read(tmp_path: Path, name: str) -> None:
    payload, user_id, anonymous_id = PAYLOADS[name]
    store = SqliteStore(tmp_path / "store.db", clock=lambda: NOON)
    rejection = Rejection(0, "type", "is required", payload)
    consume([Batch(id="b", site=SITE, received_at=NOON, rejected=[rejection]).encode()], store)
    (failed,) = store.failed(SITE, 5).failed
    assert (failed.user_id, failed.anonymous_id) == (user_id, anonymous_id)
