"""DynamoDB Local: AWS's own engine, the truth for how DynamoDB behaves."""

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines.engine import Engine
from tests.engines.leash import Leash
from tests.engines.ports import answers, free_port
from tests.engines.program import Program
from tests.engines.required import required

LAUNCHER = Path(__file__).parent / "dynamodb-local" / "LoopbackServer.java"


@contextmanager
def running_dynamodb_local(root: Path, scratch: Path, leash: Leash) -> Iterator[Engine]:
    if platform.machine() not in {"x86_64", "AMD64"}:
        required("DynamoDB Local", f"its native SQLite is not made for {platform.machine()}")
    if not shutil.which("java") or not shutil.which("javac"):
        required("DynamoDB Local", "it needs a JDK, 17 or newer: run scripts/install-engines")
    parts = root / ".engines/dynamodb-local"
    if not (parts / "installed.xml").exists():
        required("DynamoDB Local", "run scripts/install-engines")
    port = free_port()
    program = Program(
        [
            "java",
            f"-Djava.library.path={parts}",
            "-cp",
            f"{parts}/*",
            LAUNCHER,
            # One database whatever the region and key; in memory, so that nothing is left behind.
            "-sharedDb",
            "-inMemory",
            "-disableTelemetry",
            "-port",
            str(port),
        ],
        leash=leash,
        output=scratch / "dynamodb-local.log",
        env=os.environ,
        cwd=scratch,
    )
    try:
        # Any answer will do: to a plain GET it is 400.
        program.wait_until(lambda: answers(port, "/") > 0)
        yield Engine(program, port)
    finally:
        program.stop()
