"""The command line."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tracker import config, keyring, stages
from tracker.commands import events, serve, status, token
from tracker.errors import TrackerError

_VERBS = {"serve": serve, "events": events, "status": status, "token": token}
_STAGED = {"events", "status"}
"""The verbs that work on a stage of the Chalice deployment as well."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tracker",
        description="Know what each user of your web application does.",
    )
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, command in _VERBS.items():
        summary = (command.__doc__ or "").strip()
        verb = verbs.add_parser(name, help=summary, description=summary)
        verb.add_argument(
            "--data",
            type=Path,
            metavar="DIR",
            help="the folder of queue, store and keys (default: $TRACKER_DATA, else ./data)",
        )
        if name in _STAGED:
            verb.add_argument(
                "--stage",
                metavar="NAME",
                help="the queue and the tables of this stage on AWS, instead of the folder's",
            )
        command.add_arguments(verb)
        verb.set_defaults(run=command.run)
    given = parser.parse_args(arguments)
    try:
        settings = _settings(given.data, getattr(given, "stage", None))
        code: int = given.run(given, settings)
        return code
    except TrackerError as error:
        print(f"tracker: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `… | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _settings(folder: Path | None, stage: str | None) -> config.Config:
    """The settings of a stage; else the environment's, with the folder's keys."""
    if stage is not None:
        return config.from_environment(stages.environment(stage))
    folder = folder or Path(os.environ.get("TRACKER_DATA") or config.DEFAULT_FOLDER)
    settings = config.from_environment(os.environ, keyring.load(folder))
    return replace(settings, folder=folder)
