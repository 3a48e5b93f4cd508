"""Show whether it works: the queue, what failed, the last event."""

import argparse
import sys
from shlex import quote
from typing import Any

import msgspec

from tracker import status, wiring
from tracker.commands.events import printable
from tracker.config import Config
from tracker.parts import Parts
from tracker.status import Status
from tracker.stores import NO_SITE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``status`` takes."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(given: argparse.Namespace, settings: Config) -> int:
    """Show it. Exit status 1 where something needs attention."""
    chosen = (("--stage", given.stage), ("--data", given.data))
    where = "".join(f" {name} {quote(str(value))}" for name, value in chosen if value)
    report = _report(wiring.existing_parts(settings), where)
    if given.json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    else:
        print("\n".join(_lines(report)))
    return 1 if report.attention else 0


def _report(parts: Parts, where: str) -> Status:
    """On all sites; on messages of no site where there are any."""
    report = status.status(parts, [*parts.config.site_names, NO_SITE], where)
    if not report.sites[NO_SITE].failed_events:
        del report.sites[NO_SITE]
    return report


def _lines(report: Status) -> list[str]:
    lag_of = "" if report.lag_seconds is None else f" ({report.lag_of})"
    rows: list[tuple[str, Any]] = [
        ("Waiting in the queue", report.waiting),
        ("Being stored", report.in_flight),
        ("Oldest of them", _seconds(report.oldest_seconds)),
        ("Lag", f"{_seconds(report.lag_seconds)}{lag_of}"),
        ("Dead letters", report.dead_letters),
    ]
    if report.counting_seconds is not None:
        rows.insert(4, ("Counts are behind", _seconds(report.counting_seconds)))
    if report.unknown:
        rows.append(("Age and lag unknown", printable(report.unknown)))
    for name, site in report.sites.items():
        more = "+" if site.more_failed_events else ""
        rows += [
            (f"Site {name}" if name != NO_SITE else "Unreadable messages", ""),
            ("  last event", site.last_event or "none yet"),
            ("  failed events", f"{site.failed_events}{more}"),
        ]
        if site.last_failed_reason is not None:
            reason = printable(site.last_failed_reason)
            rows.append(("  last failed event", f"{site.last_failed_event}  {reason}"))
    rows += [("Needs attention", advice) for advice in report.attention]
    return [f"{label:<22}{value}".rstrip() for label, value in rows]


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
