"""The store as two DynamoDB tables. See `tracker.stores.models` for their layout."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import msgspec
from pynamodb.exceptions import PynamoDBException

from tracker import aws_errors, timestamps
from tracker.batch import FailedKey
from tracker.errors import NeverStorable, StoreUnavailable
from tracker.event import Event
from tracker.stores import (
    Appended,
    Everyone,
    FailedEvent,
    FailedPage,
    Link,
    Page,
    Person,
    Selection,
    Session,
    Summary,
    dynamodb_read,
    keys,
    listing,
)
from tracker.stores.compression import compress, decompress
from tracker.stores.dynamodb_people import People
from tracker.stores.dynamodb_stored import Identity, stored
from tracker.stores.models import EventItem, IndexItem, tables
from tracker.stores.recent import Recent

_MAX_PAYLOAD_BYTES = 300 * 1024
"""An item holds 400 KB: of a failed event that compresses to more, the beginning is kept."""


class DynamoDbStore:
    """A store in DynamoDB, reached as the SDK's own environment variables say."""

    def __init__(self, prefix: str) -> None:
        self.tables = tables(prefix)
        self._known_finders: Recent[tuple[str, str], bool] = Recent(20_000)
        self._people = People(self.tables.others)

    # Writing. Whatever leads to an event is written before the event: where the event is, all
    # that belongs to it is. A call that stopped half-way is completed by the same call again.

    def append(self, events: Sequence[Event]) -> Appended:
        new: dict[Identity, Event] = {}
        for event in events:
            new.setdefault(_identity(event), event)
        with _translated():
            model = self.tables.events
            for identity in stored(model, new):
                del new[identity]
            if new:
                self._write_what_leads_to(list(new.values()))
                with model.batch_write() as batch:
                    for identity, event in new.items():
                        batch.save(_item(model, identity, event))
        return Appended(len(new), len(events) - len(new))

    def _write_what_leads_to(self, events: Sequence[Event]) -> None:
        self._people.write(events)
        moved = [event for event in events if keys.is_moved(event)]
        with self.tables.events.batch_write() as batch:
            pointers = {
                (_identity(event).partition, keys.pointer(keys.position_of(event))): event
                for event in moved
            }
            for (pk, sk), event in pointers.items():
                batch.save(self.tables.events(pk, sk, target=_identity(event).sort_key))
        finders = self._missing_finders(events)
        with self.tables.others.batch_write() as batch:
            for item in (*self._listing_entries(events), *finders):
                batch.save(item)
        for item in finders:
            self._known_finders[item.pk, item.sk] = True

    def _listing_entries(self, events: Sequence[Event]) -> Iterator[IndexItem]:
        """What a site's list is read from."""
        for site, of_site in groupby(sorted(events, key=_site), key=_site):
            for entry in listing.entries(list(of_site)):
                pk = keys.listing(site, entry.day, entry.shard)
                yield self.tables.others(pk, entry.sort_key, body=entry.body)

    def _missing_finders(self, events: Sequence[Event]) -> list[IndexItem]:
        """What says where to look: a site's days, a session's days and people. Most of it is
        there already, written with earlier events, by another Lambda even; and to read costs a
        tenth of to write."""
        model = self.tables.others
        wanted = {(item.pk, item.sk): item for event in events for item in _finders(model, event)}
        for key in list(wanted):
            if key in self._known_finders:
                del wanted[key]
        for item in model.batch_get(list(wanted), attributes_to_get=["pk", "sk"]):
            del wanted[item.pk, item.sk]
            self._known_finders[item.pk, item.sk] = True
        return list(wanted.values())

    def append_failed(self, failed: Sequence[FailedEvent]) -> None:
        model = self.tables.others
        days: set[tuple[str, str]] = set()
        with _translated(), model.batch_write() as batch:
            for event in {event.key: event for event in failed}.values():
                days.add((keys.failed_days(event.site), keys.day(event.received_at)))
                batch.save(model(*_failed_key(event.key), body=_failed_body(event)))
            for pk, sk in days:
                batch.save(model(pk, sk))

    def forget_failed(self, failed: Sequence[FailedKey]) -> None:
        model = self.tables.others
        with _translated(), model.batch_write() as batch:
            for key in dict.fromkeys(failed):
                batch.delete(model(*_failed_key(key)))

    # Reading

    def read(self, selection: Selection, limit: int) -> Page:
        with _translated():
            match selection.scope:
                case Person(person):
                    return dynamodb_read.timeline(self.tables, selection, person, limit)
                case Session(session):
                    return dynamodb_read.session(self.tables, selection, session, limit)
                case Everyone():
                    return dynamodb_read.everyone(self.tables, selection, limit)

    def links(
        self, site: str, *, user_id: str | None = None, anonymous_id: str | None = None
    ) -> list[Link]:
        with _translated():
            return self._people.links(site, user_id=user_id, anonymous_id=anonymous_id)

    def traits(self, site: str, user_id: str) -> dict[str, Any]:
        with _translated():
            return self._people.traits(site, user_id)

    def summary(
        self, site: str, person: Person, since: int | None = None, until: int | None = None
    ) -> Summary:
        with _translated():
            return dynamodb_read.summary(self.tables, site, person.key, since, until)

    def failed(self, site: str, limit: int, after: tuple[int, str] | None = None) -> FailedPage:
        with _translated():
            found = list(self._failed(site, limit + 1, after))
        more = len(found) > limit
        kept = found[:limit]
        return FailedPage(kept, (kept[-1].received_at, kept[-1].id) if more else None)

    def _failed(
        self, site: str, limit: int, after: tuple[int, str] | None
    ) -> Iterator[FailedEvent]:
        model = self.tables.others
        before = f"{timestamps.sortable(after[0])}#{after[1]}" if after else keys.LAST
        for entry in model.query(
            keys.failed_days(site), model.sk <= before[:10], scan_index_forward=False
        ):
            items = model.query(
                keys.failed(site, entry.sk),
                model.sk < before,
                scan_index_forward=False,
                limit=limit,
            )
            for item in items:
                limit -= 1
                yield msgspec.json.decode(decompress(item.body or b""), type=FailedEvent)
            if limit <= 0:
                return

    def check(self) -> None:
        with _translated():
            for model in self.tables:
                model.count("-", limit=1)


def _site(event: Event) -> str:
    return event.site


def _finders(model: type[IndexItem], event: Event) -> Iterator[IndexItem]:
    day = keys.day(event.timestamp)
    yield model(keys.listed_days(event.site), day)
    if event.session_id:
        sort_key = f"{day}#{keys.short(event.person)}"
        yield model(
            keys.session(event.site, event.session_id), sort_key, body=keys.long_name(event.person)
        )


def _identity(event: Event) -> Identity:
    return Identity(
        keys.partition(event.site, event.person),
        keys.identity_of(event),
    )


def _item(model: type[EventItem], identity: Identity, event: Event) -> EventItem:
    place = keys.place(keys.position_of(event))
    return model(
        identity.partition,
        identity.sort_key,
        body=dynamodb_read.pack(event),
        place=None if place == identity.sort_key else place,
    )


def _failed_key(key: FailedKey) -> tuple[str, str]:
    sort_key = f"{timestamps.sortable(key.received_at)}#{key.id}"
    return keys.failed(key.site, keys.day(key.received_at)), sort_key


def _failed_body(event: FailedEvent) -> bytes:
    body = compress(msgspec.json.encode(event))
    if len(body) <= _MAX_PAYLOAD_BYTES:
        return body
    beginning = msgspec.structs.replace(
        event,
        payload=event.payload[: _MAX_PAYLOAD_BYTES // 4],
        reason=f"{event.reason} (only the beginning of the payload is kept)",
        whole=False,
        origin=None,
    )
    return compress(msgspec.json.encode(beginning))


@contextmanager
def _translated() -> Iterator[None]:
    """DynamoDB's errors as the kit's: wrong for good, or worth another try."""
    try:
        yield
    except PynamoDBException as error:
        code = error.cause_response_code
        if code == "ValidationException":
            raise NeverStorable(f"DynamoDB does not take it: {error.cause_response_message}") from (
                error
            )
        raise StoreUnavailable(f"DynamoDB: {aws_errors.explain(error)}") from error
