"""A backup of a running server holds what was acknowledged before it began, and can be served."""

import json
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.engines.eventually import eventually
from tests.engines.server import Server, Servers
from tests.events import wire
from tests.ledger import EVENTS_A_BATCH, Load, check_events, stored
from tests.test_commands import ROOT, send, told, tracker
from tracker import keyring, sqlite_copy
from tracker.errors import ConfigError


@pytest.fixture
def backed_up(server: Servers, tmp_path: Path) -> tuple[Server, Path]:
    """A server with an event, a failed event, a schema and keys, and a backup of it."""
    running = server()
    keyring.make(running.data, "a token of the folder's own")
    schemas = running.data / "schemas"
    schemas.mkdir()
    (schemas / "page.json").write_text('{"type": "object"}')
    send(running, wire(None, messageId="kept"), {"type": "track"})
    eventually(lambda: message_ids(running) == ["kept"])
    done = tracker("backup", tmp_path / "backup", "--data", running.data)
    assert done.returncode == 0, done.stderr
    assert f"Backed up {running.data} to {tmp_path / 'backup'}" in done.stdout
    return running, tmp_path / "backup"


def message_ids(server: Server) -> list[str]:
    return [event["messageId"] for event in stored(server)]


def test_a_backup_under_load_holds_what_was_acknowledged_and_nothing_twice(
    server: Servers, tmp_path: Path
) -> None:
    running = server()
    load = Load(running)
    try:
        backups: list[tuple[set[str], Path]] = []
        for number in range(2):
            enough = len(load.acknowledged) + 30 * EVENTS_A_BATCH
            eventually(lambda enough=enough: len(load.acknowledged) > enough, 60)  # type: ignore[misc]
            before = set(load.acknowledged)
            copy = tmp_path / f"backup-{number}"
            done = tracker("backup", copy, "--data", running.data)
            assert done.returncode == 0, done.stderr
            backups.append((before, copy))
    finally:
        load.stop()
    assert running.stop() == 0
    for acknowledged, copy in backups:
        # Restored first, as its user would; the last is served as it is.
        data = copy
        if copy != backups[-1][1]:
            data = tmp_path / f"{copy.name}-restored"
            done = tracker("restore", copy, "--data", data)
            assert done.returncode == 0, done.stderr
        restored = server(data=data)
        check_events(restored, sorted(acknowledged))  # what came later is still queued
        assert restored.stop() == 0


def test_a_restored_folder_has_the_same_keys_schemas_and_failed_events(
    backed_up: tuple[Server, Path], server: Servers, tmp_path: Path
) -> None:
    running, copy = backed_up
    running.stop()
    assert tracker("token", "--data", copy).returncode == 0, "a copy is a folder like any other"
    data = tmp_path / "restored"
    done = tracker("restore", copy, "--data", data)
    assert done.returncode == 0, done.stderr
    assert f"serve --data {data}" in done.stdout
    assert json.loads((data / "keys.json").read_text()) == json.loads(
        (copy / "keys.json").read_text()
    )
    assert (data / "schemas" / "page.json").exists()
    restored = server(data=data)
    assert message_ids(restored) == ["kept"]
    headers = {"authorization": f"Bearer {restored.read_token}"}
    failed = requests.get(f"{restored.url}/v1/failed-events", headers=headers, timeout=30).json()
    assert len(failed["data"]) == 1
    for path in (copy, data):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        for name in ("store.db", "queue.db", "keys.json"):
            assert stat.S_IMODE((path / name).stat().st_mode) == 0o600, name


def test_nothing_is_ever_overwritten(backed_up: tuple[Server, Path], tmp_path: Path) -> None:
    running, copy = backed_up
    assert "another tracker" in told(tracker("restore", copy, "--data", running.data))
    running.stop()
    before = (running.data / "store.db").read_bytes()
    assert "not empty" in told(tracker("restore", copy, "--data", running.data))
    assert "not empty" in told(tracker("backup", copy, "--data", running.data))
    inside = running.data / "backups" / "today"
    assert "elsewhere" in told(tracker("backup", inside, "--data", running.data))
    assert (running.data / "store.db").read_bytes() == before
    (tmp_path / "file").write_text("mine")
    assert "is a file" in told(tracker("restore", copy, "--data", tmp_path / "file"))
    assert "not empty" in told(tracker("backup", tmp_path / "file", "--data", running.data))
    (tmp_path / "empty").mkdir()
    assert tracker("backup", tmp_path / "empty", "--data", running.data).returncode == 0


def test_what_is_no_backup_or_a_damaged_one_leaves_nothing_behind(
    backed_up: tuple[Server, Path], tmp_path: Path
) -> None:
    _, copy = backed_up
    data = tmp_path / "restored"
    assert "no backup" in told(tracker("restore", tmp_path / "none", "--data", data))
    assert "holds no tracker data" in told(
        tracker("backup", tmp_path / "new", "--data", tmp_path / "none")
    )

    damaged = tmp_path / "damaged"
    shutil.copytree(copy, damaged)
    whole = (damaged / "store.db").read_bytes()
    for content in (whole[: len(whole) // 2], whole[:8192] + b"\xff" * (len(whole) - 8192)):
        (damaged / "store.db").write_bytes(content)
        assert "store.db" in told(tracker("restore", damaged, "--data", data))
        assert [path.name for path in data.iterdir()] == ["lock"]
        assert "store.db" in told(tracker("backup", tmp_path / "new", "--data", damaged))
        assert not list(tmp_path.glob("new*"))

    (damaged / "store.db").unlink()
    with closing(sqlite3.connect(damaged / "store.db")) as foreign:
        foreign.execute("CREATE TABLE somebodys (x)")
    assert "not a file of the tracker's" in told(tracker("restore", damaged, "--data", data))
    assert [path.name for path in data.iterdir()] == ["lock"]
    assert tracker("restore", copy, "--data", data).returncode == 0, "the folder is still empty"


def test_a_backup_that_the_disk_has_no_room_for_leaves_nothing_behind(
    backed_up: tuple[Server, Path], tmp_path: Path
) -> None:
    running, _ = backed_up
    target = tmp_path / "too-large"
    done = subprocess.run(
        [sys.executable, "-m", "tracker", "backup", target, "--data", running.data],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)),
    )
    assert f"cannot be copied to {target}" in told(done)
    assert not list(tmp_path.glob("too-large*"))
    with pytest.raises(ConfigError, match=r"MB left, for a copy of all .* MB are needed"):
        sqlite_copy.need_room(tmp_path, 10**18, "for a copy of all")


def test_what_is_on_aws_is_not_backed_up_here(tmp_path: Path) -> None:
    environment = {"TRACKER_TABLES": "shop"}
    assert "docs/aws.md" in told(tracker("backup", tmp_path / "copy", env=environment))
