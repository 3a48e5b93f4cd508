"""Copy the data folder, while it is served."""

import argparse
from pathlib import Path
from shlex import quote

from tracker.config import Config
from tracker.embedded import backup
from tracker.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``backup`` takes."""
    parser.add_argument("target", type=Path, metavar="FOLDER", help="made; it may be there, empty")


def run(given: argparse.Namespace, settings: Config) -> int:
    """Copy it."""
    if settings.queue_url or settings.tables:
        raise ConfigError(
            "the events are on AWS, which has backups of its own: see docs/aws.md; without"
            " TRACKER_QUEUE_URL and TRACKER_TABLES, this copies a data folder"
        )
    size = backup.back_up(settings.folder, given.target)
    print(
        f"Backed up {settings.folder} to {given.target}: {size / 1e6:,.1f} MB."
        f" `python -m tracker restore {quote(str(given.target))} --data DIR` makes a folder of it."
    )
    return 0
