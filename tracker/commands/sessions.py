"""Show somebody's sessions."""

import argparse
import sys
from collections.abc import Iterator

import msgspec

from tracker import session_list, timestamps, wiring
from tracker.activity import Question
from tracker.commands import terminal
from tracker.commands.events import (
    add_site_and_times,
    identifier,
    person_question,
    positive,
    row,
)
from tracker.config import Config
from tracker.session_summary import SessionSummary
from tracker.stores import Store

_PAGE = 1000
_WIDTHS = (19, 9, 5, 6, 46, 36)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``sessions`` takes."""
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument(
        "--user",
        "--user-id",
        type=identifier,
        metavar="ID",
        help="of this user, from before identify too",
    )
    who.add_argument(
        "--anonymous",
        "--anonymous-id",
        type=identifier,
        metavar="ID",
        help="of this anonymous id",
    )
    add_site_and_times(parser)
    parser.add_argument("--limit", type=positive, default=50, help="default: %(default)s")
    parser.add_argument("--asc", action="store_true", help="oldest first")
    parser.add_argument("--json", action="store_true", help="one JSON session a line")


def run(given: argparse.Namespace, settings: Config) -> int:
    """Print them."""
    question = person_question(given, settings)
    store = wiring.existing_parts(settings).store
    show = _show_json if given.json else _show_row
    if not given.json:
        print(row(("START (UTC)", "DURATION", "PAGES", "EVENTS", "WAY", "FROM"), _WIDTHS))
    shown = 0
    for session in _read(store, question, given.limit):
        show(session)
        shown += 1
    if not shown and not given.json:
        terminal.nothing("no sessions", given.bots)
    return 0


def _read(store: Store, question: Question, limit: int) -> Iterator[SessionSummary]:
    after: session_list.Place | None = None
    while limit > 0:
        page = session_list.listed(store, question, min(limit, _PAGE), after)
        yield from page.sessions
        limit -= len(page.sessions)
        after = page.resume
        if after is None:
            return


def _show_json(session: SessionSummary) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(session.document()) + b"\n")


def _show_row(session: SessionSummary) -> None:
    told = session.document()
    start = timestamps.sortable(session.start)[:19].replace("T", " ")
    ends = (told["entryPage"], told["exitPage"])
    way = " → ".join(path or "?" for path in ends) if session.page_views else None
    print(
        row(
            (
                start,
                _duration(session.end - session.start),
                session.page_views,
                session.events,
                way,
                told["referrer"],
            ),
            _WIDTHS,
        )
    )


def _duration(micros: int) -> str:
    """Hours, minutes and seconds: ``1:02:03``, ``2:03``, ``0:03``."""
    minutes, seconds = divmod(micros // timestamps.SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
