"""A timeline of the SQLite store in numbers."""

from typing import Any

from tracker.event import person_of_visitor
from tracker.sqlite import Connection
from tracker.stores import Device, Selection, Summary, stretches
from tracker.stores.sqlite.selection import selected

_STREAM = f"coalesce('{person_of_visitor('')}' || anonymous_id, person)"


def summary(connection: Connection, selection: Selection) -> Summary:
    """Count a timeline."""
    those, parameters = selected(selection)

    def rows(query: str, *more: Any) -> list[Any]:
        return connection.execute(query, (*parameters, *more)).fetchall()

    ((events, page_views, first, last),) = rows(
        "SELECT count(*), count(*) FILTER (WHERE type = 'page'), min(timestamp), max(timestamp)"
        f" FROM {those}"
    )
    sessions = rows(f"SELECT DISTINCT session FROM {those} AND session IS NOT NULL")
    active: dict[str, list[int]] = {}
    for stream, timestamp in rows(
        "SELECT stream, timestamp FROM (SELECT stream, timestamp,"
        " lag(timestamp) OVER (PARTITION BY stream ORDER BY timestamp) AS before"
        f" FROM (SELECT {_STREAM} AS stream, timestamp FROM {those} AND session IS NULL))"
        " WHERE before IS NULL OR timestamp - before > ?"
        " ORDER BY timestamp",
        stretches.IDLE,
    ):
        active.setdefault(stream, []).append(timestamp)
    # SQLite gives the document of the row that holds the one max().
    devices = rows(
        "SELECT anonymous_id, count(*), max(timestamp), document"
        f" FROM {those} AND anonymous_id IS NOT NULL GROUP BY anonymous_id"
    )
    firsts = dict(
        rows(
            f"SELECT anonymous_id, min(timestamp) FROM {those} AND anonymous_id IS NOT NULL"
            " GROUP BY anonymous_id"
        )
    )
    return Summary(
        events,
        page_views,
        frozenset(row[0] for row in sessions),
        active,
        first,
        last,
        [
            Device(anonymous_id, count, firsts[anonymous_id], latest, document)
            for anonymous_id, count, latest, document in devices
        ],
    )
