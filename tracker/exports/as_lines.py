"""NDJSON: each event as the read API gives it, on a line of its own."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from tracker.exports.form import WHOLE
from tracker.stores import Stored


class Lines:
    """Writes them. A mark is a length in bytes."""

    def append(self, folder: Path, mark: int, chunk: Sequence[Stored]) -> int:
        path = folder / WHOLE
        path.touch()
        with path.open("r+b") as file:
            file.truncate(mark)
            file.seek(mark)
            if not mark:
                file.write(self.header())
            file.writelines(self.rows(chunk))
            file.flush()
            os.fsync(file.fileno())
            return file.tell()

    def finish(self, folder: Path, mark: int) -> None:
        os.truncate(folder / WHOLE, mark)

    def header(self) -> bytes:
        """What stands before the first row."""
        return b""

    def rows(self, chunk: Sequence[Stored]) -> Iterable[bytes]:
        """The lines of some events."""
        return (bytes(stored.document) + b"\n" for stored in chunk)
