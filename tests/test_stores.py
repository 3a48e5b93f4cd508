"""What every store promises, on every store that ships and every engine that runs one."""

import random
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from msgspec import Raw

from tests import aws
from tests.asking import all_of
from tests.engines.engine import Engine
from tests.events import HOUR, MINUTE, NOON, SECOND, SITE, ids, received, wire
from tracker import timestamps
from tracker.activity import Question
from tracker.batch import Batch, FailedKey
from tracker.stores import Everyone, FailedEvent, Person, Selection, Session, Store
from tracker.stores.dynamodb.store import DynamoDbStore

EVERYONE = Selection(site=SITE, scope=Everyone())
VISITOR = Selection(site=SITE, scope=Person("a#v"))


def walk(store: Store, selection: Selection, limit: int) -> list[str]:
    """The message ids of a whole list, page by page."""
    found: list[str] = []
    while True:
        page = store.read(selection, limit)
        found += ids([stored.document for stored in page.events])
        if page.resume is None:
            return found
        selection = msgspec.structs.replace(selection, after=page.resume)


def test_an_event_is_read_as_it_was_sent(store: Store) -> None:
    sent = wire(
        event="Paid",
        type="track",
        properties={"total": 12.50, "big": 2**60, "text": "é\u0000"},
        context={"page": {"path": "/pay"}, "seq": 3},
    )
    store.append(received(sent))
    (stored,) = store.read(VISITOR, 10).events
    read = msgspec.json.decode(stored.document)
    assert {name: read[name] for name in sent} == sent
    assert read["timestamp"] == read["receivedAt"] == "2026-11-22T12:00:00.000Z"


def test_the_same_message_is_stored_once(store: Store) -> None:
    sent = wire()
    assert store.append(received(sent)) == (1, 0)
    assert store.append(received(sent)) == (0, 1)
    assert walk(store, VISITOR, 10) == walk(store, EVERYONE, 10) == [sent["messageId"]]


def test_a_message_twice_in_one_call_is_stored_once(store: Store) -> None:
    sent = wire()
    assert store.append(received(sent, wire(), sent)) == (2, 1)
    assert len(walk(store, VISITOR, 10)) == 2


@pytest.mark.parametrize("original", [NOON, NOON - 24 * HOUR, NOON + 24 * HOUR, None])
def test_a_retry_with_another_sent_at_is_stored_once_and_changes_nothing(
    store: Store, original: int | None
) -> None:
    sent = wire(original)
    first_sent = NOON if original is None else original
    store.append(received(sent, sent=first_sent))
    before = store.read(VISITOR, 10), store.read(EVERYONE, 10)
    for later in (MINUTE, HOUR, 2 * HOUR, 30 * HOUR):
        for clock in (first_sent, first_sent + later, NOON + later):
            assert store.append(received(sent, at=NOON + later, sent=clock)) == (0, 1)
    assert (store.read(VISITOR, 10), store.read(EVERYONE, 10)) == before


@pytest.mark.parametrize("off", [-24 * HOUR, 24 * HOUR])
def test_a_clock_that_is_a_day_off_is_put_right(store: Store, off: int) -> None:
    early, wrong, late = wire(NOON - MINUTE), wire(NOON + off), wire(NOON + MINUTE)
    store.append(received(early, late, at=NOON + 2 * MINUTE))
    store.append(received(wrong, at=NOON + SECOND, sent=NOON + off + SECOND))
    expected = [late["messageId"], wrong["messageId"], early["messageId"]]
    assert walk(store, VISITOR, 1) == expected
    assert walk(store, EVERYONE, 1) == expected
    near = msgspec.structs.replace(VISITOR, since=NOON - SECOND, until=NOON + SECOND)
    (stored,) = store.read(near, 10).events
    assert msgspec.json.decode(stored.document)["timestamp"] == "2026-11-22T12:00:00.000Z"


def test_events_of_equal_time_are_in_their_clients_order(store: Store) -> None:
    sent = [wire(context={"seq": seq}) for seq in (9, 10, 11)]
    store.append(received(sent[1], sent[2], sent[0]))
    in_order = [event["messageId"] for event in sent]
    oldest_first = msgspec.structs.replace(VISITOR, descending=False)
    assert walk(store, oldest_first, 2) == in_order
    assert walk(store, VISITOR, 2) == in_order[::-1]


@pytest.mark.parametrize("at", [NOON, None])
def test_events_of_equal_time_without_a_counter_keep_the_order_they_were_sent_in(
    store: Store, at: int | None
) -> None:
    sent = [wire(at) for _ in range(12)]
    store.append(received(*sent))
    in_order = [event["messageId"] for event in sent]
    for selection in (VISITOR, EVERYONE):
        oldest_first = msgspec.structs.replace(selection, descending=False)
        assert walk(store, oldest_first, 5) == in_order
    assert store.append(received(*sent[::-1], at=NOON + MINUTE)) == (0, 12)
    assert walk(store, msgspec.structs.replace(VISITOR, descending=False), 5) == in_order


def history(count: int) -> list[dict[str, object]]:
    """A shuffled history: several visitors, sessions and days, some events of equal time."""
    choose = random.Random(7)
    return [
        wire(
            NOON - choose.choice((0, SECOND, 40 * MINUTE, 26 * HOUR)) - n // 2 * SECOND,
            anonymousId=f"v{n % 3}",
            type=("page", "screen")[n % 2],
            context={"sessionId": f"s{n % 4}", "page": {"path": f"/{n % 2}"}, "seq": n},
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("scope", [Everyone(), Person("a#v1"), Session("s1")])
@pytest.mark.parametrize("descending", [True, False])
def test_pages_give_every_event_once_and_in_order(
    store: Store,
    scope: Everyone | Person | Session,
    descending: bool,  # noqa: FBT001  (a parameter of the test)
) -> None:
    events = history(60)
    for start in range(0, 60, 7):
        store.append(received(*events[start : start + 7]))
    selection = Selection(site=SITE, scope=scope, descending=descending)
    whole = store.read(selection, 1000)
    assert whole.resume is None
    positions = [stored.position for stored in whole.events]
    assert positions == sorted(set(positions), reverse=descending)
    wanted = {
        event["messageId"]
        for n, event in enumerate(events)
        if scope == Everyone() or (n % 3 == 1 if isinstance(scope, Person) else n % 4 == 1)
    }
    everything = ids([stored.document for stored in whole.events])
    assert set(everything) == wanted
    for limit in (1, 7, len(everything)):
        assert walk(store, selection, limit) == everything


@pytest.mark.parametrize("scope", [Everyone(), Person("a#v1"), Session("s1")])
def test_filters_and_times_select(store: Store, scope: Everyone | Person | Session) -> None:
    store.append(received(*history(60)))
    plain = Selection(site=SITE, scope=scope)
    everything = [msgspec.json.decode(s.document) for s in store.read(plain, 1000).events]
    since, until = NOON - 60 * MINUTE, NOON - 5 * SECOND
    selection = msgspec.structs.replace(plain, type="screen", path="/1", since=since, until=until)
    expected = [
        event["messageId"]
        for event in everything
        if event["type"] == "screen" and since <= timestamps.parse(event["timestamp"]) < until
    ]
    assert walk(store, selection, 3) == expected
    assert expected
    assert walk(store, msgspec.structs.replace(selection, path="/0"), 3) == []


def test_a_cursor_survives_events_that_arrive_meanwhile(store: Store) -> None:
    first = [wire(NOON - n * SECOND) for n in range(10)]
    store.append(received(*first))
    page = store.read(EVERYONE, 4)
    late = [wire(NOON + SECOND), wire(NOON - 2 * SECOND), wire(NOON - 7 * SECOND)]
    store.append(received(*late))
    rest = walk(store, msgspec.structs.replace(EVERYONE, after=page.resume), 4)
    old = [event["messageId"] for event in first]
    assert ids([stored.document for stored in page.events]) == old[:4]
    assert [found for found in rest if found in old] == old[4:]
    assert late[2]["messageId"] in rest


def test_nothing_leaks_between_sites(store: Store) -> None:
    sent = wire(userId="u", context={"sessionId": "s"}, type="identify", traits={"plan": "pro"})
    assert store.append(received(sent, site="one")) == (1, 0)
    assert store.append(received(sent, site="two")) == (1, 0)
    for scope in (Everyone(), Person("u#u"), Session("s")):
        assert len(store.read(Selection(site="one", scope=scope), 10).events) == 1
        assert store.read(Selection(site="three", scope=scope), 10).events == []
    assert store.links("three", user_id="u") == []
    assert store.traits("three", Person("u#u")) == {}


def test_a_user_answer_includes_what_was_done_before_identify(store: Store) -> None:
    before = [wire(NOON - 3 * SECOND, anonymousId="phone"), wire(NOON - 2 * SECOND)]
    identify = wire(NOON - SECOND, type="identify", userId="u")
    after = wire(NOON, userId="u", anonymousId="v")
    elsewhere = wire(NOON, type="identify", userId="u", anonymousId="phone")
    store.append(received(*before, identify, after, elsewhere, wire(anonymousId="other")))
    mine = Question(site=SITE, user_id="u")
    found = all_of(store, mine, limit=2)
    assert found[-3:] == [identify["messageId"], before[1]["messageId"], before[0]["messageId"]]
    assert set(found[:2]) == {after["messageId"], elsewhere["messageId"]}
    of_device = all_of(store, Question(site=SITE, anonymous_id="v"), limit=2)
    assert of_device == [e["messageId"] for e in (after, identify, before[1])]


def test_failed_events_are_kept_once_and_read_newest_first(store: Store) -> None:
    failed = [
        FailedEvent(
            id=f"f{n}",
            site=SITE,
            received_at=NOON - n * 9 * HOUR,
            field="event",
            reason="is required",
            payload="{}",
        )
        for n in range(7)
    ]
    store.append_failed(failed[:5])
    store.append_failed(failed[3:])
    found: list[FailedEvent] = []
    after = None
    while True:
        page = store.failed(SITE, 2, after)
        found += page.failed
        after = page.resume
        if after is None:
            break
    assert found == failed
    assert store.failed("other", 2).failed == []


def test_failed_events_that_are_forgotten_are_gone_and_no_others(store: Store) -> None:
    failed = [
        FailedEvent(
            id=f"{site}{n}", site=site, received_at=NOON + n, field="", reason="it is", payload="{}"
        )
        for n in range(3)
        for site in (SITE, "other")
        if site == SITE or n == 2
    ]
    store.append_failed(failed)
    store.forget_failed([failed[1].key, failed[1].key, FailedKey(SITE, NOON, "never was")])
    assert store.failed(SITE, 10).failed == [
        f for f in failed[::-1] if f.site == SITE and f != failed[1]
    ]
    assert len(store.failed("other", 10).failed) == 1


def test_a_failed_event_keeps_what_was_known_of_its_request(store: Store) -> None:
    origin = Batch(
        id="b",
        site=SITE,
        received_at=NOON,
        type="page",
        user_agent="Agent/1",
        context=Raw(b'{"a":1}'),
    )
    failed = FailedEvent(
        id="f", site=SITE, received_at=NOON, field="", reason="", payload="{}", origin=origin
    )
    store.append_failed([failed])
    (kept,) = store.failed(SITE, 10).failed
    assert msgspec.json.encode(kept) == msgspec.json.encode(failed)


def test_a_failed_event_too_large_for_an_item_is_not_whole(
    dynamodb_local: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.use(dynamodb_local, monkeypatch)
    store = DynamoDbStore(aws.make_tables(), clock=lambda: NOON)
    payload = random.randbytes(450_000).hex()
    failed = FailedEvent(id="f", site=SITE, received_at=NOON, field="", reason="", payload=payload)
    store.append_failed([failed])
    (kept,) = store.failed(SITE, 10).failed
    assert not kept.whole
    assert payload.startswith(kept.payload)


def test_strange_ids_are_kept_apart(store: Store) -> None:
    strange = ["#", "a#v", "\u0000", "v#", "é" * 256, "%", "_", "😀" * 256, " ", "v\n"]
    for name in strange:
        store.append(received(wire(anonymousId=name, messageId=name, userId=None)))
    for name in strange:
        assert all_of(store, Question(site=SITE, anonymous_id=name)) == [name]
    assert sorted(walk(store, EVERYONE, 3)) == sorted(strange)


def test_the_first_and_the_last_instants_are_kept(store: Store) -> None:
    first, last = wire(timestamps.EARLIEST), wire(timestamps.LATEST)
    store.append(received(first, last, at=timestamps.LATEST))
    assert walk(store, EVERYONE, 1) == [last["messageId"], first["messageId"]]
    bounds = msgspec.structs.replace(EVERYONE, since=timestamps.EARLIEST, until=timestamps.LATEST)
    assert walk(store, bounds, 1) == [first["messageId"]]


def test_retries_that_arrive_at_the_same_time_are_stored_once(store: Store) -> None:
    """Each sender's clock says another time, so each would put the event elsewhere."""
    sent = [wire(NOON - n * SECOND, context={"sessionId": "s", "seq": n + 1}) for n in range(12)]

    def retry(number: int) -> None:
        clock = NOON + (number - 4) * HOUR
        store.append(received(*sent, at=NOON + MINUTE, sent=clock))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(retry, range(8)))
    expected = sorted(event["messageId"] for event in sent)
    for scope in (Everyone(), Person("a#v"), Session("s")):
        found = walk(store, Selection(site=SITE, scope=scope), 5)
        assert sorted(found) == expected


def test_a_retry_that_stores_nothing_moves_no_link(store: Store) -> None:
    """C's clock is slow: by the retry's sentAt C was there before B, by what is stored after."""
    slow = 160 * MINUTE
    store.append(received(wire(NOON - 2 * HOUR, userId="B"), at=NOON + HOUR))
    between = wire(NOON - HOUR)
    identify = wire(NOON, type="identify", userId="C")
    store.append(received(between, identify, at=NOON + HOUR))
    retry = received(identify, at=NOON + HOUR, sent=NOON + HOUR + slow)
    assert store.append(retry) == (0, 1)
    assert all_of(store, Question(site=SITE, user_id="C")) == [
        identify["messageId"],
        between["messageId"],
    ]


def test_a_site_list_misses_nothing_when_messages_are_grouped_anew(store: Store) -> None:
    """SQS gives messages again in other batches, after a write that stopped half-way too."""
    first, last = wire(NOON), wire(NOON + 9 * SECOND)
    one, other = wire(NOON + 3 * SECOND), wire(NOON + 5 * SECOND)
    store.append(received(first, one, last))
    store.append(received(first, other, last))
    assert walk(store, EVERYONE, 2) == [e["messageId"] for e in (last, other, one, first)]


def test_the_longest_ids_are_kept(store: Store) -> None:
    """256 characters of four bytes each are more than a sort key of DynamoDB's holds."""
    user, visitor = "😀" * 256, "🚲" * 256
    before = wire(NOON - SECOND, anonymousId=visitor, context={"sessionId": user})
    identify = wire(NOON, type="identify", anonymousId=visitor, userId=user)
    store.append(received(before, identify))
    both = [identify["messageId"], before["messageId"]]
    assert all_of(store, Question(site=SITE, user_id=user)) == both
    assert all_of(store, Question(site=SITE, anonymous_id=visitor)) == both
    assert all_of(store, Question(site=SITE, session_id=user)) == both[1:]
    assert [link.anonymous_id for link in store.links(SITE, user_id=user)] == [visitor]


def test_the_counter_of_a_batchs_context_is_no_part_of_an_events_identity(store: Store) -> None:
    sent = Raw(msgspec.json.encode(wire()))
    for seq in (1, 2):
        context = Raw(msgspec.json.encode({"seq": seq}))
        batch = Batch(id=f"b{seq}", site=SITE, received_at=NOON, context=context, events=[sent])
        store.append(batch.read())
    assert len(walk(store, VISITOR, 10)) == 1
