"""What a visitor was counted for on one UTC day: so that each counts once, whatever comes again.

A visitor is an `Event.stream`: a device, as far as it is known. A session is one of a device's
session ids, or, where the client sends none, one made of its events with 30 idle minutes between
two of them (`stores.stretches`). For each value in each dimension a mask tells the hours in which
the visitor, or the session, had an event of it. What is new in a mask is what is to be counted.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b

import msgspec
from msgspec import Struct

from tracker.stores.counts import ALL, BOTH, BOTS, DELIVERY, PEOPLE, Cell, Count, Counts, Fact, add
from tracker.stores.stretches import IDLE
from tracker.timestamps import DAY, HOUR

MAX_CELLS = 20_000
"""So much is remembered of a visitor's day: thousands of different pages and sessions. Of what goes
beyond it, events and page views still count, and the visitor counts for the site as a whole."""

MAX_GAP = 1_000
"""A client that counts on behind a larger gap has begun anew, or says what it likes: it holds back
fewer events than that, and tells what it has dropped."""

_MAX_RANGES = 500
_DIGEST_BYTES = 8

_DAY_HOUR = 24
"""The bit of the whole day, behind those of its hours."""
_CROWD_BITS = 32
_LANE = (1 << _DAY_HOUR + 1) - 1

_VISITOR = Count(visitors=1)
_SESSION = Count(sessions=1)
_SESSION_LESS = Count(sessions=-1)

Gains = Counter[tuple[int, int, int, str, Count]]
"""How often there is one more (or one less) of what: a day, the bits that are new in it, dimension,
value, and whether it is a visitor or a session. Much is the same for many visitors."""

Masks = dict[int, int]
"""The number of a value → hours 0 to 23 and the day (bit 24) of people; 32 bits on, of bots."""


class Made(Struct, array_like=True):
    """A session that is made here, as far as it lies in the day."""

    start: int
    end: int
    masks: Masks


class VisitorDay(Struct, array_like=True):
    """What is remembered of a visitor's day. It begins as one of which nothing is known."""

    day: int
    """Its first instant."""
    base: int = 0
    """The highest counter of the days before."""
    values: list[tuple[int, str]] = []
    """Dimension and value, by number."""
    seen: Masks = {}
    sessions: dict[bytes, Masks] = {}
    """By digests of the session ids that the client sent: what is remembered names nobody."""
    made: list[Made] = []
    counters: list[tuple[int, int]] = []
    """The client's counters that have arrived, as ranges: first and last, in order."""

    @property
    def top(self) -> int:
        """The highest counter up to the end of the day."""
        return max(self.base, self.counters[-1][1] if self.counters else 0)


def pack(record: VisitorDay) -> bytes:
    """What a store keeps."""
    return msgspec.msgpack.encode(record)


_record = msgspec.msgpack.Decoder(VisitorDay)


def unpack(body: bytes) -> VisitorDay:
    """The other way."""
    return _record.decode(body)


def absorb(record: VisitorDay, facts: Sequence[Fact], counts: Counts) -> None:
    """Remember events of that visitor and day, and count what is new with them. Each event is to
    be given once."""
    gains: Gains = Counter()
    absorb_many(record, facts, gains, counts)
    settle(gains, counts)


def absorb_many(record: VisitorDay, facts: Sequence[Fact], gains: Gains, counts: Counts) -> None:
    """The same for one of many visitors: `settle` what is gained when all are absorbed."""
    _Absorption(record, gains).absorb(facts)
    if any(fact.counter for fact in facts):
        before = _delivery(record)
        _count_on(record, (fact.counter for fact in facts if fact.counter))
        _tell_delivery(record, before, counts)


def settle(gains: Gains, counts: Counts) -> None:
    """Count what was gained."""
    for (day, lanes, dimension, value, one), times in gains.items():
        gained = one if times == 1 else Count(*(times * number for number in one))
        for interval, offset, crowd in _intervals(lanes):
            add(counts, Cell(interval, day + offset, dimension, value, crowd), gained)


def rebase(record: VisitorDay, top: int, counts: Counts) -> bool:
    """What came late on a day before has a higher counter than was known: what seemed lost of this
    day is counted there. Whether that changes anything."""
    if top <= record.base:
        return False
    before = _delivery(record)
    record.base = top
    _tell_delivery(record, before, counts)
    return True


class _Absorption:
    """One change of a record."""

    def __init__(self, record: VisitorDay, gains: Gains) -> None:
        self._record = record
        self._gains = gains
        self._numbers = {key: number for number, key in enumerate(record.values)}
        self._size = len(record.seen) + sum(map(len, record.sessions.values()))
        self._size += sum(len(made.masks) for made in record.made)

    def absorb(self, facts: Sequence[Fact]) -> None:
        record = self._record
        bits = [_bits(fact) for fact in facts]
        session_id = facts[0].session_id
        if session_id is not None and _are_alike(facts, bits, session_id):
            self._absorb_alike(facts, bits[0], _digest(session_id))
            return
        # What sessions are made of stands alone until it is known what it joins.
        places: list[bytes | int] = [
            place if fact.session_id is None else _digest(fact.session_id)
            for place, fact in enumerate(facts)
        ]
        of_visitor: Masks = {}
        of_sessions: dict[bytes | int, Masks] = {place: {} for place in places}
        columns: Iterable[Sequence[str | None]] = zip(*(f.values for f in facts), strict=True)
        for dimension, column in enumerate((("",) * len(facts), *columns)):
            # Many of them have the same value: each is looked at once.
            for value, bit, place in dict.fromkeys(zip(column, bits, places, strict=True)):
                number = -1 if value is None else self._number(dimension, value)
                if number >= 0:
                    of_visitor[number] = of_visitor.get(number, 0) | bit
                    masks = of_sessions[place]
                    masks[number] = masks.get(number, 0) | bit
        self._gain(record.seen, of_visitor, _VISITOR)
        made: list[Made] = []
        for place, masks in of_sessions.items():
            if isinstance(place, int):
                made.append(Made(facts[place].timestamp, facts[place].timestamp, masks))
            elif place in record.sessions or self._size < MAX_CELLS:
                self._gain(record.sessions.setdefault(place, {}), masks, _SESSION)
        if made:
            self._make(made)

    def _absorb_alike(self, facts: Sequence[Fact], bit: int, place: bytes) -> None:
        """Most events that come together are of one hour and session: what `absorb` does, for
        those."""
        record, gains, day = self._record, self._gains, self._record.day
        sessions = record.sessions
        session: Masks | None = sessions.get(place)
        if session is None and self._size < MAX_CELLS:
            session = sessions[place] = {}
        columns: Iterable[Sequence[str | None]] = zip(*(f.values for f in facts), strict=True)
        for dimension, column in enumerate((("",), *columns)):
            for value in dict.fromkeys(column) if len(column) > 1 else column:
                number = -1 if value is None else self._number(dimension, value)
                if value is None or number < 0:
                    continue
                if lanes := self._gained(record.seen, number, bit):
                    gains[day, lanes, dimension, value, _VISITOR] += 1
                if session is not None and (lanes := self._gained(session, number, bit)):
                    gains[day, lanes, dimension, value, _SESSION] += 1

    def _gained(self, known: Masks, number: int, bit: int) -> int:
        """Put a value's bits into what is known; those that are new."""
        old = known.get(number)
        if old is None:
            known[number] = bit
            self._size += 1
            return _lanes(bit)
        if old | bit == old:
            return 0
        known[number] = old | bit
        return _lanes(old | bit) & ~_lanes(old)

    def _number(self, dimension: int, value: str) -> int:
        """The number of a value; -1 where there is no room for another."""
        key = (dimension, value)
        known = self._numbers.get(key)
        if known is None:
            if self._size >= MAX_CELLS and dimension != ALL:
                return -1
            known = self._numbers[key] = len(self._record.values)
            self._record.values.append(key)
        return known

    def _gain(self, known: Masks, more: Masks, one: Count) -> None:
        """Put more into what is known, and count what is new."""
        for number, mask in more.items():
            if lanes := self._gained(known, number, mask):
                self._count(number, lanes, one)

    def _make(self, new: Sequence[Made]) -> None:
        """Sessions are joined where what is new stands between them, and then are one less."""
        record = self._record
        known = {id(made) for made in record.made}
        groups: list[list[Made]] = []
        end = 0
        for made in sorted([*record.made, *new], key=_start):
            if groups and made.start - end <= IDLE:
                groups[-1].append(made)
                end = max(end, made.end)
            else:
                groups.append([made])
                end = made.end
        record.made = [self._joined(group, known) for group in groups]

    def _joined(self, group: Sequence[Made], known: set[int]) -> Made:
        old = [made for made in group if id(made) in known]
        joined = old[0] if old else Made(group[0].start, group[0].end, {})
        before = [joined, *old[1:]]
        masks: Masks = {}
        for made in group:
            for number, mask in made.masks.items():
                masks[number] = masks.get(number, 0) | mask
        start, end = group[0].start, max(made.end for made in group)
        if len(before) > 1:  # rare: a late event stands between two sessions
            for made in before:
                for number, mask in made.masks.items():
                    self._count(number, _lanes(mask), _SESSION_LESS)
            joined = Made(start, end, {})
        joined.start, joined.end = start, end
        self._gain(joined.masks, masks, _SESSION)
        return joined

    def _count(self, number: int, lanes: int, one: Count) -> None:
        dimension, value = self._record.values[number]
        self._gains[self._record.day, lanes, dimension, value, one] += 1


@lru_cache(4096)
def _intervals(lanes: int) -> Sequence[tuple[int, int, int]]:
    """The bits of some lanes: the interval, where in the day it begins, and whose it is."""
    found = []
    while lanes:
        lowest = lanes & -lanes
        lanes ^= lowest
        crowd, hour = divmod(lowest.bit_length() - 1, _CROWD_BITS)
        found.append((DAY, 0, crowd) if hour == _DAY_HOUR else (HOUR, hour * HOUR, crowd))
    return found


@lru_cache(4096)
def _digest(session_id: str) -> bytes:
    return blake2b(session_id.encode(), digest_size=_DIGEST_BYTES).digest()


def _start(made: Made) -> int:
    return made.start


def _are_alike(facts: Sequence[Fact], bits: Sequence[int], session_id: str) -> bool:
    return len(facts) == 1 or (
        len(set(bits)) == 1 and all(fact.session_id == session_id for fact in facts)
    )


def _bits(fact: Fact) -> int:
    """The bits of an event's hour and day."""
    mask = 1 << fact.timestamp % DAY // HOUR | 1 << _DAY_HOUR
    return mask << BOTS * _CROWD_BITS if fact.bot else mask


def _lanes(mask: int) -> int:
    """A mask, and beside those of people and of bots the bits that are in both."""
    both = mask & mask >> _CROWD_BITS & _LANE
    return mask | both << BOTH * _CROWD_BITS


def _count_on(record: VisitorDay, counters: Iterable[int]) -> None:
    """Put counters into the ranges of those that have arrived."""
    ranges = sorted([*record.counters, *((counter, counter) for counter in counters)])
    joined = ranges[:1]
    for first, last in ranges[1:]:
        if first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    if len(joined) <= _MAX_RANGES:
        record.counters = joined


def _delivery(record: VisitorDay) -> Count:
    """How many events a client has counted on the day, and how many of them have arrived."""
    counted = arrived = 0
    reached = record.base
    for first, last in record.counters:
        missing = first - reached - 1
        if 0 < missing <= MAX_GAP:
            counted += missing
        present = max(0, last - max(first - 1, reached))
        counted += present
        arrived += present
        reached = max(reached, last)
    return Count(counted, arrived)


def _tell_delivery(record: VisitorDay, before: Count, counts: Counts) -> None:
    now = _delivery(record)
    change = Count(now.events - before.events, now.page_views - before.page_views)
    if change != Count():
        add(counts, Cell(DAY, record.day, DELIVERY, "", PEOPLE), change)
