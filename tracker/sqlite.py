"""How the kit opens its SQLite files: never somebody else's, never a broken one."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tracker.errors import ConfigError

VERSION = 1
"""The format of the files, kept in them as SQLite's ``user_version``."""

BUSY_SECONDS = 5.0
"""How long a write waits for another process's write."""


class Connection(sqlite3.Connection):
    """A connection that is closed when nobody holds it any more."""

    def __del__(self) -> None:
        self.close()


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Write all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def open_file(path: Path, *, kind: int, schema: str, synchronous: str) -> Connection:
    """Open (or make) one of the kit's files, in WAL mode and in autocommit.

    ``kind`` marks the file as ours (SQLite's ``application_id``). ``synchronous`` is ``FULL``
    where a commit must survive a power cut, ``NORMAL`` where it may be forgotten in one.
    Raises `ConfigError` for a file that is damaged or not ours, and ``sqlite3.OperationalError``
    when it cannot be used now.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise sqlite3.OperationalError(error.strerror) from error
    connection = sqlite3.connect(
        path,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        factory=Connection,
    )
    try:
        _prepare(connection, path, kind, schema)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_version(connection: Connection, path: Path) -> None:
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found != VERSION:
        raise ConfigError(
            f"{path} has format {found}, this tracker knows {VERSION}: use the tracker it is from"
        )


def _prepare(connection: Connection, path: Path, kind: int, schema: str) -> None:
    try:
        found = connection.execute("PRAGMA application_id").fetchone()[0]
        if found == kind:
            _check_version(connection, path)
            return
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")  # two processes may start at the same time
        found = connection.execute("PRAGMA application_id").fetchone()[0]
        empty = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if found != kind:
            if found or not empty:
                raise ConfigError(f"{path} is not a file of the tracker's: give another --data")
            for statement in schema.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {kind}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise ConfigError(
            f"{path} is damaged ({error}): move it away, or put a backup in its place"
        ) from None
