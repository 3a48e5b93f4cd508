"""Show whether it works: the queue, what failed, the last event."""

import argparse
import sys
from shlex import quote
from typing import Any

import msgspec
from msgspec import Struct

from tracker import activity, timestamps, wiring
from tracker.commands.events import printable
from tracker.config import Config
from tracker.consumer import NO_SITE
from tracker.errors import Unavailable
from tracker.parts import Parts
from tracker.stores import Store

COUNTED = 100
"""Failed events are counted up to here: to count more says no more, and costs reading them."""

LATE_SECONDS = 300
"""An event that waits longer needs attention; on AWS, an alarm says the same."""


class SiteStatus(Struct, rename="camel"):
    """What is kept of one site."""

    last_event: str | None
    failed_events: int
    more_failed_events: bool
    """There are more than were counted."""
    last_failed_event: str | None
    last_failed_reason: str | None


class Status(Struct, rename="camel"):
    """The whole report."""

    waiting: int
    in_flight: int
    dead_letters: int
    oldest_seconds: float | None
    lag_seconds: float | None
    lag_of: str | None
    unknown: str | None
    """Why age and lag are not known."""
    sites: dict[str, SiteStatus]
    attention: list[str]
    """What somebody has to look at, and how."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``status`` takes."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(given: argparse.Namespace, settings: Config) -> int:
    """Show it. Exit status 1 where something needs attention."""
    chosen = (("--stage", given.stage), ("--data", given.data))
    where = "".join(f" {name} {quote(str(value))}" for name, value in chosen if value)
    status = _status(wiring.existing_parts(settings), where)
    if given.json:
        sys.stdout.buffer.write(msgspec.json.encode(status) + b"\n")
    else:
        print("\n".join(_lines(status)))
    return 1 if status.attention else 0


def _status(parts: Parts, where: str) -> Status:
    """``where`` are the options that lead another command to the same place."""
    depth = parts.queue.depth()
    sites = {name: _site(parts.store, name) for name in [*parts.config.site_names, NO_SITE]}
    if not sites[NO_SITE].failed_events:
        del sites[NO_SITE]
    status = Status(
        waiting=depth.waiting,
        in_flight=depth.in_flight,
        dead_letters=depth.dead,
        oldest_seconds=None,
        lag_seconds=None,
        lag_of=None,
        unknown=None,
        sites=sites,
        attention=[],
    )
    try:
        delays = wiring.delays(parts)
    except Unavailable as error:  # the rest is worth showing
        status.unknown = str(error)
    else:
        # CloudWatch still knows the age of what is gone since.
        status.oldest_seconds = delays.oldest_seconds if depth.waiting + depth.in_flight else None
        status.lag_seconds = delays.lag_seconds
        status.lag_of = None if delays.lag_seconds is None else delays.lag_of
    if depth.dead:
        status.attention.append(
            f"{depth.dead} dead letters: when their cause is gone,"
            f" `python -m tracker replay --dead-letters{where}` gives them back to the consumer"
        )
    if (status.oldest_seconds or 0) > LATE_SECONDS:
        status.attention.append(
            "events wait for more than 5 minutes: the consumer does not run, or fails: see its log"
        )
    return status


def _site(store: Store, site: str) -> SiteStatus:
    newest = activity.events(store, activity.Question(site=site), 1).events
    page = store.failed(site, COUNTED)
    last = page.failed[0] if page.failed else None
    return SiteStatus(
        last_event=timestamps.format(newest[0].position.timestamp) if newest else None,
        failed_events=len(page.failed),
        more_failed_events=page.resume is not None,
        last_failed_event=timestamps.format(last.received_at) if last else None,
        last_failed_reason=f"{last.field} {last.reason}".strip() if last else None,
    )


def _lines(status: Status) -> list[str]:
    lag_of = "" if status.lag_seconds is None else f" ({status.lag_of})"
    rows: list[tuple[str, Any]] = [
        ("Waiting in the queue", status.waiting),
        ("Being stored", status.in_flight),
        ("Oldest of them", _seconds(status.oldest_seconds)),
        ("Lag", f"{_seconds(status.lag_seconds)}{lag_of}"),
        ("Dead letters", status.dead_letters),
    ]
    if status.unknown:
        rows.append(("Age and lag unknown", printable(status.unknown)))
    for name, site in status.sites.items():
        more = "+" if site.more_failed_events else ""
        rows += [
            (f"Site {name}" if name != NO_SITE else "Unreadable messages", ""),
            ("  last event", site.last_event or "none yet"),
            ("  failed events", f"{site.failed_events}{more}"),
        ]
        if site.last_failed_reason is not None:
            reason = printable(site.last_failed_reason)
            rows.append(("  last failed event", f"{site.last_failed_event}  {reason}"))
    rows += [("Needs attention", advice) for advice in status.attention]
    return [f"{label:<22}{value}".rstrip() for label, value in rows]


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
