"""Remove a stage from AWS, with or without the tables that hold its events."""

import argparse

from tracker.aws import chalice, functions, remains
from tracker.commands import dialogue
from tracker.commands.terminal import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``destroy`` takes."""
    dialogue.add_stage(parser)
    parser.add_argument(
        "--keep-tables",
        action="store_true",
        help="keep what is stored: a later `provision` takes the tables up again",
    )


def run(given: argparse.Namespace) -> int:
    """Ask twice, then remove it."""
    project, _, stack = dialogue.go_there(given)
    name = stack.name
    deployed = chalice.deployed(given.stage, project)
    functions.refuse_unrecorded(name, deployed, stack)
    functions.refuse_left_over(name, deployed, stack)
    kept = remains.tables(name)
    if not (stack.exists() or deployed or kept):
        say(f"There is nothing of {name} here.")
        return 0
    fate = "stay" if given.keep_tables else "go too, with every event"
    say(f"This removes {name}: the API, the functions, the logs, and the queue")
    say("with what waits in it.")
    say(f"The tables ({', '.join(kept) or 'none'}) {fate}.")
    dialogue.ask("Remove it? [yes/no]", yes=given.yes)
    dialogue.ask(f"Type {name} to be sure:", wanted=name, yes=given.yes)
    if deployed:
        chalice.forget_what_is_gone(given.stage, project)
        chalice.run("delete", "--stage", given.stage, project=project, say=_indented)
    dialogue.follow(stack.delete())
    remains.delete_logs(name)
    if not given.keep_tables:
        for table in remains.delete_tables(name):
            say(f"    deleted {table}")
    say(f"{name} is removed." + (" Its tables are kept." if given.keep_tables else ""))
    return 0


def _indented(line: str) -> None:
    say(f"    {line}")
