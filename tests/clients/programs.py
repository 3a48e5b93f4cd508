"""Clients of servers: programs of their own, which are told what to call."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.clients.set_up import Way, installed, lines, pointed_at

HERE = Path(__file__).parent

Call = tuple[str, Any]
"""A method, and what it is given."""


class ProgramClient:
    """Makes calls, and waits until the client has sent them or given up."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process = process
        self._log = log

    def __call__(self, calls: Sequence[Call]) -> list[str]:
        """Returns what the client reported as failed."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(calls) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, self._log.read_text()
        failed: list[str] = json.loads(answer)
        return failed


@contextmanager
def python_client(version: str, way: Way) -> Iterator[ProgramClient]:
    text = pointed_at(lines("Python: segment-analytics-python"), way.proxy)
    (way.scratch / "documented.py").write_text(text)
    paths = [way.scratch, installed(f"segment-{version}")]
    environment = {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    # Without this environment's own packages (-S): the client has its own.
    command = [sys.executable, "-S", str(HERE / "run_python.py")]
    with _running(command, way, environment) as client:
        yield client


@contextmanager
def node_client(way: Way) -> Iterator[ProgramClient]:
    text = pointed_at(lines("Node.js: @segment/analytics-node"), way.proxy)
    module = way.scratch / "documented.mjs"
    module.write_text(text)
    (way.scratch / "node_modules").symlink_to(installed("npm") / "node_modules")
    with _running(["node", HERE / "run_node.mjs", module], way) as client:
        yield client


@contextmanager
def _running(
    command: Sequence[str | Path],
    way: Way,
    environment: Mapping[str, str] | None = None,
) -> Iterator[ProgramClient]:
    log = way.scratch / "client.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=os.environ | (environment or {}),
            start_new_session=True,
        )
    way.leash.hold(process.pid)
    try:
        yield ProgramClient(process, log)
    finally:
        process.kill()
        process.communicate()
        way.leash.release(process.pid)
