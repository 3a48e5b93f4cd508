"""What stands in the queue: the accepted and the rejected events of one request.

The collector keeps each event's JSON as it was sent; `arrival` turns it into `Event`s at the
consumer.
"""

from typing import NamedTuple

import msgspec
from msgspec import Struct, structs

from tracker.arrival import Arrival


class Fault(NamedTuple):
    """One thing that is wrong with an event."""

    field: str
    reason: str


class Rejection(Struct, rename="camel", omit_defaults=True):
    """An event that breaks a rule: what was wrong, and its JSON as it was sent."""

    index: int
    field: str
    reason: str
    payload: str
    message_id: str | None = None
    whole: bool = True
    """Whether the payload is all that was sent: bytes that are no text are not kept."""
    more: list[Fault] = []
    """What else was wrong."""


class FailedKey(NamedTuple):
    """What a failed event is found by: its id, in its site, is its own."""

    site: str
    received_at: int
    id: str


class Batch(Arrival, Struct, rename="camel", omit_defaults=True, kw_only=True):
    """One request's events on their way from the collector to the consumer."""

    rejected: list[Rejection] = []
    replays: FailedKey | None = None
    """The failed event that is sent through again: it goes when this is stored."""

    def without_events(self) -> "Batch":
        """What is known of the request itself."""
        return structs.replace(self, events=[], rejected=[], replays=None)

    def encode(self) -> bytes:
        """The queue's message."""
        return msgspec.json.encode(self)


_batches = msgspec.json.Decoder(Batch)


def decode(message: bytes) -> Batch:
    """Read a queue's message. Raises ``ValueError`` for what is none of ours."""
    try:
        return _batches.decode(message)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a message of the tracker's collector: {error}") from None


def halves(message: bytes) -> list[bytes]:
    """A message as two, whose events have the ids and the order that they have in the one. Raises
    ``ValueError`` for what is none of ours, or holds a single event."""
    whole = decode(message)
    accepted, rejected = len(whole.events), len(whole.rejected)
    if accepted + rejected < 2:
        raise ValueError("a message of one event cannot be split")
    # Of one accepted and one rejected event, each goes its own way.
    cut, cut_rejected = (accepted + 1) // 2, rejected // 2
    first = structs.replace(
        whole, events=whole.events[:cut], rejected=whole.rejected[:cut_rejected]
    )
    second = structs.replace(
        whole,
        events=whole.events[cut:],
        start=whole.start + cut,
        rejected=whole.rejected[cut_rejected:],
    )
    return [first.encode(), second.encode()]
