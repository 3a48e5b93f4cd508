"""What the embedded server's processes have used (Linux: read from /proc)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.engines.server import Server

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20


class Usage(NamedTuple):
    """Seconds of CPU since the start, and memory now."""

    server_cpu: float
    consumer_cpu: float
    resident_mib: float
    """Of both together."""


def usage(server: Server) -> Usage:
    """Of a server and the consumer beside it: they are one process group."""
    group = server.process.pid
    cpu = {True: 0.0, False: 0.0}
    resident = 0.0
    for process in _processes(group):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            pages = int((process / "statm").read_text().split()[1])
        except OSError:  # it ended meanwhile
            continue
        cpu[int(process.name) == group] += (int(fields[11]) + int(fields[12])) / _TICKS
        resident += pages * _PAGE_MIB
    return Usage(cpu[True], cpu[False], resident)


def _processes(group: int) -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(process.name)) == group:
                yield process
        except OSError:
            continue
