"""The queue as one SQLite file, shared by the processes of one machine."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from threading import Lock

from tracker import timestamps
from tracker.errors import QueueUnavailable
from tracker.queues import VISIBILITY_SECONDS, Depth, Message
from tracker.queues.sqlite_format import FORMAT
from tracker.sqlite import Connection, open_file, said, transaction

MAX_RECEIVES = 100
"""A message received this often without being deleted becomes a dead letter. It may be what kills
the consumer, each time; but of a consumer that somebody else kills again and again as it starts,
the first message is received as often: that is no reason to set it aside."""

_POLL_SECONDS = 0.02
_REDRIVEN_TOGETHER = 100

_GATHER_SECONDS = 0.2
_SOME = 10
"""To be given messages and to store them costs as much as many of them do. Where they come in some
numbers, the next are gathered for so long; where they come one by one, they are given at once."""

_RECEIVED_BYTES = 3 * 1024 * 1024
"""How much is given to a consumer at once, whatever it asks for: some thousand events."""

_WIPED_PAGES = 1000
"""A file that holds more (dead letters) is not written anew to be rid of its free pages."""

# A message whose hidden time ends much later than any receipt could have set it was hidden under
# a clock that has since been put back: it is visible. Twice the time, since two consumers may
# read the clock in one order and get the file in the other.
_VISIBLE = "(visible_at <= :now OR visible_at > :now + 2 * :hidden)"
_LAST_MARK = "(SELECT ifnull(max(id), 0) FROM marks)"


_Row = tuple[int, bytes, int]
"""A message's id, its body, and how often it was received."""


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
        self._gathered = 0.0
        """When the next messages are given, by the monotonic clock."""
        self._sending = _Connection(path, synchronous="FULL", secure_delete="ON")
        self._receiving = _Connection(path, synchronous="NORMAL", secure_delete="FAST")

    def send(self, bodies: Sequence[bytes]) -> None:
        now = self._clock()
        with self._sending.transaction() as connection:
            connection.executemany(
                "INSERT INTO messages (sent_at, body) VALUES (?, ?)",
                [(now, body) for body in bodies],
            )

    def receive(self, limit: int, wait: float) -> list[Message]:
        deadline = time.monotonic() + wait
        time.sleep(max(0.0, min(self._gathered, deadline) - time.monotonic()))
        while True:
            if self._anything_visible():
                began = time.monotonic()
                messages = self._receive(limit)
                if _SOME <= len(messages) < limit and _size(messages) < _RECEIVED_BYTES:
                    self._gathered = began + _GATHER_SECONDS
                if messages:
                    return messages
            left = deadline - time.monotonic()
            if left <= 0:
                self._wipe()
                return []
            time.sleep(min(_POLL_SECONDS, left))

    def _anything_visible(self) -> bool:
        with self._receiving.reading() as connection:
            found = connection.execute(
                f"SELECT EXISTS (SELECT 1 FROM messages WHERE id > {_LAST_MARK})"
                f" OR EXISTS (SELECT 1 FROM marks WHERE {_VISIBLE})",
                self._times(),
            )
            return bool(found.fetchone()[0])

    def _times(self) -> dict[str, int]:
        return {"now": self._clock(), "hidden": self._hidden}

    def _receive(self, limit: int) -> list[Message]:
        with self._receiving.transaction() as connection:
            times = self._times()  # only now: the wait for the file may have been long
            self._bury(connection, times)
            again = connection.execute(
                "SELECT id, body, receives + 1 FROM marks JOIN messages USING (id)"
                f" WHERE {_VISIBLE} ORDER BY id LIMIT :limit",
                {**times, "limit": limit},
            )
            new = connection.execute(
                f"SELECT id, body, 1 FROM messages WHERE id > {_LAST_MARK} ORDER BY id LIMIT ?",
                (limit,),
            )
            rows = list(islice(_bounded(chain(again, new)), limit))
            connection.executemany(
                "INSERT INTO marks (id, visible_at, receives) VALUES (?, ?, ?) ON CONFLICT DO"
                " UPDATE SET visible_at = excluded.visible_at, receives = excluded.receives",
                [(row[0], times["now"] + self._hidden, row[2]) for row in rows],
            )
        return [Message(str(row[0]), *row[1:]) for row in rows]

    def _bury(self, connection: Connection, times: dict[str, int]) -> None:
        """Make dead letters of what was received too often."""
        dead = connection.execute(
            f"SELECT id FROM marks WHERE {_VISIBLE} AND receives >= :most",
            {**times, "most": self._max_receives},
        ).fetchall()
        connection.executemany(
            "INSERT INTO dead_letters (sent_at, died_at, body)"
            " SELECT sent_at, ?, body FROM messages WHERE id = ?",
            [(times["now"], *row) for row in dead],
        )
        _forget(connection, dead)

    def delete(self, receipts: Sequence[str]) -> None:
        with self._receiving.transaction() as connection:
            _forget(connection, [(int(receipt),) for receipt in receipts])

    def _wipe(self) -> None:
        """Leave nothing of deleted messages in the file. To overwrite each as it goes would double
        what is written; where much is sent, others soon take their place."""
        with self._receiving.reading() as connection:
            free: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
            pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
            if not free or pages - free > _WIPED_PAGES:
                return
            with suppress(sqlite3.OperationalError):  # somebody writes: there will be another time
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def release(self, receipts: Sequence[str]) -> None:
        with self._receiving.transaction() as connection:
            connection.executemany(
                "UPDATE marks SET visible_at = 0, receives = max(0, receives - 1) WHERE id = ?",
                [(int(receipt),) for receipt in receipts],
            )

    def show_hidden(self) -> None:
        """Give every received message again, at once: for a consumer that starts, and knows that
        there is no other."""
        with self._receiving.transaction() as connection:
            connection.execute("UPDATE marks SET visible_at = 0 WHERE visible_at > 0")

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
                "INSERT INTO messages (sent_at, body) VALUES (?, ?)",
                [(now, row[1]) for row in rows],
            )
            connection.executemany(
                "DELETE FROM dead_letters WHERE id = ?", [(row[0],) for row in rows]
            )
        return len(rows)

    def edit_dead_letters(self, edit: Callable[[bytes], Sequence[bytes]]) -> Iterator[int]:
        place = 0
        with self._sending.reading() as connection:
            last = connection.execute("SELECT max(id) FROM dead_letters").fetchone()[0]
        while True:
            changed = 0
            with self._sending.transaction() as connection:
                rows = connection.execute(
                    "SELECT id, body, sent_at, died_at FROM dead_letters"
                    " WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
                    (place, last, _REDRIVEN_TOGETHER),
                ).fetchall()
                for message_id, body, *times in rows:
                    place = message_id
                    bodies = edit(body)
                    if bodies == [body]:
                        continue
                    changed += 1
                    connection.execute("DELETE FROM dead_letters WHERE id = ?", (message_id,))
                    connection.executemany(
                        "INSERT INTO dead_letters (body, sent_at, died_at) VALUES (?, ?, ?)",
                        [(new, *times) for new in bodies],
                    )
            if not rows:
                return
            yield changed

    def depth(self) -> Depth:
        times = self._times()
        with self._receiving.reading() as connection:
            # Bodies are not looked at to count them: those never received have ids without a gap.
            visible, in_flight, new, oldest = connection.execute(
                f"SELECT (SELECT count(*) FROM marks WHERE {_VISIBLE}),"
                f" (SELECT count(*) FROM marks WHERE NOT {_VISIBLE}),"
                " (SELECT ifnull(max(id), 0) FROM messages)"
                f" - max({_LAST_MARK}, (SELECT ifnull(min(id), 1) - 1 FROM messages)),"
                " (SELECT sent_at FROM messages ORDER BY id LIMIT 1)",
                times,
            ).fetchone()
            dead = connection.execute("SELECT count(*) FROM dead_letters").fetchone()[0]
        age = None if oldest is None else max(0, times["now"] - oldest) / timestamps.SECOND
        return Depth(visible + max(0, new), in_flight, dead, age)


def _bounded(rows: Iterable[_Row]) -> Iterator[_Row]:
    """Rows until their bodies are `_RECEIVED_BYTES` or a little more."""
    size = 0
    for row in rows:
        yield row
        size += len(row[1])
        if size >= _RECEIVED_BYTES:
            return


def _size(messages: Sequence[Message]) -> int:
    return sum(len(message.body) for message in messages)


def _forget(connection: Connection, ids: Sequence[tuple[int]]) -> None:
    """Remove messages, with their marks."""
    connection.executemany("DELETE FROM messages WHERE id = ?", ids)
    connection.executemany("DELETE FROM marks WHERE id = ?", ids)


class _Connection:
    """One connection, opened at first use, used by one thread at a time."""

    def __init__(self, path: Path, *, synchronous: str, secure_delete: str) -> None:
        self._path = path
        self._synchronous = synchronous
        self._secure_delete = secure_delete
        self._lock = Lock()
        self._connection: Connection | None = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    opened = open_file(self._path, FORMAT, synchronous=self._synchronous)
                    opened.execute(f"PRAGMA secure_delete = {self._secure_delete}")
                    self._connection = opened
                yield self._connection
            except sqlite3.Error as error:
                raise QueueUnavailable(said(self._path, error)) from error

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with self.reading() as connection, transaction(connection):
            yield connection
