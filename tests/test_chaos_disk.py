"""A disk that is full, read-only, locked by somebody or spoiled: said clearly, and nothing lost."""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.door import Door, settings, start
from tests.engines.disk import Disk, mounted
from tests.engines.eventually import eventually
from tests.engines.server import Server, Servers
from tests.ledger import EVENTS_A_BATCH, Load, check
from tests.test_commands import told, tracker

FILES = ("queue.db", "store.db")
PAGE = 4096


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with mounted(tmp_path / "disk", 32) as disk:
        yield disk


def state(folder: Path) -> dict[str, str]:
    """What a folder's files hold. The lock names who had it last, and is no data."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != "lock"
    }


def refused(folder: Path) -> str:
    """What a server says that does not start on a folder."""
    keys = ("--write-key", "k", "--read-token", "t")
    return told(tracker("serve", "--port", "0", "--data", folder, *keys))


def used_folder(server: Servers) -> Server:
    """A server that has stored something, and is stopped."""
    running = server()
    load = Load(running)
    load.more(20 * EVENTS_A_BATCH)
    load.stop()
    assert running.stop() == 0
    return running


def test_a_full_disk_costs_no_acknowledged_event(server: Servers, disk: Disk) -> None:
    running = server(data=disk.path / "data")
    load = Load(running)
    try:
        load.more(20 * EVENTS_A_BATCH)
        disk.fill()
        eventually(lambda: 503 in load.statuses, timeout=60)
        assert load.statuses == {200, 503}
        door = Door(running)
        assert door.read("/v1/events", running.read_token).status == 200
        running.kill()
        disk.empty()
        running.start()
        load.more(20 * EVENTS_A_BATCH)
        disk.fill(but=64 * 1024)
        eventually(lambda: disk.free < 8 * 1024)
        disk.empty()
        load.more(20 * EVENTS_A_BATCH)
    finally:
        load.stop()
    check(running, load.acknowledged)
    assert "Traceback" not in running.program.printed()


def test_a_server_does_not_start_on_a_disk_where_it_cannot_write(
    server: Servers, disk: Disk
) -> None:
    for fault in ("full", "read-only"):
        for folder in (disk.path / "used", disk.path / "new"):
            if folder.name == "used" and not folder.exists():
                used = server(data=folder)
                assert used.stop() == 0
            if fault == "full":
                disk.fill()
            else:
                disk.make_read_only()
            line = refused(folder)
            assert str(folder) in line
            if fault == "full":
                disk.empty()


def test_a_locked_file_only_delays(server: Servers) -> None:
    running = server()
    load = Load(running)
    try:
        load.more(5 * EVENTS_A_BATCH)
        with closing(sqlite3.connect(running.data / "store.db", isolation_level=None)) as store:
            store.execute("BEGIN IMMEDIATE")  # the consumer waits; who sends does not notice
            load.more(5 * EVENTS_A_BATCH)
        assert load.statuses == {200}
        with closing(sqlite3.connect(running.data / "queue.db", isolation_level=None)) as queue:
            queue.execute("BEGIN IMMEDIATE")
            eventually(lambda: 503 in load.statuses)
        load.more(5 * EVENTS_A_BATCH)
    finally:
        load.stop()
    check(running, load.acknowledged)
    assert load.statuses == {200, 503}
    assert "Traceback" not in running.program.printed()


def test_a_file_that_stays_locked_keeps_a_server_from_starting(server: Servers) -> None:
    data = used_folder(server).data
    before = state(data)
    with closing(sqlite3.connect(data / "store.db", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        line = refused(data)
        assert f"{data / 'store.db'}: database is locked" in line
    assert state(data) == before


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "garbage": lambda whole: os.urandom(len(whole)),
    "another's": lambda whole: b"%PDF-1.7\n" + whole[9:],
    "cut": lambda whole: whole[: len(whole) // PAGE // 2 * PAGE],
    "its head": lambda whole: whole[:100] + os.urandom(PAGE - 100) + whole[PAGE:],
    "its inside": lambda whole: whole[:PAGE] + os.urandom(len(whole) - PAGE),
}


@pytest.mark.parametrize("name", FILES)
def test_a_spoiled_file_is_refused_and_left_as_it_is(server: Servers, name: str) -> None:
    data = used_folder(server).data
    file = data / name
    whole = file.read_bytes()
    for how, spoil in SPOILED.items():
        file.write_bytes(spoil(whole))
        before = state(data)
        line = refused(data)
        assert str(file) in line, how
        assert "is damaged" in line, how
        assert "backup" in line, how
        assert state(data) == before, how
    file.write_bytes(whole)
    running = server(data=data)
    assert Door(running).read("/v1/events", running.read_token).json["data"]


def test_a_file_that_is_spoiled_while_it_is_used_is_named_and_what_comes_waits(
    server: Servers,
) -> None:
    running = start(server, settings())
    door = Door(running)
    door.post({"batch": [{"type": "page", "anonymousId": "v"}]})
    door.stored("v")
    with closing(sqlite3.connect(running.data / "store.db")) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file = running.data / "store.db"
    file.write_bytes(file.read_bytes()[:PAGE] + os.urandom(file.stat().st_size - PAGE))
    assert door.post({"batch": [{"type": "page", "anonymousId": "w"}]}).status == 200
    eventually(lambda: f"{file} is damaged" in running.program.printed())
    assert running.stop() == 0, "a store that cannot be written to is not waited for"
    assert "Traceback" not in running.program.printed()
    file.unlink()
    running.start()
    door.stored("w")


def test_a_second_server_on_a_folder_refuses_and_the_first_goes_on(server: Servers) -> None:
    running = server()
    load = Load(running)
    try:
        load.more(EVENTS_A_BATCH)
        line = refused(running.data)
        assert f"another tracker (process {running.process.pid}) serves {running.data}" in line
        load.more(EVENTS_A_BATCH)
    finally:
        load.stop()
    check(running, load.acknowledged)
