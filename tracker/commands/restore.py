"""Make a data folder of a backup."""

import argparse
from pathlib import Path
from shlex import quote

from msgspec.structs import replace

from tracker import wiring
from tracker.config import Config
from tracker.embedded import backup
from tracker.errors import ConfigError, Unavailable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``restore`` takes."""
    parser.add_argument("backup", type=Path, metavar="FOLDER", help="what `backup` has made")


def run(given: argparse.Namespace, settings: Config) -> int:
    """Make it, and see that it can be served."""
    with backup.restoring(given.backup, settings.folder):
        parts = wiring.parts(replace(settings, queue_url=None, tables=None))
        try:
            parts.store.check()
            parts.queue.depth()
        except Unavailable as error:
            raise ConfigError(str(error)) from None
    data = quote(str(settings.folder))
    print(f"Restored {given.backup} to {data}: `python -m tracker serve --data {data}` serves it.")
    return 0
