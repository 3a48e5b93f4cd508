"""What the bill is made of: measured by a known load, on the emulator and DynamoDB's own engine."""

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from tests import aws, streams
from tests.engines.engine import Engine
from tests.events import MINUTE, NOON, SITE, received, wire
from tests.known_load import page_view
from tests.metering import Meter
from tests.streams import Stream
from tracker import batch, cli, consumer
from tracker.aws import cost, prices, usage
from tracker.aws.usage import Load
from tracker.collector import Collector
from tracker.config import Config, Keys, Site
from tracker.http import Pending, Request
from tracker.lambdas import metrics
from tracker.queues import sqs
from tracker.queues.sqs import SqsQueue
from tracker.stores.dynamodb.compression import compress
from tracker.stores.dynamodb.store import DynamoDbStore
from tracker.stores.retention import Retention

COUNTS = (1, 2, 3, 10, 20, 50, 150, 400)
"""Events a request. Of the last, 500 KB would not hold many more."""

EXAMPLE = Load(events_per_month=10_000_000, events_per_request=10)


def within(measured: float, told: float) -> None:
    """The figure of the bill is what was measured, or a little more: never less."""
    assert 0.85 * told <= measured <= told


def body(count: int) -> bytes:
    """A request of the browser client: a new visitor's new session."""
    visitor, session = str(uuid.uuid4()), str(uuid.uuid4())
    events = [page_view(visitor, session, n) for n in range(count)]
    return msgspec.json.encode({"batch": events, "writeKey": "k"})


def collected(count: int) -> Pending:
    config = Config(keys=Keys(sites={SITE: Site(["k"])}))
    collector = Collector(config, clock=lambda: NOON + 10 * MINUTE, new_id=lambda: "b" * 32)
    query = {"sentAt": "2026-11-22T12:10:00.000Z"}
    request = Request("POST", "/v1/batch", {}, query, body(count), "203.0.113.9")
    pending = collector.collect(request)
    assert isinstance(pending, Pending)
    return pending


@dataclass
class Way:
    """The way of a message: the emulator's queue, the consumer, DynamoDB's own engine."""

    queue: SqsQueue
    store: DynamoDbStore
    meter: Meter

    def go(self, pending: Pending) -> None:
        """Take one message all the way."""
        self.queue.send([pending.message])
        (message,) = self.queue.receive(10, 5)
        consumer.consume([message.body], self.store)
        self.queue.delete([message.receipt])


@pytest.fixture
def way(ministack: Engine, dynamodb_local: Engine, monkeypatch: pytest.MonkeyPatch) -> Way:
    aws.use(dynamodb_local, monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", ministack.url)
    store = DynamoDbStore(
        aws.make_tables(), Retention(lambda _: 400, lambda: NOON), clock=lambda: NOON
    )
    store.append(received(wire()))  # the day is known from its first event on
    return Way(SqsQueue(aws.make_queue()), store, Meter(store))


@pytest.mark.parametrize("count", COUNTS)
def test_a_request_uses_the_units_that_are_on_the_bill(way: Way, count: int) -> None:
    pending = collected(count)
    assert way.queue.depth().waiting == 0
    way.queue.send([pending.message])
    assert way.queue.depth().waiting == 1  # one to send, one to receive, one to delete
    (message,) = way.queue.receive(10, 5)
    way.meter.written(), way.meter.read()
    consumer.consume([message.body], way.store)
    written, read = way.meter.written(), way.meter.read()
    assert written == {"events": count, "index": usage.listing_units(count) + 1}
    assert sum(read.values()) == usage.read_units(count)
    assert way.meter.calls <= 5 + count // 25
    assert -(-len(sqs.encode(pending.message)) // usage.SQS_UNIT) == usage.message_units(count)


def test_a_message_has_the_bytes_that_are_on_the_bill() -> None:
    for count in (1, 10, 40):
        told = usage.MESSAGE_BYTES + count * usage.EVENT_BYTES
        within(len(sqs.encode(collected(count).message)), told)
    for count in (60, 400):
        told = usage.MESSAGE_BYTES + count * usage.COMPRESSED_EVENT_BYTES
        assert len(sqs.encode(collected(count).message)) <= told


def test_an_answer_has_the_bytes_that_are_on_the_bill() -> None:
    within(len(collected(10).response.body), usage.ANSWER_BYTES)


def item_bytes(item: Any) -> int:
    """An item's size by DynamoDB's rule: the names and the values of its attributes; of a number,
    a byte for two digits and one more."""
    size = 0
    for name, value in item.attribute_values.items():
        if isinstance(value, int):
            size += len(name) + (len(str(value)) + 1) // 2 + 1
        elif value is not None:
            size += len(name) + len(value if isinstance(value, bytes) else value.encode())
    return size


@pytest.mark.parametrize("count", [1, 10, 100])
def test_a_request_is_stored_in_the_bytes_that_are_on_the_bill(way: Way, count: int) -> None:
    before = {(item.pk, item.sk) for model in way.store.tables for item in model.scan()}
    way.go(collected(count))
    added = [
        item_bytes(item) + usage.ITEM_OVERHEAD
        for model in way.store.tables
        for item in model.scan()
        if (item.pk, item.sk) not in before
    ]
    within(sum(added), usage.stored_bytes(count))


def test_a_redelivered_message_writes_nothing(way: Way) -> None:
    pending = collected(10)
    way.go(pending)
    way.meter.written()
    way.go(pending)
    assert way.meter.written() == {}


def test_the_metrics_have_no_more_bytes_than_are_on_the_bill() -> None:
    name = "a-deployment-of-a-long-name-production"
    taken = metrics.taken(name, NOON, 10, [])
    stored = metrics.consumed(name, NOON, {"Stored": 10, "LagMilliseconds": [1234], "BatchSize": 1})
    for lines in (taken, stored):
        assert sum(len(line) + 1 for line in lines) <= usage.METRICS_LINE_BYTES
    names = {m["Name"] for line in (*taken, *stored) for m in declared(line)}
    assert len(names) <= usage.METRIC_COUNT


def declared(line: str) -> list[dict[str, str]]:
    (directive,) = json.loads(line)["_aws"]["CloudWatchMetrics"]
    names: list[dict[str, str]] = directive["Metrics"]
    return names


@pytest.mark.parametrize("count", [2, 10, 40])
def test_packed_events_would_have_the_bytes_that_the_saving_counts_with(count: int) -> None:
    events = batch.decode(collected(count).message).read()
    packed = compress(b"\n".join(event.document for event in events))
    key = len(SITE) + len(events[0].person) + 80
    within(len(packed) + key, usage.PACKED_BYTES + count * usage.PACKED_EVENT_BYTES)


def test_the_lambdas_time_holds_the_processors_time_and_the_calls(way: Way) -> None:
    """At 512 MB a Lambda has 0.29 of a core; a call within a region takes a few milliseconds."""
    collecting, consuming = [], []
    for _ in range(5):
        start = time.process_time()
        pending = collected(10)
        collecting.append(time.process_time() - start)
        way.queue.send([pending.message])
        (message,) = way.queue.receive(10, 5)
        way.meter.calls = 0
        start = time.process_time()
        consumer.consume([message.body], way.store)
        consuming.append(time.process_time() - start)
    calls = way.meter.calls
    assert calls == 5
    assert 3.5 * 1000 * min(collecting) + 6 <= usage.COLLECT_MS + 10 * usage.COLLECT_EVENT_MS
    told = usage.CONSUME_MS + 10 * usage.CONSUME_EVENT_MS
    assert 3.5 * 1000 * min(consuming) + 6 * calls <= told


def test_a_request_is_counted_with_the_units_and_bytes_that_are_on_the_bill(way: Way) -> None:
    stream = Stream(way.store)
    stream.new()
    for new in (1.0, 0.0):
        batch = [page_view("visitor", "session", n + 1 + int(10 * (1 - new))) for n in range(10)]
        way.store.append(received(*batch))
        records = stream.new()
        way.meter.written(), way.meter.read()
        streams.count(way.store, records)
        pages = usage.PAGES  # in each, so few values are one unit
        assert way.meter.written() == {"index": usage.count_units(visitor_days=new) + pages}
        # of the site: whether it is being counted anew
        reads = usage.count_reads(visitor_days=new) + pages + 1
        assert way.meter.read() == {"index": reads}
    (day,) = (item for item in way.store.tables.others.scan() if "#v#" in item.pk)
    within(item_bytes(day), usage.VISITOR_DAY_BYTES)


def test_pages_of_some_hundred_values_have_the_units_that_are_on_the_bill(way: Way) -> None:
    stream = Stream(way.store)
    for visitor in range(15):
        paths = [f"/shelf-{visitor * 7 + n}/something-to-buy-no-{n}" for n in range(10)]
        pages = [{"page": {"path": path, "url": f"https://shop.example{path}"}} for path in paths]
        events = [wire(anonymousId=f"v{visitor}", context=page) for page in pages]
        way.store.append(received(*events))
    records = stream.new()
    way.meter.written()
    streams.count(way.store, records)
    pages_written = way.meter.written()["index"] - 15 * usage.count_units(visitor_days=0)
    assert usage.PAGES < pages_written <= usage.PAGE_UNITS


def test_ten_events_a_request_cost_about_a_third_of_the_plain_design() -> None:
    kit, plain = cost.of_kit(EXAMPLE), cost.of_plain_design(EXAMPLE)
    assert kit.per_million(kit.dollars) < 1.50
    assert kit.dollars < 0.35 * plain.dollars


def test_every_line_is_its_usage_times_its_price() -> None:
    lines = {line.price: line for line in cost.of_kit(EXAMPLE).lines}
    assert lines[prices.REST_API].full_dollars == pytest.approx(3.50)
    batches = 4 * 730 * 60  # four shards, each once a minute
    assert lines[prices.WRITE_UNITS].dollars == pytest.approx((13 + 5 * batches / 1e6) * 0.625)
    assert lines[prices.LAMBDA_REQUESTS].full_dollars == pytest.approx(0.40 + 0.2 * batches / 1e6)
    assert lines[prices.LAMBDA_REQUESTS].dollars == pytest.approx(0.20 + 0.2 * batches / 1e6)
    assert lines[prices.SQS_REQUESTS].units == 3_000_000 + 657_000


def test_a_tier_counts_for_what_is_above_the_one_before() -> None:
    assert prices.REST_API.dollars(333e6) == pytest.approx(333 * 3.50)
    assert prices.REST_API.dollars(400e6) == pytest.approx(333 * 3.50 + 67 * 2.80)
    assert prices.REST_API.dollars(30_000e6) == pytest.approx(
        333 * 3.50 + 667 * 2.80 + 19_000 * 2.38 + 10_000 * 1.51
    )


def test_smaller_requests_cost_more_and_later_months_too() -> None:
    def per_million(per_request: float, month: int = 1) -> float:
        load = Load(events_per_month=10**8, events_per_request=per_request, month=month)
        bill = cost.of_kit(load)
        return bill.per_million(bill.full_dollars)

    figures = [per_million(count) for count in (1, 2, 5, 10, 20, 100)]
    assert figures == sorted(figures, reverse=True)
    assert len(set(figures)) == len(figures)
    assert per_million(10, month=12) > per_million(10)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["cost", *arguments]) == 0
    return capsys.readouterr().out


def test_the_command_shows_each_line_and_the_price_of_a_million_events(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = shown(capsys, "--events-per-month", "10000000", "--events-per-request", "10")
    kit = cost.of_kit(EXAMPLE)
    for line in kit.lines:
        assert line.price.name in text
    assert f"${kit.per_million(kit.dollars):.2f} per million events" in text
    assert prices.AS_OF in text
    assert "What would save next" in text


def test_the_json_report_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    report = json.loads(shown(capsys, "--json", "--events-per-month", "5,000,000"))
    for bill in (report["kit"], report["plainDesign"]):
        assert sum(line["dollars"] for line in bill["lines"]) == pytest.approx(bill["dollars"])
        assert bill["dollarsPerMillionEvents"] == pytest.approx(bill["dollars"] / 5)
    savings = [saving["beforeAllowances"] for saving in report["nextSavings"]]
    assert savings == sorted(savings, reverse=True)
    assert savings[-1] > 0


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--events-per-month", ["0", "-1", "x", "", "nan", "inf", "1e99", "2.5"]),
        ("--events-per-request", ["0", "0.5", "-1", "x", "2501", "1e9"]),
        ("--month", ["0", "1.5", "1000000"]),
        ("--region", ["eu-central-1", ""]),
    ],
)
def test_nonsense_is_answered_with_one_line(
    capsys: pytest.CaptureFixture[str], option: str, values: list[str]
) -> None:
    for value in values:
        assert cli.main(["cost", f"{option}={value}"]) == 1
        told = capsys.readouterr()
        assert told.out == ""
        (line,) = told.err.splitlines()
        assert line.startswith(f"tracker: {option}: ")


def test_a_month_of_fewer_events_than_a_request_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["cost", "--events-per-month=5", "--events-per-request=6"]) == 1
    assert capsys.readouterr().err.startswith("tracker: --events-per-request: ")
