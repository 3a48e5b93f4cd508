"""What a format has to do: take chunk after chunk, and be a whole file at the end."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tracker.stores import Stored

WHOLE = "whole"
"""The file's name in its folder, once it is all there."""


class Form(Protocol):
    """A format's writer. A mark says how much is safely on the disk; 0 is nothing."""

    def append(self, folder: Path, mark: int, chunk: Sequence[Stored]) -> int:
        """Write a chunk behind a mark, so that it survives a power cut; the mark behind it. What
        was there, from a try that was stopped, is dropped."""

    def finish(self, folder: Path, mark: int) -> None:
        """Make the whole file of what is there."""
