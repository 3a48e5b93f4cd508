"""How fast a timeline and the dashboard's overview are read from the embedded store, and how that
grows with the store."""

import sqlite3
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

from bench import overview, page_views
from bench.figure import Figure, grouped
from bench.options import Options
from tracker import timestamps
from tracker.batch import Batch
from tracker.http import Request
from tracker.reading import lists
from tracker.stores.sqlite.store import SqliteStore
from tracker.timestamps import DAY

SITE = "shop"
OF_A_VISITOR = 200
"""Events, in two sessions."""
A_SESSION = OF_A_VISITOR // 2
PAGE = 100
ASKED = 100
"""How many visitors are asked for, each once."""
TOGETHER = 5000
DAYS = 90

_NEWEST = """
SELECT document FROM events WHERE site = ? AND person = ? ORDER BY timestamp DESC, seq DESC,
digest DESC LIMIT 100
"""
_SESSION = """
SELECT document FROM events WHERE site = ? AND session = ? ORDER BY timestamp DESC, seq DESC,
digest DESC LIMIT 100
"""
_WALK = """
SELECT document FROM events WHERE site = ? ORDER BY timestamp DESC, seq DESC, digest DESC LIMIT 1000
"""


class List(Struct):
    """An answer, as far as it is looked at here."""

    data: list[Raw]
    next_cursor: str | None


_list = msgspec.json.Decoder(List)


class Question(NamedTuple):
    """One that is asked of every store, and the bare query beside it."""

    name: str
    query: Callable[[int], dict[str, str]]
    """The parameters, for a visitor."""
    sql: str
    parameter: Callable[[int], str] | None
    """What the bare query takes beside the site."""


QUESTIONS = (
    Question(
        "newest 100 of a visitor",
        lambda visitor: {"anonymous_id": f"visitor-{visitor}"},
        _NEWEST,
        lambda visitor: f"a#visitor-{visitor}",
    ),
    Question(
        "one session of 100",
        lambda visitor: {"session_id": f"visitor-{visitor}-1"},
        _SESSION,
        lambda visitor: f"visitor-{visitor}-1",
    ),
    Question("10 pages of 100 by cursor", lambda _: {}, _WALK, None),
)


def measure(options: Options) -> Iterator[Figure]:
    """Each question to a store of each size; the store of one size grows to the next."""
    store_file = options.scratch / "store.db"
    store = SqliteStore(store_file)
    there = 0
    first: dict[str, float] = {}
    for size in sorted(options.sizes):
        began = time.perf_counter()
        fill(store, there, size)
        filled = (size - there) / (time.perf_counter() - began)
        yield Figure(f"store of {grouped(size)}: filled at", filled, "events/s")
        there = size
        for name, goal, ours, bare in _answers(store, store_file, size):
            what = f"{name}, of {grouped(size)}"
            yield Figure(what, ours, "ms", bare, "the bare query", goal)
            smaller = first.setdefault(name, ours)
            if smaller != ours:
                grown = f"{name}: growth from {grouped(min(options.sizes))} to {grouped(size)}"
                yield Figure(grown, ours / smaller, "times")


def _answers(store: SqliteStore, file: Path, size: int) -> Iterator[tuple[str, str, float, float]]:
    """Of each question its name, its goal, and how long it took: ours, and the bare query."""
    for question in QUESTIONS:
        goal = "50" if question is QUESTIONS[0] else ""
        yield question.name, goal, *_asked(question, store, file, size)
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        yield "the dashboard's overview", "50", *overview.asked(store, connection, SITE)


def fill(store: SqliteStore, there: int, size: int) -> None:
    """Put events into a store until it holds so many, of 90 days: visitors come in turns, so that
    one's events stand far apart in the file."""
    visitors = size // OF_A_VISITOR
    now = timestamps.now()
    for at in range(there, size, TOGETHER):
        # In the order of time, as they would come; and each size has all of the days.
        batches = [
            _batch(
                (at + n) // 10 % visitors,
                (at + n) // 10 // visitors * 10,
                now - DAYS * DAY + (at + n - there) * DAYS * DAY // (size - there),
            )
            for n in range(0, min(TOGETHER, size - at), 10)
        ]
        store.append([event for batch in batches for event in batch.read()])


def _batch(visitor: int, first: int, at: int) -> Batch:
    session = 1 + first // A_SESSION
    sent = page_views.events(f"visitor-{visitor}", first + 1, 10, at, session)
    return Batch(
        id=uuid.uuid4().hex,
        site=SITE,
        received_at=at,
        user_agent=page_views.BROWSER,
        events=[Raw(one) for one in sent],
    )


def _asked(question: Question, store: SqliteStore, file: Path, size: int) -> tuple[float, float]:
    """Milliseconds, of the kit and of the bare query: the medians of many, that take turns."""
    ours: list[float] = []
    bare: list[float] = []
    visitors = size // OF_A_VISITOR
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        for turn in range(ASKED):
            visitor = turn * visitors // ASKED
            began = time.perf_counter()
            _read(store, question.query(visitor))
            ours.append(time.perf_counter() - began)
            parameters = [SITE, *([question.parameter(visitor)] if question.parameter else [])]
            began = time.perf_counter()
            connection.execute(question.sql, parameters).fetchall()
            bare.append(time.perf_counter() - began)
    return statistics.median(ours) * 1000, statistics.median(bare) * 1000


def _read(store: SqliteStore, query: dict[str, str]) -> None:
    """A list, or the first ten pages of the site's."""
    cursor: dict[str, str] = {}
    for _ in range(1 if query else 10):
        asked = {**query, "limit": str(PAGE), **cursor}
        answer = lists.events(Request("GET", "/v1/events", query=asked), store, SITE)
        told = _list.decode(answer.body)
        if not told.data:
            raise SystemExit("bench: nothing is found in a store that was filled")
        cursor = {"cursor": told.next_cursor or ""}
