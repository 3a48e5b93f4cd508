"""What the commands that change AWS have in common: they show, ask, and tell how it goes."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tracker import stages
from tracker.aws.account import Account, account
from tracker.aws.stack import Plan, Progress, Stack
from tracker.commands import terminal
from tracker.commands.terminal import say
from tracker.errors import ConfigError

_SIGNS = {"Add": "+", "Remove": "-", "Import": "<", "Modify": "~"}


def add_stage(parser: argparse.ArgumentParser) -> None:
    """The stage, and whether to ask."""
    parser.add_argument("--stage", metavar="NAME", default="dev", help="default: %(default)s")
    parser.add_argument("--yes", action="store_true", help="do not ask")


class Place(NamedTuple):
    """Where a command works."""

    project: Path
    account: Account
    stack: Stack


def go_there(given: argparse.Namespace) -> Place:
    """Find a stage's stack, and say in which account. Raises `ConfigError` in a folder that is
    no project, `DeploymentError` without credentials."""
    project = Path()
    name = stages.name_of(stages.load(project), given.stage)
    where = account()
    say(f"AWS account {where.id}, region {where.region}")
    stack = Stack(name)
    stack.refuse_foreign()
    return Place(project, where, stack)


def ask(question: str, *, wanted: str = "yes", yes: bool = False) -> None:
    """Go on only if the answer is the wanted one. Raises `ConfigError`."""
    terminal.ask(question, wanted=wanted, yes=yes, else_="nothing was changed in what is deployed")


def show_plan(stack: Stack, plan: Plan) -> None:
    """Show what would happen to each resource."""
    say(f"Stack {stack.name}:")
    for change in plan.changes:
        sign = _SIGNS.get(change.action, "?")
        replaced = "   (replaced: made anew)" if change.replaced else ""
        say(f"  {sign} {change.resource:<28} {change.kind}{replaced}")


def follow(progress: Iterable[Progress]) -> None:
    """Tell each event of a stack as it comes."""
    for event in progress:
        why = f"   {event.reason}" if event.reason and "FAILED" in event.status else ""
        say(f"    {event.status:<34} {event.resource}{why}")


def apply(stack: Stack, plan: Plan, *, yes: bool) -> None:
    """Show a plan, ask, and carry it out."""
    show_plan(stack, plan)
    try:
        ask("Make these changes? [yes/no]", yes=yes)
    except ConfigError:
        stack.discard(plan)
        raise
    follow(stack.apply(plan))


def remove_half_made(stack: Stack, *, yes: bool) -> None:
    """Delete what a first creation that failed has left behind: nothing can be made of it."""
    if not stack.is_half_made():
        return
    say(f"Stack {stack.name} was never made whole ({stack.status()}); it is removed first.")
    ask("Remove it? [yes/no]", yes=yes)
    follow(stack.delete())
