"""A visitor's day as it is kept where events come with a stream: `stores.visitor_days`, how far it
has come in each shard, and what follows from that for the counts.

What a change of the record adds to the counts is kept in it, in an outbox, and written with it: who
is killed before it is added finds it again, when the same records come again. It is added under
the number of the last record that led to it, so that it comes with a run that holds that record.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from tracker.stores import visitor_days
from tracker.stores.counts import Cell, Count, Counts
from tracker.stores.dynamodb import stream_runs
from tracker.stores.dynamodb.compression import compress, decompress
from tracker.stores.dynamodb.stream_runs import Marks, Numbered, Run
from tracker.stores.visitor_days import VisitorDay
from tracker.timestamps import DAY, HOUR

MAX_COUNTED = 20_000
"""Of so many events it is remembered that a recount has counted them."""

DIGEST_BYTES = 8
_WHOLE_DAY = 24

Part = tuple[int, int, str, int, int, int, int, int]
"""A count: its hour (24: the day), dimension, value, crowd and the four numbers."""


class Delta(Struct, array_like=True):
    """What is to be added to the counts, with a run that holds this record."""

    shard: bytes
    number: bytes
    hour: int
    """When it was written, in hours since 1970."""
    top: int
    """The highest counter that is new with it; 0: none is. Later days have to know it."""
    parts: list[Part]


class AbsorbedDay(Struct, array_like=True):
    """What is kept."""

    record: VisitorDay
    marks: Marks = {}
    outbox: list[Delta] = []
    counted: bytes = b""
    """Digests of events that a recount has counted, and that may yet come with the stream."""
    counted_hour: int = 0

    def fresh(self, events: Sequence[Numbered]) -> list[Numbered]:
        """Those that no recount has counted."""
        if not self.counted:
            return list(events)
        size = DIGEST_BYTES
        known = {self.counted[at : at + size] for at in range(0, len(self.counted), size)}
        return [one for one in events if one.digest[:size] not in known]

    def needs_base(self, events: Sequence[Numbered]) -> bool:
        """Whether it has to be known how far the client has counted on the days before."""
        return not self.record.counters and any(one.event.fact.counter for one in events)

    def absorb(self, run: Run, events: Sequence[Numbered], now: int) -> bool:
        """Take in those of some events of a run that are new; whether there are any."""
        reached = stream_runs.reached(self.marks, run.shard)
        new = [one for one in events if one.number > reached]
        if not new:
            return False
        top, counts = self.record.top, Counts()
        visitor_days.absorb(self.record, stream_runs.facts(new), counts)
        number = new[-1].number
        self.marks = stream_runs.reach(self.marks, run.shard, number, now)
        self._put(run, number, self._raised(top), counts, now)
        return True

    def rebase(self, run: Run, number: bytes, top: int, now: int) -> bool:
        """Take in what a day before has come to with that record; whether that changes anything."""
        before, counts = self.record.top, Counts()
        if not visitor_days.rebase(self.record, top, counts):
            return False
        self._put(run, number, self._raised(before), counts, now)
        return True

    def remember_counted(self, events: Sequence[Numbered], now: int) -> None:
        """Remember what a recount has counted."""
        added = b"".join(one.digest[:DIGEST_BYTES] for one in events)
        self.counted = (self.counted + added)[-MAX_COUNTED * DIGEST_BYTES :]
        self.counted_hour = now // HOUR

    def deltas(self, run: Run) -> list[Delta]:
        """What comes with a run."""
        return [delta for delta in self.outbox if run.holds(delta.shard, delta.number)]

    def _raised(self, before: int) -> int:
        return self.record.top if self.record.top > before else 0

    def _put(self, run: Run, number: bytes, top: int, counts: Counts, now: int) -> None:
        # A run comes when that before it is dealt with.
        kept = [
            delta
            for delta in self.outbox
            if not stream_runs.is_over(delta.hour, now)
            and (delta.shard != run.shard or delta.number >= run.first)
        ]
        parts = [_part(cell, count) for cell, count in counts.items() if count != Count()]
        self.outbox = [*kept, Delta(run.shard, number, now // HOUR, top, parts)]
        if self.counted and stream_runs.is_over(self.counted_hour, now):
            self.counted = b""


def counts_of(delta: Delta, day: int) -> Counts:
    """What a delta of a day adds."""
    return {
        Cell(
            DAY if hour == _WHOLE_DAY else HOUR,
            day + hour % _WHOLE_DAY * HOUR,
            dimension,
            value,
            crowd,
        ): Count(*numbers)
        for hour, dimension, value, crowd, *numbers in delta.parts
    }


def _part(cell: Cell, count: Count) -> Part:
    hour = _WHOLE_DAY if cell.interval == DAY else cell.time % DAY // HOUR
    return (hour, cell.dimension, cell.value, cell.crowd, *count)


def pack(day: AbsorbedDay) -> bytes:
    """What a store keeps."""
    return compress(msgspec.msgpack.encode(day))


_day = msgspec.msgpack.Decoder(AbsorbedDay)


def unpack(body: bytes) -> AbsorbedDay:
    """The other way."""
    return _day.decode(decompress(body))
