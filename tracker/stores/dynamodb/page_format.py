"""Counts in pages: some counts of a site and time in one item, and how far it has come in the
stream that they are counted from.

A page takes in new values for as long as it has room. What came behind that goes into one of
sixteen further pages, by its hash, and so on. So a value is where it was first put: in the
first page on its way that knows it, or has room. A page that is full stays full.
"""

from collections.abc import Iterable
from enum import IntEnum
from hashlib import blake2b

import msgspec
from msgspec import Struct

from tracker.stores.counts import ALL, DELIVERY, Cell, Count, Counts
from tracker.stores.dynamodb.compression import compress, decompress
from tracker.stores.dynamodb.stream_runs import Marks
from tracker.timestamps import DAY, HOUR

ROOM = 12 * 1024
"""Bytes of values in a page: some hundred values, in an item of some kilobytes."""

_VALUE_BYTES = 20
"""What a value takes beside its text."""
_WHOLE_DAY = 24

Key = tuple[int, str]
"""Dimension and value."""
Numbers = tuple[int, int, int, int, int, int]
"""Hour of the day (24: the whole), crowd and the four numbers."""


class Kind(IntEnum):
    """What a page is of."""

    TOTALS = 0
    """Of a day, its hours and its whole: of all events, and of how many arrived. A chart of a year
    reads these alone."""
    HOUR = 1
    """Of an hour, by dimension and value."""
    DAY = 2


class Page(Struct, array_like=True):
    """What is kept."""

    marks: Marks = {}
    counts: dict[Key, list[Numbers]] = {}


def kind_of(cell: Cell) -> Kind:
    """The page that a count is in."""
    if cell.dimension in (ALL, DELIVERY):
        return Kind.TOTALS
    return Kind.DAY if cell.interval == DAY else Kind.HOUR


def start_of(cell: Cell) -> int:
    """The first instant of the page that a count is in."""
    return cell.time - cell.time % DAY if kind_of(cell) is Kind.TOTALS else cell.time


def add(page: Page, counts: Counts) -> None:
    """Add to the counts of a page those whose values it knows or has room for."""
    size = sum(map(_size, page.counts))
    by_value: dict[Key, dict[tuple[int, int], Count]] = {}
    for cell, count in counts.items():
        key = (cell.dimension, cell.value)
        if key not in by_value:
            if key not in page.counts:
                if size >= ROOM:
                    continue
                size += _size(key)
            by_value[key] = {
                (hour, crowd): Count(*numbers) for hour, crowd, *numbers in page.counts.get(key, ())
            }
        hour = _WHOLE_DAY if cell.interval == DAY else cell.time % DAY // HOUR
        of_value = by_value[key]
        known = of_value.get((hour, cell.crowd))
        of_value[hour, cell.crowd] = count if known is None else known.plus(count)
    page.counts |= {
        key: [(*place, *count) for place, count in of_value.items()]
        for key, of_value in by_value.items()
    }


def left_over(page: Page, keys: Iterable[Key], depth: int) -> dict[str, set[Key]]:
    """Those values that a page does not have, by the child they go to. ``depth`` is the page's."""
    found: dict[str, set[Key]] = {}
    for key in keys:
        if key not in page.counts:
            found.setdefault(_way(key)[depth], set()).add(key)
    return found


def cells(page: Page, start: int) -> Iterable[tuple[Cell, Count]]:
    """The counts of a page that begins then."""
    day = start - start % DAY
    for (dimension, value), of_value in page.counts.items():
        for hour, crowd, *numbers in of_value:
            interval = DAY if hour == _WHOLE_DAY else HOUR
            time = day if interval == DAY else day + hour * HOUR
            yield Cell(interval, time, dimension, value, crowd), Count(*numbers)


def _size(key: Key) -> int:
    return len(key[1].encode()) + _VALUE_BYTES


def _way(key: Key) -> str:
    return blake2b(f"{key[0]}:{key[1]}".encode(), digest_size=16).hexdigest()


def pack(page: Page) -> bytes:
    """What a store keeps."""
    return compress(msgspec.msgpack.encode(page))


_page = msgspec.msgpack.Decoder(Page)


def unpack(body: bytes) -> Page:
    """The other way."""
    return _page.decode(decompress(body))
