"""A table's stream as a Lambda gets it: batch by batch, each shard's records in their order."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cached_property
from threading import Event as Signal
from types import SimpleNamespace
from typing import Any

import boto3

from tracker.config import Config
from tracker.errors import StoreUnavailable
from tracker.event import Event
from tracker.lambdas import counter
from tracker.parts import Parts
from tracker.stores import Appended
from tracker.stores.dynamodb.store import DynamoDbStore

Record = dict[str, Any]


class Stream:
    """The stream of a store's events."""

    def __init__(self, store: DynamoDbStore) -> None:
        model = store.tables.events
        table = model._get_connection().describe_table()  # noqa: SLF001
        self.arn: str = table["LatestStreamArn"]
        self._client: Any = boto3.client("dynamodbstreams")
        self._seen: dict[str, str] = {}

    def new(self) -> list[Record]:
        """The records that came since the last time, as Lambda has them."""
        told = self._client.describe_stream(StreamArn=self.arn)["StreamDescription"]
        found: list[Record] = []
        for shard in (one["ShardId"] for one in told["Shards"]):
            of_shard = list(self._behind(shard, self._seen.get(shard)))
            if of_shard:
                self._seen[shard] = of_shard[-1]["dynamodb"]["SequenceNumber"]
            found += map(self._as_lambda_has_it, of_shard)
        return found

    def _behind(self, shard: str, seen: str | None) -> Iterator[Record]:
        where = {"ShardIteratorType": "TRIM_HORIZON"}
        if seen:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": seen}
        told = self._client.get_shard_iterator(StreamArn=self.arn, ShardId=shard, **where)
        iterator = told["ShardIterator"]
        while iterator:
            told = self._client.get_records(ShardIterator=iterator)
            yield from told["Records"]
            iterator = told.get("NextShardIterator") if told["Records"] else None

    def _as_lambda_has_it(self, record: Record) -> Record:
        changed = dict(record["dynamodb"])
        for name in ("NewImage", "OldImage"):
            if name in changed:
                changed[name] = {key: _plain(value) for key, value in changed[name].items()}
        return {**record, "dynamodb": changed, "eventSourceARN": self.arn}


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    return {kind: b64encode(x).decode() if kind == "B" else x for kind, x in value.items()}


def count(store: DynamoDbStore, records: Sequence[Record]) -> None:
    """Invoke the counter with a batch."""
    parts = Parts(Config(), SimpleNamespace, lambda: store)
    counter.count({"Records": records}, parts, "request", 60_000)


class CountedStore(DynamoDbStore):
    """A store whose counter is never behind."""

    def append(self, events: Sequence[Event]) -> Appended:
        appended = super().append(events)
        count(self, self._stream.new())
        return appended

    @cached_property
    def _stream(self) -> Stream:
        return Stream(self)


@contextmanager
def counting(prefix: str) -> Iterator[None]:
    """Meanwhile, what any process stores in these tables is counted, as by a function."""
    store = DynamoDbStore(prefix)
    stream, over = Stream(store), Signal()

    def work() -> None:
        waiting: list[Record] = []
        while not over.wait(0.1):
            waiting = waiting or stream.new()
            with suppress(StoreUnavailable):  # then Lambda gives the same again
                if waiting:
                    count(store, waiting)
                waiting = []

    with ThreadPoolExecutor(1) as thread:
        working = thread.submit(work)
        try:
            yield
        finally:
            over.set()
        working.result()
