"""Show what was rejected, and why."""

import argparse
import sys
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import UNSET

from tracker import failed_counts, timestamps, wiring
from tracker.commands.events import positive, printable
from tracker.commands.terminal import instant, one_site
from tracker.config import Config
from tracker.errors import ConfigError
from tracker.reading import lists
from tracker.stores import NO_SITE, FailedEvent, FailedFilter, Store

_PAGE = 1000

_WIDTHS = (23, 22, 44, 20, 36)
_COUNT_WIDTHS = (7, 22, 44, 23, 23)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``failed`` takes."""
    parser.add_argument(
        "--counts",
        choices=("reason", "field"),
        nargs="?",
        const="reason",
        help="how many for each reason (or each field), and when, instead of one by one",
    )
    parser.add_argument(
        "--site", help=f"default: the only one; {NO_SITE}: messages that could not be read"
    )
    parser.add_argument("--since", metavar="TIME", help="received not earlier (ISO 8601)")
    parser.add_argument("--until", metavar="TIME", help="received earlier (ISO 8601)")
    parser.add_argument("--field", metavar="NAME", help="wrong in this field, as it is shown")
    parser.add_argument("--reason", metavar="TEXT", help="for this reason, as it is shown")
    parser.add_argument("--message", metavar="ID", help="with this message id")
    parser.add_argument("--user", metavar="ID", help="of this user")
    parser.add_argument("--anonymous", metavar="ID", help="of this anonymous id")
    parser.add_argument(
        "--limit", type=positive, help="so many rows (default: 50; with --counts: all)"
    )
    parser.add_argument("--asc", action="store_true", help="oldest first")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, with payloads")


def run(given: argparse.Namespace, settings: Config) -> int:
    """Print them, or how many there are."""
    if given.counts and given.asc:
        raise ConfigError("counts begin with the most frequent: leave out --asc")
    site = NO_SITE if given.site == NO_SITE else one_site(given.site, settings)
    wanted = FailedFilter(
        since=instant("since", given.since),
        until=instant("until", given.until),
        field=given.field,
        reason=given.reason,
        message_id=given.message,
        user_id=given.user,
        anonymous_id=given.anonymous,
        descending=not given.asc,
    )
    store = wiring.existing_parts(settings).store
    if given.counts:
        counts = failed_counts.Counts(given.counts)
        counts.add(_read(store, site, wanted, sys.maxsize))
        _show_counts(counts.rows()[: given.limit], as_json=given.json)
    else:
        _show(_read(store, site, wanted, given.limit or 50), as_json=given.json)
    return 0


def _read(store: Store, site: str, wanted: FailedFilter, limit: int) -> Iterator[FailedEvent]:
    after: tuple[int, str] | None = None
    while limit > 0:
        page = store.failed(site, min(limit, _PAGE), after, wanted)
        yield from page.failed
        limit -= len(page.failed)
        after = page.resume
        if after is None:
            return


def _show(events: Iterator[FailedEvent], *, as_json: bool) -> None:
    if not as_json:
        print(_row(_WIDTHS, "RECEIVED (UTC)", "FIELD", "REASON", "WHO", "MESSAGE ID"))
    shown = 0
    for event in events:
        shown += 1
        if as_json:
            _print_json(lists.failed_event(event))
            continue
        received = timestamps.sortable(event.received_at)[:23].replace("T", " ")
        who = event.user_id or event.anonymous_id or ""
        for place, fault in enumerate(event.faults):
            about = (received, who, event.message_id or "") if place == 0 else ("", "", "")
            print(_row(_WIDTHS, about[0], fault.field, fault.reason, *about[1:]))
    _say_if_none(shown, as_json=as_json)


def _show_counts(rows: Sequence[failed_counts.Row], *, as_json: bool) -> None:
    if not as_json:
        print(_row(_COUNT_WIDTHS, "COUNT", "FIELD", "REASON", "FIRST (UTC)", "LAST (UTC)"))
    for row in rows:
        if as_json:
            _print_json(row)
            continue
        reason = "" if row.reason is UNSET else row.reason
        times = (
            text[:23].replace("T", " ").rstrip("Z") for text in (row.first_seen, row.last_seen)
        )
        print(_row(_COUNT_WIDTHS, str(row.count), row.field, reason, *times))
    _say_if_none(len(rows), as_json=as_json)


def _say_if_none(shown: int, *, as_json: bool) -> None:
    if not shown and not as_json:
        print("(no failed events)")


def _print_json(row: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")


def _row(widths: Sequence[int], *cells: str) -> str:
    """Each cell but the last in its width; reasons are never cut, as filters take them whole."""
    padded = [printable(cell).ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(padded).rstrip()
