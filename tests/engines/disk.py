"""A small disk of a test's own, which can be filled or made read-only."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Disk:
    """A file system in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    @property
    def free(self) -> int:
        """Bytes."""
        told = os.statvfs(self.path)
        return told.f_bavail * told.f_frsize

    def fill(self, but: int = 0) -> None:
        """Leave so many bytes free."""
        with self._ballast.open("ab") as file:
            while (size := self.free - but) > 0:
                try:
                    os.posix_fallocate(file.fileno(), file.tell(), size)
                except OSError as error:  # somebody else was faster
                    if error.errno != errno.ENOSPC:
                        raise

    def empty(self) -> None:
        """Take the filling out again."""
        self._ballast.unlink()

    def make_read_only(self) -> None:
        _mount("-o", "remount,ro", self.path)


@contextmanager
def mounted(path: Path, mebibytes: int) -> Iterator[Disk]:
    """Mount one; where that is not allowed, the test fails, and says so."""
    path.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={mebibytes}m", "tracker-test", path)
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True, timeout=30)


def _mount(*arguments: str | Path) -> None:
    command = ["mount", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        pytest.fail(
            f"`{' '.join(command)}`: {done.stderr.strip()}. Tests of full disks mount small ones:"
            " run them as root, in a container with --privileged or --cap-add=SYS_ADMIN",
            pytrace=False,
        )
