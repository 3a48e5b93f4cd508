"""The queue as one SQLite file, shared by the processes of one machine."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from tracker import timestamps
from tracker.errors import QueueUnavailable
from tracker.queues import MAX_RECEIVES, VISIBILITY_SECONDS, Depth, Message
from tracker.sqlite import Connection, open_file, transaction

_KIND = 0x54524B51  # "TRKQ"
_SCHEMA = """
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    body BLOB NOT NULL,
    sent_at INTEGER NOT NULL,
    visible_at INTEGER NOT NULL,
    receives INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY,
    body BLOB NOT NULL,
    sent_at INTEGER NOT NULL,
    died_at INTEGER NOT NULL
)
"""
_POLL_SECONDS = 0.02
_REDRIVEN_TOGETHER = 100

# A message whose hidden time ends much later than any receipt could have set it was hidden under
# a clock that has since been put back: it is visible. Twice the time, since two consumers may
# read the clock in one order and get the file in the other.
_VISIBLE = "(visible_at <= :now OR visible_at > :now + 2 * :hidden)"


class SqliteQueue:
    """A queue in a file.

    ``send`` commits with ``synchronous=FULL``; the marks of receiving and deleting may be
    forgotten in a power cut, which only redelivers.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], int] = timestamps.now,
        visibility_seconds: float = VISIBILITY_SECONDS,
        max_receives: int = MAX_RECEIVES,
    ) -> None:
        self._path = path
        self._clock = clock
        self._hidden = int(visibility_seconds * timestamps.SECOND)
        self._max_receives = max_receives
        self._sending = _Connection(path, "FULL")
        self._receiving = _Connection(path, "NORMAL")

    def send(self, bodies: Sequence[bytes]) -> None:
        now = self._clock()
        with self._sending.transaction() as connection:
            connection.executemany(
                "INSERT INTO messages (body, sent_at, visible_at) VALUES (?, ?, ?)",
                [(body, now, now) for body in bodies],
            )

    def receive(self, limit: int, wait: float) -> list[Message]:
        deadline = time.monotonic() + wait
        while True:
            if self._anything_visible():
                messages = self._receive(limit)
                if messages:
                    return messages
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            time.sleep(min(_POLL_SECONDS, left))

    def _anything_visible(self) -> bool:
        with self._receiving.reading() as connection:
            found = connection.execute(
                f"SELECT 1 FROM messages WHERE {_VISIBLE} LIMIT 1", self._times()
            )
            return found.fetchone() is not None

    def _times(self) -> dict[str, int]:
        return {"now": self._clock(), "hidden": self._hidden}

    def _receive(self, limit: int) -> list[Message]:
        with self._receiving.transaction() as connection:
            times = self._times()  # only now: the wait for the file may have been long
            connection.execute(
                "INSERT INTO dead_letters (id, body, sent_at, died_at) SELECT id, body, sent_at,"
                f" :now FROM messages WHERE {_VISIBLE} AND receives >= :most",
                {**times, "most": self._max_receives},
            )
            connection.execute(
                f"DELETE FROM messages WHERE {_VISIBLE} AND receives >= :most",
                {**times, "most": self._max_receives},
            )
            rows = connection.execute(
                f"SELECT id, body, receives FROM messages WHERE {_VISIBLE}"
                " ORDER BY id LIMIT :limit",
                {**times, "limit": limit},
            ).fetchall()
            connection.executemany(
                "UPDATE messages SET receives = receives + 1, visible_at = ? WHERE id = ?",
                [(times["now"] + self._hidden, row[0]) for row in rows],
            )
        return [Message(str(row[0]), row[1], row[2] + 1) for row in rows]

    def delete(self, receipts: Sequence[str]) -> None:
        with self._receiving.transaction() as connection:
            connection.executemany(
                "DELETE FROM messages WHERE id = ?", [(int(receipt),) for receipt in receipts]
            )

    def release(self, receipts: Sequence[str]) -> None:
        with self._receiving.transaction() as connection:
            connection.executemany(
                "UPDATE messages SET visible_at = 0, receives = max(0, receives - 1) WHERE id = ?",
                [(int(receipt),) for receipt in receipts],
            )

    def show_hidden(self) -> None:
        """Give every received message again, at once: for a consumer that starts, and knows that
        there is no other."""
        with self._receiving.transaction() as connection:
            connection.execute("UPDATE messages SET visible_at = 0 WHERE visible_at > 0")

    def redrive(self) -> Iterator[int]:
        with self._sending.reading() as connection:
            last = connection.execute("SELECT max(id) FROM dead_letters").fetchone()[0]
        while moved := self._redrive(last):  # what is sent again, and dies again, has a later id
            yield moved

    def _redrive(self, last: int | None) -> int:
        now = self._clock()
        with self._sending.transaction() as connection:
            rows = connection.execute(
                "SELECT id, body FROM dead_letters WHERE id <= ? ORDER BY id LIMIT ?",
                (last, _REDRIVEN_TOGETHER),
            ).fetchall()
            connection.executemany(
                "INSERT INTO messages (body, sent_at, visible_at) VALUES (?, ?, ?)",
                [(row[1], now, now) for row in rows],
            )
            connection.executemany(
                "DELETE FROM dead_letters WHERE id = ?", [(row[0],) for row in rows]
            )
        return len(rows)

    def depth(self) -> Depth:
        times = self._times()
        with self._receiving.reading() as connection:
            waiting, in_flight, oldest = connection.execute(
                f"SELECT count(*) FILTER (WHERE {_VISIBLE}),"
                f" count(*) FILTER (WHERE NOT {_VISIBLE}),"
                " min(sent_at) FROM messages",
                times,
            ).fetchone()
            dead = connection.execute("SELECT count(*) FROM dead_letters").fetchone()[0]
        age = None if oldest is None else max(0, times["now"] - oldest) / timestamps.SECOND
        return Depth(waiting, in_flight, dead, age)


class _Connection:
    """One connection, opened at first use, used by one thread at a time."""

    def __init__(self, path: Path, synchronous: str) -> None:
        self._path = path
        self._synchronous = synchronous
        self._lock = Lock()
        self._connection: Connection | None = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = open_file(
                        self._path, kind=_KIND, schema=_SCHEMA, synchronous=self._synchronous
                    )
                yield self._connection
            except sqlite3.Error as error:
                raise QueueUnavailable(f"{self._path}: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with self.reading() as connection, transaction(connection):
            yield connection
