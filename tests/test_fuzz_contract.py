"""Schemathesis reads the contract, and asks the server all that it allows, and what it does not."""

import os
import subprocess
from pathlib import Path

from tests.conftest import Rounds
from tests.engines.required import required
from tests.engines.server import Server
from tests.ledger import EVENTS_A_BATCH, Load

PROGRAM = Path(__file__).parents[1] / ".engines/schemathesis/bin/st"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
)


def test_whatever_the_contract_allows_or_not_is_answered_as_it_says(
    running: Server, tmp_path: Path, rounds: Rounds
) -> None:
    if not PROGRAM.exists():
        required("schemathesis", "run scripts/install-engines")
    load = Load(running)  # something to read
    load.more(10 * EVENTS_A_BATCH)
    load.stop()
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(
        f'[auth.openapi.readToken]\nbearer = "{running.read_token}"\n'
        f'[auth.openapi.writeKeyInQuery]\napi_key = "{running.write_key}"\n'
        f'[auth.openapi.writeKeyAsUser]\nusername = "{running.write_key}"\npassword = ""\n'
    )
    seconds = rounds(20, 600)
    done = subprocess.run(
        [
            *(PROGRAM, "--config-file", settings, "run", f"{running.url}/openapi.json"),
            *("--checks", ",".join(CHECKS), "--request-timeout", "60", "--seed", "20261122"),
            *("--max-time", str(seconds), "--no-color"),
            # One thread: of two that make syntax trees at the same time (Hypothesis describes its
            # lambdas by them), Python 3.11 loses count.
            *("--workers", "1"),
        ],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 300,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    log = running.program.printed()
    assert "Traceback" not in log
    assert "ERROR" not in log
