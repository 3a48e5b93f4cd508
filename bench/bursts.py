"""Thousands of devices that send at once, again and again: what was acknowledged is there."""

import asyncio
import resource
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import NamedTuple

import msgspec
from msgspec import Struct

from bench import page_views
from bench.figure import Figure
from bench.options import ROOT, Options
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.engines.ports import LOOPBACK
from tests.engines.server import Server
from tracker import timestamps
from tracker.queues.sqlite import SqliteQueue
from tracker.wiring import QUEUE_FILE, STORE_FILE

WAVES = 7
"""One a period, so that the last begins a minute after the first."""
PERIOD = 10.0
SPREAD = 1.0
"""All of a wave begin to send within this many seconds."""
PATIENCE = 60.0
EVENTS = 2
"""Of a device in a wave."""
SPARE_FILES = 200


class Sent(NamedTuple):
    """What became of one request."""

    status: int
    """0 where no answer came."""
    retry_after: bool
    seconds: float


class _Id(Struct, rename="camel"):
    message_id: str


_ids = msgspec.json.Decoder(_Id)


class Device:
    """One browser: a connection that it keeps as long as the server does."""

    def __init__(self, number: int, server: Server) -> None:
        self._visitor = f"device-{number}"
        self._server = server
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._seq = 1
        self.acknowledged: list[str] = []

    async def send(self, delay: float) -> Sent:
        """One request, after a while."""
        await asyncio.sleep(delay)
        now = timestamps.now()
        body = page_views.body(self._server.write_key, self._visitor, self._seq, EVENTS, now)
        self._seq += EVENTS
        began = time.monotonic()
        try:
            status, head = await asyncio.wait_for(self._request(body.encode()), PATIENCE)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            self.close()
            return Sent(0, retry_after=False, seconds=time.monotonic() - began)
        if status == 200:
            batch = msgspec.json.decode(body)["batch"]
            self.acknowledged += [event["messageId"] for event in batch]
        return Sent(status, b"retry-after:" in head.lower(), time.monotonic() - began)

    async def _request(self, body: bytes) -> tuple[int, bytes]:
        if self._streams is None or self._streams[0].at_eof():
            self.close()
            self._streams = await asyncio.open_connection(LOOPBACK, self._server.port)
        reader, writer = self._streams
        writer.write(
            b"POST /v1/batch HTTP/1.1\r\nHost: bench\r\nContent-Type: text/plain\r\n"
            b"User-Agent: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (page_views.BROWSER.encode(), len(body), body)
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        await reader.readexactly(length)
        return int(head.split(b" ", 2)[1]), head

    def close(self) -> None:
        """Hang up."""
        if self._streams:
            self._streams[1].close()
            self._streams = None


def measure(options: Options) -> Iterator[Figure]:
    """Waves of requests from one address, as from behind a proxy: without its limit."""
    count = min(options.devices, _files() - SPARE_FILES)
    with Leash() as leash:
        server = Server(
            *(ROOT, options.scratch / "data", leash, ["--no-demo"]),
            env={"TRACKER_RATE_PER_ADDRESS": "0"},
        )
        server.start()
        try:
            devices = [Device(number, server) for number in range(count)]
            sent = asyncio.run(_waves(devices))
            acknowledged = {one for device in devices for one in device.acknowledged}
            queue = SqliteQueue(server.data / QUEUE_FILE)
            began = time.monotonic()
            eventually(lambda: queue.depth()[:2] == (0, 0), 300)
            behind = time.monotonic() - began
            lost = acknowledged - _stored(server)
        finally:
            server.stop()
    name = f"bursts of {count} devices"
    taken = [one.seconds for one in sent if one.status == 200]
    told = sum(one.status in (429, 503) and one.retry_after for one in sent)
    yield Figure(f"{name}: taken", len(taken), "requests", len(sent), "sent")
    yield Figure(f"{name}: told when to come again (429, 503)", told, "requests")
    others = len(sent) - len(taken) - told
    yield Figure(f"{name}: any other answer, or none", others, "requests", goal="0")
    if taken:
        middle = statistics.median(taken) * 1000
        slow = statistics.quantiles(taken, n=100)[-1] * 1000
        yield Figure(f"{name}: acknowledgement, p99", slow, "ms", middle, "p50")
    yield Figure(f"{name}: acknowledged and lost", len(lost), "events", goal="0")
    yield Figure(f"{name}: behind after the last wave", behind, "s")


async def _waves(devices: list[Device]) -> list[Sent]:
    began = time.monotonic()
    sent: list[Sent] = []
    for wave in range(WAVES):
        await asyncio.sleep(max(0.0, began + wave * PERIOD - time.monotonic()))
        requests = [
            device.send(SPREAD * number / len(devices)) for number, device in enumerate(devices)
        ]
        sent += await asyncio.gather(*requests)
    for device in devices:
        device.close()
    return sent


def _files() -> int:
    """How many connections this process may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _stored(server: Server) -> set[str]:
    """The message ids of all that is readable."""
    uri = f"file:{server.data / STORE_FILE}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        rows = connection.execute("SELECT document FROM events")
        return {_ids.decode(row[0]).message_id for row in rows}
