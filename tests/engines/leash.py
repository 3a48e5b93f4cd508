"""Sees that no program outlives the tests, however they end.

A second process reads from a pipe which programs are running. When the pipe closes, because the
tests are over or were killed without a chance to clean up, it kills what is left. Run as a script,
this file is that process.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from types import TracebackType
from typing import Self


class Leash:
    """Programs are held and released by process group: the group of a program has its pid."""

    def __enter__(self) -> Self:
        # A session of its own: Ctrl-C in the terminal is for the tests, which then clean up.
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def hold(self, group: int) -> None:
        self._tell(f"+{group}")

    def release(self, group: int) -> None:
        self._tell(f"-{group}")

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()


def main() -> None:
    held = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            held.add(group)
        else:
            held.discard(group)
    for group in held:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
