"""The embedded host, started as a user starts it: `python -m tracker serve`."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.engines.leash import Leash
from tests.engines.ports import LOOPBACK, answers, free_port
from tests.engines.program import Program

WRITE_KEY = "test-write-key"
READ_TOKEN = "test-read-token"


class Server:
    """One server on one folder and one port: it can be ended and started again on both."""

    write_key = WRITE_KEY
    read_token = READ_TOKEN

    def __init__(
        self,
        root: Path,
        data: Path,
        leash: Leash,
        arguments: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self.port = free_port()
        self._root = root
        self._leash = leash
        self._arguments = arguments
        self._env = os.environ | {"PYTHONUNBUFFERED": "1"} | dict(env or {})

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        return self.program.process

    def start(self) -> None:
        self.program = Program(
            [
                *(sys.executable, "-m", "tracker", "serve"),
                *("--port", str(self.port)),
                *("--data", self.data),
                *("--write-key", self.write_key),
                *("--read-token", self.read_token),
                *self._arguments,
            ],
            leash=self._leash,
            # Beside the data, which belongs to the server alone. A restart adds to it.
            output=self.data.with_name(f"{self.data.name}.log"),
            env=self._env,
            cwd=self._root,
        )
        self.program.wait_until(lambda: answers(self.port, "/health") == 200)

    def stop(self) -> int:
        """SIGTERM: it finishes what it accepted. Returns the exit code."""
        return self.program.stop()

    def kill(self) -> None:
        """SIGKILL: it finishes nothing."""
        self.program.kill()

    def consumer(self) -> int:
        """The process id of the consumer beside it."""
        for thread in Path(f"/proc/{self.process.pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                if b"tracker.embedded.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
        raise LookupError("the server has no consumer")


class Servers:
    """Starts servers for one test: `server()`, `server("--option", env={…}, data=folder)`."""

    def __init__(self, root: Path, scratch: Path, leash: Leash) -> None:
        self.started: list[Server] = []
        self._root = root
        self._scratch = scratch
        self._leash = leash

    def __call__(
        self, *arguments: str, env: Mapping[str, str] | None = None, data: Path | None = None
    ) -> Server:
        data = data or self._scratch / f"server-{len(self.started) + 1}"
        server = Server(self._root, data, self._leash, arguments, env)
        server.start()
        self.started.append(server)
        return server

    def stop(self) -> None:
        for server in self.started:
            server.stop()
