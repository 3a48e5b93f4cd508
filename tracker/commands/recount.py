"""Count a site's events anew, while events arrive."""

import argparse

from tracker import timestamps, wiring
from tracker.commands import estimate, terminal
from tracker.commands.progress import Progress
from tracker.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``recount`` takes."""
    parser.add_argument("--site", help="default: the only one")
    parser.add_argument("--since", metavar="TIME", help="days from this one on (ISO 8601)")
    parser.add_argument("--until", metavar="TIME", help="days that begin earlier (ISO 8601)")


def run(given: argparse.Namespace, settings: Config) -> int:
    """Count, and tell how many events it was."""
    site = terminal.one_site(given.site, settings)
    since = terminal.instant("since", given.since)
    until = terminal.instant("until", given.until)
    first = timestamps.EARLIEST if since is None else since
    last = timestamps.LATEST if until is None else until
    store = wiring.existing_parts(settings).store
    counted = 0
    with Progress("recount", estimate.events(store, site, since, until)) as progress:
        for events in store.recount(site, first, last):
            counted += events
            progress.advance(events)
    print(f"{counted} events of site {site} are counted anew.")
    return 0
