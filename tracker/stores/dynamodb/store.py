"""The store as two DynamoDB tables. See `models` for their layout."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter

from pynamodb.exceptions import PynamoDBException

from tracker import aws_errors, config, timestamps
from tracker.batch import FailedKey
from tracker.errors import NeverStorable, StoreUnavailable
from tracker.event import Bots, Event, visitor_of_person
from tracker.stores import (
    EVERY_FAILED,
    Appended,
    Everyone,
    FailedEvent,
    FailedFilter,
    FailedPage,
    Link,
    Page,
    Person,
    Selection,
    Session,
    Summary,
    Trait,
    failures,
)
from tracker.stores.counts import Counted, CountSelection
from tracker.stores.dynamodb import (
    erase,
    failed_items,
    keys,
    listing,
    read,
    recount,
    summary,
    write,
)
from tracker.stores.dynamodb.counts import CountRecords
from tracker.stores.dynamodb.expiry import Expiry
from tracker.stores.dynamodb.finders import Finders
from tracker.stores.dynamodb.models import IndexItem, tables
from tracker.stores.dynamodb.people import People
from tracker.stores.dynamodb.shards import Shards
from tracker.stores.dynamodb.stored import Identity, stored
from tracker.stores.dynamodb.stream_runs import Numbered, Run
from tracker.stores.dynamodb.stretches import StretchRecords
from tracker.stores.retention import FOR_EVER, Retention
from tracker.stores.stretches import Span, Stretches
from tracker.stores.tombstones import Marks, Tombstone, is_erased, persons

_site = attrgetter("site")

JUST_NOW = timestamps.MINUTE
"""What happened and arrived within this time is just being sent, as most is."""


class DynamoDbStore:
    """A store in DynamoDB, reached as the SDK's own environment variables say."""

    def __init__(
        self,
        prefix: str,
        retention: Retention = FOR_EVER,
        *,
        clock: Callable[[], int] = timestamps.now,
        failed_days: failures.Days = config.failed_days,
    ) -> None:
        self.tables = tables(prefix)
        self.shards = Shards()
        self._clock = clock
        self._retention = retention
        self._failed_days = failed_days
        self._expiry = Expiry(retention)
        self._finders = Finders(self.tables.others, self._expiry)
        self._people = People(self.tables.others, self._expiry)
        self._stretches = StretchRecords(self.tables.others, self._expiry)
        self._counts = CountRecords(self.tables.others, retention, clock)

    # Writing. Whatever leads to an event is written before the event: where the event is, all
    # that belongs to it is. A call that stopped half-way is completed by the same call again.

    def append(self, events: Sequence[Event]) -> Appended:
        new: dict[Identity, Event] = {}
        for event in events:
            new.setdefault(_identity(event), event)
        with _translated():
            old = self._not_of_just_now(new.values())
            known = self._marks(old, consistent=False)
            erased = _covered(old, known)
            for event in erased:
                del new[_identity(event)]
            model = self.tables.events
            for identity in stored(model, new, self._expiry.is_past):
                del new[identity]
            if new:
                self._write_what_leads_to(list(new.values()))
                write.events(model, list(new.items()), self._expiry)
            self._take_back(erased, known)
            late = self._late(list(new.values()))
        return Appended(len(new) - late, len(events) - len(new) - len(erased))

    def _late(self, written: Sequence[Event]) -> int:
        """Take back what an eraser that came between has not seen; how many events that was."""
        left = written
        seen: dict[str, Marks] = {}
        while True:
            marks = self._marks(written, consistent=True)
            if marks == seen or not any(marks.values()):
                return len(written) - len(left)
            late = _covered(left, marks)
            self._take_back(late, marks)
            left = [event for event in left if event not in late]
            # What leads to the others may have gone with what was erased. And the next eraser may
            # have come before it was written again: look once more.
            self._write_what_leads_to(left)
            seen = marks

    def _not_of_just_now(self, events: Iterable[Event]) -> list[Event]:
        """Those that may be covered by a tombstone which has been there for some time: others are
        rare enough to be written and taken back, and need no look before."""
        since = self._clock() - JUST_NOW
        return [one for one in events if min(one.timestamp, one.received_at) < since]

    def _marks(self, events: Collection[Event], *, consistent: bool) -> dict[str, Marks]:
        people = {(event.site, person) for event in events for person in persons(event)}
        marks = erase.tombstones(self.tables, people, consistent=consistent)
        if any(marks.values()):
            # Somebody who was erased is here again: what led to them may be there no more.
            self._finders.forget_what_is_known()
            self._people.forget_what_is_known()
        return marks

    def _take_back(self, erased: Sequence[Event], marks: Mapping[str, Marks]) -> None:
        """Remove what was written of events that tombstones cover: by a call that stopped half-way,
        where they were known before the write; else just now."""
        self._people.take_back(erased)
        erase.events(self.tables, erased, marks)
        users = {event.user_id for event in erased}
        for site, stream, until in erase.wholly_erased(self.tables, erased):
            visitor = visitor_of_person(stream)
            links = self._people.links(site, anonymous_id=visitor) if visitor else []
            # Whose device it became later may have been there before that, too.
            if all(link.user_id in users for link in links):
                self._stretches.forget(site, stream, until)

    def bury(self, site: str, person: Person, marks: Sequence[Tombstone]) -> None:
        with _translated():
            erase.bury(self.tables, site, person.key, marks)

    def tombstones(self, site: str, persons: Collection[str]) -> dict[str, list[Tombstone]]:
        with _translated():
            people = {(site, person) for person in persons}
            found = erase.tombstones(self.tables, people, consistent=True)
            return {person: list(marks) for person, marks in found.get(site, {}).items()}

    def erase(
        self, site: str, person: Person, since: int | None = None, until: int | None = None
    ) -> Iterator[int]:
        with _translated():
            yield from erase.stretch(self.tables, site, person, since, until)

    def forget(
        self, site: str, person: Person, since: int | None = None, until: int | None = None
    ) -> None:
        with _translated():
            self._people.forget(site, person, since, until)

    def _write_what_leads_to(self, events: Sequence[Event]) -> None:
        self._people.write(events)
        self._stretches.write(events)
        moved = [event for event in events if keys.is_moved(event)]
        with self.tables.events.batch_write() as batch:
            pointers = {
                (_identity(event).partition, keys.pointer(keys.position_of(event))): event
                for event in moved
            }
            for (pk, sk), event in pointers.items():
                target, expires = _identity(event).sort_key, self._expiry.of(event)
                batch.save(self.tables.events(pk, sk, target=target, expires=expires))
        finders = self._finders.missing(events)
        with self.tables.others.batch_write() as batch:
            for item in (*self._listing_entries(events), *finders):
                batch.save(item)
        self._finders.written(finders)

    def _listing_entries(self, events: Sequence[Event]) -> Iterator[IndexItem]:
        """What a site's list is read from."""
        for site, of_site in groupby(sorted(events, key=_site), key=_site):
            listed = list(of_site)
            expires = self._expiry.of(*listed)
            for entry in listing.entries(listed):
                pk = keys.listing(site, entry.day, entry.shard)
                yield self.tables.others(pk, entry.sort_key, body=entry.body, expires=expires)

    def append_failed(self, failed: Sequence[FailedEvent]) -> None:
        with _translated():
            failed_items.append(self.tables.others, failed, self._failed_days)

    def forget_failed(self, failed: Sequence[FailedKey]) -> None:
        with _translated():
            failed_items.forget(self.tables.others, failed)

    def forget_expired_failed(self) -> int:
        return 0  # the table's TTL does it

    # Reading

    def read(self, selection: Selection, limit: int) -> Page:
        selection = self._retention.within(selection)
        with _translated():
            match selection.scope:
                case Person(person):
                    return read.timeline(self.tables, selection, person, limit)
                case Session(session):
                    return read.session(self.tables, selection, session, limit)
                case Everyone():
                    return read.everyone(self.tables, selection, limit)

    def links(
        self, site: str, *, user_id: str | None = None, anonymous_id: str | None = None
    ) -> list[Link]:
        with _translated():
            return self._people.links(site, user_id=user_id, anonymous_id=anonymous_id)

    def aliases(self, site: str, user_id: str) -> list[str]:
        with _translated():
            return self._people.aliases(site, user_id)

    def traits(self, site: str, person: Person) -> dict[str, Trait]:
        with _translated():
            return self._people.traits(site, person)

    def summary(
        self,
        site: str,
        person: Person,
        since: int | None = None,
        until: int | None = None,
        bots: Bots = Bots.LEAVE_OUT,
    ) -> Summary:
        counted = Selection(
            site=site, scope=person, since=since, until=until, bots=bots, descending=False
        )
        with _translated():
            return summary.summary(self.tables, self._retention.within(counted), person.key)

    def stretches(self, site: str, spans: Sequence[Span]) -> list[Stretches | None]:
        with _translated():
            return self._stretches.read(site, spans)

    def forget_stretches(self, site: str, stream: str, until: int = timestamps.LATEST) -> int:
        with _translated():
            self._counts.visitor_days.forget(site, stream, until)
            return self._stretches.forget(site, stream, until)

    # Counting. It follows the writing by some seconds, with the stream of the events' table.

    def count(self, run: Run, events: Sequence[Numbered]) -> None:
        """Count events, in the order in which they came with the stream. Those that were counted
        already do not matter."""
        with _translated():
            self._counts.count(run, events)

    def counts(self, selection: CountSelection) -> Iterable[Counted]:
        with _translated():
            return self._counts.read(selection)

    def recount(self, site: str, since: int, until: int) -> Iterator[int]:
        limit = self._retention.limit(site)
        first = since if limit is None else max(since, limit)
        with _translated():
            yield from recount.recount(self.tables, self._counts, site, first, until)

    def failed(
        self,
        site: str,
        limit: int,
        after: tuple[int, str] | None = None,
        wanted: FailedFilter = EVERY_FAILED,
    ) -> FailedPage:
        wanted = failures.unexpired(wanted, self._failed_days(site), self._clock())
        with _translated():
            return failed_items.read(self.tables.others, site, limit, after, wanted)

    def sweep(self) -> Iterator[int]:
        return iter(())  # DynamoDB does it itself

    def check(self) -> None:
        with _translated():
            for model in self.tables:
                model.count("-", limit=1)


def _covered(events: Iterable[Event], marks: Mapping[str, Marks]) -> list[Event]:
    """Those that a tombstone covers; ``marks`` by site."""
    return [event for event in events if is_erased(event, marks[event.site])]


def _identity(event: Event) -> Identity:
    return Identity(
        keys.partition(event.site, event.person),
        keys.identity_of(event),
    )


@contextmanager
def _translated() -> Iterator[None]:
    """DynamoDB's errors as the kit's: wrong for good, or worth another try."""
    try:
        yield
    except PynamoDBException as error:
        code = aws_errors.code(error)
        if code == "ValidationException":
            raise NeverStorable(f"DynamoDB does not take it: {error.cause_response_message}") from (
                error
            )
        raise StoreUnavailable(f"DynamoDB: {aws_errors.explain(error)}") from error
