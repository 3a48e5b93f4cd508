"""Show what somebody did."""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

import msgspec

from tracker import activity, parameters, timestamps, wiring
from tracker.config import Config
from tracker.errors import ConfigError, Problem
from tracker.event import EVENT_TYPES
from tracker.stores import Store, Stored

FOLLOW_SECONDS = 0.5
FOLLOW_POLLS = 20
"""Each time but one in so many, only the newest part of the window is read."""

FOLLOW_WINDOW = 10 * timestamps.MINUTE
"""How late an event may arrive and still be shown by ``--follow``."""

_PAGE = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``events`` takes."""
    who = parser.add_mutually_exclusive_group()
    who.add_argument(
        "--user", type=_id, metavar="ID", help="of this user, from before identify too"
    )
    who.add_argument("--anonymous", type=_id, metavar="ID", help="of this anonymous id")
    who.add_argument("--session", type=_id, metavar="ID", help="of this session")
    parser.add_argument("--site", help="default: the only one")
    parser.add_argument("--since", metavar="TIME", help="not earlier (ISO 8601)")
    parser.add_argument("--until", metavar="TIME", help="earlier (ISO 8601)")
    parser.add_argument("--type", choices=EVENT_TYPES)
    parser.add_argument("--event", metavar="NAME", help="the track event's name")
    parser.add_argument("--path", help="the page's path")
    parser.add_argument("--limit", type=_positive, default=50, help="default: %(default)s")
    parser.add_argument("--asc", action="store_true", help="oldest first")
    parser.add_argument("--json", action="store_true", help="one JSON event a line")
    parser.add_argument("--follow", action="store_true", help="go on as events arrive")


def _id(text: str) -> str:
    if not 1 <= len(text) <= parameters.MAX_ID:
        raise argparse.ArgumentTypeError(f"give 1 to {parameters.MAX_ID} characters")
    return text


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("give a number from 1")
    return int(text)


def run(given: argparse.Namespace, settings: Config) -> int:
    """Print them."""
    question = _question(given, settings)
    store = wiring.existing_parts(settings).store
    show = _show_json if given.json else _show_row
    if not given.json:
        print(_row("TIME (UTC)", "TYPE", "WHAT", "WHERE", "WHO"))
    if given.follow:
        _follow(store, question, given.limit, show)
    shown = 0
    for stored in _read(store, question, given.limit):
        show(stored)
        shown += 1
    if not shown and not given.json:
        print("(no events)")
    return 0


def _question(given: argparse.Namespace, settings: Config) -> activity.Question:
    sites = settings.site_names
    if given.site is None and len(sites) != 1:
        raise ConfigError(f"which site? Give --site with one of {', '.join(sites)}")
    if given.site is not None and given.site not in sites and settings.keys.sites:
        raise ConfigError(f"there is no site {given.site!r}: there are {', '.join(sites)}")
    if given.follow and (given.until or given.asc):
        raise ConfigError("--follow shows what arrives, as it arrives: leave out --until and --asc")
    times = {"since": given.since, "until": given.until}
    given_times = {name: text for name, text in times.items() if text is not None}
    try:
        return activity.Question(
            site=given.site or sites[0],
            user_id=given.user,
            anonymous_id=given.anonymous,
            session_id=given.session,
            since=parameters.instant(given_times, "since"),
            until=parameters.instant(given_times, "until"),
            type=given.type,
            event=given.event,
            path=given.path,
            descending=not given.asc,
        )
    except Problem as error:
        raise ConfigError(f"--{error.detail}".rstrip(".")) from None


def _read(store: Store, question: activity.Question, limit: int) -> Iterator[Stored]:
    while limit > 0:
        page = activity.events(store, question, min(limit, _PAGE))
        yield from page.events
        limit -= len(page.events)
        if page.resume is None:
            return
        question = msgspec.structs.replace(question, after=page.resume)


def _follow(store: Store, question: activity.Question, limit: int, show: Any) -> None:
    """Show the newest, then each event once as it arrives, be it late."""
    newest_first = msgspec.structs.replace(question, descending=True)
    seen = {stored.position for stored in _recent(store, newest_first, FOLLOW_WINDOW)}
    for stored in reversed(list(_read(store, newest_first, limit))):
        show(stored)
        seen.add(stored.position)
    for poll in count(1):
        sys.stdout.flush()
        time.sleep(FOLLOW_SECONDS)
        late_ones_too = poll % FOLLOW_POLLS == 0
        window = FOLLOW_WINDOW if late_ones_too else FOLLOW_WINDOW // FOLLOW_POLLS
        fresh = [s for s in _recent(store, newest_first, window) if s.position not in seen]
        for stored in reversed(fresh):
            show(stored)
        seen.update(stored.position for stored in fresh)
        if late_ones_too:
            oldest = timestamps.now() - 2 * FOLLOW_WINDOW
            seen = {position for position in seen if position.timestamp >= oldest}


def _recent(store: Store, question: activity.Question, window: int) -> Iterator[Stored]:
    since = timestamps.now() - window
    if question.since is not None:
        since = max(since, question.since)
    return _read(store, msgspec.structs.replace(question, since=since), sys.maxsize)


def _show_json(stored: Stored) -> None:
    sys.stdout.buffer.write(stored.document + b"\n")


def _show_row(stored: Stored) -> None:
    event: dict[str, Any] = msgspec.json.decode(stored.document)
    page = (event.get("context") or {}).get("page")
    page = page if isinstance(page, dict) else {}
    who = event.get("userId") or event.get("anonymousId")
    where = "".join(str(page.get(part) or "") for part in ("path", "search"))
    time_of_day = timestamps.sortable(stored.position.timestamp)[:23].replace("T", " ")
    print(_row(time_of_day, event["type"], _what(event, page), where, who))


def _what(event: dict[str, Any], page: dict[str, Any]) -> object:
    match event["type"]:
        case "identify":
            return ", ".join(f"{name} {value}" for name, value in event.get("traits", {}).items())
        case "alias":
            return f"was {event.get('previousId')}"
        case "group":
            return event.get("groupId")
        case _:
            return event.get("event") or event.get("name") or page.get("title")


_WIDTHS = (23, 8, 28, 28, 36)


def _row(*cells: object) -> str:
    return "  ".join(_columns(cells)).rstrip()


def _columns(cells: Iterable[object]) -> Iterator[str]:
    for cell, width in zip(cells, _WIDTHS, strict=True):
        text = "" if cell is None else printable(str(cell))
        yield (text if len(text) <= width else text[: width - 1] + "…").ljust(width)


def printable(text: str) -> str:
    """What a visitor sent, made harmless for a terminal: no control or formatting characters."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
