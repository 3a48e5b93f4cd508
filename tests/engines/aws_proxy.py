"""A way to AWS's services that fails as AWS does, at random: what was asked may be done or not."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import Enum
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.engines.engine import Engine
from tests.engines.ports import LOOPBACK
from tests.engines.proxy import HOP

HANG_SECONDS = 8.0
"""Longer than the kit waits for an answer of any service."""

SLOW_SECONDS = 1.5

Answer = tuple[int, Mapping[str, str], bytes]


class AwsFault(Enum):
    """What happens to a call."""

    THROTTLED = "it is refused: too fast"
    FAILED = "it is answered with 500, and not done"
    DONE_AND_FAILED = "it is done, and answered with 500"
    DONE_AND_CUT = "it is done, and the connection ends with no answer"
    DONE_AND_HALF = "it is done, and the answer breaks off in its middle"
    DONE_AND_HANGS = "it is done, and no answer comes for longer than anybody waits"
    TWICE = "it is done twice"
    SLOW = "it is done late"
    PARTLY = "only a part of the batch is done, and the answer names the rest"
    SHUFFLED = "messages come in another order"


DONE_IN_PART = {"BatchWriteItem", "BatchGetItem", "SendMessageBatch", "DeleteMessageBatch"}


class AwsProxy:
    """Hands calls on to an engine. With no ``likelihood`` all goes well."""

    def __init__(self, engine: Engine, chance: random.Random) -> None:
        self.seen: Counter[AwsFault] = Counter()
        """How often each has happened."""
        self.likelihood = 0.0
        self.only: AwsFault | None = None
        """What happens to every call."""
        self._engine = engine
        self._chance = chance
        self._lock = threading.Lock()

    def fault(self, operation: str) -> AwsFault | None:
        """What happens to the next call of an operation."""
        if self.only is not None:
            return self.only
        with self._lock:
            if self._chance.random() >= self.likelihood:
                return None
            possible = set(AwsFault)
            if operation not in DONE_IN_PART:
                possible.discard(AwsFault.PARTLY)
            if operation != "ReceiveMessage":
                possible.discard(AwsFault.SHUFFLED)
            # What has happened least; one that takes long counts for many.
            weight = {AwsFault.DONE_AND_HANGS: 20, AwsFault.SLOW: 3}
            fault = min(
                possible,
                key=lambda one: (self.seen[one] * weight.get(one, 1), self._chance.random()),
            )
            self.seen[fault] += 1
            return fault

    def shuffle(self, messages: list[Any]) -> None:
        with self._lock:
            self._chance.shuffle(messages)

    def pass_on(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        connection = HTTPConnection(LOOPBACK, self._engine.port, timeout=60)
        try:
            connection.request("POST", path, body, dict(headers))
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP}
            return answer.status, kept, answer.read()
        finally:
            connection.close()


class _Way(BaseHTTPRequestHandler):
    proxy: AwsProxy
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        proxy = self.proxy
        service, _, operation = self.headers.get("x-amz-target", "").rpartition(".")
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        fault = proxy.fault(operation)
        if fault is AwsFault.SLOW:
            time.sleep(SLOW_SECONDS)
        if fault is AwsFault.THROTTLED:
            sqs = service.startswith("AmazonSQS")
            answer = _refusal("ThrottlingException" if sqs else _TOO_FAST)
        elif fault is AwsFault.FAILED:
            answer = _refusal("InternalServerError", 500)
        elif fault is AwsFault.PARTLY:
            answer = _partly(proxy, operation, self.path, headers, body)
        else:
            answer = proxy.pass_on(self.path, headers, body)
        if fault is AwsFault.TWICE:
            proxy.pass_on(self.path, headers, body)
        elif fault is AwsFault.DONE_AND_FAILED:
            answer = _refusal("InternalServerError", 500)
        elif fault is AwsFault.SHUFFLED:
            answer = _shuffled(proxy, answer)
        if fault is AwsFault.DONE_AND_HANGS:
            time.sleep(HANG_SECONDS)
        if fault in (AwsFault.DONE_AND_HANGS, AwsFault.DONE_AND_CUT):
            self.close_connection = True
        else:
            self._answer(*answer, half=fault is AwsFault.DONE_AND_HALF)

    def _answer(
        self, status: int, headers: Mapping[str, str], body: bytes, *, half: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if half else body)
        self.close_connection |= half

    def log_message(self, *_: object) -> None:
        """Say nothing."""


_TOO_FAST = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"


def _told(content: Any, status: int = 200) -> Answer:
    return status, {"content-type": "application/x-amz-json-1.0"}, json.dumps(content).encode()


def _refusal(code: str, status: int = 400) -> Answer:
    return _told({"__type": code, "message": "Said by the proxy."}, status)


def _shuffled(proxy: AwsProxy, answer: Answer) -> Answer:
    told = json.loads(answer[2])
    proxy.shuffle(told.get("Messages", []))
    return _told(told, answer[0])


def _partly(
    proxy: AwsProxy, operation: str, path: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    """The answer to a batch of which every second member is left undone."""
    asked = json.loads(body)
    if "Entries" in asked:
        undone = asked["Entries"][1::2]
        asked["Entries"] = asked["Entries"][::2]
        failed = {"Code": "InternalError", "Message": "Said by the proxy.", "SenderFault": False}
        told: Any = {"Failed": [{"Id": entry["Id"], **failed} for entry in undone]}
    elif operation == "BatchWriteItem":
        tables = asked["RequestItems"]
        left = {name: items[1::2] for name, items in tables.items() if items[1:]}
        asked["RequestItems"] = {name: items[::2] for name, items in tables.items()}
        told = {"UnprocessedItems": left}
    else:
        tables = asked["RequestItems"]
        left = {
            name: {**wanted, "Keys": wanted["Keys"][1::2]}
            for name, wanted in tables.items()
            if wanted["Keys"][1:]
        }
        for wanted in tables.values():
            wanted["Keys"] = wanted["Keys"][::2]
        told = {"UnprocessedKeys": left}
    status, _, answer = proxy.pass_on(path, headers, json.dumps(asked).encode())
    return _told({**json.loads(answer), **told}, status)


@contextmanager
def running_aws_proxy(engine: Engine, seed: int) -> Iterator[tuple[AwsProxy, str]]:
    """A way to an engine, and its URL."""
    proxy = AwsProxy(engine, random.Random(seed))
    handler = type("Way", (_Way,), {"proxy": proxy})
    with ThreadingHTTPServer((LOOPBACK, 0), handler) as http, ThreadPoolExecutor(1) as thread:
        http.daemon_threads = True
        thread.submit(http.serve_forever, 0.05)
        try:
            yield proxy, f"http://{LOOPBACK}:{http.server_port}"
        finally:
            http.shutdown()
