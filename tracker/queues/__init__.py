"""The first seam: where a request's events wait until they are stored.

Delivery is at least once, and in no promised order, as with SQS.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

VISIBILITY_SECONDS = 60
"""How long a received message stays hidden from other consumers."""


class Message(NamedTuple):
    """One message, as received."""

    receipt: str
    body: bytes
    receives: int
    """How often it was received, this time included."""


class Depth(NamedTuple):
    """How full a queue is."""

    waiting: int
    in_flight: int
    dead: int
    oldest_seconds: float | None
    """The age of the oldest message that is not done; ``None`` where there is none or nobody can
    tell."""


class Delays(NamedTuple):
    """How late a deployment is."""

    oldest_seconds: float | None
    """The age of the oldest message that is not done; ``None`` where nobody can tell."""
    lag_seconds: float | None
    """How long events wait until they are stored; ``None`` where nobody can tell."""
    lag_of: str
    """Which events that is said of."""
    counting_seconds: float | None = None
    """How far counts are behind what is stored; ``None`` where they are not, or nobody can tell."""


class Queue(Protocol):
    """A queue. Every method raises `QueueUnavailable` when it cannot do its work now."""

    def send(self, bodies: Sequence[bytes]) -> None:
        """Take messages. All are durable when it returns; if it raises, some may be, so the
        sender sends them again."""

    def receive(self, limit: int, wait: float) -> list[Message]:
        """Up to ``limit`` messages, waiting up to ``wait`` seconds for the first of them."""

    def delete(self, receipts: Sequence[str]) -> None:
        """Forget messages that are done."""

    def release(self, receipts: Sequence[str]) -> None:
        """Give messages back that were received and not worked on: others get them at once."""

    def redrive(self) -> Iterator[int]:
        """Give the dead letters back to the consumers, as if they were never received. After each
        step it tells how many it moved. What dies again meanwhile stays where it is. Stopped at
        any point, or done by several at once, it loses nothing; a message may come twice."""

    def edit_dead_letters(self, edit: Callable[[bytes], Sequence[bytes]]) -> Iterator[int]:
        """Put in the place of each dead letter what ``edit`` makes of it. After each step it tells
        how many changed. Stopped at any point, it loses nothing; a message may be there twice."""

    def depth(self) -> Depth:
        """How full it is."""
