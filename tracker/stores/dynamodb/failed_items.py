"""The failed events in the DynamoDB tables: a partition a day, a list of the days, and for each id
when it first came. That is written first, so a retry of an event leads to where the event stands.
"""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import structs

from tracker import at_once, timestamps
from tracker.batch import FailedKey
from tracker.stores import FailedEvent, FailedFilter, FailedPage, failures
from tracker.stores.dynamodb import index_items, keys
from tracker.stores.dynamodb.compression import compress, decompress
from tracker.stores.dynamodb.models import IndexItem, optional

_MAX_PAYLOAD_BYTES = 300 * 1024
"""An item holds 400 KB: of a failed event that compresses to more, the beginning is kept."""

_FILTERED_PAGE = 250

_failed_events = msgspec.json.Decoder(FailedEvent)


def append(model: type[IndexItem], events: Sequence[FailedEvent], kept: failures.Days) -> None:
    """Keep failed events, each once by its id."""

    def going(event: FailedEvent) -> int:
        return _seconds(failures.expires(event.received_at, kept(event.site)))

    def first(event: FailedEvent) -> FailedEvent:
        return _first(model, event, going(event))

    days: dict[tuple[str, str], int] = {}
    firsts = at_once.each(first, [*{(one.site, one.id): one for one in reversed(events)}.values()])
    with model.batch_write() as batch:
        for event in firsts:
            day = keys.day(event.received_at)
            batch.save(model(*_key(event.key), body=_body(event), expires=going(event)))
            last = failures.expires(keys.start_of(day) + timestamps.DAY, kept(event.site))
            days[keys.failed_days(event.site), day] = _seconds(last)
        for (pk, sk), until in days.items():
            batch.save(model(pk, sk, expires=until))


def forget(model: type[IndexItem], events: Sequence[FailedKey]) -> None:
    """Remove failed events, and that they were there."""
    ids = {keys.failed_id(key.site, key.id): key for key in events}
    firsts = index_items.get_all(model, ids)
    places = {_key(key) for key in events}
    for item_key, key in ids.items():
        if (since := optional(firsts[item_key].since)) is not None:
            places.add(_key(key._replace(received_at=int(since))))
    for gone in (places, ids):  # in this order: who stops in between can begin again
        with model.batch_write() as batch:
            for place in gone:
                batch.delete(model(*place))


def read(
    model: type[IndexItem],
    site: str,
    limit: int,
    after: tuple[int, str] | None,
    wanted: FailedFilter,
) -> FailedPage:
    """Up to ``limit`` of the failed events that are wanted, after a place."""
    size = _FILTERED_PAGE if failures.is_filtered(wanted) else min(limit + 1, 1_000)
    return failures.page(_in_order(model, site, after, wanted, size), wanted, limit)


def _in_order(
    model: type[IndexItem],
    site: str,
    after: tuple[int, str] | None,
    wanted: FailedFilter,
    page_size: int,
) -> Iterator[FailedEvent]:
    """Those of the right time. No sort key is just a time, so a bound that is one excludes itself
    as an upper bound."""
    low = keys.FIRST if wanted.since is None else timestamps.sortable(wanted.since)
    high = keys.LAST if wanted.until is None else timestamps.sortable(wanted.until)
    place = None if after is None else _place(*after)
    if place is not None and wanted.descending:
        high = min(high, place)
    elif place is not None:
        low = max(low, place)
    if low > high:
        return
    forward = not wanted.descending
    # Read consistently: an eraser has to find what was kept before its tombstone was there.
    for entry in model.query(
        keys.failed_days(site),
        model.sk.between(low[:10], high[:10]),
        scan_index_forward=forward,
        consistent_read=True,
    ):
        for item in model.query(
            keys.failed(site, entry.sk),
            model.sk.between(low, high),
            scan_index_forward=forward,
            page_size=page_size,
            consistent_read=True,
        ):
            if item.sk != place:
                yield _failed_events.decode(decompress(item.body or b""))


def _first(model: type[IndexItem], event: FailedEvent, going: int) -> FailedEvent:
    """The event as it first came. Raises what PynamoDB raises."""
    item = model(*keys.failed_id(event.site, event.id), since=event.received_at, expires=going)
    is_past = model.expires <= _seconds(event.received_at)
    if index_items.was_done(lambda: item.save(condition=model.pk.does_not_exist() | is_past)):
        return event
    found = index_items.get(model, (item.pk, item.sk))
    since = optional(found.since)
    return event if since is None else structs.replace(event, received_at=int(since))


def _key(key: FailedKey) -> tuple[str, str]:
    return keys.failed(key.site, keys.day(key.received_at)), _place(key.received_at, key.id)


def _place(received_at: int, identity: str) -> str:
    return f"{timestamps.sortable(received_at)}#{identity}"


def _seconds(instant: int) -> int:
    return instant // timestamps.SECOND


def _body(event: FailedEvent) -> bytes:
    body = compress(msgspec.json.encode(event))
    if len(body) <= _MAX_PAYLOAD_BYTES:
        return body
    beginning = structs.replace(
        event,
        payload=event.payload[: _MAX_PAYLOAD_BYTES // 4],
        reason=event.reason + failures.CUT,
        whole=False,
        origin=None,
    )
    return compress(msgspec.json.encode(beginning))
