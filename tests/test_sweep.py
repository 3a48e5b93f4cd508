"""The sweep of a SQLite store, and the server that runs it."""

import json
import os
import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.engines.clock import Clock
from tests.engines.eventually import eventually
from tests.engines.server import Servers
from tests.events import NOON, SECOND, SITE, ids, received, wire
from tracker import config, keyring, timestamps, wiring
from tracker.embedded.sweeper import Watch, passed, sweep
from tracker.stores import Everyone, Selection
from tracker.stores.retention import Retention
from tracker.stores.sqlite.expiry import SLICE
from tracker.stores.sqlite.store import SqliteStore
from tracker.timestamps import DAY

DAYS = {"short": 10, SITE: 400, "always": None}
END = NOON + 10 * DAY


class File:
    """A store's file, opened at any time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def at(self, now: int) -> SqliteStore:
        return SqliteStore(self.path, Retention(DAYS.__getitem__, lambda: now))

    def rows(self, table: str = "events") -> list[str]:
        """The sites of what the file holds, hidden or not."""
        with closing(sqlite3.connect(self.path)) as connection:
            return [row[0] for row in connection.execute(f"SELECT site FROM {table}")]

    def fill(self, site: str, count: int, at: int = NOON) -> list[str]:
        events = received(*(wire(at) for _ in range(count)), site=site, at=at)
        self.at(at).append(events)
        return [event.message_id for event in events]


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "store.db")


def test_a_large_file_is_swept_in_small_steps_and_others_write_between_them(file: File) -> None:
    file.fill("short", 4 * SLICE + 7)
    steps = []
    for gone in file.at(END).sweep():
        steps.append(gone)
        file.fill("short", 1, at=END)  # it is locked for the length of a step only
    assert steps == [SLICE] * 4 + [7]
    assert len(file.rows()) == 5


def test_a_sweep_that_is_interrupted_goes_on_where_it_was(file: File) -> None:
    file.fill("always", 2 * SLICE)
    file.fill("short", 2 * SLICE)
    steps = [next(file.at(END).sweep()) for _ in range(4)]
    assert steps == [0, 0, SLICE, SLICE]
    assert list(file.at(END).sweep()) == []
    assert file.rows() == ["always"] * 2 * SLICE


def test_what_stands_between_others_is_removed_and_looked_at_once(file: File) -> None:
    for _ in range(3):
        for site in DAYS:
            file.fill(site, SLICE)
    kept = dict.fromkeys((SITE, "always"), 3 * SLICE)
    assert sum(file.at(END).sweep()) == 3 * SLICE
    assert {site: file.rows().count(site) for site in kept} == kept
    file.fill("short", 5, at=END)
    assert list(file.at(END).sweep()) == [0, 0]  # one look for each site that has an end
    assert sum(file.at(END + 10 * DAY - 1).sweep()) == 0
    assert sum(file.at(END + 10 * DAY).sweep()) == 5


@pytest.mark.parametrize("erased", [False, True])
def test_rows_whose_ids_are_used_again_are_swept_too(
    file: File,
    erased: bool,  # noqa: FBT001  (a parameter of the test)
) -> None:
    file.fill("short", 50)
    file.fill(SITE, 50)
    assert sum(file.at(END).sweep()) == 50
    if erased:
        with closing(sqlite3.connect(file.path, isolation_level=None)) as connection:
            connection.execute("DELETE FROM events")
    else:
        assert sum(file.at(NOON + 400 * DAY).sweep()) == 50
    assert file.rows() == []
    late = NOON + 500 * DAY
    file.fill("short", 60, at=late)
    assert sum(file.at(late + DAY).sweep()) == 0
    assert sum(file.at(late + 10 * DAY).sweep()) == 60


def test_what_came_while_the_clock_was_wrong_stops_no_sweep(file: File) -> None:
    ahead = file.fill("short", 1, at=NOON + 9000 * DAY)
    file.fill("short", 10)
    assert sum(file.at(END).sweep()) == 10
    page = file.at(END).read(Selection(site="short", scope=Everyone()), 10)
    assert ids([stored.document for stored in page.events]) == ahead


def test_nothing_is_lost_of_what_is_written_during_a_sweep(file: File) -> None:
    file.fill("short", 6 * SLICE)
    written: list[str] = []

    def write() -> None:
        for _ in range(40):
            written.extend(file.fill("short", 5, at=END))

    writer = threading.Thread(target=write)
    sweep = file.at(END).sweep()
    removed = next(sweep)
    writer.start()
    removed += sum(sweep)
    writer.join()
    assert removed == 6 * SLICE
    page = file.at(END).read(Selection(site="short", scope=Everyone()), 1000)
    assert sorted(ids([stored.document for stored in page.events])) == sorted(written)
    assert len(written) == len(file.rows()) == 200


def personal() -> list[dict[str, object]]:
    """Events from which more is known of somebody: marked, to be found in the file."""
    return [
        wire(anonymousId="mark-v", context={"sessionId": "mark-s"}),
        wire(anonymousId="mark-v", userId="mark-u", type="identify", traits={"name": "mark-n"}),
        wire(anonymousId="mark-v", type="identify", traits={"name": "mark-n"}),
        wire(userId="mark-u", anonymousId="mark-w", type="alias", previousId="mark-p"),
        wire(userId="mark-p", anonymousId="mark-v"),
    ]


def test_nothing_of_a_person_stays_in_the_file(file: File) -> None:
    for n, event in enumerate(personal()):
        file.at(NOON).append(received(event, site="short", at=NOON + n * SECOND))
        file.at(NOON).append(received(*personal(), site="always"))
    with closing(sqlite3.connect(file.path)) as connection:
        connection.execute("DELETE FROM events WHERE site = 'always'")
        for table in ("links", "aliases", "traits", "stretches"):
            connection.execute(f"DELETE FROM {table} WHERE site = 'always'")
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        connection.commit()
    # Event by event: each takes with it what only it stood for.
    for n in range(len(personal())):
        assert sum(file.at(END + n * SECOND).sweep()) == 1
    for table in ("events", "links", "aliases", "traits", "stretches"):
        assert file.rows(table) == []


def test_what_was_swept_cannot_be_read_from_the_file(file: File) -> None:
    file.at(NOON).append(received(*personal(), site="short"))
    assert b"mark-" in content(file)
    assert sum(file.at(END).sweep()) == len(personal())
    assert b"mark-" not in content(file)


def content(file: File) -> bytes:
    with closing(sqlite3.connect(file.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file.path.read_bytes()


def test_nothing_goes_by_a_clock_that_was_put_forward(
    file: File, caplog: pytest.LogCaptureFixture
) -> None:
    now = NOON
    file.fill("short", 1, at=NOON - 10 * DAY + SECOND)
    file.fill("short", 3)
    store = SqliteStore(file.path, Retention(DAYS.__getitem__, lambda: now))
    watch = Watch(NOON - passed(), lambda: now)
    now = NOON + 500 * DAY
    sweep(store, watch)
    assert "the clock was put forward by 500 days" in caplog.text
    assert len(file.rows()) == 4
    now = NOON + SECOND
    sweep(store, watch)
    assert len(file.rows()) == 3


# The server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A server's folder that was used long ago, of two sites with other days than each other."""
    folder = tmp_path / "served"
    sites = {
        SITE: config.Site(["wk_shop"], retention_days=3000),  # the command line's key is this one's
        "short": config.Site(["wk_short"], retention_days=10),
    }
    keyring.save(folder, config.Keys(sites=sites))
    long_ago = timestamps.now() - 500 * DAY
    store = SqliteStore(folder / wiring.STORE_FILE)
    for at in (long_ago, timestamps.now()):
        for site in ("short", SITE, "no-longer-there"):
            store.append(received(wire(long_ago), at=at, site=site))
    return folder


def test_the_server_sweeps_what_is_past_by_its_own_settings(server: Servers, folder: Path) -> None:
    file = File(folder / wiring.STORE_FILE)
    assert len(file.rows()) == 6
    started = server(data=folder)
    kept = ["no-longer-there", "short", SITE, SITE]
    assert sorted(eventually(lambda: rows if len(rows := file.rows()) < 5 else [])) == sorted(kept)
    assert started.stop() == 0
    keys = json.loads((folder / keyring.FILE).read_bytes())
    assert {name: site["retention_days"] for name, site in keys["sites"].items()} == {
        "short": 10,
        SITE: 3000,
    }


def test_a_consumer_that_is_started_again_knows_that_the_clock_was_put_forward(
    server: Servers, folder: Path, tmp_path: Path
) -> None:
    clock = Clock(tmp_path)
    started = server(data=folder, env=clock.environment)
    file = File(folder / wiring.STORE_FILE)
    eventually(lambda: len(file.rows()) == 4)
    clock.put(4000 * DAY // SECOND)
    os.kill(started.consumer(), signal.SIGKILL)
    eventually(lambda: "put forward by 4000 days" in started.program.printed())
    assert len(file.rows()) == 4
