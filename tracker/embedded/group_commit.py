"""Many requests, one commit: what waits while the queue writes is written together next."""

import asyncio
from collections.abc import Sequence
from threading import Condition, Thread

from tracker.errors import QueueUnavailable
from tracker.queues import Queue

_Waiting = tuple[bytes, "asyncio.Future[None]"]


class GroupCommit:
    """Sends messages to a queue from a thread of its own, for the tasks of one event loop."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._loop = asyncio.get_running_loop()
        self._changed = Condition()
        self._waiting: list[_Waiting] = []
        self._closed = False
        self._thread = Thread(target=self._run, name="group-commit")
        self._thread.start()

    async def send(self, body: bytes) -> None:
        """Return once the message is durable. Raises `QueueUnavailable`."""
        done = self._loop.create_future()
        with self._changed:
            if self._closed:
                raise QueueUnavailable("the server is stopping")
            self._waiting.append((body, done))
            self._changed.notify()
        await done

    def close(self) -> None:
        """Send what waits, then stop."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                group, self._waiting = self._waiting, []
            if not group:
                return
            error: Exception | None = None
            try:
                self._queue.send([body for body, _ in group])
            except Exception as raised:  # whatever it is, the requests must be answered
                error = raised
            self._loop.call_soon_threadsafe(_settle, group, error)


def _settle(group: Sequence[_Waiting], error: Exception | None) -> None:
    for _, done in group:
        if done.done():
            continue  # its request went away
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(QueueUnavailable(str(error)))
