"""The consumer's Lambda: what is wrong with one message costs no other, and ends in time."""

import json
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from tests import aws
from tests.engines.engine import Engine, aws_environment
from tests.events import NOON, SITE, ids, wire
from tracker.batch import Batch
from tracker.config import Config
from tracker.config.lambdas import LambdaSettings
from tracker.errors import StoreUnavailable
from tracker.event import Event
from tracker.lambdas import consumer
from tracker.parts import Parts
from tracker.queues import Queue
from tracker.queues.sqs import SqsQueue, encode
from tracker.stores import Appended, Everyone, Selection, Store
from tracker.stores.dynamodb.store import DynamoDbStore
from tracker.stores.sqlite.store import SqliteStore

MINUTE = 60_000
"""What is left of an invocation, in milliseconds."""


def message(*events: dict[str, Any], name: str) -> bytes:
    raw = [Raw(msgspec.json.encode(event)) for event in events]
    return Batch(id=name, site=SITE, received_at=NOON, events=raw).encode()


def records(*bodies: bytes) -> dict[str, Any]:
    """An SQS event that nobody can delete."""
    return {
        "Records": [
            {"messageId": f"m{n}", "receiptHandle": f"r{n}", "body": encode(body)}
            for n, body in enumerate(bodies)
        ]
    }


def received(queue: Queue, count: int) -> dict[str, Any]:
    """An SQS event of what waits in a queue."""
    found = queue.receive(count, 5)
    assert len(found) == count
    return {
        "Records": [
            {
                "messageId": msgspec.json.decode(one.body)["id"],
                "receiptHandle": one.receipt,
                "body": encode(one.body),
            }
            for one in found
        ]
    }


def parts(store: Store, queue: Queue | None = None, *, partial_failures: bool = True) -> Parts:
    def no_queue() -> Queue:
        raise AssertionError("the queue is not asked")

    config = Config(lambdas=LambdaSettings(partial_failures=partial_failures))
    return Parts(config, (lambda: queue) if queue else no_queue, lambda: store)


def stored(store: Store) -> set[str]:
    page = store.read(Selection(site=SITE, scope=Everyone()), 1000)
    return set(ids([found.document for found in page.events]))


class Choosy(SqliteStore):
    """A store that cannot take one event now, nor anything in the same call."""

    def append(self, events: Sequence[Event]) -> Appended:
        if any(event.message_id == "hot" for event in events):
            raise StoreUnavailable("that partition is too busy")
        return super().append(events)


@pytest.fixture
def choosy(tmp_path: Path) -> Store:
    return Choosy(tmp_path / "store.db")


def test_of_a_batch_only_what_cannot_be_stored_comes_again(choosy: Store) -> None:
    event = records(*(message(wire(messageId=m), name=m) for m in ("a", "hot", "b")), b"poison")
    answer = consumer.consume(event, parts(choosy), "r", MINUTE)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert stored(choosy) == {"a", "b"}


def test_where_the_answer_is_not_read_what_is_done_is_deleted_and_the_rest_comes_again(
    choosy: Store, ministack: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.use(ministack, monkeypatch)
    queue = SqsQueue(aws.make_queue(visibility_seconds=1))
    queue.send([message(wire(messageId=m), name=m) for m in ("a", "hot", "b")])
    event = received(queue, 3)
    with pytest.raises(StoreUnavailable, match=r"1 of 3 messages .* that partition is too busy"):
        consumer.consume(event, parts(choosy, queue, partial_failures=False), "r", MINUTE)
    assert stored(choosy) == {"a", "b"}
    (again,) = queue.receive(10, 5)  # once its hidden time is over
    assert msgspec.json.decode(again.body)["id"] == "hot"
    assert again.receives == 2


def test_a_batch_of_the_largest_messages_is_stored_in_several_goes(tmp_path: Path) -> None:
    calls = []

    class Watched(SqliteStore):
        """A store that tells how much it was given at once."""

        def append(self, events: Sequence[Event]) -> Appended:
            calls.append(sum(len(event.document) for event in events))
            return super().append(events)

    large = [
        message(*(wire(properties={"text": "x" * 30_000}) for _ in range(15)), name=f"b{n}")
        for n in range(6)
    ]
    store = Watched(tmp_path / "store.db")
    consumer.consume(records(*large), parts(store), "r", MINUTE)
    assert len(stored(store)) == 90
    assert max(calls) < 1.1 * consumer.GROUP_BYTES
    assert len(calls) == 3


@pytest.fixture
def silent() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_store_that_does_not_answer_ends_the_work_before_the_lambda_is_killed(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in aws_environment(silent).items():
        monkeypatch.setenv(name, value)
    event = records(*(message(wire(), name=f"b{n}") for n in range(3)))
    left = 10_000
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="3 of 3 messages"):  # the alarm sees errors
        consumer.consume(event, parts(DynamoDbStore("t")), "r", left)
    assert time.monotonic() - began < left / 1000 - 1


class _Throttled(BaseHTTPRequestHandler):
    """DynamoDB as it is when too much is asked of it: of a batch it does a little, at first."""

    protocol_version = "HTTP/1.1"
    engine: Engine
    refusals: list[int]
    """How many batches are still to be left undone but for one item, and how many were."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        left: dict[str, Any] = {}
        if self.headers["x-amz-target"].endswith("BatchWriteItem") and self.refusals[0]:
            asked = json.loads(body)
            (table, writes), *_ = asked["RequestItems"].items()
            if len(writes) > 1:
                self.refusals[0] -= 1
                self.refusals[1] += 1
                left = {table: writes[1:]}
                body = json.dumps({**asked, "RequestItems": {table: writes[:1]}}).encode()
        connection = HTTPConnection("127.0.0.1", self.engine.port)
        headers = {name: value for name, value in self.headers.items() if name != "Content-Length"}
        connection.request("POST", "/", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        if left:
            said = json.dumps({**json.loads(said), "UnprocessedItems": left}).encode()
        self.send_response(answer.status)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing is logged."""


@pytest.fixture
def throttled(dynamodb_local: Engine) -> Iterator[tuple[str, list[int]]]:
    """DynamoDB behind a door that lets little through; its address, and its refusals."""
    refusals = [0, 0]
    handler = type("Handler", (_Throttled,), {"engine": dynamodb_local, "refusals": refusals})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", refusals
    server.shutdown()
    server.server_close()
    thread.join()


def test_throttling_makes_it_slower_and_loses_nothing(
    throttled: tuple[str, list[int]], dynamodb_local: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.use(dynamodb_local, monkeypatch)
    prefix = aws.make_tables()
    url, refusals = throttled
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", url)
    store = DynamoDbStore(prefix)
    refusals[0] = 10
    sent = [[wire() for _ in range(10)] for _ in range(4)]
    event = records(*(message(*events, name=f"b{n}") for n, events in enumerate(sent)))
    while consumer.consume(event, parts(store), "r", MINUTE)["batchItemFailures"]:
        pass  # as SQS gives them again
    assert refusals == [0, 10]
    assert stored(store) == {one["messageId"] for events in sent for one in events}


def test_what_is_stored_but_not_deleted_comes_again_and_changes_nothing(
    choosy: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in aws_environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    queue = SqsQueue("http://127.0.0.1:9/1/queue")
    event = records(*(message(wire(messageId=m), name=m) for m in ("a", "hot")))
    for _ in range(2):
        with suppress(StoreUnavailable):
            consumer.consume(event, parts(choosy, queue, partial_failures=False), "r", MINUTE)
    assert stored(choosy) == {"a"}


def test_an_unreadable_message_that_comes_again_later_is_kept_once(
    dynamodb_local: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.use(dynamodb_local, monkeypatch)
    store = DynamoDbStore(aws.make_tables())
    event = records(b"poison")
    event["Records"][0]["attributes"] = {"SentTimestamp": str(NOON // 1000)}
    for _ in range(2):
        consumer.consume(event, parts(store), "r", MINUTE)
    (failed,) = store.failed("-", 10).failed
    assert failed.received_at == NOON
