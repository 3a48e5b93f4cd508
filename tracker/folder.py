"""The data folder belongs to one server at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tracker.errors import ConfigError

_LOCK = "lock"


@contextmanager
def occupied(folder: Path) -> Iterator[None]:
    """Hold a folder; the lock goes with the process, however it ends. Raises `ConfigError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("a+")
    except OSError as error:
        raise ConfigError(f"{folder} cannot hold data: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            raise ConfigError(
                f"another tracker (process {owner}) serves {folder}:"
                " stop it, or give another --data"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
