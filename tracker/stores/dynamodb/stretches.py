"""What the DynamoDB tables hold of when devices were active: see `tracker.stores.stretches`.

A record is written before the events it tells of, so that no event is ever without a session. If
the events are not stored after all, a session may seem longer, or two seem one, than what is
stored says: until the message comes again, as it does until its events are stored.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from tracker import timestamps
from tracker.errors import StoreUnavailable
from tracker.event import Event
from tracker.stores import stretches
from tracker.stores.dynamodb import index_items, keys
from tracker.stores.dynamodb.expiry import Expires, Expiry, lasts, later
from tracker.stores.dynamodb.models import IndexItem, optional
from tracker.stores.stretches import Span, Stretch, Stretches

_FEW_DAYS = 3
"""Up to so many, records are read by their keys, those of many streams in one call."""


class StretchRecords:
    """The records of the index table."""

    def __init__(self, index: type[IndexItem], expiry: Expiry) -> None:
        self._index = index
        self._expiry = expiry

    def write(self, events: Sequence[Event]) -> None:
        """Add events. Costs a read and a write for each stream and day, and nothing for events
        that have a session id."""
        model = self._index
        added = {
            _key(record.site, stretches.key(record.stream), record.day): (record, found)
            for record, found in stretches.of_events(events).items()
        }
        last = stretches.last_received(events)
        read = model.batch_get(list(added), consistent_read=True)
        known = {(item.pk, item.sk): item for item in read}
        for place, (record, found) in added.items():
            expires = self._expiry.of_guide(last[record])
            self._merge(known.get(place) or model(*place), record.stream, found, expires)

    def _merge(
        self, item: IndexItem, stream: str, added: Sequence[Stretch], expires: Expires
    ) -> None:
        model = self._index
        for _ in range(index_items.ATTEMPTS):
            holds = index_items.is_there(item) and not self._expiry.is_past(item.expires)
            known = stretches.unpack(item.body).found if holds else []
            merged = stretches.merged([*known, *added])
            if merged == known and lasts(item.expires, expires):
                return
            known_end = optional(item.expires)
            end = expires if known_end is None else later(expires, known_end)
            body = stretches.pack(Stretches(stream, merged))
            if index_items.save(model, item, body, end):
                return
            item = index_items.get(model, (item.pk, item.sk))
        raise StoreUnavailable("a device's activity is being written too often at once")

    # Read consistently: as they were written before any event that a reader has found.

    def read(self, site: str, spans: Sequence[Span]) -> list[Stretches | None]:
        """See `Store.stretches`."""
        return stretches.read(spans, partial(self._records, site))

    def _records(self, site: str, spans: Sequence[Span]) -> list[list[Stretches]]:
        """Of each span, the records of the days it touches."""
        short = {span: list(_days(site, span)) for span in spans if _is_short(span)}
        wanted = {place for places in short.values() for place in places}
        found = {
            (item.pk, item.sk): item
            for item in self._index.batch_get(list(wanted), consistent_read=True)
        }
        return [
            [
                stretches.unpack(item.body)
                for item in (
                    [found[place] for place in short[span] if place in found]
                    if span in short
                    else self._query(site, span)
                )
            ]
            for span in spans
        ]

    def _query(self, site: str, span: Span) -> Iterator[IndexItem]:
        model = self._index
        pk, first = _key(site, span.stream, span.since)
        last = keys.day(span.until)
        yield from model.query(pk, model.sk.between(first, last), consistent_read=True)

    def forget(self, site: str, stream: str, until: int) -> int:
        """Remove a stream's records, of the stretches that end until then; how many there were."""
        model = self._index
        pk = keys.stretches(site, stretches.key(stream))
        items = [
            item
            for item in model.query(pk, consistent_read=True)
            if all(stretch.end <= until for stretch in stretches.unpack(item.body).found)
        ]
        # Whoever adds to one meanwhile looks for tombstones after that, and comes here then.
        return sum(index_items.delete(model, item) for item in items)


def _key(site: str, stream: bytes, timestamp: int) -> tuple[str, str]:
    return keys.stretches(site, stream), keys.day(timestamp)


def _is_short(span: Span) -> bool:
    return span.until - stretches.day(span.since) < _FEW_DAYS * timestamps.DAY


def _days(site: str, span: Span) -> Iterator[tuple[str, str]]:
    day = stretches.day(span.since)
    while day <= min(span.until, timestamps.LATEST):
        yield _key(site, span.stream, day)
        day += timestamps.DAY
