"""What DynamoDB's stream brings is counted once, whatever happens on the way."""

import random
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import aws, streams
from tests.engines.engine import Engine
from tests.events import NOON, SECOND, SITE, received, wire
from tests.recount import delivered, kept, recounted, stored
from tests.streams import Record, Stream
from tests.test_counts import histories
from tracker.errors import StoreUnavailable
from tracker.stores.dynamodb import stream as dynamodb_stream
from tracker.stores.dynamodb.generations import PATIENCE
from tracker.stores.dynamodb.store import DynamoDbStore
from tracker.stores.dynamodb.stream_runs import Run, number_of, shard_of
from tracker.stores.sqlite.store import SqliteStore
from tracker.timestamps import EARLIEST, LATEST


class Killed(Exception):
    """The function is no more."""


class Counter:
    """A function that counts, and may be killed behind any write."""

    def __init__(self, prefix: str) -> None:
        self.store = DynamoDbStore(prefix, clock=lambda: NOON)
        self._left = -1
        client = self.store.tables.events._get_connection().connection.client  # noqa: SLF001
        for operation in ("PutItem", "BatchWriteItem"):
            client.meta.events.register(f"after-call.dynamodb.{operation}", self._written)

    def _written(self, **_: object) -> None:
        self._left -= 1
        if self._left == 0:
            raise Killed

    def count(self, shard: str, records: Sequence[Record], writes: int = -1) -> bool:
        """Whether it was done: else it comes again."""
        events = list(dynamodb_stream.events(records))
        first, last = (records[at]["dynamodb"]["SequenceNumber"] for at in (0, -1))
        self._left = writes
        try:
            self.store.count(Run(shard_of(shard), number_of(first), number_of(last)), events)
        except (Killed, StoreUnavailable):
            return False
        finally:
            self._left = -1
        return True

    def recount(self, site: str, chance: random.Random) -> None:
        """Count a site anew; some attempts before that are killed."""
        while chance.random() < 0.4:
            self._left = chance.randint(1, 30)
            with suppress(Killed):
                for _ in self.store.recount(site, EARLIEST, LATEST):
                    pass
        self._left = -1
        for _ in self.store.recount(site, EARLIEST, LATEST):
            pass


class Deployment:
    """Tables, their stream, two functions that count, and somebody who counts anew."""

    def __init__(self) -> None:
        prefix = aws.make_tables()
        self.counters = [Counter(prefix) for _ in range(3)]
        self.store = self.counters[0].store
        self.stream = Stream(self.store)


@pytest.fixture(scope="module")
def deployment(dynamodb_local: Engine) -> Iterator[Deployment]:
    with pytest.MonkeyPatch.context() as patch:
        aws.use(dynamodb_local, patch)
        yield Deployment()


def by_shard(records: Sequence[Record]) -> dict[str, list[Record]]:
    """As if there were several: what one person did is in one of them, in its order."""
    shards: dict[str, list[Record]] = {}
    for record in records:
        person = record["dynamodb"]["Keys"]["pk"]["S"]
        shards.setdefault(f"shard {sum(person.encode()) % 2}", []).append(record)
    return shards


def deliver(
    deployment: Deployment, shard: str, records: list[Record], chance: random.Random
) -> None:
    """A shard's records, to either function, in batches of any size, which come again when it was
    killed, with other borders, and some when they were dealt with, too, or twice at once."""
    done = 0
    while done < len(records):
        end = chance.randint(done + 1, len(records))
        counter, other = chance.sample(deployment.counters[:2], 2)
        batch = records[done:end]
        writes = chance.choice([-1, -1, chance.randint(1, 8)])
        if chance.random() < 0.3:
            with ThreadPoolExecutor(1) as thread:
                again = records[done : chance.randint(done + 1, len(records))]
                slow = thread.submit(other.count, shard, again)
                is_done = counter.count(shard, batch, writes)
                slow.result()
        else:
            is_done = counter.count(shard, batch, writes)
        done = end if is_done else done
        if done and chance.random() < 0.3:
            start = chance.randrange(done)
            counter.count(shard, records[start : chance.randint(start + 1, done)])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories(least=7), st.integers(0, 2**32))
def test_what_comes_with_the_stream_in_whatever_pieces_is_counted_as_sqlite_counts_it(
    deployment: Deployment,
    history: tuple[list[dict[str, Any]], list[list[int]]],
    seed: int,
) -> None:
    chance = random.Random(seed)
    events, batches = history
    # Here a message is one by its id and its time.
    sent = [{**event, "messageId": str(number)} for number, event in enumerate(events)]
    site = uuid.uuid4().hex
    store = deployment.store
    with TemporaryDirectory() as folder:
        other = SqliteStore(Path(folder) / "store.db", clock=lambda: NOON)
        for batch in batches:
            found = received(*(sent[number] for number in batch), site=site)
            other.append(found)
            store.append(found)
        expected = recounted(stored(other, site)), delivered(other, site)
    records_of = by_shard(deployment.stream.new())
    seeds = {shard: random.Random(chance.random()) for shard in records_of}
    recounts = random.Random(chance.random()) if chance.random() < 0.5 else None
    with ThreadPoolExecutor(3) as at_once:
        working = [
            at_once.submit(deliver, deployment, shard, records, seeds[shard])
            for shard, records in records_of.items()
        ]
        if recounts:
            working.append(at_once.submit(deployment.counters[2].recount, site, recounts))
        for one in working:
            one.result()
    assert kept(store, site) == expected[0]
    assert delivered(store, site) == expected[1]


def test_what_comes_for_a_day_that_is_counted_anew_waits_but_not_for_a_recount_that_died(
    dynamodb_local: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.use(dynamodb_local, monkeypatch)
    now = [NOON]
    store = DynamoDbStore(aws.make_tables(), clock=lambda: now[0])
    stream = Stream(store)
    store.append(received(wire()))
    streams.count(store, stream.new())
    died = store.recount(SITE, EARLIEST, LATEST)
    assert next(died) == 1
    store.append(received(wire(anonymousId="another")))
    waiting = stream.new()
    with pytest.raises(StoreUnavailable, match="2026-11-22 of shop is being counted anew"):
        streams.count(store, waiting)
    before = recounted(stored(store, SITE))
    assert kept(store, SITE) != before, "the old counts answer"
    now[0] += PATIENCE + SECOND
    streams.count(store, waiting)
    assert kept(store, SITE) == before
    with pytest.raises(StoreUnavailable, match="this has taken too long"):
        next(died)
    assert kept(store, SITE) == before
    assert list(store.recount(SITE, EARLIEST, LATEST)) == [2]
    assert kept(store, SITE) == before
