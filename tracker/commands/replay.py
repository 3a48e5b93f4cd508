"""Send dead letters and failed events through again.

Safe to run twice, at the same time too, and to stop at any point: what was not finished is still
where it was, and what comes twice is stored once.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator

from tracker import anonymise, replay, wiring
from tracker.commands.events import printable
from tracker.commands.progress import Progress
from tracker.config import Config
from tracker.errors import ConfigError, TrackerError, Unavailable
from tracker.parts import Parts
from tracker.queues import Queue
from tracker.replay import Chosen
from tracker.stores import NO_SITE, Store

REASONS = 5
"""Of what is still wrong, so many different reasons are named."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``replay`` takes."""
    parser.add_argument(
        "--dead-letters", action="store_true", help="only what the consumer gave up"
    )
    parser.add_argument("--failed", action="store_true", help="only the failed events")
    parser.add_argument("--site", help="only failed events of this site (default: all sites)")


def run(given: argparse.Namespace, settings: Config) -> int:
    """Do both, or what was chosen."""
    if given.site is not None and given.dead_letters:
        raise ConfigError("dead letters are not kept by site: leave out --site")
    sites = _sites(given.site, settings)
    parts = wiring.existing_parts(settings)
    _ = parts.schemas  # if they are wrong, before anything is moved
    both = given.dead_letters == given.failed
    if given.failed or both:
        parts.store.check()  # before anything is moved
    if given.dead_letters or (both and given.site is None):
        _dead_letters(parts.queue)
    if given.failed or both:
        _failed_events(parts, sites)
    return 0


def _sites(wanted: str | None, settings: Config) -> list[str]:
    sites = [*settings.site_names, NO_SITE]
    if wanted is None:
        return sites
    if wanted not in sites and settings.keys.sites:
        raise ConfigError(f"there is no site {wanted!r}: there are {', '.join(sites[:-1])}")
    return [wanted]


def _dead_letters(queue: Queue) -> None:
    moved = 0
    try:
        with Progress("Dead letters", queue.depth().dead) as progress:
            for step in queue.redrive():
                moved += step
                progress.advance(step)
    except Unavailable as error:
        raise _interrupted(error, moved) from error
    print(f"Dead letters: {moved or 'none'} given back to the consumer.")


def _failed_events(parts: Parts, sites: list[str]) -> None:
    replayed = 0
    reasons: Counter[str] = Counter()
    try:
        with Progress("Failed events", _count(parts.store, sites)) as progress:
            for step in _steps(parts, sites):
                replayed += step.replayed
                reasons.update(f"{one.field} {one.reason}".strip() for one in step.rejected)
                progress.advance(step.looked_at)
    except Unavailable as error:
        raise _interrupted(error, replayed) from error
    print(f"Failed events: {replayed or 'none'} sent through again.")
    if replayed:
        print("  Each leaves the failed events when the consumer has stored it.")
    if reasons:
        print(f"  {reasons.total()} are still wrong, and stay:")
    for reason, count in reasons.most_common(REASONS):
        print(f"  {count:>6}  {printable(reason)}")
    if len(reasons) > REASONS:
        print("          and for other reasons")


def _steps(parts: Parts, sites: list[str]) -> Iterator[replay.Step]:
    for site in sites:
        rules = anonymise.of_site(parts.config, site)
        chosen = Chosen(site, rules=rules)
        yield from replay.failed_events(parts.store, parts.queue, chosen, parts.schemas)


def _count(store: Store, sites: list[str]) -> int:
    """How many failed events there are: they are read for it, so only where somebody watches."""
    if not sys.stderr.isatty():
        return 0
    count = 0
    for site in sites:
        page = store.failed(site, replay.STEP)
        count += len(page.failed)
        while page.resume is not None:
            page = store.failed(site, replay.STEP, page.resume)
            count += len(page.failed)
    return count


def _interrupted(error: Unavailable, done: int) -> TrackerError:
    sent = f" ({done} were sent before; run this again for the rest)" if done else ""
    return Unavailable(f"{error}{sent}")
