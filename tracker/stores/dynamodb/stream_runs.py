"""How far something has come in a stream of changes, so that what comes again changes nothing.

A DynamoDB stream consists of shards. In each, records are ordered by their sequence numbers, and a
batch is only followed by the next when it was dealt with. It may come again, with other borders,
also while the first attempt is still under way. So whatever is changed by records keeps a mark for
each shard: up to where it has taken them in.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from msgspec import Struct

from tracker.stores.counts import Countable, Fact
from tracker.timestamps import HOUR

START = b""
"""Before every sequence number."""

_NUMBER_BYTES = 17
"""Of a sequence number: it has 21 to 40 digits. So they are ordered as bytes, too."""
_SHARD_BYTES = 8

_KEPT_HOURS = 48
"""A stream keeps its records for 24 hours: later than that, none comes again."""


class Run(NamedTuple):
    """Records of a shard that follow each other."""

    shard: bytes
    first: bytes
    """The sequence number of its first record."""
    last: bytes

    def holds(self, shard: bytes, number: bytes) -> bool:
        """Whether a record is one of these."""
        return shard == self.shard and self.first <= number <= self.last


class Numbered(NamedTuple):
    """An event that came with a stream."""

    number: bytes
    digest: bytes
    """What stands for its message."""
    event: Countable


class Mark(Struct, array_like=True):
    """Up to where a shard's records are taken in."""

    number: bytes
    hour: int
    """When that was, in hours since 1970."""


Marks = dict[bytes, Mark]
"""By shard."""


def number_of(sequence_number: str) -> bytes:
    """A sequence number, in a form that is ordered as it is."""
    return int(sequence_number).to_bytes(_NUMBER_BYTES, "big")


def shard_of(shard_id: str) -> bytes:
    """What stands for a shard."""
    return blake2b(shard_id.encode(), digest_size=_SHARD_BYTES).digest()


def reached(marks: Marks, shard: bytes) -> bytes:
    """Up to where a shard's records are taken in."""
    return marks[shard].number if shard in marks else START


def reach(marks: Marks, shard: bytes, number: bytes, now: int) -> Marks:
    """The marks, with this one, and without those of which nothing can come again."""
    hour = now // HOUR
    kept = {one: mark for one, mark in marks.items() if not is_over(mark.hour, now)}
    return kept | {shard: Mark(number, hour)}


def is_over(hour: int, now: int) -> bool:
    """Whether nothing of the stream's records of that time can come again."""
    return hour < now // HOUR - _KEPT_HOURS


def facts(events: Sequence[Numbered]) -> list[Fact]:
    """What counts of some events."""
    return [one.event.fact for one in events]
