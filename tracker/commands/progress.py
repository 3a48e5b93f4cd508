"""How far a command is, on the terminal's last line."""

import sys
from types import TracebackType
from typing import TextIO

_WIDTH = 30


class Progress:
    """A bar on a terminal; nothing where nobody watches."""

    def __init__(self, label: str, total: int, stream: TextIO = sys.stderr) -> None:
        self._label = label
        self._total = total
        self._done = 0
        self._stream = stream
        self._shown = stream.isatty()

    def __enter__(self) -> "Progress":
        self.advance(0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._shown:
            self._stream.write("\n")

    def reach(self, done: int) -> None:
        """So many are done."""
        self.advance(done - self._done)

    def advance(self, count: int) -> None:
        """So many more are done. The total is an estimate: it is never less than that."""
        self._done += count
        if not self._shown:
            return
        total = max(self._total, self._done)
        filled = _WIDTH * self._done // total if total else _WIDTH
        bar = "█" * filled + "░" * (_WIDTH - filled)
        self._stream.write(f"\r{self._label:<14} {bar} {self._done} of {total}")
        self._stream.flush()
