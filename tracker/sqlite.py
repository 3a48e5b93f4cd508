"""How the kit opens its SQLite files: never somebody else's, never a broken one."""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

from tracker import private, sqlite_copy
from tracker.errors import ConfigError

log = logging.getLogger(__name__)

BUSY_SECONDS = 5.0
"""How long a write waits for another process's write."""
_PAUSE_SECONDS = 0.01


_ROOM = 4
"""How much room an upgrade takes, in sizes of the file: its copy, the new tables, and both once
more in the log of the transaction."""


class Connection(sqlite3.Connection):
    """A connection that is closed when nobody holds it any more."""

    def __del__(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it never came to be open
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


class Format(NamedTuple):
    """What one of the kit's files is."""

    kind: int
    """Marks the file as ours: SQLite's ``application_id``."""
    schema: str
    version: int = 1
    """Kept as SQLite's ``user_version``."""
    upgrade: "Callable[[Connection, int, str], bool]" = lambda *_: False
    """Brings a file of an earlier version to the schema, within a transaction; answers whether it
    knows how."""


def open_file(path: Path, form: Format, *, synchronous: str) -> Connection:
    """Open (or make) one of the kit's files, in WAL mode and in autocommit.

    ``synchronous`` is ``FULL`` where a commit must survive a power cut, ``NORMAL`` where it may
    be forgotten in one. Raises `ConfigError` for a file that is damaged or not ours, and
    ``sqlite3.OperationalError`` when it cannot be used now.
    """
    try:
        private.folder(path.parent)
        if not path.exists():
            private.file(path)
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
        _wait_for(lambda: _prepare(connection, path, form))
        connection.execute(f"PRAGMA synchronous = {synchronous}")
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.OperationalError) and _needs_writing(error):
            raise sqlite3.OperationalError(
                f"{error}: even to read it, one must be allowed to write to {path.parent}"
            ) from None
        raise
    return connection


def said(path: Path, error: sqlite3.Error) -> str:
    """What SQLite said of a file; and what to do about it, if nothing will mend it by itself."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return f"{path} is damaged ({error}): move it away, or put a backup in its place"
    return f"{path}: {error}"


def _needs_writing(error: sqlite3.OperationalError) -> bool:
    """Whether it is for want of a right: in WAL mode, a reader keeps an index beside the file."""
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


def _wait_for(step: Callable[[], None]) -> None:
    """Do what others may keep from being done for a moment: SQLite does not wait by itself where
    several turn one new file to WAL mode at the same time."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return step()
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() >= end:
                raise
        time.sleep(_PAUSE_SECONDS)


def _known(connection: Connection) -> tuple[int, int]:
    """The kind and the version that a file says it has."""
    kind: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return kind, version


def _make(connection: Connection, path: Path, form: Format) -> None:
    """Make an empty file one of that form, or a file of an earlier version one of today's."""
    kind, version = _known(connection)
    if (kind, version) == (form.kind, form.version):
        return
    if kind == form.kind:
        _upgrade(connection, path, form, version)
    else:
        empty = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if kind or not empty:
            raise ConfigError(f"{path} is not a file of the tracker's: give another --data")
        for statement in form.schema.split(";"):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {form.kind}")
    connection.execute(f"PRAGMA user_version = {form.version}")


def _upgrade(connection: Connection, path: Path, form: Format, version: int) -> None:
    """Bring a file to today's format, and keep it as it was beside it."""
    kept = _keep(path, version) if 0 < version < form.version else None
    known = False
    try:
        known = form.upgrade(connection, version, form.schema)
    except ValueError as error:
        raise ConfigError(
            f"{path} cannot be brought to today's format ({error}): it is left as it was"
        ) from None
    finally:
        if kept and not known:
            kept.unlink()
    if not known:
        raise ConfigError(
            f"{path} has format {version}, this tracker knows {form.version}:"
            " use the tracker it is from"
        )
    log.warning(
        "%s is brought from format %d to %d; as it was, it is kept as %s: delete that once all"
        " is well",
        *(path, version, form.version, kept),
    )


def _keep(path: Path, version: int) -> Path:
    """Copy a file before it is changed; the copy's path. Nobody writes to it meanwhile."""
    room = _ROOM * sqlite_copy.size(path)
    sqlite_copy.need_room(path.parent, room, f"to bring {path.name} to today's format")
    kept = path.with_name(f"{path.name}.v{version}")
    again = count(2)
    while kept.exists():
        kept = path.with_name(f"{path.name}.v{version}.{next(again)}")
    sqlite_copy.copy(path, kept)
    return kept


def _prepare(connection: Connection, path: Path, form: Format) -> None:
    try:
        if _known(connection) == (form.kind, form.version):
            return
        connection.execute("PRAGMA journal_mode = WAL")
        with transaction(connection):  # two processes may start at the same time
            _make(connection, path, form)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise ConfigError(said(path, error)) from None
