"""The command line, run as a user runs it."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.engines.eventually import eventually
from tests.engines.leash import Leash
from tests.engines.ports import answers, free_port
from tests.engines.program import Program
from tests.engines.server import Server, Servers
from tests.events import wire
from tracker.config import hash_token

ROOT = Path(__file__).parents[1]


def tracker(
    *arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tracker", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | dict(env or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def send(server: Server, *events: dict[str, Any]) -> None:
    body: Any = {"batch": events, "writeKey": server.write_key}
    requests.post(f"{server.url}/v1/batch", json=body, timeout=30).raise_for_status()


def told(done: "subprocess.CompletedProcess[str]") -> str:
    """The one line of a failure."""
    assert done.returncode != 0
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def table(*arguments: str | Path) -> Sequence[str]:
    done = tracker("events", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[1:]


@pytest.mark.parametrize("verb", ["", "serve", "events", "sessions", "status", "replay", "token"])
def test_help_says_what_it_does(verb: str) -> None:
    done = tracker(*verb.split(), "--help")
    assert done.returncode == 0
    assert "usage: python -m tracker" in done.stdout


def test_the_first_start_makes_keys_that_later_starts_keep(tmp_path: Path, leash: Leash) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    printed: list[str] = []
    for _ in range(2):
        program = Program(
            [sys.executable, "-m", "tracker", "serve", "--port", str(port)],
            leash=leash,
            output=tmp_path / f"log-{len(printed)}",
            env=os.environ | {"TRACKER_DATA": str(tmp_path / "data"), "PYTHONUNBUFFERED": "1"},
            cwd=ROOT,
        )
        program.wait_until(lambda: answers(port, "/health") == 200)
        eventually(lambda program=program: "Write key" in program.printed())  # type: ignore[misc]
        printed.append(program.printed())
        assert program.stop() == 0
    first, second = printed
    assert f"Dashboard   {url}/ " in first
    assert f"{url}/demo" in first
    key = re.search(r"Write key +(\S+)", first)
    token = re.search(r"Read token +(\S+)", first)
    assert key
    assert token
    assert f'data-write-key="{key[1]}"' in first
    assert key[1] in second
    assert token[1] not in second
    kept = (tmp_path / "data" / "keys.json").read_text()
    assert token[1] not in kept
    assert (tmp_path / "data" / "keys.json").stat().st_mode & 0o077 == 0


def test_events_shows_what_a_user_did(server: Servers) -> None:
    running = server()
    identify = wire(None, type="identify", userId="ada", anonymousId="x")
    view = wire(None, anonymousId="x", context={"page": {"path": "/pricing", "title": "Pricing"}})
    other = wire(None, anonymousId="y", type="track", event="Other's")
    send(running, view, identify, other)
    data = ("--data", running.data)
    eventually(lambda: len(table(*data)) == 3)
    mine = table(*data, "--user", "ada")
    assert len(mine) == 2
    assert "/pricing" in mine[-1]
    assert "ada" in mine[0]
    oldest_first = table(*data, "--user", "ada", "--asc", "--limit", "1")
    assert oldest_first == mine[-1:]
    as_json = [json.loads(line) for line in tracker("events", *data, "--json").stdout.splitlines()]
    assert {event["messageId"] for event in as_json} == {
        event["messageId"] for event in (identify, view, other)
    }
    (nobody,) = table(*data, "--user", "nobody")
    assert nobody == "(no events; bots are left out: --bots include shows them, too)"
    assert table(*data, "--user", "nobody", "--bots", "include") == ["(no events)"]


def test_sessions_shows_a_users_sessions(server: Servers) -> None:
    running = server()
    page = {"path": "/pricing", "referrer": "https://search.example/"}
    earlier = wire(anonymousId="x", userId="ada", context={"page": {"path": "/\x1b[2J"}})
    earlier["originalTimestamp"] = "2026-01-02T10:00:00Z"
    views = [
        wire(None, anonymousId="x", context={"page": page}, originalTimestamp=time)
        for time in ("2026-01-02T12:00:00Z", "2026-01-02T12:02:05Z")
    ]
    identify = wire(None, type="identify", userId="ada", anonymousId="x")
    identify["originalTimestamp"] = "2026-01-02T12:02:06Z"
    send(running, earlier, *views, identify, wire(None, userId="bob"))
    data = ("--data", running.data)
    eventually(lambda: len(table(*data)) == 5)

    def shown(*arguments: str) -> list[str]:
        done = tracker("sessions", *data, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    heading, last, first = shown("--user", "ada")
    assert heading.split()[:3] == ["START", "(UTC)", "DURATION"]
    assert last.split() == [
        *("2026-01-02", "12:00:00", "2:06", "2", "3"),
        *("/pricing", "→", "/pricing", "https://search.example/"),
    ]
    assert "0:00" in first
    assert first.isprintable()
    assert shown("--user-id", "ada", "--asc", "--limit", "1")[1:] == [first]
    assert shown("--anonymous", "x", "--since", "2026-01-02T11:00Z")[1:] == [last]
    (as_json,) = shown("--user", "ada", "--json", "--limit", "1")
    assert json.loads(as_json)["pageViews"] == 2
    assert shown("--user", "nobody", "--bots", "include")[1:] == ["(no sessions)"]
    assert tracker("sessions", *data).returncode == 2, "whose?"
    assert told(tracker("sessions", *data, "--user", "ada", "--since", "x")).startswith("tracker:")


def test_what_a_visitor_sends_cannot_steer_the_terminal(server: Servers) -> None:
    running = server()
    send(running, wire(None, type="track", event="\x1b[2J\x07red\u202e\nnext"))
    data = ("--data", running.data)
    (row,) = eventually(lambda: [line for line in table(*data) if "red" in line])
    assert row.isprintable()


def follow(server: Server, leash: Leash, *options: str) -> Program:
    """`events --follow`, that goes on until it is killed."""
    return Program(
        [
            *(sys.executable, "-m", "tracker", "events", "--follow", *options),
            *("--data", server.data),
        ],
        leash=leash,
        output=server.data.with_name("follow.log"),
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        cwd=ROOT,
    )


def test_follow_shows_each_event_once_as_it_arrives(server: Servers, leash: Leash) -> None:
    running = server()
    send(running, wire(None, type="track", event="Before"))
    eventually(lambda: len(table("--data", running.data)) == 1)
    following = follow(running, leash)
    eventually(lambda: "Before" in following.printed())
    send(running, wire(None, type="track", event="After"))
    late = wire(type="track", event="Late")
    late["originalTimestamp"] = requests.get(
        f"{running.url}/v1/events",
        {"limit": 1},
        headers={"authorization": f"Bearer {running.read_token}"},
        timeout=30,
    ).json()["data"][0]["timestamp"]
    eventually(lambda: "After" in following.printed())
    send(running, late)
    eventually(lambda: "Late" in following.printed())
    assert [following.printed().count(name) for name in ("Before", "After", "Late")] == [1, 1, 1]
    following.kill()


def test_follow_begins_with_the_newest_only(server: Servers, leash: Leash) -> None:
    running = server()
    send(running, *(wire(None, type="track", event=f"Old {n}") for n in range(5)))
    eventually(lambda: len(table("--data", running.data)) == 5)
    following = follow(running, leash, "--limit", "2")
    eventually(lambda: "Old 4" in following.printed())
    send(running, wire(None, type="track", event="New"))
    eventually(lambda: "New" in following.printed())
    shown = following.printed()
    assert [name for name in ("Old 2", "Old 3", "Old 4") if name in shown] == ["Old 3", "Old 4"]
    following.kill()


def test_keys_of_the_command_line_are_added_to_the_folders(server: Servers, tmp_path: Path) -> None:
    keys = {
        "sites": {"default": {"write_keys": ["of-the-folder"], "origins": ["*"]}},
        "read_tokens": {hash_token("of-the-folder"): "default"},
    }
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "keys.json").write_text(json.dumps(keys))
    running = server(data=tmp_path / "data")
    for key in ("of-the-folder", running.write_key):
        assert requests.post(
            f"{running.url}/v1/batch?write_key={key}", json={"batch": []}, timeout=30
        ).ok
    for token in ("of-the-folder", running.read_token):
        headers = {"authorization": f"Bearer {token}"}
        assert requests.get(f"{running.url}/v1/events", headers=headers, timeout=30).ok


def test_the_demo_tells_nobody_of_other_pages(server: Servers) -> None:
    running = server()
    send(
        running,
        wire(None, context={"page": {"path": "/demographics"}}),
        wire(None, context={"page": {"path": "/demo/pricing"}}),
    )
    url = f"{running.url}/demo/activity?anonymous_id=v"
    shown = eventually(lambda: requests.get(url, timeout=30).json()["data"])
    assert [event["context"]["page"]["path"] for event in shown] == ["/demo/pricing"]


def test_status_tells_what_waits_and_what_failed(server: Servers) -> None:
    running = server()
    send(running, wire(None), {"type": "track", "anonymousId": "v"})

    def settled() -> Any:
        done = tracker("status", "--data", running.data, "--json")
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        return report if report["sites"]["default"]["lastFailedEvent"] else None

    report = eventually(settled)
    assert (report["waiting"], report["deadLetters"]) == (0, 0)
    assert report["sites"]["default"]["lastEvent"]
    assert (report["sites"]["default"]["failedEvents"], report["lagSeconds"]) == (1, 0.0)
    shown = tracker("status", "--data", running.data).stdout.splitlines()
    assert "Dead letters          0" in shown
    assert "  failed events       1" in shown
    assert shown[-1].endswith("event is required for track: the event's name")


def test_a_token_that_token_makes_reads(server: Servers, tmp_path: Path, leash: Leash) -> None:
    data = tmp_path / "data"
    port = free_port()

    def serve() -> Program:
        program = Program(
            [sys.executable, "-m", "tracker", "serve", "--port", str(port), "--data", data],
            leash=leash,
            output=tmp_path / "log",
            env=os.environ,
            cwd=ROOT,
        )
        program.wait_until(lambda: answers(port, "/health") == 200)
        return program

    serve().stop()
    made = tracker("token", "--data", data)
    assert made.returncode == 0, made.stderr
    token = re.search(r"rt_\S+", made.stdout)
    assert token
    program = serve()
    headers = {"authorization": f"Bearer {token[0]}"}
    answer = requests.get(f"http://127.0.0.1:{port}/v1/events", headers=headers, timeout=30)
    assert answer.status_code == 200
    program.stop()


def test_a_second_server_on_one_folder_refuses(server: Servers) -> None:
    running = server()
    line = told(tracker("serve", "--port", "0", "--data", running.data))
    assert f"process {running.process.pid}" in line
    assert "--data" in line


def test_a_port_that_is_taken_is_one_line(server: Servers, tmp_path: Path) -> None:
    running = server()
    line = told(tracker("serve", "--port", str(running.port), "--data", tmp_path / "other"))
    assert "--port" in line


@pytest.mark.parametrize("verb", ["events", "status", "replay"])
def test_a_folder_without_data_is_one_line(tmp_path: Path, verb: str) -> None:
    assert "--data" in told(tracker(verb, "--data", tmp_path / "nothing"))
    assert not (tmp_path / "nothing").exists()


def test_a_damaged_file_is_one_line_and_left_alone(tmp_path: Path) -> None:
    damaged = tmp_path / "store.db"
    damaged.write_bytes(b"not SQLite, but long enough to look like a file " * 40)
    before = damaged.read_bytes()
    line = told(tracker("serve", "--port", "0", "--data", tmp_path))
    assert "store.db" in line
    assert "backup" in line
    assert damaged.read_bytes() == before


def test_a_file_of_a_newer_version_is_one_line_and_left_alone(server: Servers) -> None:
    running = server()
    running.stop()
    with closing(sqlite3.connect(running.data / "store.db")) as newer:
        newer.execute("PRAGMA user_version = 99")
    line = told(tracker("serve", "--port", "0", "--data", running.data))
    assert "format 99" in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRACKER_SITES", "not JSON"),
        ("TRACKER_SITES", '{"a": {"write_keys": []}}'),
        ("TRACKER_SITES", '{"a b": {"write_keys": ["k"]}}'),
        *(
            ("TRACKER_SITES", f'{{"a": {{"write_keys": ["k"], "retention_days": {days}}}}}')
            for days in ("0", "-1", "3654", "1.5", "true", '"400"', "1e9999")
        ),
        ("TRACKER_SITES", '{"a": {"write_keys": ["k"]}, "b": {"write_keys": ["k"]}}'),
        ("TRACKER_READ_TOKENS", '{"the token itself": "default"}'),
        ("TRACKER_READ_TOKENS", json.dumps({"0" * 64: "no such site"})),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path: Path, name: str, value: str) -> None:
    told(tracker("serve", "--port", "0", "--data", tmp_path / "data", env={name: value}))


@pytest.mark.parametrize(
    "arguments", [("--since", "yesterday"), ("--until", ""), ("--user", ""), ("--limit", "0")]
)
def test_a_wrong_argument_says_which(server: Servers, arguments: Sequence[str]) -> None:
    running = server()
    done = tracker("events", "--data", running.data, *arguments)
    assert done.returncode != 0
    assert arguments[0] in done.stderr
    assert "Traceback" not in done.stderr
