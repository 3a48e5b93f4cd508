"""The clock of a program that a test may put forward and back."""

import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.engines.required import required

SOURCE = Path(__file__).with_suffix(".c")


class Clock:
    """Goes as the machine's, so many seconds ahead of it or behind. What only measures how long
    something takes goes on as it is, as it does in a real machine."""

    def __init__(self, scratch: Path) -> None:
        compiler = shutil.which("cc") or required("a C compiler", "run scripts/install-engines")
        self._library = scratch / "clock.so"
        self._file = scratch / "clock"
        made = ("-o", str(self._library), str(SOURCE), "-ldl")
        subprocess.run([compiler, "-shared", "-fPIC", *made], check=True, timeout=60)
        self.put(0)

    def put(self, seconds: int) -> None:
        """From now on it is so far ahead."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds))

    @property
    def environment(self) -> Mapping[str, str]:
        """For the program."""
        return {"LD_PRELOAD": str(self._library), "TEST_CLOCK_FILE": str(self._file)}
