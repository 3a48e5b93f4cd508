"""The counter as a Lambda: records of the events' stream → the counts.

When the function raises, Lambda gives the same records again, and those behind them wait. The store
knows what of them it has counted.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tracker import deadline, logs
from tracker.errors import ConfigError
from tracker.parts import Parts
from tracker.stores.dynamodb import stream as dynamodb_stream
from tracker.stores.dynamodb import stream_runs
from tracker.stores.dynamodb.shards import Shards
from tracker.stores.dynamodb.store import DynamoDbStore
from tracker.stores.dynamodb.stream import Record
from tracker.stores.dynamodb.stream_runs import Run

log = logging.getLogger(__name__)

RESERVE_SECONDS = 5
"""So long before the Lambda's end no call to the store begins. Of a short time it is the half."""


def count(event: Mapping[str, Any], parts: Parts, request_id: str, milliseconds_left: int) -> None:
    """Count what a DynamoDB Streams event tells. Raises `StoreUnavailable` where it has to come
    again."""
    logs.begin(request_id)
    left = milliseconds_left / 1000
    end = time.monotonic() + max(left / 2, left - RESERVE_SECONDS)
    store = parts.store
    if not isinstance(store, DynamoDbStore):
        raise ConfigError("only what DynamoDB stores is counted by a function")
    records: Sequence[Record] = event["Records"]
    events = list(dynamodb_stream.events(records))
    if not events:
        return
    with deadline.until(end):
        store.count(_run(records, store.shards), events)
    log.info("counted", extra={"events": len(events), "records": len(records)})


def _run(records: Sequence[Record], shards: Shards) -> Run:
    first, last = records[0]["dynamodb"], records[-1]["dynamodb"]
    stream = records[0]["eventSourceARN"]
    return Run(
        stream_runs.shard_of(shards.find(stream, first["SequenceNumber"], first["Keys"])),
        stream_runs.number_of(first["SequenceNumber"]),
        stream_runs.number_of(last["SequenceNumber"]),
    )
