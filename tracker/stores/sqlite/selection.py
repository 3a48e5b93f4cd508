"""A selection as SQL; each scope has an index that also gives the order."""

from collections.abc import Iterator
from typing import Any

from tracker.event import Bots, person_of_visitor
from tracker.stores import Everyone, Person, Selection, Session

_BOTS = {Bots.LEAVE_OUT: "bot IS NULL", Bots.INCLUDE: "TRUE", Bots.ONLY: "bot IS NOT NULL"}


def selected(selection: Selection) -> tuple[str, list[Any]]:
    """What stands after ``FROM``, and its parameters; more conditions may follow."""
    found: list[str] = []
    parameters: list[Any] = []

    def require(condition: str, *values: Any) -> None:
        found.append(condition)
        parameters.extend(values)

    for column, value in _equal(selection):
        require(f"{column} = ?", value)
    if selection.stream is not None:
        require(*_of_stream(selection.stream))
    if selection.since is not None:
        require("timestamp >= ?", selection.since)
    if selection.until is not None:
        require("timestamp < ?", selection.until)
    if selection.received_after is not None:
        require("received_at > ?", selection.received_after)
    if selection.after is not None:
        sign = "<" if selection.descending else ">"
        require(f"(timestamp, seq, digest) {sign} (?, ?, ?)", *selection.after)
    require(_BOTS[selection.bots])
    return f"events INDEXED BY {_index(selection)} WHERE {' AND '.join(found)}", parameters


def _index(selection: Selection) -> str:
    # By name: where an answer is to be in another order, or has nothing twice, SQLite would rather
    # walk the whole site in an index that is in that order.
    match selection.scope:
        case Person():
            return "events_by_person"
        case Session():
            return "events_by_session"
        case Everyone():
            return "events_by_time"


def _equal(selection: Selection) -> Iterator[tuple[str, str]]:
    yield "site", selection.site
    match selection.scope:
        case Person(key):
            yield "person", key
        case Session(session):
            yield "session", session
        case Everyone():
            pass
    for column in ("type", "event", "path", "anonymous_id"):
        value = getattr(selection, column)
        if value is not None:
            yield column, value


def _of_stream(stream: str) -> tuple[str, str]:
    visitor = stream.removeprefix(person_of_visitor(""))
    if visitor != stream:
        return "session IS NULL AND anonymous_id = ?", visitor
    return "session IS NULL AND anonymous_id IS NULL AND person = ?", stream
