"""A load of HTTP requests from a process of its own: wrk, which costs the machine little."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import msgspec

SCRIPT = Path(__file__).with_name("load.lua")
CONNECTIONS = 64


class Load(NamedTuple):
    """What came of it."""

    requests: int
    """Answered with 200."""
    seconds: float
    p50: float
    """Milliseconds to the answer."""
    p99: float
    refused: int
    """Answered with another status."""
    broken: int
    """Connections that failed, and requests without an answer."""

    @property
    def rate(self) -> float:
        """Requests answered in a second."""
        return self.requests / self.seconds


def run(
    url: str, write_key: str, events: int, seconds: int, requests_a_second: float | None = None
) -> Load:
    """Send so many events a request; as fast as it goes, or so many requests a second, about: each
    connection waits before it sends again."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("bench: there is no wrk: run scripts/install-engines, or apt install wrk")
    pause = 0 if requests_a_second is None else round(1000 * CONNECTIONS / requests_a_second)
    command = [wrk, "--threads=1", f"--connections={CONNECTIONS}", f"--duration={seconds}s"]
    command += ["--timeout=10s", f"--script={SCRIPT}", f"{url}/v1/batch"]
    done = subprocess.run(  # noqa: S603  (our own arguments)
        [*command, "--", write_key, str(events), str(pause)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"bench: wrk: {done.stderr.strip()[-2000:]}")
    told = msgspec.json.decode(done.stdout.splitlines()[-1])
    told["requests"] -= told["refused"]
    return Load(**told)
