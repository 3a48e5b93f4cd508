"""What a run of the benchmarks was asked for."""

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Options(NamedTuple):
    """The arguments of the command line that the parts look at."""

    seconds: int
    """How long the throughput is sustained; other times follow from it."""
    sizes: tuple[int, ...]
    """Of the stores that are read, in events."""
    devices: int
    """How many send at once in a burst."""
    scratch: Path
    """A folder for data, on the disk that is measured."""
