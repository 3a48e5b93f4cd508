"""The command line. A verb's module is imported when the verb is used: no embedded host waits for
AWS's SDK."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from msgspec.structs import replace

from tracker import config, keyring, stages
from tracker.errors import ConfigError, TrackerError

_HERE = {
    "serve": "Serve the whole system from this machine",
    "events": "Show what somebody did",
    "sessions": "Show somebody's sessions",
    "stats": "Show how much a site is used",
    "status": "Show whether it works: the queue, what failed, the last event",
    "failed": "Show what was rejected, and why",
    "replay": "Send dead letters and failed events through again",
    "export": "Write out a site's events, or all that is kept of one person",
    "erase": "Erase one person, for good",
    "recount": "Count a site's events anew, while events arrive",
    "funnel": "Show how many people went through some steps, one after the other",
    "seed": "Fill a folder with a made-up history, to try everything on",
    "token": "Make a read token",
    "backup": "Copy the data folder, while it is served",
    "restore": "Make a data folder of a backup",
}
_STAGED = {
    "erase",
    "events",
    "export",
    "failed",
    "funnel",
    "recount",
    "replay",
    "sessions",
    "stats",
    "status",
    "token",
}
"""Those of them that work on a stage on AWS as well."""

_ON_AWS = {
    "provision": "Make or update a stage's queue, tables and alarms on AWS",
    "deploy": "Provision a stage, deploy its functions, and prove that they work",
    "rollback": "Go back to what was deployed before",
    "destroy": "Remove a stage from AWS",
    "cost": "Tell what a load costs on AWS",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    given = _parser(words[0] if words else "").parse_args(words)
    try:
        code: int = given.run(given)
        return code
    except TrackerError as error:
        print(f"tracker: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `… | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser(chosen: str) -> argparse.ArgumentParser:
    """The whole command line; of the verbs, only the chosen one is complete."""
    parser = argparse.ArgumentParser(
        prog="python -m tracker",
        description="Know what each user of your web application does.",
    )
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in (_HERE | _ON_AWS).items():
        verb = verbs.add_parser(name, help=summary, description=f"{summary}.")
        if name != chosen:
            continue
        command = import_module(f"tracker.commands.{name}")
        if name in _HERE:
            _add_where(verb, staged=name in _STAGED)
            verb.set_defaults(run=_with_settings(command.run))
        else:
            verb.set_defaults(run=command.run)
        command.add_arguments(verb)
    return parser


def _add_where(verb: argparse.ArgumentParser, *, staged: bool) -> None:
    verb.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="the folder of queue, store and keys (default: $TRACKER_DATA, else ./data)",
    )
    if staged:
        verb.add_argument(
            "--stage",
            metavar="NAME",
            help="the queue and the tables of this stage on AWS, instead of the folder's",
        )


Run = Callable[[argparse.Namespace, config.Config], int]


def _with_settings(run: Run) -> Callable[[argparse.Namespace], int]:
    return lambda given: run(given, _settings(given.data, getattr(given, "stage", None)))


def _settings(folder: Path | None, stage: str | None) -> config.Config:
    """The settings of a stage; else the environment's, with the folder's keys."""
    if stage is not None:
        of_stage = config.from_environment(stages.environment(stage))
        if not (of_stage.queue_url and of_stage.tables):
            raise ConfigError(
                f"stage {stage!r} has no queue and no tables yet:"
                f" `python -m tracker provision --stage {stage}` makes them"
            )
        return of_stage
    folder = folder or Path(os.environ.get("TRACKER_DATA") or config.DEFAULT_FOLDER)
    settings = config.from_environment(os.environ, keyring.load(folder))
    return replace(settings, folder=folder)
