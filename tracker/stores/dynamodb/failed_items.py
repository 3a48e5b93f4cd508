"""The failed events in the DynamoDB tables: a partition a day, and a list of the days."""

from collections.abc import Iterator, Sequence

import msgspec

from tracker import timestamps
from tracker.batch import FailedKey
from tracker.stores import FailedEvent, FailedFilter, FailedPage, failures
from tracker.stores.dynamodb import keys
from tracker.stores.dynamodb.compression import compress, decompress
from tracker.stores.dynamodb.models import IndexItem

_MAX_PAYLOAD_BYTES = 300 * 1024
"""An item holds 400 KB: of a failed event that compresses to more, the beginning is kept."""

_FILTERED_PAGE = 250

_failed_events = msgspec.json.Decoder(FailedEvent)


def append(model: type[IndexItem], events: Sequence[FailedEvent], kept: failures.Days) -> None:
    """Keep failed events, each once by its key."""
    days: dict[tuple[str, str], int] = {}
    with model.batch_write() as batch:
        for event in {event.key: event for event in events}.values():
            day = keys.day(event.received_at)
            going = _seconds(failures.expires(event.received_at, kept(event.site)))
            batch.save(model(*_key(event.key), body=_body(event), expires=going))
            last = failures.expires(keys.start_of(day) + timestamps.DAY, kept(event.site))
            days[keys.failed_days(event.site), day] = _seconds(last)
        for (pk, sk), going in days.items():
            batch.save(model(pk, sk, expires=going))


def forget(model: type[IndexItem], events: Sequence[FailedKey]) -> None:
    """Remove failed events."""
    with model.batch_write() as batch:
        for key in dict.fromkeys(events):
            batch.delete(model(*_key(key)))


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
    beginning = msgspec.structs.replace(
        event,
        payload=event.payload[: _MAX_PAYLOAD_BYTES // 4],
        reason=event.reason + failures.CUT,
        whole=False,
        origin=None,
    )
    return compress(msgspec.json.encode(beginning))
