"""A copy of one of the kit's files, made while it is in use."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tracker import private
from tracker.errors import ConfigError

_PAGES = 4096
"""Copied at once: so often Ctrl-C is heard."""


def copy(source: Path, target: Path) -> None:
    """Copy a file as it is at this moment, by SQLite's online backup. Whoever writes to it
    meanwhile does not wait. The copy is read through before it gets its name: a damaged file has
    none. Raises `ConfigError`."""
    need_room(target.parent, size(source), f"for a copy of {source}")
    unfinished = target.with_name(f"{target.name}.partial")
    try:
        unfinished.unlink(missing_ok=True)
        private.file(unfinished)
        _copy(source, unfinished)
        unfinished.replace(target)
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"{source} cannot be copied to {target}: {error}") from None
    finally:
        unfinished.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    # Not made if it is not there, as a plain connect() would.
    uri = f"{source.absolute().as_uri()}?mode=rw"
    with (
        closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as from_there,
        closing(sqlite3.connect(target, isolation_level=None)) as to_here,
    ):
        # One moment for all of it: without that, each write of another process begins it anew.
        from_there.execute("BEGIN")
        from_there.execute("SELECT count(*) FROM sqlite_master").fetchone()
        from_there.backup(to_here, pages=_PAGES, sleep=0)
        (verdict,) = to_here.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"it is damaged ({verdict.splitlines()[-1]})")


def size(path: Path) -> int:
    """The bytes of a file, with what has been written to it and is not yet in its place."""
    parts = (path, path.with_name(f"{path.name}-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def need_room(folder: Path, wanted: int, why: str) -> None:
    """Raise `ConfigError` where a folder's disk has not so many bytes left."""
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise ConfigError(
            f"{folder} has {free / 1e6:,.1f} MB left, {why} {wanted / 1e6:,.1f} MB are needed:"
            " make room"
        )
