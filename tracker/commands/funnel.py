"""Show how many people went through some steps, one after the other."""

import argparse
from typing import Any

import msgspec

from tracker import wiring
from tracker.commands import terminal
from tracker.commands.events import add_site_and_times, row
from tracker.config import Config
from tracker.errors import ConfigError, Problem
from tracker.http import Request
from tracker.reading import people

_WIDTHS = (5, 40, 10, 10)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``funnel`` takes."""
    parser.add_argument(
        "steps",
        nargs="+",
        metavar="STEP",
        help="the path of a page, such as /pricing, or the name of a track event",
    )
    parser.add_argument(
        "--window", default="7d", metavar="TIME", help="for all steps; default: %(default)s"
    )
    add_site_and_times(parser)
    parser.add_argument("--json", action="store_true", help="for programs")


def run(given: argparse.Namespace, settings: Config) -> int:
    """Count and show, as ``GET /v1/funnels`` does."""
    site = terminal.one_site(given.site, settings)
    names = ("window", "since", "until", "bots")
    query = {name: value for name in names if (value := getattr(given, name)) is not None}
    query["steps"] = msgspec.json.encode(given.steps).decode()
    request = Request("GET", "/v1/funnels", query=query)
    try:
        answer = people.funnels(request, wiring.existing_parts(settings), site)
    except Problem as error:
        raise ConfigError(error.detail.rstrip(".")) from None
    if given.json:
        terminal.say(answer.body.decode())
        return 0
    found: dict[str, Any] = msgspec.json.decode(answer.body)
    print(row(("STEP", "WHAT", "VISITORS", "OF THEM"), _WIDTHS))
    for one in found["data"]:
        part = f"{one['conversion']:.1%}"
        print(row((one["step"], one["name"], one["visitors"], part), _WIDTHS))
    if not found["complete"]:
        print(f"(counted until {found['until']}: give a shorter time)")
    return 0
