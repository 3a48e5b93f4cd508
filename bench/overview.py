"""What the dashboard's overview asks for, all of it: the numbers of 30 days and of the 30 before,
and eight lists of what is used most."""

import sqlite3
import statistics
import time
from typing import get_args

from tracker import dimensions, timestamps
from tracker.http import Request
from tracker.reading import stats
from tracker.stats import Metric
from tracker.stores.sqlite.store import SqliteStore
from tracker.timestamps import DAY

RANGE = 30 * DAY
TURNS = 20

_BARE_SERIES = """
SELECT time, events, page_views, visitors, sessions FROM counts
WHERE site = ? AND dimension = 0 AND interval = ? AND time >= ? AND time < ? AND crowd = 0
"""
_BARE_LIST = """
SELECT value, sum(visitors) FROM counts
WHERE site = ? AND dimension = ? AND interval = ? AND time >= ? AND time < ? AND crowd = 0
GROUP BY value ORDER BY 2 DESC LIMIT 8
"""


def asked(store: SqliteStore, connection: sqlite3.Connection, site: str) -> tuple[float, float]:
    """Milliseconds of the kit, and of bare queries: the medians of many, that take turns."""
    ours: list[float] = []
    bare: list[float] = []
    until = timestamps.now()
    for _ in range(TURNS):
        began = time.perf_counter()
        _ask(store, site, until)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        _ask_bare(connection, site, until)
        bare.append(time.perf_counter() - began)
    return statistics.median(ours) * 1000, statistics.median(bare) * 1000


def _ask(store: SqliteStore, site: str, until: int) -> None:
    for end in (until, until - RANGE):
        for metric in get_args(Metric):
            _read(store, site, {"metric": metric, **_range(end)})
    for name in dimensions.NAMES:
        ranked = {"interval": "total", "group_by": name, "limit": "8"}
        _read(store, site, {"metric": "visitors", **ranked, **_range(until)})


def _range(end: int) -> dict[str, str]:
    return {"since": timestamps.format(end - RANGE), "until": timestamps.format(end)}


def _read(store: SqliteStore, site: str, query: dict[str, str]) -> None:
    stats.counts(Request("GET", "/v1/stats", query=query), store, site)


def _ask_bare(connection: sqlite3.Connection, site: str, until: int) -> None:
    for end in (until, until - RANGE):
        since = end - RANGE - (end - RANGE) % DAY
        connection.execute(_BARE_SERIES, (site, DAY, since, end)).fetchall()
    since = until - RANGE - (until - RANGE) % DAY
    for dimension in range(1, len(dimensions.NAMES) + 1):
        connection.execute(_BARE_LIST, (site, dimension, DAY, since, until)).fetchall()
