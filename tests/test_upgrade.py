"""A folder of an earlier version is taken up as it is. `formats/` holds what that version wrote."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from tests.asking import all_of
from tests.events import NOON, SECOND, SITE
from tests.recount import kept, recounted, stored
from tracker import session_list, timestamps
from tracker.activity import Question
from tracker.errors import ConfigError
from tracker.event import Bots
from tracker.profile import profile
from tracker.queues.sqlite import SqliteQueue
from tracker.stores import Store
from tracker.stores.sqlite.store import SqliteStore

FORMATS = Path(__file__).parent / "formats"


@pytest.fixture(params=[1, 2])
def old(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "store.db"
    connection = sqlite3.connect(path)
    connection.executescript((FORMATS / f"store-{request.param}.sql").read_text())
    connection.close()
    return path


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def number(path: Path) -> int:
    """The number of a file's format."""
    with closing(sqlite3.connect(path)) as connection:
        found: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return found


def opened(path: Path) -> Store:
    return SqliteStore(path, clock=lambda: NOON)


def test_a_store_of_an_earlier_format_answers_as_if_it_had_been_filled_today(old: Path) -> None:
    store = opened(old)
    of_ada = Question(site=SITE, user_id="ada@example.org", descending=False)
    assert all_of(store, of_ada) == ["m1", "m2", "m3", "m4"]
    found = profile(store, SITE, "ada")
    assert found
    assert (found["aliases"], found["traits"]) == (["ada@example.org"], {"plan": "pro"})
    sessions = [one.id for one in session_list.listed(store, of_ada, 10).sessions]
    assert "own" in sessions
    assert any(one.startswith("auto_") for one in sessions)
    robots = Question(site=SITE, anonymous_id="robot")
    assert all_of(store, robots) == []
    assert all_of(store, Question(site=SITE, anonymous_id="robot", bots=Bots.ONLY)) == ["m5"]
    assert [failed.id for failed in store.failed(SITE, 10).failed] == ["f1"]
    assert kept(store, SITE) == recounted(stored(store, SITE)) != {}


def test_the_earlier_file_is_kept_as_it_was_and_that_is_said(
    old: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = dump(old)
    version = number(old)
    opened(old).check()
    kept = old.with_name(f"store.db.v{version}")
    assert dump(kept) == before
    assert number(kept) == version
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    (said,) = caplog.messages
    assert said.startswith(f"{old} is brought from format {version} to ")
    assert f"it is kept as {kept}: delete that" in said


def test_an_earlier_file_that_is_kept_already_is_not_overwritten(old: Path) -> None:
    before = dump(old)
    kept = old.with_name(f"store.db.v{number(old)}")
    kept.write_text("of another day")
    opened(old).check()
    assert dump(kept.with_name(f"{kept.name}.2")) == before
    assert kept.read_text() == "of another day"


def test_two_processes_that_open_it_at_once_upgrade_it_once(old: Path) -> None:
    readers = [Thread(target=opened(old).check) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(all_of(opened(old), Question(site=SITE, bots=Bots.INCLUDE))) == 5
    assert len(list(old.parent.glob("store.db.v*"))) == 1


def test_a_store_that_is_broken_half_way_is_left_as_it_was(old: Path) -> None:
    connection = sqlite3.connect(old)
    connection.execute("UPDATE events SET document = X'7b' WHERE id = 5")
    connection.commit()
    with pytest.raises(ConfigError, match="cannot be brought to today's format"):
        opened(old).check()
    assert connection.execute("SELECT count(*) FROM events").fetchone() == (5,)
    assert connection.execute("PRAGMA user_version").fetchone() in [(1,), (2,)]
    assert not list(old.parent.glob("store.db.*"))


def test_a_store_of_a_later_format_is_left_alone(old: Path) -> None:
    connection = sqlite3.connect(old)
    connection.execute("PRAGMA user_version = 99")
    connection.commit()
    with pytest.raises(ConfigError, match="has format 99, this tracker knows 3"):
        opened(old).check()


def test_a_queue_of_format_1_loses_nothing(tmp_path: Path) -> None:
    """A message that was received and given back, one in hand, two that wait, and a dead letter."""
    path = tmp_path / "queue.db"
    connection = sqlite3.connect(path)
    connection.executescript((FORMATS / "queue-1.sql").read_text())
    connection.close()
    in_hand_until = timestamps.parse("2026-11-22T13:01:00Z")
    queue = SqliteQueue(path, clock=lambda: in_hand_until - SECOND)
    assert queue.depth()[:3] == (3, 1, 1)
    assert [message.body for message in queue.receive(10, 0)] == [
        b'{"n":1}',
        b'{"n":3}',
        b'{"n":4}',
    ]
    later = SqliteQueue(path, clock=lambda: in_hand_until + SECOND)
    (again,) = later.receive(10, 0)
    assert (again.body, again.receives) == (b'{"n":2}', 2)
    assert sum(later.redrive()) == 1
    assert [message.body for message in later.receive(10, 0)] == [b'{"n":0}']
