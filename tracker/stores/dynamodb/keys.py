"""The keys of the DynamoDB tables: what is sorted as text is sorted as it is in time."""

from hashlib import blake2b

from tracker import timestamps
from tracker.event import Event
from tracker.stores import Position

SHARDS = 4
"""How many partitions share one day of a site's listing: each takes 1 000 writes a second."""

_PERSON_BYTES = 900
_POINTS = ">"

FIRST, LAST = "0", ":"
"""Before and after every sort key that begins with a time."""


def partition(site: str, person: str) -> str:
    """The partition of one person's timeline."""
    return f"{site}#{person}"


def place(position: Position) -> str:
    """The sort key at which an event is read."""
    return f"{timestamps.sortable(position.timestamp)}#{position.seq:010d}#{position.digest.hex()}"


def pointer(position: Position) -> str:
    """The sort key of a pointer, which no event can have: it stands right behind that place."""
    return place(position) + _POINTS


def place_of(sort_key: str) -> str:
    """The place that an event or a pointer stands at."""
    return sort_key.removesuffix(_POINTS)


def position(sort_key: str) -> Position:
    """The other way."""
    time, seq, digest = place_of(sort_key).split("#")
    return Position(timestamps.parse(time), int(seq), bytes.fromhex(digest))


def short(person: str) -> str:
    """A person as part of a sort key, which holds 1 024 bytes: a digest stands for a longer one,
    and the item's body holds the person."""
    name = person.encode()
    return person if len(name) <= _PERSON_BYTES else f"{person[:2]}~{blake2b(name).hexdigest()}"


def long_name(person: str) -> bytes | None:
    """What the item holds of a person whom its sort key only stands for."""
    return None if short(person) == person else person.encode()


def identity(device_time: int | None, own_seq: int, digest: bytes) -> str:
    """The sort key at which an event is stored: the same in every retry of its message."""
    if device_time is None:
        return f"-#{digest.hex()}"
    return place(Position(device_time, own_seq, digest))


def identity_of(event: Event) -> str:
    """The sort key at which an event is stored."""
    return identity(event.device_time, event.own_seq, event.digest)


def position_of(event: Event) -> Position:
    """Where an event is read."""
    return Position(event.timestamp, event.seq, event.digest)


def is_moved(event: Event) -> bool:
    """Whether an event is read elsewhere than it is stored."""
    return (event.timestamp, event.seq) != (event.device_time, event.own_seq)


def day(timestamp: int) -> str:
    """The UTC day of an instant: ``2026-11-22``."""
    return timestamps.sortable(timestamp)[:10]


def start_of(day: str) -> int:
    """The first instant of a day."""
    return timestamps.parse(day)


def listing(site: str, day: str, shard: int) -> str:
    """One shard of one day of a site's listing."""
    return f"{site}#l#{day}#{shard}"


def listed_days(site: str) -> str:
    """The days on which a site has events."""
    return f"{site}#days"


def session(site: str, session_id: str) -> str:
    """Where the events of a session are to be found."""
    return f"{site}#s#{session_id}"


def stretches(site: str, stream: bytes) -> str:
    """When a device was active, day by day."""
    return f"{site}#t#{stream.hex()}"


def visitor(site: str, stream: bytes) -> str:
    """What a visitor was counted for, day by day."""
    return f"{site}#v#{stream.hex()}"


def visitor_day(day: int, generation: int) -> str:
    """The sort key of a visitor's day."""
    return f"{timestamps.sortable(day)[:10]}#{generation:06d}"


def counts(site: str, kind: int) -> str:
    """A site's pages of counts, of one kind."""
    return f"{site}#c#{kind}"


def count_page(start: int, generation: int, copy: int, way: str) -> str:
    """The sort key of a page of counts that begins then; ``way`` leads to it from the first."""
    return f"{hour(start)}#{generation:06d}#{copy}{way}"


def hour(timestamp: int) -> str:
    """The hour of an instant: ``2026-11-22T12``."""
    return timestamps.sortable(timestamp)[:13]


def generation(sort_key: str) -> int:
    """The generation of a visitor's day or a page of counts."""
    return int(sort_key.split("#")[1])


def generations(site: str) -> str:
    """Which of a site's counts are the ones that count."""
    return f"{site}#c"


def failed(site: str, day: str) -> str:
    """The failed events of a day."""
    return f"{site}#f#{day}"


def failed_id(site: str, identity: str) -> tuple[str, str]:
    """Where it stands when a failed event first came."""
    return f"{site}#i#{identity}", FIRST


def failed_days(site: str) -> str:
    """The days on which a site has failed events."""
    return f"{site}#failed-days"


def tombstone(site: str, name: str) -> str:
    """Where the tombstones of somebody are, by what they are found by."""
    return f"{site}#t#{name}"


def in_session(timestamp: int, person: str) -> str:
    """The sort key of a session's entry: that this person has events in it on that day."""
    return f"{day(timestamp)}#{short(person)}"
