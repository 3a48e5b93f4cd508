"""What a load uses of AWS: each number that the prices are multiplied with.

The numbers under "measured" are checked by `tests/test_cost.py`, which sends a known load through
the kit's own collector, queue, consumer and DynamoDB's own engine. Those under "assumed" cannot be
measured on one machine; each says why it is what it is, and the command prints them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import msgspec

from tracker.aws import prices
from tracker.aws.prices import Price
from tracker.config import DEFAULT_RETENTION_DAYS
from tracker.config.lambdas import LambdaSettings

Usage = Mapping[Price, float]
"""How much of what is used in a month."""

KIB = 1024
GB = 2**30

# Measured: with page views of the browser client that have the longest values usual (980 bytes).
EVENT_BYTES = 985
"""An event in the queue's message, as it was sent."""
MESSAGE_BYTES = 150
"""What the message says of the request itself."""
PLAIN_MESSAGE_BYTES = 48 * KIB
"""A longer message is compressed."""
COMPRESSED_EVENT_BYTES = 120
"""An event in a compressed message, as base64."""
EVENT_ITEM_BYTES = 520
"""The item of an event, keys included: one write unit."""
LISTING_BYTES, LISTING_EVENT_BYTES = 170, 31
"""A listing entry's item, and what each event adds."""
LISTING_EVENTS = 100
SESSION_ITEM_BYTES = 150
"""What finds a session by its id."""
STRETCH = 3
"""From so many events of one person on, one query looks whether they are there already."""
VISITOR_DAY_BYTES = 480
"""What is kept of a visitor's day, to count each visitor and session once: one write unit."""
PAGES = 3
"""What a batch of the counter writes beside it, at least: of its hour and its day."""
ANSWER_BYTES = 50
"""The answer's body, where nothing is rejected."""
PACKED_BYTES, PACKED_EVENT_BYTES = 440, 50
"""An item that would hold several events of one visitor, and what each event adds."""

# From AWS's documentation.
SQS_UNIT = 64 * KIB
ITEM_OVERHEAD = 100
"""What DynamoDB adds to each item in the bill for storage."""
POLLERS, POLL_SECONDS = 5, 20
"""Lambda asks an empty queue with so many connections, each waiting so long."""
MONTH_SECONDS = 730 * 3600

# Assumed.
MEMORY_GB = 0.5
"""512 MB, as in .chalice/config.json: about 0.29 of a core, by AWS's 1 769 MB for a whole one."""
COLLECT_MS, COLLECT_EVENT_MS = 20.0, 0.5
"""Milliseconds billed to take a request, and for each event in it."""
CONSUME_MS, CONSUME_EVENT_MS = 75.0, 3.0
"""Milliseconds billed to store a message. Both: the processor time measured here, three and a half
times for the part of a core, and 6 ms for each call of another service."""
COUNT_MS, COUNT_VISITOR_MS, COUNT_EVENT_MS = 100.0, 30.0, 0.2
"""Milliseconds billed to count a batch, for each visitor and each event in it."""
PAGE_UNITS = 5
"""Write units of a batch's pages: one for the totals, two each for some hundred different pages,
sources and countries of the hour and of the day."""
SHARDS = 4
"""So many shards a small table's stream has at a time. Each is read by itself."""
COLD_MS = 6.0
"""One start in a hundred is cold and takes 600 ms, which are billed since August 2025."""
EVENTS_PER_SESSION = 20
RETENTION_MONTHS = DEFAULT_RETENTION_DAYS / (365 / 12)
"""So long events are stored, at the default of 400 days. That DynamoDB deletes what has expired
costs nothing."""
LOG_LINES_BYTES = 330
"""Lambda's own START, END and REPORT lines of an invocation, which a plain `chalice deploy` cannot
switch off; `deploy` does."""
METRICS_LINE_BYTES = 300
"""One line of metrics an invocation. Info lines are sampled and add nearly nothing."""
LOG_MONTHS = 1.0
HEADER_BYTES = 600
"""The answer's head, with TLS's part."""
METRIC_COUNT = 7
"""Accepted, Rejected, Stored, Duplicates, Failed, LagMilliseconds, BatchSize."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is sent in a month."""

    events_per_month: int
    events_per_request: float
    month: int = 1
    """The how-manieth since the start: each month's storage is larger, until events expire."""

    @property
    def requests(self) -> float:
        """The requests of the month, of which each becomes one message."""
        return self.events_per_month / self.events_per_request

    @property
    def months_stored(self) -> float:
        """How many months' events are there on average: of the running month, half."""
        return min(self.month - 0.5, RETENTION_MONTHS)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What could be otherwise. As it stands, it is the kit as it is."""

    gateway: Price | None = prices.REST_API
    packed: bool = False
    """Several events of one visitor in one item."""
    messages_per_invocation: int = 1
    """One: the queue is never busy. A busy one costs less."""


AS_IT_IS = Variant()


def message_units(events: float) -> int:
    """How many 64 KiB units SQS bills for a message."""
    size = MESSAGE_BYTES + events * EVENT_BYTES
    if size > PLAIN_MESSAGE_BYTES:
        size = MESSAGE_BYTES + events * COMPRESSED_EVENT_BYTES
    return math.ceil(size / SQS_UNIT)


def listing_units(events: float) -> int:
    """The write units of the entries of a site's list."""
    full, rest = divmod(events, LISTING_EVENTS)
    units = int(full) * _kib(LISTING_BYTES + LISTING_EVENTS * LISTING_EVENT_BYTES)
    return units + (_kib(LISTING_BYTES + rest * LISTING_EVENT_BYTES) if rest else 0)


def read_units(events: float) -> float:
    """The read units to see that nothing of it is stored yet: strongly consistent reads of what is
    not there, at DynamoDB's least price. Half a unit to see whether the session is known, and
    one to see, after the write, that the person was not erased."""
    return (1.0 if events >= STRETCH else events) + 1.5


def stored_bytes(events: float, *, sessions: float = 1.0) -> float:
    """The bytes that DynamoDB bills for the storage of one request's events."""
    entries = math.ceil(events / LISTING_EVENTS)
    return (
        events * (EVENT_ITEM_BYTES + ITEM_OVERHEAD + LISTING_EVENT_BYTES)
        + entries * (LISTING_BYTES + ITEM_OVERHEAD)
        + sessions * (SESSION_ITEM_BYTES + ITEM_OVERHEAD)
    )


def count_units(*, visitor_days: float = 1.0) -> float:
    """The write units to count one request's events, beside the pages: the visitor's day, and one
    more where that is new."""
    return 1.0 + visitor_days


def count_reads(*, visitor_days: float = 1.0) -> float:
    """The read units of that: the visitor's day, whether there is a later one, and of a new one
    whether there is an earlier one."""
    return 2.0 + visitor_days


def counter_batches(load: Load) -> float:
    """How often the counter is invoked in a month: where little comes, once in each window."""
    settings = LambdaSettings()
    full = load.events_per_month / settings.counter_batch
    windows = SHARDS * MONTH_SECONDS / settings.counter_window_seconds
    return max(full, min(load.requests, windows))


def packed_units(events: float) -> int:
    """The write units of a request's events, if one item held them."""
    return _kib(PACKED_BYTES + events * PACKED_EVENT_BYTES)


def of_kit(load: Load, variant: Variant = AS_IT_IS) -> Usage:
    """What the kit uses."""
    events, requests = load.events_per_request, load.requests
    invocations = requests / variant.messages_per_invocation
    sessions = events / max(events, EVENTS_PER_SESSION)
    together = events * variant.messages_per_invocation
    batches = counter_batches(load)
    writes = requests * (events + sessions) + invocations * listing_units(together)
    writes += requests * count_units(visitor_days=sessions) + batches * PAGE_UNITS
    reads = requests * (read_units(events) + count_reads(visitor_days=sessions))
    stored = requests * stored_bytes(events, sessions=sessions)
    stored += requests * sessions * (VISITOR_DAY_BYTES + ITEM_OVERHEAD)
    if variant.packed:
        writes -= requests * (events - packed_units(events))
        packed_bytes = PACKED_BYTES + ITEM_OVERHEAD + events * PACKED_EVENT_BYTES
        stored -= requests * (events * (EVENT_ITEM_BYTES + ITEM_OVERHEAD) - packed_bytes)
    gb_months = stored / GB * load.months_stored
    units = message_units(events)
    # SQS takes up to ten deletions in a call; a receipt brings what waits, 64 KiB a unit.
    deletions = invocations * math.ceil(variant.messages_per_invocation / 10)
    polls = POLLERS * MONTH_SECONDS / POLL_SECONDS
    collect = COLLECT_MS + COLD_MS + events * COLLECT_EVENT_MS
    consume = CONSUME_MS + COLD_MS + together * CONSUME_EVENT_MS
    count = batches * (COUNT_MS + COLD_MS) + requests * (COUNT_VISITOR_MS + events * COUNT_EVENT_MS)
    logs = (requests + invocations) * (LOG_LINES_BYTES + METRICS_LINE_BYTES) / GB
    logs += batches * LOG_LINES_BYTES / GB
    alarms, dashboards = _watched()
    gateway = {variant.gateway: requests} if variant.gateway else {}
    return gateway | {
        prices.LAMBDA_REQUESTS: requests + invocations + batches,
        prices.LAMBDA_SECONDS: (requests * collect + invocations * consume + count)
        / 1000
        * MEMORY_GB,
        prices.SQS_REQUESTS: requests * units * 2 + deletions + polls,
        prices.WRITE_UNITS: writes,
        prices.READ_UNITS: reads + batches * (PAGE_UNITS + 1),
        prices.STREAM_READS: batches,
        prices.STORAGE: gb_months,
        prices.BACKUP: gb_months,
        prices.LOG_INGEST: logs,
        prices.LOG_STORAGE: logs * LOG_MONTHS,
        prices.METRICS: METRIC_COUNT,
        prices.ALARMS: alarms,
        prices.DASHBOARDS: dashboards,
        prices.TRANSFER_OUT: requests * (ANSWER_BYTES + HEADER_BYTES) / GB,
    }


def of_plain_design(load: Load) -> Usage:
    """What one request, one Lambda call and one DynamoDB write an event use. In favour of that
    design: an event as it was sent is one unit (with its key and the server's times a long page
    view takes two), it needs no reading, no index, no backup, no metrics and no alarms."""
    events = load.events_per_month
    gb_months = events * (EVENT_BYTES + ITEM_OVERHEAD) / GB * load.months_stored
    logs = events * LOG_LINES_BYTES / GB
    milliseconds = COLLECT_MS + COLD_MS + COLLECT_EVENT_MS
    return {
        prices.REST_API: events,
        prices.LAMBDA_REQUESTS: events,
        prices.LAMBDA_SECONDS: events * milliseconds / 1000 * MEMORY_GB,
        prices.WRITE_UNITS: events,
        prices.STORAGE: gb_months,
        prices.LOG_INGEST: logs,
        prices.LOG_STORAGE: logs * LOG_MONTHS,
        prices.TRANSFER_OUT: events * (ANSWER_BYTES + HEADER_BYTES) / GB,
    }


def _kib(size: float) -> int:
    return math.ceil(size / KIB)


class _Resource(msgspec.Struct, rename="pascal"):
    """What is merged into a function of Chalice's has no type."""

    type: str | None = None


class _Template(msgspec.Struct, rename="pascal"):
    resources: dict[str, _Resource]


@cache
def _watched() -> tuple[int, int]:
    """The alarms and dashboards that `provision` makes."""
    text = resources.files("tracker.aws").joinpath("resources.json").read_bytes()
    template = msgspec.json.decode(text, type=_Template)
    types = [resource.type for resource in template.resources.values()]
    return types.count("AWS::CloudWatch::Alarm"), types.count("AWS::CloudWatch::Dashboard")
