"""A site's events in the order of time, without one hot partition.

The consumer writes one listing entry for many events: the keys of events of one day, at most
`SPAN` apart, under the time of the latest of them. Each day is spread over shards. A reader
merges the shards; as an entry's events lie at most `SPAN` before its key, it always knows when
no earlier entry can follow.
"""

import heapq
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from tracker import timestamps
from tracker.event import Event
from tracker.stores import Position
from tracker.stores.dynamodb import keys

SPAN = 15 * timestamps.MINUTE
ENTRY_EVENTS = 100


class Listed(NamedTuple):
    """One event of a listing: its place, and the key it is stored under."""

    position: Position
    person: str
    identity: str


class Entry(NamedTuple):
    """What is written: some events of one day."""

    day: str
    sort_key: str
    shard: int
    body: bytes


# person → [(device time, own seq, digest, (timestamp, seq) where they are others)]
_Keys = dict[str, list[tuple[int | None, int, bytes, tuple[int, int] | None]]]
_keys = msgspec.msgpack.Decoder(_Keys)


def entries(events: Sequence[Event]) -> list[Entry]:
    """The listing entries of some events of one site."""
    ordered = sorted(events, key=keys.position_of)
    groups: list[list[Event]] = []
    for event in ordered:
        if groups:
            group = groups[-1]
            near = event.timestamp - group[0].timestamp <= SPAN
            same_day = keys.day(event.timestamp) == keys.day(group[0].timestamp)
            if near and same_day and len(group) < ENTRY_EVENTS:
                group.append(event)
                continue
        groups.append([event])
    return [_entry(group) for group in groups]


def _entry(group: Sequence[Event]) -> Entry:
    content: _Keys = {}
    for event in group:
        moved = (event.timestamp, event.seq) if keys.is_moved(event) else None
        content.setdefault(event.person, []).append(
            (event.device_time, event.own_seq, event.digest, moved)
        )
    last = group[-1]
    body = msgspec.msgpack.encode(content)
    # The same events give the same entry again; other events, however alike, give another.
    name = blake2b(body, digest_size=8).hexdigest()
    return Entry(
        keys.day(last.timestamp),
        f"{keys.place(keys.position_of(last))}#{name}",
        last.digest[0] % keys.SHARDS,
        body,
    )


def listed(body: bytes) -> Iterator[Listed]:
    """The events of an entry."""
    for person, found in _keys.decode(body).items():
        for device_time, own_seq, digest, moved in found:
            yield Listed(
                _position(device_time, own_seq, digest, moved),
                person,
                keys.identity(device_time, own_seq, digest),
            )


def _position(
    device_time: int | None, own_seq: int, digest: bytes, moved: tuple[int, int] | None
) -> Position:
    timestamp, seq = moved or (device_time or 0, own_seq)
    return Position(timestamp, seq, digest)


def without(body: bytes, person: str, positions: Container[Position]) -> bytes | None:
    """An entry without some events of one person; ``None`` if nothing is left of it."""
    content = _keys.decode(body)
    if person not in content:
        return body
    kept = [
        (device_time, own_seq, digest, moved)
        for device_time, own_seq, digest, moved in content.pop(person)
        if _position(device_time, own_seq, digest, moved) not in positions
    ]
    if kept:
        content[person] = kept
    return msgspec.msgpack.encode(content) if content else None


def in_order(
    shards: Iterable[Iterator[tuple[str, bytes]]], *, descending: bool
) -> Iterator[Listed]:
    """The events of one day. Each shard gives ``(sort key, body)`` in the order asked for."""
    waiting: list[tuple[tuple[int, int, bytes], Listed]] = []
    rank: Callable[[Position], tuple[int, int, bytes]] = _reversed if descending else _plain
    merged = heapq.merge(*shards, key=lambda entry: entry[0], reverse=descending)
    for sort_key, body in merged:
        latest = timestamps.parse(sort_key[:27])
        while waiting and (
            waiting[0][1].position.timestamp > latest
            if descending
            else waiting[0][1].position.timestamp < latest - SPAN
        ):
            yield heapq.heappop(waiting)[1]
        for found in listed(body):
            heapq.heappush(waiting, (rank(found.position), found))
    while waiting:
        yield heapq.heappop(waiting)[1]


def _plain(position: Position) -> tuple[int, int, bytes]:
    return position


def _reversed(position: Position) -> tuple[int, int, bytes]:
    flipped = bytes(255 - byte for byte in position.digest)
    return (-position.timestamp, -position.seq, flipped)
