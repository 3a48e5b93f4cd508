"""Show whether it works: the queue, what failed, the last event."""

import argparse
import sys

import msgspec

from tracker import activity, timestamps, wiring
from tracker.config import Config
from tracker.consumer import NO_SITE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``status`` takes."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(given: argparse.Namespace, settings: Config) -> int:
    """Show it. Status 1 where events wait in the dead-letter place."""
    parts = wiring.existing_parts(settings)
    depth = parts.queue.depth()
    report: dict[str, object] = {
        "waiting": depth.waiting,
        "inFlight": depth.in_flight,
        "oldestSeconds": depth.oldest_seconds,
        "deadLetters": depth.dead,
    }
    sites: dict[str, dict[str, object]] = {}
    for site in [*settings.site_names, NO_SITE]:
        newest = activity.events(parts.store, activity.Question(site=site), 1).events
        failed = parts.store.failed(site, 1).failed
        if site == NO_SITE and not failed:
            continue
        sites[site] = {
            "lastEvent": timestamps.format(newest[0].position.timestamp) if newest else None,
            "lastFailedEvent": timestamps.format(failed[0].received_at) if failed else None,
        }
    report["sites"] = sites
    if given.json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    else:
        print(_table(report, sites))
    return 1 if depth.dead else 0


def _table(report: dict[str, object], sites: dict[str, dict[str, object]]) -> str:
    age = report["oldestSeconds"]
    waited = f", the oldest for {age:.0f} s" if isinstance(age, float) else ""
    lines = [
        f"Waiting in the queue  {report['waiting']}{waited}",
        f"Being stored          {report['inFlight']}",
        f"Dead letters          {report['deadLetters']}",
    ]
    for site, seen in sites.items():
        lines += [
            f"Site {site}",
            f"  last event          {seen['lastEvent'] or 'none yet'}",
            f"  last failed event   {seen['lastFailedEvent'] or 'none'}",
        ]
    return "\n".join(lines)
