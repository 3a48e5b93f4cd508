"""Show how much a site is used."""

import argparse
import sys
from collections.abc import Iterator
from typing import get_args

import msgspec

from tracker import dimensions, stats, timestamps, wiring
from tracker.commands import terminal
from tracker.commands.events import add_site_and_times, positive, row
from tracker.config import Config
from tracker.reading import parameters
from tracker.stats import Metric, Question
from tracker.stores import Store

METRICS: tuple[Metric, ...] = get_args(Metric)

_WIDTHS = (19, 40, 10, 10, 10, 10)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``stats`` takes."""
    parser.add_argument("--by", choices=dimensions.NAMES, help="one row for each of these")
    parser.add_argument(
        "--interval",
        choices=("hour", "day", "total"),
        default="day",
        help="a row for each, or one for the whole time; default: %(default)s",
    )
    add_site_and_times(parser)
    parser.add_argument("--limit", type=positive, default=50, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="one JSON row a line")


def run(given: argparse.Namespace, settings: Config) -> int:
    """Print the numbers."""
    question = Question(
        site=terminal.one_site(given.site, settings),
        interval=given.interval,
        since=terminal.instant("since", given.since),
        until=terminal.instant("until", given.until),
        group_by=given.by,
        bots=parameters.bots({"bots": given.bots} if given.bots else {}),
    )
    store = wiring.existing_parts(settings).store
    if not given.json:
        print(row(("TIME (UTC)", (given.by or "").upper(), *map(_title, METRICS)), _WIDTHS))
    shown = 0
    for start, value, numbers in _table(store, question, given.limit):
        shown += 1
        if given.json:
            middle = {given.by: value} if given.by else {}
            told = {"time": timestamps.format_second(start), **middle, **numbers}
            sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
        else:
            time = timestamps.sortable(start)[:19].replace("T", " ")
            print(row((time, value, *numbers.values()), _WIDTHS))
    if not shown and not given.json:
        terminal.nothing("nothing is counted", given.bots)
    return 0


def _title(metric: str) -> str:
    return metric.replace("_", " ").upper()


def _table(
    store: Store, question: Question, limit: int
) -> Iterator[tuple[int, str | None, dict[Metric, int]]]:
    """Of each time and group that has the most events, every metric."""
    found: dict[tuple[int, str | None], dict[Metric, int]] = {}
    rows = stats.stats(store, question).rows
    chosen = stats.greatest(rows, limit) if question.group_by else rows[-limit:]
    for one in chosen:
        found[one.time, one.value] = dict.fromkeys(METRICS, 0)
    for metric in METRICS:
        asked = msgspec.structs.replace(question, metric=metric)
        for one in stats.stats(store, asked).rows:
            if (one.time, one.value) in found:
                found[one.time, one.value][metric] = one.number
    for (start, value), numbers in found.items():
        yield start, value, numbers
