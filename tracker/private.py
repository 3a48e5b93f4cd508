"""Folders and files that nobody but their owner may look into: they hold what people did."""

import os
from pathlib import Path


def folder(path: Path) -> None:
    """Make a folder, unless it is there: then it stays as its owner wants it. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def file(path: Path) -> None:
    """Make an empty file, likewise. Raises `OSError`."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
