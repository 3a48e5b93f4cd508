"""The embedded server from end to end: HTTP → durable → readable, under a load that lasts."""

import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bench import bare_insert, load
from bench.bare_insert import BareInsert
from bench.figure import Figure, grouped
from bench.load import Load
from bench.options import ROOT, Options
from bench.usage import Usage, usage
from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.engines.ports import LOOPBACK, answers, free_port
from tests.engines.program import Program
from tests.engines.server import Server
from tracker.queues.sqlite import SqliteQueue
from tracker.wiring import QUEUE_FILE, STORE_FILE

NO_LIMITS = {"TRACKER_RATE_PER_ADDRESS": "0", "TRACKER_RATE_PER_KEY": "0"}
DRAIN_SECONDS = 900
CALM = 0.95
"""Of the rate at which a server under full load gets everything stored: what it should sustain."""


class Shape(NamedTuple):
    """A kind of load."""

    name: str
    events: int
    """In a request."""
    goal: float
    """Events a second."""


SHAPES = (Shape("batches of 20", 20, 50_000), Shape("single events", 1, 4_000))


class Run(NamedTuple):
    """What one kind of load has come to."""

    most: Load
    through: float
    """Events a second, from the first request at full speed until the last event is readable."""
    lasting: Load
    readable: int
    """How many events were readable when the lasting load ended."""
    backlog: int
    """How many were acknowledged and not readable yet at that time."""
    before: Usage
    after: Usage
    half: Load


def measure(options: Options) -> Iterator[Figure]:
    """Both kinds of load, each on a folder of its own."""
    for shape in SHAPES:
        scratch = options.scratch / f"embedded-{shape.events}"
        scratch.mkdir()
        with Leash() as leash:
            with _serving(scratch / "data", leash) as server:
                run = _run(shape, options.seconds, server)
            bare = bare_insert.measure(scratch / "data" / STORE_FILE, scratch)
            empty = _empty(shape, max(3, options.seconds // 10), scratch, leash)
        yield from _figures(shape, run, bare, empty)


def _figures(shape: Shape, run: Run, bare: BareInsert, empty: Load) -> Iterator[Figure]:
    def figure(what: str, *about: Any, **more: Any) -> Figure:
        return Figure(f"{shape.name}: {what}", *about, **more)

    readable = run.readable / run.lasting.seconds
    yield figure(
        f"readable, for {run.lasting.seconds:.0f} s",
        *(readable, "events/s", bare.rows_a_second, "bare SQLite insert of the same rows"),
        goal=grouped(shape.goal),
    )
    yield figure("backlog at its end", run.backlog, "events", goal="does not grow")
    yield figure(
        "acknowledged, at full speed",
        *(run.most.rate, "requests/s", empty.rate, "an empty 200"),
    )
    yield figure("from there until the last is readable", run.through, "events/s")
    yield figure(
        f"acknowledgement at {grouped(run.half.rate * shape.events)} events/s, p99",
        *(run.half.p99, "ms", run.half.p50, "p50"),
        goal="25",
    )
    one = 1e6 / max(1, run.readable)
    consumer = one * (run.after.consumer_cpu - run.before.consumer_cpu)
    yield figure(
        "CPU of the consumer",
        *(consumer, "µs/event", bare.cpu_microseconds, "bare insert"),
    )
    server = one * (run.after.server_cpu - run.before.server_cpu)
    yield figure("CPU of the server", server, "µs/event")
    yield figure(
        "memory at the end",
        *(run.after.resident_mib, "MiB", run.before.resident_mib, "at the start"),
        goal="flat",
    )
    failed = sum(load.refused + load.broken for load in (run.most, run.lasting, run.half))
    yield figure("refused or broken", failed, "requests", goal="0")


def _run(shape: Shape, seconds: int, server: Server) -> Run:
    send = partial(load.run, server.url, server.write_key, shape.events)
    queue = SqliteQueue(server.data / QUEUE_FILE)
    send(max(2, seconds // 20))  # so that all is imported and compiled
    _drain(queue)

    began, stored = time.monotonic(), _stored(server)
    most = send(max(3, seconds // 6))
    _drain(queue)
    through = (_stored(server) - stored) / (time.monotonic() - began)
    calm = CALM * min(most.rate, through / shape.events)

    before, stored = usage(server), _stored(server)
    lasting = send(seconds, calm)
    after, readable = usage(server), _stored(server) - stored
    behind = queue.depth()
    backlog = (behind.waiting + behind.in_flight) * shape.events
    _drain(queue)
    half = send(max(3, seconds // 3), calm / 2)
    _drain(queue)
    return Run(most, through, lasting, readable, backlog, before, after, half)


def _empty(shape: Shape, seconds: int, scratch: Path, leash: Leash) -> Load:
    """The same requests to a server that does nothing."""
    port = free_port()
    program = Program(
        [sys.executable, ROOT / "bench/floors/empty_server.py", str(port)],
        leash=leash,
        output=scratch / "empty-server.log",
        env=os.environ,
        cwd=ROOT,
    )
    try:
        program.wait_until(lambda: answers(port, "/") == 200)
        return load.run(f"http://{LOOPBACK}:{port}", "key", shape.events, seconds)
    finally:
        program.stop()


@contextmanager
def _serving(data: Path, leash: Leash) -> Iterator[Server]:
    server = Server(ROOT, data, leash, ["--no-demo"], NO_LIMITS)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _drain(queue: SqliteQueue) -> None:
    """Wait until all that was taken is readable."""
    eventually(lambda: queue.depth()[:2] == (0, 0), DRAIN_SECONDS)


def _stored(server: Server) -> int:
    """How many events are readable: none was removed, so the last row's id."""
    uri = f"file:{server.data / STORE_FILE}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        count: int = connection.execute("SELECT ifnull(max(id), 0) FROM events").fetchone()[0]
        return count
