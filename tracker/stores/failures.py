"""What both stores do alike with failed events: how long they are shown, which of them are wanted,
and under which names their faults are counted together."""

import re
from collections.abc import Callable, Iterable

from msgspec import structs

from tracker import timestamps
from tracker.batch import Fault
from tracker.stores import FailedEvent, FailedFilter, FailedPage

MAX_SCANNED = 5_000
"""How many failed events one page looks at, at the most, when few of them match the filter."""

MAX_PAGE_CHARACTERS = 4_000_000
"""A page of failed events is full with payloads of so much: each may be as long as a request."""

Days = Callable[[str], int]
"""Site → for how many days its failed events are kept."""

_INDEX = re.compile(r"(?<=\.)\d+(?=\.|$)")
_BYTE = re.compile(r" \(byte \d+\)")

CUT = " (only the beginning of the payload is kept)"
"""What a reason ends with where that is so."""


def expires(received_at: int, days: int) -> int:
    """When a failed event is past its time."""
    return received_at + days * timestamps.DAY


def expired_until(days: int, now: int) -> int:
    """What was received then, or earlier, is past its time now."""
    return now - days * timestamps.DAY


def unexpired(wanted: FailedFilter, days: int, now: int) -> FailedFilter:
    """The filter, without what is past its time: it may still be there, as nothing is removed on
    the instant."""
    oldest = expired_until(days, now) + 1
    since = oldest if wanted.since is None else max(oldest, wanted.since)
    return structs.replace(wanted, since=since)


def page(found: Iterable[FailedEvent], wanted: FailedFilter, limit: int) -> FailedPage:
    """The next of those that are wanted, of failed events in order."""
    kept: list[FailedEvent] = []
    size = 0
    for scanned, failed in enumerate(found, 1):
        if matches(failed, wanted):
            if len(kept) == limit or size >= MAX_PAGE_CHARACTERS:
                return FailedPage(kept, _place(kept[-1]))
            kept.append(failed)
            size += len(failed.payload)
        if scanned >= MAX_SCANNED:
            return FailedPage(kept, _place(failed))
    return FailedPage(kept, None)


def is_filtered(wanted: FailedFilter) -> bool:
    """Whether a failed event may be of the right time, and still not be wanted."""
    return any(
        value is not None
        for value in (
            wanted.field,
            wanted.reason,
            wanted.message_id,
            wanted.user_id,
            wanted.anonymous_id,
        )
    )


def matches(failed: FailedEvent, wanted: FailedFilter) -> bool:
    """Whether a failed event of the right time is wanted."""
    ids = (
        (wanted.message_id, failed.message_id),
        (wanted.user_id, failed.user_id),
        (wanted.anonymous_id, failed.anonymous_id),
    )
    if any(one is not None and one != found for one, found in ids):
        return False
    if wanted.field is wanted.reason is None:
        return True
    return any(_is_meant(fault, wanted) for fault in failed.faults)


def _is_meant(fault: Fault, wanted: FailedFilter) -> bool:
    alike = general(fault)
    return wanted.field in (None, fault.field, alike.field) and wanted.reason in (
        None,
        fault.reason,
        alike.reason,
    )


def general(fault: Fault) -> Fault:
    """What a fault is counted as: without what only this one event says, such as the place in a
    list (``properties.products.*.sku``) or in the JSON."""
    reason = _BYTE.sub("", fault.reason).removesuffix(CUT)
    return Fault(_INDEX.sub("*", fault.field), reason)


def _place(failed: FailedEvent) -> tuple[int, str]:
    return failed.received_at, failed.id
