"""The consumer into DynamoDB Local, AWS's own engine, beside a bare loop of BatchWriteItem."""

import os
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import botocore.session
from msgspec import Raw

from bench import page_views
from bench.figure import Figure
from bench.options import ROOT, Options
from tests.engines.dynamodb_local import running_dynamodb_local
from tests.engines.engine import aws_environment
from tests.engines.leash import Leash
from tests.metering import Meter
from tracker import consumer, timestamps
from tracker.batch import Batch
from tracker.stores.dynamodb.models import tables
from tracker.stores.dynamodb.store import DynamoDbStore
from tracker.stores.retention import Retention

ROUNDS = 6
MESSAGES = 40
EVENTS = 10
"""Of one visitor, in a message."""
TOGETHER = 10
"""Messages that a Lambda is given at once."""
WRITTEN_TOGETHER = 25
"""The most that BatchWriteItem takes."""

Item = dict[str, Any]


class Took(NamedTuple):
    """Seconds."""

    wall: float
    cpu: float


class Stopwatch:
    """From its making on."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> Took:
        """Until now."""
        return Took(time.perf_counter() - self._wall, time.process_time() - self._cpu)


def measure(options: Options) -> Iterator[Figure]:
    """Both take turns in the same engine; the items are those that the consumer made."""
    with Leash() as leash, running_dynamodb_local(ROOT, options.scratch, leash) as engine:
        os.environ.update(aws_environment(engine.url))
        consumed: list[Took] = []
        bare: list[Took] = []
        units = 0.0
        run = uuid.uuid4().hex[:8]
        store = DynamoDbStore(f"ours-{run}", Retention(lambda _: 400, timestamps.now))
        store.tables.create()
        tables(f"bare-{run}").create()
        meter = Meter(store)
        made = _Made(f"ours-{run}")
        for number in range(ROUNDS + 1):
            messages = [_message(number, one) for one in range(MESSAGES)]
            watch = Stopwatch()
            for some in _cut(messages, TOGETHER):
                consumer.consume(some, store)
            consumed.append(watch.read())
            written = sum(meter.written().values())
            units += written if number else 0  # the first round warms the engine
            bare.append(made.write_again(f"bare-{run}"))
    events = ROUNDS * MESSAGES * EVENTS
    floor = "BatchWriteItem of the same items"
    yield Figure(
        "consumer on DynamoDB Local",
        *(events / sum(took.wall for took in consumed[1:]), "events/s"),
        *(events / sum(took.wall for took in bare[1:]), floor),
        goal="at least 0.8",
    )
    yield Figure(
        "consumer on DynamoDB: CPU without the engine's",
        *(sum(took.cpu for took in consumed[1:]) / events * 1e6, "µs/event"),
        *(sum(took.cpu for took in bare[1:]) / events * 1e6, floor),
    )
    yield Figure(
        "consumer on DynamoDB: write units", units / events, "an event", goal="at most 1.3"
    )


class _Made:
    """The items that the consumer makes."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._seen: set[tuple[str, str, str]] = set()
        self._client: Any = botocore.session.get_session().create_client("dynamodb")

    def write_again(self, prefix: str) -> Took:
        """Write those that are new since the last time to other tables, with nothing but the SDK;
        how long that took."""
        new = {name: list(self._new(name)) for name in ("events", "index")}
        watch = Stopwatch()
        for name, items in new.items():
            for some in _cut(items, WRITTEN_TOGETHER):
                requests = [{"PutRequest": {"Item": item}} for item in some]
                answer = self._client.batch_write_item(RequestItems={f"{prefix}-{name}": requests})
                if answer["UnprocessedItems"]:
                    raise SystemExit("bench: DynamoDB Local leaves items unprocessed")
        return watch.read()

    def _new(self, name: str) -> Iterator[Item]:
        pages = self._client.get_paginator("scan").paginate(TableName=f"{self._prefix}-{name}")
        for page in pages:
            for item in page["Items"]:
                key = (name, item["pk"]["S"], item["sk"]["S"])
                if key not in self._seen:
                    self._seen.add(key)
                    yield item


def _cut(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]


def _message(number: int, place: int) -> bytes:
    """A request of one visitor; each visitor comes once in a round."""
    now = timestamps.now()
    events = page_views.events(f"visitor-{place}", 1 + number * EVENTS, EVENTS, now)
    return Batch(
        id=uuid.uuid4().hex,
        site="shop",
        received_at=now,
        ip="203.0.113.0",
        user_agent=page_views.BROWSER,
        events=[Raw(one) for one in events],
    ).encode()
