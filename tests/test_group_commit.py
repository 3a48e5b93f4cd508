"""Many requests, one commit."""

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from tracker.embedded.group_commit import GroupCommit
from tracker.errors import QueueUnavailable
from tracker.queues.sqlite import SqliteQueue


class SlowDisk(SqliteQueue):
    """A queue whose first commit takes until it is let go."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.begun, self.go_on = Event(), Event()
        self.commits: list[int] = []

    def send(self, bodies: Sequence[bytes]) -> None:
        self.begun.set()
        self.go_on.wait()
        super().send(bodies)
        self.commits.append(len(bodies))


def run(serving: Coroutine[None, None, None]) -> None:
    """In a thread of its own: the loop of this one is Playwright's, once a browser runs."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, serving).result()


def test_requests_that_wait_for_a_commit_share_the_next(tmp_path: Path) -> None:
    queue = SlowDisk(tmp_path / "queue.db")

    async def serve() -> None:
        commit = GroupCommit(queue)
        first = asyncio.create_task(commit.send(b"{}"))
        await asyncio.to_thread(queue.begun.wait)
        others = [asyncio.create_task(commit.send(b"{}")) for _ in range(50)]
        await asyncio.sleep(0)  # each has handed its message in
        assert not first.done()
        queue.go_on.set()
        await asyncio.gather(first, *others)
        commit.close()

    run(serve())
    assert queue.commits == [1, 50]
    assert queue.depth().waiting == 51


def test_a_client_that_goes_away_stops_nobody(tmp_path: Path) -> None:
    queue = SlowDisk(tmp_path / "queue.db")

    async def serve() -> None:
        commit = GroupCommit(queue)
        gone = asyncio.create_task(commit.send(b"{}"))
        await asyncio.to_thread(queue.begun.wait)
        gone.cancel()
        stays = asyncio.create_task(commit.send(b"{}"))
        await asyncio.sleep(0)
        queue.go_on.set()
        await stays
        commit.close()

    run(serve())
    assert queue.depth().waiting == 2


def test_every_request_of_a_commit_that_fails_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    async def serve() -> None:
        commit = GroupCommit(SqliteQueue(tmp_path / "file" / "queue.db"))
        sent = [commit.send(b"{}") for _ in range(5)]
        told = await asyncio.gather(*sent, return_exceptions=True)
        assert [type(error) for error in told] == [QueueUnavailable] * 5
        commit.close()

    run(serve())


def test_closing_sends_what_waits(tmp_path: Path) -> None:
    queue = SlowDisk(tmp_path / "queue.db")

    async def serve() -> None:
        commit = GroupCommit(queue)
        sent = [asyncio.create_task(commit.send(b"{}")) for _ in range(3)]
        await asyncio.to_thread(queue.begun.wait)
        queue.go_on.set()
        await asyncio.to_thread(commit.close)
        await asyncio.gather(*sent)

    run(serve())
    assert queue.depth().waiting == 3
