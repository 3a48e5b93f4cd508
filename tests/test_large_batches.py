"""Whatever the contract lets in fits into the queue; what does not is split, and nobody sees it."""

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw, structs

from tests import aws
from tests.engines.engine import Engine
from tests.events import NOON, SECOND, SITE, wire
from tracker import batch
from tracker.batch import Batch, Rejection
from tracker.body import MAX_BATCH_EVENTS, MAX_BODY_BYTES
from tracker.collector import Collector
from tracker.config import Config, Keys, Site
from tracker.consumer import consume
from tracker.event import Event
from tracker.http import Pending, Request
from tracker.queues.sqs import MESSAGE_BYTES, SqsQueue, encode
from tracker.stores.sqlite.store import SqliteStore

PRINTABLE = [chr(code) for code in range(0x20, 0x7F) if chr(code) not in '"\\']


@pytest.fixture
def queue(ministack: Engine, monkeypatch: pytest.MonkeyPatch) -> SqsQueue:
    aws.use(ministack, monkeypatch)
    return SqsQueue(aws.make_queue(visibility_seconds=60))


def noise(size: int, alphabet: list[str] = PRINTABLE) -> str:
    """Text that hardly compresses."""
    return "".join(random.Random(size).choices(alphabet, k=size))


def filled(item: bytes, *, most: int = MAX_BATCH_EVENTS) -> bytes:
    """The largest body of items like this one that the contract allows."""
    count = min(most, (MAX_BODY_BYTES - 100) // (len(item) + 1))
    return b'{"writeKey":"k","batch":[' + b",".join([item] * count) + b"]}"


def event(**members: Any) -> bytes:
    return json.dumps({"type": "page", "anonymousId": "v", **members}).encode()


def noisy(size: int) -> bytes:
    """Events of so much noise each, no two the same."""
    text = noise(MAX_BODY_BYTES)
    items = [
        event(properties={"text": text[start : start + size]})
        for start in range(0, MAX_BODY_BYTES - size, size)
    ]
    while sum(map(len, items)) + len(items) > MAX_BODY_BYTES - 100:
        items.pop()
    return b'{"writeKey":"k","batch":[' + b",".join(items) + b"]}"


WORST = {
    "events that do not compress": noisy(31_000),
    "many small events": filled(event()),
    "rejected, full of quotes and backslashes": filled(
        json.dumps({"type": 'no "\\"', "x": noise(30_000, ['"', "\\", "\t"])}).encode()
    ),
    "as many rejected as there may be": filled(b"5"),
    "one event of the whole request's size": filled(event(x=noise(MAX_BODY_BYTES - 200)), most=1),
    "bytes that are no text": filled(b'{"type":"page","x":"' + bytes([0xFF]) * 30_000 + b'"}'),
}


def collected(body: bytes) -> Pending:
    config = Config(keys=Keys(sites={SITE: Site(["k"])}))
    collector = Collector(config, clock=lambda: NOON, new_id=lambda: "b" * 32)
    agent = noise(8_000)  # API Gateway takes 10 KB of headers
    pending = collector.collect(Request("POST", "/v1/batch", {"user-agent": agent}, body=body))
    assert isinstance(pending, Pending)
    return pending


@pytest.mark.parametrize("body", WORST.values(), ids=WORST)
def test_the_worst_that_the_contract_allows_goes_through_the_queue(
    queue: SqsQueue, tmp_path: Path, body: bytes
) -> None:
    assert len(body) <= MAX_BODY_BYTES
    pending = collected(body)
    assert len(encode(pending.message)) <= MESSAGE_BYTES
    queue.send([pending.message])
    received = queue.receive(10, 5)
    assert [message.body for message in received] == [pending.message]
    consumed = consume([message.body for message in received], SqliteStore(tmp_path / "store.db"))
    assert consumed.stored == pending.accepted
    assert consumed.failed == len(pending.rejected)


@cache
def too_large() -> Batch:
    """A batch that fits into no message, as one day a larger request may give: events with and
    without an id, of one instant, and rejected ones between them."""
    text = noise(3_000_000)
    events = [
        wire(
            NOON + (n // 20) * SECOND,
            messageId=None if n % 2 else f"m{n}",
            properties={"text": text[n * 20_000 : (n + 1) * 20_000]},
        )
        for n in range(100)
    ]
    rejected = [
        Rejection(n, "type", "is required", text[-n * 9_000 :][:9_000]) for n in range(1, 40)
    ]
    return Batch(
        id="b",
        site=SITE,
        received_at=NOON + 100 * SECOND,
        sent_at=None,
        events=[Raw(json.dumps(one).encode()) for one in events],
        rejected=rejected,
    )


def in_order(events: list[Event]) -> list[str]:
    ordered = sorted(events, key=lambda one: (one.timestamp, one.seq))
    return [one.message_id for one in ordered]


def test_a_batch_that_does_not_fit_is_split_and_nothing_about_its_events_changes(
    queue: SqsQueue, tmp_path: Path
) -> None:
    whole = too_large()
    assert len(encode(whole.encode())) > 2 * MESSAGE_BYTES
    queue.send([whole.encode()])
    bodies: list[bytes] = []
    while received := queue.receive(10, 1):
        bodies += [message.body for message in received]
    assert len(bodies) > 2
    read = [one for body in bodies for one in batch.decode(body).read()]
    assert in_order(read) == in_order(whole.read())
    assert {one.message_id: one.document for one in read} == {
        one.message_id: one.document for one in whole.read()
    }
    store = SqliteStore(tmp_path / "store.db", clock=lambda: NOON)
    assert consume(bodies, store) == (100, 0, 39)
    assert {failed.id for failed in store.failed(SITE, 1000).failed} == {
        f"b-r{n}" for n in range(1, 40)
    }


def test_a_message_that_cannot_be_split_is_left_as_it_is() -> None:
    one = structs.replace(too_large(), events=too_large().events[:1], rejected=[])
    for message in (one.encode(), b"not of ours"):
        with pytest.raises(ValueError, match=r"."):
            batch.halves(message)


def test_of_one_event_and_one_rejected_each_goes_its_own_way() -> None:
    whole = structs.replace(
        too_large(), events=too_large().events[:1], rejected=too_large().rejected[:1]
    )
    first, second = (batch.decode(half) for half in batch.halves(whole.encode()))
    assert (len(first.events), len(first.rejected)) == (1, 0)
    assert (len(second.events), len(second.rejected)) == (0, 1)
