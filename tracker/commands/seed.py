"""Fill a folder with a made-up history, to try everything on."""

import argparse
from collections.abc import Iterator

from tracker import consumer, timestamps, wiring
from tracker.commands import terminal
from tracker.commands.events import positive
from tracker.commands.progress import Progress
from tracker.config import Config
from tracker.errors import ConfigError
from tracker.event import Bots
from tracker.seed import History, Plan
from tracker.stores import Everyone, Selection

_TOGETHER = 500
"""So many sessions are stored at a time, in one transaction: some 4 000 events."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``seed`` takes."""
    parser.add_argument("--days", type=positive, default=90, help="default: %(default)s")
    parser.add_argument("--visitors", type=positive, default=5000, help="default: %(default)s")
    parser.add_argument("--site", help="default: the only one")
    parser.add_argument(
        "--seed", type=int, default=1, metavar="NUMBER", help="another number: another history"
    )
    parser.add_argument(
        "--until", metavar="TIME", help="its end (ISO 8601); default: now, to the minute"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask, where there are events")


def run(given: argparse.Namespace, settings: Config) -> int:
    """Store it, as the consumer would."""
    if settings.tables:
        raise ConfigError("seed fills a folder, no tables on AWS: unset TRACKER_TABLES")
    plan = _plan(given, terminal.one_site(given.site, settings))
    store = wiring.parts(settings).store
    everything = Selection(site=plan.site, scope=Everyone(), bots=Bots.INCLUDE)
    if store.read(everything, 1).events:
        terminal.ask(
            f"Site {plan.site!r} has events already, and nobody can tell made-up ones from them"
            " later. Add them? [yes/no]",
            yes=given.yes,
            else_="nothing was added",
        )
    history = History(plan)
    stored = failed = 0
    with Progress("Sessions", len(history)) as progress:
        for count, several in _together(history.messages()):
            done = consumer.consume(several, store)
            stored += done.stored
            failed += done.failed
            progress.advance(count)
    terminal.say(
        f"Site {plan.site!r} has {stored} made-up events more, of {plan.visitors} visitors in"
        f" {given.days} days, and {failed} failed ones."
    )
    return 0


def _plan(given: argparse.Namespace, site: str) -> Plan:
    until = terminal.instant("until", given.until)
    if until is None:
        until = timestamps.now() // timestamps.MINUTE * timestamps.MINUTE
    day = timestamps.DAY
    since = (until - 1) // day * day - (given.days - 1) * day
    if since < timestamps.EARLIEST:
        raise ConfigError("--days and --until reach back before the year 1")
    return Plan(site, given.seed, given.visitors, since, until)


def _together(parts: Iterator[list[bytes]]) -> Iterator[tuple[int, list[bytes]]]:
    count, several = 0, list[bytes]()
    for part in parts:
        count += 1
        several += part
        if count == _TOGETHER:
            yield count, several
            count, several = 0, []
    if several:
        yield count, several
