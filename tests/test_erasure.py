"""Who is erased is gone everywhere, and does not come back; on every store and queue."""

import base64
import random
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest
from msgspec import Raw

from tests import aws
from tests.asking import all_of
from tests.events import HOUR, MINUTE, NOON, SECOND, SITE, ids, received, wire
from tracker import activity, erasure, identity
from tracker.activity import Question
from tracker.batch import Batch, Rejection
from tracker.consumer import consume
from tracker.erasure import Erased, Erasure
from tracker.errors import StoreUnavailable
from tracker.profile import profile
from tracker.queues import Queue
from tracker.queues.sqlite import SqliteQueue
from tracker.queues.sqs import SqsQueue
from tracker.stores import NO_SITE, Everyone, FailedEvent, Selection, Session, Store
from tracker.stores.dynamodb import listing
from tracker.stores.dynamodb import write as dynamodb_write
from tracker.stores.dynamodb.compression import decompress
from tracker.stores.dynamodb.store import DynamoDbStore
from tracker.stores.sqlite.store import SqliteStore

EVERYONE = Selection(site=SITE, scope=Everyone())
NOW = NOON + HOUR


@pytest.fixture
def queue(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> Queue:
    """SQS where the engine has it. A message that is not finished is dead at once."""
    if request.node.callspec.params["store"] == "ministack":
        return SqsQueue(aws.make_queue(visibility_seconds=0, max_receives=1))
    return SqliteQueue(tmp_path / "queue.db", visibility_seconds=0, max_receives=1)


def erase(store: Store, queue: Queue, user_id: str, now: int = NOW, site: str = SITE) -> Erased:
    whole = Erasure(store, queue, site, user_id)
    for _ in whole.steps(now):
        pass
    assert whole.erased.complete
    return whole.erased


def of_user(store: Store, user_id: str) -> list[str]:
    return all_of(store, Question(site=SITE, user_id=user_id, descending=False))


def listed(store: Store) -> list[str]:
    return ids([stored.document for stored in store.read(EVERYONE, 1000).events])


def kept(store: Store, folder: Path) -> str:
    """All that a store holds, as far as it can be read as text."""
    if isinstance(store, SqliteStore):
        connection = sqlite3.connect(folder / "store.db")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return "".join(
            file.read_bytes().decode(errors="replace") for file in folder.glob("store.db*")
        )
    assert isinstance(store, DynamoDbStore)
    texts: list[str] = []
    for model in store.tables:
        for item in model.scan():
            body = bytes(item.body or b"")
            if body[:1] == b"\1":
                body = decompress(body)
            texts += [item.pk, item.sk, body.decode(errors="replace")]
    return "\n".join(texts)


def life(name: str, at: int = NOON) -> list[dict[str, Any]]:
    """What somebody does: two devices, a session on each, traits, an alias."""
    session = {"sessionId": f"session-of-{name}"}
    return [
        wire(at, anonymousId=f"phone-of-{name}", context=session),
        wire(at + 1, anonymousId=f"phone-of-{name}", userId=name, context=session),
        wire(at + 2, anonymousId=f"laptop-of-{name}"),
        wire(
            at + 3,
            type="identify",
            anonymousId=f"laptop-of-{name}",
            userId=f"{name}-2",
            traits={"email": f"{name}@example.org"},
        ),
        wire(at + 4, type="alias", anonymousId=None, userId=f"{name}-2", previousId=name),
        wire(at + 5, type="track", event="Paid", anonymousId=None, userId=name),
        wire(at - 25 * HOUR, anonymousId=f"phone-of-{name}", userId=name),
    ]


@pytest.mark.parametrize("asked", ["grace", "grace-2"])
def test_nothing_of_a_person_is_left_and_all_of_others_is(
    store: Store, queue: Queue, tmp_path: Path, asked: str
) -> None:
    theirs, others = life("grace"), life("bob")
    mixed = [event for pair in zip(theirs, others, strict=True) for event in pair]
    store.append(received(*mixed[:6], at=NOON + MINUTE))
    store.append(received(*mixed[6:], at=NOON + MINUTE))
    before = of_user(store, "bob"), profile(store, SITE, "bob-2")
    assert len(of_user(store, "grace")) == 7
    erased = erase(store, queue, asked)
    assert sorted(erased.user_ids) == ["grace", "grace-2"]
    assert erased.anonymous_ids == ["laptop-of-grace", "phone-of-grace"]
    assert erased.events == 7
    assert of_user(store, "grace") == of_user(store, "grace-2") == []
    assert profile(store, SITE, "grace") is None
    assert store.read(Selection(site=SITE, scope=Session("session-of-grace")), 9).events == []
    assert sorted(listed(store)) == sorted(event["messageId"] for event in others)
    assert (of_user(store, "bob"), profile(store, SITE, "bob-2")) == before
    assert "grace" not in kept(store, tmp_path)
    assert "bob" in kept(store, tmp_path)


def test_what_comes_again_or_late_or_was_queued_stays_out_and_what_is_new_is_kept(
    store: Store, queue: Queue, tmp_path: Path
) -> None:
    theirs = life("grace")
    store.append(received(*theirs, at=NOON + MINUTE))
    erase(store, queue, "grace")
    late = [
        wire(NOON + 7, userId="grace"),
        wire(NOON + 8, anonymousId="phone-of-grace"),
        wire(NOON + 8, anonymousId="phone-of-grace", context={"sessionId": "session-of-grace"}),
        wire(
            NOON + 8, type="identify", anonymousId="laptop-of-grace", traits={"city": "Graceland"}
        ),
        wire(NOON + 9, type="alias", anonymousId=None, userId="eve", previousId="grace"),
    ]
    assert store.append(received(*theirs, *late, at=NOW + HOUR)) == (0, 0)
    assert store.append(received(wire(NOW + 5 * HOUR, userId="grace"), at=NOW - SECOND)) == (0, 0)
    assert listed(store) == []
    assert of_user(store, "eve") == []
    assert "grace" not in kept(store, tmp_path).lower()
    new = [
        wire(NOW + SECOND, anonymousId="phone-of-grace", context={"sessionId": "session-of-grace"}),
        wire(NOW + 2 * SECOND, anonymousId="phone-of-grace", userId="grace"),
    ]
    assert store.append(received(*new, at=NOW + HOUR)) == (2, 0)
    assert of_user(store, "grace") == [event["messageId"] for event in new]
    assert len(store.read(Selection(site=SITE, scope=Session("session-of-grace")), 9).events) == 1


def _stop(*_: object, **__: object) -> NoReturn:
    raise StoreUnavailable("it has stopped")


def test_what_a_late_event_shows_to_have_been_theirs_goes_too(
    store: Store, queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that was offline all the time: nobody knew whose it was."""
    store.append(received(wire(NOON, userId="grace")))
    early = wire(NOON + 1, anonymousId="handheld")
    others = wire(NOON + 1, anonymousId="other")
    store.append(received(early, others, at=NOON + MINUTE))
    erase(store, queue, "grace")
    assert early["messageId"] in listed(store)
    late = Batch(
        id="late",
        site=SITE,
        received_at=NOW + HOUR,
        events=[
            Raw(msgspec.json.encode(event))
            for event in (
                wire(NOON + 2, anonymousId="handheld", userId="grace"),
                wire(NOON + 3, anonymousId="handheld"),
            )
        ],
    )
    with monkeypatch.context() as stopping:
        stopping.setattr(store, "erase", _stop)  # after the device has its tombstone
        with pytest.raises(StoreUnavailable):
            consume([late.encode()], store)
    consume([late.encode()], store)
    consume([late.encode()], store)
    assert listed(store) == [others["messageId"]]
    assert "handheld" not in kept(store, tmp_path)
    new = wire(NOW + SECOND, anonymousId="handheld")
    store.append(received(new, at=NOW + HOUR))
    assert sorted(listed(store)) == sorted([others["messageId"], new["messageId"]])


def test_on_a_shared_computer_only_the_persons_own_time_goes(store: Store, queue: Queue) -> None:
    kinds = [(None, 0), ("grace", 1), (None, 2), ("bob", 3), (None, 4)]
    events = [wire(NOON + second * SECOND, userId=user) for user, second in kinds]
    store.append(received(*events, at=NOON + MINUTE))
    sent = [event["messageId"] for event in events]
    erase(store, queue, "grace")
    assert of_user(store, "bob") == sent[2:]
    store.append(received(*events, wire(NOON - SECOND), at=NOW + HOUR))
    assert of_user(store, "bob") == sent[2:]
    erase(store, queue, "bob")
    assert listed(store) == []
    store.append(received(*events, at=NOW + HOUR))
    assert listed(store) == []


def queued(*events: dict[str, Any], at: int) -> bytes:
    raw = [Raw(msgspec.json.encode(event)) for event in events]
    return Batch(id=f"b{at}", site=SITE, received_at=at, events=raw).encode()


@pytest.mark.parametrize("again", [0, 3])
def test_what_comes_again_of_theirs_takes_nothing_of_who_used_the_device_as_well(
    store: Store, queue: Queue, again: int
) -> None:
    """Since when they were seen with it decides whose the rest is; the link is gone."""
    kinds = ["grace", "bob", None, "grace"]
    events = [wire(NOON + n * SECOND, userId=user) for n, user in enumerate(kinds)]
    store.append(received(*events, at=NOON + MINUTE))
    erase(store, queue, "grace")
    left = [events[1]["messageId"], events[2]["messageId"]]
    assert of_user(store, "bob") == left
    consume([queued(events[again], at=NOON + MINUTE)], store)
    consume([queued(*events, at=NOW + HOUR)], store)
    assert of_user(store, "bob") == left
    assert sorted(listed(store)) == sorted(left)


@pytest.mark.parametrize("order", [1, -1])
def test_who_comes_back_does_not_bring_the_past_of_a_device_along(
    store: Store, queue: Queue, order: int
) -> None:
    store.append(received(wire(NOON, userId="grace", anonymousId="old")))
    erase(store, queue, "grace")
    late = [wire(NOON + 1, userId="grace"), wire(NOON + 2)]
    new = wire(NOW + MINUTE, userId="grace")
    for sent in [late, [new]][::order]:
        consume([queued(*sent, at=NOW + HOUR)], store)
    assert of_user(store, "grace") == listed(store) == [new["messageId"]]


def test_who_used_the_device_as_well_keeps_their_sessions(store: Store, queue: Queue) -> None:
    theirs = wire(NOON, userId="grace")
    store.append(received(theirs, at=NOON + 1))
    erase(store, queue, "grace")
    offline = [wire(NOON + n * SECOND, userId="bob") for n in (1, 2)]
    store.append(received(*offline, at=NOW + HOUR))
    consume([queued(theirs, at=NOON + 1)], store)
    found = activity.events(store, Question(site=SITE, user_id="bob"), 9).events
    sessions = [msgspec.json.decode(one.document)["context"].get("sessionId") for one in found]
    assert len(sessions) == 2
    assert len(set(sessions)) == 1
    assert sessions[0]


def test_a_late_alias_shows_a_device_to_have_been_theirs(store: Store, queue: Queue) -> None:
    before = wire(NOON, anonymousId="kiosk")
    store.append(received(before, wire(NOON, userId="grace", anonymousId=None)))
    erase(store, queue, "grace")
    assert listed(store) == [before["messageId"]]
    alias = wire(NOON + 1, type="alias", anonymousId=None, userId="grace", previousId="kiosk")
    consume([queued(alias, at=NOW + HOUR)], store)
    assert listed(store) == []


@pytest.mark.parametrize("stop", range(9))
def test_stopped_at_any_step_it_is_completed_by_the_same_again(
    store: Store, queue: Queue, tmp_path: Path, stop: int
) -> None:
    store.append(received(*life("grace"), *life("bob"), at=NOON + MINUTE))
    for done, _ in enumerate(Erasure(store, queue, SITE, "grace").steps(NOW)):
        if done == stop:
            break
    asked = "grace-2"
    erase(store, queue, asked if identity.user_ids(store, SITE, asked)[1:] else "grace")
    assert "phone-of-grace" not in kept(store, tmp_path)
    assert "grace@example.org" not in kept(store, tmp_path)
    assert len(of_user(store, "bob")) == 7
    again = erase(store, queue, "grace")
    assert (again.events, again.failed_events, again.dead_letters) == (0, 0, 0)


def test_who_was_never_seen_is_erased_for_what_is_still_queued(store: Store, queue: Queue) -> None:
    assert erase(store, queue, "nobody").events == 0
    assert store.append(received(wire(userId="nobody"))) == (0, 0)


def test_somebody_of_the_same_name_on_another_site_is_somebody_else(
    store: Store, queue: Queue
) -> None:
    event = wire(userId="grace", context={"sessionId": "s"})
    for site in (SITE, "other"):
        store.append(received(event, site=site))
    erase(store, queue, "grace", site="other")
    assert of_user(store, "grace") == [event["messageId"]]
    assert store.append(received(event, site="other")) == (0, 0)
    assert len(store.read(Selection(site=SITE, scope=Session("s")), 9).events) == 1


def test_a_long_timeline_goes_in_steps(store: Store, queue: Queue) -> None:
    for first in range(0, 1200, 300):
        events = [wire(NOON + n * SECOND, userId="grace") for n in range(first, first + 300)]
        store.append(received(*events, wire(NOON + first), at=NOON + HOUR))
    steps = list(Erasure(store, queue, SITE, "grace").steps(NOW))
    assert len(steps) > 3
    assert steps[-1].events == 1204  # what the visitor did before is theirs
    assert listed(store) == []


@pytest.mark.parametrize("store", ["dynamodb_local"], indirect=True)
@pytest.mark.parametrize("calls", range(5))
def test_what_is_read_elsewhere_than_it_is_stored_goes_wherever_the_erasing_stops(
    store: Store, queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """Events without a time of their own; stopped before the first to the fifth batch of writes."""
    assert isinstance(store, DynamoDbStore)
    events = [wire(None, userId="grace", anonymousId="phone-of-grace") for _ in range(3)]
    store.append(received(*events, at=NOON + MINUTE))
    batch_write = store.tables.events.batch_write
    begun: list[int] = []

    def stopping(**how: Any) -> Any:
        begun.append(1)
        if len(begun) > calls:
            raise StoreUnavailable("it has stopped")
        return batch_write(**how)

    with monkeypatch.context() as patch:
        patch.setattr(store.tables.events, "batch_write", stopping)
        with suppress(StoreUnavailable):
            erase(store, queue, "grace")
    erase(store, queue, "grace")
    assert "grace" not in kept(store, tmp_path)


@pytest.mark.parametrize("store", ["dynamodb_local"], indirect=True)
def test_where_a_try_that_stopped_had_placed_an_event_nothing_is_left(
    store: Store, queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same message by another request: it is stored once, and was listed twice."""
    event = wire(None, userId="grace")
    with monkeypatch.context() as stopping:
        stopping.setattr(dynamodb_write, "events", _stop)
        with pytest.raises(StoreUnavailable):
            store.append(received(event, at=NOON + MINUTE))
    assert store.append(received(event, at=NOON + HOUR)) == (1, 0)
    erase(store, queue, "grace", NOON + 2 * HOUR)
    assert "grace" not in kept(store, tmp_path)


def test_a_failed_event_that_was_kept_just_before_a_stop_goes_with_the_next_try(
    store: Store, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = rejected(failing("theirs", userId="grace"))
    looked: list[int] = []

    def meanwhile(*_: object) -> list[FailedEvent]:
        looked.append(1)
        if len(looked) == 1:
            return []
        erase(store, queue, "grace")
        store.append_failed(found)  # the eraser has come first
        raise StoreUnavailable("it has stopped")

    consume([message], store)
    found = store.failed(SITE, 9).failed
    assert len(found) == 1
    with monkeypatch.context() as stopping:
        stopping.setattr(erasure, "erased_among", meanwhile)
        with pytest.raises(StoreUnavailable):
            consume([message], store)
    assert len(store.failed(SITE, 9).failed) == 1
    consume([message], store)
    assert store.failed(SITE, 9).failed == []


BROKEN = [
    '{"user_id": "grace"}',
    '{"userId": ["grace"]}',
    '{"userId": {"id": "grace"}, "anonymousId": "somebody"}',
    '{"UserID": "grace", "x": NaN}',
    '[{"userId": "grace"}]',
    '{"anonymousId": ["phone-of-grace"]}',
]
"""Failed events that name her otherwise than they should."""


def failing(name: str, **members: Any) -> Rejection:
    payload = msgspec.json.encode({"type": "track", **members}).decode()
    return Rejection(index=0, field="event", reason="is required", payload=payload)


def rejected(*rejections: Rejection, at: int = NOON) -> bytes:
    numbered = [msgspec.structs.replace(one, index=n) for n, one in enumerate(rejections)]
    return Batch(id=f"b{at}", site=SITE, received_at=at, rejected=numbered).encode()


def test_failed_events_of_theirs_go_and_no_more_come(store: Store, queue: Queue) -> None:
    store.append(received(*life("grace"), at=NOON + MINUTE))
    theirs = [
        failing("by user", userId="grace"),
        failing("by device", anonymousId="phone-of-grace"),
        failing("by alias", userId="eve", previousId="grace-2"),
        Rejection(index=0, field="", reason="not JSON", payload='{"userId": "grace", "type'),
        *(Rejection(index=0, field="userId", reason="", payload=one) for one in BROKEN),
    ]
    others = [
        failing("bob", userId="bob"),
        failing("bob on it", userId="bob", anonymousId="phone-of-grace"),
        Rejection(index=0, field="", reason="not JSON", payload="{"),
        Rejection(index=0, field="", reason="must be an object", payload="[1]"),
        failing("about her", userId="bob", properties={"to": "grace", "user_id": "grace"}),
        failing("about her, too", anonymousId="of-bob", properties={"user_id": "grace"}),
    ]
    consume([rejected(*theirs, *others)], store)
    consume([f'{{"site":"{SITE}","events":[{{"userId":"grace"}}'.encode()], store, lambda: NOON)
    consume([b'{"site":"other","events":[{"userId":"grace"}'], store, lambda: NOON)
    assert erase(store, queue, "grace").failed_events == len(theirs) + 1
    payloads = [failed.payload for failed in store.failed(SITE, 100).failed]
    assert sorted(payloads) == sorted(one.payload for one in others)
    assert len(store.failed(NO_SITE, 100).failed) == 1
    old = failing("late", userId="grace", originalTimestamp="2026-11-22T11:00:00Z")
    new = failing("new", userId="grace", originalTimestamp="2026-11-23T11:00:00Z")
    consume([rejected(old, new, at=NOW + 24 * HOUR)], store)
    payloads = [failed.payload for failed in store.failed(SITE, 100).failed]
    assert (old.payload in payloads, new.payload in payloads) == (False, True)
    consume([rejected(*theirs[-len(BROKEN) :], at=NOW - HOUR)], store)
    assert len(store.failed(SITE, 100).failed) == len(payloads), "late ones that name her"


def dead(queue: Queue, *messages: bytes) -> None:
    """Make dead letters."""
    queue.send(messages)
    while queue.depth().waiting + queue.depth().in_flight:
        queue.receive(10, 0)


def test_dead_letters_lose_what_is_theirs_and_nothing_else(store: Store, queue: Queue) -> None:
    store.append(received(*life("grace"), at=NOON + MINUTE))
    mine, others = wire(NOON, userId="grace"), [wire(NOON, userId="bob") for _ in range(3)]
    raw = [Raw(msgspec.json.encode(event)) for event in (others[0], mine, *others[1:])]
    mixed = Batch(id="mixed", site=SITE, received_at=NOON, events=raw, rejected=[failing("x")])
    only = Batch(id="only", site=SITE, received_at=NOON, events=[raw[1]])
    elsewhere = Batch(id="elsewhere", site="other", received_at=NOON, events=[raw[1]])
    unreadable = f'{{"site":"{SITE}", "userId":"grace"'.encode()
    dead(queue, mixed.encode(), only.encode(), elsewhere.encode(), unreadable, b"{")
    assert queue.depth().dead == 5
    assert erase(store, queue, "grace").dead_letters == 3
    assert sum(queue.redrive()) == queue.depth().waiting
    consume([message.body for message in queue.receive(10, 1)], store)
    assert sorted(of_user(store, "bob")) == sorted(event["messageId"] for event in others)
    assert of_user(store, "grace") == []
    assert [failed.id for failed in store.failed(SITE, 9).failed] == ["mixed-r0"]
    assert len(store.failed(NO_SITE, 9).failed) == 1
    assert len(store.read(Selection(site="other", scope=Everyone()), 9).events) == 1


def test_of_two_equal_dead_letters_each_loses_what_is_theirs(store: Store, queue: Queue) -> None:
    raw = [Raw(msgspec.json.encode(wire(NOON, userId=one))) for one in ("grace", "bob")]
    both = Batch(id="both", site=SITE, received_at=NOON, events=raw).encode()
    dead(queue, both, both)
    assert erase(store, queue, "grace").dead_letters == 2
    assert sum(queue.redrive()) == 2
    left = [message.body for _ in range(2) for message in queue.receive(1, 1)]
    assert [(b"bob" in body, b"grace" in body) for body in left] == [(True, False)] * 2


def test_who_is_erased_while_their_events_are_stored_is_gone(
    store: Store, queue: Queue, tmp_path: Path
) -> None:
    """Whatever the one and the other do first: nothing that tells of them is left."""
    traits = {"email": "grace@example.org"}
    events = [
        event
        for n in range(0, 60, 3)
        for event in (
            wire(NOON + n, anonymousId="phone-of-grace"),
            wire(NOON + n + 1, anonymousId="phone-of-grace", context={"sessionId": f"grace-{n}"}),
            wire(
                NOON + n + 2,
                type="identify",
                userId="grace",
                anonymousId="tab-grace",
                traits=traits,
            ),
            wire(
                NOON + n + 2, type="alias", userId=f"grace-{n}", anonymousId="v", previousId="grace"
            ),
        )
    ]
    random.Random(1).shuffle(events)
    store.append(
        received(wire(NOON, userId="grace", anonymousId="phone-of-grace"), at=NOON + MINUTE)
    )

    def write() -> None:
        for n in range(0, len(events), 4):
            store.append(received(*events[n : n + 4], at=NOON + MINUTE))

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    erase(store, queue, "grace")
    for writer in writers:
        writer.join()
    assert of_user(store, "grace") == []
    assert listed(store) == []
    assert "grace" not in kept(store, tmp_path)


@pytest.mark.parametrize("store", ["dynamodb_local"], indirect=True)
def test_two_who_are_taken_out_of_one_listing_entry_at_once_are_both_gone(
    store: Store, queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [wire(NOON, userId="grace"), wire(NOON + 1, userId="hedy"), wire(NOON + 2, userId="ada")]
    store.append(received(*both, at=NOON + MINUTE))
    without = listing.without

    def meanwhile(*entry: Any) -> bytes | None:
        """The other is taken out between the reading of the entry and the writing of it."""
        monkeypatch.setattr(listing, "without", without)
        erase(store, queue, "hedy")
        return without(*entry)

    monkeypatch.setattr(listing, "without", meanwhile)
    erase(store, queue, "grace")
    assert len(listed(store)) == 1
    text = kept(store, tmp_path)
    assert "ada" in text
    assert "grace" not in text
    assert "hedy" not in text


@pytest.mark.parametrize("store", ["dynamodb_local"], indirect=True)
def test_who_is_erased_while_another_is_taken_back_is_gone(
    store: Store, queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What leads to the rest of a batch is written again, when some of it was erased."""
    erase(store, queue, "grace")
    entries = listing.entries
    written: list[int] = []

    def meanwhile(events: Any) -> Any:
        written.append(len(events))
        if len(written) == 2:
            erase(store, queue, "hedy", NOW + HOUR)
        return entries(events)

    monkeypatch.setattr(listing, "entries", meanwhile)
    store.append(
        received(wire(NOON, userId="grace"), wire(NOON + 1, userId="hedy"), at=NOON + MINUTE)
    )
    assert written[:2] == [2, 1]
    assert listed(store) == []
    text = kept(store, tmp_path)
    assert "grace" not in text
    assert "hedy" not in text


def test_the_tombstone_does_not_name_whom_it_is_about(
    store: Store, queue: Queue, tmp_path: Path
) -> None:
    erase(store, queue, "somebody@example.org")
    text = kept(store, tmp_path)
    assert "somebody" not in text
    assert base64.b64encode(b"u#somebody@example.org").decode() not in text
