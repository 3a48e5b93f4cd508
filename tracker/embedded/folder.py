"""The data folder belongs to one server at a time."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tracker import private
from tracker.errors import ConfigError, Unavailable

LOCK = "lock"

_LEAST_BYTES = 1_000_000
"""With less than that left, SQLite may not be able to write any more."""


@contextmanager
def occupied(folder: Path) -> Iterator[None]:
    """Hold a folder; the lock goes with the process, however it ends. Raises `ConfigError`."""
    try:
        private.folder(folder)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _cannot_hold(folder, error) from None
    try:
        _lock(lock, folder)
        yield
    finally:
        os.close(lock)


def _lock(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
    except BlockingIOError:
        owner = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
        raise ConfigError(
            f"another tracker (process {owner}) serves {folder}: stop it, or give another --data"
        ) from None
    except OSError as error:
        raise _cannot_hold(folder, error) from None


def _cannot_hold(folder: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{folder} cannot hold data: {error.strerror}")


def free_bytes(folder: Path) -> int:
    """How much more fits on a folder's disk."""
    return shutil.disk_usage(folder).free


def check_room(folder: Path) -> None:
    """Raise `Unavailable` where a folder's disk is full."""
    free = free_bytes(folder)
    if free < _LEAST_BYTES:
        raise Unavailable(f"the disk of {folder} is full: {free / 1e6:.1f} MB are left")
