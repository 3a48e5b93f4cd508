"""How soon the embedded server answers, and a cold Lambda's collector, beside their floors."""

import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import cold_start
from bench.figure import Figure
from bench.options import ROOT, Options
from tests.engines.leash import Leash
from tests.engines.ports import answers, free_port
from tests.engines.program import Program
from tests.engines.server import READ_TOKEN, WRITE_KEY

STARTS = 7
COLD_STARTS = 5


def measure(options: Options) -> Iterator[Figure]:
    """The median of several starts, that take turns with their floors."""
    served: list[float] = []
    floors: list[float] = []
    with Leash() as leash:
        for number in range(STARTS + 1):
            data = options.scratch / f"data-{number}"
            floor = _ready("bench/floors/empty_server.py", leash=leash, folder=options.scratch)
            ours = _ready(
                *("-m", "tracker", "serve", "--data", str(data)),
                *("--write-key", WRITE_KEY, "--read-token", READ_TOKEN, "--port"),
                leash=leash,
                folder=options.scratch,
            )
            if number:  # the first one only warms the disk's cache
                served.append(ours)
                floors.append(floor)
    yield Figure(
        "start: serve answers, in an empty folder",
        statistics.median(served),
        "s",
        statistics.median(floors),
        "the HTTP server alone",
        "under 1",
    )
    rows = cold_start.measure(COLD_STARTS, bytecode=True)
    take = next(row for row in rows if row.entry == "take an event")
    yield Figure(
        "start: a cold Lambda takes its first event",
        take.answer,
        "ms",
        take.answer / take.ratio,
        "Chalice and one SDK call",
        "near 1",
    )


def _ready(*arguments: str, leash: Leash, folder: Path) -> float:
    """Seconds from the start of a program to its first answer; its last argument is the port."""
    port = free_port()
    began = time.perf_counter()
    program = Program(
        [sys.executable, *arguments, str(port)],
        leash=leash,
        output=folder / "start.log",
        env=os.environ,
        cwd=ROOT,
    )
    try:
        while not _is_there(port):
            if program.process.poll() is not None:
                raise SystemExit(f"bench: it does not start:\n{program.printed()}")
            time.sleep(0.005)
        return time.perf_counter() - began
    finally:
        program.stop()


def _is_there(port: int) -> bool:
    try:
        return answers(port, "/health") == 200
    except OSError:
        return False
