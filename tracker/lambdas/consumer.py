"""The consumer as a Lambda: records of the queue → the store, and which of them come again.

Lambda deletes the messages of a batch when the function returns, and gives all of them again when
it raises. Two ways keep what is stored from coming again with what is not: with
``ReportBatchItemFailures`` on the mapping the answer names what comes again; without it (a plain
``chalice deploy`` cannot set it, and Lambda then ignores the answer) the function itself deletes
what is done, and raises for the rest.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from tracker import batch, consumer, deadline, logs, timestamps
from tracker.consumer import Consumed
from tracker.errors import QueueUnavailable, StoreUnavailable, TrackerError
from tracker.lambdas import metrics
from tracker.parts import Parts
from tracker.queues import sqs

log = logging.getLogger(__name__)

RESERVE_SECONDS = 12
"""So long before the Lambda's end no call to the store begins: one under way may take 4 seconds
and a pause of 2, and what is done has to be said or deleted. Of a short time it is the half."""

GROUP_BYTES = 1024 * 1024
"""How much is stored in one go. More would save nothing, and a batch of the largest messages is
more than a small Lambda holds."""

Answer = dict[str, list[dict[str, str]]]


class _Record(NamedTuple):
    """One message, as Lambda hands it over."""

    id: str
    receipt: str
    body: bytes
    sent_at: int | None


class _Tally:
    """What became of the records."""

    def __init__(self) -> None:
        self.consumed = Consumed(0, 0, 0)
        self.done: list[_Record] = []
        self.again: list[_Record] = []
        self.reason = ""

    def add(self, records: Sequence[_Record], consumed: Consumed) -> None:
        self.consumed = Consumed(*map(sum, zip(self.consumed, consumed, strict=True)))
        self.done += records

    def leave(self, records: Sequence[_Record], reason: str) -> None:
        self.again += records
        self.reason = self.reason or reason


def consume(
    event: Mapping[str, Any], parts: Parts, request_id: str, milliseconds_left: int
) -> Answer:
    """Store an SQS event's records. Raises `StoreUnavailable` where all come again, or some and
    the mapping reads no answer."""
    logs.begin(request_id)
    now, left = time.monotonic(), milliseconds_left / 1000
    end = now + max(left / 2, left - RESERVE_SECONDS)
    middle = (now + end) / 2
    records = [
        _Record(
            record["messageId"],
            record["receiptHandle"],
            sqs.decode(record["body"]),
            _micros(record.get("attributes", {}).get("SentTimestamp")),
        )
        for record in event["Records"]
    ]
    tally = _Tally()
    for group in _groups(records):
        if not _together(group, parts, middle, tally):
            _one_by_one(group, parts, end, tally)
    _tell(tally, parts)
    # Where nothing is stored at all, an error says the same, and is seen by the alarm.
    if tally.again and not (parts.config.lambdas.partial_failures and tally.done):
        _delete(tally.done, parts)
        raise StoreUnavailable(
            f"{len(tally.again)} of {len(records)} messages are not stored and come again:"
            f" {tally.reason}"
        )
    return {"batchItemFailures": [{"itemIdentifier": record.id} for record in tally.again]}


def _groups(records: Sequence[_Record]) -> Iterator[list[_Record]]:
    group: list[_Record] = []
    size = 0
    for record in records:
        if group and size + len(record.body) > GROUP_BYTES:
            yield group
            group, size = [], 0
        group.append(record)
        size += len(record.body)
    if group:
        yield group


def _together(group: Sequence[_Record], parts: Parts, end: float, tally: _Tally) -> bool:
    """Store a group; if that fails, leave the rest of the time to its members."""
    try:
        with deadline.until(end):
            consumed = _consume(group, parts)
    except Exception as error:
        log.warning("not stored together: %s", _reason(error))
        return False
    tally.add(group, consumed)
    return True


def _one_by_one(group: Sequence[_Record], parts: Parts, end: float, tally: _Tally) -> None:
    """Store what can be stored, whatever is wrong with its neighbours."""
    for place, record in enumerate(group):
        if time.monotonic() >= end:
            tally.leave(group[place:], "there was no time left")
            return
        try:
            with deadline.until(end):
                consumed = _consume([record], parts)
        except Exception as error:
            tally.leave([record], _reason(error))
        else:
            tally.add([record], consumed)


def _consume(records: Sequence[_Record], parts: Parts) -> Consumed:
    bodies, sent_at = [record.body for record in records], [record.sent_at for record in records]
    return consumer.consume(bodies, parts.store, parts.clock, sent_at)


def _micros(milliseconds: str | None) -> int | None:
    return int(milliseconds) * (timestamps.SECOND // 1000) if milliseconds else None


def _reason(error: Exception) -> str:
    if not isinstance(error, TrackerError):
        log.error("a mistake of ours", exc_info=error)
    return str(error) or type(error).__name__


def _tell(tally: _Tally, parts: Parts) -> None:
    now = parts.clock()
    stored, duplicates, failed = tally.consumed
    values: metrics.Values = {
        "Stored": stored,
        "Duplicates": duplicates,
        "Failed": failed,
        "LagMilliseconds": list(_lags(tally.done, now)),
        "BatchSize": len(tally.done) + len(tally.again),
    }
    metrics.write(metrics.consumed(parts.config.tables or "", now, values))
    if tally.again:
        about = {"message_ids": [record.id for record in tally.again], "reason": tally.reason}
        log.warning("not stored, comes again", extra=about)
    log.info(
        "consumed",
        extra={
            "message_ids": [record.id for record in tally.done],
            "stored": stored,
            "duplicates": duplicates,
            "failed": failed,
        },
    )


def _lags(records: Sequence[_Record], now: int) -> Iterator[int]:
    """How long each request's events were on their way."""
    for record in records:
        with suppress(ValueError):  # it is a failed event now
            queued = batch.decode(record.body)
            if queued.replays:
                continue  # it was on its way for as long as it was a failed event
            lag = now - queued.received_at
            yield max(0, lag) // (timestamps.SECOND // 1000)


def _delete(done: Sequence[_Record], parts: Parts) -> None:
    if not done:
        return
    try:
        parts.queue.delete([record.receipt for record in done])
    except QueueUnavailable as error:  # then they come again, and nothing is stored twice
        log.warning("stored, but not deleted: %s", error)
