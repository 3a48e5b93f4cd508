"""The log of the embedded server holds no key, no token, and nothing that tells whose a request
was; and nobody can write lines of their own into it."""

import base64
import json
import os
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.door import ALL_TOKEN, OPEN_KEY, OPEN_TOKEN, Door, basic, settings, start
from tests.engines.leash import Leash
from tests.engines.ports import answers, free_port
from tests.engines.program import Program
from tests.engines.server import Servers
from tests.events import wire

ROOT = Path(__file__).parents[1]
SECRETS = [
    *(OPEN_KEY, OPEN_TOKEN, ALL_TOKEN, "guessed-token"),
    *("ada@example.org", "visitor-7", "203.0.113", "Secret/1.0", "shopping-list"),
]


def visit(door: Door) -> None:
    """Use every door with what should not be told."""
    headers = {"x-forwarded-for": "203.0.113.9", "user-agent": "Secret/1.0"}
    event = wire(anonymousId="visitor-7", userId="ada@example.org", event="shopping-list")
    bad = {"type": "track", "userId": "ada@example.org", "anonymousId": "visitor-7"}
    assert door.post({"batch": [event, bad], "writeKey": OPEN_KEY}, headers=headers).status == 200
    door.post(event, "/v1/track", {**headers, "authorization": basic(OPEN_KEY)})
    door.post({"batch": [event]}, "/v1/batch?write_key=guessed-token", headers)
    data = base64.urlsafe_b64encode(json.dumps(event).encode()).decode()
    door("GET", f"/v1/i.gif?write_key={OPEN_KEY}&data={data}", headers=headers)
    door("GET", f"/v1/projects/{OPEN_KEY}/settings", headers=headers)
    door.stored("visitor-7")
    door.read("/v1/users/ada@example.org")
    door.read("/v1/events?user_id=ada@example.org&cursor=guessed-token")
    door.read("/v1/events?site=open", ALL_TOKEN)
    door.read("/v1/events", "guessed-token")
    door("GET", "/ada@example.org%0aERROR%20made%20up", headers=headers)


def lines(door: Door) -> list[dict[str, Any]]:
    return [json.loads(line) for line in door.server.program.output.read_text().splitlines()]


def test_json_lines_tell_of_each_request_and_of_nobody(server: Servers) -> None:
    door = Door(start(server, settings(), "--json-logs", "--access-log"))
    visit(door)
    with closing(sqlite3.connect(door.server.data / "queue.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert door.post({"batch": [wire()]}).status == 503
        other.execute("ROLLBACK")
    assert door.server.stop() == 0
    logged = lines(door)
    for line in logged:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in ("INFO", "WARNING")
        assert line["process"] in ("server", "consumer")
    accesses = [line for line in logged if line["logger"] == "tracker.embedded.server.access"]
    taken = next(line for line in accesses if line.get("rejected"))
    assert taken["message"] == "POST /v1/batch 200"
    assert (taken["status"], taken["accepted"], taken["rejected"]) == (200, 1, 1)
    assert taken["batch_id"]
    assert taken["milliseconds"] > 0
    messages = [line["message"] for line in accesses]
    for message in (
        "POST /v1/track 200",
        "POST /v1/batch 401",
        "POST /v1/batch 503",
        "GET /v1/i.gif 200",
        "GET /v1/users/{user_id} 200",
        "GET /v1/events 400",
        "GET /v1/events 401",
        "GET - 404",
    ):
        assert message in messages, messages
    whole = door.server.program.output.read_text()
    for secret in SECRETS:
        assert secret not in whole, secret
    assert f"serving {door.server.url}" in [line["message"] for line in logged]
    assert logged[-1]["message"] == "Finishing what was accepted …"


def test_plain_lines_tell_as_little(server: Servers) -> None:
    door = Door(start(server, settings(), "--access-log"))
    visit(door)
    assert door.server.stop() == 0
    # The first steps, for whoever starts it at a terminal, hold the write key.
    printed = door.server.program.output.read_text().partition("v1/events?user_id=USER_ID")[2]
    assert "server INFO GET - 404" in printed
    assert "POST /v1/track 200" in printed
    for secret in SECRETS:
        assert secret not in printed, secret
    assert "made up" not in printed


def test_a_first_start_that_logs_json_makes_no_token_that_would_be_in_the_log(
    tmp_path: Path, leash: Leash
) -> None:
    port = free_port()
    program = Program(
        [sys.executable, "-m", "tracker", "serve", "--port", str(port)],
        leash=leash,
        output=tmp_path / "log",
        env=os.environ | {"TRACKER_DATA": str(tmp_path / "data"), "TRACKER_JSON_LOGS": "1"},
        cwd=ROOT,
    )
    program.wait_until(lambda: answers(port, "/health") == 200)
    assert program.stop() == 0
    kept = json.loads((tmp_path / "data" / "keys.json").read_text())
    assert kept["read_tokens"] == {}
    (key,) = kept["sites"]["default"]["write_keys"]
    assert key not in program.printed()
    assert "rt_" not in program.printed()
