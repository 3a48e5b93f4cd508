"""Failed events, sent through again: nothing is lost, nothing is stored twice, whoever stops."""

import random
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from msgspec import Raw, structs

from tests import aws
from tests.events import NOON, SECOND, SITE, ids, wire
from tracker import consumer, timestamps
from tracker.batch import Batch, Rejection
from tracker.collector import Collector
from tracker.config import Config, Keys, Site
from tracker.consumer import consume
from tracker.errors import NeverStorable, QueueUnavailable
from tracker.event import Event
from tracker.http import Pending, Request
from tracker.queues import Depth, Message, Queue
from tracker.queues.sqlite import SqliteQueue
from tracker.queues.sqs import SqsQueue
from tracker.replay import STEP, Chosen, Step, failed_events
from tracker.stores import NO_SITE, Appended, Everyone, FailedEvent, Selection, Store, traits
from tracker.stores.dynamodb.store import DynamoDbStore
from tracker.stores.sqlite.store import SqliteStore
from tracker.stores.tombstones import Tombstone


class Kit(NamedTuple):
    """A queue and a store, each of which can be opened again."""

    open_queue: Callable[[], Queue]
    open_store: Callable[[], Store]

    @property
    def store(self) -> Store:
        return self.open_store()

    def replay(self, chosen: Chosen | None = None) -> list[Step]:
        return list(failed_events(self.store, self.open_queue(), chosen or Chosen(SITE)))

    def consume(self) -> None:
        """Store all that is queued."""
        queue = self.open_queue()
        consumer.run(queue, self.store, lambda: queue.depth()[:2] == (0, 0))

    def documents(self) -> list[bytes]:
        return [
            one.document
            for one in self.store.read(Selection(site=SITE, scope=Everyone()), 1000).events
        ]

    def failed(self, site: str = SITE) -> list[FailedEvent]:
        return self.store.failed(site, 1000).failed


@pytest.fixture(params=["embedded", "aws"])
def kit(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kit:
    if request.param == "embedded":
        return embedded(tmp_path)
    aws.use(request.getfixturevalue("ministack"), monkeypatch)
    url = aws.make_queue()
    local = request.getfixturevalue("dynamodb_local")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", local.url)
    prefix = aws.make_tables()
    return Kit(lambda: SqsQueue(url), lambda: DynamoDbStore(prefix, clock=at_noon))


def embedded(folder: Path) -> Kit:
    return Kit(
        lambda: SqliteQueue(folder / "queue.db"),
        lambda: SqliteStore(folder / "store.db", clock=at_noon),
    )


def at_noon() -> int:
    """The stores' clock."""
    return NOON


def refused(*payloads: object, **members: Any) -> list[FailedEvent]:
    """What the consumer keeps of events that the collector of an earlier version refused."""
    queued = Batch(
        id=uuid.uuid4().hex,
        site=SITE,
        received_at=NOON,
        rejected=[
            Rejection(n, "event", "was not understood", msgspec.json.encode(payload).decode())
            for n, payload in enumerate(payloads)
        ],
        **members,
    )
    kept = Keeping()
    consume([queued.encode()], kept)
    return kept.failed_events


class Keeping(SqliteStore):
    """A store that tells what it was given."""

    def __init__(self) -> None:
        super().__init__(Path(":memory:"))
        self.failed_events: list[FailedEvent] = []

    def append_failed(self, failed: Sequence[FailedEvent]) -> None:
        self.failed_events += failed

    def tombstones(self, site: str, persons: Collection[str]) -> dict[str, list[Tombstone]]:  # noqa: ARG002
        return {}  # there is no file to look into


def test_an_event_that_is_valid_now_is_stored_as_if_it_had_been_then(kit: Kit) -> None:
    sent = wire(NOON - SECOND, context={"page": {"path": "/a"}})
    del sent["type"]
    about: dict[str, Any] = {
        "sent_at": timestamps.format(NOON),
        "type": "page",
        "ip": "203.0.113.0",
        "user_agent": "Agent/1",
        "context": Raw(b'{"locale":"de","seq":3}'),
    }
    kit.store.append_failed(refused(sent, **about))
    assert [step[:2] for step in kit.replay()] == [(1, 1)]
    kit.consume()
    then = Batch(
        id="then", site=SITE, received_at=NOON, events=[Raw(msgspec.json.encode(sent))], **about
    )
    (document,) = kit.documents()
    assert msgspec.json.decode(document) == msgspec.json.decode(then.read()[0].document)
    assert kit.failed() == []


def test_an_event_that_is_still_wrong_stays_once_and_says_why(kit: Kit) -> None:
    before = refused({"type": "track", "anonymousId": "v"})
    kit.store.append_failed(before)
    for _ in range(2):
        (step,) = kit.replay()
        assert step.replayed == 0
        assert [(one.id, one.field) for one in step.rejected] == [(before[0].id, "event")]
    assert kit.open_queue().depth()[:2] == (0, 0)
    assert kit.failed() == before


def test_done_twice_and_at_the_same_time_each_is_stored_once(kit: Kit) -> None:
    sent = [wire(NOON + n * SECOND, messageId=None) for n in range(20)]
    kit.store.append_failed(refused(*sent))
    threads = [threading.Thread(target=kit.replay) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kit.replay()
    kit.consume()
    kit.replay()
    kit.consume()
    assert len(set(ids(kit.documents()))) == len(kit.documents()) == 20
    assert kit.failed() == []


def test_many_are_sent_in_steps_and_what_is_wrong_among_them_stays(kit: Kit) -> None:
    count = STEP * 2 + 5
    payloads = [wire(NOON + n * SECOND) if n % 2 else {"n": n} for n in range(count)]
    kit.store.append_failed(refused(*payloads))
    steps = kit.replay()
    assert [step.looked_at for step in steps] == [STEP, STEP, 5]
    assert sum(step.replayed for step in steps) == count // 2
    kit.consume()
    assert len(kit.documents()) == count // 2
    assert len(kit.failed()) == count - count // 2


def test_one_can_go_on_after_a_place(kit: Kit) -> None:
    kit.store.append_failed(refused(*(wire(NOON + n * SECOND) for n in range(7))))
    place = None
    looked_at = []
    while True:
        (step,) = kit.replay(Chosen(SITE, place, 3))
        looked_at.append(step.looked_at)
        place = step.resume
        if place is None:
            break
    assert looked_at == [3, 3, 1]
    kit.consume()
    assert len(kit.documents()) == 7


def test_only_those_of_some_ids(kit: Kit) -> None:
    kept = refused(*(wire(NOON + n * SECOND) for n in range(5)))
    kit.store.append_failed(kept)
    chosen = [kept[1].id, kept[3].id, "of nothing that failed"]
    steps = kit.replay(Chosen(SITE, ids=chosen))
    assert sum(step.replayed for step in steps) == 2
    kit.consume()
    assert {one.id for one in kit.failed()} == {kept[n].id for n in (0, 2, 4)}


def test_no_other_sites_events_are_sent(kit: Kit) -> None:
    kit.store.append_failed(refused(wire()))
    assert kit.replay(Chosen("other")) == [Step(0, 0, [], None)]
    assert len(kit.failed()) == 1


class Breaking:
    """A queue that is lost after it took some of the messages: the answer does not come."""

    def __init__(self, queue: Queue, sends: int) -> None:
        self._queue = queue
        self._sends = sends

    def send(self, bodies: Sequence[bytes]) -> None:
        if not self._sends:
            self._queue.send(bodies[: len(bodies) // 2])
            raise QueueUnavailable("the answer was lost")
        self._sends -= 1
        self._queue.send(bodies)

    def receive(self, limit: int, wait: float) -> list[Message]:
        return self._queue.receive(limit, wait)

    def delete(self, receipts: Sequence[str]) -> None:
        self._queue.delete(receipts)

    def release(self, receipts: Sequence[str]) -> None:
        self._queue.release(receipts)

    def redrive(self) -> Iterator[int]:
        return self._queue.redrive()

    def edit_dead_letters(self, edit: Callable[[bytes], Sequence[bytes]]) -> Iterator[int]:
        return self._queue.edit_dead_letters(edit)

    def depth(self) -> Depth:
        return self._queue.depth()


def test_a_queue_that_is_lost_half_way_loses_nothing_and_stores_nothing_twice(kit: Kit) -> None:
    count = STEP + 20
    kit.store.append_failed(refused(*(wire(NOON + n * SECOND) for n in range(count))))
    breaking = Breaking(kit.open_queue(), sends=1)
    with pytest.raises(QueueUnavailable):
        list(failed_events(kit.store, breaking, Chosen(SITE)))
    kit.consume()
    assert len(kit.documents()) == STEP + 10
    assert len(kit.failed()) == 10
    kit.replay()
    kit.consume()
    assert len(set(ids(kit.documents()))) == len(kit.documents()) == count
    assert kit.failed() == []


def test_a_message_that_can_be_read_now_goes_through(kit: Kit) -> None:
    message = Batch(
        id="b", site=SITE, received_at=NOON, events=[Raw(msgspec.json.encode(wire()))]
    ).encode()
    unreadable = FailedEvent(
        id="m", site=NO_SITE, received_at=NOON, field="", reason="", payload=message.decode()
    )
    garbage = structs.replace(unreadable, id="n", payload="garbage")
    kit.store.append_failed([unreadable, garbage])
    (step,) = kit.replay(Chosen(NO_SITE))
    assert (step.replayed, [one.id for one in step.rejected]) == (1, ["n"])
    assert "not a message" in step.rejected[0].reason
    kit.consume()
    assert len(kit.documents()) == 1
    assert [one.id for one in kit.failed(NO_SITE)] == ["n"]


class Full(SqliteStore):
    """A store that has no room for events that identify anybody, until it has."""

    room = False

    def append(self, events: Sequence[Event]) -> Appended:
        if not self.room and any(event.type == "identify" for event in events):
            raise NeverStorable("there is no room")
        return super().append(events)


def test_what_could_not_be_stored_keeps_its_id_and_is_stored_when_it_can_be(
    tmp_path: Path,
) -> None:
    sent = [wire(None, type="identify", userId="u", messageId=None) for _ in range(3)]
    raw = [Raw(msgspec.json.encode(event)) for event in (wire(messageId=None), *sent)]
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    message = Batch(id="b", site=SITE, received_at=NOON, events=raw, user_agent=agent).encode()
    queue, store = SqliteQueue(tmp_path / "queue.db"), Full(tmp_path / "store.db", clock=at_noon)
    assert consume([message], store) == (1, 0, 3)
    before = store.failed(SITE, 10).failed
    for room in (False, True):
        store.room = room
        assert [step.replayed for step in failed_events(store, queue, Chosen(SITE))] == [3]
        consumer.run(queue, store, lambda: queue.depth()[:2] == (0, 0))
        assert store.failed(SITE, 10).failed == ([] if room else before)
    assert consume([message], store) == (0, 4, 0), "the message itself, given once more"
    found = store.read(Selection(site=SITE, scope=Everyone()), 10).events
    assert sorted(ids([one.document for one in found])) == ["b-0", "b-1", "b-2", "b-3"]
    assert all(b"Firefox" in one.document for one in found)


def test_what_dynamodb_refuses_again_stays_once(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.use(request.getfixturevalue("dynamodb_local"), monkeypatch)
    store = DynamoDbStore(aws.make_tables(), clock=at_noon)
    queue = SqliteQueue(tmp_path / "queue.db")
    # A user's traits are one item, of at most 400 KB: without their bound they are refused. Noise
    # does not compress.
    monkeypatch.setattr(traits, "MAX_BYTES", 10**9)
    raw = [
        Raw(
            msgspec.json.encode(
                wire(type="identify", userId="u", traits={f"t{n}": random.randbytes(12_000).hex()})
            )
        )
        for n in range(40)
    ]
    consume([Batch(id="b", site=SITE, received_at=NOON, events=raw).encode()], store)
    before = store.failed(SITE, 100).failed
    assert before
    list(failed_events(store, queue, Chosen(SITE)))
    consumer.run(queue, store, lambda: queue.depth()[:2] == (0, 0))
    assert queue.depth()[:3] == (0, 0, 0)
    assert store.failed(SITE, 100).failed == before


def collected(body: bytes, **headers: str) -> bytes:
    """A message as the collector makes it."""
    keys = Keys(sites={SITE: Site(write_keys=["k"])})
    collector = Collector(Config(keys=keys), clock=lambda: NOON, new_id=lambda: "b")
    request = Request("POST", "/v1/batch", headers, {"write_key": "k"}, body, "203.0.113.9", "")
    pending = collector.collect(request)
    assert isinstance(pending, Pending)
    return pending.message


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"batch":[{"type":"page","anonymousId":"v\xff"}]}', id="no text"),
        pytest.param(
            b'{"batch":[{"type":"page","anonymousId":"v"}],"context":{"x":"%s"}}' % (b"x" * 40_000),
            id="its context is not kept with it",
        ),
        pytest.param(b'{"batch":[{"type":"page","anonymousId":"v","x":NaN}]}', id="no JSON"),
        pytest.param(
            b'{"batch":[{"type":"page","anonymousId":"v","writeKey":"k"},'
            b'{"type":"page","anonymousId":"v","writeKey":"of another site"}]}',
            id="for another site",
        ),
    ],
)
def test_what_was_not_kept_whole_is_not_sent_as_something_else(tmp_path: Path, body: bytes) -> None:
    kit = embedded(tmp_path)
    consume([collected(body)], kit.store)
    before = kit.failed()
    (step,) = kit.replay()
    assert step.replayed == 0
    assert step.rejected == before
    assert len(before) == 1


def test_an_address_is_not_kept_whole_when_a_rule_changes(tmp_path: Path) -> None:
    """What the collector could not read, it could not make anonymous either."""
    kit = embedded(tmp_path)
    kit.store.append_failed(refused(wire(context={"ip": "203.0.113.9"})))
    kit.replay()
    kit.consume()
    (document,) = kit.documents()
    assert msgspec.json.decode(document)["context"]["ip"] == "203.0.113.0"


def test_failed_events_of_an_older_version_are_sent_too(tmp_path: Path) -> None:
    """It kept nothing of the request, and of what could not be stored the event as it is read."""
    kit = embedded(tmp_path)
    old = refused(wire(), wire())
    kit.store.append_failed([structs.replace(failed, origin=None) for failed in old])
    kit.replay()
    kit.consume()
    received = {msgspec.json.decode(document)["receivedAt"] for document in kit.documents()}
    assert received == {timestamps.format(NOON)}
    assert kit.failed() == []
