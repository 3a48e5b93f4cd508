"""Show what somebody did."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import msgspec

from tracker import activity, timestamps, wiring
from tracker.commands import terminal
from tracker.config import Config
from tracker.errors import ConfigError
from tracker.event import EVENT_TYPES
from tracker.reading import parameters
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
        "--user", type=identifier, metavar="ID", help="of this user, from before identify too"
    )
    who.add_argument("--anonymous", type=identifier, metavar="ID", help="of this anonymous id")
    who.add_argument("--session", type=identifier, metavar="ID", help="of this session")
    add_site_and_times(parser)
    parser.add_argument("--type", choices=EVENT_TYPES)
    parser.add_argument("--event", metavar="NAME", help="the track event's name")
    parser.add_argument("--path", help="the page's path")
    parser.add_argument("--limit", type=positive, default=50, help="default: %(default)s")
    parser.add_argument("--asc", action="store_true", help="oldest first")
    parser.add_argument("--json", action="store_true", help="one JSON event a line")
    parser.add_argument("--follow", action="store_true", help="go on as events arrive")


def add_site_and_times(parser: argparse.ArgumentParser) -> None:
    """What every list takes."""
    parser.add_argument("--site", help="default: the only one")
    parser.add_argument("--since", metavar="TIME", help="not earlier (ISO 8601)")
    parser.add_argument("--until", metavar="TIME", help="earlier (ISO 8601)")
    parser.add_argument(
        "--bots", choices=("include", "only"), help="bots' events too, or nothing else"
    )


def identifier(text: str) -> str:
    """A user id, anonymous id or session id."""
    if not 1 <= len(text) <= parameters.MAX_ID:
        raise argparse.ArgumentTypeError(f"give 1 to {parameters.MAX_ID} characters")
    return text


def positive(text: str) -> int:
    """How many rows to show."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("give a number from 1")
    return int(text)


def run(given: argparse.Namespace, settings: Config) -> int:
    """Print them."""
    question = _question(given, settings)
    store = wiring.existing_parts(settings).store
    show = _show_json if given.json else _show_row
    if not given.json:
        print(row(("TIME (UTC)", "TYPE", "WHAT", "WHERE", "WHO"), _WIDTHS))
    if given.follow:
        _follow(store, question, given.limit, show)
    shown = 0
    for stored in _read(store, question, given.limit):
        show(stored)
        shown += 1
    if not shown and not given.json:
        terminal.nothing("no events", given.bots)
    return 0


def _question(given: argparse.Namespace, settings: Config) -> activity.Question:
    if given.follow and (given.until or given.asc):
        raise ConfigError("--follow shows what arrives, as it arrives: leave out --until and --asc")
    return msgspec.structs.replace(
        person_question(given, settings),
        session_id=given.session,
        type=given.type,
        event=given.event,
        path=given.path,
    )


def person_question(given: argparse.Namespace, settings: Config) -> activity.Question:
    """What every list asks for. Raises `ConfigError` for a site or a time that is none."""
    return activity.Question(
        site=terminal.one_site(given.site, settings),
        user_id=given.user,
        anonymous_id=given.anonymous,
        since=terminal.instant("since", given.since),
        until=terminal.instant("until", given.until),
        bots=parameters.bots({"bots": given.bots} if given.bots else {}),
        descending=not given.asc,
    )


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
    print(row((time_of_day, event["type"], _what(event, page), where, who), _WIDTHS))


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


def row(cells: Sequence[object], widths: Sequence[int]) -> str:
    """A line of a table."""
    return "  ".join(_columns(cells, widths)).rstrip()


def _columns(cells: Sequence[object], widths: Sequence[int]) -> Iterator[str]:
    for cell, width in zip(cells, widths, strict=True):
        text = "" if cell is None else printable(str(cell))
        yield (text if len(text) <= width else text[: width - 1] + "…").ljust(width)


def printable(text: str) -> str:
    """What a visitor sent, made harmless for a terminal: no control or formatting characters."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
