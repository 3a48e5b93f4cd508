"""A data folder's copy, made while it is served, and a folder made of such a copy.

A copy is a data folder itself: it can be looked at, and served, as it is.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tracker import keyring, private, schemas, sqlite_copy
from tracker.embedded import folder
from tracker.errors import ConfigError
from tracker.wiring import QUEUE_FILE, STORE_FILE

# The queue before the store: what the consumer moves from one to the other meanwhile is in both,
# and is then stored once, by its message id. The other way round, it would be in neither. The
# keys are last: whatever is copied was let in by them.
_FILES = (QUEUE_FILE, STORE_FILE)


def back_up(data: Path, target: Path) -> int:
    """Copy a data folder to one that is not there yet, or empty. The bytes of its files. Raises
    `ConfigError`."""
    if not (data / STORE_FILE).exists():
        raise ConfigError(f"{data} holds no tracker data: give --data DIR")
    if target.resolve().is_relative_to(data.resolve()):
        raise ConfigError(f"{target} is in {data} itself: give a folder elsewhere")
    _need_empty(target)
    unfinished = target.with_name(f"{target.name}.partial-{os.getpid()}")
    with _explained(target):
        try:
            private.folder(unfinished)
            _copy(data, unfinished)
            unfinished.replace(target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return sum(sqlite_copy.size(target / name) for name in _FILES)


@contextmanager
def restoring(copy: Path, data: Path) -> Iterator[None]:
    """Make a data folder of a copy. It must not be there yet, or be empty: nothing is ever
    overwritten. What is done within, to see that it works, is done before anybody can serve it; if
    that fails, the folder is empty again. Raises `ConfigError`."""
    if not (copy / STORE_FILE).exists():
        raise ConfigError(f"{copy} is no backup: there is no {STORE_FILE} in it")
    if data.exists() and not data.is_dir():
        raise ConfigError(f"{data} is a file: --data takes a folder")
    with folder.occupied(data), _explained(data):
        _need_empty(data)
        try:
            _copy(copy, data)
            yield
        except BaseException:
            for left in _content(data):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            raise


def _copy(source: Path, target: Path) -> None:
    present = [name for name in _FILES if (source / name).exists()]
    wanted = sum(sqlite_copy.size(source / name) for name in present)
    sqlite_copy.need_room(target, wanted, f"for a copy of {source}")
    for name in present:
        sqlite_copy.copy(source / name, target / name)
    if (source / schemas.FOLDER).is_dir():
        shutil.copytree(source / schemas.FOLDER, target / schemas.FOLDER)
    if (keys := keyring.load(source)) is not None:
        keyring.save(target, keys)


def _need_empty(target: Path) -> None:
    if target.exists() and not (target.is_dir() and not _content(target)):
        raise ConfigError(f"{target} is not empty: give a folder that is, or that is not there yet")


def _content(target: Path) -> list[Path]:
    return [path for path in target.iterdir() if path.name != folder.LOCK]


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror}") from None
