"""Erase one person, for good."""

import argparse

from tracker import timestamps, wiring
from tracker.commands.events import printable
from tracker.commands.progress import Progress
from tracker.commands.terminal import ask, one_site, say
from tracker.config import Config
from tracker.erasure import Erasure
from tracker.errors import ConfigError, Unavailable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``erase`` takes."""
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("user_id", nargs="?", metavar="USER_ID", help="one of the person's user ids")
    who.add_argument("--user", metavar="ID", help="the same")
    parser.add_argument("--site", help="default: the only one")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(given: argparse.Namespace, settings: Config) -> int:
    """Ask, erase, and say what was removed."""
    user_id = given.user or given.user_id
    if not user_id:
        raise ConfigError("a user id is not empty")
    site = one_site(given.site, settings)
    parts = wiring.existing_parts(settings)
    parts.store.check()
    ask(
        f"Everything that {user_id!r} did on site {site!r} goes, and cannot be brought back."
        f" `export` shows it first. Erase it? [yes/no]",
        yes=given.yes,
        else_="nothing was erased",
    )
    erasure = Erasure(parts.store, parts.queue, site, user_id)
    erased = erasure.erased
    try:
        with Progress("Events", 0) as progress:
            for _ in erasure.steps(timestamps.now()):
                progress.reach(erased.events)
    except Unavailable as error:
        raise Unavailable(
            f"{error} ({erased.events} events are erased; run this again for the rest)"
        ) from error
    say(f"Erased of {' = '.join(map(printable, erased.user_ids))} on site {site}:")
    for count, what in (
        (erased.events, "events"),
        (len(erased.anonymous_ids), "anonymous ids"),
        (erased.failed_events, "failed events"),
        (erased.dead_letters, "dead letters"),
    ):
        say(f"  {count:>8}  {what}")
    say("What of it is still queued, or arrives later, is not stored.")
    return 0
