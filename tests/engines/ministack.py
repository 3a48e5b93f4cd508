"""ministack: SQS, DynamoDB, Lambda, CloudFormation and API Gateway on this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines.engine import REGION, Engine
from tests.engines.leash import Leash
from tests.engines.ports import LOOPBACK, answers, free_port
from tests.engines.program import Program
from tests.engines.required import required


@contextmanager
def running_ministack(
    root: Path, scratch: Path, leash: Leash, *, strict: bool = False
) -> Iterator[Engine]:
    """``strict``: with permissions as in a real account, and every call recorded in CloudTrail."""
    command = root / ".engines/ministack/bin/ministack"
    if not command.exists():
        required("ministack", "run scripts/install-engines")
    port = free_port()
    environment = os.environ | {
        "BIND_HOST": LOOPBACK,  # its default is every address
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        # All it writes stays in the scratch folder: its pid file, Lambda code, S3 objects, state.
        "TMPDIR": str(scratch),
        "STATE_DIR": str(scratch / "state"),
        "S3_DATA_DIR": str(scratch / "s3"),
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "AUTH": str(strict).lower(),
        "CLOUDTRAIL_RECORDING": str(int(strict)),
        "CLOUDTRAIL_MAX_EVENTS": "100000",
    }
    program = Program(
        [command],
        leash=leash,
        output=scratch / "ministack.log",
        env=environment,
        cwd=scratch,
    )
    try:
        program.wait_until(lambda: answers(port, "/_ministack/ready") == 200)
        yield Engine(program, port)
    finally:
        program.stop()
