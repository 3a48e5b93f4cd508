"""The floor of the store: rows that are there already, put into an empty file with SQLite alone."""

import sqlite3
import time
from pathlib import Path
from typing import NamedTuple

from tracker.stores.sqlite import write as sqlite_write

ROWS = 200_000
TOGETHER = 5000
"""In one transaction: as many events as the consumer takes at once."""


class BareInsert(NamedTuple):
    """How it went."""

    rows_a_second: float
    cpu_microseconds: float
    """Of each row."""


def measure(store: Path, scratch: Path) -> BareInsert:
    """Copy the first of a store's events, with the same indexes and as durably."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as source:
        columns = [row[1] for row in source.execute("PRAGMA table_info(events)") if row[1] != "id"]
        listed = ", ".join(columns)
        rows = source.execute(f"SELECT {listed} FROM events LIMIT ?", (ROWS,)).fetchall()  # noqa: S608
    source.close()
    target = sqlite3.connect(scratch / "bare.db", isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL"):
        target.execute(f"PRAGMA {pragma}")
    for statement in sqlite_write.SCHEMA.split(";"):
        target.execute(statement)
    insert = f"INSERT INTO events ({listed}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
    began, cpu_began = time.perf_counter(), time.process_time()
    for at in range(0, len(rows), TOGETHER):
        target.execute("BEGIN IMMEDIATE")
        target.executemany(insert, rows[at : at + TOGETHER])
        target.execute("COMMIT")
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    target.close()
    return BareInsert(len(rows) / seconds, cpu / len(rows) * 1e6)
