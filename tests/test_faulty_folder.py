"""A folder that is not as it should be: one line says so, and it is left as it is. What spoiled
files and full disks do to events is in test_chaos_disk.py."""

import logging
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.server import Servers
from tests.test_commands import ROOT, told, tracker
from tracker import consumer
from tracker.embedded import folder
from tracker.errors import Unavailable
from tracker.queues.sqlite import SqliteQueue
from tracker.stores.sqlite.store import SqliteStore


@pytest.fixture
def data(server: Servers) -> Path:
    """A folder that was served."""
    running = server("--read-token=", "--write-key=")
    assert running.stop() == 0
    return running.data


def serve(data: Path) -> str:
    return told(tracker("serve", "--port", "0", "--data", data))


def test_damaged_keys_are_named_and_left_as_they_are(data: Path) -> None:
    path = data / "keys.json"
    path.write_text('{"sites": {"default"')
    assert f"{path} is damaged" in serve(data)
    assert path.read_text() == '{"sites": {"default"'


def test_a_file_where_the_folder_should_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    assert "is a file: --data takes a folder" in serve(tmp_path / "data")
    assert (tmp_path / "data").read_text() == "mine"
    assert "cannot hold data" in serve(Path("/proc/nowhere"))


def test_a_disk_that_takes_nothing_is_one_line(data: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tracker", "serve", "--port", "0", "--data", data],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )
    assert f"{data} cannot hold data" in told(done)


def test_health_tells_of_a_full_disk_before_clients_do() -> None:
    folder.check_room(ROOT)
    with pytest.raises(Unavailable, match=r"the disk of /proc is full: 0\.0 MB are left"):
        folder.check_room(Path("/proc"))


def test_a_queue_that_stays_away_is_asked_less_and_less_often(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A log that says the same ten times a second fills the disk that is full."""
    (tmp_path / "queue.db").mkdir()
    queue, store = SqliteQueue(tmp_path / "queue.db"), SqliteStore(tmp_path / "store.db")
    with caplog.at_level(logging.WARNING):
        consumer.run(queue, store, lambda: len(caplog.messages) == 3)
    assert [message.partition(":")[0] for message in caplog.messages] == [
        "waiting 0.1 s",
        "waiting 0.5 s",
        "waiting 2.0 s",
    ]


def test_what_a_new_folder_holds_is_its_owners_alone(data: Path) -> None:
    assert data.stat().st_mode & 0o777 == 0o700
    names = {path.name for path in data.iterdir()}
    assert names >= {"store.db", "queue.db", "keys.json", "lock"}
    for path in data.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path
