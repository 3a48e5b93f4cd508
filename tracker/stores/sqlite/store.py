"""The store as one SQLite file."""

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tracker import config, timestamps
from tracker.batch import FailedKey
from tracker.errors import StoreUnavailable
from tracker.event import Bots, Event
from tracker.sqlite import Connection, Format, open_file, said, transaction
from tracker.stores import (
    EVERY_FAILED,
    Appended,
    FailedEvent,
    FailedFilter,
    FailedPage,
    Link,
    Page,
    Person,
    Position,
    Selection,
    Stored,
    Summary,
    Trait,
    failures,
    stretches,
)
from tracker.stores.counts import Counted, CountSelection
from tracker.stores.retention import FOR_EVER, Retention
from tracker.stores.sqlite import (
    count_rows,
    erase,
    expiry,
    failed_rows,
    people,
    recount,
    stretch_rows,
    summary,
    upgrade,
    write,
)
from tracker.stores.sqlite.selection import selected
from tracker.stores.stretches import Span, Stretches
from tracker.stores.tombstones import Tombstone

_FORMAT = Format(
    0x54524B53,  # "TRKS"
    ";".join(
        part.SCHEMA
        for part in (
            write,
            people,
            erase,
            failed_rows,
            expiry,
            stretch_rows,
            count_rows,
        )
    ),
    version=3,
    upgrade=upgrade.upgrade,
)


class SqliteStore:
    """A store in a file. Each thread reads through its own connection; one process writes."""

    def __init__(
        self,
        path: Path,
        retention: Retention = FOR_EVER,
        *,
        clock: Callable[[], int] = timestamps.now,
        failed_days: failures.Days = config.failed_days,
    ) -> None:
        self._path = path
        self._clock = clock
        self._retention = retention
        self._failed_days = failed_days
        self._local = threading.local()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            connection: Connection | None = getattr(self._local, "connection", None)
            if connection is None:
                connection = open_file(self._path, _FORMAT, synchronous="FULL")
                self._local.connection = connection
            yield connection
        except sqlite3.Error as error:
            raise StoreUnavailable(said(self._path, error)) from error

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._connected() as connection, transaction(connection):
            yield connection

    @contextmanager
    def _erasing(self) -> Iterator[Connection]:
        """A transaction whose removed rows are overwritten in the file, not only marked as free."""
        with self._connected() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            try:
                with transaction(connection):
                    yield connection
            finally:
                connection.execute("PRAGMA secure_delete = OFF")

    def append(self, events: Sequence[Event]) -> Appended:
        with self._transaction() as connection:
            events = erase.kept(connection, events)
            stored = write.append(connection, events, self._retention)
        return Appended(stored, len(events) - stored)

    def bury(self, site: str, person: Person, marks: Sequence[Tombstone]) -> None:
        with self._transaction() as connection:
            erase.bury(connection, site, person.key, marks)

    def tombstones(self, site: str, persons: Collection[str]) -> dict[str, list[Tombstone]]:
        with self._connected() as connection:
            return erase.tombstones(connection, site, persons)

    def erase(
        self, site: str, person: Person, since: int | None = None, until: int | None = None
    ) -> Iterator[int]:
        while True:
            with self._erasing() as connection:
                removed = erase.erase(connection, site, person, since, until)
            if not removed:
                return
            yield removed

    def forget(
        self, site: str, person: Person, since: int | None = None, until: int | None = None
    ) -> None:
        with self._erasing() as connection:
            erase.forget(connection, site, person, since, until)

    def sweep(self) -> Iterator[int]:
        yield from expiry.sweep(self._erasing, self._retention)

    def append_failed(self, failed: Sequence[FailedEvent]) -> None:
        with self._transaction() as connection:
            failed_rows.append(connection, failed)

    def forget_failed(self, failed: Sequence[FailedKey]) -> None:
        with self._transaction() as connection:
            failed_rows.forget(connection, failed)

    def forget_expired_failed(self) -> int:
        with self._connected() as connection:
            sites = failed_rows.sites(connection)
        for site in sites:
            until = failures.expired_until(self._failed_days(site), self._clock())
            with self._transaction() as connection:
                removed = failed_rows.forget_expired(connection, site, until)
            if removed:
                return removed
        return 0

    def read(self, selection: Selection, limit: int) -> Page:
        those, parameters = selected(self._retention.within(selection))
        direction = "DESC" if selection.descending else "ASC"
        with self._connected() as connection:
            rows = connection.execute(
                f"SELECT timestamp, seq, digest, document, session FROM {those}"
                f" ORDER BY timestamp {direction}, seq {direction}, digest {direction} LIMIT ?",
                (*parameters, limit + 1),
            ).fetchall()
        events = [Stored(Position(*row[:3]), *row[3:]) for row in rows[:limit]]
        return Page(events, events[-1].position if len(rows) > limit else None)

    def links(
        self, site: str, *, user_id: str | None = None, anonymous_id: str | None = None
    ) -> list[Link]:
        with self._connected() as connection:
            return people.links(
                connection, site, self._limit(site), user_id=user_id, anonymous_id=anonymous_id
            )

    def aliases(self, site: str, user_id: str) -> list[str]:
        with self._connected() as connection:
            return people.aliases(connection, site, self._limit(site), user_id)

    def traits(self, site: str, person: Person) -> dict[str, Trait]:
        with self._connected() as connection:
            return people.traits(connection, site, self._limit(site), person)

    def summary(
        self,
        site: str,
        person: Person,
        since: int | None = None,
        until: int | None = None,
        bots: Bots = Bots.LEAVE_OUT,
    ) -> Summary:
        counted = Selection(site=site, scope=person, since=since, until=until, bots=bots)
        with self._connected() as connection:
            return summary.summary(connection, self._retention.within(counted))

    def stretches(self, site: str, spans: Sequence[Span]) -> list[Stretches | None]:
        with self._connected() as connection:
            return stretches.read(spans, partial(stretch_rows.records, connection, site))

    def forget_stretches(self, site: str, stream: str, until: int = timestamps.LATEST) -> int:
        with self._erasing() as connection:
            count_rows.forget(connection, site, stream, until)
            return stretch_rows.forget(connection, site, stream, until)

    def counts(self, selection: CountSelection) -> list[Counted]:
        with self._connected() as connection:
            return count_rows.read(connection, selection)

    def recount(self, site: str, since: int, until: int) -> Iterator[int]:
        limit = self._retention.limit(site)
        first = since if limit is None else max(since, limit)
        return recount.recount(self._transaction, site, first, until)

    def failed(
        self,
        site: str,
        limit: int,
        after: tuple[int, str] | None = None,
        wanted: FailedFilter = EVERY_FAILED,
    ) -> FailedPage:
        wanted = failures.unexpired(wanted, self._failed_days(site), self._clock())
        with self._connected() as connection:
            return failed_rows.read(connection, site, limit, after, wanted)

    def check(self) -> None:
        with self._connected() as connection:
            connection.execute("SELECT 1 FROM events LIMIT 1").fetchone()

    def _limit(self, site: str) -> int:
        return expiry.limit(self._retention, site)
